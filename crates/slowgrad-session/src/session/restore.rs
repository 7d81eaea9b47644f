//! Restores the view of a saved session after the backend has replayed its run.
//!
//! It must not know the file format.

use super::{Bookmarks, RunStart, Session};
use crate::file::{CameraDto, OpenPanels, RepeatDto, SessionFile};
use crate::protocol::BackendCommand;
use slowgrad_timeline::playback::playhead::{self, Loop, Playhead};
use slowgrad_timeline::scene::View;

/// A saved session that is being restored.
#[derive(Debug, Default)]
pub(super) struct Restoration {
    /// The session file, until the run is replayed.
    file: Option<Box<SessionFile>>,
    /// The panels to open, until the interface takes them.
    panels: Option<OpenPanels>,
}

impl Session {
    /// Restores the view of a session file once the backend, whose first command replays the run, is done.
    #[must_use]
    pub fn restoring(mut self, file: SessionFile) -> Self {
        self.player.set_next_start(RunStart::Hold);
        self.restoration.file = Some(Box::new(file));
        self
    }

    /// Whether a saved session is being restored.
    pub fn is_restoring(&self) -> bool {
        self.restoration.file.is_some()
    }

    /// Removes and returns the panels of a restored session, which the interface opens.
    pub fn take_restored_panels(&mut self) -> Option<OpenPanels> {
        self.restoration.panels.take()
    }

    /// Restores the view if a saved session is pending and its run is replayed.
    pub(super) fn restore_view(&mut self) {
        let replayed = self.snapshot.as_ref().is_some_and(|snapshot| !snapshot.training && snapshot.timeline.is_some());
        if !replayed || self.is_busy() {
            return;
        }
        let Some(file) = self.restoration.file.take() else { return };
        let Some(snapshot) = &self.snapshot else { return };
        let cues = snapshot.lesson.as_ref().map(|lesson| lesson.cues.clone()).unwrap_or_default();
        let Some(timeline) = snapshot.timeline.clone() else { return };
        self.player.resume_after(cues, file.cue);
        self.bookmarks = Bookmarks::new(file.bookmarks);
        self.view = View::default();
        self.view.selected = file.selected;
        if let Some(CameraDto { center, zoom }) = file.camera {
            (self.view.center, self.view.zoom, self.view.auto_fit) = (center, zoom, false);
        }
        self.restoration.panels = Some(file.panels);
        let mut playhead = Playhead::new(&timeline, file.granularity);
        let repeat = match file.repeat {
            RepeatDto::Off => Loop::Off,
            RepeatDto::Step => Loop::Step,
            RepeatDto::Events(range) => Loop::Range(range),
        };
        let same_step = timeline.step().step == file.run.recipe.step;
        for command in [playhead::Command::Speed(file.speed), playhead::Command::Loop(repeat)] {
            playhead.apply(&command, &timeline);
        }
        if same_step {
            playhead.apply(&playhead::Command::Place(file.position), &timeline);
        }
        self.playhead = Some(playhead);
        if file.compared.is_some() {
            self.send(BackendCommand::Compare(file.compared));
        }
        let loss = timeline.step().loss;
        if same_step && file.loss.is_some_and(|saved| saved.to_bits() != loss.to_bits()) {
            let saved = file.loss.unwrap_or_default();
            self.notice(format!(
                "the lesson's files have changed since: the loss at this step was {saved} and is now {loss}"
            ));
        }
    }
}
