//! The file of the window settings: preferences, size and position.

use super::library::read_file;
use super::writer::Writer;
use slowgrad_app::settings::{self, Settings};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// The least time between two writes, for example while the window is resized.
const SAVE_INTERVAL: Duration = Duration::from_millis(500);

/// The settings as saved, and the file that they are saved to.
pub(crate) struct SettingsFile {
    /// `None` without a home folder: the settings are then not saved.
    path: Option<PathBuf>,
    saved: Settings,
    saved_at: Instant,
    /// Whether the settings have changed or are being written.
    unsaved: bool,
}

impl SettingsFile {
    /// Reads the settings in a folder. Without a file, or if it cannot be used, they are the defaults; in the
    /// second case the error is returned too.
    pub(crate) fn read(folder: Option<&Path>) -> (Self, Option<String>) {
        let path = folder.map(|folder| folder.join(settings::FILE_NAME));
        let (saved, error) = path.as_deref().map(read_settings).unwrap_or_default();
        (Self { path, saved, saved_at: Instant::now(), unsaved: false }, error)
    }

    /// The settings as saved.
    pub(crate) fn settings(&self) -> &Settings {
        &self.saved
    }

    /// Whether the current settings are on disk.
    pub(crate) fn is_saved(&self) -> bool {
        !self.unsaved
    }

    /// Saves the settings if they have changed, at most once per [`SAVE_INTERVAL`].
    pub(crate) fn update(&mut self, current: Settings, writer: &Writer) {
        if self.saved_at.elapsed() > SAVE_INTERVAL {
            self.save(current, writer);
        } else {
            self.unsaved |= self.differs(&current);
        }
    }

    /// Saves the settings if they have changed.
    pub(crate) fn save(&mut self, current: Settings, writer: &Writer) {
        if !self.differs(&current) {
            return;
        }
        if let Some(path) = self.path.clone() {
            self.saved = current.clone();
            self.saved_at = Instant::now();
            self.unsaved = true;
            writer.write(path, move || current.text());
        }
    }

    /// The time to save changed settings.
    pub(crate) fn next_save(&self, current: &Settings) -> Option<Instant> {
        if self.differs(current) { self.saved_at.checked_add(SAVE_INTERVAL) } else { None }
    }

    /// Takes note that `file` was written or could not be.
    pub(crate) fn handle_write_result(&mut self, file: &Path, current: &Settings) {
        if self.path.as_deref() == Some(file) {
            self.unsaved = self.differs(current);
        }
    }

    fn differs(&self, current: &Settings) -> bool {
        self.path.is_some() && *current != self.saved
    }
}

/// Reads the settings, or returns the defaults with the error.
fn read_settings(file: &Path) -> (Settings, Option<String>) {
    match read_file(file) {
        Ok(bytes) => match Settings::parse(&bytes) {
            Ok(settings) => (settings, None),
            Err(error) => (Settings::default(), Some(error)),
        },
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Default::default(),
        Err(error) => (Settings::default(), Some(error.to_string())),
    }
}
