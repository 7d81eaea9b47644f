//! Placeholders in captions and questions: `{loss}` is replaced with a number of the shown step.
//!
//! It must not know how numbers are computed.

use crate::Timeline;
use crate::number_format::number;
use slowgrad_engine::evaluation::Scores;

/// The placeholders of the shown step: the current sample's `input`, `output` and `target`, the mean `loss` over the
/// batch, the regularizer's `penalty` (the sum over the weights, 0 without one), the number of the `step`, of completed
/// `steps`, and `lr`, the learning rate of the step after the schedule.
pub const STEP_PLACEHOLDERS: [&str; 8] = ["input", "output", "target", "loss", "penalty", "step", "steps", "lr"];
/// The placeholders of an evaluation over all data with the parameters before the shown step. The first two are of the
/// training data.
pub const SCORE_PLACEHOLDERS: [&str; 4] = ["train_loss", "accuracy", "test_loss", "test_accuracy"];

/// The significant digits of a number by default.
const DEFAULT_DIGITS: usize = 3;

/// The names in braces in a text, with the number of digits after a colon. Braces around other text are no placeholders.
pub fn placeholders(text: &str) -> impl Iterator<Item = &str> {
    pieces(text).filter_map(|piece| match piece {
        Piece::Placeholder { name, .. } => Some(name),
        Piece::Text(_) => None,
    })
}

/// Whether a text needs the scores over all data.
pub fn needs_scores(text: &str) -> bool {
    placeholders(text).any(|name| SCORE_PLACEHOLDERS.contains(&name))
}

/// Fills in the placeholders of a text: `{output:2}` is the current sample's output with two significant digits (default
/// 3). Scores that are not known yet are `…`. Other text in braces is not changed.
pub fn fill_in(text: &str, timeline: &Timeline, sample: usize, scores: Option<Scores>) -> String {
    let step = timeline.step();
    let sample = step.samples.get(sample).or(step.samples.first());
    let mut filled = String::new();
    for piece in pieces(text) {
        let (whole, name, digits) = match piece {
            Piece::Text(text) => {
                filled.push_str(text);
                continue;
            }
            Piece::Placeholder { whole, name, digits } => (whole, name, digits),
        };
        let numbers: Option<Vec<f64>> = match (name, sample) {
            ("input", Some(sample)) => Some(sample.input.clone()),
            ("output", Some(sample)) => sample.layers.last().map(|layer| layer.a.clone()),
            ("target", Some(sample)) => Some(sample.target.clone()),
            ("loss", _) => Some(vec![step.loss]),
            ("step", _) => Some(vec![step.step as f64]),
            ("steps", _) => Some(vec![(step.step - 1) as f64]),
            ("penalty", _) => Some(vec![step.penalty.as_ref().map_or(0.0, |penalty| penalty.sum)]),
            ("lr", _) => Some(vec![step.learning_rate()]),
            _ if SCORE_PLACEHOLDERS.contains(&name) => Some(score(name, scores).into_iter().collect()),
            _ => None,
        };
        match numbers {
            Some(numbers) if numbers.is_empty() => filled.push('…'),
            Some(numbers) => {
                let shown: Vec<String> = numbers.iter().map(|x| number(*x, digits)).collect();
                filled.push_str(&shown.join(", "));
            }
            None => filled.push_str(whole),
        }
    }
    filled
}

fn score(name: &str, scores: Option<Scores>) -> Option<f64> {
    let Scores { train, test } = scores?;
    match name {
        "train_loss" => Some(train.loss),
        "accuracy" => train.accuracy,
        "test_loss" => Some(test?.loss),
        _ => test?.accuracy,
    }
}

/// A part of a text.
enum Piece<'t> {
    Text(&'t str),
    /// A name in braces.
    Placeholder {
        /// The placeholder with its braces.
        whole: &'t str,
        name: &'t str,
        digits: usize,
    },
}

/// Splits a text into its placeholders and the text between them.
fn pieces(text: &str) -> impl Iterator<Item = Piece<'_>> {
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        if let Some((piece, len)) = placeholder_at_start(rest) {
            rest = &rest[len..];
            return Some(piece);
        }
        let starts = rest.char_indices().skip(1).filter(|(_, ch)| *ch == '{').map(|(at, _)| at);
        let end = starts.into_iter().find(|at| placeholder_at_start(&rest[*at..]).is_some()).unwrap_or(rest.len());
        let (text, after) = rest.split_at(end);
        rest = after;
        Some(Piece::Text(text))
    })
}

/// The placeholder at the start of a text, with its length in bytes.
fn placeholder_at_start(text: &str) -> Option<(Piece<'_>, usize)> {
    let (field, _) = text.strip_prefix('{')?.split_once('}')?;
    let (name, digits) = field.split_once(':').map_or((field, None), |(name, digits)| (name, Some(digits)));
    let is_name = name.starts_with(|ch: char| ch.is_ascii_lowercase())
        && name.chars().all(|ch| ch.is_ascii_lowercase() || ch.is_ascii_digit() || ch == '_');
    let digits = digits.map_or(Some(DEFAULT_DIGITS), |digits| digits.parse().ok().filter(|n| (1..=17).contains(n)))?;
    let whole = &text[..field.len() + 2];
    is_name.then_some((Piece::Placeholder { whole, name, digits }, whole.len()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use slowgrad_engine::evaluation::Score;

    #[test]
    fn names_in_braces_are_placeholders_and_other_text_is_not() {
        let found = |text| placeholders(text).collect::<Vec<_>>();
        assert_eq!(found("L = {loss}, {{output:2}} and {x_1:17}"), ["loss", "output", "x_1"]);
        assert_eq!(found("{0, 1} {} {a b} {Loss} {loss:x} {loss:0} {loss:18} { loss } {loss"), [""; 0]);
        assert!(needs_scores("{test_accuracy:2}") && !needs_scores("{loss} test_loss"));
    }

    #[test]
    fn scores_are_those_of_training_and_test_data() {
        let train = Score { loss: 0.25, accuracy: Some(0.75) };
        let scores = Some(Scores { train, test: Some(Score { loss: 0.5, accuracy: None }) });
        let all = SCORE_PLACEHOLDERS.map(|name| score(name, scores));
        assert_eq!(all, [Some(0.25), Some(0.75), Some(0.5), None]);
        assert_eq!(SCORE_PLACEHOLDERS.map(|name| score(name, Some(Scores { train, test: None })))[2..], [None, None]);
    }
}
