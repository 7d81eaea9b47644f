//! The messages that wake the event loop from other threads.

use super::{Opening, WindowError};
use crate::files::watcher::Change;
use crate::files::writer::Written;
use egui_winit::accesskit_winit;
use slowgrad_app::settings::SystemPreferences;

/// A message from outside of the event loop.
pub(super) enum Wake {
    /// The worker has a snapshot.
    Worker,
    /// A file on disk changed.
    File(Change),
    /// A lesson or a session was read, to take the place of the one that is shown.
    Opened(Box<Result<Opening, WindowError>>),
    /// A file was written, or could not be.
    Written(Written),
    /// The system's preferences have changed.
    Preferences(SystemPreferences),
    /// A screen reader asks or acts.
    Accessibility(accesskit_winit::Event),
}

impl From<accesskit_winit::Event> for Wake {
    fn from(event: accesskit_winit::Event) -> Self {
        Wake::Accessibility(event)
    }
}

/// An error on one line, without the place in the window library's source where it arose.
pub(super) fn plain(error: &dyn std::error::Error) -> String {
    let text = error.to_string().lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join(" ");
    let cause = text.split_once(".rs:").and_then(|(_, rest)| rest.split_once(": ")).map(|(_, cause)| cause);
    cause.unwrap_or(&text).trim_end_matches('.').to_owned()
}
