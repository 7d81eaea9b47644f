//! A recorded step as a sequence of events that are computed when asked for.
//!
//! The timeline keeps one small entry a cell (a neuron, a loss, a parameter), sorted by the index of its
//! first event; an event is found by binary search and computed from the recorded step. Memory does not
//! grow with the number of events.

use crate::event::{Address, Cell, Event, EventKind, Named, Phase};
use crate::granularity::Granularity;
use crate::scene::Target;
use slowgrad_engine::dense;
use slowgrad_engine::record::RecordedStep;
use slowgrad_engine::shape::Parameter;
use slowgrad_tape::{Instruction, Site, Trace, ValueId, math};
use std::ops::Range;
use std::sync::Arc;

/// A cell in one phase of one sample, and where its events begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Entry {
    start: usize,
    sample: Option<usize>,
    phase: Phase,
    cell: Cell,
}

/// All events of one training step.
#[derive(Debug, Clone)]
pub struct Timeline {
    step: Arc<RecordedStep>,
    entries: Vec<Entry>,
    len: usize,
}

impl Timeline {
    /// The timeline of a recorded step.
    pub fn new(step: Arc<RecordedStep>) -> Self {
        let mut timeline = Self { step, entries: Vec::new(), len: 0 };
        timeline.lay_out();
        timeline
    }

    /// The step it shows.
    pub fn step(&self) -> &RecordedStep {
        &self.step
    }

    /// Number of events.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Number of cells: what the timeline's memory grows with.
    pub fn cells(&self) -> usize {
        self.entries.len()
    }

    /// Never true: every step has events.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The address of an event.
    pub fn address(&self, index: usize) -> Address {
        let entry = self.entries[self.entry(index)];
        Address {
            step: self.step.step,
            sample: entry.sample,
            phase: entry.phase,
            cell: entry.cell,
            operation: index - entry.start,
        }
    }

    /// The event at an address, if the step has it.
    pub fn locate(&self, address: &Address) -> Option<usize> {
        let at = self.entries.binary_search_by_key(&self.rank(address.sample, address.phase, address.cell), |entry| {
            self.rank(entry.sample, entry.phase, entry.cell)
        });
        let at = at.ok().filter(|_| address.step == self.step.step)?;
        let index = self.entries[at].start + address.operation;
        (index < self.end(at)).then_some(index)
    }

    /// Where in another run's timeline of the same step a place of this one is: at the same operation where the other has
    /// it, else as far through the same neuron, parameter or loss, or else where that would be. Both networks have the
    /// same shape. `index` may be one past the last event.
    pub fn counterpart(&self, index: usize, other: &Timeline) -> usize {
        if index >= self.len {
            return other.len;
        }
        let here = self.entry(index);
        let entry = self.entries[here];
        let rank = self.rank(entry.sample, entry.phase, entry.cell);
        let there = other.entries.partition_point(|entry| other.rank(entry.sample, entry.phase, entry.cell) < rank);
        let Some(same) = other.entries.get(there) else { return other.len };
        if other.rank(same.sample, same.phase, same.cell) != rank {
            return same.start;
        }
        let (mine, theirs) = (self.end(here) - entry.start, other.end(there) - same.start);
        same.start + (index - entry.start) * theirs / mine
    }

    /// The events of the unit of this granularity that holds an event.
    pub fn unit(&self, index: usize, granularity: Granularity) -> Range<usize> {
        if granularity == Granularity::Operation {
            return index..index + 1;
        }
        let at = self.entry(index);
        let same = |other: &Entry| Self::same_unit(&self.entries[at], other, granularity);
        // A unit is a run of entries, so both ends are found by bisection on each side.
        let first = self.entries[..at].partition_point(|entry| !same(entry));
        let last = at + self.entries[at..].partition_point(|entry| same(entry));
        self.entries[first].start..self.end(last - 1)
    }

    /// The phases of the step in order, one a sample (the update once), with their events.
    pub fn phases(&self) -> Vec<(Phase, Option<usize>, Range<usize>)> {
        let mut phases = Vec::new();
        let mut index = 0;
        while index < self.len {
            let address = self.address(index);
            let unit = self.unit(index, Granularity::Phase);
            index = unit.end;
            phases.push((address.phase, address.sample, unit));
        }
        phases
    }

    /// The events of a phase of a sample (the update has no sample).
    pub fn phase(&self, phase: Phase, sample: Option<usize>) -> Option<Range<usize>> {
        let first = self.entries.iter().find(|entry| entry.phase == phase && entry.sample == sample)?;
        Some(self.unit(first.start, Granularity::Phase))
    }

    /// The first event of a cell in a phase of a sample, and one past its last.
    pub fn cell(&self, sample: Option<usize>, phase: Phase, cell: Cell) -> Option<Range<usize>> {
        let first = self.locate(&Address { step: self.step.step, sample, phase, cell, operation: 0 })?;
        let at = self.entry(first);
        Some(first..self.end(at))
    }

    /// Computes an event.
    ///
    /// # Panics
    /// When the index is not below [`Timeline::len`].
    pub fn event(&self, index: usize) -> Event {
        assert!(index < self.len, "event {index} of {}", self.len);
        let address = self.address(index);
        let (kind, target, site) = match (address.phase, address.cell) {
            (Phase::Input, _) => self.enter(&address),
            (Phase::Forward, Cell::Neuron { layer, neuron }) => self.forward(&address, layer, neuron),
            (Phase::Forward, _) => self.layer_activation(&address),
            (Phase::Loss, _) => self.loss(&address),
            (Phase::Backward, Cell::Neuron { layer, neuron }) => self.backward(&address, layer, neuron),
            (Phase::Backward, Cell::Layer { layer }) => self.layer_backward(&address, layer),
            (Phase::Backward, _) => self.loss_backward(&address),
            (Phase::Update, Cell::Rate) => self.rate(&address),
            (Phase::Update, _) => self.update(&address),
        };
        let location = site.and_then(|(trace, site)| trace.location(&site));
        Event { index, address, kind, target, location }
    }

    fn entry(&self, index: usize) -> usize {
        self.entries.partition_point(|entry| entry.start <= index) - 1
    }

    fn end(&self, entry: usize) -> usize {
        self.entries.get(entry + 1).map_or(self.len, |next| next.start)
    }

    /// Entries in the order of the mathematics compare by this key.
    fn rank(&self, sample: Option<usize>, phase: Phase, cell: Cell) -> (usize, Phase, usize, usize, usize) {
        let layers = self.step.shape.layers();
        let sample = sample.unwrap_or(usize::MAX);
        // Backward goes from the last layer to the first; a whole layer's activation comes after its
        // neurons on the way forward and before them on the way back.
        let (layer, neuron, last) = match (phase, cell) {
            (Phase::Backward, Cell::Neuron { layer, neuron }) => (layers - layer, neuron + 1, 0),
            (Phase::Backward, Cell::Layer { layer }) => (layers - layer, 0, 0),
            (_, Cell::Neuron { layer, neuron }) => (layer, neuron, 0),
            (_, Cell::Layer { layer }) => (layer, usize::MAX, 0),
            (_, Cell::Parameter { layer, neuron, input }) => (layer + 1, neuron, input.unwrap_or(usize::MAX)),
            (_, Cell::Input | Cell::Loss | Cell::Rate) => (0, 0, 0),
        };
        (sample, phase, layer, neuron, last)
    }

    /// For `unit`, which compares an entry with others on one side of it only: there, entries of the same
    /// unit are a run that touches it.
    fn same_unit(a: &Entry, b: &Entry, granularity: Granularity) -> bool {
        match granularity {
            Granularity::Step => true,
            Granularity::Phase => a.phase == b.phase && a.sample == b.sample,
            Granularity::Layer => a.phase == b.phase && a.sample == b.sample && a.cell.layer() == b.cell.layer(),
            Granularity::Neuron | Granularity::Operation => a == b,
        }
    }

    fn lay_out(&mut self) {
        let step = Arc::clone(&self.step);
        let shape = &step.shape;
        let whole = &step.names.whole_layer;
        for (s, sample) in step.samples.iter().enumerate() {
            let s = Some(s);
            self.add(s, Phase::Input, Cell::Input, shape.inputs());
            for (layer, recorded) in sample.layers.iter().enumerate() {
                let sums = 2 * shape.fan_in(layer);
                for neuron in 0..shape.size(layer) {
                    let own = if whole[layer] { 0 } else { recorded.traces[neuron].instructions().len() + 1 };
                    self.add(s, Phase::Forward, Cell::Neuron { layer, neuron }, sums + own);
                }
                if whole[layer] {
                    let events = recorded.traces[0].instructions().len() + shape.size(layer);
                    self.add(s, Phase::Forward, Cell::Layer { layer }, events);
                }
            }
            self.add(s, Phase::Loss, Cell::Loss, sample.loss_trace.instructions().len() + 1);
            self.add(s, Phase::Backward, Cell::Loss, 1 + sample.loss_trace.chain().len());
            for (layer, recorded) in sample.layers.iter().enumerate().rev() {
                if whole[layer] {
                    let chain = recorded.traces[0].chain().len();
                    if chain > 0 {
                        self.add(s, Phase::Backward, Cell::Layer { layer }, chain);
                    }
                }
                let connections = shape.fan_in(layer) * if layer > 0 { 2 } else { 1 };
                for neuron in 0..shape.size(layer) {
                    let own = if whole[layer] { 0 } else { recorded.traces[neuron].chain().len() };
                    self.add(s, Phase::Backward, Cell::Neuron { layer, neuron }, own + 2 + connections);
                }
            }
        }
        if let Some(rate) = &step.rate {
            self.add(None, Phase::Update, Cell::Rate, rate.trace.instructions().len() + 1);
        }
        for layer in 0..shape.layers() {
            for neuron in 0..shape.size(layer) {
                for input in (0..shape.fan_in(layer)).map(Some).chain([None]) {
                    let index = shape.index(Parameter { layer, neuron, input });
                    let penalty = step.penalty_trace(index).map_or(0, |trace| penalty_events(trace));
                    let is_frozen = step.frozen.contains(&index);
                    let own = if is_frozen { 0 } else { step.update_traces[index].instructions().len() };
                    let events = self.averages() + penalty + own + 1;
                    self.add(None, Phase::Update, Cell::Parameter { layer, neuron, input }, events);
                }
            }
        }
    }

    fn add(&mut self, sample: Option<usize>, phase: Phase, cell: Cell, events: usize) {
        self.entries.push(Entry { start: self.len, sample, phase, cell });
        self.len += events;
    }

    /// Averaging over a single sample is no operation.
    fn averages(&self) -> usize {
        usize::from(self.step.samples.len() > 1)
    }

    fn enter(&self, address: &Address) -> Made<'_> {
        let input = address.operation;
        let value = self.step.samples[address.sample.unwrap_or(0)].input[input];
        (EventKind::Enter { input, value }, Target::Input(input), None)
    }

    fn forward(&self, address: &Address, layer: usize, neuron: usize) -> Made<'_> {
        let (step, s) = (&*self.step, address.sample.unwrap_or(0));
        let x = step.layer_input(s, layer);
        let recorded = &step.samples[s].layers[layer];
        let here = Target::Neuron { layer, neuron };
        let sums = 2 * x.len();
        if address.operation >= sums {
            let trace = step.activation_trace(s, layer, neuron);
            let at = address.operation - sums;
            let Some(instruction) = trace.instructions().get(at) else {
                let activation = step.names.activations[layer].clone();
                let kind = EventKind::Activated { activation, neuron, z: recorded.z[neuron], a: recorded.a[neuron] };
                return (kind, here, closing(trace, 0));
            };
            let (kind, site) = run(trace, &step.activation_inputs(s, layer, neuron), *instruction);
            return (kind, here, site.map(|site| (&**trace, site)));
        }
        let weights = step.shape.index(Parameter { layer, neuron, input: Some(0) });
        let w = &step.before.values[weights..][..x.len()];
        if address.operation == sums - 1 {
            let bias = step.before.values[step.shape.index(Parameter { layer, neuron, input: None })];
            let kind = EventKind::AddBias { sum: dense::dot(w, x), bias, z: recorded.z[neuron] };
            return (kind, Target::Bias { layer, neuron }, None);
        }
        let input = address.operation.div_ceil(2);
        let (weight, x_i) = (w[input], x[input]);
        let target = Target::Weight { layer, neuron, input };
        if address.operation.is_multiple_of(2) && address.operation > 0 {
            let before = dense::dot(&w[..input], &x[..input]);
            let sum = math::fma(weight, x_i, before);
            return (EventKind::Accumulate { input, weight, x: x_i, before, sum }, target, None);
        }
        (EventKind::Product { input, weight, x: x_i, product: weight * x_i }, target, None)
    }

    fn layer_activation(&self, address: &Address) -> Made<'_> {
        let (step, s) = (&*self.step, address.sample.unwrap_or(0));
        let layer = address.cell.layer().unwrap_or(0);
        let trace = step.activation_trace(s, layer, 0);
        let count = trace.instructions().len();
        if let Some(instruction) = trace.instructions().get(address.operation) {
            let (kind, site) = run(trace, &step.activation_inputs(s, layer, 0), *instruction);
            let neuron = self.neuron_of(trace, *instruction, layer);
            return (kind, Target::Neuron { layer, neuron }, site.map(|site| (&**trace, site)));
        }
        let neuron = address.operation - count;
        let recorded = &step.samples[s].layers[layer];
        let activation = step.names.activations[layer].clone();
        let kind = EventKind::Activated { activation, neuron, z: recorded.z[neuron], a: recorded.a[neuron] };
        (kind, Target::Neuron { layer, neuron }, closing(trace, neuron))
    }

    /// The neuron whose value an operation of a whole layer's activation is nearest to: the one whose z is
    /// among its operands, or the one whose result it is, else the first.
    fn neuron_of(&self, trace: &Trace, instruction: Instruction, layer: usize) -> usize {
        let Instruction::Compute(id) = instruction else { return 0 };
        let size = self.step.shape.size(layer);
        let result = trace.outputs().iter().position(|&output| output == id);
        let node = trace.node(id);
        let operand = node.operands[..node.op.arity()].iter().map(|id| id.index()).find(|&i| i < size);
        result.or(operand).unwrap_or(0)
    }

    fn loss(&self, address: &Address) -> Made<'_> {
        let (step, s) = (&*self.step, address.sample.unwrap_or(0));
        let sample = &step.samples[s];
        let trace = &sample.loss_trace;
        match trace.instructions().get(address.operation) {
            Some(instruction) => {
                let (kind, site) = run(trace, &step.loss_inputs(s), *instruction);
                (kind, Target::Loss, site.map(|site| (&**trace, site)))
            }
            None => {
                let kind = EventKind::LossValue { loss: step.names.loss.clone(), value: sample.loss };
                (kind, Target::Loss, closing(trace, 0))
            }
        }
    }

    fn loss_backward(&self, address: &Address) -> Made<'_> {
        let s = address.sample.unwrap_or(0);
        let trace = &self.step.samples[s].loss_trace;
        let Some(at) = address.operation.checked_sub(1) else {
            return (EventKind::Seed, Target::Loss, closing(trace, 0));
        };
        let (kind, into, site) = chain(trace, &self.step.loss_inputs(s), &[1.0], at);
        // The gradient that reaches an output belongs to the output neuron.
        let layer = self.step.shape.layers() - 1;
        let target =
            if into < self.step.shape.outputs() { Target::Neuron { layer, neuron: into } } else { Target::Loss };
        (kind, target, site.map(|site| (&**trace, site)))
    }

    fn layer_backward(&self, address: &Address, layer: usize) -> Made<'_> {
        let s = address.sample.unwrap_or(0);
        let recorded = &self.step.samples[s].layers[layer];
        let trace = self.step.activation_trace(s, layer, 0);
        let inputs = self.step.activation_inputs(s, layer, 0);
        let (kind, into, site) = chain(trace, &inputs, &recorded.grad_a, address.operation);
        let neuron = if into < recorded.z.len() {
            into
        } else {
            self.neuron_of(trace, Instruction::Compute(trace.chain()[address.operation].node), layer)
        };
        (kind, Target::Neuron { layer, neuron }, site.map(|site| (&**trace, site)))
    }

    fn backward(&self, address: &Address, layer: usize, neuron: usize) -> Made<'_> {
        let (step, s) = (&*self.step, address.sample.unwrap_or(0));
        let recorded = &step.samples[s].layers[layer];
        let here = Target::Neuron { layer, neuron };
        let trace = step.activation_trace(s, layer, neuron);
        let own = if step.names.whole_layer[layer] { 0 } else { trace.chain().len() };
        if address.operation < own {
            let inputs = step.activation_inputs(s, layer, neuron);
            let (kind, _, site) = chain(trace, &inputs, &[recorded.grad_a[neuron]], address.operation);
            return (kind, here, site.map(|site| (&**trace, site)));
        }
        let delta = recorded.delta[neuron];
        let earlier = |sum: f64| (s > 0).then_some(sum);
        match address.operation - own {
            0 => (EventKind::Delta { neuron, grad_a: recorded.grad_a[neuron], delta }, here, None),
            1 => {
                let deltas = step.samples[..s].iter().map(|sample| sample.layers[layer].delta[neuron]);
                let before = deltas.reduce(|sum, delta| sum + delta).unwrap_or(0.0);
                let sum = if s > 0 { before + delta } else { delta };
                (EventKind::BiasGrad { delta, before: earlier(before), sum }, Target::Bias { layer, neuron }, None)
            }
            at => {
                let fan_in = step.shape.fan_in(layer);
                let (input, is_weight) = ((at - 2) % fan_in, at - 2 < fan_in);
                let target = Target::Weight { layer, neuron, input };
                if is_weight {
                    let x = step.layer_input(s, layer)[input];
                    let before = self.batch_sum(layer, neuron, input, s);
                    let sum = if s > 0 { math::fma(delta, x, before) } else { delta * x };
                    let contribution = delta * x;
                    return (
                        EventKind::WeightGrad { input, delta, x, contribution, before: earlier(before), sum },
                        target,
                        None,
                    );
                }
                let weight =
                    |j: usize| step.before.values[step.shape.index(Parameter { layer, neuron: j, input: Some(input) })];
                let mut before = None;
                for (j, &delta) in recorded.delta[..neuron].iter().enumerate() {
                    before = Some(before.map_or(weight(j) * delta, |sum| math::fma(weight(j), delta, sum)));
                }
                let w = weight(neuron);
                let sum = before.map_or(w * delta, |sum| math::fma(w, delta, sum));
                (EventKind::Backprop { input, weight: w, delta, contribution: w * delta, before, sum }, target, None)
            }
        }
    }

    /// A weight's gradient summed over the first samples of the batch.
    fn batch_sum(&self, layer: usize, neuron: usize, input: usize, samples: usize) -> f64 {
        let mut sum = 0.0;
        for s in 0..samples {
            let (delta, x) = (self.step.samples[s].layers[layer].delta[neuron], self.step.layer_input(s, layer)[input]);
            sum = if s == 0 { delta * x } else { math::fma(delta, x, sum) };
        }
        sum
    }

    /// The schedule's operations, and the learning rate that comes of them. It belongs to no part of the network;
    /// it stands with the loss, which it decides how fast to follow.
    fn rate(&self, address: &Address) -> Made<'_> {
        let Some(rate) = &self.step.rate else { unreachable!("only a schedule makes such a cell") };
        match rate.trace.instructions().get(address.operation) {
            Some(instruction) => {
                let (kind, site) = run(&rate.trace, &rate.inputs, *instruction);
                (kind, Target::Loss, site.map(|site| (&*rate.trace, site)))
            }
            None => {
                let (schedule, base, factor, lr) = (rate.schedule.clone(), rate.base, rate.factor, rate.lr);
                (EventKind::Rate { schedule, base, factor, lr }, Target::Loss, closing(&rate.trace, 0))
            }
        }
    }

    /// The penalty of a weight, its chain rule, and the share that this adds to the gradient.
    fn penalty(&self, trace: &'_ Trace, parameter: usize, at: usize) -> (EventKind, Option<Site>) {
        let step = &*self.step;
        let inputs = step.penalty_inputs(parameter);
        if let Some(instruction) = trace.instructions().get(at) {
            return run(trace, &inputs, *instruction);
        }
        let at = at - trace.instructions().len();
        if at < trace.chain().len() {
            let (kind, _, site) = chain(trace, &inputs, &[1.0], at);
            return (kind, site);
        }
        let penalty = step.penalty.as_ref();
        let kind = EventKind::Penalized {
            regularizer: penalty.map_or_else(String::new, |penalty| penalty.regularizer.clone()),
            mean: step.mean_grad(parameter),
            share: penalty.map_or(0.0, |penalty| penalty.shares[parameter]),
            grad: step.grads[parameter],
        };
        (kind, closing(trace, 0).map(|(_, site)| site))
    }

    fn update(&self, address: &Address) -> Made<'_> {
        let step = &*self.step;
        let Cell::Parameter { layer, neuron, input } = address.cell else {
            unreachable!("the update's cells are parameters")
        };
        let target = match input {
            Some(input) => Target::Weight { layer, neuron, input },
            None => Target::Bias { layer, neuron },
        };
        let index = step.shape.index(Parameter { layer, neuron, input });
        let Some(mut at) = address.operation.checked_sub(self.averages()) else {
            let (sum, mean) = (step.grad_sums[index], step.mean_grad(index));
            return (EventKind::Average { sum, count: step.samples.len(), mean }, target, None);
        };
        if let Some(trace) = step.penalty_trace(index) {
            if at < penalty_events(trace) {
                let (kind, site) = self.penalty(trace, index, at);
                return (kind, target, site.map(|site| (&**trace, site)));
            }
            at -= penalty_events(trace);
        }
        if step.frozen.contains(&index) {
            return (EventKind::Frozen { value: step.before.values[index] }, target, None);
        }
        let trace = &step.update_traces[index];
        match trace.instructions().get(at) {
            Some(instruction) => {
                let (kind, site) = run(trace, &step.update_inputs(index), *instruction);
                (kind, target, site.map(|site| (&**trace, site)))
            }
            None => {
                let (old, new) = (step.before.values[index], step.after.values[index]);
                let kind = EventKind::Updated { optimizer: step.names.optimizer.clone(), old, new };
                (kind, target, closing(trace, 0))
            }
        }
    }
}

/// A penalty's operations, its chain rule, and the sum that its share joins.
pub(crate) fn penalty_events(trace: &Trace) -> usize {
    trace.instructions().len() + trace.chain().len() + 1
}

type Made<'a> = (EventKind, Target, Option<(&'a Trace, Site)>);

/// Where a call's result came from: the expression of the result itself, else (a branch that hands an input
/// through) the last thing that the script did.
fn closing(trace: &Trace, output: usize) -> Option<(&Trace, Site)> {
    let of_result = trace.node(trace.outputs()[output]).site;
    let site = of_result.or_else(|| match trace.instructions().last()? {
        Instruction::Compute(id) => trace.node(*id).site,
        Instruction::Compare(guard) => trace.guards()[*guard].site,
    });
    site.map(|site| (trace, site))
}

/// A node's name: that of the input, the number of a constant, the script's variable, or t₁, t₂ … in the
/// order of the operations.
pub(crate) fn name_of(trace: &Trace, id: ValueId) -> String {
    let node = trace.node(id);
    if node.op.arity() == 0 {
        let named = id.index() < trace.inputs();
        return if named { trace.input_name(id.index()).to_owned() } else { crate::words::number(node.constant, 6) };
    }
    if let Some(name) = trace.variable(id) {
        return distinct(trace, id, name);
    }
    let computed = trace.instructions().iter().filter(|instruction| matches!(instruction, Instruction::Compute(_)));
    let nth =
        computed.take_while(|instruction| !matches!(instruction, Instruction::Compute(other) if *other == id)).count();
    format!("t{}", nth + 1)
}

/// A variable's name, told apart from other values that had it: the state that an update starts from and its new
/// value are m and m′, and the values of a loop's variable are d₁, d₂ …
fn distinct(trace: &Trace, id: ValueId, name: &str) -> String {
    let is_same = |other: ValueId| trace.node(other).op.arity() > 0 && trace.variable(other) == Some(name);
    let last = |name: &'_ str| name.rsplit('.').next().map(str::to_owned);
    let is_input = |k: usize| last(trace.input_name(k)) == last(name);
    let starts = (0..trace.inputs()).any(is_input);
    let instructions = trace.instructions().iter().filter_map(|instruction| match instruction {
        Instruction::Compute(other) => Some(*other),
        Instruction::Compare(_) => None,
    });
    let same: Vec<ValueId> = instructions.filter(|other| is_same(*other)).collect();
    let nth = same.iter().position(|other| *other == id).unwrap_or(0);
    match (starts, same.len()) {
        (false, 1) => name.to_owned(),
        (true, 1..=3) => format!("{name}{}", "′".repeat(nth + 1)),
        _ => {
            let digits = (nth + 1).to_string();
            let lowered = digits.bytes().filter_map(|digit| char::from_u32(0x2080 + u32::from(digit - b'0')));
            // A name that ends in a digit has its index already.
            let gap = if name.ends_with(|c: char| c.is_ascii_digit()) { "," } else { "" };
            format!("{name}{gap}{}", lowered.collect::<String>())
        }
    }
}

pub(crate) fn named(trace: &Trace, values: &[f64], id: ValueId) -> Named {
    Named { name: name_of(trace, id), value: values[id.index()] }
}

/// One instruction of a call with its numbers.
fn run(trace: &Trace, inputs: &[f64], instruction: Instruction) -> (EventKind, Option<Site>) {
    let mut values = Vec::new();
    trace.evaluate(inputs, &mut values);
    match instruction {
        Instruction::Compute(id) => {
            let node = trace.node(id);
            let operands = node.operands[..node.op.arity()].iter().map(|&id| named(trace, &values, id)).collect();
            (EventKind::Operation { op: node.op, operands, result: named(trace, &values, id) }, node.site)
        }
        Instruction::Compare(guard) => {
            let guard = &trace.guards()[guard];
            let (a, b) = (named(trace, &values, guard.a), named(trace, &values, guard.b));
            (EventKind::Ask { compare: guard.compare, a, b, answer: guard.result }, guard.site)
        }
    }
}

/// The `at`-th chain step of a call with its numbers, and the node that the gradient flows into.
fn chain(trace: &Trace, inputs: &[f64], seeds: &[f64], at: usize) -> (EventKind, usize, Option<Site>) {
    let (mut values, mut grads) = (Vec::new(), Vec::new());
    trace.evaluate(inputs, &mut values);
    trace.seed(seeds, &mut grads);
    for step in &trace.chain()[..at] {
        let (_, _, after) = trace.chain_values(step, &values, &grads);
        grads[step.into.index()] = after;
    }
    let step = &trace.chain()[at];
    let (local, contribution, after) = trace.chain_values(step, &values, &grads);
    let node = trace.node(step.node);
    let kind = EventKind::Chain {
        op: node.op,
        of: named(trace, &values, step.node),
        operands: node.operands[..node.op.arity()].iter().map(|&id| named(trace, &values, id)).collect(),
        into: usize::from(step.operand),
        upstream: grads[step.node.index()],
        local,
        contribution,
        before: (!step.first).then(|| grads[step.into.index()]),
        after,
    };
    (kind, step.into.index(), node.site)
}
