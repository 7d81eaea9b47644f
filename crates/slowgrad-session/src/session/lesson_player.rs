//! The lesson on stage: carries out its cues one after another, and steps aside when a person takes over.
//!
//! When a cue is due is decided by [`Performer`]; what it does to playhead and run is decided here. Going
//! back starts the run anew and carries out what came before at once, so that the state is exactly what it
//! was.

use super::traversal;
use super::{RunStart, Session};
use crate::protocol::{Change, Command};
use slowgrad_timeline::events::Granularity;
use slowgrad_timeline::playback::cue::{CameraTarget, Cue, PlayPart};
use slowgrad_timeline::playback::performer::{Performer, StageState, Waiting};
use slowgrad_timeline::playback::playhead::{self, NeededStep};

/// A cue that takes a while.
#[derive(Debug, Clone, PartialEq)]
pub enum Running {
    /// The playhead plays a part.
    Playing,
    /// A part that the next step has, which is on its way.
    Part { part: PlayPart, by: Granularity, seconds: Option<f64> },
    /// So many units are left to step.
    Steps {
        left: i64,
        by: Granularity,
        /// Whether one of them is moving.
        moving: bool,
    },
    /// The worker carries out a command of this number.
    Handled(u64),
}

/// A lesson being performed.
#[derive(Debug, Clone, PartialEq)]
pub struct Performance {
    performer: Performer,
    pub running: Option<Running>,
    /// A person has taken over, or paused it.
    pub held: bool,
    /// It is held by a pause only, and goes on where it was.
    paused: bool,
    rush_to: Option<usize>,
}

impl Performance {
    pub fn new(cues: Vec<Cue>) -> Self {
        Self { performer: Performer::new(cues), running: None, held: false, paused: false, rush_to: None }
    }

    /// So many cues are over, as their run is; it waits for a person to go on.
    pub fn at(cues: Vec<Cue>, done: usize) -> Self {
        let mut performance = Self { performer: Performer::after(cues, done), ..Self::new(Vec::new()) };
        performance.hold();
        performance
    }

    /// Everything before a cue happens at once.
    pub fn rushing(cues: Vec<Cue>, cue: usize) -> Self {
        Self { rush_to: Some(cue), ..Self::new(cues) }
    }

    /// The same place with other cues: a lesson was saved while it is performed.
    pub fn exchange(&mut self, cues: Vec<Cue>) {
        let waiting = self.performer.waiting();
        self.performer = Performer::after(cues, self.performer.done());
        if waiting == Waiting::Nothing {
            self.performer.advance();
        }
    }

    /// Whether there is anything to perform.
    pub fn has_cues(&self) -> bool {
        !self.performer.cues().is_empty()
    }

    pub fn is_over(&self) -> bool {
        self.performer.is_finished() && self.running.is_none()
    }

    /// Whether it waits for the presenter, who may also be the person who took over.
    pub fn waits_for_presenter(&self) -> bool {
        !self.is_over() && (self.performer.waiting().is_stop() || self.held)
    }

    pub fn is_rushing(&self) -> bool {
        self.rush_to.is_some()
    }

    pub fn section(&self) -> Option<&str> {
        self.stage().section.as_deref()
    }

    /// What it has put before its audience.
    pub fn stage(&self) -> &StageState {
        self.performer.stage()
    }

    pub fn cues(&self) -> &[Cue] {
        self.performer.cues()
    }

    /// Cues handed out, and all.
    pub fn progress(&self) -> (usize, usize) {
        (self.performer.done(), self.performer.cues().len())
    }

    /// A person takes over: a part that was playing is given up.
    pub fn hold(&mut self) {
        self.paused = false;
        if self.has_cues() && !self.is_over() && !self.performer.waiting().is_stop() {
            self.held = true;
        }
        self.running = None;
        self.rush_to = None;
    }

    /// The run starts anew under a person's hands.
    pub fn hold_still(&mut self) {
        self.hold();
        self.performer.clear_stage();
    }

    /// The playhead has come to where it was asked to play to.
    pub fn played(&mut self) {
        match &mut self.running {
            Some(Running::Steps { left, moving, .. }) => {
                *moving = false;
                if *left == 0 {
                    self.running = None;
                }
            }
            Some(Running::Playing) => self.running = None,
            _ => {}
        }
    }

    /// Whether something of it is under way, if only a caption that is being read.
    pub fn is_going(&self) -> bool {
        (self.running.is_some() && !self.held) || self.next_secs().is_some()
    }

    /// When it needs time to pass, in seconds.
    pub fn next_secs(&self) -> Option<f64> {
        if self.held || self.is_over() {
            return None;
        }
        match (self.performer.waiting(), &self.running) {
            (Waiting::Host, Some(Running::Steps { moving: false, .. })) => Some(0.0),
            (Waiting::Presenter | Waiting::Answer, _) | (Waiting::Host, Some(_)) => None,
            (Waiting::Seconds(left), _) => Some(left),
            // A caption stays until it is read; looking ten times a second is often enough.
            _ => Some(0.1),
        }
    }
}

impl Session {
    /// Hands out the cues that are due.
    pub fn perform(&mut self, dt_secs: f64) {
        // Cues that take no time come one after the other within a frame, but not without end.
        for _ in 0..64 {
            if !self.perform_one(dt_secs) {
                break;
            }
        }
    }

    /// Answers whether a cue was handed out.
    fn perform_one(&mut self, dt_secs: f64) -> bool {
        if self.performance.held || self.now().is_none() || self.is_waiting_for_step() {
            return false;
        }
        self.carry_on();
        if matches!(self.performance.running, Some(Running::Handled(_))) {
            return false;
        }
        if let Some(cue) = self.performance.rush_to
            && self.performance.performer.done() >= cue
            && self.performance.running.is_none()
        {
            self.performance.rush_to = None;
            return false;
        }
        let rushing = self.performance.is_rushing();
        if rushing {
            self.performance.performer.skip();
        }
        let busy = self.performance.running.is_some();
        let dt_secs = if rushing { 1e6 } else { dt_secs };
        let Some(cue) = self.performance.performer.tick(dt_secs, busy) else { return false };
        self.begin(cue);
        true
    }

    fn begin(&mut self, cue: Cue) {
        // What a lesson changes is undone by itself, not with what a person did before.
        self.seal();
        match cue {
            Cue::Play { part, by, seconds } => self.begin_part(part, by, seconds),
            Cue::Step { count: 0, .. } => {}
            Cue::Step { count, by } => {
                self.performance.running = Some(Running::Steps { left: count, by, moving: false });
                self.carry_on();
            }
            Cue::Set(patch) => {
                let serial = self.send(Change::Patch(patch).into());
                self.performance.running = Some(Running::Handled(serial));
            }
            Cue::Tweak { parameter, value } => {
                let serial = self.send(Change::Parameter { parameter, value }.into());
                self.performance.running = Some(Running::Handled(serial));
            }
            Cue::Train { steps } => {
                let serial = self.send(Command::Train(steps));
                self.performance.running = Some(Running::Handled(serial));
            }
            Cue::TrainUntil { until, max_steps: most } => {
                let serial = self.send(Command::TrainUntil { until, most });
                self.performance.running = Some(Running::Handled(serial));
            }
            Cue::Focus(target) => {
                // Its neuron may have been taken away meanwhile.
                let is_there = self.now().is_some_and(|(now, _)| traversal::is_part(&now.step().shape, target));
                self.view.selected = is_there.then_some(target);
                self.look = Some(CameraTarget::At(target));
            }
            Cue::Camera(look) => self.look = Some(look),
            Cue::Speed(speed) => self.steer(&playhead::Command::Speed(speed)),
            Cue::Clear => self.view.selected = None,
            // These are on the performer's stage, or it looks after them itself.
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

    fn begin_part(&mut self, part: PlayPart, by: Granularity, seconds: Option<f64>) {
        let Some(snapshot) = &self.snapshot else { return };
        let (Some(timeline), Some(playhead)) = (&snapshot.timeline, &mut self.playhead) else { return };
        if playhead.play_part(timeline, part, by, seconds) {
            self.performance.running = Some(Running::Playing);
        } else {
            let step = timeline.step().step;
            self.performance.running = Some(Running::Part { part, by, seconds });
            self.seek_step(step + 1, NeededStep::Next);
        }
    }

    /// Goes on with a cue that takes several goes.
    fn carry_on(&mut self) {
        match self.performance.running.clone() {
            Some(Running::Part { part, by, seconds }) => {
                self.performance.running = None;
                self.begin_part(part, by, seconds);
            }
            Some(Running::Steps { left, by, moving: false }) => {
                let forward = left > 0;
                let left = left - left.signum();
                self.performance.running = Some(Running::Steps { left, by, moving: forward });
                let command =
                    if forward { playhead::Command::StepForwardBy(by) } else { playhead::Command::StepBackBy(by) };
                self.steer(&command);
                if !forward && left == 0 {
                    self.performance.running = None;
                }
            }
            Some(running) if self.is_handled(&running) => self.performance.running = None,
            _ => {}
        }
    }

    /// Space: everything stops, or goes on as it was.
    pub fn play_or_pause(&mut self) {
        if self.is_going() {
            // A caption that is being read is paused like a part that is being played; training cannot go on
            // later, so it is over.
            let is_performing = self.performance.is_going();
            if matches!(self.performance.running, Some(Running::Handled(_))) {
                self.hold();
            }
            if is_performing {
                self.performance.held = true;
                self.performance.paused = true;
            }
            self.steer(&playhead::Command::Pause);
        } else if self.performance.paused {
            self.performance.paused = false;
            self.performance.held = false;
            self.play_on();
        } else {
            self.hold();
            self.steer(&playhead::Command::Play);
        }
    }

    /// A part that was paused moves again.
    fn play_on(&mut self) {
        if let Some(Running::Playing | Running::Steps { moving: true, .. }) = self.performance.running {
            self.steer(&playhead::Command::Toggle);
        }
    }

    /// Page Down: goes on after a stop, or skips to the end of what is being played.
    pub fn go_on(&mut self) {
        if !self.performance.has_cues() {
            return;
        }
        let was_held = std::mem::replace(&mut self.performance.held, false);
        self.performance.paused = false;
        if self.performance.is_over() {
            return;
        }
        match &self.performance.running {
            // Training is as fast as it can be.
            Some(Running::Handled(_)) => {}
            // A paused part plays on; one that plays is over at once.
            Some(_) if was_held => self.play_on(),
            Some(_) => self.performance.rush_to = Some(self.performance.performer.done()),
            None => {
                self.steer(&playhead::Command::Pause);
                self.performance.performer.advance();
            }
        }
    }

    /// Somebody answers the lesson's question, counted from 0.
    pub fn answer(&mut self, answer: usize) {
        self.performance.performer.answer(answer);
    }

    /// Tells the worker which parameters the lesson lets stand out, when that has changed.
    pub(crate) fn sync_highlight(&mut self) {
        let highlight = self.performance.stage().highlight;
        if self.highlight_sent != highlight {
            self.highlight_sent = highlight;
            self.send(Command::Highlight(highlight));
        }
    }

    /// Page Up: back to the stop before this one.
    pub fn go_back(&mut self) {
        let cues = self.performance.performer.cues();
        let done = self.performance.performer.done().min(cues.len());
        // The stop it stands at does not count.
        let stands = self.performance.performer.waiting().is_stop() && !self.performance.held;
        let end = done - usize::from(stands && done > 0);
        let stop = cues[..end].iter().rposition(Cue::is_stop).map_or(0, |at| at + 1);
        if self.performance.has_cues() {
            self.go_to_cue(stop);
        }
    }

    /// Goes to before a cue: all that comes before it is carried out at once.
    pub fn go_to_cue(&mut self, cue: usize) {
        self.restart(Change::Reset, RunStart::Rush(cue));
    }

    /// What the lesson says now, filled in.
    pub fn caption(&self) -> String {
        self.filled(&self.performance.stage().caption)
    }

    /// A text of the lesson with the present numbers in it.
    pub fn filled(&self, text: &str) -> String {
        match self.now() {
            Some((timeline, _)) => slowgrad_timeline::playback::performer::fill_in(text, timeline, self.sample()),
            None => text.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::backend::link::{BackendStopped, Link};
    use crate::clock::Deadline;
    use crate::protocol::{Command, Snapshot};
    use crate::session::RunAction;
    use crate::session::{NextFrame, Session};
    use crate::shipped;
    use crate::testing::{inline, timeout};
    use slowgrad_script::{Files, Library, Limits, Root};
    use slowgrad_timeline::playback::playhead::Playhead;
    use slowgrad_timeline::scene::Target;

    fn session(cues: &str) -> Session {
        let lesson = r#"fn lesson() { #{ title: "T", layers: [2, 3, 1], data: "xor", seed: 3 } }"#;
        let text = format!("{lesson} fn perform(stage) {{ {cues} }}");
        let files = Files::from_iter([("t.rhai", text.as_bytes())]);
        let library = Library { roots: vec![shipped::shipped(), Root { name: "own".into(), files }] };
        Session::new(inline(library, Limits::default(), "t.rhai"))
    }

    /// Lets time pass until something holds. Without a wake the window sleeps, so it must have asked for frames.
    fn until(session: &mut Session, what: &str, holds: impl Fn(&Session) -> bool) {
        let deadline = timeout();
        while !holds(session) {
            assert!(!deadline.has_passed(), "waiting until {what}");
            let next = session.tick(0.05);
            let sleeps = next == NextFrame::WhenAsked && !session.is_unsettled() && !session.is_waiting_for_step();
            assert!(
                !sleeps || holds(session),
                "asleep before {what}: {:?}",
                session.snapshot.as_ref().map(|snapshot| &snapshot.problems)
            );
        }
    }

    fn step(session: &Session) -> u64 {
        session.now().map_or(0, |(timeline, _)| timeline.step().step)
    }

    #[test]
    fn steps_follow_one_another_and_none_is_none() {
        let mut session = session(r#"stage.step(0); stage.step(3, "operation"); stage.wait();"#);
        until(&mut session, "it waits", |session| session.performance.waits_for_presenter());
        assert_eq!(session.now().map(|(_, playhead)| playhead.position()), Some(3.0));
    }

    #[test]
    fn page_down_always_gets_on() {
        let mut session =
            session(r#"stage.play("forward", #{ by: "operation" }); stage.step(4, "neuron"); stage.wait();"#);
        for _ in 0..3 {
            session.tick(0.05);
        }
        until(&mut session, "it plays", |session| session.performance.running.is_some());
        // In the middle of a unit, at full speed, and while it is paused.
        session.tick(0.02);
        session.act(RunAction::StepForward);
        session.act(RunAction::NextCue);
        session.tick(0.02);
        session.act(RunAction::FullSpeed);
        session.tick(0.02);
        session.act(RunAction::NextCue);
        session.tick(0.02);
        session.act(RunAction::PlayPause);
        let waits = |session: &Session| session.performance.progress().0 == 3 && !session.performance.held;
        for _ in 0..4 {
            if !waits(&session) {
                session.act(RunAction::NextCue);
                session.tick(0.02);
            }
        }
        until(&mut session, "it waits", waits);
    }

    #[test]
    fn space_stops_a_training_cue_and_the_lesson_goes_on_after_it() {
        let mut session = session("stage.train(1000000000); stage.wait();");
        until(&mut session, "it trains", |session| step(session) > 100);
        assert!(session.is_going());
        session.act(RunAction::PlayPause);
        until(&mut session, "it stops", |session| !session.is_unsettled());
        let stopped = step(&session);
        session.act(RunAction::PlayPause);
        until(&mut session, "it waits", |session| session.performance.waits_for_presenter());
        assert_eq!(step(&session), stopped);
    }

    #[test]
    fn a_lesson_asks_and_goes_on_when_it_was_answered() {
        let mut session = session(r#"stage.ask("Which?", ["a", "b"], 1); stage.step(2, "operation"); stage.wait();"#);
        until(&mut session, "it asks", |session| session.performance.waits_for_presenter());
        session.answer(0);
        let question = session.performance.stage().question.clone().expect("it asks");
        assert_eq!((question.chosen, question.right, question.revealed), (Some(0), 1, true));
        session.act(RunAction::NextCue);
        until(&mut session, "it waits", |session| session.performance.progress().0 == 3);
        assert_eq!(session.performance.stage().question, None);
        // Back to the question, which is open again.
        session.act(RunAction::PreviousCue);
        until(&mut session, "it asks again", |session| {
            session.performance.stage().question.as_ref().is_some_and(|question| !question.revealed)
        });
    }

    #[test]
    fn what_is_highlighted_goes_and_comes_with_the_lesson() {
        let mut session = session("stage.highlight(|p| p.is_bias); stage.wait(); stage.clear(); stage.wait();");
        let lit = |session: &Session| session.snapshot.as_ref().is_some_and(|snapshot| snapshot.lit.is_some());
        until(&mut session, "biases stand out", lit);
        session.act(RunAction::NextCue);
        until(&mut session, "nothing stands out", |session| !lit(session) && !session.is_unsettled());
        session.act(RunAction::PreviousCue);
        until(&mut session, "biases stand out again", lit);
        session.act(RunAction::Reset);
        until(&mut session, "the run is new", |session| !lit(session) && !session.is_unsettled());
    }

    #[test]
    fn training_until_a_condition_ends_by_itself_and_by_a_person() {
        let mut session = session(
            "stage.train_until(|m| m.step >= 50, 1000); stage.train_until(|m| false, 1000000000); stage.wait();",
        );
        until(&mut session, "it trains on", |session| step(session) > 100);
        assert_eq!(session.performance.progress().0, 2);
        session.act(RunAction::PlayPause);
        until(&mut session, "it stops", |session| !session.is_unsettled());
        session.act(RunAction::PlayPause);
        until(&mut session, "it waits", |session| session.performance.waits_for_presenter());
    }

    #[test]
    fn speed_and_focus_are_set_by_the_lesson() {
        let mut session = session("stage.speed(0.25); stage.focus(bias(0, 2)); stage.wait();");
        until(&mut session, "it waits", |session| session.performance.waits_for_presenter());
        assert_eq!(session.playhead.as_ref().map(Playhead::speed), Some(0.25));
        assert_eq!(session.view.selected, Some(Target::Bias { layer: 0, neuron: 2 }));
    }

    #[test]
    fn an_edit_after_the_update_is_one_of_the_next_step() {
        use crate::session::Editable;
        let mut session = session("");
        until(&mut session, "it opens", |session| session.now().is_some() && !session.is_unsettled());
        session.act(RunAction::End);
        session.edit(Editable::Parameter(0), 2.0);
        until(&mut session, "the next step", |session| step(session) == 2 && !session.is_unsettled());
        assert_eq!(session.now().map(|(timeline, _)| timeline.step().before.values[0]), Some(2.0));
        session.go_to_step(1);
        until(&mut session, "the first step", |session| step(session) == 1 && !session.is_unsettled());
    }

    /// A link whose backend has ended.
    struct Stopped;

    impl Link for Stopped {
        fn send(&mut self, _: Command) -> u64 {
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
    fn it_plays_backwards() {
        let mut session = session("");
        until(&mut session, "it opens", |session| session.now().is_some());
        session.go_to_step(2);
        until(&mut session, "the second step", |session| step(session) == 2 && !session.is_waiting_for_step());
        session.act(RunAction::PlayBackwards);
        until(&mut session, "the first step", |session| step(session) == 1);
    }
}
