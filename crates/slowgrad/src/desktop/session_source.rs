//! The files that a session starts from.

use super::WindowError;
use super::worker_thread::WorkerThread;
use crate::files::library::{self, LessonFiles};
use crate::files::sessions::{LoadedSession, Versions, is_session, load_lesson, read_session};
use slowgrad_script::{Library, Limits};
use slowgrad_session::{BackendCommand, Session, SessionFile, lesson_name};
use std::path::{Path, PathBuf};

/// A lesson with its library, and the saved session to restore, if any.
pub(super) struct SessionSource {
    library: Library,
    /// The lesson's path within the library.
    lesson: String,
    /// The folders on disk that roots were read from, by increasing priority.
    pub(super) folders: Vec<PathBuf>,
    /// The pack that the lesson was read from, instead of a folder.
    pub(super) pack: Option<PathBuf>,
    saved: Option<SessionFile>,
    /// The session file to save to.
    pub(super) file: Option<PathBuf>,
    /// What differs from the time of the save, for the user.
    notices: Vec<String>,
}

impl SessionSource {
    /// Reads a lesson, given by its path or name, or a session file. `None` is the welcome lesson.
    pub(super) fn read(path: Option<&Path>) -> Result<Self, WindowError> {
        let Some(file) = path.filter(|path| is_session(path)) else {
            let LessonFiles { library, lesson, folders, pack } = library::load(path)?;
            return Ok(Self { library, lesson, folders, pack, saved: None, file: None, notices: Vec::new() });
        };
        // Texts that are not saved belong to the window in which they were typed.
        let saved = read_session(file)?.without_unsaved();
        Self::of_session(saved, Some(file.to_owned()))
    }

    /// The source of an autosaved session.
    pub(super) fn from_autosave(saved: SessionFile) -> Result<Self, WindowError> {
        Self::of_session(saved, None)
    }

    fn of_session(saved: SessionFile, file: Option<PathBuf>) -> Result<Self, WindowError> {
        let LoadedSession { files, notices } = load_lesson(&saved, file.as_deref(), Versions::Folder)?;
        let LessonFiles { library, lesson, folders, pack } = files;
        Ok(Self { library, lesson, folders, pack, saved: Some(saved), file, notices })
    }

    /// Whether an autosaved session should be restored instead of this source: it has the same lesson, or the user
    /// named no lesson (`any_lesson`). A session file that the user names is opened as it was saved.
    pub(super) fn yields_to(&self, autosaved: &SessionFile, any_lesson: bool) -> bool {
        self.saved.is_none() && (any_lesson || autosaved.lesson == self.lesson_name())
    }

    /// The places on disk where scripts are saved, by increasing priority.
    pub(super) fn roots(&self) -> Vec<PathBuf> {
        self.folders.iter().chain(&self.pack).cloned().collect()
    }

    /// The lesson's name in session files.
    fn lesson_name(&self) -> String {
        let root = self.library.roots.iter().rfind(|root| root.files.get(&self.lesson).is_some());
        lesson_name(root.map_or("", |root| root.name.as_str()), &self.lesson)
    }

    /// Starts a worker thread and a session on it. The thread calls `wake` after every snapshot.
    pub(super) fn start(self, limits: Limits, wake: impl Fn() + Send + 'static) -> Result<Session, WindowError> {
        let first = match &self.saved {
            Some(saved) => saved.command(self.lesson),
            None => BackendCommand::Open(self.lesson),
        };
        let worker = WorkerThread::start(self.library, limits, first, wake).map_err(WindowError::Thread)?;
        let mut session = Session::new(worker);
        if let Some(saved) = self.saved {
            session = session.restoring(saved);
        }
        self.notices.into_iter().for_each(|text| session.notice(text));
        Ok(session)
    }
}
