//! The user's preferences in the operating system: colour scheme, contrast and motion.
//!
//! A thread queries the system (on Linux the desktop portal, over D-Bus) and reports changes, so that neither the start
//! nor a frame waits for a reply. It reports nothing if the system does not reply. It must not know how the preferences
//! are used.

use mundy::{ColorScheme, Interest, Preferences, Subscription};
use slowgrad_app::settings::SystemPreferences;

fn convert(preferences: Preferences) -> SystemPreferences {
    let scheme = match preferences.color_scheme {
        ColorScheme::Dark => Some(egui::Theme::Dark),
        ColorScheme::Light => Some(egui::Theme::Light),
        ColorScheme::NoPreference => None,
    };
    SystemPreferences {
        scheme,
        high_contrast: preferences.contrast.is_more(),
        reduced_motion: preferences.reduced_motion.is_reduce(),
    }
}

/// Reports the preferences and every change until the subscription is dropped. Must be called on the main thread.
pub(super) fn subscribe(mut report: impl FnMut(SystemPreferences) + Send + Sync + 'static) -> Subscription {
    Preferences::subscribe(Interest::All, move |preferences| report(convert(preferences)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_preferences_change_nothing() {
        assert_eq!(convert(Preferences::default()), SystemPreferences::default());
    }
}
