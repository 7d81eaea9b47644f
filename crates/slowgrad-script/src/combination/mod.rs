//! Checks whether output, loss and targets of a lesson fit together.
//!
//! Names of plugins tell nothing about scripts of users, so the functions are asked: which numbers does the output
//! give, what does the loss need, is its best value within reach of the targets? This module must not know how training
//! works, and it uses functions of its own, so that the paths it takes are not stored with those of training.

mod loss_needs;
mod output_range;
mod pair;
mod saturation;

pub(crate) use saturation::saturation;

use crate::plugins::Plugins;
use crate::sandbox::FieldLocator;
use loss_needs::{LossDomain, TargetFault};
use output_range::OutputRange;
use pair::{Pair, Tried};
use slowgrad_engine::setup::Setup;
use slowgrad_tape::Diagnostic;

/// The largest number of targets to try, for narrow outputs.
const MAX_TARGETS: usize = 6;
/// The numbers in all tried targets together. A wide output has fewer targets, because each is a new path of a loss.
const MAX_TARGET_NUMBERS: usize = 2_000;

/// A target of the data, and the sample that has it, from 1.
struct SampleTarget {
    sample: usize,
    values: Vec<f64>,
}

/// Some targets of the training data, all different, those with the smallest and the largest number among them.
fn targets(setup: &Setup) -> Vec<SampleTarget> {
    let data = &setup.train;
    let max = (MAX_TARGET_NUMBERS / data.outputs().max(1)).clamp(1, MAX_TARGETS);
    let lowest = |i: usize| data.target(i).iter().copied().fold(f64::INFINITY, f64::min);
    let highest = |i: usize| data.target(i).iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let all = 0..data.len();
    let ends = [
        all.clone().min_by(|&a, &b| lowest(a).total_cmp(&lowest(b))),
        all.clone().max_by(|&a, &b| highest(a).total_cmp(&highest(b))),
    ];
    let mut found: Vec<SampleTarget> = Vec::new();
    for i in ends.into_iter().flatten().chain(all) {
        if found.len() >= max {
            break;
        }
        if found.iter().all(|known| known.values != data.target(i)) {
            found.push(SampleTarget { sample: i + 1, values: data.target(i).to_vec() });
        }
    }
    found
}

/// Warns if output, loss and targets do not fit together. Returns the first reason only: the others follow from it.
pub(crate) fn check(plugins: &Plugins, setup: &Setup, locate: FieldLocator<'_>) -> Option<Diagnostic> {
    let pair = Pair::new(plugins, setup)?;
    let targets = targets(setup);
    // Lines printed by the functions are dropped.
    let host = &plugins.interpreter.host;
    let printed = host.console_len();
    let found = verdict(&pair, &targets);
    host.truncate_console(printed);
    let PairProblem { warning, field } = found.ok()??;
    let location = locate(field);
    Some(Diagnostic { location, ..warning })
}

struct PairProblem {
    warning: Diagnostic,
    /// The field of the lesson that has to change.
    field: &'static str,
}

/// The first reason why output, loss and targets do not fit together.
fn verdict(pair: &Pair, targets: &[SampleTarget]) -> Tried<Option<PairProblem>> {
    let (output, loss) = (&pair.activation.info.name, &pair.loss.info.name);
    let Some(range) = OutputRange::of(pair, targets)? else { return Ok(None) };
    let mismatch = |message: String, help: &str| {
        Ok(Some(PairProblem { warning: Diagnostic::warning("loss-and-output", message).help(help), field: "loss" }))
    };
    if range.is_constant() {
        let message =
            format!("`{output}` gives {} whatever the weights are, so every gradient is 0", number(range.low));
        let warning = Diagnostic::warning("constant-output", message).help(
            "softmax divides a single neuron by itself; for yes or no use `output: \"identity\"` with \
             `binary_cross_entropy_with_logits`, for classes one neuron each",
        );
        return Ok(Some(PairProblem { warning, field: "output" }));
    }
    if !loss_needs::depends_on_target(pair)? {
        return Ok(None);
    }
    if let Some(TargetFault { target, dead_zero_of_margin }) = loss_needs::dead_target(pair, targets, &range)? {
        let help = if dead_zero_of_margin {
            "this loss needs targets −1 and 1"
        } else {
            "give each sample a class: 1 for the true one, 0 for the others; for yes or no with one output use \
             `output: \"identity\"` with `binary_cross_entropy_with_logits`"
        };
        return Ok(Some(target_problem(
            target,
            &format!("`{loss}` is the same for every output, so this sample teaches nothing"),
            help,
        )));
    }
    let need = loss_needs::need(pair, targets)?;
    let shown = range.describe();
    match need {
        LossDomain::Probabilities if !range.is_within(0.0, 1.0) => {
            return mismatch(
                format!("`{loss}` needs outputs from 0 to 1, but `{output}` gives {shown}"),
                "use `output: \"identity\"` with `binary_cross_entropy_with_logits`, or `output: \"sigmoid\"`",
            );
        }
        LossDomain::Distribution if !range.sums_to_one => {
            return mismatch(
                format!(
                    "`{loss}` needs probabilities that add up to 1, but `{output}` gives {shown}{}",
                    if range.is_within(0.0, 1.0) { " without that sum" } else { "" }
                ),
                "use `output: \"identity\"` with `cross_entropy_with_logits`, or `output: \"softmax\"`",
            );
        }
        LossDomain::Positive if range.low < 0.0 => {
            return mismatch(
                format!("`{loss}` needs outputs above 0, but `{output}` gives {shown}"),
                "use an output that is never negative, such as `output: \"softplus\"`",
            );
        }
        LossDomain::LogProbabilities if !range.log_probabilities => {
            return mismatch(
                format!(
                    "`{loss}` needs log-probabilities: it falls without end as all outputs grow, and `{output}` gives {shown}"
                ),
                "use `output: \"log_softmax\"`, or `output: \"identity\"` with `cross_entropy_with_logits`",
            );
        }
        LossDomain::AnyNumber if !range.is_unbounded() && loss_needs::out_of_reach(pair, targets)? => {
            return mismatch(
                format!("`{loss}` needs outputs that can be any number, but `{output}` gives {shown}"),
                "use `output: \"identity\"`",
            );
        }
        _ => {}
    }
    if matches!(need, LossDomain::Probabilities | LossDomain::Distribution)
        && let Some(target) = targets.iter().find(|target| target.values.iter().any(|t| !(0.0..=1.0).contains(t)))
    {
        let message = format!("`{loss}` needs targets from 0 to 1");
        return Ok(Some(target_problem(target, &message, "use 1 for yes or for the true class, and 0 elsewhere")));
    }
    if let Some(target) = loss_needs::falling_target(pair, targets)? {
        let message = format!("`{loss}` falls without end after `{output}`, so training never arrives");
        return Ok(Some(target_problem(target, &message, "use targets of the kind that the page of the loss names")));
    }
    if need == LossDomain::Target
        && let Some(target) = targets.iter().find(|target| !target.values.iter().all(|&t| range.reaches(t)))
    {
        let message = format!("`{output}` gives {shown} and cannot reach it");
        let help = "scale the targets, or use `output: \"identity\"`";
        return Ok(Some(target_problem(target, &message, help)));
    }
    Ok(None)
}

fn target_problem(target: &SampleTarget, fault: &str, help: &str) -> PairProblem {
    /// Numbers of a target in a message.
    const MAX_NUMBERS: usize = 6;
    let mut numbers: Vec<String> = target.values.iter().take(MAX_NUMBERS).map(|&t| number(t)).collect();
    if target.values.len() > MAX_NUMBERS {
        numbers.push("…".to_owned());
    }
    let message = format!("sample {} has the target {}: {fault}", target.sample, numbers.join(", "));
    PairProblem { warning: Diagnostic::warning("target-domain", message).help(help), field: "data" }
}

/// A number for messages.
fn number(x: f64) -> String {
    let text = if x == 0.0 || (1e-3..1e6).contains(&x.abs()) {
        let rounded = format!("{x:.3}");
        rounded.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        format!("{x:.2e}")
    };
    text.replace('-', "−")
}
