//! The networks on the canvas: that of the run and that of the comparison.
//!
//! It must not know panels or keys.

use super::canvas_state::CanvasState;
use super::comparison_view::ComparisonView;
use super::scene_cache::{SceneCache, predictions_moment};
use egui::{Ui, Vec2};
use slowgrad_render::ScreenView;
use slowgrad_session::{Arrangement, Change, Session};
use slowgrad_timeline::scene::{Bounds, Moment, Scene, SceneOptions, Target, zoom_step};
use std::sync::Arc;

/// What the canvas draws, from frame to frame.
#[derive(Default)]
pub(crate) struct NetworkView {
    scenes: SceneCache,
    pub(crate) canvas: CanvasState,
    pub(crate) comparison: ComparisonView,
}

impl NetworkView {
    /// The scene of this moment. Without animations a playing unit is shown at its end.
    pub(crate) fn scene(&mut self, session: &Session, reduced_motion: bool) -> Option<Arc<Scene>> {
        let (timeline, playhead) = session.now()?;
        let picture = session.snapshot.as_ref()?.summary.as_ref()?;
        let moment = if session.is_full_speed() {
            predictions_moment(timeline)
        } else {
            let under_way = playhead.is_playing() || playhead.progress() > 0.0;
            let progress = if reduced_motion && under_way { 1.0 } else { playhead.progress() };
            Moment { events: playhead.unit(), progress }
        };
        let options = SceneOptions {
            selected: session.view.selected,
            highlighted: session.snapshot.as_ref().and_then(|snapshot| snapshot.highlighted.clone()),
            maps: session.snapshot.as_ref().and_then(|snapshot| snapshot.maps.clone()),
            zoom: zoom_step(session.view.zoom),
            visible: self.canvas.rect().filter(|_| !session.view.auto_fit).map(|area| session.view.bounds(area)),
            ..SceneOptions::default()
        };
        Some(self.scenes.scene((timeline, picture), &moment, &options))
    }

    /// The scene of the run whose values are explained.
    pub(crate) fn explained_scene(&mut self, session: &Session, reduced_motion: bool) -> Option<Arc<Scene>> {
        if self.comparison.focused_timeline(session).is_some() {
            self.comparison.scene(session)
        } else {
            self.scene(session, reduced_motion)
        }
    }

    /// Takes over the positions of the run's neurons, and the end of a comparison.
    pub(super) fn update(&mut self, session: &Session) {
        let Some(snapshot) = &session.snapshot else { return };
        self.scenes.update(&snapshot.recipe.arrangement);
        self.comparison.scenes.update(&snapshot.recipe.arrangement);
        self.comparison.update(snapshot.comparison.is_some());
    }

    /// Sets the space for one network, in points.
    pub(crate) fn set_room(&mut self, room: Vec2) {
        self.scenes.set_room(room);
        self.comparison.scenes.set_room(room);
    }

    /// The position of an element, in world units.
    pub(crate) fn position(&self, target: Target) -> Option<[f32; 2]> {
        self.scenes.position(target)
    }

    /// Moves a neuron or an input by a distance in world units.
    pub(crate) fn drag(&mut self, target: Target, by: Vec2) {
        self.scenes.drag(target, by);
    }

    /// Moves all dragged elements back to their places.
    pub(crate) fn reset_layout(&mut self) {
        self.scenes.reset_layout();
    }

    /// Sends dragged positions to the run.
    pub(super) fn send_arrangement(&mut self, session: &mut Session) {
        let moved: Option<Arrangement> = self.scenes.take_moved();
        if let Some(arrangement) = moved {
            session.send(Change::Arrange(arrangement).into());
        }
    }

    /// Moves the view towards the lesson's camera target; `drawn` is the size and the bounds of the network.
    pub(crate) fn animate(&mut self, ui: &Ui, session: &mut Session, drawn: (Vec2, Bounds), reduced_motion: bool) {
        self.canvas.animate(ui, session, self.scenes.layout_now(), drawn, reduced_motion);
    }
}
