//! A training step at full speed: whole batches in lanes.
//!
//! Forward, loss, backward, update: four functions in the order in which they run. [`crate::record`]
//! carries out the same mathematics one sample at a time.
//!
//! Numbers lie as `[feature][sample]`, each row as long as a multiple of the widest vector unit. The places
//! beyond the batch repeat its last sample: they take no path of their own, and no sum looks at them. In the
//! steady state a step allocates nothing.

use crate::data::Data;
use crate::dense;
use crate::model::Model;
use crate::norms::Norms;
use crate::plugin::{Activation, Optimizer, PluginInfo};
use crate::setup::{EpochOrder, Setup};
use slowgrad_tape::{Diagnostic, GROUP, Pass, Row};
use smallvec::SmallVec;

/// The inputs of a function; more than these go to the heap.
type Rows<'a> = SmallVec<[Row<'a>; 32]>;
/// The results of a function; more than these go to the heap.
type RowsMut<'a> = SmallVec<[&'a mut [f64]; 32]>;

/// Room for one step's numbers, kept from step to step.
#[derive(Debug, Default)]
pub struct Workspace {
    order: EpochOrder,
    batch: Batch,
    /// For evaluation and prediction, whose batches have other sizes.
    trial: Batch,
    grad_activation: Vec<f64>,
    delta: Vec<f64>,
    grad_previous: Vec<f64>,
    grads: Vec<f64>,
    new_values: Vec<f64>,
    new_state: Vec<Vec<f64>>,
    /// One for the weights and one for the biases of each layer.
    updates: Vec<[Pass; 2]>,
}

/// A batch on its way forward.
#[derive(Debug, Default)]
struct Batch {
    samples: usize,
    /// Numbers of a row.
    stride: usize,
    /// The inputs as `[sample][feature]`.
    by_sample: Vec<f64>,
    /// Per layer; index 0 holds the inputs.
    activations: Vec<Vec<f64>>,
    pre_activations: Vec<Vec<f64>>,
    targets: Vec<f64>,
    losses: Vec<f64>,
    passes: Vec<Pass>,
    loss: Pass,
    /// A layer's inputs as `[sample][feature]`.
    turned: Vec<f64>,
}

/// Trains one step (counted from 1) and answers the mean loss of its batch before the update. When a script
/// fails, the model is as it was.
pub fn step(setup: &Setup, model: &mut Model, step: u64, work: &mut Workspace) -> Result<f64, Box<Diagnostic>> {
    let samples = setup.samples(step, &mut work.order);
    work.batch.load(setup, samples.iter().map(|&sample| setup.train.input(sample)));
    work.batch.load_targets(samples.iter().map(|&sample| setup.train.target(sample)));
    work.batch.forward(setup, &model.values)?;
    let loss = work.batch.loss(setup)?;
    backward(setup, &model.values, work);
    update(setup, model, step, work)?;
    Ok(loss)
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
        sum = work.trial.losses[..work.trial.samples].iter().fold(sum, |sum, loss| sum + loss);
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
    let outputs = &batch.activations[setup.shape.layers()];
    Ok((0..batch.samples).map(|s| outputs.iter().skip(s).step_by(batch.stride).copied().collect()).collect())
}

impl Batch {
    fn load<'a>(&mut self, setup: &Setup, inputs: impl ExactSizeIterator<Item = &'a [f64]>) {
        let sizes = setup.shape.sizes();
        self.samples = inputs.len();
        self.stride = self.samples.next_multiple_of(GROUP);
        self.activations.resize_with(sizes.len(), Vec::new);
        self.pre_activations.resize_with(sizes.len() - 1, Vec::new);
        self.passes.resize_with(sizes.len() - 1, Pass::default);
        for (rows, size) in self.activations.iter_mut().zip(sizes) {
            rows.resize(size * self.stride, 0.0);
        }
        for (rows, size) in self.pre_activations.iter_mut().zip(&sizes[1..]) {
            rows.resize(size * self.stride, 0.0);
        }
        fill_rows(inputs, self.stride, sizes[0], &mut self.by_sample, &mut self.activations[0]);
    }

    fn load_targets<'a>(&mut self, targets: impl ExactSizeIterator<Item = &'a [f64]>) {
        let size = self.activations[self.activations.len() - 1].len() / self.stride;
        self.targets.resize(size * self.stride, 0.0);
        self.losses.resize(self.stride, 0.0);
        fill_rows(targets, self.stride, size, &mut self.turned, &mut self.targets);
    }

    /// Layer by layer: z = W·x + b, a = activation(z).
    fn forward(&mut self, setup: &Setup, values: &[f64]) -> Result<(), Box<Diagnostic>> {
        let (shape, stride) = (&setup.shape, self.stride);
        for (layer, activation) in setup.activations.iter().enumerate() {
            let z = &mut self.pre_activations[layer];
            let (before, after) = self.activations.split_at_mut(layer + 1);
            dense::forward_batch(&values[shape.weights(layer)], &values[shape.biases(layer)], &before[layer], z, stride);
            let mut inputs = rows(activation, z, stride);
            inputs.extend(sliders(&activation.info));
            let mut outputs = rows_mut(activation, &mut after[0], stride);
            activation.function.borrow_mut().forward(&inputs, &mut outputs, &mut self.passes[layer])?;
        }
        Ok(())
    }

    /// The loss of every sample. Answers their mean.
    fn loss(&mut self, setup: &Setup) -> Result<f64, Box<Diagnostic>> {
        let outputs = &self.activations[setup.shape.layers()];
        let rows = outputs.chunks_exact(self.stride).chain(self.targets.chunks_exact(self.stride)).map(Row::Each);
        let inputs: Rows<'_> = rows.chain(sliders(&setup.loss.info)).collect();
        setup.loss.function.borrow_mut().forward(&inputs, &mut [&mut self.losses[..]], &mut self.loss)?;
        Ok(self.losses[..self.samples].iter().sum::<f64>() / self.samples as f64)
    }
}

/// Numbers as `[sample][feature]` and as `[feature][sample]`.
fn fill_rows<'a>(
    samples: impl ExactSizeIterator<Item = &'a [f64]>,
    stride: usize,
    size: usize,
    by_sample: &mut Vec<f64>,
    rows: &mut [f64],
) {
    let count = samples.len();
    by_sample.clear();
    for sample in samples {
        by_sample.extend_from_slice(sample);
    }
    for _ in count..stride {
        by_sample.extend_from_within((count - 1) * size..count * size);
    }
    dense::transpose(by_sample, size, size, rows);
}

/// Layer by layer from the back: δ = ∂L/∂z, the mean gradients of weights and biases, ∂L/∂a of the layer before.
fn backward(setup: &Setup, values: &[f64], work: &mut Workspace) {
    let (shape, batch) = (&setup.shape, &mut work.batch);
    let stride = batch.stride;
    work.grads.resize(shape.parameters(), 0.0);
    work.grad_activation.resize(shape.outputs() * stride, 0.0);
    let outputs = work.grad_activation.chunks_exact_mut(stride);
    batch.loss.backward(&[Row::Same(1.0)], &mut outputs.collect::<RowsMut<'_>>());
    for (layer, activation) in setup.activations.iter().enumerate().rev() {
        work.delta.resize(shape.size(layer) * stride, 0.0);
        let (seeds, mut delta) =
            (rows(activation, &work.grad_activation, stride), rows_mut(activation, &mut work.delta, stride));
        batch.passes[layer].backward(&seeds, &mut delta);
        drop((seeds, delta));

        let x = &batch.activations[layer];
        let (weight, bias) = work.grads[shape.layer(layer)].split_at_mut(shape.weights(layer).len());
        if layer == 0 {
            dense::gradient_batch(&work.delta, stride, &batch.by_sample, weight, bias, batch.samples);
        } else {
            batch.turned.resize(x.len(), 0.0);
            dense::transpose(x, stride, stride, &mut batch.turned);
            dense::gradient_batch(&work.delta, stride, &batch.turned, weight, bias, batch.samples);
            work.grad_previous.resize(x.len(), 0.0);
            dense::backward_batch(&values[shape.weights(layer)], &work.delta, &mut work.grad_previous, stride);
            std::mem::swap(&mut work.grad_activation, &mut work.grad_previous);
        }
    }
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
    let norms = if by_layer || uses(&["grad_norm"]) {
        Norms::of(shape, &model.values, &work.grads)
    } else {
        Norms::default()
    };
    work.new_values.resize(model.values.len(), 0.0);
    work.new_state.resize_with(model.state.len(), Vec::new);
    for field in &mut work.new_state {
        field.resize(model.values.len(), 0.0);
    }
    // One rule for all parameters, which does not look at their layers, is carried out at once.
    let everything = !by_layer && weights.is_same(&biases);
    let layers = if everything { 0..1 } else { 0..shape.layers() };
    work.updates.resize_with(shape.layers(), Default::default);
    for layer in layers {
        let ranges = if everything {
            [0..shape.parameters(), 0..0]
        } else {
            [shape.weights(layer), shape.biases(layer)]
        };
        for ((range, function), pass) in ranges.into_iter().zip([&mut weights, &mut biases]).zip(&mut work.updates[layer]) {
            let mut inputs: Rows<'_> = SmallVec::new();
            inputs.push(Row::Each(&model.values[range.clone()]));
            inputs.push(Row::Each(&work.grads[range.clone()]));
            inputs.extend(model.state.iter().map(|field| Row::Each(&field[range.clone()])));
            inputs.extend(update_context(optimizer, step, &norms, layer).map(Row::Same));
            let mut outputs: RowsMut<'_> = SmallVec::new();
            outputs.push(&mut work.new_values[range.clone()]);
            outputs.extend(work.new_state.iter_mut().map(|field| &mut field[range.clone()]));
            function.forward(&inputs, &mut outputs, pass)?;
        }
    }
    std::mem::swap(&mut model.values, &mut work.new_values);
    std::mem::swap(&mut model.state, &mut work.new_state);
    Ok(())
}

/// The optimizer's inputs after w, grad and state: its context, then the sliders other than `lr`.
pub(crate) fn update_context(
    optimizer: &Optimizer,
    step: u64,
    norms: &Norms,
    layer: usize,
) -> impl Iterator<Item = f64> {
    let of_layer = |norms: &[f64]| norms.get(layer).copied().unwrap_or(0.0);
    let own = [
        optimizer.learning_rate(),
        step as f64,
        norms.grad,
        of_layer(&norms.layer_grad),
        of_layer(&norms.layer_weight),
    ];
    own.into_iter().chain(optimizer.other_sliders())
}

fn sliders<'a>(info: &PluginInfo) -> impl Iterator<Item = Row<'a>> {
    info.sliders().map(Row::Same)
}

/// In the layer form one row a neuron; else all neurons and samples are calls of one function.
fn rows<'a>(activation: &Activation, numbers: &'a [f64], stride: usize) -> Rows<'a> {
    if activation.whole_layer {
        numbers.chunks_exact(stride).map(Row::Each).collect()
    } else {
        SmallVec::from_iter([Row::Each(numbers)])
    }
}

fn rows_mut<'a>(activation: &Activation, numbers: &'a mut [f64], stride: usize) -> RowsMut<'a> {
    if activation.whole_layer {
        numbers.chunks_exact_mut(stride).collect()
    } else {
        SmallVec::from_iter([numbers])
    }
}
