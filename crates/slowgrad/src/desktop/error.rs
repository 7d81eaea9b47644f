//! Errors of the window.

use crate::files::library::LoadError;
use crate::files::output::OutputError;
use crate::files::sessions::SessionReadError;
use slowgrad_app::headless::ScreenshotError;

/// Why the window cannot open, or why it closed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WindowError {
    /// The lesson or its folder cannot be read.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// The session file cannot be opened.
    #[error(transparent)]
    Session(#[from] SessionReadError),
    /// There is no display to open a window on.
    #[error(
        "cannot open a window ({0}); without a display, use `slowgrad render` for images and `slowgrad trace` for text"
    )]
    Display(String),
    /// There is a display, but no driver that can draw to a window on it.
    #[error(
        "no graphics driver can draw to this window; on Debian and Ubuntu install mesa-vulkan-drivers \
         (software rendering, works without a GPU)"
    )]
    NoDriver,
    /// The renderer failed.
    #[error(transparent)]
    Render(#[from] slowgrad_render::RenderError),
    /// A thread cannot be started.
    #[error("cannot start the training thread: {0}")]
    Thread(#[source] std::io::Error),
    /// The screenshot or the event log cannot be written.
    #[error(transparent)]
    Output(#[from] OutputError),
    /// The screenshot cannot be encoded as PNG.
    #[error("cannot encode the picture: {0}")]
    Encode(String),
    /// The screenshot cannot be drawn.
    #[error(transparent)]
    Screenshot(#[from] ScreenshotError),
}

/// The message of an error on one line, without the position in the source of the window library that some messages
/// start with.
pub(super) fn one_line(error: &dyn std::error::Error) -> String {
    let text = error.to_string().lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join(" ");
    let cause = text.split_once(".rs:").and_then(|(_, rest)| rest.split_once(": ")).map(|(_, cause)| cause);
    cause.unwrap_or(&text).trim_end_matches('.').to_owned()
}
