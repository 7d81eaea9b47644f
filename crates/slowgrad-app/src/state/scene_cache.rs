//! The last scene of a network, with its layout and the elements that were dragged.
//!
//! It must not know panels, keys or sessions.

use egui::Vec2;
use slowgrad_engine::record::RecordedStep;
use slowgrad_session::Arrangement;
use slowgrad_timeline::Timeline;
use slowgrad_timeline::events::Phase;
use slowgrad_timeline::scene::{Layout, Moment, Scene, SceneOptions, SceneSummary, Target, draw_scene};
use std::sync::Arc;

/// The scene of one network.
#[derive(Default)]
pub(crate) struct SceneCache {
    layout: Option<Layout>,
    /// The space that the layout fills, in points.
    room: Option<Vec2>,
    /// Dragged elements, with their distance from their places.
    moved: Vec<(Target, Vec2)>,
    /// Whether `moved` has changes that were not sent to the run.
    unsent: bool,
    /// The last arrangement of the run.
    arrangement: Arrangement,
    drawn: Option<(Arc<Timeline>, Moment, SceneOptions, Arc<Scene>)>,
}

/// The moment that is shown while training at full speed: the predictions, not their computation.
pub(super) fn predictions_moment(timeline: &Timeline) -> Moment {
    let last = timeline.step().samples.len() - 1;
    let events = timeline.phase(Phase::Loss, Some(last)).unwrap_or(0..1);
    Moment { events, progress: 1.0 }
}

impl SceneCache {
    /// The scene at a moment of a step, from the data that the backend has prepared for the whole step.
    pub(super) fn scene(
        &mut self,
        (timeline, picture): (&Arc<Timeline>, &SceneSummary),
        moment: &Moment,
        options: &SceneOptions,
    ) -> Arc<Scene> {
        let layout = self.layout(timeline.step());
        if let Some((drawn, at, with, scene)) = &self.drawn
            && Arc::ptr_eq(drawn, timeline)
            && at == moment
            && with == options
        {
            return Arc::clone(scene);
        }
        let scene = Arc::new(draw_scene(picture, timeline, &layout, moment, options));
        self.drawn = Some((Arc::clone(timeline), moment.clone(), options.clone(), Arc::clone(&scene)));
        scene
    }

    /// Sets the space for the network, in points; the layout is stretched to its aspect ratio.
    pub(super) fn set_room(&mut self, room: Vec2) {
        if self.room != Some(room) {
            self.room = Some(room);
            self.layout = None;
        }
    }

    /// Moves all dragged elements back to their places.
    pub(super) fn reset_layout(&mut self) {
        self.unsent = !self.moved.is_empty();
        self.moved.clear();
        self.layout = None;
    }

    /// The layout of the last scene.
    pub(super) fn layout_now(&self) -> Option<&Layout> {
        self.layout.as_ref()
    }

    fn layout(&mut self, step: &RecordedStep) -> Layout {
        let (shape, longest_name) = (&step.shape, step.io_names.longest_input());
        if let Some(layout) = self.layout.take().filter(|layout| layout.fits(shape)) {
            return self.layout.insert(layout.with_input_names(longest_name)).clone();
        }
        let mut layout = self
            .room
            .map_or_else(|| Layout::new(shape), |room| Layout::within(shape, room.into()))
            .with_input_names(longest_name);
        for &(target, by) in &self.moved {
            let [x, y] = layout.position(target);
            layout.set_position(target, [x + by.x, y + by.y]);
        }
        self.drawn = None;
        self.layout = Some(layout.clone());
        layout
    }

    /// The position of an element, in world units.
    pub(super) fn position(&self, target: Target) -> Option<[f32; 2]> {
        self.layout.as_ref().map(|layout| layout.position(target))
    }

    /// Moves an element by a distance in world units.
    pub(super) fn drag(&mut self, target: Target, by: Vec2) {
        let Some(layout) = &mut self.layout else { return };
        let [x, y] = layout.position(target);
        layout.set_position(target, [x + by.x, y + by.y]);
        match self.moved.iter_mut().find(|(moved, _)| *moved == target) {
            Some((_, moved)) => *moved += by,
            None => self.moved.push((target, by)),
        }
        self.unsent = true;
        self.drawn = None;
    }

    /// The dragged elements, when the run does not have them yet.
    pub(super) fn take_moved(&mut self) -> Option<Arrangement> {
        let moved = self.moved.iter().map(|(target, by)| (*target, [by.x, by.y]));
        std::mem::take(&mut self.unsent).then(|| moved.collect())
    }

    /// Takes over the arrangement of the run when it has changed, by another lesson or by undo.
    pub(super) fn update(&mut self, arrangement: &Arrangement) {
        if self.arrangement == *arrangement {
            return;
        }
        self.arrangement = Arc::clone(arrangement);
        let moved: Vec<(Target, Vec2)> =
            arrangement.iter().map(|(target, [x, y])| (*target, Vec2::new(*x, *y))).collect();
        if self.moved != moved {
            self.moved = moved;
            self.layout = None;
        }
    }
}
