//! The app without a window: one screenshot of it, and its frames for measurements.
//!
//! Time is simulated, so the screenshot shows the same moment on every machine. It must not know files or what is measured.

use crate::platform::NoFiles;
use crate::state::App;
use egui::{ClippedPrimitive, Context, Pos2, RawInput, Rect, Vec2};
use slowgrad_render::{Offscreen, RenderError, RgbaImage};
use slowgrad_session::{Clock, Link, Session};
use slowgrad_timeline::granularity::Granularity;
use slowgrad_timeline::playhead::Command;
use std::time::Duration;

/// A lesson that is not ready after this long never will be.
const TIMEOUT: Duration = Duration::from_mins(1);
/// The simulated frames of a screenshot.
const SCREENSHOT_FRAME_SECS: f64 = 1.0 / 30.0;
/// The simulated frames of a measurement.
const FRAME_SECS: f64 = 1.0 / 60.0;

/// Why there is no screenshot.
#[derive(Debug, thiserror::Error)]
pub enum ScreenshotError {
    /// The lesson did not get ready in time.
    #[error("timed out waiting for the lesson")]
    NotReady,
    /// Nothing can be drawn.
    #[error(transparent)]
    Render(#[from] RenderError),
}

/// Lets the lesson play for a while and draws the window once.
///
/// # Errors
///
/// When the lesson is not ready after a minute, or nothing can be drawn.
pub async fn screenshot(
    clock: Clock,
    (width, height): (u32, u32),
    after_secs: f64,
    mut session: Session,
) -> Result<RgbaImage, ScreenshotError> {
    let mut elapsed = 0.0;
    loop {
        while session.is_unsettled() {
            if !session.run_until_idle(clock.deadline(TIMEOUT)) {
                return Err(ScreenshotError::NotReady);
            }
        }
        if elapsed >= after_secs {
            break;
        }
        // Nobody is there to press Page Down.
        if session.performance.waits_for_presenter() {
            session.go_on();
        }
        session.tick(SCREENSHOT_FRAME_SECS);
        elapsed += SCREENSHOT_FRAME_SECS;
    }
    // What is running is explained, so that the screenshot has something to say.
    if let Some((timeline, playhead)) = session.now() {
        session.view.selected = Some(timeline.event(playhead.event()).target);
    }
    let mut offscreen = Offscreen::new(width, height, 1.0).await?;
    let mut app = App::new(offscreen.context().clone(), NoFiles);
    Ok(offscreen.render(|ui| app.window_ui(ui, &mut session)).await?)
}

/// The panels around a network whose step is played.
pub struct HeadlessApp {
    ctx: Context,
    app: App,
    session: Session,
    size: Vec2,
    secs: f64,
}

impl HeadlessApp {
    /// With the lesson that a backend opens; `None` when that cannot run.
    pub fn new(clock: Clock, link: impl Link + 'static, size: Vec2) -> Option<Self> {
        let mut session = Session::new(link);
        if !session.run_until_idle(clock.deadline(TIMEOUT)) {
            return None;
        }
        session.performance.hold();
        session.now()?;
        let ctx = Context::default();
        let app = App::new(ctx.clone(), NoFiles);
        Some(Self { ctx, app, session, size, secs: 0.0 })
    }

    /// Plays on from a share of the step, layer by layer.
    pub fn play_from(&mut self, share: f64) {
        let events = self.session.now().map_or(0, |(timeline, _)| timeline.len());
        self.session.steer(&Command::Granularity(Granularity::Layer));
        self.session.take_over(&Command::Place(share * events as f64));
        self.session.steer(&Command::Play);
    }

    /// The next frame, up to the shapes that the graphics card is handed.
    pub fn frame(&mut self) -> Vec<ClippedPrimitive> {
        self.secs += FRAME_SECS;
        self.session.tick(FRAME_SECS);
        let screen_rect = Some(Rect::from_min_size(Pos2::ZERO, self.size));
        let raw = RawInput { screen_rect, time: Some(self.secs), ..RawInput::default() };
        let mut output = self.ctx.run_ui(raw, |ui| self.app.window_ui(ui, &mut self.session));
        let shapes = std::mem::take(&mut output.shapes);
        output.drop_without_applying_deltas();
        self.ctx.tessellate(shapes, 1.0)
    }
}
