//! Where a number came from: the event of the same step whose result it is, bit for bit; of what no event of the step
//! computed, the step before, the sample, the control or the line of the script that it was given by.
//!
//! Formulas and explanations make their numbers links with what this module answers. Only what the engine itself counts
//! and measures (the number of the step, norms) has no origin here. It must not know how a number is written.

use crate::event::{Address, Cell, Phase};
use crate::events::cell_plan::{CellOperation, CellPlan};
use crate::scene::{Link, Plugin, Slider};
use crate::timeline::Timeline;
use slowgrad_engine::plugin::{Optimizer, Schedule};
use slowgrad_engine::record::RecordedStep;
use slowgrad_engine::shape::Parameter;
use slowgrad_tape::{ChainStep, Instruction, Op, Trace, ValueId};
use std::collections::HashMap;

/// Where the learning rate is set.
pub(crate) const LEARNING_RATE: Link = Link::Slider(Plugin::Optimizer, Slider::LearningRate);

/// The origins of a step's numbers.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Origins<'a> {
    timeline: &'a Timeline,
    step: &'a RecordedStep,
}

impl<'a> Origins<'a> {
    pub(crate) fn of(timeline: &'a Timeline) -> Self {
        Self { timeline, step: timeline.step() }
    }

    fn event(self, sample: usize, phase: Phase, cell: Cell, operation: CellOperation) -> Option<Link> {
        self.timeline.find(Some(sample), phase, cell, operation).map(Link::Event)
    }

    fn forward(self, sample: usize, layer: usize, neuron: usize, operation: CellOperation) -> Option<Link> {
        self.event(sample, Phase::Forward, Cell::Neuron { layer, neuron }, operation)
    }

    fn backward(self, sample: usize, layer: usize, neuron: usize, operation: CellOperation) -> Option<Link> {
        self.event(sample, Phase::Backward, Cell::Neuron { layer, neuron }, operation)
    }

    /// What enters a layer: an input of the sample or an activation of the layer before.
    pub(crate) fn source(self, sample: usize, layer: usize, input: usize) -> Option<Link> {
        match layer.checked_sub(1) {
            None => self.event(sample, Phase::Input, Cell::Input, CellOperation::Enter { input }),
            Some(layer) => self.activated(sample, layer, input),
        }
    }

    /// The row of the data that a sample is.
    pub(crate) fn row(self, sample: usize) -> Link {
        Link::Sample(self.step.samples[sample].sample)
    }

    /// A weight times its input.
    pub(crate) fn product(self, sample: usize, layer: usize, neuron: usize, input: usize) -> Option<Link> {
        self.forward(sample, layer, neuron, CellOperation::Product { input })
    }

    /// The sum of a neuron's first products, at least one. Of one product this is the product.
    pub(crate) fn partial_sum(self, sample: usize, layer: usize, neuron: usize, terms: usize) -> Option<Link> {
        let operation = match terms {
            1 => CellOperation::Product { input: 0 },
            _ => CellOperation::Accumulate { input: terms - 1 },
        };
        self.forward(sample, layer, neuron, operation)
    }

    /// A pre-activation.
    pub(crate) fn z(self, sample: usize, layer: usize, neuron: usize) -> Option<Link> {
        self.forward(sample, layer, neuron, CellOperation::AddBias)
    }

    /// An activation.
    pub(crate) fn activated(self, sample: usize, layer: usize, neuron: usize) -> Option<Link> {
        if self.step.names.whole_layer[layer] {
            let operation = CellOperation::Activated { output: neuron };
            return self.event(sample, Phase::Forward, Cell::Layer { layer }, operation);
        }
        self.forward(sample, layer, neuron, CellOperation::Activated { output: 0 })
    }

    /// The loss of a sample.
    pub(crate) fn loss(self, sample: usize) -> Option<Link> {
        self.event(sample, Phase::Loss, Cell::Loss, CellOperation::LossValue)
    }

    /// δ of a neuron.
    pub(crate) fn delta(self, sample: usize, layer: usize, neuron: usize) -> Option<Link> {
        self.backward(sample, layer, neuron, CellOperation::Delta)
    }

    /// A parameter's gradient, summed over the samples up to this one.
    pub(crate) fn gradient(self, sample: usize, at: Parameter) -> Option<Link> {
        let operation = at.input.map_or(CellOperation::BiasGrad, |input| CellOperation::WeightGrad { input });
        self.backward(sample, at.layer, at.neuron, operation)
    }

    /// ∂L/∂ of what enters a layer, summed over the layer's neurons up to this one.
    pub(crate) fn backprop(self, sample: usize, layer: usize, neuron: usize, input: usize) -> Option<Link> {
        self.backward(sample, layer, neuron, CellOperation::Backprop { input })
    }

    /// ∂L/∂a of a neuron.
    pub(crate) fn grad_a(self, sample: usize, layer: usize, neuron: usize) -> Option<Link> {
        let next = layer + 1;
        if next < self.step.shape.layers() {
            return self.backprop(sample, next, self.step.shape.size(next) - 1, neuron);
        }
        let call = Call::of(self.timeline, Some(sample), Phase::Backward, Cell::Loss, Part::Script)?;
        call.gradient(neuron, call.trace.chain().len())
    }

    /// What a neuron's own z gets of its activation's chain rule; nothing when a is z itself.
    pub(crate) fn slope_of_z(self, sample: usize, layer: usize, neuron: usize) -> Option<Link> {
        let whole = self.step.names.whole_layer[layer];
        let cell = if whole { Cell::Layer { layer } } else { Cell::Neuron { layer, neuron } };
        let call = Call::of(self.timeline, Some(sample), Phase::Backward, cell, Part::Script)?;
        call.gradient(if whole { neuron } else { 0 }, call.trace.chain().len())
    }

    fn update(self, at: Parameter, operation: CellOperation) -> Option<Link> {
        let Parameter { layer, neuron, input } = at;
        let cell = Cell::Parameter { layer, neuron, input };
        self.timeline.find(None, Phase::Update, cell, operation).map(Link::Event)
    }

    /// The gradient of a parameter as the optimizer gets it.
    pub(crate) fn final_gradient(self, at: Parameter) -> Option<Link> {
        self.update(at, CellOperation::Penalized).or_else(|| self.mean_gradient(at))
    }

    /// The mean of a parameter's gradient over the batch, without the regularizer's share. The mean of one sample is the
    /// gradient itself.
    pub(crate) fn mean_gradient(self, at: Parameter) -> Option<Link> {
        self.update(at, CellOperation::Average).or_else(|| self.gradient(self.step.samples.len() - 1, at))
    }

    /// ∂R/∂w of a weight, which joins its gradient.
    pub(crate) fn penalty_slope(self, at: Parameter) -> Option<Link> {
        let cell = Cell::Parameter { layer: at.layer, neuron: at.neuron, input: at.input };
        let call = Call::of(self.timeline, None, Phase::Update, cell, Part::Penalty)?;
        call.gradient(0, call.trace.chain().len())
    }

    /// The learning rate: what the schedule makes of it, or where it is set.
    pub(crate) fn rate(self) -> Link {
        let scheduled = self.timeline.find(None, Phase::Update, Cell::Rate, CellOperation::Rate);
        scheduled.map_or(LEARNING_RATE, Link::Event)
    }

    /// What the schedule says of the learning rate.
    pub(crate) fn factor(self) -> Option<Link> {
        let call = Call::of(self.timeline, None, Phase::Update, Cell::Rate, Part::Script)?;
        call.value(call.trace.outputs()[0])
    }

    /// A parameter's new value.
    pub(crate) fn updated(self, at: Parameter) -> Option<Link> {
        self.update(at, CellOperation::Updated).or_else(|| self.update(at, CellOperation::Frozen))
    }

    /// A parameter's value before the step.
    pub(crate) fn before(self, at: Parameter) -> Link {
        before(self.step, at)
    }

    /// What the optimizer remembers of a parameter, by the field of its state.
    fn state(self, at: Parameter, field: usize) -> Link {
        if self.step.step > 1 { Link::PreviousState(at.into(), field) } else { Link::Plugin(Plugin::Optimizer) }
    }

    /// The inputs of an update: w, g, the state, the context, which begins with the learning rate, and the sliders.
    fn update_inputs(self, at: Parameter) -> Vec<Option<Link>> {
        let own = [Some(self.before(at)), self.final_gradient(at)];
        let state = (0..self.step.names.state.len()).map(|field| Some(self.state(at, field)));
        let context = [Some(self.rate())].into_iter().chain(vec![None; Optimizer::CONTEXT.len() - 1]);
        own.into_iter().chain(state).chain(context).collect()
    }
}

/// A parameter's value before a step, which the update of the step before gave it, and at first the initializer.
pub(crate) fn before(step: &RecordedStep, at: Parameter) -> Link {
    if step.step > 1 { Link::PreviousUpdate(at.into()) } else { Link::Plugin(Plugin::Initializer) }
}

impl Timeline {
    /// The event in which the optimizer computed what it keeps of a parameter, a field of its state; nothing where it
    /// kept what it had or was given.
    pub fn state_event(&self, at: Parameter, field: usize) -> Option<usize> {
        let cell = Cell::Parameter { layer: at.layer, neuron: at.neuron, input: at.input };
        let call = Call::of(self, None, Phase::Update, cell, Part::Script)?;
        match call.value(*call.trace.outputs().get(1 + field)?)? {
            Link::Event(event) => Some(event),
            _ => None,
        }
    }
}

/// Which script a parameter's cell runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    /// The regularizer, before the optimizer.
    Penalty,
    /// The cell's script: of a parameter, the optimizer.
    Script,
}

/// A call of a script within a step, with the events of its operations, of its chain rule and of what went in.
#[derive(Debug)]
pub(crate) struct Call<'a> {
    pub(crate) trace: &'a Trace,
    /// The value of every node.
    pub(crate) values: Vec<f64>,
    /// ∂/∂result of every result.
    seeds: Vec<f64>,
    /// The event of the first instruction.
    forward: usize,
    /// The event of the first chain step.
    backward: Option<usize>,
    /// Where the inputs came from, of the first ones; those behind them are the sliders of this plugin.
    inputs: Vec<Option<Link>>,
    plugin: Plugin,
    /// Where the gradients of the results came from.
    seeded: Vec<Option<Link>>,
    /// The instruction that computed a node.
    computed: HashMap<ValueId, usize>,
}

/// One path of the chain rule: what a result of an operation hands on to an operand.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Path {
    /// The chain step, by its place in the trace.
    pub(crate) at: usize,
    /// The use of the chain rule.
    pub(crate) step: ChainStep,
    /// ∂L/∂result.
    pub(crate) upstream: f64,
    /// ∂result/∂operand.
    pub(crate) local: f64,
    /// Their product.
    pub(crate) contribution: f64,
    /// ∂L/∂operand afterwards.
    pub(crate) after: f64,
}

impl<'a> Call<'a> {
    /// The call of a cell in a phase; forward and backward share it.
    pub(crate) fn of(
        timeline: &'a Timeline,
        sample: Option<usize>,
        phase: Phase,
        cell: Cell,
        part: Part,
    ) -> Option<Self> {
        let step = timeline.step();
        let from = Origins::of(timeline);
        // The plan of this cell in a phase, and its first event.
        let planned = |phase: Phase| {
            let start = timeline.cell(sample, phase, cell)?.start;
            Some((start, CellPlan::of(step, sample, phase, cell)))
        };
        let script = |phase: Phase| planned(phase).map(|(start, plan)| start + plan.script().start);
        let chain = |phase: Phase| planned(phase).map(|(start, plan)| start + plan.chain().start);
        match (phase, cell) {
            (Phase::Forward | Phase::Backward, Cell::Neuron { layer, neuron }) if !step.names.whole_layer[layer] => {
                let s = sample?;
                let (forward, backward) = (script(Phase::Forward)?, chain(Phase::Backward)?);
                let inputs = step.activation_inputs(s, layer, neuron);
                let origins = vec![from.z(s, layer, neuron)];
                let trace = step.activation_trace(s, layer, neuron);
                let plugin = Plugin::Activation(layer);
                let mut call = Self::new(trace, &inputs, (origins, plugin), forward, Some(backward));
                if phase == Phase::Backward {
                    call.seeds = vec![step.samples[s].layers[layer].grad_a[neuron]];
                    call.seeded = vec![from.grad_a(s, layer, neuron)];
                }
                Some(call)
            }
            (Phase::Forward | Phase::Backward, Cell::Layer { layer }) => {
                let s = sample?;
                let (forward, backward) = (script(Phase::Forward)?, chain(Phase::Backward));
                let size = step.shape.size(layer);
                let origins = (0..size).map(|neuron| from.z(s, layer, neuron)).collect();
                let trace = step.activation_trace(s, layer, 0);
                let inputs = step.activation_inputs(s, layer, 0);
                let mut call = Self::new(trace, &inputs, (origins, Plugin::Activation(layer)), forward, backward);
                if phase == Phase::Backward {
                    call.seeds.clone_from(&step.samples[s].layers[layer].grad_a);
                    call.seeded = (0..size).map(|neuron| from.grad_a(s, layer, neuron)).collect();
                }
                Some(call)
            }
            (Phase::Loss | Phase::Backward, Cell::Loss) => {
                let s = sample?;
                let (forward, backward) = (script(Phase::Loss)?, chain(Phase::Backward)?);
                let last = step.shape.layers() - 1;
                let outputs = (0..step.shape.outputs()).map(|output| from.activated(s, last, output));
                let targets = step.samples[s].target.iter().map(|_| Some(from.row(s)));
                let origins = outputs.chain(targets).collect();
                let trace = &step.samples[s].loss_trace;
                let inputs = step.loss_inputs(s);
                let mut call = Self::new(trace, &inputs, (origins, Plugin::Loss), forward, Some(backward));
                call.seeds = vec![1.0];
                call.seeded = vec![from.event(s, Phase::Backward, cell, CellOperation::Seed)];
                Some(call)
            }
            (Phase::Update, Cell::Rate) => {
                let rate = step.rate.as_ref()?;
                let forward = script(phase)?;
                // The step and its epoch are the engine's.
                let origins = vec![None; 1 + Schedule::CONTEXT.len()];
                Some(Self::new(&rate.trace, &rate.inputs, (origins, Plugin::Schedule), forward, None))
            }
            (Phase::Update, Cell::Parameter { layer, neuron, input }) => {
                let at = Parameter { layer, neuron, input };
                let index = step.shape.index(at);
                let (start, plan) = planned(phase)?;
                if part == Part::Penalty {
                    let trace = step.penalty_trace(index)?;
                    let (forward, backward) = (start + plan.penalty().start, start + plan.penalty_chain().start);
                    let origins = vec![Some(from.before(at))];
                    let inputs = step.penalty_inputs(index);
                    let mut call = Self::new(trace, &inputs, (origins, Plugin::Regularizer), forward, Some(backward));
                    call.seeds = vec![1.0];
                    return Some(call);
                }
                // Of a frozen parameter the optimizer's answer is not done, and so it is no event.
                if step.frozen.contains(&index) {
                    return None;
                }
                let forward = start + plan.script().start;
                let (trace, inputs) = (&step.update_traces[index], step.update_inputs(index));
                Some(Self::new(trace, &inputs, (from.update_inputs(at), Plugin::Optimizer), forward, None))
            }
            _ => None,
        }
    }

    /// The call that an event belongs to.
    pub(crate) fn of_event(timeline: &'a Timeline, address: &Address) -> Option<Self> {
        let step = timeline.step();
        let plan = CellPlan::of(step, address.sample, address.phase, address.cell);
        let part = match plan.operation(address.operation)? {
            CellOperation::Average
            | CellOperation::Penalty { .. }
            | CellOperation::PenaltyChain { .. }
            | CellOperation::Penalized => Part::Penalty,
            _ => Part::Script,
        };
        Self::of(timeline, address.sample, address.phase, address.cell, part)
    }

    fn new(
        trace: &'a Trace,
        numbers: &[f64],
        (inputs, plugin): (Vec<Option<Link>>, Plugin),
        forward: usize,
        backward: Option<usize>,
    ) -> Self {
        let mut values = Vec::new();
        trace.evaluate(numbers, &mut values);
        let instructions = trace.instructions().iter().enumerate();
        let computed = instructions.filter_map(|(at, instruction)| match instruction {
            Instruction::Compute(id) => Some((*id, at)),
            Instruction::Ask(_) => None,
        });
        let computed = computed.collect();
        Self { trace, values, seeds: Vec::new(), forward, backward, inputs, plugin, seeded: Vec::new(), computed }
    }

    /// Where a node's value came from: the event that computed it, or what gave it to the script.
    pub(crate) fn value(&self, id: ValueId) -> Option<Link> {
        if let Some(at) = self.computed.get(&id) {
            return Some(Link::Event(self.forward + at));
        }
        let input = id.index();
        match input.checked_sub(self.inputs.len()) {
            _ if self.trace.node(id).op == Op::Constant => self.written(id),
            None => self.inputs[input],
            Some(nth) if input < self.trace.inputs() => Some(Link::Slider(self.plugin, Slider::Nth(nth))),
            Some(_) => None,
        }
    }

    /// The first event of the script that uses a number which is written in it.
    fn written(&self, id: ValueId) -> Option<Link> {
        let uses = |instruction: &Instruction| match instruction {
            Instruction::Compute(other) => {
                let node = self.trace.node(*other);
                node.operands[..node.op.arity()].contains(&id)
            }
            Instruction::Ask(guard) => {
                let guard = &self.trace.guards()[*guard];
                guard.a == id || guard.b == id
            }
        };
        let at = self.trace.instructions().iter().position(uses)?;
        Some(Link::Constant(self.forward + at))
    }

    /// The node that an event computed.
    pub(crate) fn node_of(&self, event: usize) -> Option<ValueId> {
        match self.trace.instructions().get(event.checked_sub(self.forward)?)? {
            Instruction::Compute(id) => Some(*id),
            Instruction::Ask(_) => None,
        }
    }

    /// The two sides of the comparison that an event asked.
    pub(crate) fn guard(&self, event: usize) -> Option<(ValueId, ValueId)> {
        match self.trace.instructions().get(event.checked_sub(self.forward)?)? {
            Instruction::Ask(guard) => Some((self.trace.guards()[*guard].a, self.trace.guards()[*guard].b)),
            Instruction::Compute(_) => None,
        }
    }

    /// The chain step of an event.
    pub(crate) fn chain_step_of(&self, event: usize) -> Option<usize> {
        event.checked_sub(self.backward?).filter(|at| *at < self.trace.chain().len())
    }

    /// The event of an instruction.
    pub(crate) fn event_of_instruction(&self, at: usize) -> Link {
        Link::Event(self.forward + at)
    }

    /// The event of a chain step.
    pub(crate) fn chain_event(&self, at: usize) -> Option<Link> {
        self.backward.map(|start| Link::Event(start + at))
    }

    /// The event that made the gradient of a node what it is before chain step `before`.
    pub(crate) fn gradient(&self, node: usize, before: usize) -> Option<Link> {
        let latest = self.trace.chain()[..before].iter().rposition(|step| step.into.index() == node);
        match latest {
            Some(at) => self.chain_event(at),
            None => match self.results(node).as_slice() {
                [only] => self.seeded.get(*only).copied().flatten(),
                _ => None,
            },
        }
    }

    /// The results that a node is.
    pub(crate) fn results(&self, node: usize) -> Vec<usize> {
        let outputs = self.trace.outputs().iter().enumerate();
        outputs.filter(|(_, id)| id.index() == node).map(|(k, _)| k).collect()
    }

    /// The gradient with which a result enters.
    pub(crate) fn seed(&self, result: usize) -> (f64, Option<Link>) {
        let event = self.seeded.get(result).copied().flatten();
        (self.seeds.get(result).copied().unwrap_or(0.0), event)
    }

    /// All paths of the chain rule in order, with their numbers.
    pub(crate) fn paths(&self) -> Vec<Path> {
        let mut grads = Vec::new();
        self.trace.seed(&self.seeds, &mut grads);
        let steps = self.trace.chain().iter().enumerate();
        steps
            .map(|(at, step)| {
                let upstream = grads[step.node.index()];
                let (local, contribution, after) = self.trace.chain_values(step, &self.values, &grads);
                grads[step.into.index()] = after;
                Path { at, step: *step, upstream, local, contribution, after }
            })
            .collect()
    }
}
