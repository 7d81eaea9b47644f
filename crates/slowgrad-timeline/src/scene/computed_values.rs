//! The numbers that have been computed at a moment. Drawing takes its numbers only from here, so a scene never shows a
//! number before the event that computes it.
//!
//! It must not know positions or colours.

use super::moment_progress::{ARRIVAL, GROUP_ACTIVATIONS, GROUP_DELTAS, GROUP_SUMS, MomentProgress};
use super::played_events::{UpdateKey, update_key};
use crate::events::Timeline;
use crate::events::{Cell, EventKind, NamedValue, Phase};
use crate::events::{CellOperation, CellPlan};
use slowgrad_engine::dense;
use slowgrad_engine::record::{RecordedSample, RecordedStep};
use slowgrad_engine::shape::Parameter;
use slowgrad_tape::math;
use std::cell::OnceCell;
use std::ops::Range;

/// The progress of a neuron in the forward pass.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum ForwardState {
    /// Nothing has arrived.
    NotStarted,
    /// A sum of some products. The product of the next input may have arrived and wait for its addition.
    PartialSum { value: f64, waiting: Option<(usize, f64)> },
    /// The pre-activation.
    PreActivation(f64),
    /// The latest result within the activation function.
    Activating(f64),
    /// The activation.
    Activated(f64),
}

impl ForwardState {
    /// The latest number.
    pub(super) fn value(&self) -> Option<f64> {
        match *self {
            ForwardState::NotStarted => None,
            ForwardState::PartialSum { value, .. }
            | ForwardState::PreActivation(value)
            | ForwardState::Activating(value)
            | ForwardState::Activated(value) => Some(value),
        }
    }

    /// The activation, once it is computed.
    pub(super) fn activation(&self) -> Option<f64> {
        match *self {
            ForwardState::Activated(a) => Some(a),
            _ => None,
        }
    }
}

/// The progress of a neuron in the backward pass.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum BackwardState {
    /// Nothing has arrived.
    NotStarted,
    /// ∂L/∂a, summed so far.
    Accumulating(f64),
    /// The latest gradient within the activation's chain rule, and the name of the value it belongs to.
    Differentiating(NamedValue),
    /// δ.
    Delta(f64),
}

/// The progress of the loss.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum LossState {
    /// Nothing is computed.
    NotStarted,
    /// The latest result within the loss function.
    Running(f64),
    /// The loss.
    Value(f64),
}

/// Neurons of a layer that move together.
#[derive(Debug, Clone, Copy)]
struct NeuronGroup {
    layer: usize,
    first: usize,
    end: usize,
}

/// The gradients of the loss with respect to the inputs of a layer.
#[derive(Debug, Clone)]
enum LayerGradient {
    NotStarted,
    Partial(Vec<Option<f64>>),
    Complete,
}

/// All numbers that have been computed at a moment.
#[derive(Debug)]
pub(super) struct ComputedValues<'a> {
    timeline: &'a Timeline,
    /// The step.
    pub(super) step: &'a RecordedStep,
    /// The current sample; in the update the last one of the batch.
    pub(super) sample: usize,
    /// The current phase.
    pub(super) phase: Phase,
    /// All events before this index have happened.
    done: usize,
    /// Neurons in a forward movement whose sums are complete and whose activations are not.
    sums_only: Option<NeuronGroup>,
    /// Neurons in a backward movement whose δ is computed before the rest.
    early_deltas: Option<NeuronGroup>,
    /// ∂L/∂ŷ so far, for each output.
    output_grads: Vec<Option<f64>>,
    /// For each layer the gradients of its inputs, computed on first use.
    input_gradients: Vec<OnceCell<LayerGradient>>,
    /// The position of the update in the order of the parameters, within the update phase.
    update_position: Option<(usize, UpdateKey)>,
}

impl<'a> ComputedValues<'a> {
    pub(super) fn new(timeline: &'a Timeline, progress: &MomentProgress) -> Self {
        let step = timeline.step();
        let first = timeline.address(progress.events.start.min(timeline.len() - 1));
        let several = progress.events.len() > 1;
        let group = |phase: Phase, stage: Range<f32>| {
            let in_stage = several && first.phase == phase && stage.contains(&progress.progress);
            NeuronGroup::of(timeline, progress).filter(|_| in_stage)
        };
        let arrival = if several && first.phase == Phase::Forward { GROUP_SUMS } else { ARRIVAL };
        let done = if progress.progress >= arrival { progress.events.end } else { progress.events.start };
        let mut values = Self {
            timeline,
            step,
            sample: first.sample.unwrap_or(step.samples.len() - 1),
            phase: first.phase,
            done,
            sums_only: group(Phase::Forward, GROUP_SUMS..GROUP_ACTIVATIONS),
            early_deltas: group(Phase::Backward, GROUP_DELTAS..ARRIVAL),
            output_grads: Vec::new(),
            input_gradients: vec![OnceCell::new(); step.shape.layers()],
            update_position: None,
        };
        values.output_grads = values.loss_gradient();
        if first.phase == Phase::Update {
            let next = (done < timeline.len()).then(|| timeline.address(done).cell);
            values.update_position = match next {
                Some(Cell::Parameter { layer, neuron, input }) => Some((layer, update_key(neuron, input))),
                // The parameters of the layer change after its gradients and its optimizer's call.
                Some(Cell::ParameterGradient { layer, .. } | Cell::Layer { layer }) => Some((layer, (0, 0))),
                Some(Cell::Rate) => Some((0, (0, 0))),
                _ => Some((usize::MAX, (0, 0))),
            };
        }
        values
    }

    /// The record of the current sample, with numbers that may not be computed yet.
    pub(super) fn recorded(&self) -> &'a RecordedSample {
        &self.step.samples[self.sample]
    }

    /// The index of the last layer.
    pub(super) fn last_layer(&self) -> usize {
        self.step.shape.layers() - 1
    }

    /// The operations of a cell of the current sample.
    fn plan(&self, phase: Phase, cell: Cell) -> CellPlan {
        CellPlan::of(self.step, Some(self.sample), phase, cell)
    }

    /// The number of operations of a cell that are done.
    fn done_in(&self, phase: Phase, cell: Cell) -> usize {
        let range = self.timeline.cell(Some(self.sample), phase, cell).unwrap_or(0..0);
        self.done.clamp(range.start, range.end) - range.start
    }

    /// Whether an operation of a cell is done.
    fn is_done(&self, phase: Phase, cell: Cell, operation: CellOperation) -> bool {
        self.plan(phase, cell).number(operation).is_some_and(|number| self.done_in(phase, cell) > number)
    }

    /// An input of the network, once it has entered.
    pub(super) fn input(&self, input: usize) -> Option<f64> {
        self.is_done(Phase::Input, Cell::Input, CellOperation::Enter { input }).then(|| self.recorded().input[input])
    }

    /// The recorded value of an input of a layer.
    pub(super) fn layer_input(&self, layer: usize, input: usize) -> f64 {
        self.step.layer_input(self.sample, layer)[input]
    }

    /// The weights into a neuron before the step.
    pub(super) fn weights(&self, layer: usize, neuron: usize) -> &'a [f64] {
        let fan_in = self.step.shape.fan_in(layer);
        &self.step.before.values[self.step.shape.index(Parameter { layer, neuron, input: Some(0) })..][..fan_in]
    }

    pub(super) fn forward(&self, layer: usize, neuron: usize) -> ForwardState {
        let recorded = &self.recorded().layers[layer];
        let (phase, cell) = (Phase::Forward, Cell::Neuron { layer, neuron });
        let (plan, mut done) = (self.plan(phase, cell), self.done_in(phase, cell));
        if self.sums_only.is_some_and(|group| group.contains(layer, neuron)) {
            done = done.min(plan.weighted_sum().end);
        }
        let sum = |terms: usize| {
            dense::dot(&self.weights(layer, neuron)[..terms], &self.step.layer_input(self.sample, layer)[..terms])
        };
        match done.checked_sub(1).and_then(|last| plan.operation(last)) {
            None => ForwardState::NotStarted,
            // The weighted sum is complete. The activation of a whole layer is a cell of its own.
            Some(_) if done == plan.weighted_sum().end => {
                let whole = CellOperation::Activated { output: neuron };
                if self.is_done(phase, Cell::Layer { layer }, whole) {
                    ForwardState::Activated(recorded.a[neuron])
                } else {
                    ForwardState::PreActivation(recorded.z[neuron])
                }
            }
            Some(CellOperation::Product { input: 0 }) => ForwardState::PartialSum { value: sum(1), waiting: None },
            Some(CellOperation::Product { input }) => {
                let product = self.weights(layer, neuron)[input] * self.layer_input(layer, input);
                ForwardState::PartialSum { value: sum(input), waiting: Some((input, product)) }
            }
            Some(CellOperation::Accumulate { input }) => {
                ForwardState::PartialSum { value: sum(input + 1), waiting: None }
            }
            Some(CellOperation::Activated { .. }) => ForwardState::Activated(recorded.a[neuron]),
            Some(CellOperation::Script { .. }) => self
                .latest_result(phase, cell, plan.script().start..done)
                .map_or(ForwardState::PreActivation(recorded.z[neuron]), ForwardState::Activating),
            Some(_) => ForwardState::PreActivation(recorded.z[neuron]),
        }
    }

    /// The result of the last operation in a part of a cell, skipping comparisons.
    fn latest_result(&self, phase: Phase, cell: Cell, operations: Range<usize>) -> Option<f64> {
        let range = self.timeline.cell(Some(self.sample), phase, cell)?;
        operations.rev().find_map(|at| match self.timeline.event(range.start + at).kind {
            EventKind::Operation { result, .. } => Some(result.value),
            _ => None,
        })
    }

    pub(super) fn loss(&self) -> LossState {
        if self.is_done(Phase::Loss, Cell::Loss, CellOperation::LossValue) {
            return LossState::Value(self.recorded().loss);
        }
        let done = self.done_in(Phase::Loss, Cell::Loss);
        self.latest_result(Phase::Loss, Cell::Loss, 0..done).map_or(LossState::NotStarted, LossState::Running)
    }

    /// Whether the loss phase has begun, so that outputs are compared with targets.
    pub(super) fn loss_started(&self) -> bool {
        self.phase >= Phase::Loss
    }

    /// Whether the backward pass has begun: ∂L/∂L = 1.
    pub(super) fn backward_started(&self) -> bool {
        self.is_done(Phase::Backward, Cell::Loss, CellOperation::Seed)
    }

    /// ∂L/∂ŷ of every output, as far as the chain rule of the loss has computed it.
    fn loss_gradient(&self) -> Vec<Option<f64>> {
        let recorded = self.recorded();
        let (phase, cell) = (Phase::Backward, Cell::Loss);
        let (plan, done) = (self.plan(phase, cell), self.done_in(phase, cell));
        if done == plan.len() {
            return recorded.layers[self.last_layer()].grad_a.iter().copied().map(Some).collect();
        }
        let mut gradient = vec![None; self.step.shape.outputs()];
        let Some(chain_steps) = done.checked_sub(plan.chain().start).filter(|steps| *steps > 0) else {
            return gradient;
        };
        let trace = &recorded.loss_trace;
        let (mut values, mut grads) = (Vec::new(), Vec::new());
        trace.evaluate(&self.step.loss_inputs(self.sample), &mut values);
        trace.seed(&[1.0], &mut grads);
        for step in &trace.chain()[..chain_steps] {
            let (_, _, after) = trace.chain_values(step, &values, &grads);
            grads[step.into.index()] = after;
            if let Some(output) = gradient.get_mut(step.into.index()) {
                *output = Some(after);
            }
        }
        gradient
    }

    /// ∂L/∂a of a neuron so far.
    fn grad_a(&self, layer: usize, neuron: usize) -> Option<f64> {
        if layer == self.last_layer() {
            return self.output_grads[neuron];
        }
        self.layer_input_gradient(layer + 1, neuron)
    }

    /// ∂L/∂x of an input of the network so far; `None` if the step has no such gradients.
    pub(super) fn input_gradient(&self, input: usize) -> Option<f64> {
        self.layer_input_gradient(0, input)
    }

    /// The gradient of an input of a layer so far.
    fn layer_input_gradient(&self, layer: usize, input: usize) -> Option<f64> {
        if self.phase < Phase::Backward {
            return None;
        }
        let complete = self.recorded().layer_input_gradient(layer)?;
        match self.input_gradient_state(layer) {
            LayerGradient::NotStarted => None,
            LayerGradient::Partial(sums) => sums[input],
            LayerGradient::Complete => Some(complete[input]),
        }
    }

    /// Whether ∂L/∂x has all its terms. Only for steps that have such gradients.
    pub(super) fn input_gradients_are_complete(&self) -> bool {
        matches!(self.input_gradient_state(0), LayerGradient::Complete)
    }

    fn input_gradient_state(&self, layer: usize) -> &LayerGradient {
        self.input_gradients[layer].get_or_init(|| self.sum_input_gradients(layer))
    }

    /// The gradients of the inputs of a layer so far. The neurons of the layer contribute one after the other, and each to
    /// one input after the other.
    fn sum_input_gradients(&self, layer: usize) -> LayerGradient {
        let shape = &self.step.shape;
        let (width, height) = (shape.fan_in(layer), shape.size(layer));
        let contributed = |from: usize| {
            let (phase, cell) = (Phase::Backward, Cell::Neuron { layer, neuron: from });
            self.done_in(phase, cell).saturating_sub(self.plan(phase, cell).backprops().start)
        };
        let (mut low, mut high) = (0, height);
        while low < high {
            let middle = usize::midpoint(low, high);
            if contributed(middle) == width { low = middle + 1 } else { high = middle }
        }
        if low == height {
            return LayerGradient::Complete;
        }
        let partly = contributed(low);
        if low == 0 && partly == 0 {
            return LayerGradient::NotStarted;
        }
        let delta = &self.recorded().layers[layer].delta;
        // Row by row, in the order of the recorded step, so that the sums have the same bits.
        let mut sums = vec![0.0; width];
        dense::backward_one(&self.step.before.values[shape.weights(layer)][..low * width], &delta[..low], &mut sums);
        let last = self.weights(layer, low)[..partly].iter().map(|w| (*w, delta[low]));
        for (sum, (w, delta)) in sums.iter_mut().zip(last) {
            *sum = if low == 0 { w * delta } else { math::fma(w, delta, *sum) };
        }
        let count = if low == 0 { partly } else { width };
        LayerGradient::Partial(sums.into_iter().enumerate().map(|(at, sum)| (at < count).then_some(sum)).collect())
    }

    pub(super) fn backward(&self, layer: usize, neuron: usize) -> BackwardState {
        if self.phase < Phase::Backward {
            return BackwardState::NotStarted;
        }
        let cell = Cell::Neuron { layer, neuron };
        if self.is_done(Phase::Backward, cell, CellOperation::Delta)
            || self.early_deltas.is_some_and(|group| group.contains(layer, neuron))
        {
            return BackwardState::Delta(self.recorded().layers[layer].delta[neuron]);
        }
        let done = self.done_in(Phase::Backward, cell);
        if done > 0
            && let Some(range) = self.timeline.cell(Some(self.sample), Phase::Backward, cell)
            && let EventKind::Chain { mut operands, into, after, .. } = self.timeline.event(range.start + done - 1).kind
        {
            let name = std::mem::take(&mut operands[into].name);
            return BackwardState::Differentiating(NamedValue { name, value: after });
        }
        self.grad_a(layer, neuron).map_or(BackwardState::NotStarted, BackwardState::Accumulating)
    }

    /// ∂L/∂w of this sample, once the chain rule has computed it.
    pub(super) fn gradient(&self, layer: usize, neuron: usize, input: usize) -> Option<f64> {
        let cell = Cell::Neuron { layer, neuron };
        let computed = self.is_done(Phase::Backward, cell, CellOperation::WeightGrad { input });
        computed.then(|| self.recorded().layers[layer].delta[neuron] * self.layer_input(layer, input))
    }

    /// Whether the update has already changed a parameter.
    pub(super) fn is_updated(&self, layer: usize, neuron: usize, input: Option<usize>) -> bool {
        self.update_position.is_some_and(|position| (layer, update_key(neuron, input)) < position)
    }

    /// The value of a parameter at this moment.
    pub(super) fn parameter(&self, layer: usize, neuron: usize, input: Option<usize>) -> f64 {
        let (old, new) = self.old_and_new(layer, neuron, input);
        if self.is_updated(layer, neuron, input) { new } else { old }
    }

    /// Whether a parameter is frozen.
    pub(super) fn is_frozen(&self, layer: usize, neuron: usize, input: Option<usize>) -> bool {
        self.step.frozen.contains(&self.step.shape.index(Parameter { layer, neuron, input }))
    }

    /// A parameter before and after the step.
    pub(super) fn old_and_new(&self, layer: usize, neuron: usize, input: Option<usize>) -> (f64, f64) {
        let index = self.step.shape.index(Parameter { layer, neuron, input });
        (self.step.before.values[index], self.step.after.values[index])
    }
}

impl NeuronGroup {
    /// The neurons whose events a movement covers from the first to the last.
    fn of(timeline: &Timeline, progress: &MomentProgress) -> Option<Self> {
        let first = timeline.address(progress.events.start.min(timeline.len() - 1));
        let last = timeline.address(progress.events.end.checked_sub(1)?);
        let Cell::Neuron { layer, neuron } = first.cell else { return None };
        if first.operation > 0 {
            return None;
        }
        let end = match last.cell {
            Cell::Neuron { neuron, .. } => neuron + 1,
            Cell::Layer { .. } => timeline.step().shape.size(layer),
            _ => return None,
        };
        Some(Self { layer, first: neuron, end })
    }

    fn contains(&self, layer: usize, neuron: usize) -> bool {
        layer == self.layer && (self.first..self.end).contains(&neuron)
    }
}
