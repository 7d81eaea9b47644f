//! The settings that are kept between starts: preferences and the geometry of the window.
//!
//! A file that cannot be read is reported and otherwise ignored. This must not know lessons or sessions, which have
//! separate files.

use serde::{Deserialize, Serialize};
use slowgrad_render::Theme;

/// The name of the settings file in its folder.
pub const FILE_NAME: &str = "window.json";
/// The limits of the text size, relative to the default.
const SCALE_RANGE: std::ops::RangeInclusive<f32> = 0.5..=3.0;
/// The factor of one step of the text size.
const SCALE_STEP: f32 = 1.1;

/// The preferences of the operating system.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SystemPreferences {
    /// Dark or light, when the system has a preference.
    pub scheme: Option<egui::Theme>,
    /// Whether the system prefers high contrast.
    pub high_contrast: bool,
    /// Whether the system prefers reduced motion.
    pub reduced_motion: bool,
}

/// The choice of theme.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ThemeChoice {
    /// The system's theme and contrast; dark when it has no preference.
    #[default]
    System,
    /// The dark theme.
    Dark,
    /// The light theme.
    Light,
    /// High contrast, dark or light like the system.
    HighContrast,
}

impl ThemeChoice {
    /// The name in messages.
    pub fn name(self) -> &'static str {
        match self {
            ThemeChoice::System => "system",
            ThemeChoice::Dark => "dark",
            ThemeChoice::Light => "light",
            ThemeChoice::HighContrast => "high contrast",
        }
    }

    /// The next choice, in a cycle.
    #[must_use]
    pub fn next(self) -> Self {
        match self {
            ThemeChoice::System => ThemeChoice::Dark,
            ThemeChoice::Dark => ThemeChoice::Light,
            ThemeChoice::Light => ThemeChoice::HighContrast,
            ThemeChoice::HighContrast => ThemeChoice::System,
        }
    }

    /// The theme of this choice for some system preferences.
    pub fn theme(self, system: SystemPreferences) -> Theme {
        let light = system.scheme == Some(egui::Theme::Light);
        match self {
            ThemeChoice::Dark => Theme::dark(),
            ThemeChoice::Light => Theme::light(),
            ThemeChoice::System if !system.high_contrast => {
                if light {
                    Theme::light()
                } else {
                    Theme::dark()
                }
            }
            ThemeChoice::System | ThemeChoice::HighContrast if light => Theme::high_contrast_light(),
            ThemeChoice::System | ThemeChoice::HighContrast => Theme::high_contrast_dark(),
        }
    }
}

/// The choice of animations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Motion {
    /// The system's preference.
    #[default]
    System,
    /// No animations.
    #[serde(rename = "less")]
    Reduced,
    /// All animations.
    Full,
}

impl Motion {
    /// The name in messages.
    pub fn name(self) -> &'static str {
        match self {
            Motion::System => "system",
            Motion::Reduced => "off",
            Motion::Full => "on",
        }
    }

    /// The next choice, in a cycle.
    #[must_use]
    pub fn next(self) -> Self {
        match self {
            Motion::System => Motion::Reduced,
            Motion::Reduced => Motion::Full,
            Motion::Full => Motion::System,
        }
    }

    /// Whether animations are off, for some system preferences.
    pub fn is_reduced(self, system: SystemPreferences) -> bool {
        match self {
            Motion::System => system.reduced_motion,
            Motion::Reduced => true,
            Motion::Full => false,
        }
    }
}

/// A side panel.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct SidePanel {
    /// Whether the user wants to see the panel.
    #[serde(rename = "is_shown")]
    pub shown: bool,
    /// The width in points; it depends on the window's size when `None`.
    pub width: Option<f32>,
}

impl Default for SidePanel {
    fn default() -> Self {
        Self { shown: true, width: None }
    }
}

/// The user's preferences.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Preferences {
    /// The theme.
    pub theme: ThemeChoice,
    /// The text size, relative to the default.
    pub scale: f32,
    /// The animations.
    pub motion: Motion,
    /// The lesson panel.
    pub lesson: SidePanel,
    /// The explanation panel.
    pub explanation: SidePanel,
    /// The width of the explanation panel while a script is edited, in points.
    pub editor_width: Option<f32>,
    /// The hints that have been seen.
    pub hints_seen: Vec<Hint>,
}

impl Default for Preferences {
    fn default() -> Self {
        Self {
            theme: ThemeChoice::default(),
            scale: 1.0,
            motion: Motion::default(),
            lesson: SidePanel::default(),
            explanation: SidePanel::default(),
            editor_width: None,
            hints_seen: Vec::new(),
        }
    }
}

impl Preferences {
    /// Enlarges or reduces the text size by some steps.
    pub fn scale_by(&mut self, steps: i32) {
        self.scale = (self.scale * SCALE_STEP.powi(steps)).clamp(*SCALE_RANGE.start(), *SCALE_RANGE.end());
        // Returns to exactly 1 despite rounding.
        if (self.scale - 1.0).abs() < 0.01 {
            self.scale = 1.0;
        }
    }
}

/// A hint for new users.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Hint {
    /// About the canvas.
    Canvas,
    /// About the transport bar.
    Transport,
    /// About the explanation panel.
    Explanation,
}

impl Hint {
    /// All hints, from left to right like their subjects.
    pub const ALL: [Hint; 3] = [Hint::Transport, Hint::Canvas, Hint::Explanation];
}

/// The size and the position of the window.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Geometry {
    /// The size in points.
    pub size: Option<[u32; 2]>,
    /// In pixels of the whole system.
    pub position: Option<[i32; 2]>,
    /// Whether the window is maximized.
    #[serde(rename = "is_maximized")]
    pub maximized: bool,
}

/// The settings file.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    version: u32,
    /// The geometry of the window.
    pub geometry: Geometry,
    /// The user's preferences.
    #[serde(rename = "habits")]
    pub preferences: Preferences,
}

impl Settings {
    /// Settings of the current version.
    pub fn new(geometry: Geometry, preferences: Preferences) -> Self {
        Self { version: 1, geometry, preferences }
    }

    /// Parses the bytes of a settings file.
    ///
    /// # Errors
    ///
    /// When the bytes are not valid settings.
    pub fn parse(bytes: &[u8]) -> Result<Self, String> {
        let mut settings: Self = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
        let scale = &mut settings.preferences.scale;
        *scale = if scale.is_finite() { scale.clamp(*SCALE_RANGE.start(), *SCALE_RANGE.end()) } else { 1.0 };
        Ok(settings)
    }

    /// The text of the settings file.
    pub fn text(&self) -> String {
        // Serialization fails for maps with unusual keys only, and there are none.
        let mut text = serde_json::to_string_pretty(self).unwrap_or_default();
        text.push('\n');
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_round_trip_and_invalid_ones_are_rejected() {
        let mut preferences =
            Preferences { theme: ThemeChoice::HighContrast, hints_seen: vec![Hint::Canvas], ..Preferences::default() };
        preferences.scale_by(3);
        let geometry = Geometry { size: Some([900, 600]), position: Some([-20, 40]), maximized: true };
        let settings = Settings::new(geometry, preferences);
        assert_eq!(Settings::parse(settings.text().as_bytes()), Ok(settings));
        // Unknown and missing fields are ignored.
        let newer = br#"{"version": 9, "habits": {"theme": "light", "more": 1, "scale": 99}}"#;
        let read = Settings::parse(newer).expect("settings");
        assert_eq!((read.preferences.theme, read.preferences.scale), (ThemeChoice::Light, 3.0));
        for broken in ["", "{", "17", r#"{"habits": {"scale": "big"}}"#] {
            assert!(Settings::parse(broken.as_bytes()).is_err(), "{broken}");
        }
    }

    #[test]
    fn the_text_size_stays_within_its_limits() {
        let mut preferences = Preferences::default();
        for steps in [1, 1, -1, -1] {
            preferences.scale_by(steps);
        }
        assert_eq!(preferences.scale, 1.0);
        preferences.scale_by(100);
        assert_eq!(preferences.scale, 3.0);
        preferences.scale_by(-100);
        assert_eq!(preferences.scale, 0.5);
    }

    #[test]
    fn theme_choices_cycle_and_follow_the_system() {
        let mut choice = ThemeChoice::default();
        for _ in 0..4 {
            choice = choice.next();
        }
        assert_eq!(choice, ThemeChoice::System);
        let [unknown, dark, light] = [None, Some(egui::Theme::Dark), Some(egui::Theme::Light)]
            .map(|scheme| SystemPreferences { scheme, ..SystemPreferences::default() });
        assert_eq!([unknown, dark].map(|system| ThemeChoice::System.theme(system)), [Theme::dark(); 2]);
        assert_eq!(ThemeChoice::System.theme(light), Theme::light());
        assert_eq!([ThemeChoice::Dark.theme(light), ThemeChoice::Light.theme(dark)], [Theme::dark(), Theme::light()]);
        let contrast = |system| SystemPreferences { high_contrast: true, ..system };
        for (choice, [unknown, dark, light]) in [
            (ThemeChoice::HighContrast, [unknown, dark, light]),
            (ThemeChoice::System, [unknown, dark, light].map(contrast)),
        ] {
            assert_eq!([unknown, dark].map(|system| choice.theme(system)), [Theme::high_contrast_dark(); 2]);
            assert_eq!(choice.theme(light), Theme::high_contrast_light());
        }
        assert_eq!(ThemeChoice::Light.theme(contrast(dark)), Theme::light(), "the user's choice has priority");
    }

    #[test]
    fn animations_follow_the_system_until_the_user_chooses() {
        let reduced_motion = SystemPreferences { reduced_motion: true, ..SystemPreferences::default() };
        let mut motion = Motion::default();
        let mut reduced = Vec::new();
        for _ in 0..3 {
            reduced.push([SystemPreferences::default(), reduced_motion].map(|system| motion.is_reduced(system)));
            motion = motion.next();
        }
        assert_eq!(reduced, [[false, true], [true, true], [false, false]]);
        assert_eq!(motion, Motion::System);
    }
}
