//! Restoring what the viewer of a saved session saw, once the run has been made again.

use super::{Performance, RunStart, Session};
use crate::file::{Camera, Repeat, SessionFile};
use crate::protocol::Command;
use slowgrad_timeline::playback::playhead::{self, Loop, Playhead};
use slowgrad_timeline::scene::View;

impl Session {
    /// The worker's first command makes a saved run again: the rest follows when that is done.
    pub fn restoring(mut self, file: SessionFile) -> Self {
        self.start = RunStart::Hold;
        self.restoring = Some(Box::new(file));
        self
    }

    /// Whether a saved session is on its way.
    pub fn is_restoring(&self) -> bool {
        self.restoring.is_some()
    }

    /// The run is what it was: now the viewer goes where they were.
    pub fn restore_view(&mut self) {
        let is_there = self.snapshot.as_ref().is_some_and(|snapshot| !snapshot.training && snapshot.timeline.is_some());
        if !is_there || self.is_unsettled() {
            return;
        }
        let Some(file) = self.restoring.take() else { return };
        let Some(snapshot) = &self.snapshot else { return };
        let cues = snapshot.lesson.as_ref().map(|lesson| lesson.cues.clone()).unwrap_or_default();
        let Some(timeline) = snapshot.timeline.clone() else { return };
        self.performance = Performance::at(cues, file.cue);
        self.bookmarks = file.bookmarks;
        self.view = View::default();
        self.view.selected = file.selected;
        if let Some(Camera { center, zoom }) = file.camera {
            (self.view.center, self.view.zoom, self.view.auto_fit) = (center, zoom, false);
        }
        self.panels = Some(file.panels);
        let mut playhead = Playhead::new(&timeline, file.granularity);
        let repeat = match file.repeat {
            Repeat::Off => Loop::Off,
            Repeat::Step => Loop::Step,
            Repeat::Events(range) => Loop::Range(range),
        };
        let is_same_step = timeline.step().step == file.run.recipe.step;
        for command in [playhead::Command::Speed(file.speed), playhead::Command::Loop(repeat)] {
            playhead.apply(&command, &timeline);
        }
        if is_same_step {
            playhead.apply(&playhead::Command::Place(file.position), &timeline);
        }
        self.playhead = Some(playhead);
        if file.compared.is_some() {
            self.send(Command::Compare(file.compared));
        }
        let Some((timeline, _)) = self.now() else { return };
        let loss = timeline.step().loss;
        if is_same_step && file.loss.is_some_and(|was| was.to_bits() != loss.to_bits()) {
            let was = file.loss.unwrap_or_default();
            self.notice(format!(
                "the lesson's files have changed since: the loss at this step was {was} and is now {loss}"
            ));
        }
    }
}
