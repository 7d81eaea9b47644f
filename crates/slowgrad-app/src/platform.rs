//! What only a platform can do: find, read and write files, and everything outside the main window.
//!
//! Scripts are saved through [`Platform`], which answers at once. What takes longer is a [`PlatformRequest`]: the home of
//! the app (desktop, page) takes the requests after each frame and tells the result later. The app must not know what
//! files, folders and windows are: a [`FileRef`] is a name that the platform gave and understands.

use std::fmt::{self, Display, Formatter};
use std::path::Path;
use std::sync::Arc;

/// The ending of the names of session files.
pub const SESSION_ENDING: &str = ".session.json";

/// The platform's name of a file: a path on the desktop. The app shows it and hands it back.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct FileRef(Arc<str>);

impl FileRef {
    /// A file by the platform's name for it.
    pub fn new(name: &str) -> Self {
        Self(name.into())
    }

    /// The platform's name for it.
    pub fn name(&self) -> &str {
        &self.0
    }
}

impl Display for FileRef {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

/// Whether a name is that of a session and not of a lesson.
pub fn is_session(name: &str) -> bool {
    Path::new(name).extension().is_some_and(|ending| ending.eq_ignore_ascii_case("json"))
}

/// A request that the platform carries out after the frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PlatformRequest {
    /// Open a lesson or a session in place of the one that is shown.
    Open(FileRef),
    /// Save the session that is shown.
    SaveSession(FileRef),
}

/// Where a script is saved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScriptTarget {
    /// The name of the root that the script will be found in.
    pub root: String,
    /// Whether the script comes from another root, which cannot be written, so that a copy takes its place.
    pub copy: bool,
}

/// A script to be saved.
#[derive(Debug, Clone, Copy)]
pub struct ScriptSave<'a> {
    /// The root to save it in, from [`Platform::script_target`].
    pub target: &'a ScriptTarget,
    /// Its path in the library.
    pub path: &'a str,
    /// Its text in UTF-8.
    pub bytes: &'a [u8],
    /// The contents that the file must still have; `None` when there must be no file.
    pub expected: Option<&'a [u8]>,
}

/// Why a script was not saved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ScriptSaveError {
    /// The file has other contents than expected.
    Changed(Arc<[u8]>),
    /// The file is gone.
    Gone,
    /// It cannot be written, for this reason.
    Failed(String),
}

/// A session that a person saved earlier.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownSession {
    /// What it is called in lists.
    pub name: String,
    /// Where it is.
    pub file: FileRef,
}

/// What the app asks of the place that it runs in, answered at once.
pub trait Platform {
    /// The sessions that a person saved earlier, the latest first.
    fn known_sessions(&self) -> Vec<KnownSession>;

    /// Where to save the session of a lesson when a person names no place: beside the lesson or where sessions are kept.
    fn suggested_session(&self, lesson_root: &str, lesson_path: &str) -> FileRef;

    /// Where a script of a root is saved; `None` when no root can be written.
    fn script_target(&self, root: &str) -> Option<ScriptTarget>;

    /// Saves a script unless its file has changed, and returns the platform's name of the file.
    ///
    /// # Errors
    ///
    /// When the file has other contents than expected or cannot be written; nothing is written then.
    fn save_script(&mut self, script: ScriptSave<'_>) -> Result<FileRef, ScriptSaveError>;
}

/// A platform without files: for pictures of the window, measurements and tests.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoFiles;

impl Platform for NoFiles {
    fn known_sessions(&self) -> Vec<KnownSession> {
        Vec::new()
    }

    fn suggested_session(&self, _: &str, _: &str) -> FileRef {
        FileRef::default()
    }

    fn script_target(&self, _: &str) -> Option<ScriptTarget> {
        None
    }

    fn save_script(&mut self, _: ScriptSave<'_>) -> Result<FileRef, ScriptSaveError> {
        Err(ScriptSaveError::Failed("there are no files here".into()))
    }
}
