//! The state of a lesson in progress: the cue that runs, and whether the viewer has taken over.
//!
//! [`Performer`] decides when a cue is due. This module must not know the run, the playhead or the backend.

use slowgrad_timeline::events::Granularity;
use slowgrad_timeline::playback::cue::{CameraTarget, Cue, PlayPart};
use slowgrad_timeline::playback::performer::{Performer, StageState, Waiting};

/// The time step for cues that are skipped: longer than any of them.
pub(super) const SKIP_DT_SECS: f64 = 1e6;
/// The interval at which a displayed caption is checked for its end.
const CAPTION_POLL_SECS: f64 = 0.1;

/// What the lesson does when a new run starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunStart {
    /// It starts playing.
    Perform,
    /// It returns to its first cue and waits.
    Hold,
    /// It executes all cues before this one at once.
    Rush(usize),
}

/// A cue that takes time.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum RunningCue {
    /// The playhead plays a part of the step.
    Playing,
    /// A part of the next step, which is requested.
    Part {
        /// The part.
        part: PlayPart,
        /// The unit of playback.
        by: Granularity,
        /// The duration; `None` for the default.
        seconds: Option<f64>,
    },
    /// A number of units to step.
    Steps {
        /// The number of units left; negative to step back.
        left: i64,
        /// The unit.
        by: Granularity,
        /// Whether the playhead is moving by one of them.
        moving: bool,
    },
    /// A command to the backend, by its serial number.
    Command(u64),
}

/// A lesson in progress.
#[derive(Debug, Clone, PartialEq)]
pub struct LessonPlayer {
    performer: Performer,
    running: Option<RunningCue>,
    /// Whether the viewer has taken over or paused the lesson.
    held: bool,
    /// Whether it is held by a pause only, so that it resumes at the same point.
    paused: bool,
    /// The cue before which all cues are executed at once.
    rush_to: Option<usize>,
    next_start: RunStart,
    camera_target: Option<CameraTarget>,
}

impl LessonPlayer {
    /// A lesson without cues.
    pub(super) fn new() -> Self {
        Self {
            performer: Performer::new(Vec::new()),
            running: None,
            held: false,
            paused: false,
            rush_to: None,
            next_start: RunStart::Perform,
            camera_target: None,
        }
    }

    /// Whether there are cues.
    pub fn has_cues(&self) -> bool {
        !self.performer.cues().is_empty()
    }

    /// Whether all cues are completed.
    pub fn is_over(&self) -> bool {
        self.performer.is_finished() && self.running.is_none()
    }

    /// Whether it waits for the presenter, or for a viewer who has taken over.
    pub fn waits_for_presenter(&self) -> bool {
        !self.is_over() && (self.performer.waiting().is_stop() || self.held)
    }

    /// Whether the viewer has taken over or paused the lesson.
    pub fn is_held(&self) -> bool {
        self.held
    }

    /// The title of the present section.
    pub fn section(&self) -> Option<&str> {
        self.stage().section.as_deref()
    }

    /// The caption, question and highlights that the lesson shows.
    pub fn stage(&self) -> &StageState {
        self.performer.stage()
    }

    /// All cues.
    pub fn cues(&self) -> &[Cue] {
        self.performer.cues()
    }

    /// The number of cues started, and the number of all cues.
    pub fn progress(&self) -> (usize, usize) {
        (self.performer.done(), self.performer.cues().len())
    }

    /// Hands control to the viewer: the lesson waits, and a running cue is cancelled.
    pub fn hold(&mut self) {
        self.paused = false;
        if self.has_cues() && !self.is_over() && !self.performer.waiting().is_stop() {
            self.held = true;
        }
        self.running = None;
        self.rush_to = None;
    }

    /// Sets what the lesson does when the next run starts.
    pub(super) fn set_next_start(&mut self, start: RunStart) {
        self.next_start = start;
    }

    /// Starts the cues of a new run.
    pub(super) fn start_run(&mut self, cues: Vec<Cue>) {
        let start = std::mem::replace(&mut self.next_start, RunStart::Perform);
        self.restart(Performer::new(cues));
        match start {
            RunStart::Perform => {}
            RunStart::Hold => {
                self.hold();
                self.performer.clear_stage();
            }
            RunStart::Rush(cue) => self.rush_to = Some(cue),
        }
    }

    /// Continues after the first `done` cues, whose effects the run already has; waits for the viewer.
    pub(super) fn resume_after(&mut self, cues: Vec<Cue>, done: usize) {
        self.restart(Performer::after(cues, done));
        self.hold();
    }

    fn restart(&mut self, performer: Performer) {
        let camera_target = self.camera_target.take();
        *self = Self { performer, next_start: self.next_start, camera_target, ..Self::new() };
    }

    /// Replaces the cues at the same position, after the lesson's file was saved.
    pub(super) fn replace_cues(&mut self, cues: Vec<Cue>) {
        let waiting = self.performer.waiting();
        self.performer = Performer::after(cues, self.performer.done());
        if waiting == Waiting::Nothing {
            self.performer.advance();
        }
    }

    /// The running cue.
    pub(super) fn running(&self) -> Option<&RunningCue> {
        self.running.as_ref()
    }

    /// Sets the running cue.
    pub(super) fn set_running(&mut self, running: Option<RunningCue>) {
        self.running = running;
    }

    /// Whether the running cue is a command to the backend.
    pub(super) fn runs_command(&self) -> bool {
        matches!(self.running, Some(RunningCue::Command(_)))
    }

    /// Whether cues are executed at once.
    pub(super) fn is_rushing(&self) -> bool {
        self.rush_to.is_some()
    }

    /// Returns to normal speed if the cue to rush to is reached; returns whether it was.
    pub(super) fn end_rush(&mut self) -> bool {
        let reached = self.running.is_none() && self.rush_to.is_some_and(|cue| self.performer.done() >= cue);
        if reached {
            self.rush_to = None;
        }
        reached
    }

    /// Advances time; returns the next cue if one is due.
    pub(super) fn next_cue(&mut self, dt_secs: f64) -> Option<Cue> {
        let rushing = self.is_rushing();
        if rushing {
            self.performer.skip();
        }
        self.performer.tick(if rushing { SKIP_DT_SECS } else { dt_secs }, self.running.is_some())
    }

    /// Records that the playhead has reached the end of its part.
    pub(super) fn playback_finished(&mut self) {
        match &mut self.running {
            Some(RunningCue::Steps { left, moving, .. }) => {
                *moving = false;
                if *left == 0 {
                    self.running = None;
                }
            }
            Some(RunningCue::Playing) => self.running = None,
            _ => {}
        }
    }

    /// Whether the lesson is playing, including the time for reading a caption.
    pub(super) fn is_active(&self) -> bool {
        (self.running.is_some() && !self.held) || self.next_secs().is_some()
    }

    /// The seconds until the lesson needs another frame; `None` when it waits for something else.
    pub(super) fn next_secs(&self) -> Option<f64> {
        if self.held || self.is_over() {
            return None;
        }
        match (self.performer.waiting(), &self.running) {
            (Waiting::Host, Some(RunningCue::Steps { moving: false, .. })) => Some(0.0),
            (Waiting::Presenter | Waiting::Answer, _) | (Waiting::Host, Some(_)) => None,
            (Waiting::Seconds(left), _) => Some(left),
            _ => Some(CAPTION_POLL_SECS),
        }
    }

    /// Pauses the lesson; it resumes at the same point.
    pub(super) fn pause(&mut self) {
        self.held = true;
        self.paused = true;
    }

    /// Resumes after a pause; returns false if the lesson is not paused.
    pub(super) fn resume(&mut self) -> bool {
        let paused = std::mem::take(&mut self.paused);
        if paused {
            self.held = false;
        }
        paused
    }

    /// Takes control back from the viewer; returns whether the lesson was held.
    pub(super) fn release(&mut self) -> bool {
        self.paused = false;
        std::mem::replace(&mut self.held, false)
    }

    /// Skips to the end of the running cue.
    pub(super) fn skip_running(&mut self) {
        self.rush_to = Some(self.performer.done());
    }

    /// Ends the wait for the presenter.
    pub(super) fn advance(&mut self) {
        self.performer.advance();
    }

    /// Answers the lesson's question.
    pub(super) fn answer(&mut self, answer: usize) {
        self.performer.answer(answer);
    }

    /// The number of the first cue after the stop before the present one.
    pub(super) fn previous_stop(&self) -> usize {
        let cues = self.performer.cues();
        let done = self.performer.done().min(cues.len());
        // The stop at which the lesson waits does not count.
        let at_stop = self.performer.waiting().is_stop() && !self.held;
        let end = done - usize::from(at_stop && done > 0);
        cues[..end].iter().rposition(Cue::is_stop).map_or(0, |at| at + 1)
    }

    /// Requests a movement of the camera.
    pub(super) fn set_camera_target(&mut self, target: CameraTarget) {
        self.camera_target = Some(target);
    }

    /// Removes and returns the requested movement of the camera.
    pub(super) fn take_camera_target(&mut self) -> Option<CameraTarget> {
        self.camera_target.take()
    }
}
