//! The program's folders within the user's folders.

use super::autosave::last_session;
use super::path_text::to_text;
use etcetera::BaseStrategy;
use slowgrad_app::platform::{FileRef, KnownSession, SESSION_SUFFIX};
use std::fs;
use std::path::PathBuf;

/// The maximum number of sessions in a list.
const MAX_LISTED: usize = 200;

/// The program's folders. They may not exist yet.
#[derive(Debug, Clone)]
pub(crate) struct Folders {
    /// The settings of the window.
    pub(crate) settings: PathBuf,
    /// Sessions that the user saves without choosing a folder.
    pub(crate) sessions: PathBuf,
    /// Automatically saved sessions.
    pub(crate) autosaved: PathBuf,
}

impl Folders {
    /// The folders of the current user; `None` without a home folder.
    pub(crate) fn of_user() -> Option<Self> {
        let base = etcetera::choose_base_strategy().ok()?;
        let ours = |folder: PathBuf| folder.join("slowgrad");
        Some(Self {
            settings: ours(base.config_dir()),
            sessions: ours(base.data_dir()).join("sessions"),
            autosaved: ours(base.state_dir().unwrap_or_else(|| base.data_dir())),
        })
    }

    /// The saved sessions, newest first.
    pub(crate) fn known_sessions(&self) -> Vec<KnownSession> {
        let is_session = |path: &PathBuf| path.is_file() && path.to_string_lossy().ends_with(SESSION_SUFFIX);
        let entries = fs::read_dir(&self.sessions).into_iter().flatten().flatten().take(MAX_LISTED);
        let files = entries.map(|entry| entry.path()).chain([last_session(&self.autosaved)]).filter(is_session);
        let mut sessions: Vec<_> = files
            .map(|path| {
                let modified = fs::metadata(&path).and_then(|data| data.modified()).ok();
                let file = path.file_name().unwrap_or_default().to_string_lossy();
                let name = file.strip_suffix(SESSION_SUFFIX).unwrap_or(&file).to_owned();
                (modified, KnownSession { name, file: FileRef::new(&to_text(&path)) })
            })
            .collect();
        sessions.sort_by_key(|(modified, _)| std::cmp::Reverse(*modified));
        sessions.into_iter().map(|(_, session)| session).collect()
    }
}
