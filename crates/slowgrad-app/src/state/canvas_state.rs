//! Where the network was drawn, and the camera animation that a lesson starts there.

use crate::camera_animation::CameraAnimation;
use egui::{Pos2, Rect, Ui, Vec2};
use slowgrad_session::Session;
use slowgrad_timeline::playback::cue::CameraTarget;
use slowgrad_timeline::scene::{Bounds, Layout};

/// An animation frame is at most this long, so that a slow frame does not skip the animation.
const MAX_FRAME_SECS: f32 = 0.1;

/// The drawing area of the network.
#[derive(Debug, Default)]
pub(crate) struct CanvasState {
    rect: Option<Rect>,
    first_weight: Option<Pos2>,
    animation: Option<CameraAnimation>,
}

impl CanvasState {
    /// The drawing area in the last frame.
    pub(crate) fn rect(&self) -> Option<Rect> {
        self.rect
    }

    /// The position of the first weight in the last frame.
    pub(crate) fn first_weight(&self) -> Option<Pos2> {
        self.first_weight
    }

    pub(crate) fn set_drawn(&mut self, rect: Option<Rect>, first_weight: Option<Pos2>) {
        self.rect = rect;
        self.first_weight = first_weight;
    }

    /// Moves the view towards the camera target of the lesson, in a network of these bounds drawn at this size.
    pub(crate) fn animate(
        &mut self,
        ui: &Ui,
        session: &mut Session,
        layout: Option<&Layout>,
        (size, whole): (Vec2, Bounds),
        reduced_motion: bool,
    ) {
        if let (Some(look), Some(layout)) = (session.take_camera_target(), layout)
            && let Some((timeline, _)) = session.now()
        {
            let shape = &timeline.step().shape;
            let exists = match look {
                CameraTarget::Fit => true,
                CameraTarget::Layer(layer) => layer < shape.layers(),
                CameraTarget::At(target) => target.exists_in(shape),
            };
            self.animation = exists.then(|| CameraAnimation::new(&session.view, look, whole, layout, shape, size));
        }
        if let Some(mut animation) = self.animation.take() {
            let dt_secs =
                if reduced_motion { f32::INFINITY } else { ui.input(|input| input.stable_dt).min(MAX_FRAME_SECS) };
            let running = animation.advance(&mut session.view, dt_secs);
            self.animation = running.then_some(animation);
            // The level of detail depends on the zoom.
            ui.ctx().request_repaint();
        }
    }
}
