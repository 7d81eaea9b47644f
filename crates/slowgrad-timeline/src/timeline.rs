//! A recorded step as a sequence of events that are computed when asked for.
//!
//! The timeline keeps one small entry a cell (a neuron, a loss, a parameter), sorted by the index of its
//! first event; an event is found by binary search and computed from the recorded step. Memory does not
//! grow with the number of events.

use crate::event::{Address, Cell, Event, EventKind, Named, Phase};
use crate::events::cell_plan::{CellOperation, CellPlan};
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

    /// The event with which a cell computes this, if the step has it.
    pub(crate) fn find(
        &self,
        sample: Option<usize>,
        phase: Phase,
        cell: Cell,
        operation: CellOperation,
    ) -> Option<usize> {
        let start = self.cell(sample, phase, cell)?.start;
        Some(start + CellPlan::of(&self.step, sample, phase, cell).number(operation)?)
    }

    /// Computes an event.
    ///
    /// # Panics
    /// When the index is not below [`Timeline::len`].
    pub fn event(&self, index: usize) -> Event {
        assert!(index < self.len, "event {index} of {}", self.len);
        let address = self.address(index);
        let plan = CellPlan::of(&self.step, address.sample, address.phase, address.cell);
        let Some(operation) = plan.operation(address.operation) else {
            unreachable!("cells are laid out by their plans")
        };
        let (kind, target, site) = self.compute(&address, operation);
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
        let neurons = |layer: usize| (0..shape.size(layer)).map(move |neuron| Cell::Neuron { layer, neuron });
        for sample in (0..step.samples.len()).map(Some) {
            self.add(sample, Phase::Input, Cell::Input);
            for layer in 0..shape.layers() {
                neurons(layer).for_each(|cell| self.add(sample, Phase::Forward, cell));
                self.add(sample, Phase::Forward, Cell::Layer { layer });
            }
            self.add(sample, Phase::Loss, Cell::Loss);
            self.add(sample, Phase::Backward, Cell::Loss);
            for layer in (0..shape.layers()).rev() {
                self.add(sample, Phase::Backward, Cell::Layer { layer });
                neurons(layer).for_each(|cell| self.add(sample, Phase::Backward, cell));
            }
        }
        self.add(None, Phase::Update, Cell::Rate);
        for layer in 0..shape.layers() {
            for neuron in 0..shape.size(layer) {
                for input in (0..shape.fan_in(layer)).map(Some).chain([None]) {
                    self.add(None, Phase::Update, Cell::Parameter { layer, neuron, input });
                }
            }
        }
    }

    /// Appends a cell, unless the step has no operation for it.
    fn add(&mut self, sample: Option<usize>, phase: Phase, cell: Cell) {
        let operations = CellPlan::of(&self.step, sample, phase, cell).len();
        if operations > 0 {
            self.entries.push(Entry { start: self.len, sample, phase, cell });
            self.len += operations;
        }
    }

    /// What an operation of a cell computes, the element it belongs to, and where it is in the cell's script.
    fn compute(&self, address: &Address, operation: CellOperation) -> Made<'_> {
        let (step, sample) = (&*self.step, address.sample.unwrap_or(0));
        match operation {
            CellOperation::Enter { input } => {
                let value = step.samples[sample].input[input];
                (EventKind::Enter { input, value }, Target::Input(input), None)
            }
            CellOperation::Product { .. } | CellOperation::Accumulate { .. } | CellOperation::AddBias => {
                self.weighted_sum(sample, address.cell, operation)
            }
            CellOperation::Script { instruction } => self.script(address, instruction),
            CellOperation::Chain { step } => self.chain(address, step),
            CellOperation::Activated { output } => self.activated(sample, address.cell, output),
            CellOperation::LossValue => {
                let recorded = &step.samples[sample];
                let kind = EventKind::LossValue { loss: step.names.loss.clone(), value: recorded.loss };
                (kind, Target::Loss, closing(&recorded.loss_trace, 0))
            }
            CellOperation::Seed => (EventKind::Seed, Target::Loss, closing(&step.samples[sample].loss_trace, 0)),
            CellOperation::Delta
            | CellOperation::BiasGrad
            | CellOperation::WeightGrad { .. }
            | CellOperation::Backprop { .. } => self.backward(sample, address.cell, operation),
            CellOperation::Rate => {
                let Some(rate) = &step.rate else { unreachable!("only a schedule has this cell") };
                let (schedule, base, factor, lr) = (rate.schedule.clone(), rate.base, rate.factor, rate.lr);
                (EventKind::Rate { schedule, base, factor, lr }, Target::Loss, closing(&rate.trace, 0))
            }
            CellOperation::Average
            | CellOperation::Penalty { .. }
            | CellOperation::PenaltyChain { .. }
            | CellOperation::Penalized
            | CellOperation::Updated
            | CellOperation::Frozen => self.update(address.cell, operation),
        }
    }

    fn weighted_sum(&self, sample: usize, cell: Cell, operation: CellOperation) -> Made<'_> {
        let (step, (layer, neuron)) = (&*self.step, cell.layer_and_neuron());
        let x = step.layer_input(sample, layer);
        let weights = step.shape.index(Parameter { layer, neuron, input: Some(0) });
        let w = &step.before.values[weights..][..x.len()];
        let target = |input| Target::Weight { layer, neuron, input };
        match operation {
            CellOperation::Product { input } => {
                let (weight, x) = (w[input], x[input]);
                (EventKind::Product { input, weight, x, product: weight * x }, target(input), None)
            }
            CellOperation::Accumulate { input } => {
                let (weight, before) = (w[input], dense::dot(&w[..input], &x[..input]));
                let sum = math::fma(weight, x[input], before);
                (EventKind::Accumulate { input, weight, x: x[input], before, sum }, target(input), None)
            }
            _ => {
                let bias = step.before.values[step.shape.index(Parameter { layer, neuron, input: None })];
                let z = step.samples[sample].layers[layer].z[neuron];
                let kind = EventKind::AddBias { sum: dense::dot(w, x), bias, z };
                (kind, Target::Bias { layer, neuron }, None)
            }
        }
    }

    /// The call of a cell's script: its path, its inputs, and the gradients of its results.
    fn call(&self, address: &Address) -> (&Trace, Vec<f64>, Vec<f64>) {
        let (step, sample) = (&*self.step, address.sample.unwrap_or(0));
        match address.cell {
            Cell::Neuron { layer, neuron } => {
                let (trace, inputs) =
                    (step.activation_trace(sample, layer, neuron), step.activation_inputs(sample, layer, neuron));
                (trace, inputs, vec![step.samples[sample].layers[layer].grad_a[neuron]])
            }
            Cell::Layer { layer } => {
                let (trace, inputs) =
                    (step.activation_trace(sample, layer, 0), step.activation_inputs(sample, layer, 0));
                (trace, inputs, step.samples[sample].layers[layer].grad_a.clone())
            }
            Cell::Input | Cell::Loss => (&step.samples[sample].loss_trace, step.loss_inputs(sample), vec![1.0]),
            Cell::Rate => {
                let Some(rate) = &step.rate else { unreachable!("only a schedule has this cell") };
                (&rate.trace, rate.inputs.clone(), Vec::new())
            }
            Cell::Parameter { layer, neuron, input } => {
                let index = step.shape.index(Parameter { layer, neuron, input });
                (&step.update_traces[index], step.update_inputs(index), Vec::new())
            }
        }
    }

    /// An instruction of the cell's script. A schedule belongs to no element of the network; its target is the loss.
    fn script(&self, address: &Address, instruction: usize) -> Made<'_> {
        let (trace, inputs, _) = self.call(address);
        let instruction = trace.instructions()[instruction];
        let (kind, site) = run(trace, &inputs, instruction);
        let target = match address.cell {
            Cell::Neuron { layer, neuron } => Target::Neuron { layer, neuron },
            Cell::Layer { layer } => Target::Neuron { layer, neuron: self.neuron_of(trace, instruction, layer) },
            Cell::Parameter { layer, neuron, input } => Target::from(Parameter { layer, neuron, input }),
            Cell::Input | Cell::Loss | Cell::Rate => Target::Loss,
        };
        (kind, target, site.map(|site| (trace, site)))
    }

    /// A chain step of the cell's script.
    fn chain(&self, address: &Address, step: usize) -> Made<'_> {
        let (trace, inputs, seeds) = self.call(address);
        let (kind, into, site) = chain(trace, &inputs, &seeds, step);
        let shape = &self.step.shape;
        let target = match address.cell {
            Cell::Neuron { layer, neuron } => Target::Neuron { layer, neuron },
            Cell::Layer { layer } if into < shape.size(layer) => Target::Neuron { layer, neuron: into },
            Cell::Layer { layer } => {
                let node = Instruction::Compute(trace.chain()[step].node);
                Target::Neuron { layer, neuron: self.neuron_of(trace, node, layer) }
            }
            // The gradient of an output belongs to the output neuron.
            _ if into < shape.outputs() => Target::Neuron { layer: shape.layers() - 1, neuron: into },
            _ => Target::Loss,
        };
        (kind, target, site.map(|site| (trace, site)))
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

    /// The activation of a neuron, as an output of its own call or of the whole layer's.
    fn activated(&self, sample: usize, cell: Cell, output: usize) -> Made<'_> {
        let (step, (layer, neuron)) = (&*self.step, cell.layer_and_neuron());
        let neuron = if step.names.whole_layer[layer] { output } else { neuron };
        let recorded = &step.samples[sample].layers[layer];
        let activation = step.names.activations[layer].clone();
        let kind = EventKind::Activated { activation, neuron, z: recorded.z[neuron], a: recorded.a[neuron] };
        (kind, Target::Neuron { layer, neuron }, closing(step.activation_trace(sample, layer, neuron), output))
    }

    /// δ of a neuron, the gradients of its parameters, and its terms of ∂L/∂a in the layer before.
    fn backward(&self, sample: usize, cell: Cell, operation: CellOperation) -> Made<'_> {
        let (step, (layer, neuron)) = (&*self.step, cell.layer_and_neuron());
        let recorded = &step.samples[sample].layers[layer];
        let delta = recorded.delta[neuron];
        let earlier = |sum: f64| (sample > 0).then_some(sum);
        let target = |input| Target::Weight { layer, neuron, input };
        match operation {
            CellOperation::BiasGrad => {
                let deltas = step.samples[..sample].iter().map(|sample| sample.layers[layer].delta[neuron]);
                let before = deltas.reduce(|sum, delta| sum + delta).unwrap_or(0.0);
                let sum = if sample > 0 { before + delta } else { delta };
                (EventKind::BiasGrad { delta, before: earlier(before), sum }, Target::Bias { layer, neuron }, None)
            }
            CellOperation::WeightGrad { input } => {
                let x = step.layer_input(sample, layer)[input];
                let before = self.batch_sum(layer, neuron, input, sample);
                let sum = if sample > 0 { math::fma(delta, x, before) } else { delta * x };
                let (contribution, before) = (delta * x, earlier(before));
                (EventKind::WeightGrad { input, delta, x, contribution, before, sum }, target(input), None)
            }
            CellOperation::Backprop { input } => {
                let weight =
                    |j: usize| step.before.values[step.shape.index(Parameter { layer, neuron: j, input: Some(input) })];
                let mut before = None;
                for (j, &delta) in recorded.delta[..neuron].iter().enumerate() {
                    before = Some(before.map_or(weight(j) * delta, |sum| math::fma(weight(j), delta, sum)));
                }
                let w = weight(neuron);
                let sum = before.map_or(w * delta, |sum| math::fma(w, delta, sum));
                let kind = EventKind::Backprop { input, weight: w, delta, contribution: w * delta, before, sum };
                (kind, target(input), None)
            }
            _ => {
                let kind = EventKind::Delta { neuron, grad_a: recorded.grad_a[neuron], delta };
                (kind, Target::Neuron { layer, neuron }, None)
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

    /// The update of a parameter, without the instructions of the optimizer.
    fn update(&self, cell: Cell, operation: CellOperation) -> Made<'_> {
        let step = &*self.step;
        let Cell::Parameter { layer, neuron, input } = cell else { unreachable!("only parameters are updated") };
        let at = Parameter { layer, neuron, input };
        let (index, target) = (step.shape.index(at), Target::from(at));
        let (old, new) = (step.before.values[index], step.after.values[index]);
        let penalty = || {
            let Some(trace) = step.penalty_trace(index) else { unreachable!("only a regularizer has this operation") };
            (&**trace, step.penalty_inputs(index))
        };
        match operation {
            CellOperation::Average => {
                let (sum, mean) = (step.grad_sums[index], step.mean_grad(index));
                (EventKind::Average { sum, count: step.samples.len(), mean }, target, None)
            }
            CellOperation::Penalty { instruction } => {
                let (trace, inputs) = penalty();
                let (kind, site) = run(trace, &inputs, trace.instructions()[instruction]);
                (kind, target, site.map(|site| (trace, site)))
            }
            CellOperation::PenaltyChain { step } => {
                let (trace, inputs) = penalty();
                let (kind, _, site) = chain(trace, &inputs, &[1.0], step);
                (kind, target, site.map(|site| (trace, site)))
            }
            CellOperation::Penalized => {
                let recorded = step.penalty.as_ref();
                let kind = EventKind::Penalized {
                    regularizer: recorded.map_or_else(String::new, |penalty| penalty.regularizer.clone()),
                    mean: step.mean_grad(index),
                    share: recorded.map_or(0.0, |penalty| penalty.shares[index]),
                    grad: step.grads[index],
                };
                (kind, target, closing(penalty().0, 0))
            }
            CellOperation::Frozen => (EventKind::Frozen { value: old }, target, None),
            _ => {
                let kind = EventKind::Updated { optimizer: step.names.optimizer.clone(), old, new };
                (kind, target, closing(&step.update_traces[index], 0))
            }
        }
    }
}

type Made<'a> = (EventKind, Target, Option<(&'a Trace, Site)>);

/// Where a call's result came from: the expression of the result itself, else (a branch that hands an input
/// through) the last thing that the script did.
fn closing(trace: &Trace, output: usize) -> Option<(&Trace, Site)> {
    let of_result = trace.node(trace.outputs()[output]).site;
    let site = of_result.or_else(|| match trace.instructions().last()? {
        Instruction::Compute(id) => trace.node(*id).site,
        Instruction::Ask(guard) => trace.guards()[*guard].site,
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
        Instruction::Ask(_) => None,
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
        Instruction::Ask(guard) => {
            let guard = &trace.guards()[guard];
            let (a, b) = (named(trace, &values, guard.a), named(trace, &values, guard.b));
            (EventKind::Ask { compare: guard.compare, a, b, answer: guard.answer }, guard.site)
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
