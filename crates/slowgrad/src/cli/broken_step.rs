//! Reports the step at which training broke: its first operation whose result is not finite, with its place in a script.

use super::Failure;
use slowgrad_engine::finite_check::{BrokenStep, NotFinite};
use slowgrad_engine::record;
use slowgrad_engine::setup::Setup;
use slowgrad_tape::Diagnostic;
use slowgrad_timeline::Timeline;
use slowgrad_timeline::explain::words::{self, Explainer};
use slowgrad_timeline::number_format::number;
use std::sync::Arc;

/// Significant digits of the numbers.
const DIGITS: usize = 6;

/// The failure of a run with this setup. Records the step again from the model before it.
pub(super) fn failure(setup: &Setup, broken: &BrokenStep) -> Failure {
    let BrokenStep { step, number: broken_number, before } = broken;
    let what = match broken_number {
        NotFinite::Loss(loss) => format!("the loss is {}", number(*loss, DIGITS)),
        NotFinite::Penalty(penalty) => format!("the penalty is {}", number(*penalty, DIGITS)),
        NotFinite::Parameter { index, value } => {
            let name = words::named_target(setup.shape.parameter(*index).into(), &setup.shape, &setup.io_names);
            format!("the {name} is {}", number(*value, DIGITS))
        }
    };
    let timeline = match record::record(setup, before, *step) {
        Ok(recorded) => Timeline::new(Arc::new(recorded)),
        Err(error) => return error.into(),
    };
    let advice = "A smaller learning rate often helps; --keep-going trains on regardless.";
    let message = format!("training stopped at step {step}: {what}");
    let mut diagnostic = Diagnostic::error("not-finite", message).help(advice);
    if let Some(event) = timeline.first_not_finite() {
        let title = words::title(&timeline, &event.address);
        let sentence = Explainer { digits: DIGITS }.sentence(&timeline, &event);
        diagnostic.help = Some(format!("{title}: {sentence} {advice}"));
        diagnostic.location = event.location;
    }
    Failure::Scripts(vec![diagnostic])
}
