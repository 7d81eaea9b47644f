//! One picture of the window without opening it: the same panels, drawn offscreen.
//!
//! Time is simulated, so the picture shows the same moment on every machine.

use super::WindowError;
use super::gui::Gui;
use super::session::Session;
use slowgrad_render::Offscreen;
use std::fs::File;
use std::io::BufWriter;
use std::path::Path;
use std::time::Duration;

/// A lesson that is not ready after this long never will be.
const PATIENCE: Duration = Duration::from_mins(1);
/// The simulated frames.
const FRAME_SECS: f64 = 1.0 / 30.0;

/// Lets the lesson play for a while, draws the window and writes it as PNG.
pub(crate) fn picture(
    path: &Path,
    (width, height): (u32, u32),
    after_secs: f64,
    mut session: Session,
) -> Result<(), WindowError> {
    let mut elapsed = 0.0;
    loop {
        while session.is_unsettled() {
            if !session.settle(PATIENCE) {
                return Err(WindowError::NotReady);
            }
        }
        if elapsed >= after_secs {
            break;
        }
        // Nobody is there to press Page Down.
        if session.performance.waits_for_presenter() {
            session.go_on();
        }
        session.tick(FRAME_SECS);
        elapsed += FRAME_SECS;
    }
    // What is running is explained, so that the picture has something to say.
    if let Some((timeline, playhead)) = session.now() {
        session.view.selected = Some(timeline.event(playhead.event()).target);
    }
    let mut offscreen = Offscreen::new(width, height, 1.0)?;
    let mut gui = Gui::new(offscreen.context().clone(), None);
    let picture = offscreen.picture(|ui| gui.window_ui(ui, &mut session))?;
    let failed =
        |cause: &dyn std::error::Error| WindowError::Picture { path: path.to_owned(), cause: cause.to_string() };
    let file = File::create(path).map_err(|error| failed(&error))?;
    picture.write_png(BufWriter::new(file)).map_err(|error| failed(&error))
}
