//! The border to the platform, which has files, dialogs and windows.
//!
//! [`Platform`] answers questions at once and saves scripts. Operations that take longer are [`PlatformRequest`]s: the
//! platform (desktop or web page) takes them after each frame and reports the result later. The app must not know
//! files, folders and windows: a [`FileRef`] is an opaque name that the platform has issued.

use std::fmt::{self, Display, Formatter};
use std::path::Path;
use std::sync::Arc;

/// The suffix of the names of session files.
pub const SESSION_SUFFIX: &str = ".session.json";

/// The platform's name of a file, a path on the desktop. The app displays it and hands it back.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct FileRef(Arc<str>);

impl FileRef {
    /// A file by its name on the platform.
    pub fn new(name: &str) -> Self {
        Self(name.into())
    }

    /// The name on the platform.
    pub fn name(&self) -> &str {
        &self.0
    }
}

impl Display for FileRef {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

/// Whether a file name is that of a session rather than of a lesson.
pub fn is_session(name: &str) -> bool {
    Path::new(name).extension().is_some_and(|ending| ending.eq_ignore_ascii_case("json"))
}

/// A request that the platform carries out after the frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PlatformRequest {
    /// Open a lesson or a session instead of the current one.
    Open(FileRef),
    /// Save the current session to a file.
    SaveSession(FileRef),
    /// Show the window full screen, or in its previous place.
    Fullscreen(bool),
    /// Open the window of the presenter notes, or close it.
    NotesWindow(bool),
    /// Show a dialog that asks for a lesson or a session to open. The result goes to [`crate::App::open_file`].
    OpenDialog,
    /// Look for fonts that have these letters. The result goes to [`crate::App::add_fonts`].
    FindFonts(String),
    /// Show a dialog that asks where to save the session. The result goes to [`crate::App::save_session_as`].
    SaveSessionDialog {
        /// The file that the dialog suggests.
        suggested: FileRef,
    },
}

/// The place where a script is saved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScriptTarget {
    /// The name of the root that the script is saved in.
    pub root: String,
    /// Whether the script comes from a read-only root, so that a copy replaces it.
    pub copy: bool,
}

/// A script to be saved.
#[derive(Debug, Clone, Copy)]
pub struct ScriptSave<'a> {
    /// The root to save it in, from [`Platform::script_target`].
    pub target: &'a ScriptTarget,
    /// The path in the library.
    pub path: &'a str,
    /// The text in UTF-8.
    pub bytes: &'a [u8],
    /// The contents that the file must have before, or `None` when the file must not exist.
    pub expected: Option<&'a [u8]>,
}

/// Why a script was not saved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ScriptSaveError {
    /// The file has other contents than expected.
    Changed(Arc<[u8]>),
    /// The file has been deleted or moved.
    Gone,
    /// Writing failed, for this reason.
    Failed(String),
}

/// A saved session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownSession {
    /// The name in lists.
    pub name: String,
    /// The file.
    pub file: FileRef,
}

/// The questions of the app that its platform answers at once.
pub trait Platform {
    /// The saved sessions, the latest first.
    fn known_sessions(&self) -> Vec<KnownSession>;

    /// The file to suggest for the session of a lesson: beside the lesson, or in the folder of sessions.
    fn suggested_session(&self, lesson_root: &str, lesson_path: &str) -> FileRef;

    /// Whether there is a file of this name already, which saving a session would replace.
    fn exists(&self, file: &FileRef) -> bool;

    /// The place to save a script of a root, or `None` when no root is writable.
    fn script_target(&self, root: &str) -> Option<ScriptTarget>;

    /// Saves a script unless its file has changed, and returns the file.
    ///
    /// # Errors
    ///
    /// When the file does not have the expected contents or cannot be written. The file is then left as it was.
    fn save_script(&mut self, script: ScriptSave<'_>) -> Result<FileRef, ScriptSaveError>;

    /// Whether the platform can show [`PlatformRequest::OpenDialog`] and [`PlatformRequest::SaveSessionDialog`].
    fn has_dialogs(&self) -> bool {
        false
    }
}

/// A platform without files, for screenshots, benchmarks and tests.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoFiles;

impl Platform for NoFiles {
    fn known_sessions(&self) -> Vec<KnownSession> {
        Vec::new()
    }

    fn suggested_session(&self, _: &str, _: &str) -> FileRef {
        FileRef::default()
    }

    fn exists(&self, _: &FileRef) -> bool {
        false
    }

    fn script_target(&self, _: &str) -> Option<ScriptTarget> {
        None
    }

    fn save_script(&mut self, _: ScriptSave<'_>) -> Result<FileRef, ScriptSaveError> {
        Err(ScriptSaveError::Failed("there are no files here".into()))
    }
}
