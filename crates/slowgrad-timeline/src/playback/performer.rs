//! Performs a lesson: hands out its cues one after another, each when the one before is over.
//!
//! What a cue does is the host's business; when the next one comes is decided here, from elapsed time and
//! from what the host says is still going on. There is no clock inside.

use crate::events::Timeline;
use crate::explain::words;
use crate::playback::cue::{Condition, Cue, Panel, Plot};
use std::collections::BTreeMap;

/// What the performance waits for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Waiting {
    /// Nothing: the next cue is due.
    Nothing,
    /// The presenter's click.
    Presenter,
    /// An answer, or the presenter, whose click reveals it.
    Answer,
    /// Time, in seconds.
    Seconds(f64),
    /// The host, which is playing or training.
    Host,
}

impl Waiting {
    /// Whether somebody has to do something before it goes on.
    pub fn is_stop(self) -> bool {
        matches!(self, Waiting::Presenter | Waiting::Answer)
    }
}

/// A question to the audience.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// What is asked.
    pub text: String,
    /// What may be answered.
    pub answers: Vec<String>,
    /// Which answer is right, from 0.
    pub right: usize,
    /// Which one was given.
    pub chosen: Option<usize>,
    /// Whether the right one is shown.
    pub is_revealed: bool,
}

/// What the lesson has put before its audience: all that its cues so far add up to.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Stage {
    /// What it said last, with its fields not filled in.
    pub caption: String,
    /// The section it is in.
    pub section: Option<String>,
    /// What it asks, until it goes on.
    pub question: Option<Question>,
    /// The parameters that stand out.
    pub highlight: Option<Condition>,
    /// Panels that it shows or hides; all others are as the window has them.
    pub panels: BTreeMap<Panel, bool>,
    /// Plots that it has opened, the last one last.
    pub plots: Vec<Plot>,
    /// What only the presenter reads.
    pub note: String,
}

impl Stage {
    /// Takes in a cue.
    fn take(&mut self, cue: &Cue) {
        match cue {
            Cue::Say(text) => self.caption.clone_from(text),
            Cue::Ask { question, answers, right } => {
                let (text, answers, right) = (question.clone(), answers.clone(), *right);
                self.question = Some(Question { text, answers, right, chosen: None, is_revealed: false });
            }
            Cue::Highlight(condition) => self.highlight = Some(*condition),
            Cue::Clear => {
                self.caption.clear();
                self.highlight = None;
            }
            Cue::Plot(plot) => {
                self.plots.retain(|open| open != plot);
                self.plots.push(*plot);
                self.panels.insert(Panel::Plots, true);
            }
            Cue::Show(panel) => drop(self.panels.insert(*panel, true)),
            Cue::Hide(panel) => drop(self.panels.insert(*panel, false)),
            Cue::Note(text) => self.note.clone_from(text),
            Cue::Section(name) => {
                self.section = Some(name.clone());
                self.note.clear();
            }
            Cue::Play { .. }
            | Cue::Step { .. }
            | Cue::Wait
            | Cue::Pause { .. }
            | Cue::Set(_)
            | Cue::Tweak { .. }
            | Cue::Train { .. }
            | Cue::TrainUntil { .. }
            | Cue::Focus(_)
            | Cue::Speed(_)
            | Cue::Camera(_) => {}
        }
    }
}

/// A lesson being performed.
#[derive(Debug, Clone, PartialEq)]
pub struct Performer {
    cues: Vec<Cue>,
    next: usize,
    waiting: Waiting,
    caption_secs: f64,
    stage: Stage,
}

impl Performer {
    /// A lesson's cues from the first one.
    pub fn new(cues: Vec<Cue>) -> Self {
        Self { cues, next: 0, waiting: Waiting::Nothing, caption_secs: 0.0, stage: Stage::default() }
    }

    /// The same when so many cues are over, with what they put on stage; it waits at the last one if that is a stop.
    pub fn after(cues: Vec<Cue>, done: usize) -> Self {
        let mut performer = Self::new(cues);
        while performer.next < done && performer.next < performer.cues.len() {
            performer.skip();
            performer.tick(f64::INFINITY, false);
        }
        performer
    }

    /// All cues.
    pub fn cues(&self) -> &[Cue] {
        &self.cues
    }

    /// Number of cues handed out so far.
    pub fn done(&self) -> usize {
        self.next
    }

    /// What it waits for.
    pub fn waiting(&self) -> Waiting {
        self.waiting
    }

    /// What its cues have put on stage.
    pub fn stage(&self) -> &Stage {
        &self.stage
    }

    /// Whether the last cue is over.
    pub fn is_over(&self) -> bool {
        self.next >= self.cues.len() && self.waiting == Waiting::Nothing
    }

    /// The presenter goes on: ends a wait or a pause. A question that nobody has answered is answered first.
    pub fn go_on(&mut self) {
        match self.waiting {
            Waiting::Host => {}
            Waiting::Answer => self.reveal(None),
            _ => self.skip(),
        }
    }

    /// Somebody gives an answer, counted from 0: the right one is shown.
    pub fn answer(&mut self, answer: usize) {
        let question = self.stage.question.as_ref().filter(|question| answer < question.answers.len());
        if self.waiting == Waiting::Answer && question.is_some() {
            self.reveal(Some(answer));
        }
    }

    fn reveal(&mut self, chosen: Option<usize>) {
        self.waiting = Waiting::Presenter;
        if let Some(question) = &mut self.stage.question {
            (question.chosen, question.is_revealed) = (chosen, true);
        }
    }

    /// Whatever it waits for but the host is over, and so is a question without its answer.
    pub fn skip(&mut self) {
        if self.waiting != Waiting::Host {
            self.waiting = Waiting::Nothing;
            self.caption_secs = 0.0;
            self.stage.question = None;
        }
    }

    /// The stage is bare, as before the first cue.
    pub fn bare(&mut self) {
        self.stage = Stage::default();
    }

    /// Lets time pass. `busy` says whether the host still carries out the last cue. Answers the cue that is due now.
    pub fn tick(&mut self, dt_secs: f64, busy: bool) -> Option<Cue> {
        self.caption_secs -= dt_secs;
        match &mut self.waiting {
            Waiting::Presenter | Waiting::Answer => return None,
            Waiting::Host if busy => return None,
            Waiting::Seconds(left) => {
                *left -= dt_secs;
                if *left > 0.0 {
                    return None;
                }
            }
            Waiting::Host | Waiting::Nothing => {}
        }
        self.waiting = Waiting::Nothing;
        let cue = self.cues.get(self.next)?.clone();
        match &cue {
            // A caption stays long enough to be read before the next one, or a bare stage, takes its place.
            Cue::Say(_) | Cue::Clear if self.caption_secs > 0.0 => return None,
            Cue::Say(text) => self.caption_secs = reading_secs(text),
            Cue::Wait => self.waiting = Waiting::Presenter,
            Cue::Ask { .. } => self.waiting = Waiting::Answer,
            Cue::Pause { seconds } => self.waiting = Waiting::Seconds(*seconds),
            Cue::Play { .. } | Cue::Step { .. } | Cue::Train { .. } | Cue::TrainUntil { .. } => {
                self.waiting = Waiting::Host;
            }
            Cue::Set(_)
            | Cue::Tweak { .. }
            | Cue::Focus(_)
            | Cue::Highlight(_)
            | Cue::Clear
            | Cue::Speed(_)
            | Cue::Camera(_)
            | Cue::Show(_)
            | Cue::Hide(_)
            | Cue::Plot(_)
            | Cue::Note(_)
            | Cue::Section(_) => {}
        }
        self.stage.take(&cue);
        self.next += 1;
        Some(cue)
    }
}

/// How long a caption takes to read: 60 ms a letter, at least a second and a half.
pub fn reading_secs(text: &str) -> f64 {
    (0.06 * text.chars().count() as f64).max(1.5)
}

/// Fills in a caption: `{output:2}` is the present sample's output with two digits. Known are `input`,
/// `output`, `target`, `loss` (the mean over the step's batch), `penalty` (the regularizer's sum over the weights, 0
/// without one), `step` (the one that is shown), `steps` (how many are done) and `lr` (that of the step, after any
/// schedule); anything else stays as it is.
pub fn fill_in(text: &str, timeline: &Timeline, sample: usize) -> String {
    let step = timeline.step();
    let sample = step.samples.get(sample).or(step.samples.first());
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        out.push_str(before);
        let Some((field, tail)) = after.split_once('}') else {
            out.push('{');
            rest = after;
            continue;
        };
        let (name, digits) = field.split_once(':').unwrap_or((field, "3"));
        let numbers: Option<Vec<f64>> = match (name, sample) {
            ("input", Some(sample)) => Some(sample.input.clone()),
            ("output", Some(sample)) => sample.layers.last().map(|layer| layer.a.clone()),
            ("target", Some(sample)) => Some(sample.target.clone()),
            ("loss", _) => Some(vec![step.loss]),
            ("step", _) => Some(vec![step.step as f64]),
            ("steps", _) => Some(vec![(step.step - 1) as f64]),
            ("penalty", _) => Some(vec![step.penalty.as_ref().map_or(0.0, |penalty| penalty.sum)]),
            ("lr", _) => Some(vec![step.learning_rate()]),
            _ => None,
        };
        match (numbers, digits.parse::<usize>()) {
            (Some(numbers), Ok(digits @ 1..=17)) => {
                let shown: Vec<String> = numbers.iter().map(|x| words::number(*x, digits)).collect();
                out.push_str(&shown.join(", "));
            }
            _ => {
                out.push('{');
                out.push_str(field);
                out.push('}');
            }
        }
        rest = tail;
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(right: usize) -> Cue {
        Cue::Ask { question: "Which?".into(), answers: vec!["a".into(), "b".into()], right }
    }

    #[test]
    fn a_question_waits_for_its_answer_and_then_for_the_presenter() {
        let mut performer = Performer::new(vec![ask(1), Cue::Say("next".into())]);
        assert_eq!(performer.tick(0.1, false), Some(ask(1)));
        assert_eq!(performer.tick(1e9, false), None, "time does not answer");
        performer.answer(2);
        assert_eq!(performer.waiting(), Waiting::Answer, "there is no third answer");
        performer.answer(0);
        let question = performer.stage().question.clone().expect("it is still there");
        assert_eq!((question.chosen, question.is_revealed, question.right), (Some(0), true, 1));
        performer.answer(1);
        assert_eq!(performer.stage().question, Some(question), "who has seen the right answer gives no other");
        assert_eq!(performer.tick(1e9, false), None);
        performer.go_on();
        assert_eq!(performer.stage().question, None);
        assert_eq!(performer.tick(0.1, false), Some(Cue::Say("next".into())));
    }

    #[test]
    fn the_clicker_reveals_the_answer_and_then_goes_on() {
        let mut performer = Performer::new(vec![ask(0), Cue::Wait]);
        performer.tick(0.1, false);
        performer.go_on();
        let question = performer.stage().question.clone().expect("it is revealed");
        assert_eq!((question.chosen, question.is_revealed), (None, true));
        performer.go_on();
        assert_eq!(performer.tick(0.1, false), Some(Cue::Wait));
    }

    #[test]
    fn the_stage_is_what_the_cues_so_far_add_up_to() {
        let cues = vec![
            Cue::Section("one".into()),
            Cue::Note("breathe".into()),
            Cue::Say("hello".into()),
            Cue::Show(Panel::Timeline),
            Cue::Highlight(Condition(0)),
            Cue::Train { steps: 3 },
            ask(0),
            Cue::Hide(Panel::Timeline),
            Cue::Clear,
            Cue::Section("two".into()),
        ];
        let stage = |done| Performer::after(cues.clone(), done).stage().clone();
        let at = stage(6);
        assert_eq!((at.caption.as_str(), at.note.as_str(), at.section.as_deref()), ("hello", "breathe", Some("one")));
        assert_eq!((at.highlight, at.panels.get(&Panel::Timeline)), (Some(Condition(0)), Some(&true)));
        assert!(stage(7).question.is_some_and(|question| !question.is_revealed));
        assert_eq!(Performer::after(cues.clone(), 7).waiting(), Waiting::Answer);
        let end = stage(10);
        assert_eq!((end.caption.as_str(), end.note.as_str(), end.section.as_deref()), ("", "", Some("two")));
        assert_eq!((end.question, end.highlight, end.panels[&Panel::Timeline]), (None, None, false));
    }

    #[test]
    fn training_until_a_condition_holds_is_the_hosts_business() {
        let cue = Cue::TrainUntil { until: Condition(0), most: 5 };
        let mut performer = Performer::new(vec![cue.clone(), Cue::Wait]);
        assert_eq!(performer.tick(0.1, false), Some(cue));
        assert_eq!(performer.tick(1e9, true), None);
        performer.go_on();
        assert_eq!(performer.tick(0.1, true), None, "only the host knows when it is over");
        assert_eq!(performer.tick(0.1, false), Some(Cue::Wait));
    }

    #[test]
    fn a_caption_is_read_before_the_stage_is_cleared() {
        let mut performer = Performer::new(vec![Cue::Say("hello".into()), Cue::Clear]);
        performer.tick(0.0, false);
        assert_eq!(performer.tick(0.5, false), None);
        assert_eq!(performer.stage().caption, "hello");
        assert_eq!(performer.tick(9.0, false), Some(Cue::Clear));
        assert_eq!(performer.stage().caption, "");
    }
}
