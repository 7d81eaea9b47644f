//! The messages that wake the event loop from other threads.

use super::WindowError;
use super::dialogs::FileChoice;
use super::session_source::SessionSource;
use crate::files::watcher::FileChange;
use crate::files::writer::WriteResult;
use egui_winit::accesskit_winit;
use slowgrad_app::settings::SystemPreferences;
use slowgrad_render::fallback_fonts::FoundFonts;

/// A message to the event loop.
pub(super) enum Wake {
    /// The worker thread has a new snapshot.
    Snapshot,
    /// A script or data file on disk changed.
    FileChanged(FileChange),
    /// A lesson or session was read and replaces the current one.
    SourceRead(Box<Result<SessionSource, WindowError>>),
    /// A file was written, or writing failed.
    FileWritten(WriteResult),
    /// A file dialog was closed.
    FileChosen(FileChoice),
    /// The search for fonts has ended.
    FontsFound(FoundFonts),
    /// The preferences of the operating system changed.
    SystemPreferences(SystemPreferences),
    /// A screen reader requests the tree or performs an action.
    Accessibility(accesskit_winit::Event),
}

impl From<accesskit_winit::Event> for Wake {
    fn from(event: accesskit_winit::Event) -> Self {
        Wake::Accessibility(event)
    }
}
