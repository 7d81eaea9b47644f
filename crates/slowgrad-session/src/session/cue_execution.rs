//! Executes the cues of a lesson: their effects on playhead, view and run.
//!
//! To go back, the lesson restarts the run and executes the earlier cues at once, so that the state is exactly the same.
//! This module must not know when a cue is due; [`LessonPlayer`] decides that.
//!
//! [`LessonPlayer`]: super::LessonPlayer

use super::lesson_player::RunningCue;
use super::{RunStart, Session};
use crate::protocol::{BackendCommand, Change};
use slowgrad_engine::evaluation::Scores;
use slowgrad_timeline::events::Granularity;
use slowgrad_timeline::playback::cue::{CameraTarget, Cue, CueParameters, PlayPart};
use slowgrad_timeline::playback::placeholders::{fill_in, needs_scores};
use slowgrad_timeline::playback::playhead::{self, NeededStep};

/// The limit of cues executed in one frame. Cues without a duration are executed together.
const MAX_CUES_PER_FRAME: usize = 64;

impl Session {
    /// Starts the cues that are due.
    pub(super) fn execute_cues(&mut self, dt_secs: f64) {
        for _ in 0..MAX_CUES_PER_FRAME {
            if !self.execute_cue(dt_secs) {
                break;
            }
        }
    }

    /// Starts the next cue if it is due; returns whether it was.
    fn execute_cue(&mut self, dt_secs: f64) -> bool {
        if self.player.is_held() || self.now().is_none() || self.is_waiting_for_step() {
            return false;
        }
        self.continue_cue();
        if self.player.runs_command() || self.player.end_rush() {
            return false;
        }
        let Some(cue) = self.player.next_cue(dt_secs) else { return false };
        self.start_cue(cue);
        true
    }

    fn start_cue(&mut self, cue: Cue) {
        // Changes by the lesson are undone separately from earlier changes by the viewer.
        self.seal();
        match cue {
            Cue::Play { part, by, seconds } => self.play_part(part, by, seconds),
            Cue::Step { count: 0, .. } => {}
            Cue::Step { count, by } => {
                self.player.set_running(Some(RunningCue::Steps { left: count, by, moving: false }));
                self.continue_cue();
            }
            Cue::Set(patch) => self.run_command(Change::Patch(patch).into()),
            Cue::Tweak { parameter, value } => self.run_command(Change::Parameter { parameter, value }.into()),
            Cue::Freeze { parameters: CueParameters::Layer { layer, part }, frozen } => {
                self.run_command(Change::FreezeLayer { layer, part, frozen }.into());
            }
            Cue::Freeze { parameters: CueParameters::Of(target), frozen } => {
                // The neuron may have been removed.
                if let Some((parameters, _)) = self.frozen(target) {
                    self.run_command(Change::Freeze { parameters, frozen }.into());
                }
            }
            Cue::Train { steps } => self.run_command(BackendCommand::Train(steps)),
            Cue::TrainUntil { until, max_steps } => {
                self.run_command(BackendCommand::TrainUntil { until, max_steps });
            }
            Cue::Focus(target) => {
                // The neuron may have been removed.
                let exists = self.now().is_some_and(|(now, _)| target.exists_in(&now.step().shape));
                self.view.selected = exists.then_some(target);
                self.player.set_camera_target(CameraTarget::At(target));
            }
            Cue::Camera(target) => self.player.set_camera_target(target),
            Cue::Speed(speed) => self.command_playhead(&playhead::Command::Speed(speed)),
            Cue::Clear => self.view.selected = None,
            // The performer handles these.
            Cue::Say(_)
            | Cue::Ask { .. }
            | Cue::Highlight(_)
            | Cue::Show(_)
            | Cue::Hide(_)
            | Cue::Plot(_)
            | Cue::Note(_)
            | Cue::Wait
            | Cue::Pause { .. }
            | Cue::Section(_) => {}
        }
    }

    /// Sends a command; the cue runs until it is executed.
    fn run_command(&mut self, command: BackendCommand) {
        let serial = self.send(command);
        self.player.set_running(Some(RunningCue::Command(serial)));
    }

    /// Plays a part of the shown step, or requests the next step if the part is over.
    fn play_part(&mut self, part: PlayPart, by: Granularity, seconds: Option<f64>) {
        let Some(snapshot) = &self.snapshot else { return };
        let (Some(timeline), Some(playhead)) = (&snapshot.timeline, &mut self.playhead) else { return };
        if playhead.play_part(timeline, part, by, seconds) {
            self.player.set_running(Some(RunningCue::Playing));
        } else {
            let step = timeline.step().step;
            self.player.set_running(Some(RunningCue::Part { part, by, seconds }));
            self.seek_step(step + 1, NeededStep::Next);
        }
    }

    /// Continues a cue that consists of several actions.
    fn continue_cue(&mut self) {
        match self.player.running().cloned() {
            Some(RunningCue::Part { part, by, seconds }) => {
                self.player.set_running(None);
                self.play_part(part, by, seconds);
            }
            Some(RunningCue::Steps { left, by, moving: false }) => {
                let forward = left > 0;
                let left = left - left.signum();
                self.player.set_running(Some(RunningCue::Steps { left, by, moving: forward }));
                let command =
                    if forward { playhead::Command::StepForwardBy(by) } else { playhead::Command::StepBackBy(by) };
                self.command_playhead(&command);
                if !forward && left == 0 {
                    self.player.set_running(None);
                }
            }
            Some(RunningCue::Command(serial)) if self.is_executed(serial) => self.player.set_running(None),
            _ => {}
        }
    }

    /// Whether the backend has executed a command and does not train.
    fn is_executed(&self, serial: u64) -> bool {
        self.snapshot.as_ref().is_some_and(|snapshot| snapshot.handled >= serial && !snapshot.training)
    }

    /// Pauses everything, or resumes it.
    pub(super) fn play_or_pause(&mut self) {
        if self.is_restoring() && self.is_busy() {
            // Ends the replay at the step that is reached.
            self.send(BackendCommand::FullSpeed(false));
        } else if self.is_active() {
            let performing = self.player.is_active();
            // Captions and parts are paused; training cannot be resumed, so it ends.
            if self.player.runs_command() {
                self.hold();
            }
            if performing {
                self.player.pause();
            }
            self.command_playhead(&playhead::Command::Pause);
        } else if self.player.resume() {
            self.resume_part();
        } else {
            self.hold();
            self.command_playhead(&playhead::Command::Play);
        }
    }

    /// Resumes a part that was paused.
    fn resume_part(&mut self) {
        if let Some(RunningCue::Playing | RunningCue::Steps { moving: true, .. }) = self.player.running() {
            self.command_playhead(&playhead::Command::Toggle);
        }
    }

    /// Continues the lesson after a stop, or skips to the end of the running cue.
    pub fn advance_lesson(&mut self) {
        if !self.player.has_cues() {
            return;
        }
        let was_held = self.player.release();
        if self.player.is_over() {
            return;
        }
        match self.player.running() {
            // Training already runs at full speed.
            Some(RunningCue::Command(_)) => {}
            Some(_) if was_held => self.resume_part(),
            Some(_) => self.player.skip_running(),
            None => {
                self.command_playhead(&playhead::Command::Pause);
                self.player.advance();
            }
        }
    }

    /// Answers the lesson's question; answers are counted from 0.
    pub fn answer(&mut self, answer: usize) {
        self.player.answer(answer);
    }

    /// Goes back to the stop before the present one.
    pub(super) fn rewind_lesson(&mut self) {
        if self.player.has_cues() {
            self.go_to_cue(self.player.previous_stop());
        }
    }

    /// Restarts the run and executes all cues before this one at once.
    pub fn go_to_cue(&mut self, cue: usize) {
        self.restart(Change::Reset, RunStart::Rush(cue));
    }

    /// The caption, with present values filled in.
    pub fn caption(&self) -> String {
        self.fill_in(&self.player.stage().caption)
    }

    /// A text of the lesson, with present values filled in.
    pub fn fill_in(&self, text: &str) -> String {
        match self.now() {
            Some((timeline, _)) => fill_in(text, timeline, self.sample(), self.scores()),
            None => text.to_owned(),
        }
    }

    /// The scores over all data with the parameters before the shown step, if they are known.
    pub fn scores(&self) -> Option<Scores> {
        let (timeline, _) = self.now()?;
        let evaluation = self.snapshot.as_ref()?.evaluation.as_ref()?;
        (evaluation.steps + 1 == timeline.step().step).then(|| evaluation.evaluated.scores())
    }

    /// Whether the present caption or question needs the scores.
    pub(super) fn shows_scores(&self) -> bool {
        let stage = self.player.stage();
        needs_scores(&stage.caption) || stage.question.as_ref().is_some_and(|question| needs_scores(&question.text))
    }

    /// Removes and returns the movement of the camera that the lesson requests.
    pub fn take_camera_target(&mut self) -> Option<CameraTarget> {
        self.player.take_camera_target()
    }
}

#[cfg(test)]
mod tests {
    use crate::backend::link::{BackendLink, BackendStopped};
    use crate::clock::Deadline;
    use crate::protocol::{BackendCommand, Snapshot};
    use crate::session::RunAction;
    use crate::session::{NextFrame, Session};
    use crate::shipped;
    use crate::testing::{inline, timeout};
    use slowgrad_script::{Files, Library, Limits, Root};
    use slowgrad_timeline::number_format::number;
    use slowgrad_timeline::playback::playhead::Playhead;
    use slowgrad_timeline::scene::Target;

    fn session(cues: &str) -> Session {
        let lesson = r#"fn lesson() { #{ title: "T", layers: [2, 3, 1], data: "xor", seed: 3 } }"#;
        let text = format!("{lesson} fn perform(stage) {{ {cues} }}");
        let files = Files::from_iter([("t.rhai", text.as_bytes())]);
        let library = Library { roots: vec![shipped::shipped(), Root { name: "own".into(), files }] };
        Session::new(inline(library, Limits::default(), "t.rhai"))
    }

    /// Ticks until a condition holds. The window sleeps unless a frame is requested, so one must be requested.
    fn until(session: &mut Session, what: &str, holds: impl Fn(&Session) -> bool) {
        let deadline = timeout();
        while !holds(session) {
            assert!(!deadline.has_passed(), "waiting until {what}");
            let next = session.tick(0.05);
            let sleeping = next == NextFrame::OnEvent && !session.is_busy() && !session.is_waiting_for_step();
            assert!(
                !sleeping || holds(session),
                "no frame is requested before {what}: {:?}",
                session.snapshot.as_ref().map(|snapshot| &snapshot.problems)
            );
        }
    }

    fn step(session: &Session) -> u64 {
        session.now().map_or(0, |(timeline, _)| timeline.step().step)
    }

    #[test]
    fn step_cues_run_in_order_and_zero_steps_do_nothing() {
        let mut session = session(r#"stage.step(0); stage.step(3, "operation"); stage.wait();"#);
        until(&mut session, "it waits", |session| session.player.waits_for_presenter());
        assert_eq!(session.now().map(|(_, playhead)| playhead.position()), Some(3.0));
    }

    #[test]
    fn a_caption_shows_the_scores_of_the_shown_step() {
        let mut session = session(r#"stage.say("Right: {accuracy} of 1, L = {train_loss:6}."); stage.wait();"#);
        until(&mut session, "it waits", |session| session.player.waits_for_presenter());
        until(&mut session, "the scores are known", |session| session.scores().is_some());
        let check = |session: &Session| {
            let train = session.scores().expect("scores").train;
            let (accuracy, loss) = (train.accuracy.expect("classes"), number(train.loss, 6));
            assert_eq!(session.caption(), format!("Right: {} of 1, L = {loss}.", number(accuracy, 3)));
            loss
        };
        let first = check(&session);
        session.go_to_step(5);
        until(&mut session, "step 5 is evaluated", |session| step(session) == 5 && session.scores().is_some());
        assert_ne!(check(&session), first);
    }

    #[test]
    fn advancing_always_reaches_the_next_stop() {
        let mut session =
            session(r#"stage.play("forward", #{ by: "operation" }); stage.step(4, "neuron"); stage.wait();"#);
        for _ in 0..3 {
            session.tick(0.05);
        }
        until(&mut session, "it plays", |session| session.player.running().is_some());
        // While a unit moves, at full speed, and while paused.
        session.tick(0.02);
        session.act(RunAction::StepForward);
        session.act(RunAction::NextCue);
        session.tick(0.02);
        session.act(RunAction::FullSpeed);
        session.tick(0.02);
        session.act(RunAction::NextCue);
        session.tick(0.02);
        session.act(RunAction::PlayPause);
        let waits = |session: &Session| session.player.progress().0 == 3 && !session.player.is_held();
        for _ in 0..4 {
            if !waits(&session) {
                session.act(RunAction::NextCue);
                session.tick(0.02);
            }
        }
        until(&mut session, "it waits", waits);
    }

    #[test]
    fn a_pause_ends_a_training_cue_and_the_lesson_continues_after_it() {
        let mut session = session("stage.train(1000000000); stage.wait();");
        until(&mut session, "it trains", |session| step(session) > 100);
        assert!(session.is_active());
        session.act(RunAction::PlayPause);
        until(&mut session, "it stops", |session| !session.is_busy());
        let stopped = step(&session);
        session.act(RunAction::PlayPause);
        until(&mut session, "it waits", |session| session.player.waits_for_presenter());
        assert_eq!(step(&session), stopped);
    }

    #[test]
    fn a_lesson_continues_after_its_question_is_answered() {
        let mut session = session(r#"stage.ask("Which?", ["a", "b"], 1); stage.step(2, "operation"); stage.wait();"#);
        until(&mut session, "it asks", |session| session.player.waits_for_presenter());
        session.answer(0);
        let question = session.player.stage().question.clone().expect("it asks");
        assert_eq!((question.chosen, question.right, question.revealed), (Some(0), 1, true));
        session.act(RunAction::NextCue);
        until(&mut session, "it waits", |session| session.player.progress().0 == 3);
        assert_eq!(session.player.stage().question, None);
        // Going back reopens the question.
        session.act(RunAction::PreviousCue);
        until(&mut session, "it asks again", |session| {
            session.player.stage().question.as_ref().is_some_and(|question| !question.revealed)
        });
    }

    #[test]
    fn highlights_follow_the_lesson_forwards_and_back() {
        let mut session = session("stage.highlight(|p| p.is_bias); stage.wait(); stage.clear(); stage.wait();");
        let highlighted =
            |session: &Session| session.snapshot.as_ref().is_some_and(|snapshot| snapshot.highlighted.is_some());
        until(&mut session, "biases are highlighted", highlighted);
        session.act(RunAction::NextCue);
        until(&mut session, "the highlight is removed", |session| !highlighted(session) && !session.is_busy());
        session.act(RunAction::PreviousCue);
        until(&mut session, "biases are highlighted again", highlighted);
        session.act(RunAction::Reset);
        until(&mut session, "the run is new", |session| !highlighted(session) && !session.is_busy());
    }

    #[test]
    fn a_lesson_freezes_and_unfreezes_and_goes_back() {
        let mut session = session(
            r#"stage.freeze(#{ layer: 0, part: "biases" }); stage.freeze(neuron(1, 0)); stage.train(5); stage.wait();
            stage.unfreeze(bias(0, 1)); stage.unfreeze(#{ layer: 1 }); stage.train(5); stage.wait();"#,
        );
        let frozen = |session: &Session| session.now().map(|(now, _)| now.step().frozen.iter().copied().collect());
        let changed = |session: &Session| -> Vec<usize> {
            let step = session.now().map(|(timeline, _)| timeline.step()).expect("a step");
            (0..13).filter(|&at| step.after.values[at] != step.before.values[at]).collect()
        };
        let at = |end: usize| move |session: &Session| session.player.progress().0 == end && !session.is_busy();
        until(&mut session, "it waits", at(4));
        let held = vec![6, 7, 8, 9, 10, 11, 12];
        assert_eq!(frozen(&session), Some(held.clone()));
        assert!(changed(&session).iter().all(|at| *at < 6));
        session.act(RunAction::NextCue);
        until(&mut session, "it waits again", at(8));
        assert_eq!(frozen(&session), Some(vec![6, 8]));
        session.act(RunAction::PreviousCue);
        until(&mut session, "it is back", at(4));
        assert_eq!(frozen(&session), Some(held));
        assert_eq!(step(&session), 6);
    }

    #[test]
    fn training_until_a_condition_ends_by_the_condition_or_a_pause() {
        let mut session = session(
            "stage.train_until(|m| m.step >= 50, 1000); stage.train_until(|m| false, 1000000000); stage.wait();",
        );
        until(&mut session, "it trains on", |session| step(session) > 100);
        assert_eq!(session.player.progress().0, 2);
        session.act(RunAction::PlayPause);
        until(&mut session, "it stops", |session| !session.is_busy());
        session.act(RunAction::PlayPause);
        until(&mut session, "it waits", |session| session.player.waits_for_presenter());
    }

    #[test]
    fn a_lesson_sets_speed_and_focus() {
        let mut session = session("stage.speed(0.25); stage.focus(bias(0, 2)); stage.wait();");
        until(&mut session, "it waits", |session| session.player.waits_for_presenter());
        assert_eq!(session.playhead.as_ref().map(Playhead::speed), Some(0.25));
        assert_eq!(session.view.selected, Some(Target::Bias { layer: 0, neuron: 2 }));
    }

    #[test]
    fn an_edit_after_the_update_applies_to_the_next_step() {
        use crate::session::Editable;
        let mut session = session("");
        until(&mut session, "it opens", |session| session.now().is_some() && !session.is_busy());
        session.act(RunAction::End);
        session.edit(Editable::Parameter(0), 2.0);
        until(&mut session, "the next step", |session| step(session) == 2 && !session.is_busy());
        assert_eq!(session.now().map(|(timeline, _)| timeline.step().before.values[0]), Some(2.0));
        session.go_to_step(1);
        until(&mut session, "the first step", |session| step(session) == 1 && !session.is_busy());
    }

    /// A link whose backend has ended.
    struct Stopped;

    impl BackendLink for Stopped {
        fn send(&mut self, _: BackendCommand) -> u64 {
            1
        }

        fn sent(&self) -> u64 {
            1
        }

        fn try_receive(&mut self) -> Result<Option<Snapshot>, BackendStopped> {
            Err(BackendStopped)
        }

        fn run_until_idle(&mut self, _: Deadline) -> Option<Snapshot> {
            None
        }
    }

    #[test]
    fn a_backend_that_has_stopped_is_reported() {
        let mut session = Session::new(Stopped);
        session.tick(0.05);
        assert!(session.notices.iter().any(|notice| notice.text.contains("internal error")));
    }

    #[test]
    fn playback_runs_backwards() {
        let mut session = session("");
        until(&mut session, "it opens", |session| session.now().is_some());
        session.go_to_step(2);
        until(&mut session, "the second step", |session| step(session) == 2 && !session.is_waiting_for_step());
        session.act(RunAction::PlayBackwards);
        until(&mut session, "the first step", |session| step(session) == 1);
    }
}
