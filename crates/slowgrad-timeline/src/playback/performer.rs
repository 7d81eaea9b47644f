//! The performer of a lesson: issues its cues one after another, each when the previous one is complete.
//!
//! The host executes the cues. The performer decides when the next one is due, from elapsed time and from whether the host
//! is busy. It must not hold a clock or know how a cue is executed.

use super::cue::{Cue, CueCondition, Panel, Plot};
use std::collections::BTreeMap;

/// What the performer waits for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Waiting {
    /// Nothing: the next cue is due.
    Nothing,
    /// The presenter's click.
    Presenter,
    /// An answer, or the presenter's click, which reveals the right one.
    Answer,
    /// Elapsed time, in seconds.
    Seconds(f64),
    /// The host, while it plays or trains.
    Host,
}

impl Waiting {
    /// Whether the lesson waits for a person.
    pub fn is_stop(self) -> bool {
        matches!(self, Waiting::Presenter | Waiting::Answer)
    }
}

/// A question to the audience.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// The question.
    pub text: String,
    /// The possible answers.
    pub answers: Vec<String>,
    /// The index of the right answer.
    pub right: usize,
    /// The index of the given answer.
    pub chosen: Option<usize>,
    /// Whether the right answer is shown.
    pub revealed: bool,
}

/// What the audience sees: the combined effect of all cues so far.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct StageState {
    /// The last caption, with its fields not filled in.
    pub caption: String,
    /// The current section.
    pub section: Option<String>,
    /// The open question.
    pub question: Option<Question>,
    /// The condition of the highlighted parameters.
    pub highlight: Option<CueCondition>,
    /// The panels that the lesson shows or hides. The user controls all others.
    pub panels: BTreeMap<Panel, bool>,
    /// The plots that the lesson opened, the latest one last.
    pub plots: Vec<Plot>,
    /// The presenter's note.
    pub note: String,
}

impl StageState {
    /// Applies the effect of a cue.
    fn apply(&mut self, cue: &Cue) {
        match cue {
            Cue::Say(text) => self.caption.clone_from(text),
            Cue::Ask { question, answers, right } => {
                let (text, answers, right) = (question.clone(), answers.clone(), *right);
                self.question = Some(Question { text, answers, right, chosen: None, revealed: false });
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
            | Cue::Freeze { .. }
            | Cue::Train { .. }
            | Cue::TrainUntil { .. }
            | Cue::Focus(_)
            | Cue::Speed(_)
            | Cue::Camera(_) => {}
        }
    }
}

/// A lesson in progress.
#[derive(Debug, Clone, PartialEq)]
pub struct Performer {
    cues: Vec<Cue>,
    next: usize,
    waiting: Waiting,
    caption_secs: f64,
    stage: StageState,
}

impl Performer {
    /// A performer at the first cue of a lesson.
    pub fn new(cues: Vec<Cue>) -> Self {
        Self { cues, next: 0, waiting: Waiting::Nothing, caption_secs: 0.0, stage: StageState::default() }
    }

    /// A performer after the first `done` cues, with their combined effect. It waits at the last of them if that is a stop.
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

    /// Number of cues issued so far.
    pub fn done(&self) -> usize {
        self.next
    }

    /// What the performer waits for.
    pub fn waiting(&self) -> Waiting {
        self.waiting
    }

    /// The combined effect of the cues so far.
    pub fn stage(&self) -> &StageState {
        &self.stage
    }

    /// Whether the last cue is complete.
    pub fn is_finished(&self) -> bool {
        self.next >= self.cues.len() && self.waiting == Waiting::Nothing
    }

    /// Advances on the presenter's click: ends a wait or a pause, or reveals the answer of an open question.
    pub fn advance(&mut self) {
        match self.waiting {
            Waiting::Host => {}
            Waiting::Answer => self.reveal(None),
            _ => self.skip(),
        }
    }

    /// Gives an answer by its index, which reveals the right one. An index that is out of range has no effect.
    pub fn answer(&mut self, answer: usize) {
        let question = self.stage.question.as_ref().filter(|question| answer < question.answers.len());
        if self.waiting == Waiting::Answer && question.is_some() {
            self.reveal(Some(answer));
        }
    }

    fn reveal(&mut self, chosen: Option<usize>) {
        self.waiting = Waiting::Presenter;
        if let Some(question) = &mut self.stage.question {
            (question.chosen, question.revealed) = (chosen, true);
        }
    }

    /// Ends every wait except for the host, and closes an open question.
    pub fn skip(&mut self) {
        if self.waiting != Waiting::Host {
            self.waiting = Waiting::Nothing;
            self.caption_secs = 0.0;
            self.stage.question = None;
        }
    }

    /// Clears the stage, as before the first cue.
    pub fn clear_stage(&mut self) {
        self.stage = StageState::default();
    }

    /// Advances by elapsed time in seconds and returns the cue that is due. `busy` says whether the host is still executing
    /// the last cue.
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
            // A caption stays long enough to read before another one, or an empty stage, replaces it.
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
            | Cue::Freeze { .. }
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
        self.stage.apply(&cue);
        self.next += 1;
        Some(cue)
    }
}

/// The time to read a caption, in seconds: 60 ms per character, at least 1.5 s.
pub fn reading_secs(text: &str) -> f64 {
    (0.06 * text.chars().count() as f64).max(1.5)
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
        let question = performer.stage().question.clone().expect("the question stays open");
        assert_eq!((question.chosen, question.revealed, question.right), (Some(0), true, 1));
        performer.answer(1);
        assert_eq!(performer.stage().question, Some(question), "only the first answer counts");
        assert_eq!(performer.tick(1e9, false), None);
        performer.advance();
        assert_eq!(performer.stage().question, None);
        assert_eq!(performer.tick(0.1, false), Some(Cue::Say("next".into())));
    }

    #[test]
    fn a_click_reveals_the_answer_and_the_next_one_advances() {
        let mut performer = Performer::new(vec![ask(0), Cue::Wait]);
        performer.tick(0.1, false);
        performer.advance();
        let question = performer.stage().question.clone().expect("it is revealed");
        assert_eq!((question.chosen, question.revealed), (None, true));
        performer.advance();
        assert_eq!(performer.tick(0.1, false), Some(Cue::Wait));
    }

    #[test]
    fn the_stage_is_the_combined_effect_of_the_cues_so_far() {
        let cues = vec![
            Cue::Section("one".into()),
            Cue::Note("breathe".into()),
            Cue::Say("hello".into()),
            Cue::Show(Panel::Timeline),
            Cue::Highlight(CueCondition(0)),
            Cue::Train { steps: 3 },
            ask(0),
            Cue::Hide(Panel::Timeline),
            Cue::Clear,
            Cue::Section("two".into()),
        ];
        let stage = |done| Performer::after(cues.clone(), done).stage().clone();
        let at = stage(6);
        assert_eq!((at.caption.as_str(), at.note.as_str(), at.section.as_deref()), ("hello", "breathe", Some("one")));
        assert_eq!((at.highlight, at.panels.get(&Panel::Timeline)), (Some(CueCondition(0)), Some(&true)));
        assert!(stage(7).question.is_some_and(|question| !question.revealed));
        assert_eq!(Performer::after(cues.clone(), 7).waiting(), Waiting::Answer);
        let end = stage(10);
        assert_eq!((end.caption.as_str(), end.note.as_str(), end.section.as_deref()), ("", "", Some("two")));
        assert_eq!((end.question, end.highlight, end.panels[&Panel::Timeline]), (None, None, false));
    }

    #[test]
    fn training_until_a_condition_holds_waits_for_the_host() {
        let cue = Cue::TrainUntil { until: CueCondition(0), max_steps: 5 };
        let mut performer = Performer::new(vec![cue.clone(), Cue::Wait]);
        assert_eq!(performer.tick(0.1, false), Some(cue));
        assert_eq!(performer.tick(1e9, true), None);
        performer.advance();
        assert_eq!(performer.tick(0.1, true), None, "a click does not end training");
        assert_eq!(performer.tick(0.1, false), Some(Cue::Wait));
    }

    #[test]
    fn a_caption_stays_long_enough_to_read_before_the_stage_is_cleared() {
        let mut performer = Performer::new(vec![Cue::Say("hello".into()), Cue::Clear]);
        performer.tick(0.0, false);
        assert_eq!(performer.tick(0.5, false), None);
        assert_eq!(performer.stage().caption, "hello");
        assert_eq!(performer.tick(9.0, false), Some(Cue::Clear));
        assert_eq!(performer.stage().caption, "");
    }
}
