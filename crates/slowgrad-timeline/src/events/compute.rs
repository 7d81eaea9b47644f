//! Computes an event: the numbers of one operation, from the recorded step.
//!
//! It must not know which operations a cell consists of; [`CellPlan`](super::CellPlan) does.

use super::cell_plan::CellOperation;
use super::event::{Address, Cell, EventKind, Phase};
use super::node_names::named;
use super::timeline::Timeline;
use super::update_inputs::UpdateInputs;
use crate::scene::Target;
use slowgrad_engine::dense;
use slowgrad_engine::shape::Parameter;
use slowgrad_tape::{Instruction, Site, Trace, math};

impl Timeline {
    /// Executes an operation of a cell: its numbers, the element it belongs to, and its site in a script.
    pub(super) fn compute(&self, address: &Address, operation: CellOperation) -> ComputedEvent<'_> {
        let (step, sample) = (self.step(), address.sample.unwrap_or(0));
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

    fn weighted_sum(&self, sample: usize, cell: Cell, operation: CellOperation) -> ComputedEvent<'_> {
        let (step, (layer, neuron)) = (self.step(), cell.layer_and_neuron());
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

    /// The call of a cell's script: the trace, its inputs, and the gradients of its results.
    fn call(&self, address: &Address) -> (&Trace, Vec<f64>, Vec<f64>) {
        let (step, sample) = (self.step(), address.sample.unwrap_or(0));
        match address.cell {
            Cell::Neuron { layer, neuron } => {
                let (trace, inputs) =
                    (step.activation_trace(sample, layer, neuron), step.activation_inputs(sample, layer, neuron));
                (trace, inputs, vec![step.samples[sample].layers[layer].grad_a[neuron]])
            }
            Cell::Layer { layer } if address.phase == Phase::Update => {
                let Some(trace) = step.layer_update_trace(layer) else {
                    unreachable!("only an optimizer of whole layers has this cell")
                };
                (trace, step.layer_update_inputs(layer), Vec::new())
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
            Cell::Parameter { layer, neuron, input } | Cell::ParameterGradient { layer, neuron, input } => {
                let index = step.shape.index(Parameter { layer, neuron, input });
                let Some(trace) = step.update_trace(index) else {
                    unreachable!("an optimizer of whole layers has no cell for each parameter")
                };
                (trace, step.update_inputs(index), Vec::new())
            }
        }
    }

    /// An instruction of the cell's script. A schedule and what an optimizer computes from the context alone belong to no
    /// element of the network; their target is the loss.
    fn script(&self, address: &Address, instruction: usize) -> ComputedEvent<'_> {
        let (trace, inputs, _) = self.call(address);
        let instruction = trace.instructions()[instruction];
        let (kind, site) = run(trace, &inputs, instruction);
        let target = match address.cell {
            Cell::Neuron { layer, neuron } => Target::Neuron { layer, neuron },
            Cell::Layer { layer } if address.phase == Phase::Update => {
                let inputs = UpdateInputs::of_layer(self.step(), layer);
                let owner = match instruction {
                    Instruction::Compute(id) => {
                        let node = trace.node(id);
                        inputs.owner(trace, &node.operands[..node.op.arity()], Some(id))
                    }
                    Instruction::Compare(guard) => {
                        let guard = &trace.guards()[guard];
                        inputs.owner(trace, &[guard.a, guard.b], None)
                    }
                };
                owner.map_or(Target::Loss, Target::from)
            }
            Cell::Layer { layer } => Target::Neuron { layer, neuron: self.neuron_of(trace, instruction, layer) },
            Cell::Parameter { layer, neuron, input } | Cell::ParameterGradient { layer, neuron, input } => {
                Target::from(Parameter { layer, neuron, input })
            }
            Cell::Input | Cell::Loss | Cell::Rate => Target::Loss,
        };
        (kind, target, site.map(|site| (trace, site)))
    }

    /// A chain step of the cell's script.
    fn chain(&self, address: &Address, step: usize) -> ComputedEvent<'_> {
        let (trace, inputs, seeds) = self.call(address);
        let (kind, into, site) = chain(trace, &inputs, &seeds, step);
        let shape = &self.step().shape;
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

    /// The neuron to show an operation of a whole layer's activation at: the one whose activation it computes, else the
    /// first one whose z is an operand, else the first of the layer.
    fn neuron_of(&self, trace: &Trace, instruction: Instruction, layer: usize) -> usize {
        let Instruction::Compute(id) = instruction else { return 0 };
        let size = self.step().shape.size(layer);
        let result = trace.outputs().iter().position(|&output| output == id);
        let node = trace.node(id);
        let operand = node.operands[..node.op.arity()].iter().map(|id| id.index()).find(|&i| i < size);
        result.or(operand).unwrap_or(0)
    }

    /// The activation of a neuron, as an output of its own call or of the whole layer's.
    fn activated(&self, sample: usize, cell: Cell, output: usize) -> ComputedEvent<'_> {
        let (step, (layer, neuron)) = (self.step(), cell.layer_and_neuron());
        let neuron = if step.names.whole_layer[layer] { output } else { neuron };
        let recorded = &step.samples[sample].layers[layer];
        let activation = step.names.activations[layer].clone();
        let kind = EventKind::Activated { activation, neuron, z: recorded.z[neuron], a: recorded.a[neuron] };
        (kind, Target::Neuron { layer, neuron }, closing(step.activation_trace(sample, layer, neuron), output))
    }

    /// δ of a neuron, the gradients of its parameters, and its terms of ∂L/∂a in the layer before. Sums repeat the
    /// operations of the recorded step, so that they agree bit for bit.
    fn backward(&self, sample: usize, cell: Cell, operation: CellOperation) -> ComputedEvent<'_> {
        let (step, (layer, neuron)) = (self.step(), cell.layer_and_neuron());
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
            let (delta, x) =
                (self.step().samples[s].layers[layer].delta[neuron], self.step().layer_input(s, layer)[input]);
            sum = if s == 0 { delta * x } else { math::fma(delta, x, sum) };
        }
        sum
    }

    /// The update of a parameter, without the instructions of the optimizer.
    fn update(&self, cell: Cell, operation: CellOperation) -> ComputedEvent<'_> {
        let step = self.step();
        let Some(at) = cell.parameter() else { unreachable!("only parameters are updated") };
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
                let trace = step.update_trace(index).or_else(|| step.layer_update_trace(at.layer));
                let result = UpdateInputs::of_parameter(step, at).result(at);
                (kind, target, trace.and_then(|trace| closing(trace, result)))
            }
        }
    }
}

/// What an event computes, its target, and its site in a trace.
type ComputedEvent<'a> = (EventKind, Target, Option<(&'a Trace, Site)>);

/// The site of a call's result: its own expression, or the script's last instruction where the result is an input that
/// is returned unchanged.
fn closing(trace: &Trace, output: usize) -> Option<(&Trace, Site)> {
    let of_result = trace.node(trace.outputs()[output]).site;
    let site = of_result.or_else(|| match trace.instructions().last()? {
        Instruction::Compute(id) => trace.node(*id).site,
        Instruction::Compare(guard) => trace.guards()[*guard].site,
    });
    site.map(|site| (trace, site))
}

/// An instruction of a call, with its numbers.
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
            (EventKind::Compare { compare: guard.compare, a, b, answer: guard.result }, guard.site)
        }
    }
}

/// The chain step `at` of a call with its numbers, and the index of the node that receives the contribution.
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
