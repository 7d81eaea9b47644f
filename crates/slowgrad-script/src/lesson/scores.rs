//! Placeholders in captions, and scores in captions and conditions: whether they exist, and whether this lesson has them.

use crate::diagnostics::problem::Problem;
use crate::diagnostics::wording::suggestion;
use slowgrad_engine::evaluation::ClassTargets;
use slowgrad_engine::setup::Setup;
use slowgrad_tape::{Diagnostic, Location};
use slowgrad_timeline::playback::cue::Cue;
use slowgrad_timeline::playback::placeholders::{SCORE_PLACEHOLDERS, STEP_PLACEHOLDERS, placeholders};

/// The scores that a lesson does not have.
#[derive(Debug, Clone, Copy)]
pub(crate) struct MissingScores {
    has_classes: bool,
    has_test: bool,
}

impl MissingScores {
    /// The scores that the data of a setup does not have.
    pub(crate) fn of(setup: &Setup) -> Self {
        let has_classes = ClassTargets::of(&setup.train, &setup.test).is_some();
        Self { has_classes, has_test: !setup.test.is_empty() }
    }

    /// The problem of using a score, if this lesson does not have it.
    pub(crate) fn problem(self, name: &str) -> Option<Problem> {
        if name.starts_with("test_") && !self.has_test {
            let problem =
                Problem::new("no-test-data", format!("there is no `{name}`, because this lesson has no test data"));
            return Some(
                problem.help("add `test_fraction: 0.2` to the lesson, which keeps a fifth of the samples for testing"),
            );
        }
        if name.ends_with("accuracy") && !self.has_classes {
            let message = format!("there is no `{name}`, because the targets of this lesson are not classes");
            let help = "an accuracy needs one output for each class with targets 0 and 1, or one output with two different targets";
            return Some(Problem::new("no-classes", message).help(help));
        }
        None
    }
}

/// The problems of the placeholders in the texts of a cue.
pub(crate) fn check_placeholders(cue: &Cue, missing: MissingScores, location: Option<&Location>) -> Vec<Diagnostic> {
    let texts: &[&String] = match cue {
        Cue::Say(text) | Cue::Note(text) => &[text],
        Cue::Ask { question, .. } => &[question],
        _ => &[],
    };
    let names = texts.iter().flat_map(|text| placeholders(text));
    let problem = |name: &str| {
        if STEP_PLACEHOLDERS.contains(&name) {
            return None;
        }
        if SCORE_PLACEHOLDERS.contains(&name) {
            return missing.problem(name);
        }
        let known = STEP_PLACEHOLDERS.into_iter().chain(SCORE_PLACEHOLDERS);
        let problem = Problem::new("unknown-placeholder", format!("`{{{name}}}` is not a placeholder"));
        Some(problem.maybe_help(suggestion(name, known)))
    };
    names.filter_map(problem).map(|problem| Diagnostic { location: location.cloned(), ..problem.unplaced() }).collect()
}
