//! Colours, text size and motion: the user's preferences, the system's, and the result of both.
//!
//! It must not know panels or lessons.

use crate::settings::{Hint, Preferences, SystemPreferences, ThemeChoice};
use egui::Context;
use slowgrad_render::Theme;

/// The text scale of a presentation, relative to the preferred text size.
const PRESENTING_SCALE: f32 = 1.25;

/// The appearance of the window.
#[derive(Debug)]
pub(crate) struct Appearance {
    theme: Theme,
    preferences: Preferences,
    system: SystemPreferences,
    /// The choice, system preferences and scale in effect.
    applied: Option<(ThemeChoice, SystemPreferences, f32)>,
}

impl Appearance {
    /// The default appearance without hints, as [`apply`](Self::apply) has not run yet.
    pub(super) fn new(ctx: &Context) -> Self {
        let theme = Theme::dark();
        theme.apply(ctx);
        let preferences = Preferences { hints_seen: Hint::ALL.to_vec(), ..Preferences::default() };
        Self { theme, preferences, system: SystemPreferences::default(), applied: None }
    }

    pub(crate) fn theme(&self) -> &Theme {
        &self.theme
    }

    pub(crate) fn preferences(&self) -> &Preferences {
        &self.preferences
    }

    pub(crate) fn preferences_mut(&mut self) -> &mut Preferences {
        &mut self.preferences
    }

    pub(super) fn set_system(&mut self, system: SystemPreferences) {
        self.system = system;
    }

    /// Whether animations are off.
    pub(crate) fn reduced_motion(&self) -> bool {
        self.preferences.motion.is_reduced(self.system)
    }

    /// Applies the requested theme and text size where they differ from those in effect.
    pub(super) fn apply(&mut self, ctx: &Context, presenting: bool) {
        let scale = self.preferences.scale * if presenting { PRESENTING_SCALE } else { 1.0 };
        // Some windowing systems report the theme through egui instead.
        let scheme = self.system.scheme.or_else(|| ctx.system_theme());
        let requested = (self.preferences.theme, SystemPreferences { scheme, ..self.system }, scale);
        if self.applied == Some(requested) {
            return;
        }
        self.theme = requested.0.theme(requested.1);
        self.theme.apply(ctx);
        if (self.applied.is_some() || scale != 1.0) && ctx.zoom_factor() != scale {
            ctx.set_zoom_factor(scale);
        }
        self.applied = Some(requested);
        // egui applies some of this in the next frame only.
        ctx.request_repaint();
    }
}
