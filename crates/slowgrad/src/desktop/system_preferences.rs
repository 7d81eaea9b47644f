//! What a person has told the desktop of how all programs should look and move.
//!
//! A thread asks the system (on Linux the desktop's portal, over D-Bus) and tells of changes, so that neither the start
//! nor a frame waits for an answer. Where nobody answers, nothing is said. It must not know what comes of it.

use mundy::{ColorScheme, Interest, Preferences, Subscription};
use slowgrad_app::settings::SystemPreferences;

/// Translates the preferences that the system tells.
fn preferences(said: Preferences) -> SystemPreferences {
    let scheme = match said.color_scheme {
        ColorScheme::Dark => Some(egui::Theme::Dark),
        ColorScheme::Light => Some(egui::Theme::Light),
        ColorScheme::NoPreference => None,
    };
    SystemPreferences {
        scheme,
        high_contrast: said.contrast.is_more(),
        reduced_motion: said.reduced_motion.is_reduce(),
    }
}

/// Asks the desktop, and goes on listening until what is answered is dropped. To be called on the main thread.
pub(crate) fn listen(mut hear: impl FnMut(SystemPreferences) + Send + Sync + 'static) -> Subscription {
    Preferences::subscribe(Interest::All, move |said| hear(preferences(said)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_desktop_that_says_nothing_wants_nothing() {
        assert_eq!(preferences(Preferences::default()), SystemPreferences::default());
    }
}
