//! A training step at full speed: whole batches in lanes.
//!
//! Forward, loss, backward, penalty, update: five functions in the order in which they run. [`crate::record`]
//! carries out the same mathematics one sample at a time.
//!
//! Numbers lie as `[feature][sample]`. The rows of few samples lie close together; longer ones begin with a vector,
//! and their places beyond the batch repeat its last sample: they take no path of their own, and no sum looks at
//! them. In the steady state a step allocates nothing.

use crate::data::Data;
use crate::dense::{self, Chosen, Matrix, MatrixMut, ROOM, Weights};
use crate::model::Model;
use crate::plugin::Activation;
use crate::setup::{EpochOrder, Setup};
use crate::update::Update;
use pulp::{Simd, WithSimd};
use slowgrad_tape::{Diagnostic, GROUP, Pass};
use std::rc::Rc;

/// Room for one step's numbers, kept from step to step.
#[derive(Debug, Default)]
pub struct Workspace {
    /// What all of it belongs to.
    setup: Option<Rc<Setup>>,
    /// At most so many threads work on a step; 0 is 1.
    threads: usize,
    order: EpochOrder,
    /// Whole batches, and the shorter last one of an epoch.
    batches: [Batch; 2],
    /// For evaluation and prediction, whose batches have other sizes.
    trial: Batch,
    in_order: Vec<usize>,
    grads: Vec<f64>,
    /// The regularizer over the weights of each layer.
    penalties: Vec<Pass>,
    update: Update,
}

impl Workspace {
    /// Begins anew for another set-up: its functions may be others even where all sizes are the same.
    fn serve(&mut self, setup: &Rc<Setup>) {
        if !self.setup.as_ref().is_some_and(|known| Rc::ptr_eq(known, setup)) {
            let threads = self.threads;
            *self = Self { setup: Some(Rc::clone(setup)), ..Self::default() };
            self.set_threads(threads);
        }
    }

    /// Lets at most so many threads work on a step. The bits do not depend on it; small networks use one in any case.
    pub fn set_threads(&mut self, threads: usize) {
        self.threads = threads;
        for batch in self.batches.iter_mut().chain([&mut self.trial]) {
            batch.threads = threads;
        }
    }
}

/// A batch on its way through the network.
#[derive(Debug, Default)]
struct Batch {
    threads: usize,
    samples: usize,
    /// From one row of samples to the next.
    stride: usize,
    /// Number of inputs, and these as `[feature][sample]`.
    inputs: usize,
    input: Vec<f64>,
    layers: Vec<Layer>,
    /// The inputs are the outputs of the network, then the targets.
    loss: Pass,
    /// Something as `[sample][feature]`.
    turned: Vec<f64>,
}

/// A layer of a batch. Its numbers lie as `[neuron][sample]`.
#[derive(Debug, Default)]
struct Layer {
    /// From the pre-activations to the activations. In the layer form there is one call a sample, with a row a neuron;
    /// else all neurons and samples are calls of one function, in one row.
    pass: Pass,
    /// Whether it is in the layer form.
    is_whole: bool,
    /// Rows of the next two: a neuron each in the layer form, else none.
    gathered: usize,
    /// The activations of the layer form, whose rows do not lie together in the pass.
    outputs: Vec<f64>,
    /// Its δ likewise.
    delta: Vec<f64>,
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
pub fn step(
    setup: &Rc<Setup>,
    model: &mut Model,
    step: u64,
    work: &mut Workspace,
) -> Result<Objective, Box<Diagnostic>> {
    work.serve(setup);
    let samples = setup.samples(step, &mut work.order);
    let batch = &mut work.batches[usize::from(samples.len() != setup.batch)];
    batch.fit(setup, samples.len());
    batch.load(setup.train.inputs(), samples);
    batch.load_targets(&setup.train, samples);
    batch.forward(setup, &model.values)?;
    let loss = batch.loss(setup)?;
    backward(setup, &model.values, batch, samples, &mut work.grads);
    let penalty = penalty(setup, &model.values, work)?;
    work.update.carry_out(setup, model, &work.grads, step, work.threads)?;
    Ok(Objective { loss, penalty })
}

/// The update of a step (counted from 1) alone, with gradients from elsewhere, laid out as the parameters are.
pub fn update(
    setup: &Rc<Setup>,
    model: &mut Model,
    grads: &[f64],
    step: u64,
    work: &mut Workspace,
) -> Result<(), Box<Diagnostic>> {
    work.serve(setup);
    work.update.carry_out(setup, model, grads, step, work.threads)
}

/// The mean loss over data, or `None` when there is none.
pub fn evaluate(
    setup: &Rc<Setup>,
    values: &[f64],
    data: &Data,
    work: &mut Workspace,
) -> Result<Option<f64>, Box<Diagnostic>> {
    let mut evaluation = Evaluation::default();
    while !evaluation.is_over(data) {
        evaluation.go_on(setup, values, data, work)?;
    }
    Ok(evaluation.mean())
}

/// The mean loss over data, some samples at a time, for whoever must not be busy for long.
#[derive(Debug, Clone, Copy, Default)]
pub struct Evaluation {
    samples: usize,
    sum: f64,
}

impl Evaluation {
    /// Whether all samples were looked at.
    pub fn is_over(&self, data: &Data) -> bool {
        self.samples >= data.len()
    }

    /// Looks at the next samples.
    pub fn go_on(
        &mut self,
        setup: &Rc<Setup>,
        values: &[f64],
        data: &Data,
        work: &mut Workspace,
    ) -> Result<(), Box<Diagnostic>> {
        const BLOCK: usize = 256;
        let samples = self.samples..data.len().min(self.samples + BLOCK);
        if samples.is_empty() {
            return Ok(());
        }
        self.samples = samples.end;
        work.serve(setup);
        work.in_order.clear();
        work.in_order.extend(samples);
        work.trial.fit(setup, work.in_order.len());
        work.trial.load(data.inputs(), &work.in_order);
        work.trial.load_targets(data, &work.in_order);
        work.trial.forward(setup, values)?;
        work.trial.loss(setup)?;
        // Blocks only bound the memory: the sum runs in the order of the samples.
        self.sum = work.trial.losses().iter().fold(self.sum, |sum, loss| sum + loss);
        Ok(())
    }

    /// The mean over the samples that were looked at; `None` when there are none.
    pub fn mean(&self) -> Option<f64> {
        (self.samples > 0).then(|| self.sum / self.samples as f64)
    }
}

/// The network's outputs for inputs, `[sample][output]`.
pub fn predict(
    setup: &Rc<Setup>,
    values: &[f64],
    inputs: &[Vec<f64>],
    work: &mut Workspace,
) -> Result<Vec<Vec<f64>>, Box<Diagnostic>> {
    if inputs.is_empty() {
        return Ok(Vec::new());
    }
    work.serve(setup);
    let batch = &mut work.trial;
    batch.answer(setup, values, inputs)?;
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
    setup: &Rc<Setup>,
    values: &[f64],
    inputs: &[Vec<f64>],
    work: &mut Workspace,
) -> Result<Vec<Vec<Vec<f64>>>, Box<Diagnostic>> {
    let layers = 0..setup.shape.layers();
    if inputs.is_empty() {
        return Ok(layers.map(|layer| vec![Vec::new(); setup.shape.size(layer)]).collect());
    }
    work.serve(setup);
    let batch = &mut work.trial;
    batch.answer(setup, values, inputs)?;
    let answer = |(layer, &size): (&Layer, &usize)| {
        let rows = layer.outputs(batch.stride).numbers.chunks_exact(batch.stride).take(size);
        rows.map(|row| row[..batch.samples].to_vec()).collect()
    };
    Ok(batch.layers.iter().zip(&setup.shape.sizes()[1..]).map(answer).collect())
}

impl Layer {
    fn fit(&mut self, activation: &Activation, size: usize, samples: usize, stride: usize) {
        let function = activation.function.borrow();
        self.is_whole = activation.whole_layer;
        self.pass.fit(&function, if self.is_whole { stride } else { size * stride });
        self.pass.want(samples, stride);
        let own = if self.is_whole { size } else { 1 };
        for (slider, x) in (own..).zip(activation.info.each_slider()) {
            self.pass.set_input(slider, x);
        }
        self.gathered = if self.is_whole { size } else { 0 };
        let room = if self.is_whole { size * stride + ROOM } else { 0 };
        self.outputs.resize(room, 0.0);
        self.delta.resize(room, 0.0);
    }

    /// How far the numbers of two neighbouring neurons lie apart in the inputs and seeds of the pass.
    #[inline]
    fn apart(&self, stride: usize) -> usize {
        if self.is_whole { self.pass.stride() } else { stride }
    }

    #[inline]
    fn pre_activations(&mut self, size: usize, stride: usize) -> MatrixMut<'_> {
        let apart = self.apart(stride);
        let rows = if self.is_whole { size } else { 1 };
        MatrixMut { numbers: self.pass.inputs_mut(rows), stride: apart }
    }

    /// ∂L/∂a, to be written before the chain rule runs.
    #[inline]
    fn seeds(&mut self, stride: usize) -> MatrixMut<'_> {
        let apart = self.apart(stride);
        MatrixMut { numbers: self.pass.seeds_mut(), stride: apart }
    }

    #[inline]
    fn activate(&mut self, activation: &Activation, stride: usize) -> Result<(), Box<Diagnostic>> {
        self.pass.forward(&activation.function)?;
        for k in 0..self.gathered {
            self.outputs[k * stride..][..stride].copy_from_slice(self.pass.output(k));
        }
        Ok(())
    }

    /// Through the activation: from ∂L/∂a to δ.
    #[inline]
    fn backward(&mut self, stride: usize) {
        self.pass.backward();
        for k in 0..self.gathered {
            self.delta[k * stride..][..stride].copy_from_slice(self.pass.grad(k));
        }
    }

    #[inline]
    fn outputs(&self, stride: usize) -> Matrix<'_> {
        Matrix { numbers: if self.is_whole { &self.outputs } else { self.pass.output_with_room(0) }, stride }
    }

    #[inline]
    fn delta(&self, stride: usize) -> Matrix<'_> {
        Matrix { numbers: if self.is_whole { &self.delta } else { self.pass.grad_with_room(0) }, stride }
    }
}

impl Batch {
    /// Makes room for a batch of so many samples.
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
        self.loss.want(samples, self.stride);
        for (slider, x) in (2 * shape.outputs()..).zip(setup.loss.info.each_slider()) {
            self.loss.set_input(slider, x);
        }
        self.loss.set_seed(0, 1.0);
        self.inputs = shape.inputs();
        self.input.resize(self.inputs * self.stride + ROOM, 0.0);
    }

    /// Takes in these samples of `[sample][feature]`.
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
        let apart = self.loss.stride();
        let rows = self.loss.inputs_mut(2 * size);
        gather(data.targets(), size, samples, &mut rows[size * apart..], apart, stride);
    }

    /// Layer by layer: z = W·x + b, a = activation(z).
    fn forward(&mut self, setup: &Setup, values: &[f64]) -> Result<(), Box<Diagnostic>> {
        dense::vectorize(Forward { batch: self, setup, values })?;
        let (shape, stride) = (&setup.shape, self.stride);
        let outputs = self.layers[shape.layers() - 1].outputs(stride).numbers;
        for k in 0..shape.outputs() {
            copy_row(&outputs[k * stride..], self.loss.input_with_room_mut(k), stride);
        }
        Ok(())
    }

    /// Takes inputs that belong to no data through the network.
    fn answer(&mut self, setup: &Rc<Setup>, values: &[f64], inputs: &[Vec<f64>]) -> Result<(), Box<Diagnostic>> {
        self.fit(setup, inputs.len());
        let in_order: Vec<usize> = (0..inputs.len()).collect();
        self.load(&inputs.concat(), &in_order);
        self.forward(setup, values)
    }

    /// The loss of every sample. Answers their mean.
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

/// So many numbers of each of these samples of `[sample][number]`, as rows that begin `apart`; the last sample's again
/// until a row is full.
#[inline]
fn gather(numbers: &[f64], size: usize, samples: &[usize], rows: &mut [f64], apart: usize, stride: usize) {
    let last = samples[samples.len() - 1];
    let filled = samples.iter().chain(std::iter::repeat_n(&last, stride - samples.len()));
    for (s, &sample) in filled.enumerate() {
        for (k, &number) in numbers[sample * size..][..size].iter().enumerate() {
            rows[k * apart + s] = number;
        }
    }
}

/// Samples of `[sample][feature]`; the last one again where they are not so many as are asked for.
#[inline(always)]
fn by_sample<'a>(inputs: &'a [f64], features: usize, samples: &'a [usize]) -> Chosen<'a> {
    Chosen { from: Matrix { numbers: inputs, stride: features }, rows: samples }
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
            dense::forward_batch(simd, weight, bias, x, this.pre_activations(bias.len(), stride), stride, threads);
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
        let MatrixMut { numbers, stride: apart } = last.seeds(stride);
        for k in 0..shape.outputs() {
            copy_row(batch.loss.grad_with_room(k), &mut numbers[k * apart..], stride);
        }
    }
    dense::vectorize(Backward { batch, samples, setup, values, grads });
}

/// Layer by layer from the back: δ = ∂L/∂z, the mean gradients of weights and biases, ∂L/∂a of the layer before.
struct Backward<'a> {
    batch: &'a mut Batch,
    /// Which samples of the data are the batch.
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
        let of_data = by_sample(setup.train.inputs(), batch.inputs, samples);
        for layer in (0..shape.layers()).rev() {
            let (before, rest) = batch.layers.split_at_mut(layer);
            let this = &mut rest[0];
            this.backward(stride);
            let delta = this.delta(stride);
            let x = before.last().map_or(Matrix { numbers: &batch.input, stride }, |before| before.outputs(stride));
            let by_sample = (layer == 0).then_some(of_data);
            let weight = weights(setup, values, layer);
            let (of_weights, of_biases) = grads[shape.layer(layer)].split_at_mut(weight.numbers.len());
            let (turned, samples, threads) = (&mut batch.turned, batch.samples, batch.threads);
            let inputs = weight.inputs;
            dense::gradient_batch(simd, delta, x, by_sample, turned, of_weights, of_biases, inputs, samples, threads);
            if let Some(before) = before.last_mut() {
                dense::backward_batch(simd, weight, delta, before.seeds(stride), stride, threads);
            }
        }
    }
}

/// A row of samples, in whole groups: what follows it has no meaning, and a call for each few numbers takes long.
fn copy_row(from: &[f64], to: &mut [f64], samples: usize) {
    let groups = samples.div_ceil(GROUP);
    let (from, to) = (&from.as_chunks::<GROUP>().0[..groups], &mut to.as_chunks_mut::<GROUP>().0[..groups]);
    for (from, to) in from.iter().zip(to) {
        *to = *from;
    }
}

/// The regularizer's share of the gradient of every weight. Answers the sum of the penalties, in the order of the
/// flat vector.
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
        for (grad, share) in work.grads[weights].iter_mut().zip(pass.grad(0)) {
            *grad += share;
        }
    }
    Ok(Some(sum))
}
