//! The windowed program: draws, listens to keys and pointer, and never waits.
//!
//! Everything that may take long (scripts, training) happens on the worker's thread. Pixels come from the
//! render crate; what is shown is decided in [`session`] and laid out in [`panels`].

mod event_log;
mod event_loop;
mod notes_window;
mod system_preferences;
mod wake;
mod window;
pub(crate) mod worker_thread;

use crate::files::folders::Folders;
use crate::files::library::{self, Loaded};
use crate::files::sessions::{ReadError, is_session, lesson_path, read_session};
use event_log::EventLog;
use slowgrad_app::headless::{self, ScreenshotError};
use slowgrad_script::{Library, Limits};
use slowgrad_session::{Command, Session, SessionFile, lesson_name};
use std::fs::File;
use std::io::BufWriter;
use std::path::{Path, PathBuf};
use worker_thread::{WorkerThread, clock};

/// What the window starts with.
#[derive(Debug, Clone, Default)]
pub(crate) struct WindowOptions {
    /// A lesson or a session on disk, or the name of a lesson; the welcome lesson when absent.
    pub(crate) lesson: Option<PathBuf>,
    /// What scripts may use up.
    pub(crate) limits: Limits,
    /// Inner size in points.
    pub(crate) size: Option<(u32, u32)>,
    /// Draws one picture of the window into this PNG file instead of opening it.
    pub(crate) screenshot: Option<PathBuf>,
    /// The picture shows the lesson after so many seconds.
    pub(crate) after_secs: f64,
    /// Gets a JSON line for whatever changes in the window.
    pub(crate) log_events: Option<PathBuf>,
}

/// The window's size when none is asked for.
const SIZE: [u32; 2] = [1280, 720];

/// Why there is no window.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WindowError {
    /// The lesson or its folder cannot be read.
    #[error(transparent)]
    Load(#[from] library::LoadError),
    /// The session cannot be opened.
    #[error(transparent)]
    Session(#[from] ReadError),
    /// There is no display to open a window on.
    #[error(
        "cannot open a window ({0}); without a display, use `slowgrad render` for images and `slowgrad trace` for text"
    )]
    Display(String),
    /// There is a display, but nothing that could draw into a window on it.
    #[error(
        "no graphics driver can draw to this window; on Debian and Ubuntu install mesa-vulkan-drivers \
         (software rendering, works without a GPU)"
    )]
    NoDriver,
    /// Nothing can be drawn.
    #[error(transparent)]
    Render(#[from] slowgrad_render::RenderError),
    /// The worker's thread cannot be started.
    #[error("cannot start the training thread: {0}")]
    Thread(#[source] std::io::Error),
    /// The picture cannot be written.
    #[error("cannot write {path}: {cause}")]
    Picture {
        /// Where to.
        path: PathBuf,
        /// Why not.
        cause: String,
    },
    /// The log cannot be written.
    #[error("cannot write the event log: {0}")]
    Log(#[source] std::io::Error),
    /// No picture of the window can be drawn.
    #[error(transparent)]
    Screenshot(#[from] ScreenshotError),
}

/// What a window opens: a lesson with all that it may use, and how it was left.
struct Opening {
    library: Library,
    /// The lesson's path within the library.
    lesson: String,
    /// The folders on disk that the roots after the built-in one were read from, in the same order.
    folders: Vec<PathBuf>,
    session: Option<SessionFile>,
    /// Where the session is saved.
    file: Option<PathBuf>,
}

impl Opening {
    /// Reads a lesson, by its path or its name, or a session.
    fn read(path: Option<&Path>) -> Result<Self, WindowError> {
        let file = path.filter(|path| is_session(path)).map(Path::to_owned);
        let session = file.as_deref().map(read_session).transpose()?;
        let lesson = match (&session, &file) {
            (Some(session), Some(file)) => Some(lesson_path(session, file)?),
            _ => path.map(Path::to_owned),
        };
        let Loaded { library, lesson, folders } = library::load(lesson.as_deref())?;
        Ok(Self { library, lesson, folders, session, file })
    }

    /// Goes on with a session that was kept.
    fn resume(session: SessionFile, file: &Path) -> Result<Self, WindowError> {
        let Loaded { library, lesson, folders } = library::load(Some(&lesson_path(&session, file)?))?;
        Ok(Self { library, lesson, folders, session: Some(session), file: None })
    }

    /// Whether a session that was kept is what would be opened anyhow, only further. A session that is asked for is
    /// opened as it was saved.
    fn is_further(&self, kept: &SessionFile, is_any: bool) -> bool {
        self.session.is_none() && (is_any || kept.lesson == self.lesson_name())
    }

    /// The lesson as sessions name it.
    fn lesson_name(&self) -> String {
        let root = self.library.roots.iter().rfind(|root| root.files.get(&self.lesson).is_some());
        lesson_name(root.map_or("", |root| root.name.as_str()), &self.lesson)
    }

    /// Starts the worker on it.
    fn session(self, limits: Limits, wake: impl Fn() + Send + 'static) -> Result<Session, WindowError> {
        let first = match &self.session {
            Some(session) => session.command(self.lesson),
            None => Command::Open(self.lesson),
        };
        let session =
            Session::new(WorkerThread::start(self.library, limits, first, wake).map_err(WindowError::Thread)?);
        Ok(match self.session {
            Some(file) => session.restoring(file),
            None => session,
        })
    }
}

/// Opens the window and returns when it is closed.
pub(crate) fn run(options: WindowOptions) -> Result<(), WindowError> {
    let WindowOptions { lesson, limits, size, screenshot, after_secs, log_events } = options;
    if screenshot.is_none() {
        library::make_user_folder();
    }
    let opening = Opening::read(lesson.as_deref())?;
    if let Some(path) = screenshot {
        return write_picture(&path, size.unwrap_or(SIZE.into()), after_secs, opening.session(limits, || {})?);
    }
    let log = EventLog::new(log_events.as_deref()).map_err(WindowError::Log)?;
    event_loop::run(size, log, limits, opening, lesson.is_none(), Folders::of_platform())
}

/// Draws the window once and writes the picture as a PNG file.
fn write_picture(path: &Path, size: (u32, u32), after_secs: f64, session: Session) -> Result<(), WindowError> {
    let picture = pollster::block_on(headless::screenshot(clock(), size, after_secs, session))?;
    let failed =
        |cause: &dyn std::error::Error| WindowError::Picture { path: path.to_owned(), cause: cause.to_string() };
    let file = File::create(path).map_err(|error| failed(&error))?;
    picture.write_png(BufWriter::new(file)).map_err(|error| failed(&error))
}
