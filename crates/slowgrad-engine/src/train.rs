//! A training step at full speed: whole batches in lanes.
//!
//! Forward, loss, backward, penalty, update: five functions in the order in which they run. [`crate::record`]
//! carries out the same mathematics one sample at a time.

use crate::data::Data;
use crate::dense;
use crate::model::Model;
use crate::norms::Norms;
use crate::plugin::{Activation, Optimizer};
use crate::rate;
use crate::setup::{EpochOrder, Setup};
use slowgrad_tape::{Diagnostic, Row};
use std::ops::Range;

/// Room for one step's numbers, kept from step to step.
#[derive(Debug, Default)]
pub struct Workspace {
    order: EpochOrder,
    /// Per layer `[neuron][sample]`; index 0 holds the inputs.
    activations: Vec<Vec<f64>>,
    pre_activations: Vec<Vec<f64>>,
    targets: Vec<f64>,
    losses: Vec<f64>,
    grad_activation: Vec<f64>,
    delta: Vec<f64>,
    grad_previous: Vec<f64>,
    by_sample: Vec<f64>,
    grads: Vec<f64>,
    penalties: Vec<f64>,
    shares: Vec<f64>,
    new_values: Vec<f64>,
    new_state: Vec<Vec<f64>>,
}

/// What a step makes smaller, before its update.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Objective {
    /// The mean of the scripted loss over the batch.
    pub loss: f64,
    /// The sum of the regularizer's penalty over all weights, when there is a regularizer.
    pub penalty: Option<f64>,
}

/// Trains one step (counted from 1). When a script fails, the model is as it was.
pub fn step(setup: &Setup, model: &mut Model, step: u64, work: &mut Workspace) -> Result<Objective, Box<Diagnostic>> {
    let samples = setup.samples(step, &mut work.order);
    load(setup, &setup.train, &samples, work);
    forward(setup, &model.values, samples.len(), work)?;
    let loss = loss(setup, samples.len(), work)?;
    backward(setup, &model.values, samples.len(), work)?;
    let penalty = penalty(setup, &model.values, work)?;
    update(setup, model, step, work)?;
    Ok(Objective { loss, penalty })
}

/// The mean loss over data, or `None` when there is none.
pub fn evaluate(
    setup: &Setup,
    values: &[f64],
    data: &Data,
    work: &mut Workspace,
) -> Result<Option<f64>, Box<Diagnostic>> {
    const BLOCK: usize = 256;
    let mut sum = 0.0;
    let sliders = setup.loss.info.sliders();
    for start in (0..data.len()).step_by(BLOCK) {
        let samples: Vec<usize> = (start..data.len().min(start + BLOCK)).collect();
        load(setup, data, &samples, work);
        forward(setup, values, samples.len(), work)?;
        let n = samples.len();
        let outputs = &work.activations[setup.shape.layers()];
        let rows = outputs.chunks_exact(n).chain(work.targets.chunks_exact(n)).map(Row::Each);
        let inputs: Vec<Row<'_>> = rows.chain(sliders.iter().map(|&x| Row::Same(x))).collect();
        setup.loss.function.borrow_mut().forward(&inputs, &mut [&mut work.losses[..]])?;
        // Blocks only bound the memory: the sum runs in the order of the samples.
        sum = work.losses.iter().fold(sum, |sum, loss| sum + loss);
    }
    Ok((!data.is_empty()).then(|| sum / data.len() as f64))
}

/// The network's outputs for inputs, `[sample][output]`.
pub fn predict(
    setup: &Setup,
    values: &[f64],
    inputs: &[Vec<f64>],
    work: &mut Workspace,
) -> Result<Vec<Vec<f64>>, Box<Diagnostic>> {
    let n = inputs.len();
    if n == 0 {
        return Ok(Vec::new());
    }
    fit(setup, n, work);
    for (i, row) in work.activations[0].chunks_exact_mut(n).enumerate() {
        for (x, input) in row.iter_mut().zip(inputs) {
            *x = input[i];
        }
    }
    forward(setup, values, n, work)?;
    let outputs = &work.activations[setup.shape.layers()];
    Ok((0..n).map(|s| outputs.iter().skip(s).step_by(n).copied().collect()).collect())
}

fn fit(setup: &Setup, samples: usize, work: &mut Workspace) {
    let sizes = setup.shape.sizes();
    work.activations.resize_with(sizes.len(), Vec::new);
    work.pre_activations.resize_with(sizes.len() - 1, Vec::new);
    for (rows, size) in work.activations.iter_mut().zip(sizes) {
        rows.resize(size * samples, 0.0);
    }
    for (rows, size) in work.pre_activations.iter_mut().zip(&sizes[1..]) {
        rows.resize(size * samples, 0.0);
    }
    work.targets.resize(setup.shape.outputs() * samples, 0.0);
    work.losses.resize(samples, 0.0);
}

fn load(setup: &Setup, data: &Data, samples: &[usize], work: &mut Workspace) {
    let n = samples.len();
    fit(setup, n, work);
    for (s, &sample) in samples.iter().enumerate() {
        for (i, &x) in data.input(sample).iter().enumerate() {
            work.activations[0][i * n + s] = x;
        }
        for (k, &t) in data.target(sample).iter().enumerate() {
            work.targets[k * n + s] = t;
        }
    }
}

/// Layer by layer: z = W·x + b, a = activation(z).
fn forward(setup: &Setup, values: &[f64], n: usize, work: &mut Workspace) -> Result<(), Box<Diagnostic>> {
    let shape = &setup.shape;
    for (layer, activation) in setup.activations.iter().enumerate() {
        let z = &mut work.pre_activations[layer];
        let (before, after) = work.activations.split_at_mut(layer + 1);
        dense::forward_batch(&values[shape.weights(layer)], &values[shape.biases(layer)], &before[layer], z, n);
        let sliders = activation.info.sliders();
        let inputs = activation_inputs(activation, z, n, &sliders);
        let mut outputs: Vec<&mut [f64]> = rows_mut(activation, &mut after[0], n);
        activation.function.borrow_mut().forward(&inputs, &mut outputs)?;
    }
    Ok(())
}

/// The loss of every sample, and ∂L/∂a of the outputs. Answers the mean loss.
fn loss(setup: &Setup, n: usize, work: &mut Workspace) -> Result<f64, Box<Diagnostic>> {
    let sliders = setup.loss.info.sliders();
    let outputs = &work.activations[setup.shape.layers()];
    let rows = outputs.chunks_exact(n).chain(work.targets.chunks_exact(n)).map(Row::Each);
    let inputs: Vec<Row<'_>> = rows.chain(sliders.iter().map(|&x| Row::Same(x))).collect();
    work.grad_activation.resize(outputs.len(), 0.0);
    let mut grads: Vec<&mut [f64]> = work.grad_activation.chunks_exact_mut(n).collect();
    let mut function = setup.loss.function.borrow_mut();
    function.gradient(&inputs, &mut [&mut work.losses[..]], &[Row::Same(1.0)], &mut grads)?;
    Ok(work.losses.iter().sum::<f64>() / n as f64)
}

/// Layer by layer from the back: δ = ∂L/∂z, the gradients of weights and biases, ∂L/∂a of the layer before.
fn backward(setup: &Setup, values: &[f64], n: usize, work: &mut Workspace) -> Result<(), Box<Diagnostic>> {
    let shape = &setup.shape;
    work.grads.resize(shape.parameters(), 0.0);
    for (layer, activation) in setup.activations.iter().enumerate().rev() {
        let z = &work.pre_activations[layer];
        let sliders = activation.info.sliders();
        let inputs = activation_inputs(activation, z, n, &sliders);
        let mut outputs = rows_mut(activation, &mut work.activations[layer + 1], n);
        let seeds = rows(activation, &work.grad_activation, n);
        work.delta.resize(z.len(), 0.0);
        let mut delta = rows_mut(activation, &mut work.delta, n);
        activation.function.borrow_mut().gradient(&inputs, &mut outputs, &seeds, &mut delta)?;

        let x = &work.activations[layer];
        dense::transpose(x, shape.fan_in(layer), &mut work.by_sample);
        let (weight, bias) = work.grads[shape.layer(layer)].split_at_mut(shape.weights(layer).len());
        dense::gradient_batch(&work.delta, &work.by_sample, weight, bias, n);
        if layer > 0 {
            work.grad_previous.resize(x.len(), 0.0);
            dense::backward_batch(&values[shape.weights(layer)], &work.delta, &mut work.grad_previous, n);
            std::mem::swap(&mut work.grad_activation, &mut work.grad_previous);
        }
    }
    for grad in &mut work.grads {
        *grad /= n as f64;
    }
    Ok(())
}

/// The regularizer's share of the gradient of every weight. Answers the sum of the penalties, in the order of the
/// flat vector.
fn penalty(setup: &Setup, values: &[f64], work: &mut Workspace) -> Result<Option<f64>, Box<Diagnostic>> {
    let Some(regularizer) = &setup.regularizer else { return Ok(None) };
    let sliders = regularizer.info.sliders();
    let mut function = regularizer.function.borrow_mut();
    let mut sum = 0.0;
    for layer in 0..setup.shape.layers() {
        let weights = setup.shape.weights(layer);
        let mut inputs = vec![Row::Each(&values[weights.clone()])];
        inputs.extend(sliders.iter().map(|&x| Row::Same(x)));
        work.penalties.resize(weights.len(), 0.0);
        work.shares.resize(weights.len(), 0.0);
        let (penalties, shares) = (&mut work.penalties[..], &mut work.shares[..]);
        function.gradient(&inputs, &mut [penalties], &[Row::Same(1.0)], &mut [shares])?;
        sum = work.penalties.iter().fold(sum, |sum, penalty| sum + penalty);
        for (grad, share) in work.grads[weights].iter_mut().zip(&work.shares) {
            *grad += share;
        }
    }
    Ok(Some(sum))
}

/// The optimizer's rule on every parameter.
fn update(setup: &Setup, model: &mut Model, step: u64, work: &mut Workspace) -> Result<(), Box<Diagnostic>> {
    let (shape, optimizer) = (&setup.shape, &setup.optimizer);
    let norms = Norms::of(shape, &model.values, &work.grads);
    let lr = rate::effective(setup, rate::scheduled(setup, step)?.as_ref());
    work.new_values.resize(model.values.len(), 0.0);
    work.new_state.resize_with(model.state.len(), Vec::new);
    for field in &mut work.new_state {
        field.resize(model.values.len(), 0.0);
    }
    for layer in 0..shape.layers() {
        let context = update_context(optimizer, lr, step, &norms, layer);
        for (range, function) in [(shape.weights(layer), &optimizer.weights), (shape.biases(layer), &optimizer.biases)]
        {
            let inputs = update_inputs(model, &work.grads, &range, &context);
            let mut outputs: Vec<&mut [f64]> = vec![&mut work.new_values[range.clone()]];
            outputs.extend(work.new_state.iter_mut().map(|field| &mut field[range.clone()]));
            function.borrow_mut().forward(&inputs, &mut outputs)?;
        }
    }
    std::mem::swap(&mut model.values, &mut work.new_values);
    std::mem::swap(&mut model.state, &mut work.new_state);
    Ok(())
}

/// The optimizer's inputs after w, grad and state: its context, then the sliders other than `lr`.
pub(crate) fn update_context(optimizer: &Optimizer, lr: f64, step: u64, norms: &Norms, layer: usize) -> Vec<f64> {
    let mut context = vec![lr, step as f64, norms.grad, norms.layer_grad[layer], norms.layer_weight[layer]];
    context.extend(optimizer.other_sliders());
    context
}

fn update_inputs<'a>(model: &'a Model, grads: &'a [f64], range: &Range<usize>, context: &[f64]) -> Vec<Row<'a>> {
    let mut inputs = vec![Row::Each(&model.values[range.clone()]), Row::Each(&grads[range.clone()])];
    inputs.extend(model.state.iter().map(|field| Row::Each(&field[range.clone()])));
    inputs.extend(context.iter().map(|&x| Row::Same(x)));
    inputs
}

fn activation_inputs<'a>(activation: &Activation, z: &'a [f64], n: usize, sliders: &[f64]) -> Vec<Row<'a>> {
    let mut inputs = rows(activation, z, n);
    inputs.extend(sliders.iter().map(|&x| Row::Same(x)));
    inputs
}

/// In the layer form one row a neuron; else all neurons and samples are calls of one function.
fn rows<'a>(activation: &Activation, numbers: &'a [f64], n: usize) -> Vec<Row<'a>> {
    if activation.whole_layer { numbers.chunks_exact(n).map(Row::Each).collect() } else { vec![Row::Each(numbers)] }
}

fn rows_mut<'a>(activation: &Activation, numbers: &'a mut [f64], n: usize) -> Vec<&'a mut [f64]> {
    if activation.whole_layer { numbers.chunks_exact_mut(n).collect() } else { vec![numbers] }
}
