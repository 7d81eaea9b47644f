//! A training step at full speed: whole batches in lanes.
//!
//! Forward, loss, backward, penalty, update: five functions in the order in which they run. [`crate::record`]
//! carries out the same mathematics one sample at a time.
//!
//! Numbers lie as `[feature][sample]`, each row as long as a multiple of the widest vector unit. The places
//! beyond the batch repeat its last sample: they take no path of their own, and no sum looks at them. In the
//! steady state a step allocates nothing.

use crate::data::Data;
use crate::dense::{self, Matrix, MatrixMut};
use crate::model::Model;
use crate::norms::Norms;
use crate::plugin::{Activation, Optimizer};
use crate::rate;
use crate::setup::{EpochOrder, Setup};
use slowgrad_tape::{Diagnostic, GROUP, Pass, Row};
use smallvec::SmallVec;

/// Room for one step's numbers, kept from step to step.
#[derive(Debug, Default)]
pub struct Workspace {
    order: EpochOrder,
    batch: Batch,
    /// For evaluation and prediction, whose batches have other sizes.
    trial: Batch,
    delta: Vec<f64>,
    grads: Vec<f64>,
    /// The regularizer over the weights of each layer.
    penalties: Vec<Pass>,
    new_values: Vec<f64>,
    new_state: Vec<Vec<f64>>,
}

/// A batch on its way through the network.
#[derive(Debug, Default)]
struct Batch {
    samples: usize,
    /// Samples with those that fill the last vector.
    stride: usize,
    /// The inputs as `[sample][feature]`.
    by_sample: Vec<f64>,
    /// What goes into each layer, as `[feature][sample]`.
    inputs: Vec<Vec<f64>>,
    /// The activations of each layer; their inputs are the pre-activations.
    passes: Vec<Pass>,
    /// The inputs are the outputs of the network, then the targets.
    loss: Pass,
    /// Something as `[sample][feature]`.
    turned: Vec<f64>,
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
    work.batch.load(setup, samples.iter().map(|&sample| setup.train.input(sample)));
    work.batch.load_targets(samples.iter().map(|&sample| setup.train.target(sample)));
    work.batch.forward(setup, &model.values)?;
    let loss = work.batch.loss(setup)?;
    backward(setup, &model.values, work);
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
    for start in (0..data.len()).step_by(BLOCK) {
        let samples = start..data.len().min(start + BLOCK);
        work.trial.load(setup, samples.clone().map(|sample| data.input(sample)));
        work.trial.load_targets(samples.map(|sample| data.target(sample)));
        work.trial.forward(setup, values)?;
        work.trial.loss(setup)?;
        // Blocks only bound the memory: the sum runs in the order of the samples.
        sum = work.trial.losses().iter().fold(sum, |sum, loss| sum + loss);
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
    if inputs.is_empty() {
        return Ok(Vec::new());
    }
    let batch = &mut work.trial;
    batch.load(setup, inputs.iter().map(Vec::as_slice));
    batch.forward(setup, values)?;
    let outputs = setup.shape.outputs();
    let mut predicted = vec![Vec::with_capacity(outputs); batch.samples];
    for k in 0..outputs {
        for (sample, &output) in predicted.iter_mut().zip(batch.loss.input(k)) {
            sample.push(output);
        }
    }
    Ok(predicted)
}

/// What every neuron answers to inputs, `[layer][neuron][sample]`.
pub fn activations(
    setup: &Setup,
    values: &[f64],
    inputs: &[Vec<f64>],
    work: &mut Workspace,
) -> Result<Vec<Vec<Vec<f64>>>, Box<Diagnostic>> {
    let layers = setup.shape.layers();
    if inputs.is_empty() {
        return Ok((0..layers).map(|layer| vec![Vec::new(); setup.shape.size(layer)]).collect());
    }
    let batch = &mut work.trial;
    batch.load(setup, inputs.iter().map(Vec::as_slice));
    batch.forward(setup, values)?;
    let row = |layer: usize, neuron: usize| match batch.inputs.get(layer + 1) {
        Some(rows) => &rows[neuron * batch.stride..][..batch.samples],
        None => &batch.loss.input(neuron)[..batch.samples],
    };
    let layer = |layer: usize| (0..setup.shape.size(layer)).map(|neuron| row(layer, neuron).to_vec()).collect();
    Ok((0..layers).map(layer).collect())
}

impl Batch {
    fn load<'a>(&mut self, setup: &Setup, inputs: impl ExactSizeIterator<Item = &'a [f64]>) {
        let sizes = setup.shape.sizes();
        self.samples = inputs.len();
        self.stride = self.samples.next_multiple_of(GROUP);
        self.inputs.resize_with(setup.shape.layers(), Vec::new);
        self.passes.resize_with(setup.shape.layers(), Pass::default);
        for (rows, size) in self.inputs.iter_mut().zip(sizes) {
            rows.resize(size * self.stride, 0.0);
        }
        self.loss.fit(&setup.loss.function.borrow(), self.stride);
        self.loss.want(self.samples, self.stride);
        fill(&mut self.by_sample, inputs, self.stride);
        let by_sample = Matrix { numbers: &self.by_sample, stride: sizes[0] };
        dense::transpose(by_sample, sizes[0], &mut self.inputs[0]);
    }

    fn load_targets<'a>(&mut self, targets: impl ExactSizeIterator<Item = &'a [f64]>) {
        fill(&mut self.turned, targets, self.stride);
        let size = self.turned.len() / self.stride;
        for k in 0..size {
            let row = self.loss.input_mut(size + k);
            for (target, &number) in row.iter_mut().zip(self.turned[k..].iter().step_by(size)) {
                *target = number;
            }
        }
    }

    /// Layer by layer: z = W·x + b, a = activation(z).
    fn forward(&mut self, setup: &Setup, values: &[f64]) -> Result<(), Box<Diagnostic>> {
        let (shape, stride) = (&setup.shape, self.stride);
        for (layer, activation) in setup.activations.iter().enumerate() {
            let (weight, bias) = (&values[shape.weights(layer)], &values[shape.biases(layer)]);
            let size = shape.size(layer);
            let mut function = activation.function.borrow_mut();
            let pass = &mut self.passes[layer];
            let (calls, rows) = calls(activation, size, stride);
            pass.fit(&function, calls);
            pass.want(self.samples, stride);
            for (slider, x) in (rows..).zip(activation.info.each_slider()) {
                pass.set_input(slider, x);
            }
            let apart = apart(activation, pass, stride);
            let x = Matrix { numbers: &self.inputs[layer], stride };
            let z = MatrixMut { numbers: pass.inputs_mut(rows), stride: apart };
            dense::forward_batch(weight, bias, x, z, stride);
            pass.forward(&mut function)?;
            for (k, neuron) in (0..rows).map(|k| (k, k * calls / stride)) {
                let a = pass.output(k);
                match self.inputs.get_mut(layer + 1) {
                    Some(next) => next[neuron * stride..][..calls].copy_from_slice(a),
                    None => {
                        for (j, a) in a.chunks_exact(stride).enumerate() {
                            self.loss.input_mut(neuron + j).copy_from_slice(a);
                        }
                    }
                }
            }
        }
        Ok(())
    }

    /// The loss of every sample. Answers their mean.
    fn loss(&mut self, setup: &Setup) -> Result<f64, Box<Diagnostic>> {
        for (slider, x) in (2 * setup.shape.outputs()..).zip(setup.loss.info.each_slider()) {
            self.loss.set_input(slider, x);
        }
        self.loss.forward(&mut setup.loss.function.borrow_mut())?;
        Ok(self.losses().iter().sum::<f64>() / self.samples as f64)
    }

    fn losses(&self) -> &[f64] {
        &self.loss.output(0)[..self.samples]
    }
}

/// In the layer form there is one call a sample, with a row a neuron; else all neurons and samples are calls of
/// one function, in one row. Answers the numbers of calls and of rows.
fn calls(activation: &Activation, size: usize, stride: usize) -> (usize, usize) {
    if activation.whole_layer { (stride, size) } else { (size * stride, 1) }
}

/// How far the numbers of two neighbouring neurons lie apart in a pass.
fn apart(activation: &Activation, pass: &Pass, stride: usize) -> usize {
    if activation.whole_layer { pass.stride() } else { stride }
}

/// Numbers as `[sample][feature]`, with the last sample repeated until there are `stride`.
fn fill<'a>(by_sample: &mut Vec<f64>, samples: impl ExactSizeIterator<Item = &'a [f64]>, stride: usize) {
    let count = samples.len();
    by_sample.clear();
    for sample in samples {
        by_sample.extend_from_slice(sample);
    }
    let size = by_sample.len() / count;
    for _ in count..stride {
        by_sample.extend_from_within((count - 1) * size..count * size);
    }
}

/// Layer by layer from the back: δ = ∂L/∂z, the mean gradients of weights and biases, ∂L/∂a of the layer before.
fn backward(setup: &Setup, values: &[f64], work: &mut Workspace) {
    let (shape, batch) = (&setup.shape, &mut work.batch);
    let stride = batch.stride;
    work.grads.resize(shape.parameters(), 0.0);
    batch.loss.set_seed(0, 1.0);
    batch.loss.backward();
    for (layer, activation) in setup.activations.iter().enumerate().rev() {
        let size = shape.size(layer);
        let (before, rest) = batch.passes.split_at_mut(layer);
        let pass = &mut rest[0];
        if layer == shape.layers() - 1 {
            let apart = apart(activation, pass, stride);
            let seeds = pass.seeds_mut();
            for k in 0..size {
                seeds[k * apart..][..stride].copy_from_slice(batch.loss.grad(k));
            }
        }
        pass.backward();
        let (calls, rows) = calls(activation, size, stride);
        work.delta.resize(size * stride, 0.0);
        for k in 0..rows {
            work.delta[k * calls..][..calls].copy_from_slice(pass.grad(k));
        }
        let delta = Matrix { numbers: &work.delta, stride };
        let x = Matrix { numbers: &batch.inputs[layer], stride };
        let by_sample = (layer == 0).then_some(batch.by_sample.as_slice());
        let (weight, bias) = work.grads[shape.layer(layer)].split_at_mut(shape.weights(layer).len());
        dense::gradient_batch(delta, x, by_sample, &mut batch.turned, weight, bias, batch.samples);
        if let Some(before) = before.last_mut() {
            let apart = apart(&setup.activations[layer - 1], before, stride);
            let grad_x = MatrixMut { numbers: before.seeds_mut(), stride: apart };
            dense::backward_batch(&values[shape.weights(layer)], shape.fan_in(layer), delta, grad_x, stride);
        }
    }
}

/// The regularizer's share of the gradient of every weight. Answers the sum of the penalties, in the order of the
/// flat vector.
fn penalty(setup: &Setup, values: &[f64], work: &mut Workspace) -> Result<Option<f64>, Box<Diagnostic>> {
    let Some(regularizer) = &setup.regularizer else { return Ok(None) };
    let mut function = regularizer.function.borrow_mut();
    work.penalties.resize_with(setup.shape.layers(), Pass::default);
    let mut sum = 0.0;
    for (layer, pass) in work.penalties.iter_mut().enumerate() {
        let weights = setup.shape.weights(layer);
        pass.fit(&function, weights.len());
        pass.input_mut(0).copy_from_slice(&values[weights.clone()]);
        for (slider, x) in (1..).zip(regularizer.info.each_slider()) {
            pass.set_input(slider, x);
        }
        pass.forward(&mut function)?;
        sum = pass.output(0).iter().fold(sum, |sum, penalty| sum + penalty);
        pass.set_seed(0, 1.0);
        pass.backward();
        for (grad, share) in work.grads[weights].iter_mut().zip(pass.grad(0)) {
            *grad += share;
        }
    }
    Ok(Some(sum))
}

/// The optimizer's rule on every parameter.
fn update(setup: &Setup, model: &mut Model, step: u64, work: &mut Workspace) -> Result<(), Box<Diagnostic>> {
    let (shape, optimizer) = (&setup.shape, &setup.optimizer);
    let (mut weights, mut biases) = (optimizer.weights.borrow_mut(), optimizer.biases.borrow_mut());
    let context = 2 + model.state.len();
    let uses = |names: &[&str]| {
        let inputs = (context..).zip(Optimizer::CONTEXT).filter(|(_, name)| names.contains(name));
        inputs.into_iter().any(|(input, _)| weights.uses(input) || biases.uses(input))
    };
    let by_layer = uses(&["layer_grad_norm", "layer_weight_norm"]);
    let norms =
        if by_layer || uses(&["grad_norm"]) { Norms::of(shape, &model.values, &work.grads) } else { Norms::default() };
    let lr = rate::effective(setup, rate::scheduled(setup, step)?.as_ref());
    work.new_values.resize(model.values.len(), 0.0);
    work.new_state.resize_with(model.state.len(), Vec::new);
    for field in &mut work.new_state {
        field.resize(model.values.len(), 0.0);
    }
    // One rule for all parameters, which does not look at their layers, is carried out at once.
    let everything = !by_layer && weights.is_same(&biases);
    let layers = if everything { 0..1 } else { 0..shape.layers() };
    for layer in layers {
        let ranges =
            if everything { [0..shape.parameters(), 0..0] } else { [shape.weights(layer), shape.biases(layer)] };
        for (range, function) in ranges.into_iter().zip([&mut weights, &mut biases]) {
            let mut inputs: SmallVec<[Row<'_>; 24]> = SmallVec::new();
            inputs.push(Row::Each(&model.values[range.clone()]));
            inputs.push(Row::Each(&work.grads[range.clone()]));
            inputs.extend(model.state.iter().map(|field| Row::Each(&field[range.clone()])));
            inputs.extend(update_context(optimizer, lr, step, &norms, layer).map(Row::Same));
            let mut outputs: SmallVec<[&mut [f64]; 8]> = SmallVec::new();
            outputs.push(&mut work.new_values[range.clone()]);
            outputs.extend(work.new_state.iter_mut().map(|field| &mut field[range.clone()]));
            function.map(&inputs, &mut outputs)?;
        }
    }
    for &frozen in &*setup.frozen {
        work.new_values[frozen] = model.values[frozen];
        for (new, old) in work.new_state.iter_mut().zip(&model.state) {
            new[frozen] = old[frozen];
        }
    }
    std::mem::swap(&mut model.values, &mut work.new_values);
    std::mem::swap(&mut model.state, &mut work.new_state);
    Ok(())
}

/// The optimizer's inputs after w, grad and state: its context, then the sliders other than `lr`.
pub(crate) fn update_context(
    optimizer: &Optimizer,
    lr: f64,
    step: u64,
    norms: &Norms,
    layer: usize,
) -> impl Iterator<Item = f64> {
    let of_layer = |norms: &[f64]| norms.get(layer).copied().unwrap_or(0.0);
    let own = [lr, step as f64, norms.grad, of_layer(&norms.layer_grad), of_layer(&norms.layer_weight)];
    own.into_iter().chain(optimizer.each_other_slider())
}
