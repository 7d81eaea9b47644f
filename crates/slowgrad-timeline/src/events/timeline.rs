//! A recorded step as a sequence of events.
//!
//! The timeline stores one small entry for each cell (a neuron, a loss, a parameter), sorted by the index of its first
//! event. An event is found by binary search and computed from the recorded step on request, so that memory grows with
//! the number of cells and not of events. It must not know what a cell computes: see `cell_plan` and `compute`.

use super::cell_plan::{CellOperation, CellPlan};
use super::event::{Address, Cell, Event, Phase};
use super::granularity::Granularity;
use slowgrad_engine::record::RecordedStep;
use slowgrad_engine::shape::Parameter;
use std::ops::Range;
use std::sync::Arc;

/// A cell in one phase of one sample, with the index of its first event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct CellEntry {
    start: usize,
    sample: Option<usize>,
    phase: Phase,
    cell: Cell,
}

/// All events of one training step.
#[derive(Debug, Clone)]
pub struct Timeline {
    step: Arc<RecordedStep>,
    entries: Vec<CellEntry>,
    len: usize,
}

impl Timeline {
    /// The timeline of a recorded step. Takes time in proportion to the number of cells.
    pub fn new(step: Arc<RecordedStep>) -> Self {
        let mut timeline = Self { step, entries: Vec::new(), len: 0 };
        timeline.lay_out();
        timeline
    }

    /// The recorded step.
    pub fn step(&self) -> &RecordedStep {
        &self.step
    }

    /// Number of events.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Number of cells. The timeline's memory is proportional to it.
    pub fn cell_count(&self) -> usize {
        self.entries.len()
    }

    /// Always false: every step has events.
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

    /// The index of the event at an address. `None` if the step has no such event.
    pub fn locate(&self, address: &Address) -> Option<usize> {
        let at = self.entries.binary_search_by_key(&self.rank(address.sample, address.phase, address.cell), |entry| {
            self.rank(entry.sample, entry.phase, entry.cell)
        });
        let at = at.ok().filter(|_| address.step == self.step.step)?;
        let index = self.entries[at].start + address.operation;
        (index < self.end(at)).then_some(index)
    }

    /// Maps an event to the timeline of another run at the same step. Both networks must have the same shape.
    ///
    /// Within a cell that both have, the position is scaled to the other cell's length, which is the identity where both
    /// cells have as many operations. A cell that the other lacks maps to the next one. `index` may be one past the last
    /// event.
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

    /// The events of the unit that contains an event.
    pub fn unit(&self, index: usize, granularity: Granularity) -> Range<usize> {
        if granularity == Granularity::Operation {
            return index..index + 1;
        }
        let at = self.entry(index);
        let same = |other: &CellEntry| Self::same_unit(&self.entries[at], other, granularity);
        // A unit is a contiguous range of entries, so bisection on each side finds its ends.
        let first = self.entries[..at].partition_point(|entry| !same(entry));
        let last = at + self.entries[at..].partition_point(|entry| same(entry));
        self.entries[first].start..self.end(last - 1)
    }

    /// The phases of the step in order, each with its sample (`None` for the update) and its events.
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

    /// The events of a phase of a sample. The update has no sample.
    pub fn phase(&self, phase: Phase, sample: Option<usize>) -> Option<Range<usize>> {
        let first = self.entries.iter().find(|entry| entry.phase == phase && entry.sample == sample)?;
        Some(self.unit(first.start, Granularity::Phase))
    }

    /// The events of a cell in a phase of a sample.
    pub fn cell(&self, sample: Option<usize>, phase: Phase, cell: Cell) -> Option<Range<usize>> {
        let first = self.locate(&Address { step: self.step.step, sample, phase, cell, operation: 0 })?;
        let at = self.entry(first);
        Some(first..self.end(at))
    }

    /// All cells in order, each with its sample, its phase and its events.
    pub(crate) fn cells(&self) -> impl Iterator<Item = (Option<usize>, Phase, Cell, Range<usize>)> {
        let entries = self.entries.iter().enumerate();
        entries.map(|(at, entry)| (entry.sample, entry.phase, entry.cell, entry.start..self.end(at)))
    }

    /// The index of the event that executes an operation of a cell. `None` if the step has no such event.
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
    /// If `index` is not below [`Timeline::len`].
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

    /// The sort key of the entries.
    fn rank(&self, sample: Option<usize>, phase: Phase, cell: Cell) -> (usize, Phase, usize, usize, usize) {
        let layers = self.step.shape.layers();
        let sample = sample.unwrap_or(usize::MAX);
        // The backward pass runs from the last layer to the first. The activation of a whole layer runs after its neurons
        // in the forward pass and before them in the backward pass.
        let (layer, neuron, last) = match (phase, cell) {
            (Phase::Backward, Cell::Neuron { layer, neuron }) => (layers - layer, neuron + 1, 0),
            (Phase::Backward, Cell::Layer { layer }) => (layers - layer, 0, 0),
            // In the update of a whole layer, all of its gradients are complete before the optimizer runs.
            (_, Cell::ParameterGradient { layer, neuron, input }) => {
                (3 * layer + 1, neuron, input.unwrap_or(usize::MAX))
            }
            (Phase::Update, Cell::Layer { layer }) => (3 * layer + 2, 0, 0),
            (_, Cell::Parameter { layer, neuron, input }) => (3 * layer + 3, neuron, input.unwrap_or(usize::MAX)),
            (_, Cell::Neuron { layer, neuron }) => (layer, neuron, 0),
            (_, Cell::Layer { layer }) => (layer, usize::MAX, 0),
            (_, Cell::Input | Cell::Loss | Cell::Rate) => (0, 0, 0),
        };
        (sample, phase, layer, neuron, last)
    }

    /// Whether two entries are in one unit. Only valid among entries on one side of `a`: there, the entries of the unit are
    /// contiguous.
    fn same_unit(a: &CellEntry, b: &CellEntry, granularity: Granularity) -> bool {
        match granularity {
            Granularity::Step => true,
            Granularity::Phase => a.phase == b.phase && a.sample == b.sample,
            Granularity::Layer => a.phase == b.phase && a.sample == b.sample && a.cell.layer() == b.cell.layer(),
            Granularity::Neuron | Granularity::Operation => a == b,
        }
    }

    /// Whether the event at an address computes the pre-activation of a neuron: its bias, or in a layer without biases its
    /// last product or sum.
    pub(crate) fn completes_pre_activation(&self, address: &Address) -> bool {
        let plan = CellPlan::of(&self.step, address.sample, address.phase, address.cell);
        plan.weighted_sum().end == address.operation + 1
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
            let parameters = (0..shape.size(layer)).flat_map(|neuron| shape.of_neuron(layer, neuron));
            for Parameter { layer, neuron, input } in parameters.clone() {
                self.add(None, Phase::Update, Cell::ParameterGradient { layer, neuron, input });
            }
            self.add(None, Phase::Update, Cell::Layer { layer });
            parameters.for_each(|at| self.add(None, Phase::Update, at.into()));
        }
    }

    /// Appends a cell, unless the step has no operation for it.
    fn add(&mut self, sample: Option<usize>, phase: Phase, cell: Cell) {
        let operations = CellPlan::of(&self.step, sample, phase, cell).len();
        if operations > 0 {
            self.entries.push(CellEntry { start: self.len, sample, phase, cell });
            self.len += operations;
        }
    }
}
