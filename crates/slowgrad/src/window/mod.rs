//! The windowed program: draws, listens to keys and pointer, and never waits.
//!
//! Everything that may take long (scripts, training) happens on the worker's thread. Pixels come from the
//! render crate; what is shown is decided in [`session`] and laid out in [`panels`].

mod action;
mod app;
mod edit;
mod editor;
mod gui;
mod log;
mod panels;
mod performance;
mod screenshot;
mod session;
mod walk;

use crate::library::{self, Loaded};
use crate::worker::Worker;
use log::EventLog;
use slowgrad_script::Limits;
use std::path::PathBuf;

/// What the window starts with.
#[derive(Debug, Clone, Default)]
pub(crate) struct WindowOptions {
    /// A lesson file on disk; the welcome lesson when absent.
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
const SIZE: (u32, u32) = (1280, 720);

/// Why there is no window.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WindowError {
    /// The lesson or its folder cannot be read.
    #[error(transparent)]
    Load(#[from] library::LoadError),
    /// There is no display to open a window on.
    #[error(
        "cannot open a window ({0}); without a display use `slowgrad render` for pictures and `slowgrad trace` for text"
    )]
    Display(String),
    /// There is a display, but nothing that could draw into a window on it.
    #[error(
        "no graphics driver can draw into this window; on Debian and Ubuntu install mesa-vulkan-drivers \
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
    #[error("cannot write the log of events: {0}")]
    Log(#[source] std::io::Error),
    /// The lesson did not get ready in time.
    #[error("the lesson was not ready in time")]
    NotReady,
}

/// Opens the window and returns when it is closed.
pub(crate) fn run(options: WindowOptions) -> Result<(), WindowError> {
    let WindowOptions { lesson, limits, size, screenshot, after_secs, log_events } = options;
    if screenshot.is_none() {
        library::make_user_folder();
    }
    let Loaded { library, lesson, folders } = library::load(lesson.as_deref())?;
    let size = size.unwrap_or(SIZE);
    if let Some(path) = screenshot {
        let worker = Worker::start(library, limits, lesson, || {}).map_err(WindowError::Thread)?;
        return screenshot::picture(&path, size, after_secs, session::Session::new(worker));
    }
    let log = EventLog::new(log_events.as_deref()).map_err(WindowError::Log)?;
    app::run(size, log, library, limits, lesson, folders)
}
