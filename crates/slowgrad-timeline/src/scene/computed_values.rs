//! What has been computed at a moment: the only place the picture takes its numbers from, so that it never
//! shows one that does not exist yet.
//!
//! It must not know where anything stands or what it looks like.

use super::moment_progress::{ARRIVE, GROUP_ACTIVE, GROUP_DELTA, GROUP_SUMS, Wave};
use crate::event::{Cell, EventKind, Named, Phase};
use crate::timeline::Timeline;
use slowgrad_engine::dense;
use slowgrad_engine::record::{RecordedSample, RecordedStep};
use slowgrad_engine::shape::Parameter;
use slowgrad_tape::math;
use std::cell::OnceCell;

/// How far a neuron is on the way forward.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Forward {
    /// Nothing has arrived.
    Empty,
    /// Some products are added up; another may have arrived and wait.
    Sum { value: f64, waiting: Option<(usize, f64)> },
    /// The pre-activation.
    Z(f64),
    /// The activation's latest result.
    Running(f64),
    /// The activation.
    Active(f64),
}

impl Forward {
    /// The number, if there is one.
    pub(crate) fn value(&self) -> Option<f64> {
        match *self {
            Forward::Empty => None,
            Forward::Sum { value, .. } | Forward::Z(value) | Forward::Running(value) | Forward::Active(value) => {
                Some(value)
            }
        }
    }
}

/// How far a neuron is on the way back.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Backward {
    /// Nothing has arrived.
    Nothing,
    /// ∂L/∂a so far.
    Arriving(f64),
    /// The gradient that the activation's latest chain step gave, and what it is the gradient of.
    Running(Named),
    /// δ.
    Delta(f64),
}

/// How far the loss is.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Loss {
    /// It has not begun.
    Empty,
    /// Its latest result.
    Running(f64),
    /// Its value.
    Value(f64),
}

/// Neurons that move together and have come only so far.
#[derive(Debug, Clone, Copy)]
struct Together {
    layer: usize,
    first: usize,
    end: usize,
}

/// What has come back to the neurons of a layer.
#[derive(Debug, Clone)]
enum Arrivals {
    Nothing,
    Some(Vec<Option<f64>>),
    All,
}

/// All that is known at one moment.
#[derive(Debug)]
pub(crate) struct Known<'a> {
    timeline: &'a Timeline,
    /// The step.
    pub(crate) step: &'a RecordedStep,
    /// The sample on screen; in the update the last one.
    pub(crate) sample: usize,
    /// The phase on screen.
    pub(crate) phase: Phase,
    /// All events before this one have happened.
    done: usize,
    /// Neurons that move together on the way forward: their sums are complete and their activations are not.
    sums_only: Option<Together>,
    /// Neurons that move together on the way back: their δ is known before all else is.
    early_deltas: Option<Together>,
    /// ∂L/∂ŷ so far, one an output; empty before the way back has begun.
    output_grads: Vec<Option<f64>>,
    /// For each layer what has come back to its neurons.
    arriving: Vec<OnceCell<Arrivals>>,
    /// The parameter that the update has come to.
    updating: Option<(usize, usize, usize)>,
}

impl<'a> Known<'a> {
    pub(crate) fn new(timeline: &'a Timeline, wave: &Wave) -> Self {
        let step = timeline.step();
        let shown = timeline.address(wave.events.start.min(timeline.len() - 1));
        let several = wave.events.len() > 1;
        let together = |phase: Phase, shares: std::ops::Range<f32>| {
            let is_stage = several && shown.phase == phase && shares.contains(&wave.progress);
            Together::of(timeline, wave).filter(|_| is_stage)
        };
        let arrival = if several && shown.phase == Phase::Forward { GROUP_SUMS } else { ARRIVE };
        let done = if wave.progress >= arrival { wave.events.end } else { wave.events.start };
        let mut known = Self {
            timeline,
            step,
            sample: shown.sample.unwrap_or(step.samples.len() - 1),
            phase: shown.phase,
            done,
            sums_only: together(Phase::Forward, GROUP_SUMS..GROUP_ACTIVE),
            early_deltas: together(Phase::Backward, GROUP_DELTA..ARRIVE),
            output_grads: Vec::new(),
            arriving: vec![OnceCell::new(); step.shape.layers()],
            updating: None,
        };
        known.output_grads = known.loss_chain();
        if shown.phase == Phase::Update {
            let next = (done < timeline.len()).then(|| timeline.address(done).cell);
            known.updating = match next {
                Some(Cell::Parameter { layer, neuron, input }) => Some((layer, neuron, input.unwrap_or(usize::MAX))),
                Some(Cell::Rate) => Some((0, 0, 0)),
                _ => Some((usize::MAX, 0, 0)),
            };
        }
        known
    }

    pub(crate) fn recorded(&self) -> &'a RecordedSample {
        &self.step.samples[self.sample]
    }

    fn last(&self) -> usize {
        self.step.shape.layers() - 1
    }

    /// How many of a cell's operations are done, of how many.
    fn ops(&self, phase: Phase, cell: Cell) -> (usize, usize) {
        let range = self.timeline.cell(Some(self.sample), phase, cell).unwrap_or(0..0);
        (self.done.clamp(range.start, range.end) - range.start, range.len())
    }

    /// The value of an input, once it has entered.
    pub(crate) fn input(&self, input: usize) -> Option<f64> {
        let (ops, _) = self.ops(Phase::Input, Cell::Input);
        (input < ops).then(|| self.recorded().input[input])
    }

    /// The value of whatever enters a layer.
    pub(crate) fn source(&self, layer: usize, input: usize) -> f64 {
        self.step.layer_input(self.sample, layer)[input]
    }

    /// The weights into a neuron before the step.
    pub(crate) fn weights(&self, layer: usize, neuron: usize) -> &'a [f64] {
        let fan_in = self.step.shape.fan_in(layer);
        &self.step.before.values[self.step.shape.index(Parameter { layer, neuron, input: Some(0) })..][..fan_in]
    }

    pub(crate) fn forward(&self, layer: usize, neuron: usize) -> Forward {
        let recorded = &self.recorded().layers[layer];
        let sums = 2 * self.step.shape.fan_in(layer);
        let whole = self.step.names.whole_layer[layer];
        let (mut ops, total) = self.ops(Phase::Forward, Cell::Neuron { layer, neuron });
        let held_back = self.sums_only.is_some_and(|group| group.holds(layer, neuron));
        if held_back {
            ops = ops.min(sums);
        }
        if ops == 0 {
            return Forward::Empty;
        }
        if ops < sums {
            let (w, x) = (self.weights(layer, neuron), self.step.layer_input(self.sample, layer));
            let terms = ops.div_ceil(2);
            let waiting = ops.is_multiple_of(2).then(|| (terms, w[terms] * x[terms]));
            return Forward::Sum { value: dense::dot(&w[..terms], &x[..terms]), waiting };
        }
        if whole {
            let (ops, total) = self.ops(Phase::Forward, Cell::Layer { layer });
            let is_known = ops + self.step.shape.size(layer) > total + neuron;
            return if is_known { Forward::Active(recorded.a[neuron]) } else { Forward::Z(recorded.z[neuron]) };
        }
        if ops == sums {
            return Forward::Z(recorded.z[neuron]);
        }
        if ops == total {
            return Forward::Active(recorded.a[neuron]);
        }
        let latest = self.latest(Phase::Forward, Cell::Neuron { layer, neuron }, sums, ops);
        latest.map_or(Forward::Z(recorded.z[neuron]), Forward::Running)
    }

    /// The result of the last operation (not comparison) among operations `from..ops` of a cell.
    fn latest(&self, phase: Phase, cell: Cell, from: usize, ops: usize) -> Option<f64> {
        let range = self.timeline.cell(Some(self.sample), phase, cell)?;
        (from..ops).rev().find_map(|at| match self.timeline.event(range.start + at).kind {
            EventKind::Operation { result, .. } => Some(result.value),
            _ => None,
        })
    }

    pub(crate) fn loss(&self) -> Loss {
        match self.ops(Phase::Loss, Cell::Loss) {
            (0, _) => Loss::Empty,
            (ops, total) if ops == total => Loss::Value(self.recorded().loss),
            (ops, _) => self.latest(Phase::Loss, Cell::Loss, 0, ops).map_or(Loss::Empty, Loss::Running),
        }
    }

    /// Whether the loss has begun to look at the outputs.
    pub(crate) fn is_compared(&self) -> bool {
        self.phase >= Phase::Loss
    }

    /// Whether the way back has begun: ∂L/∂L = 1.
    pub(crate) fn is_seeded(&self) -> bool {
        self.ops(Phase::Backward, Cell::Loss).0 > 0
    }

    /// ∂L/∂ŷ of every output as far as the loss's chain rule has come.
    fn loss_chain(&self) -> Vec<Option<f64>> {
        let recorded = self.recorded();
        let outputs = self.step.shape.outputs();
        let (ops, total) = self.ops(Phase::Backward, Cell::Loss);
        if ops == total {
            return recorded.layers[self.last()].grad_a.iter().copied().map(Some).collect();
        }
        let mut answer = vec![None; outputs];
        if ops < 2 {
            return answer;
        }
        let trace = &recorded.loss_trace;
        let (mut values, mut grads) = (Vec::new(), Vec::new());
        trace.evaluate(&self.step.loss_inputs(self.sample), &mut values);
        trace.seed(&[1.0], &mut grads);
        for step in &trace.chain()[..ops - 1] {
            let (_, _, after) = trace.chain_values(step, &values, &grads);
            grads[step.into.index()] = after;
            if let Some(output) = answer.get_mut(step.into.index()) {
                *output = Some(after);
            }
        }
        answer
    }

    /// ∂L/∂a of a neuron so far.
    pub(crate) fn grad_a(&self, layer: usize, neuron: usize) -> Option<f64> {
        if layer == self.last() {
            return self.output_grads[neuron];
        }
        match self.arriving[layer].get_or_init(|| self.arrivals(layer)) {
            Arrivals::Nothing => None,
            Arrivals::Some(sums) => sums[neuron],
            Arrivals::All => Some(self.recorded().layers[layer].grad_a[neuron]),
        }
    }

    /// What the neurons of the next layer have sent back to a layer's neurons so far. They send one after the other, and
    /// each to one neuron after the other.
    fn arrivals(&self, layer: usize) -> Arrivals {
        let shape = &self.step.shape;
        let next = layer + 1;
        let (width, height) = (shape.size(layer), shape.size(next));
        // Its own operations, the gradients of its parameters, and then its shares.
        let sent = |from: usize| {
            let (ops, total) = self.ops(Phase::Backward, Cell::Neuron { layer: next, neuron: from });
            (ops + width).saturating_sub(total)
        };
        let (mut low, mut high) = (0, height);
        while low < high {
            let middle = usize::midpoint(low, high);
            if sent(middle) == width { low = middle + 1 } else { high = middle }
        }
        let partly = if low < height { sent(low) } else { 0 };
        if low == height {
            return Arrivals::All;
        }
        if low == 0 && partly == 0 {
            return Arrivals::Nothing;
        }
        let delta = &self.recorded().layers[next].delta;
        // Row by row, as the step itself adds them up.
        let mut sums = vec![0.0; width];
        dense::backward_one(&self.step.before.values[shape.weights(next)][..low * width], &delta[..low], &mut sums);
        let last = self.weights(next, low)[..partly].iter().map(|w| (*w, delta[low]));
        for (sum, (w, delta)) in sums.iter_mut().zip(last) {
            *sum = if low == 0 { w * delta } else { math::fma(w, delta, *sum) };
        }
        let count = if low == 0 { partly } else { width };
        Arrivals::Some(sums.into_iter().enumerate().map(|(at, sum)| (at < count).then_some(sum)).collect())
    }

    pub(crate) fn backward(&self, layer: usize, neuron: usize) -> Backward {
        if self.phase < Phase::Backward {
            return Backward::Nothing;
        }
        let fan_in = self.step.shape.fan_in(layer);
        let cell = Cell::Neuron { layer, neuron };
        let (ops, total) = self.ops(Phase::Backward, cell);
        let own = total - 2 - fan_in * if layer > 0 { 2 } else { 1 };
        if ops > own || self.early_deltas.is_some_and(|group| group.holds(layer, neuron)) {
            return Backward::Delta(self.recorded().layers[layer].delta[neuron]);
        }
        if ops > 0
            && let Some(range) = self.timeline.cell(Some(self.sample), Phase::Backward, cell)
            && let EventKind::Chain { mut operands, into, after, .. } = self.timeline.event(range.start + ops - 1).kind
        {
            return Backward::Running(Named { name: std::mem::take(&mut operands[into].name), value: after });
        }
        self.grad_a(layer, neuron).map_or(Backward::Nothing, Backward::Arriving)
    }

    /// ∂L/∂w of this sample, once the chain rule has come to it.
    pub(crate) fn gradient(&self, layer: usize, neuron: usize, input: usize) -> Option<f64> {
        let (ops, total) = self.ops(Phase::Backward, Cell::Neuron { layer, neuron });
        let own = total - 2 - self.step.shape.fan_in(layer) * if layer > 0 { 2 } else { 1 };
        let delta = self.recorded().layers[layer].delta[neuron];
        (ops > own + 2 + input).then(|| delta * self.source(layer, input))
    }

    /// Whether the update has already moved a parameter.
    pub(crate) fn is_updated(&self, layer: usize, neuron: usize, input: Option<usize>) -> bool {
        self.updating.is_some_and(|reached| (layer, neuron, input.unwrap_or(usize::MAX)) < reached)
    }

    /// The present value of a parameter.
    pub(crate) fn parameter(&self, layer: usize, neuron: usize, input: Option<usize>) -> f64 {
        let (old, new) = self.old_and_new(layer, neuron, input);
        if self.is_updated(layer, neuron, input) { new } else { old }
    }

    /// Whether a parameter is held fast.
    pub(crate) fn is_frozen(&self, layer: usize, neuron: usize, input: Option<usize>) -> bool {
        self.step.frozen.contains(&self.step.shape.index(Parameter { layer, neuron, input }))
    }

    /// A parameter before and after the step.
    pub(crate) fn old_and_new(&self, layer: usize, neuron: usize, input: Option<usize>) -> (f64, f64) {
        let index = self.step.shape.index(Parameter { layer, neuron, input });
        (self.step.before.values[index], self.step.after.values[index])
    }
}

impl Together {
    /// The neurons whose events a wave covers from their first to their last.
    fn of(timeline: &Timeline, wave: &Wave) -> Option<Self> {
        let first = timeline.address(wave.events.start.min(timeline.len() - 1));
        let last = timeline.address(wave.events.end.checked_sub(1)?);
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

    fn holds(&self, layer: usize, neuron: usize) -> bool {
        layer == self.layer && (self.first..self.end).contains(&neuron)
    }
}
