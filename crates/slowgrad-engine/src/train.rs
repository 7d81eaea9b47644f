//! A training step at full speed: whole batches in lanes.
//!
//! Forward, loss, backward, penalty, update: five functions in the order in which they run. [`crate::record`] does the
//! same mathematics one sample at a time.
//!
//! Numbers are stored as `[feature][sample]`. The rows of few samples are packed without gaps; longer rows start at a
//! vector boundary, and their padding repeats the last sample of the batch. Padding takes no path of its own, and no
//! sum includes it. In the steady state a step allocates nothing.

use crate::data::Data;
use crate::dense::{self, Matrix, MatrixMut, ROW_PADDING, SelectedRows, Weights};
use crate::model::Model;
use crate::plugin::Activation;
use crate::setup::{EpochOrder, Setup};
use crate::update::Update;
use pulp::{Simd, WithSimd};
use slowgrad_tape::{Diagnostic, LANE_GROUP, Pass};
use std::ops::Range;
use std::rc::Rc;

/// Buffers for one step, reused from step to step.
#[derive(Debug, Default)]
pub struct Workspace {
    /// The setup that the buffers are sized for.
    setup: Option<Rc<Setup>>,
    /// Maximum number of threads for a step; 0 means 1.
    threads: usize,
    order: EpochOrder,
    /// One for full batches, one for the shorter last batch of an epoch.
    batches: [Batch; 2],
    /// For evaluation and prediction, whose batches have other sizes.
    evaluation: Batch,
    in_order: Vec<usize>,
    grads: Vec<f64>,
    /// The regularizer over the weights of each layer.
    penalties: Vec<Pass>,
    update: Update,
}

impl Workspace {
    /// Discards the buffers of another setup. Its functions may differ even if all sizes are the same.
    fn bind(&mut self, setup: &Rc<Setup>) {
        if !self.setup.as_ref().is_some_and(|bound| Rc::ptr_eq(bound, setup)) {
            let threads = self.threads;
            *self = Self { setup: Some(Rc::clone(setup)), ..Self::default() };
            self.set_threads(threads);
        }
    }

    /// Runs these samples through the network and computes their losses.
    pub(crate) fn evaluate(
        &mut self,
        setup: &Rc<Setup>,
        values: &[f64],
        data: &Data,
        samples: Range<usize>,
    ) -> Result<EvaluatedBlock<'_>, Box<Diagnostic>> {
        self.bind(setup);
        self.in_order.clear();
        self.in_order.extend(samples);
        let batch = &mut self.evaluation;
        batch.fit(setup, self.in_order.len());
        batch.load(data.inputs(), &self.in_order);
        batch.load_targets(data, &self.in_order);
        batch.forward(setup, values)?;
        batch.loss(setup)?;
        Ok(EvaluatedBlock(batch))
    }

    /// Sets the maximum number of threads for a step. The results are the same bits for any number; small networks use
    /// one thread in any case.
    pub fn set_threads(&mut self, threads: usize) {
        self.threads = threads;
        for batch in self.batches.iter_mut().chain([&mut self.evaluation]) {
            batch.threads = threads;
        }
    }
}

/// The numbers of one batch in all layers.
#[derive(Debug, Default)]
struct Batch {
    threads: usize,
    samples: usize,
    /// Numbers from the start of one row of samples to the next.
    stride: usize,
    /// Number of inputs; the inputs themselves, `[feature][sample]`, are in `input`.
    inputs: usize,
    input: Vec<f64>,
    layers: Vec<Layer>,
    /// The loss of each sample. Its inputs are the outputs of the network, then the targets.
    loss: Pass,
    /// Scratch space: the inputs of a layer as `[sample][feature]`.
    transposed: Vec<f64>,
}

/// One layer of a batch. Its numbers are stored as `[neuron][sample]`.
#[derive(Debug, Default)]
struct Layer {
    /// From pre-activations to activations. In whole-layer form there is one call per sample, with a row for each
    /// neuron; otherwise each neuron of each sample is a call, all in one row.
    pass: Pass,
    /// Whether the activation is in whole-layer form.
    whole: bool,
    /// Number of rows in `outputs` and `delta`: the neurons in whole-layer form, otherwise 0.
    gathered: usize,
    /// In whole-layer form, a contiguous copy of the activations, whose rows are apart in the pass.
    outputs: Vec<f64>,
    /// In whole-layer form, a contiguous copy of δ.
    delta: Vec<f64>,
}

/// Samples that were run through the network.
pub(crate) struct EvaluatedBlock<'w>(&'w mut Batch);

impl EvaluatedBlock<'_> {
    /// The loss of each sample.
    pub(crate) fn losses(&self) -> &[f64] {
        self.0.losses()
    }

    /// An output for each sample.
    pub(crate) fn output(&self, output: usize) -> &[f64] {
        &self.0.loss.input(output)[..self.0.samples]
    }

    /// The loss that each sample would have with this target. There must be one output.
    pub(crate) fn losses_at(&mut self, setup: &Setup, target: f64) -> Result<&[f64], Box<Diagnostic>> {
        let Self(batch) = self;
        let row_step = batch.loss.stride();
        batch.loss.inputs_mut(2)[row_step..][..batch.stride].fill(target);
        batch.loss(setup)?;
        Ok(batch.losses())
    }
}

/// The objective before the update: loss plus penalty.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Objective {
    /// The mean of the loss over the batch.
    pub loss: f64,
    /// The sum of the penalty over all weights, if there is a regularizer.
    pub penalty: Option<f64>,
}

/// Trains one step (from 1): forward pass, backpropagation (Rumelhart, Hinton and Williams 1986), penalty, update.
/// Returns the objective before the update.
///
/// # Errors
/// The diagnostic of a failing script. The model is unchanged then.
pub fn step(
    setup: &Rc<Setup>,
    model: &mut Model,
    step: u64,
    work: &mut Workspace,
) -> Result<Objective, Box<Diagnostic>> {
    work.bind(setup);
    let samples = setup.samples(step, &mut work.order);
    let batch = &mut work.batches[usize::from(samples.len() != setup.batch)];
    batch.fit(setup, samples.len());
    batch.load(setup.train.inputs(), samples);
    batch.load_targets(&setup.train, samples);
    batch.forward(setup, &model.values)?;
    let loss = batch.loss(setup)?;
    backward(setup, &model.values, batch, samples, &mut work.grads);
    let penalty = penalty(setup, &model.values, work)?;
    work.update.apply(setup, model, &work.grads, step, work.threads)?;
    Ok(Objective { loss, penalty })
}

/// Applies only the update of a step (from 1), with the given gradients, flat like the parameters.
///
/// # Errors
/// The diagnostic of a failing script. The model is unchanged then.
pub fn update(
    setup: &Rc<Setup>,
    model: &mut Model,
    grads: &[f64],
    step: u64,
    work: &mut Workspace,
) -> Result<(), Box<Diagnostic>> {
    work.bind(setup);
    work.update.apply(setup, model, grads, step, work.threads)
}

/// The network's outputs, `[sample][output]`, for inputs `[sample][input]`.
///
/// # Errors
/// The diagnostic of a failing script.
pub fn predict(
    setup: &Rc<Setup>,
    values: &[f64],
    inputs: &[Vec<f64>],
    work: &mut Workspace,
) -> Result<Vec<Vec<f64>>, Box<Diagnostic>> {
    if inputs.is_empty() {
        return Ok(Vec::new());
    }
    work.bind(setup);
    let batch = &mut work.evaluation;
    let mut predicted = Vec::with_capacity(inputs.len());
    for block in inputs.chunks(block_samples(setup)) {
        batch.run_inputs(setup, values, block)?;
        let outputs = 0..setup.shape.outputs();
        predicted.extend(
            (0..block.len())
                .map(|sample| outputs.clone().map(|output| batch.loss.input(output)[sample]).collect::<Vec<f64>>()),
        );
    }
    Ok(predicted)
}

/// The activations of all neurons, `[layer][neuron][sample]`, for inputs `[sample][input]`.
///
/// # Errors
/// The diagnostic of a failing script.
pub fn activations(
    setup: &Rc<Setup>,
    values: &[f64],
    inputs: &[Vec<f64>],
    work: &mut Workspace,
) -> Result<Vec<Vec<Vec<f64>>>, Box<Diagnostic>> {
    let layers = 0..setup.shape.layers();
    if inputs.is_empty() {
        return Ok(layers.map(|layer| vec![Vec::new(); setup.shape.size(layer)]).collect());
    }
    work.bind(setup);
    let batch = &mut work.evaluation;
    let mut activations: Vec<Vec<Vec<f64>>> = layers.map(|layer| vec![Vec::new(); setup.shape.size(layer)]).collect();
    for block in inputs.chunks(block_samples(setup)) {
        batch.run_inputs(setup, values, block)?;
        for (neurons, layer) in activations.iter_mut().zip(&batch.layers) {
            let rows = layer.outputs(batch.stride).numbers.chunks_exact(batch.stride);
            for (neuron, row) in neurons.iter_mut().zip(rows) {
                neuron.extend_from_slice(&row[..block.len()]);
            }
        }
    }
    Ok(activations)
}

/// The number of samples that are run through the network at once, so that the numbers of all its neurons take a bounded
/// memory.
pub(crate) fn block_samples(setup: &Setup) -> usize {
    const MAX_NUMBERS: usize = 1 << 21;
    const MAX_SAMPLES: usize = 4096;
    let neurons: usize = setup.shape.sizes().iter().sum();
    (MAX_NUMBERS / neurons.max(1)).clamp(1, MAX_SAMPLES)
}

impl Layer {
    fn fit(&mut self, activation: &Activation, size: usize, samples: usize, stride: usize) {
        let function = activation.function.borrow();
        self.whole = activation.whole_layer;
        self.pass.fit(&function, if self.whole { stride } else { size * stride });
        self.pass.set_active(samples, stride);
        let own = if self.whole { size } else { 1 };
        for (slider, x) in (own..).zip(activation.info.each_slider()) {
            self.pass.set_input(slider, x);
        }
        self.gathered = if self.whole { size } else { 0 };
        let room = if self.whole { size * stride + ROW_PADDING } else { 0 };
        self.outputs.resize(room, 0.0);
        self.delta.resize(room, 0.0);
    }

    /// Numbers from one neuron's row to the next in the inputs and seeds of the pass.
    #[inline]
    fn row_step(&self, stride: usize) -> usize {
        if self.whole { self.pass.stride() } else { stride }
    }

    #[inline]
    fn pre_activations(&mut self, size: usize, stride: usize) -> MatrixMut<'_> {
        let row_step = self.row_step(stride);
        let rows = if self.whole { size } else { 1 };
        MatrixMut { numbers: self.pass.inputs_mut(rows), stride: row_step }
    }

    /// ∂L/∂a, for writing before the chain rule runs.
    #[inline]
    fn seeds(&mut self, stride: usize) -> MatrixMut<'_> {
        let row_step = self.row_step(stride);
        MatrixMut { numbers: self.pass.seeds_mut(), stride: row_step }
    }

    #[inline]
    fn activate(&mut self, activation: &Activation, stride: usize) -> Result<(), Box<Diagnostic>> {
        self.pass.forward(&activation.function)?;
        for k in 0..self.gathered {
            self.outputs[k * stride..][..stride].copy_from_slice(self.pass.output(k));
        }
        Ok(())
    }

    /// The chain rule through the activation: from ∂L/∂a to δ = ∂L/∂z.
    #[inline]
    fn backward(&mut self, stride: usize) {
        self.pass.backward();
        for k in 0..self.gathered {
            self.delta[k * stride..][..stride].copy_from_slice(self.pass.grad(k));
        }
    }

    #[inline]
    fn outputs(&self, stride: usize) -> Matrix<'_> {
        Matrix { numbers: if self.whole { &self.outputs } else { self.pass.output_padded(0) }, stride }
    }

    #[inline]
    fn delta(&self, stride: usize) -> Matrix<'_> {
        Matrix { numbers: if self.whole { &self.delta } else { self.pass.grad_padded(0) }, stride }
    }
}

impl Batch {
    /// Resizes for a batch of `samples` samples.
    fn fit(&mut self, setup: &Rc<Setup>, samples: usize) {
        if samples == self.samples {
            return;
        }
        self.samples = samples;
        self.stride = dense::row_stride(samples);
        let shape = &setup.shape;
        self.layers.resize_with(shape.layers(), Layer::default);
        for (layer, (this, activation)) in self.layers.iter_mut().zip(&setup.activations).enumerate() {
            this.fit(activation, shape.size(layer), samples, self.stride);
        }
        self.loss.fit(&setup.loss.function.borrow(), self.stride);
        self.loss.set_active(samples, self.stride);
        for (slider, x) in (2 * shape.outputs()..).zip(setup.loss.info.each_slider()) {
            self.loss.set_input(slider, x);
        }
        self.loss.set_seed(0, 1.0);
        self.inputs = shape.inputs();
        self.input.resize(self.inputs * self.stride + ROW_PADDING, 0.0);
    }

    /// Loads the inputs of these samples from `[sample][feature]`.
    fn load(&mut self, inputs: &[f64], samples: &[usize]) {
        let (stride, size) = (self.stride, self.inputs);
        let input = &mut self.input[..size * stride];
        if dense::is_narrow(size) {
            gather(inputs, size, samples, input, stride, stride);
        } else {
            dense::transpose(by_sample(inputs, size, samples), size, input, self.threads);
        }
    }

    fn load_targets(&mut self, data: &Data, samples: &[usize]) {
        let (size, stride) = (data.outputs(), self.stride);
        let row_step = self.loss.stride();
        let rows = self.loss.inputs_mut(2 * size);
        gather(data.targets(), size, samples, &mut rows[size * row_step..], row_step, stride);
    }

    /// Layer by layer: z = W·x + b, or W·x without biases; a = activation(z).
    fn forward(&mut self, setup: &Setup, values: &[f64]) -> Result<(), Box<Diagnostic>> {
        dense::vectorize(Forward { batch: self, setup, values })?;
        let (shape, stride) = (&setup.shape, self.stride);
        let outputs = self.layers[shape.layers() - 1].outputs(stride).numbers;
        for k in 0..shape.outputs() {
            copy_row(&outputs[k * stride..], self.loss.input_padded_mut(k), stride);
        }
        Ok(())
    }

    /// Runs inputs `[sample][input]` through the network.
    fn run_inputs(&mut self, setup: &Rc<Setup>, values: &[f64], inputs: &[Vec<f64>]) -> Result<(), Box<Diagnostic>> {
        self.fit(setup, inputs.len());
        let in_order: Vec<usize> = (0..inputs.len()).collect();
        self.load(&inputs.concat(), &in_order);
        self.forward(setup, values)
    }

    /// Computes the loss of each sample. Returns the mean.
    fn loss(&mut self, setup: &Setup) -> Result<f64, Box<Diagnostic>> {
        self.loss.forward(&setup.loss.function)?;
        Ok(self.losses().iter().sum::<f64>() / self.samples as f64)
    }

    #[inline]
    fn losses(&self) -> &[f64] {
        &self.loss.output(0)[..self.samples]
    }
}

fn weights<'v>(setup: &Setup, values: &'v [f64], layer: usize) -> Weights<'v> {
    let shape = &setup.shape;
    Weights { numbers: &values[shape.weights(layer)], inputs: shape.fan_in(layer), outputs: shape.size(layer) }
}

/// Copies `size` numbers of each of these samples from `[sample][number]` into rows that start `row_step` apart.
/// Repeats the last sample until each row has `stride` numbers.
#[inline]
fn gather(numbers: &[f64], size: usize, samples: &[usize], rows: &mut [f64], row_step: usize, stride: usize) {
    let last = samples[samples.len() - 1];
    let filled = samples.iter().chain(std::iter::repeat_n(&last, stride - samples.len()));
    for (s, &sample) in filled.enumerate() {
        for (k, &number) in numbers[sample * size..][..size].iter().enumerate() {
            rows[k * row_step + s] = number;
        }
    }
}

/// Samples as rows, `[sample][feature]`, in the order of the batch.
#[inline(always)]
fn by_sample<'a>(inputs: &'a [f64], features: usize, samples: &'a [usize]) -> SelectedRows<'a> {
    SelectedRows { from: Matrix { numbers: inputs, stride: features }, rows: samples }
}

struct Forward<'a> {
    batch: &'a mut Batch,
    setup: &'a Setup,
    values: &'a [f64],
}

impl WithSimd for Forward<'_> {
    type Output = Result<(), Box<Diagnostic>>;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> Self::Output {
        let Self { batch, setup, values } = self;
        let (shape, stride, threads) = (&setup.shape, batch.stride, batch.threads);
        for (layer, activation) in setup.activations.iter().enumerate() {
            let (before, rest) = batch.layers.split_at_mut(layer);
            let this = &mut rest[0];
            let x = before.last().map_or(Matrix { numbers: &batch.input, stride }, |before| before.outputs(stride));
            let (weight, bias) = (weights(setup, values, layer), &values[shape.biases(layer)]);
            dense::forward_batch(simd, weight, bias, x, this.pre_activations(weight.outputs, stride), stride, threads);
            this.activate(activation, stride)?;
        }
        Ok(())
    }
}

/// From the loss to the gradients of all parameters.
fn backward(setup: &Setup, values: &[f64], batch: &mut Batch, samples: &[usize], grads: &mut Vec<f64>) {
    let (shape, stride) = (&setup.shape, batch.stride);
    grads.resize(shape.parameters(), 0.0);
    batch.loss.backward();
    if let Some(last) = batch.layers.last_mut() {
        let MatrixMut { numbers, stride: row_step } = last.seeds(stride);
        for k in 0..shape.outputs() {
            copy_row(batch.loss.grad_padded(k), &mut numbers[k * row_step..], stride);
        }
    }
    dense::vectorize(Backward { batch, samples, setup, values, grads });
}

/// Layer by layer from the last: δ = ∂L/∂z, the mean gradients of weights and biases, and ∂L/∂a of the layer before.
struct Backward<'a> {
    batch: &'a mut Batch,
    /// The indices of the batch's samples in the training data.
    samples: &'a [usize],
    setup: &'a Setup,
    values: &'a [f64],
    grads: &'a mut [f64],
}

impl WithSimd for Backward<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { batch, samples, setup, values, grads } = self;
        let (shape, stride) = (&setup.shape, batch.stride);
        let data_by_sample = by_sample(setup.train.inputs(), batch.inputs, samples);
        for layer in (0..shape.layers()).rev() {
            let (before, rest) = batch.layers.split_at_mut(layer);
            let this = &mut rest[0];
            this.backward(stride);
            let delta = this.delta(stride);
            let x = before.last().map_or(Matrix { numbers: &batch.input, stride }, |before| before.outputs(stride));
            let by_sample = (layer == 0).then_some(data_by_sample);
            let weight = weights(setup, values, layer);
            let (weight_grads, bias_grads) = grads[shape.layer(layer)].split_at_mut(weight.numbers.len());
            let (transposed, samples, threads) = (&mut batch.transposed, batch.samples, batch.threads);
            let inputs = weight.inputs;
            dense::gradient_batch(
                simd,
                delta,
                x,
                by_sample,
                transposed,
                weight_grads,
                bias_grads,
                inputs,
                samples,
                threads,
            );
            if let Some(before) = before.last_mut() {
                dense::backward_batch(simd, weight, delta, before.seeds(stride), stride, threads);
            }
        }
    }
}

/// Copies a row of samples in whole groups, padding included. A `memcpy` call for each short row would take longer.
fn copy_row(from: &[f64], to: &mut [f64], samples: usize) {
    let groups = samples.div_ceil(LANE_GROUP);
    let (from, to) = (&from.as_chunks::<LANE_GROUP>().0[..groups], &mut to.as_chunks_mut::<LANE_GROUP>().0[..groups]);
    for (from, to) in from.iter().zip(to) {
        *to = *from;
    }
}

/// Adds the gradient of the penalty to that of each weight. Returns the sum of the penalties, in the order of the flat
/// vector.
fn penalty(setup: &Setup, values: &[f64], work: &mut Workspace) -> Result<Option<f64>, Box<Diagnostic>> {
    let Some(regularizer) = &setup.regularizer else { return Ok(None) };
    work.penalties.resize_with(setup.shape.layers(), Pass::default);
    let mut sum = 0.0;
    for (layer, pass) in work.penalties.iter_mut().enumerate() {
        let weights = setup.shape.weights(layer);
        pass.fit(&regularizer.function.borrow(), weights.len());
        pass.input_mut(0).copy_from_slice(&values[weights.clone()]);
        for (slider, x) in (1..).zip(regularizer.info.each_slider()) {
            pass.set_input(slider, x);
        }
        pass.set_seed(0, 1.0);
        pass.forward(&regularizer.function)?;
        sum = pass.output(0).iter().fold(sum, |sum, penalty| sum + penalty);
        pass.backward();
        for (grad, contribution) in work.grads[weights].iter_mut().zip(pass.grad(0)) {
            *grad += contribution;
        }
    }
    Ok(Some(sum))
}
