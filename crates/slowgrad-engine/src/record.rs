//! A training step, one sample and one neuron at a time, recorded with everything that is needed to recompute any of
//! its operations.
//!
//! A recorded step is plain data: it holds numbers and traces, no script and no closure, and can be sent to another
//! thread. Its size grows with neurons × samples + parameters, not with operations.

use crate::dense;
use crate::io_names::IoNames;
use crate::model::Model;
use crate::norms::Norms;
use crate::plugin::{Activation, SharedFunction, StateField, UpdateRule};
use crate::rate::{self, RecordedRate};
use crate::setup::{EpochOrder, Setup};
use crate::shape::Shape;
use crate::update::{self, StepContext};
use slowgrad_tape::{Call, Diagnostic, Function, Trace};
use std::collections::BTreeSet;
use std::sync::Arc;

/// One layer of one sample.
#[derive(Debug, Clone)]
pub struct RecordedLayer {
    /// Pre-activations z, one per neuron.
    pub z: Vec<f64>,
    /// Activations a, one per neuron.
    pub a: Vec<f64>,
    /// ∂L/∂a, one per neuron.
    pub grad_a: Vec<f64>,
    /// δ = ∂L/∂z, one per neuron.
    pub delta: Vec<f64>,
    /// The trace of each neuron's activation; a single one in whole-layer form.
    pub traces: Vec<Arc<Trace>>,
}

/// One sample of a step.
#[derive(Debug, Clone)]
pub struct RecordedSample {
    /// Its index in the training data.
    pub sample: usize,
    /// Its inputs.
    pub input: Vec<f64>,
    /// Its targets.
    pub target: Vec<f64>,
    /// ∂L/∂x, one per input, if the lesson asks for it. Training does not need it.
    pub grad_input: Option<Vec<f64>>,
    /// The layers, from the first after the input to the output.
    pub layers: Vec<RecordedLayer>,
    /// The trace of the loss.
    pub loss_trace: Arc<Trace>,
    /// The loss, without any penalty.
    pub loss: f64,
}

impl RecordedSample {
    /// The gradients of the loss with respect to the inputs of a layer; `None` for the first layer unless the lesson asks
    /// for them.
    pub fn layer_input_gradient(&self, layer: usize) -> Option<&[f64]> {
        match layer.checked_sub(1) {
            None => self.grad_input.as_deref(),
            Some(before) => Some(&self.layers[before].grad_a),
        }
    }
}

/// The plugins of a step, for formulas.
#[derive(Debug, Clone, PartialEq)]
pub struct StepNames {
    /// The name of each layer's activation.
    pub activations: Vec<String>,
    /// Whether each layer's activation is in whole-layer form.
    pub whole_layer: Vec<bool>,
    /// The slider values of each layer's activation.
    pub activation_sliders: Vec<Vec<f64>>,
    /// The name of the loss.
    pub loss: String,
    /// The slider values of the loss.
    pub loss_sliders: Vec<f64>,
    /// The name of the optimizer.
    pub optimizer: String,
    /// The optimizer's state fields.
    pub state: Vec<StateField>,
}

impl StepNames {
    /// The names of the optimizer's state fields.
    pub fn state_names(&self) -> Vec<String> {
        self.state.iter().map(|field| field.name.clone()).collect()
    }
}

/// The regularizer's part of a step.
#[derive(Debug, Clone)]
pub struct RecordedPenalty {
    /// The name of the regularizer.
    pub regularizer: String,
    /// Its slider values.
    pub sliders: Vec<f64>,
    /// The trace of each weight's penalty, by flat index; `None` for biases.
    pub traces: Vec<Option<Arc<Trace>>>,
    /// ∂penalty/∂weight by flat index; 0 for biases.
    pub shares: Vec<f64>,
    /// The sum of the penalties of all weights, in the order of the flat vector.
    pub sum: f64,
}

/// The traces of the optimizer's calls in a step.
#[derive(Debug, Clone)]
pub enum UpdateTraces {
    /// Of each parameter's update, flat.
    Parameter(Vec<Arc<Trace>>),
    /// Of each layer's update.
    Layer(Vec<Arc<Trace>>),
}

/// A whole training step. *Flat* vectors hold one number per parameter, in the order of [`Shape`].
#[derive(Debug, Clone)]
pub struct RecordedStep {
    /// Its number, from 1.
    pub step: u64,
    /// Its epoch, from 0.
    pub epoch: u64,
    /// The network's shape.
    pub shape: Arc<Shape>,
    /// The plugins.
    pub names: StepNames,
    /// The names of inputs and outputs.
    pub io_names: Arc<IoNames>,
    /// The samples of the batch in order.
    pub samples: Vec<RecordedSample>,
    /// The gradients of the loss, summed over the samples, flat.
    pub grad_sums: Vec<f64>,
    /// The gradients that the optimizer receives, flat: the mean over the samples plus the gradient of the penalty.
    pub grads: Vec<f64>,
    /// The regularizer's part, if there is one.
    pub penalty: Option<RecordedPenalty>,
    /// The schedule's part, if there is one.
    pub rate: Option<RecordedRate>,
    /// Parameters and optimizer state before the step.
    pub before: Model,
    /// Parameters and optimizer state after the step.
    pub after: Model,
    /// The flat indices of frozen parameters. Their updates are computed but not applied.
    pub frozen: Arc<BTreeSet<usize>>,
    /// The traces of the update.
    pub update_traces: UpdateTraces,
    /// For each layer, the inputs of an update after w, grad and state.
    pub contexts: Vec<Vec<f64>>,
    /// The mean loss of the batch before the update, without the penalty.
    pub loss: f64,
}

impl RecordedStep {
    /// The inputs of an activation call: the neuron's pre-activation or, in whole-layer form, those of the whole layer
    /// (`neuron` is ignored then), followed by the sliders.
    pub fn activation_inputs(&self, sample: usize, layer: usize, neuron: usize) -> Vec<f64> {
        let z = &self.samples[sample].layers[layer].z;
        let mut inputs = if self.names.whole_layer[layer] { z.clone() } else { vec![z[neuron]] };
        inputs.extend_from_slice(&self.names.activation_sliders[layer]);
        inputs
    }

    /// The trace of an activation call.
    pub fn activation_trace(&self, sample: usize, layer: usize, neuron: usize) -> &Arc<Trace> {
        let traces = &self.samples[sample].layers[layer].traces;
        &traces[if self.names.whole_layer[layer] { 0 } else { neuron }]
    }

    /// The inputs of a sample's loss call: outputs, targets, sliders.
    pub fn loss_inputs(&self, sample: usize) -> Vec<f64> {
        let recorded = &self.samples[sample];
        let output = &recorded.layers[recorded.layers.len() - 1].a;
        [output.as_slice(), &recorded.target, &self.names.loss_sliders].concat()
    }

    /// The mean gradient of the loss with respect to a parameter (flat index), without the penalty's.
    pub fn mean_grad(&self, parameter: usize) -> f64 {
        self.grad_sums[parameter] / self.samples.len() as f64
    }

    /// The learning rate that the optimizer receives, after the schedule.
    pub fn learning_rate(&self) -> f64 {
        self.contexts[0][0]
    }

    /// The trace of the penalty of a parameter (flat index); `None` for biases and without a regularizer.
    pub fn penalty_trace(&self, parameter: usize) -> Option<&Arc<Trace>> {
        self.penalty.as_ref()?.traces[parameter].as_ref()
    }

    /// The inputs of the penalty call of a parameter (flat index): the weight, then the sliders.
    pub fn penalty_inputs(&self, parameter: usize) -> Vec<f64> {
        let sliders = self.penalty.as_ref().map_or(&[][..], |penalty| &penalty.sliders);
        [&[self.before.values[parameter]], sliders].concat()
    }

    /// The trace of the update of a parameter (flat index); `None` if the optimizer updates whole layers.
    pub fn update_trace(&self, parameter: usize) -> Option<&Arc<Trace>> {
        match &self.update_traces {
            UpdateTraces::Parameter(traces) => Some(&traces[parameter]),
            UpdateTraces::Layer(_) => None,
        }
    }

    /// The trace of the update of a layer; `None` if the optimizer updates single parameters.
    pub fn layer_update_trace(&self, layer: usize) -> Option<&Arc<Trace>> {
        match &self.update_traces {
            UpdateTraces::Layer(traces) => Some(&traces[layer]),
            UpdateTraces::Parameter(_) => None,
        }
    }

    /// The inputs of the update call of a parameter (flat index): w, grad, state, context.
    pub fn update_inputs(&self, parameter: usize) -> Vec<f64> {
        let layer = self.shape.parameter(parameter).layer;
        let mut inputs = vec![self.before.values[parameter], self.grads[parameter]];
        inputs.extend(self.before.state.iter().map(|field| field[parameter]));
        inputs.extend_from_slice(&self.contexts[layer]);
        inputs
    }

    /// The inputs of the update call of a layer: its parameters, their gradients, its state, context.
    pub fn layer_update_inputs(&self, layer: usize) -> Vec<f64> {
        let parameters = self.shape.layer(layer);
        let mut inputs = [&self.before.values[parameters.clone()], &self.grads[parameters]].concat();
        for (field, numbers) in self.names.state.iter().zip(&self.before.state) {
            inputs.extend_from_slice(&numbers[field.layer(&self.shape, layer)]);
        }
        inputs.extend_from_slice(&self.contexts[layer]);
        inputs
    }

    /// Whether all parameters of a layer are frozen.
    pub fn is_layer_frozen(&self, layer: usize) -> bool {
        update::is_layer_frozen(&self.shape, &self.frozen, layer)
    }

    /// The inputs of a layer for a sample: the sample's inputs or the activations of the layer before.
    pub fn layer_input(&self, sample: usize, layer: usize) -> &[f64] {
        let recorded = &self.samples[sample];
        if layer == 0 { &recorded.input } else { &recorded.layers[layer - 1].a }
    }
}

/// Computes step number `step` (from 1) and records it. The model does not change; the updated one is
/// [`RecordedStep::after`].
///
/// # Errors
/// The diagnostic of a failing script.
pub fn record(setup: &Setup, model: &Model, step: u64) -> Result<RecordedStep, Box<Diagnostic>> {
    let shape = &setup.shape;
    let mut samples = Vec::new();
    let mut grad_sums = vec![0.0; shape.parameters()];
    for (nth, sample) in setup.samples(step, &mut EpochOrder::default()).iter().copied().enumerate() {
        let mut recorded = forward(setup, &model.values, sample)?;
        loss(setup, &mut recorded);
        backward(setup, &model.values, &mut recorded, &mut grad_sums, nth == 0);
        samples.push(recorded);
    }
    let n = samples.len() as f64;
    let mut grads: Vec<f64> = grad_sums.iter().map(|sum| sum / n).collect();
    let penalty = penalty(setup, &model.values, &mut grads)?;
    let rate = rate::scheduled(setup, step)?;
    let lr = rate::effective(setup, rate.as_ref());
    let loss = samples.iter().map(|sample| sample.loss).sum::<f64>() / n;

    let norms = Norms::of(shape, &model.values, &grads);
    let context = StepContext { optimizer: &setup.optimizer, shape, lr, step, norms: &norms };
    let contexts = (0..shape.layers()).map(|layer| context.of_layer(layer).collect()).collect();
    let mut recorded = RecordedStep {
        step,
        epoch: setup.epoch(step),
        shape: Arc::clone(shape),
        names: names(setup),
        io_names: Arc::clone(&setup.io_names),
        samples,
        grad_sums,
        grads,
        penalty,
        rate,
        before: model.clone(),
        after: model.clone(),
        frozen: Arc::clone(&setup.frozen),
        update_traces: UpdateTraces::Parameter(Vec::new()),
        contexts,
        loss,
    };
    update(setup, &mut recorded)?;
    Ok(recorded)
}

fn names(setup: &Setup) -> StepNames {
    StepNames {
        activations: setup.activations.iter().map(|activation| activation.info.name.clone()).collect(),
        whole_layer: setup.activations.iter().map(|activation| activation.whole_layer).collect(),
        activation_sliders: setup.activations.iter().map(|activation| activation.info.sliders()).collect(),
        loss: setup.loss.info.name.clone(),
        loss_sliders: setup.loss.info.sliders(),
        optimizer: setup.optimizer.info.name.clone(),
        state: setup.optimizer.state.clone(),
    }
}

/// z = W·x + b, or W·x without biases; a = activation(z), layer by layer; then the loss.
fn forward(setup: &Setup, values: &[f64], sample: usize) -> Result<RecordedSample, Box<Diagnostic>> {
    let shape = &setup.shape;
    let mut layers: Vec<RecordedLayer> = Vec::with_capacity(shape.layers());
    for (layer, activation) in setup.activations.iter().enumerate() {
        let x = layers.last().map_or(setup.train.input(sample), |before| &before.a);
        let mut z = vec![0.0; shape.size(layer)];
        dense::forward_one(&values[shape.weights(layer)], &values[shape.biases(layer)], x, &mut z);
        let calls = activate(activation, &z)?;
        let a = match calls.as_slice() {
            [call] if activation.whole_layer => (0..z.len()).map(|k| call.output(k)).collect(),
            calls => calls.iter().map(|call| call.output(0)).collect(),
        };
        let traces = calls.into_iter().map(|call| call.trace).collect();
        layers.push(RecordedLayer { grad_a: vec![0.0; z.len()], delta: vec![0.0; z.len()], z, a, traces });
    }
    let output = &layers[layers.len() - 1].a;
    let target = setup.train.target(sample).to_vec();
    let sliders = setup.loss.info.sliders();
    let inputs = [output.as_slice(), &target, &sliders].concat();
    let call = setup.loss.function.borrow_mut().call(&inputs)?;
    let loss = call.output(0);
    Ok(RecordedSample {
        sample,
        input: setup.train.input(sample).to_vec(),
        target,
        grad_input: setup.spec.input_gradients.then(|| vec![0.0; shape.inputs()]),
        layers,
        loss_trace: call.trace,
        loss,
    })
}

fn activate(activation: &Activation, z: &[f64]) -> Result<Vec<Call>, Box<Diagnostic>> {
    let sliders = activation.info.sliders();
    let mut function = activation.function.borrow_mut();
    if activation.whole_layer {
        return Ok(vec![function.call(&[z, &sliders].concat())?]);
    }
    z.iter().map(|&z| function.call(&[&[z], sliders.as_slice()].concat())).collect()
}

/// ∂L/∂a of the outputs, by the chain rule through the loss.
fn loss(setup: &Setup, recorded: &mut RecordedSample) {
    let last = recorded.layers.len() - 1;
    let output = &recorded.layers[last].a;
    let sliders = setup.loss.info.sliders();
    let inputs = [output.as_slice(), &recorded.target, &sliders].concat();
    let (mut values, mut grads) = (Vec::new(), Vec::new());
    recorded.loss_trace.evaluate(&inputs, &mut values);
    recorded.loss_trace.backward(&values, &[1.0], &mut grads);
    recorded.layers[last].grad_a.copy_from_slice(&grads[..setup.shape.outputs()]);
}

/// From the last layer to the first: δ, the gradients of the parameters, and ∂L/∂a of the layer before. For the first
/// layer that is ∂L/∂x, if the lesson asks for it.
fn backward(setup: &Setup, values: &[f64], recorded: &mut RecordedSample, grad_sums: &mut [f64], first: bool) {
    let shape = &setup.shape;
    let (mut node_values, mut grads) = (Vec::new(), Vec::new());
    for (layer, activation) in setup.activations.iter().enumerate().rev() {
        let (before, rest) = recorded.layers.split_at_mut(layer);
        let here = &mut rest[0];
        let sliders = activation.info.sliders();
        if activation.whole_layer {
            here.traces[0].evaluate(&[here.z.as_slice(), &sliders].concat(), &mut node_values);
            here.traces[0].backward(&node_values, &here.grad_a, &mut grads);
            here.delta.copy_from_slice(&grads[..here.z.len()]);
        } else {
            for neuron in 0..here.z.len() {
                let trace = &here.traces[neuron];
                trace.evaluate(&[&[here.z[neuron]], sliders.as_slice()].concat(), &mut node_values);
                trace.backward(&node_values, &[here.grad_a[neuron]], &mut grads);
                here.delta[neuron] = grads[0];
            }
        }
        let x = before.last().map_or(recorded.input.as_slice(), |layer| &layer.a);
        let (weight, bias) = grad_sums[shape.layer(layer)].split_at_mut(shape.weights(layer).len());
        dense::gradient_one(&here.delta, x, weight, bias, first);
        let grad_x = before.last_mut().map(|before| &mut before.grad_a).or(recorded.grad_input.as_mut());
        if let Some(grad_x) = grad_x {
            dense::backward_one(&values[shape.weights(layer)], &here.delta, grad_x);
        }
    }
}

/// The penalty of each weight; adds its gradient to `grads`.
fn penalty(setup: &Setup, values: &[f64], grads: &mut [f64]) -> Result<Option<RecordedPenalty>, Box<Diagnostic>> {
    let Some(regularizer) = &setup.regularizer else { return Ok(None) };
    let sliders = regularizer.info.sliders();
    let mut function = regularizer.function.borrow_mut();
    let mut recorded = RecordedPenalty {
        regularizer: regularizer.info.name.clone(),
        sliders,
        traces: vec![None; values.len()],
        shares: vec![0.0; values.len()],
        sum: 0.0,
    };
    let mut slopes = Vec::new();
    for weight in (0..setup.shape.layers()).flat_map(|layer| setup.shape.weights(layer)) {
        let call = function.call(&[&[values[weight]], recorded.sliders.as_slice()].concat())?;
        call.trace.backward(&call.values, &[1.0], &mut slopes);
        recorded.sum += call.output(0);
        recorded.shares[weight] = slopes[0];
        recorded.traces[weight] = Some(call.trace);
        grads[weight] += slopes[0];
    }
    Ok(Some(recorded))
}

/// The optimizer's rule for each parameter or each layer.
fn update(setup: &Setup, recorded: &mut RecordedStep) -> Result<(), Box<Diagnostic>> {
    recorded.update_traces = match &setup.optimizer.rule {
        UpdateRule::Parameter { weights, biases } => {
            UpdateTraces::Parameter(update_parameters(recorded, &mut weights.borrow_mut(), &mut biases.borrow_mut())?)
        }
        UpdateRule::Layer(rules) => UpdateTraces::Layer(update_layers(recorded, rules)?),
    };
    Ok(())
}

fn update_parameters(
    recorded: &mut RecordedStep,
    weights: &mut Function,
    biases: &mut Function,
) -> Result<Vec<Arc<Trace>>, Box<Diagnostic>> {
    let mut traces = Vec::with_capacity(recorded.shape.parameters());
    for parameter in 0..recorded.shape.parameters() {
        let inputs = recorded.update_inputs(parameter);
        let is_bias = recorded.shape.parameter(parameter).input.is_none();
        let call = if is_bias { biases.call(&inputs)? } else { weights.call(&inputs)? };
        if !recorded.frozen.contains(&parameter) {
            recorded.after.values[parameter] = call.output(0);
            for (k, field) in recorded.after.state.iter_mut().enumerate() {
                field[parameter] = call.output(k + 1);
            }
        }
        traces.push(call.trace);
    }
    Ok(traces)
}

fn update_layers(recorded: &mut RecordedStep, rules: &[SharedFunction]) -> Result<Vec<Arc<Trace>>, Box<Diagnostic>> {
    let mut traces = Vec::with_capacity(rules.len());
    for (layer, rule) in rules.iter().enumerate() {
        let call = rule.borrow_mut().call(&recorded.layer_update_inputs(layer))?;
        let RecordedStep { after, shape, names, .. } = &mut *recorded;
        let fields = after.state.iter_mut().zip(&names.state);
        let results = std::iter::once(&mut after.values[shape.layer(layer)])
            .chain(fields.map(|(numbers, field)| &mut numbers[field.layer(shape, layer)]));
        for (k, number) in results.flatten().enumerate() {
            *number = call.output(k);
        }
        traces.push(call.trace);
    }
    let RecordedStep { before, after, shape, names, frozen, .. } = recorded;
    update::restore_frozen(shape, &names.state, frozen, before, after);
    Ok(traces)
}
