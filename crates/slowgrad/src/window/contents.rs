//! What a window shows, without a window: for whoever measures how long its frames take.
//!
//! It must not know what is measured.

use super::gui::Gui;
use super::session::Session;
use crate::worker::Worker;
use egui::{ClippedPrimitive, Context, Pos2, RawInput, Rect, Vec2};
use slowgrad_timeline::granularity::Granularity;
use slowgrad_timeline::playhead::Command;
use std::time::Duration;

/// A lesson that is not ready after this long never will be.
const PATIENCE: Duration = Duration::from_mins(1);
const FRAME_SECS: f64 = 1.0 / 60.0;

/// The panels around a network whose step is played.
pub(crate) struct Contents {
    ctx: Context,
    gui: Gui,
    session: Session,
    size: Vec2,
    secs: f64,
}

impl Contents {
    /// With what a worker opens; nothing when that cannot run.
    pub(crate) fn of(worker: Worker, size: Vec2) -> Option<Self> {
        let mut session = Session::new(worker);
        if !session.settle(PATIENCE) {
            return None;
        }
        session.performance.hold();
        session.now()?;
        let ctx = Context::default();
        let gui = Gui::new(ctx.clone(), None);
        Some(Self { ctx, gui, session, size, secs: 0.0 })
    }

    /// Plays on from a share of the step, layer by layer.
    pub(crate) fn play_from(&mut self, share: f64) {
        let events = self.session.now().map_or(0, |(timeline, _)| timeline.len());
        self.session.steer(&Command::Granularity(Granularity::Layer));
        self.session.take_over(&Command::Place(share * events as f64));
        self.session.steer(&Command::Play);
    }

    /// The next frame, up to the shapes that the graphics card is handed.
    pub(crate) fn frame(&mut self) -> Vec<ClippedPrimitive> {
        self.secs += FRAME_SECS;
        self.session.tick(FRAME_SECS);
        let screen_rect = Some(Rect::from_min_size(Pos2::ZERO, self.size));
        let raw = RawInput { screen_rect, time: Some(self.secs), ..RawInput::default() };
        let mut output = self.ctx.run_ui(raw, |ui| self.gui.window_ui(ui, &mut self.session));
        let shapes = std::mem::take(&mut output.shapes);
        output.drop_without_applying_deltas();
        self.ctx.tessellate(shapes, 1.0)
    }
}
