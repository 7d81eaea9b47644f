//! Performs a lesson: hands out its cues one after another, each when the one before is over.
//!
//! What a cue does is the host's business; when the next one comes is decided here, from elapsed time and
//! from what the host says is still going on. There is no clock inside.

use crate::cue::Cue;
use crate::timeline::Timeline;
use crate::words;

/// What the performance waits for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Waiting {
    /// Nothing: the next cue is due.
    Nothing,
    /// The presenter's click.
    Presenter,
    /// Time, in seconds.
    Seconds(f64),
    /// The host, which is playing or training.
    Host,
}

/// A lesson being performed.
#[derive(Debug, Clone, PartialEq)]
pub struct Performer {
    cues: Vec<Cue>,
    next: usize,
    waiting: Waiting,
    caption_secs: f64,
    section: Option<String>,
}

impl Performer {
    /// A lesson's cues from the first one.
    pub fn new(cues: Vec<Cue>) -> Self {
        Self { cues, next: 0, waiting: Waiting::Nothing, caption_secs: 0.0, section: None }
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

    /// The section it is in.
    pub fn section(&self) -> Option<&str> {
        self.section.as_deref()
    }

    /// Whether the last cue is over.
    pub fn is_over(&self) -> bool {
        self.next >= self.cues.len() && self.waiting == Waiting::Nothing
    }

    /// The presenter goes on: ends a wait or a pause.
    pub fn go_on(&mut self) {
        if self.waiting != Waiting::Host {
            self.waiting = Waiting::Nothing;
            self.caption_secs = 0.0;
        }
    }

    /// Lets time pass. `busy` says whether the host still carries out the last cue. Answers the cue that is due now.
    pub fn tick(&mut self, dt_secs: f64, busy: bool) -> Option<Cue> {
        self.caption_secs -= dt_secs;
        match &mut self.waiting {
            Waiting::Presenter => return None,
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
            // A caption stays long enough to be read before the next one takes its place.
            Cue::Say(_) if self.caption_secs > 0.0 => return None,
            Cue::Say(text) => self.caption_secs = reading_secs(text),
            Cue::Wait => self.waiting = Waiting::Presenter,
            Cue::Pause { seconds } => self.waiting = Waiting::Seconds(*seconds),
            Cue::Play { .. } | Cue::Step { .. } | Cue::Train { .. } => self.waiting = Waiting::Host,
            Cue::Section(name) => self.section = Some(name.clone()),
            Cue::Set(_) | Cue::Tweak { .. } => {}
        }
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
