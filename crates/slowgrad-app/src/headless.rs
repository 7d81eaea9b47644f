//! The app without a window, for screenshots and benchmarks.
//!
//! Time is simulated, so that a screenshot shows the same moment on every machine. It must not know files or
//! measurements.

use crate::platform::{NoFiles, PlatformRequest};
use crate::state::App;
use egui::{ClippedPrimitive, Context, Pos2, RawInput, Rect, Vec2};
use slowgrad_render::fallback_fonts::FoundFonts;
use slowgrad_render::{Offscreen, RenderError, RgbaImage, text_order};
use slowgrad_session::{BackendLink, Clock, Session};
use slowgrad_tape::{Diagnostic, Severity};
use slowgrad_timeline::events::Granularity;
use slowgrad_timeline::playback::playhead::Command;
use std::time::Duration;

/// The longest wait for the lesson.
const TIMEOUT: Duration = Duration::from_mins(1);
/// The simulated duration of a frame before a screenshot.
const SCREENSHOT_FRAME_SECS: f64 = 1.0 / 30.0;
/// The last frames before a screenshot are laid out for this long, so that the camera arrives where the lesson sent it.
const LAYOUT_SECS: f64 = 1.0;
/// The simulated duration of a frame in a benchmark.
const FRAME_SECS: f64 = 1.0 / 60.0;

/// The reasons why a screenshot fails.
#[derive(Debug, thiserror::Error)]
pub enum ScreenshotError {
    /// The lesson was not ready in time.
    #[error("timed out waiting for the lesson")]
    NotReady,
    /// The lesson does not open or stops with these errors.
    #[error("the lesson has errors")]
    Lesson(Vec<Diagnostic>),
    /// The renderer failed.
    #[error(transparent)]
    Render(#[from] RenderError),
}

/// Plays a lesson for some time and draws the window once, with the fonts that `find_fonts` returns for letters that the
/// built-in fonts lack.
///
/// # Errors
///
/// When the lesson has errors or is not ready after a minute, or when the renderer fails.
pub async fn screenshot(
    clock: Clock,
    (width, height): (u32, u32),
    after_secs: f64,
    mut session: Session,
    find_fonts: impl Fn(&str) -> FoundFonts,
) -> Result<RgbaImage, ScreenshotError> {
    let mut offscreen = Offscreen::new(width, height, 1.0).await?;
    let mut app = App::new(offscreen.context().clone(), NoFiles);
    let mut elapsed = 0.0;
    loop {
        while session.is_busy() {
            if !session.run_until_idle(clock.deadline(TIMEOUT)) {
                return Err(ScreenshotError::NotReady);
            }
        }
        let problems = session.snapshot.iter().flat_map(|snapshot| snapshot.problems.iter());
        let errors: Vec<Diagnostic> = problems.filter(|problem| problem.severity == Severity::Error).cloned().collect();
        if !errors.is_empty() {
            return Err(ScreenshotError::Lesson(errors));
        }
        if elapsed >= after_secs {
            break;
        }
        // There is no presenter to continue the lesson.
        if session.player.waits_for_presenter() {
            session.advance_lesson();
        }
        session.tick(SCREENSHOT_FRAME_SECS);
        elapsed += SCREENSHOT_FRAME_SECS;
        if elapsed >= after_secs - LAYOUT_SECS {
            offscreen.lay_out(SCREENSHOT_FRAME_SECS, |ui| app.window_ui(ui, &mut session));
        }
    }
    // Selects the running element, so that the screenshot shows an explanation.
    if let Some((timeline, playhead)) = session.now() {
        session.view.selected = Some(timeline.event(playhead.event()).target);
    }
    loop {
        let picture = offscreen.render(|ui| app.window_ui(ui, &mut session)).await?;
        let mut is_complete = true;
        for request in app.take_requests() {
            if let PlatformRequest::FindFonts(letters) = request {
                app.add_fonts(find_fonts(&letters), &mut session);
                is_complete = false;
            }
        }
        if is_complete {
            return Ok(picture);
        }
    }
}

/// An app that draws the frames of a playing step.
pub struct HeadlessApp {
    ctx: Context,
    app: App,
    session: Session,
    size: Vec2,
    secs: f64,
}

impl HeadlessApp {
    /// An app with the lesson of a backend, or `None` when the lesson cannot run.
    pub fn new(clock: Clock, link: impl BackendLink + 'static, size: Vec2) -> Option<Self> {
        let mut session = Session::new(link);
        if !session.run_until_idle(clock.deadline(TIMEOUT)) {
            return None;
        }
        session.player.hold();
        session.now()?;
        let ctx = Context::default();
        let app = App::new(ctx.clone(), NoFiles);
        Some(Self { ctx, app, session, size, secs: 0.0 })
    }

    /// Plays layer by layer from a position in the step, given as a share from 0 to 1.
    pub fn play_from(&mut self, share: f64) {
        let events = self.session.now().map_or(0, |(timeline, _)| timeline.len());
        self.session.command_playhead(&Command::Granularity(Granularity::Layer));
        self.session.take_over(&Command::Place(share * events as f64));
        self.session.command_playhead(&Command::Play);
    }

    /// Draws the next frame; returns the triangles for the graphics card.
    pub fn frame(&mut self) -> Vec<ClippedPrimitive> {
        self.secs += FRAME_SECS;
        self.session.tick(FRAME_SECS);
        let screen_rect = Some(Rect::from_min_size(Pos2::ZERO, self.size));
        let raw = RawInput { screen_rect, time: Some(self.secs), ..RawInput::default() };
        let mut output = self.ctx.run_ui(raw, |ui| self.app.window_ui(ui, &mut self.session));
        let shapes = std::mem::take(&mut output.shapes);
        output.drop_without_applying_deltas();
        text_order::tessellate(&self.ctx, shapes, 1.0)
    }
}
