//! Looks for samples that are very wrong at the start of training and nevertheless have no gradient.

use super::number;
use super::pair::Pair;
use crate::plugins::Plugins;
use slowgrad_engine::dense;
use slowgrad_engine::setup::Setup;
use slowgrad_engine::train::{self, Workspace};
use slowgrad_tape::Diagnostic;
use std::rc::Rc;

/// The largest number of samples to try.
const MAX_SAMPLES: usize = 16;
/// The largest number of products for all samples together, unless one sample has more.
const MAX_PRODUCTS: usize = 1_000_000;

/// Warns if a sample of the training data has a larger loss than with pre-activations of 0, but no gradient.
pub(crate) fn saturation(plugins: &Plugins, setup: &Setup, parameters: &[f64]) -> Option<Diagnostic> {
    let pair = Pair::new(plugins, setup)?;
    let host = &plugins.interpreter.host;
    let printed = host.console_len();
    let found = saturated_sample(&pair, setup, parameters);
    host.truncate_console(printed);
    found
}

fn saturated_sample(pair: &Pair, setup: &Setup, parameters: &[f64]) -> Option<Diagnostic> {
    let (shape, data) = (&setup.shape, &setup.train);
    let count = (MAX_PRODUCTS / shape.parameters().max(1)).clamp(1, MAX_SAMPLES).min(data.len());
    let inputs: Vec<Vec<f64>> = (0..count).map(|i| data.input(i).to_vec()).collect();
    let layers = train::activations(&Rc::new(setup.clone()), parameters, &inputs, &mut Workspace::default()).ok()?;
    let last = shape.layers() - 1;
    let (weights, biases) = (&parameters[shape.weights(last)], &parameters[shape.biases(last)]);
    let mut z = vec![0.0; pair.width];
    for (i, input) in inputs.iter().enumerate() {
        let before: Vec<f64> = match last.checked_sub(1) {
            Some(hidden) => layers[hidden].iter().map(|neuron| neuron[i]).collect(),
            None => input.clone(),
        };
        dense::forward_one(weights, biases, &before, &mut z);
        let target = data.target(i);
        let loss = pair.composed(&z, target).ok()?;
        let usual = pair.composed(&vec![0.0; pair.width], target).ok()?;
        if loss > usual && pair.composed_gradient(&z, target).ok()?.iter().all(|grad| *grad == 0.0) {
            return Some(warning(pair, i + 1, loss, &z));
        }
    }
    None
}

fn warning(pair: &Pair, sample: usize, loss: f64, z: &[f64]) -> Diagnostic {
    let (output, name) = (&pair.activation.info.name, &pair.loss.info.name);
    let largest = z.iter().fold(0.0_f64, |most, z| most.max(z.abs()));
    let message = format!(
        "sample {sample} has a loss of {} and a gradient of 0: `{output}` is flat at the first pre-activations, of up to \
         {}, so this sample teaches nothing",
        number(loss),
        number(largest)
    );
    let help = if pair.width > 1 { "cross_entropy_with_logits" } else { "binary_cross_entropy_with_logits" };
    Diagnostic::warning("saturated-output", message).help(format!(
        "start with smaller weights or inputs, or for classes use `output: \"identity\"` with `{help}` in place of `{name}`"
    ))
}
