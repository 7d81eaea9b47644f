//! A call of a script within a step, with the events that computed its values and gradients.

use super::cell_plan::{CellOperation, CellPlan};
use super::event::{Address, Cell, Phase};
use super::origin::Origins;
use super::timeline::Timeline;
use super::update_inputs::UpdateInputs;
use crate::scene::{Link, Plugin, Slider};
use slowgrad_engine::plugin::Schedule;
use slowgrad_engine::shape::Parameter;
use slowgrad_tape::{ChainStep, Instruction, Op, Trace, ValueId};
use std::collections::HashMap;

/// A script that a cell runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CellScript {
    /// The regularizer, in the cell of a parameter.
    Penalty,
    /// The activation, loss, schedule or optimizer.
    Main,
}

/// A call of a script, with the events of its instructions, of its chain steps and of its inputs.
#[derive(Debug)]
pub(crate) struct CallOrigins<'a> {
    pub(crate) trace: &'a Trace,
    /// The value of every node.
    pub(crate) values: Vec<f64>,
    /// ∂/∂result of every result.
    seeds: Vec<f64>,
    /// The index of the event of the first instruction.
    forward: usize,
    /// The index of the event of the first chain step, if the gradient passes through the call.
    backward: Option<usize>,
    /// The origins of the first inputs. The inputs after them are the sliders of the plugin.
    inputs: Vec<Option<Link>>,
    plugin: Plugin,
    /// The origins of the gradients of the results.
    seeded: Vec<Option<Link>>,
    /// The instruction that computed a node.
    computed: HashMap<ValueId, usize>,
}

/// One application of the chain rule: the contribution of an operation's result to the gradient of an operand.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct ChainTerm {
    /// The index of the chain step in the trace.
    pub(crate) at: usize,
    /// The chain step.
    pub(crate) step: ChainStep,
    /// ∂L/∂result.
    pub(crate) upstream: f64,
    /// ∂result/∂operand.
    pub(crate) local: f64,
    /// Their product.
    pub(crate) contribution: f64,
    /// ∂L/∂operand after this contribution.
    pub(crate) after: f64,
}

/// The origins of numbers that a script's chain rule or a schedule computed.
impl Origins<'_> {
    /// ∂L/∂a of a neuron.
    pub(crate) fn grad_a(self, sample: usize, layer: usize, neuron: usize) -> Option<Link> {
        let next = layer + 1;
        if next < self.step.shape.layers() {
            return self.backprop(sample, next, self.step.shape.size(next) - 1, neuron);
        }
        let call = CallOrigins::of(self.timeline, Some(sample), Phase::Backward, Cell::Loss, CellScript::Main)?;
        call.gradient(neuron, call.trace.chain().len())
    }

    /// ∂L/∂z of a neuron as its activation's chain rule computes it. `None` if a is z itself.
    pub(crate) fn slope_of_z(self, sample: usize, layer: usize, neuron: usize) -> Option<Link> {
        let whole = self.step.names.whole_layer[layer];
        let cell = if whole { Cell::Layer { layer } } else { Cell::Neuron { layer, neuron } };
        let call = CallOrigins::of(self.timeline, Some(sample), Phase::Backward, cell, CellScript::Main)?;
        call.gradient(if whole { neuron } else { 0 }, call.trace.chain().len())
    }

    /// ∂R/∂w of a weight, which is added to its gradient.
    pub(crate) fn penalty_slope(self, at: Parameter) -> Option<Link> {
        let cell = self.gradient_cell(at);
        let call = CallOrigins::of(self.timeline, None, Phase::Update, cell, CellScript::Penalty)?;
        call.gradient(0, call.trace.chain().len())
    }

    /// The factor that the schedule returns.
    pub(crate) fn factor(self) -> Option<Link> {
        let call = CallOrigins::of(self.timeline, None, Phase::Update, Cell::Rate, CellScript::Main)?;
        call.value(call.trace.outputs()[0])
    }
}

impl<'a> CallOrigins<'a> {
    /// The call of a cell's script in a phase. Forward and backward share a call. `None` if the cell has no such call.
    pub(crate) fn of(
        timeline: &'a Timeline,
        sample: Option<usize>,
        phase: Phase,
        cell: Cell,
        which: CellScript,
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
            (Phase::Update, Cell::Layer { layer }) => {
                let (trace, inputs) = (step.layer_update_trace(layer)?, step.layer_update_inputs(layer));
                let origins = from.update_inputs(UpdateInputs::of_layer(step, layer));
                Some(Self::new(trace, &inputs, (origins, Plugin::Optimizer), script(phase)?, None))
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
                // The engine itself counts steps and epochs.
                let origins = vec![None; 1 + Schedule::CONTEXT.len()];
                Some(Self::new(&rate.trace, &rate.inputs, (origins, Plugin::Schedule), forward, None))
            }
            (Phase::Update, Cell::Parameter { .. } | Cell::ParameterGradient { .. }) => {
                let at = cell.parameter()?;
                let index = step.shape.index(at);
                let (start, plan) = planned(phase)?;
                if which == CellScript::Penalty {
                    let trace = step.penalty_trace(index)?;
                    let (forward, backward) = (start + plan.penalty().start, start + plan.penalty_chain().start);
                    let origins = vec![Some(from.before(at))];
                    let inputs = step.penalty_inputs(index);
                    let mut call = Self::new(trace, &inputs, (origins, Plugin::Regularizer), forward, Some(backward));
                    call.seeds = vec![1.0];
                    return Some(call);
                }
                // The optimizer's result for a frozen parameter is discarded and has no events.
                if step.frozen.contains(&index) {
                    return None;
                }
                let Some(trace) = step.update_trace(index) else {
                    return Self::of(timeline, None, phase, Cell::Layer { layer: at.layer }, which);
                };
                let forward = start + plan.script().start;
                let origins = from.update_inputs(UpdateInputs::of_parameter(step, at));
                Some(Self::new(trace, &step.update_inputs(index), (origins, Plugin::Optimizer), forward, None))
            }
            _ => None,
        }
    }

    /// The call that an event belongs to.
    pub(crate) fn of_event(timeline: &'a Timeline, address: &Address) -> Option<Self> {
        let step = timeline.step();
        let plan = CellPlan::of(step, address.sample, address.phase, address.cell);
        let script = match plan.operation(address.operation)? {
            CellOperation::Average
            | CellOperation::Penalty { .. }
            | CellOperation::PenaltyChain { .. }
            | CellOperation::Penalized => CellScript::Penalty,
            _ => CellScript::Main,
        };
        Self::of(timeline, address.sample, address.phase, address.cell, script)
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
            Instruction::Compare(_) => None,
        });
        let computed = computed.collect();
        Self { trace, values, seeds: Vec::new(), forward, backward, inputs, plugin, seeded: Vec::new(), computed }
    }

    /// The origin of a node's value: the event that computed it, or the origin of the input that it is.
    pub(crate) fn value(&self, id: ValueId) -> Option<Link> {
        if let Some(at) = self.computed.get(&id) {
            return Some(Link::Event(self.forward + at));
        }
        let input = id.index();
        match input.checked_sub(self.inputs.len()) {
            _ if self.trace.node(id).op == Op::Constant => self.literal(id),
            None => self.inputs[input],
            Some(nth) if input < self.trace.inputs() => Some(Link::Slider(self.plugin, Slider::Nth(nth))),
            Some(_) => None,
        }
    }

    /// A literal in the script: the first event that uses it.
    fn literal(&self, id: ValueId) -> Option<Link> {
        let uses = |instruction: &Instruction| match instruction {
            Instruction::Compute(other) => {
                let node = self.trace.node(*other);
                node.operands[..node.op.arity()].contains(&id)
            }
            Instruction::Compare(guard) => {
                let guard = &self.trace.guards()[*guard];
                guard.a == id || guard.b == id
            }
        };
        let at = self.trace.instructions().iter().position(uses)?;
        Some(Link::Constant(self.forward + at))
    }

    /// The node that an event computes.
    pub(crate) fn node_of(&self, event: usize) -> Option<ValueId> {
        match self.trace.instructions().get(event.checked_sub(self.forward)?)? {
            Instruction::Compute(id) => Some(*id),
            Instruction::Compare(_) => None,
        }
    }

    /// The operands of the comparison that an event evaluates.
    pub(crate) fn guard(&self, event: usize) -> Option<(ValueId, ValueId)> {
        match self.trace.instructions().get(event.checked_sub(self.forward)?)? {
            Instruction::Compare(guard) => Some((self.trace.guards()[*guard].a, self.trace.guards()[*guard].b)),
            Instruction::Compute(_) => None,
        }
    }

    /// The index of the chain step that an event executes.
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

    /// The event that computed the gradient of a node as of chain step `before`. `None` if it has none, or several.
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

    /// The indices of the results that are this node.
    pub(crate) fn results(&self, node: usize) -> Vec<usize> {
        let outputs = self.trace.outputs().iter().enumerate();
        outputs.filter(|(_, id)| id.index() == node).map(|(k, _)| k).collect()
    }

    /// The gradient of a result that the call starts from, and its origin.
    pub(crate) fn seed(&self, result: usize) -> (f64, Option<Link>) {
        let event = self.seeded.get(result).copied().flatten();
        (self.seeds.get(result).copied().unwrap_or(0.0), event)
    }

    /// All applications of the chain rule in order, with their numbers.
    pub(crate) fn chain_terms(&self) -> Vec<ChainTerm> {
        let mut grads = Vec::new();
        self.trace.seed(&self.seeds, &mut grads);
        let steps = self.trace.chain().iter().enumerate();
        steps
            .map(|(at, step)| {
                let upstream = grads[step.node.index()];
                let (local, contribution, after) = self.trace.chain_values(step, &self.values, &grads);
                grads[step.into.index()] = after;
                ChainTerm { at, step: *step, upstream, local, contribution, after }
            })
            .collect()
    }
}

impl Timeline {
    /// The event in which the optimizer computed a field of a parameter's new state. `None` if the field is an input that
    /// is returned unchanged.
    pub fn state_event(&self, at: Parameter, field: usize) -> Option<usize> {
        let call = CallOrigins::of(self, None, Phase::Update, at.into(), CellScript::Main)?;
        let result = UpdateInputs::of_parameter(self.step(), at).state_result(at, field)?;
        match call.value(*call.trace.outputs().get(result)?)? {
            Link::Event(event) => Some(event),
            _ => None,
        }
    }
}
