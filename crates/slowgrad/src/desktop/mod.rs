//! The window on the desktop: it draws, reacts to input, and never blocks.
//!
//! Scripts and training run on the worker thread. The app crate decides what the window shows; this module must not
//! know its panels.

mod dialogs;
mod error;
mod event_log;
mod event_loop;
mod notes_window;
mod session_source;
mod system_preferences;
mod wake;
mod window;
pub(crate) mod worker_thread;

pub(crate) use error::WindowError;

use crate::files::folders::Folders;
use crate::files::library;
use crate::files::output::Output;
use crate::files::system_fonts::SystemFonts;
use crate::machine::clock;
use event_log::EventLog;
use event_loop::LoopOptions;
use session_source::SessionSource;
use slowgrad_app::headless;
use slowgrad_script::Limits;
use slowgrad_session::Session;
use std::path::PathBuf;

/// The options of the window.
#[derive(Debug)]
pub(crate) struct WindowOptions {
    /// A lesson or session file, or the name of a lesson; `None` is the welcome lesson.
    pub(crate) lesson: Option<PathBuf>,
    /// The limits on scripts.
    pub(crate) limits: Limits,
    /// The inner size in points.
    pub(crate) size_pts: Option<(u32, u32)>,
    /// The PNG file to draw the window into, instead of opening it.
    pub(crate) screenshot: Option<Output>,
    /// The seconds of playback before the screenshot.
    pub(crate) after_secs: f64,
    /// The file of the event log.
    pub(crate) log_events: Option<Output>,
}

/// The default size of the window.
const DEFAULT_SIZE_PTS: [u32; 2] = [1280, 720];

/// Opens the window and returns when it closes, or writes a screenshot.
pub(crate) fn run(options: WindowOptions) -> Result<(), WindowError> {
    let WindowOptions { lesson, limits, size_pts, screenshot, after_secs, log_events } = options;
    if screenshot.is_none() {
        library::create_user_folder();
    }
    let source = SessionSource::read(lesson.as_deref())?;
    if let Some(output) = screenshot {
        let size = size_pts.unwrap_or(DEFAULT_SIZE_PTS.into());
        return write_screenshot(output, size, after_secs, source.start(limits, || {})?);
    }
    let log = EventLog::new(log_events)?;
    let any_lesson = lesson.is_none();
    event_loop::run(LoopOptions { size_pts, log, limits, source, any_lesson, folders: Folders::of_user() })
}

/// Draws the window once and writes the image as a PNG file.
fn write_screenshot(output: Output, size: (u32, u32), after_secs: f64, session: Session) -> Result<(), WindowError> {
    let fonts = SystemFonts::default();
    let find_fonts = |letters: &str| fonts.find(letters);
    let picture = pollster::block_on(headless::screenshot(clock(), size, after_secs, session, find_fonts))?;
    let mut bytes = Vec::new();
    picture.write_png(&mut bytes).map_err(|error| WindowError::Encode(error.to_string()))?;
    Ok(output.write(&bytes)?)
}
