//! The picture of the network, kept from frame to frame: where everything stands, what was dragged, and the scene of
//! this moment, also of the run that goes along.
//!
//! It must not know panels or keys.

use super::Gui;
use egui::Vec2;
use slowgrad_engine::shape::Shape;
use slowgrad_render::ScreenView;
use slowgrad_session::Arrangement;
use slowgrad_session::Session;
use slowgrad_timeline::Timeline;
use slowgrad_timeline::events::Phase;
use slowgrad_timeline::scene::{
    Layout, Moment, Scene, SceneOptions, SceneSummary, Target, View, draw_scene, zoom_step,
};
use std::sync::Arc;

/// The network's picture.
#[derive(Default)]
pub(crate) struct Scenery {
    pub(crate) layout: Option<Layout>,
    /// The room that the layout is stretched for.
    room: Option<Vec2>,
    /// What a person has dragged, and how far from where it stands by itself.
    moved: Vec<(Target, Vec2)>,
    /// Whether the run does not know of it yet.
    is_moved: bool,
    /// What the run said last.
    told: Arrangement,
    drawn: Option<(Arc<Timeline>, Moment, SceneOptions, Arc<Scene>)>,
}

/// The picture of the run that goes along.
#[derive(Default)]
pub(crate) struct RivalPicture {
    pub(crate) scenery: Scenery,
    pub(crate) view: View,
    /// Whether its numbers are explained, and not those of the first run.
    pub(crate) is_in_focus: bool,
    /// A step, an event of it in the first run, and the event of this run that a link led to meanwhile.
    pub(crate) pinned: Option<(u64, usize, usize)>,
}

impl Gui {
    /// The step of the run that goes along, when its numbers are the ones to be explained.
    pub(crate) fn rival_in_focus(&self, session: &Session) -> Option<Arc<Timeline>> {
        let rival = session.snapshot.as_ref()?.rival.as_ref()?;
        rival.timeline.clone().filter(|_| self.rival.is_in_focus)
    }

    /// Where the run that goes along is: at the same operation, as far through the same neuron, or where a link led.
    pub(crate) fn rival_moment(&self, session: &Session, theirs: &Timeline) -> Option<Moment> {
        let (mine, playhead) = session.now()?;
        if session.is_full_speed() {
            return Some(answered(theirs));
        }
        let events = playhead.unit();
        let is_still = !playhead.is_playing() && theirs.step().step == mine.step().step;
        let pinned = self.rival.pinned.filter(|(step, event, there)| {
            is_still && (*step, *event) == (mine.step().step, playhead.event()) && *there < theirs.len()
        });
        if let Some((.., there)) = pinned {
            return Some(Moment { events: there..there + 1, progress: playhead.progress() });
        }
        let start = mine.counterpart(events.start, theirs);
        let end = mine.counterpart(events.end, theirs).max(start + 1).min(theirs.len());
        Some(Moment { events: start..end, progress: playhead.progress() })
    }

    /// The scene of the run that goes along at this moment.
    pub(crate) fn rival_scene(&mut self, session: &Session) -> Option<Arc<Scene>> {
        let rival = session.snapshot.as_ref()?.rival.as_ref()?;
        let (theirs, picture) = (rival.timeline.as_ref()?, rival.picture.as_ref()?);
        let moment = self.rival_moment(session, theirs)?;
        let options = SceneOptions {
            selected: session.view.selected,
            maps: rival.maps.clone(),
            zoom: zoom_step(self.rival.view.zoom),
            ..SceneOptions::default()
        };
        Some(self.rival.scenery.scene((theirs, picture), &moment, &options))
    }

    /// The scene whose numbers are explained.
    pub(crate) fn scene_in_focus(&mut self, session: &Session) -> Option<Arc<Scene>> {
        if self.rival_in_focus(session).is_some() { self.rival_scene(session) } else { self.scene(session) }
    }

    /// The scene of this moment.
    pub(crate) fn scene(&mut self, session: &Session) -> Option<Arc<Scene>> {
        let (timeline, playhead) = session.now()?;
        let picture = session.snapshot.as_ref()?.picture.as_ref()?;
        let moment = if session.is_full_speed() {
            answered(timeline)
        } else {
            // Without motion a unit is shown as it ends, from its start on.
            let is_under_way = playhead.is_playing() || playhead.progress() > 0.0;
            let jumps = self.has_reduced_motion() && is_under_way;
            Moment { events: playhead.unit(), progress: if jumps { 1.0 } else { playhead.progress() } }
        };
        let options = SceneOptions {
            selected: session.view.selected,
            highlighted: session.snapshot.as_ref().and_then(|snapshot| snapshot.lit.clone()),
            maps: session.snapshot.as_ref().and_then(|snapshot| snapshot.maps.clone()),
            zoom: zoom_step(session.view.zoom),
            visible: self.canvas.filter(|_| !session.view.auto_fit).map(|area| session.view.bounds(area)),
            ..SceneOptions::default()
        };
        Some(self.scenery.scene((timeline, picture), &moment, &options))
    }
}

/// Training at full speed shows what the network answers, not how.
fn answered(timeline: &Timeline) -> Moment {
    let last = timeline.step().samples.len() - 1;
    let events = timeline.phase(Phase::Loss, Some(last)).unwrap_or(0..1);
    Moment { events, progress: 1.0 }
}

impl Scenery {
    /// The scene of a moment of a step, with what the worker has made for all scenes of that step.
    fn scene(
        &mut self,
        (timeline, picture): (&Arc<Timeline>, &SceneSummary),
        moment: &Moment,
        options: &SceneOptions,
    ) -> Arc<Scene> {
        let layout = self.layout(&timeline.step().shape);
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

    /// The room that there is for the network, to whose shape the layout is stretched.
    pub(crate) fn set_room(&mut self, room: Vec2) {
        if self.room != Some(room) {
            self.room = Some(room);
            self.layout = None;
        }
    }

    /// Everything stands where it stands by itself.
    pub(crate) fn arrange(&mut self) {
        self.is_moved = !self.moved.is_empty();
        self.moved.clear();
        self.layout = None;
    }

    fn layout(&mut self, shape: &Shape) -> Layout {
        if let Some(layout) = self.layout.as_ref().filter(|layout| layout.fits(shape)) {
            return layout.clone();
        }
        let mut layout = self.room.map_or_else(|| Layout::new(shape), |room| Layout::within(shape, room.into()));
        for &(target, by) in &self.moved {
            let [x, y] = layout.position(target);
            layout.set_position(target, [x + by.x, y + by.y]);
        }
        self.drawn = None;
        self.layout = Some(layout.clone());
        layout
    }

    /// Where a mark stands, in the world.
    pub(crate) fn position(&self, target: Target) -> Option<[f32; 2]> {
        self.layout.as_ref().map(|layout| layout.position(target))
    }

    /// Moves a disc by so much.
    pub(crate) fn drag(&mut self, target: Target, by: Vec2) {
        let Some(layout) = &mut self.layout else { return };
        let [x, y] = layout.position(target);
        layout.set_position(target, [x + by.x, y + by.y]);
        match self.moved.iter_mut().find(|(moved, _)| *moved == target) {
            Some((_, moved)) => *moved += by,
            None => self.moved.push((target, by)),
        }
        self.is_moved = true;
        self.drawn = None;
    }

    /// What has been moved, when the run does not know of it yet.
    pub(crate) fn moved(&mut self) -> Option<Arrangement> {
        let moved = self.moved.iter().map(|(target, by)| (*target, [by.x, by.y]));
        std::mem::take(&mut self.is_moved).then(|| moved.collect())
    }

    /// Moves discs as the run has them moved, when that has changed: another lesson, or a move that was undone.
    pub(crate) fn heed(&mut self, told: &Arrangement) {
        if self.told == *told {
            return;
        }
        self.told = Arc::clone(told);
        let moved: Vec<(Target, Vec2)> = told.iter().map(|(target, [x, y])| (*target, Vec2::new(*x, *y))).collect();
        if self.moved != moved {
            self.moved = moved;
            self.layout = None;
        }
    }
}
