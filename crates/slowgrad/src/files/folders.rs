//! The folders of this program below those of the platform.

use super::autosave::last_session;
use etcetera::BaseStrategy;
use slowgrad_app::platform::{FileRef, KnownSession, SESSION_SUFFIX};
use std::fs;
use std::path::PathBuf;

/// More sessions are not listed.
const MAX_LISTED: usize = 200;

/// The folders of this program.
#[derive(Debug, Clone)]
pub(crate) struct Folders {
    /// The settings of the window.
    pub(crate) settings: PathBuf,
    /// Sessions that a person saves without naming a place.
    pub(crate) sessions: PathBuf,
    /// Automatically saved sessions.
    pub(crate) autosaved: PathBuf,
}

impl Folders {
    /// The folders of the user; `None` without a home folder.
    pub(crate) fn of_platform() -> Option<Self> {
        let base = etcetera::choose_base_strategy().ok()?;
        let own = |folder: PathBuf| folder.join("slowgrad");
        Some(Self {
            settings: own(base.config_dir()),
            sessions: own(base.data_dir()).join("sessions"),
            autosaved: own(base.state_dir().unwrap_or_else(|| base.data_dir())),
        })
    }

    /// The sessions in these folders, the latest first.
    pub(crate) fn known_sessions(&self) -> Vec<KnownSession> {
        let is_session = |path: &PathBuf| path.is_file() && path.to_string_lossy().ends_with(SESSION_SUFFIX);
        let entries = fs::read_dir(&self.sessions).into_iter().flatten().flatten().take(MAX_LISTED);
        let files = entries.map(|entry| entry.path()).chain([last_session(&self.autosaved)]).filter(is_session);
        let mut found: Vec<_> = files
            .map(|path| {
                let changed = fs::metadata(&path).and_then(|about| about.modified()).ok();
                let file = path.file_name().unwrap_or_default().to_string_lossy();
                let name = file.strip_suffix(SESSION_SUFFIX).unwrap_or(&file).to_owned();
                (changed, KnownSession { name, file: FileRef::new(&path.to_string_lossy()) })
            })
            .collect();
        found.sort_by_key(|(changed, _)| std::cmp::Reverse(*changed));
        found.into_iter().map(|(_, session)| session).collect()
    }
}
