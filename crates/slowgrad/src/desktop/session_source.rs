//! The files that a session starts from.

use super::WindowError;
use super::worker_thread::WorkerThread;
use crate::files::library::{self, LessonFiles};
use crate::files::sessions::{is_session, lesson_path, read_session};
use slowgrad_script::{Library, Limits};
use slowgrad_session::{BackendCommand, Session, SessionFile, lesson_name};
use std::path::{Path, PathBuf};

/// A lesson with its library, and the saved session to restore, if any.
pub(super) struct SessionSource {
    library: Library,
    /// The lesson's path within the library.
    lesson: String,
    /// The folders on disk that the roots after the built-in one were read from, in the same order.
    pub(super) folders: Vec<PathBuf>,
    saved: Option<SessionFile>,
    /// The session file to save to.
    pub(super) file: Option<PathBuf>,
}

impl SessionSource {
    /// Reads a lesson, given by its path or name, or a session file. `None` is the welcome lesson.
    pub(super) fn read(path: Option<&Path>) -> Result<Self, WindowError> {
        let file = path.filter(|path| is_session(path)).map(Path::to_owned);
        let saved = file.as_deref().map(read_session).transpose()?;
        let lesson = match (&saved, &file) {
            (Some(saved), Some(file)) => Some(lesson_path(saved, file)?),
            _ => path.map(Path::to_owned),
        };
        let LessonFiles { library, lesson, folders } = library::load(lesson.as_deref())?;
        Ok(Self { library, lesson, folders, saved, file })
    }

    /// The source of an autosaved session.
    pub(super) fn from_autosave(saved: SessionFile) -> Result<Self, WindowError> {
        let LessonFiles { library, lesson, folders } = library::load(Some(&lesson_path(&saved, Path::new(""))?))?;
        Ok(Self { library, lesson, folders, saved: Some(saved), file: None })
    }

    /// Whether an autosaved session should be restored instead of this source: it has the same lesson, or the user
    /// named no lesson (`any_lesson`). A session file that the user names is opened as it was saved.
    pub(super) fn yields_to(&self, autosaved: &SessionFile, any_lesson: bool) -> bool {
        self.saved.is_none() && (any_lesson || autosaved.lesson == self.lesson_name())
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
        let session = Session::new(worker);
        Ok(match self.saved {
            Some(saved) => session.restoring(saved),
            None => session,
        })
    }
}
