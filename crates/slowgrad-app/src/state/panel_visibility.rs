//! Which panels are visible: by the user's preferences, by the lesson, and for an audience.
//!
//! It must not know the contents of panels.

use super::plot_tabs::PlotTabs;
use crate::settings::Preferences;
use slowgrad_session::Session;
use slowgrad_timeline::playback::cue::{Panel as LessonPanel, Plot};
use std::collections::BTreeMap;

/// The panels that the lesson and the presentation show or hide.
#[derive(Debug, Default)]
pub(crate) struct PanelVisibility {
    /// Whether only the network and the lesson's text are shown, full screen.
    presenting: bool,
    /// Whether the presenter notes have a window.
    notes_window: bool,
    /// Panels that the lesson shows or hides, until the user overrides it.
    staged: BTreeMap<LessonPanel, bool>,
    /// The panels and plots of the lesson's stage in the last frame.
    last_stage: (BTreeMap<LessonPanel, bool>, Vec<Plot>),
}

/// The state outside this component that visibility depends on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct VisibilityContext<'a> {
    pub(crate) preferences: &'a Preferences,
    pub(crate) editor_open: bool,
    pub(crate) plots_open: bool,
}

impl PanelVisibility {
    pub(crate) fn is_presenting(&self) -> bool {
        self.presenting
    }

    pub(crate) fn set_presenting(&mut self, presenting: bool) {
        self.presenting = presenting;
    }

    pub(crate) fn has_notes_window(&self) -> bool {
        self.notes_window
    }

    pub(crate) fn set_notes_window(&mut self, open: bool) {
        self.notes_window = open;
    }

    /// Whether a panel is shown: the lesson decides first, then the preferences; a presentation hides it by default.
    pub(crate) fn is_shown(&self, panel: LessonPanel, context: VisibilityContext<'_>) -> bool {
        let VisibilityContext { preferences, editor_open, plots_open } = context;
        let editing = editor_open && !self.presenting;
        let staged = |panel| self.staged.get(&panel).copied();
        let usual = !self.presenting;
        match panel {
            LessonPanel::Lesson => staged(panel).unwrap_or(usual && preferences.lesson.shown),
            LessonPanel::Explanation => editing || staged(panel).unwrap_or(usual && preferences.explanation.shown),
            LessonPanel::Timeline => staged(panel).unwrap_or(usual),
            // The script is in the drawer of the explanation panel.
            LessonPanel::Script => {
                editing || staged(panel).unwrap_or(usual && self.is_shown(LessonPanel::Explanation, context))
            }
            LessonPanel::Plots => plots_open && staged(panel).unwrap_or(usual),
        }
    }

    /// Shows or hides a panel for the user, who overrides the lesson.
    pub(super) fn set_shown(&mut self, panel: LessonPanel, shown: bool, preferences: &mut Preferences) {
        if self.presenting {
            self.staged.insert(panel, shown);
            return;
        }
        self.staged.remove(&panel);
        match panel {
            LessonPanel::Lesson => preferences.lesson.shown = shown,
            _ => preferences.explanation.shown = shown,
        }
    }

    /// Leaves a panel to the preferences again.
    pub(crate) fn clear_staged(&mut self, panel: LessonPanel) {
        self.staged.remove(&panel);
    }

    /// Applies the panels and plots that the lesson has shown or hidden since the last frame.
    pub(super) fn update(&mut self, session: &Session, open_plots: &mut PlotTabs) {
        let stage = session.player.stage();
        if self.last_stage.0 == stage.panels && self.last_stage.1 == stage.plots {
            return;
        }
        let stage_now = (stage.panels.clone(), stage.plots.clone());
        let (panels, plots) = std::mem::replace(&mut self.last_stage, stage_now);
        // Plots open before their panel, which would open with its previous plots.
        for plot in stage.plots.iter().filter(|plot| !plots.contains(plot)) {
            open_plots.open(*plot);
        }
        for panel in LessonPanel::ALL {
            let (before, now) = (panels.get(&panel), stage.panels.get(&panel));
            match now {
                Some(&shown) if before != now => {
                    self.staged.insert(panel, shown);
                    if panel == LessonPanel::Plots && shown {
                        open_plots.show_panel();
                    }
                }
                None if before.is_some() => self.clear_staged(panel),
                _ => {}
            }
        }
    }
}
