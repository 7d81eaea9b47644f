//! What an event is: one operation of a training step, with its place, its numbers and its origin.

use crate::scene::Target;
use serde::{Deserialize, Serialize};
use slowgrad_tape::{Compare, Location, Op};

/// The parts of a step, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// The sample's values enter the network.
    Input,
    /// Layer by layer to the output.
    Forward,
    /// The scripted loss.
    Loss,
    /// The chain rule, from the loss to every parameter.
    Backward,
    /// The scripted schedule and regularizer, if there are any, and the scripted optimizer, parameter by parameter.
    Update,
}

impl Phase {
    /// All, in order.
    pub const ALL: [Phase; 5] = [Phase::Input, Phase::Forward, Phase::Loss, Phase::Backward, Phase::Update];

    /// The name that people and files use.
    pub fn name(self) -> &'static str {
        match self {
            Phase::Input => "input",
            Phase::Forward => "forward",
            Phase::Loss => "loss",
            Phase::Backward => "backward",
            Phase::Update => "update",
        }
    }

    /// The phase of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|phase| phase.name() == name)
    }
}

/// Where in a run an event stands. All numbers count from 0 except `step`, which counts from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
pub struct Address {
    /// The training step, from 1.
    pub step: u64,
    /// Which sample of the batch; absent in the update.
    pub sample: Option<usize>,
    /// The phase.
    pub phase: Phase,
    /// What is being computed.
    pub cell: Cell,
    /// Which operation of the cell.
    pub operation: usize,
}

/// The smallest group of events above the operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Cell {
    /// The sample enters.
    Input,
    /// A neuron: its weighted sum and, unless the activation takes the whole layer, its activation.
    /// Forward or backward.
    Neuron {
        /// Layer, from 0.
        layer: usize,
        /// Neuron, from 0.
        neuron: usize,
    },
    /// An activation that takes the whole layer. Forward or backward.
    Layer {
        /// Layer, from 0.
        layer: usize,
    },
    /// The loss. Forward or backward.
    Loss,
    /// The learning rate of the step: the first cell of the update when there is a schedule.
    Rate,
    /// The update of one parameter.
    Parameter {
        /// Layer, from 0.
        layer: usize,
        /// Neuron, from 0.
        neuron: usize,
        /// The input it weighs, or `None` for the bias.
        input: Option<usize>,
    },
}

impl Cell {
    /// The layer it belongs to.
    pub fn layer(self) -> Option<usize> {
        match self {
            Cell::Neuron { layer, .. } | Cell::Layer { layer } | Cell::Parameter { layer, .. } => Some(layer),
            Cell::Input | Cell::Loss | Cell::Rate => None,
        }
    }

    /// Layer and neuron, 0 where it has none.
    pub(crate) fn layer_and_neuron(self) -> (usize, usize) {
        match self {
            Cell::Neuron { layer, neuron } | Cell::Parameter { layer, neuron, .. } => (layer, neuron),
            Cell::Layer { layer } => (layer, 0),
            Cell::Input | Cell::Loss | Cell::Rate => (0, 0),
        }
    }
}

/// A value with the name that the script or the mathematics gives it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Named {
    /// Such as `z`, `output[0]`, `t2` or the name of a variable.
    pub name: String,
    /// The value.
    pub value: f64,
}

/// What happens, with its numbers.
#[derive(Debug, Clone, PartialEq)]
pub enum EventKind {
    /// An input takes its value.
    Enter {
        /// Which input.
        input: usize,
        /// Its value.
        value: f64,
    },
    /// The product that travels along a connection: w·x, rounded on its own.
    Product {
        /// Which input of the layer.
        input: usize,
        /// The weight.
        weight: f64,
        /// What enters.
        x: f64,
        /// w·x.
        product: f64,
    },
    /// The running sum: one fused multiply-add.
    Accumulate {
        /// Which input of the layer.
        input: usize,
        /// The weight.
        weight: f64,
        /// What enters.
        x: f64,
        /// The sum before.
        before: f64,
        /// fma(w, x, before).
        sum: f64,
    },
    /// The bias joins the sum: the pre-activation z.
    AddBias {
        /// The sum of the products.
        sum: f64,
        /// The bias.
        bias: f64,
        /// sum + bias.
        z: f64,
    },
    /// An operation of a script.
    Operation {
        /// The operation.
        op: Op,
        /// Its operands.
        operands: Vec<Named>,
        /// The name and value of its result.
        result: Named,
    },
    /// A comparison in a script.
    Ask {
        /// The question.
        compare: Compare,
        /// Left operand.
        a: Named,
        /// Right operand.
        b: Named,
        /// The answer.
        answer: bool,
    },
    /// A neuron has its activation.
    Activated {
        /// The plugin.
        activation: String,
        /// Which neuron.
        neuron: usize,
        /// The pre-activation.
        z: f64,
        /// The activation.
        a: f64,
    },
    /// The loss is known.
    LossValue {
        /// The plugin.
        loss: String,
        /// The value.
        value: f64,
    },
    /// The chain rule starts: ∂L/∂L = 1.
    Seed,
    /// One use of the chain rule inside a script: upstream × local = contribution.
    Chain {
        /// The operation that the gradient flows through.
        op: Op,
        /// Its result, by name and value.
        of: Named,
        /// All its operands.
        operands: Vec<Named>,
        /// Which of them the gradient flows into.
        into: usize,
        /// ∂L/∂result.
        upstream: f64,
        /// ∂result/∂operand.
        local: f64,
        /// upstream × local.
        contribution: f64,
        /// ∂L/∂operand so far, when this is not its first contribution.
        before: Option<f64>,
        /// ∂L/∂operand afterwards.
        after: f64,
    },
    /// A neuron has its δ = ∂L/∂z.
    Delta {
        /// Which neuron.
        neuron: usize,
        /// ∂L/∂a.
        grad_a: f64,
        /// ∂L/∂z.
        delta: f64,
    },
    /// ∂L/∂b of this sample, and the sum over the batch so far.
    BiasGrad {
        /// δ, which is this sample's ∂L/∂b.
        delta: f64,
        /// The batch's sum before, when this is not its first sample.
        before: Option<f64>,
        /// The batch's sum afterwards.
        sum: f64,
    },
    /// ∂L/∂w of this sample, and the sum over the batch so far (fused).
    WeightGrad {
        /// Which input of the layer.
        input: usize,
        /// δ of the neuron.
        delta: f64,
        /// What entered.
        x: f64,
        /// δ·x, rounded on its own.
        contribution: f64,
        /// The batch's sum before, when this is not its first sample.
        before: Option<f64>,
        /// The batch's sum afterwards.
        sum: f64,
    },
    /// A share of ∂L/∂a of the layer before, and the sum so far (fused).
    Backprop {
        /// Which neuron of the layer before.
        input: usize,
        /// The weight between.
        weight: f64,
        /// δ of the neuron.
        delta: f64,
        /// w·δ, rounded on its own.
        contribution: f64,
        /// The sum before, when this is not the first neuron.
        before: Option<f64>,
        /// The sum afterwards.
        sum: f64,
    },
    /// The gradient of a parameter, averaged over the batch.
    Average {
        /// The batch's sum.
        sum: f64,
        /// Number of samples.
        count: usize,
        /// sum / count.
        mean: f64,
    },
    /// The learning rate of the step is known.
    Rate {
        /// The schedule.
        schedule: String,
        /// The optimizer's own learning rate.
        base: f64,
        /// The schedule's multiplier.
        factor: f64,
        /// base × factor.
        lr: f64,
    },
    /// The regularizer's share joins the gradient of a weight.
    Penalized {
        /// The regularizer.
        regularizer: String,
        /// The gradient of the loss, averaged over the batch.
        mean: f64,
        /// The derivative of the penalty.
        share: f64,
        /// mean + share.
        grad: f64,
    },
    /// A parameter is held fast: whatever its gradient, it stays, and so does what the optimizer remembers of it.
    Frozen {
        /// Its value.
        value: f64,
    },
    /// A parameter moves.
    Updated {
        /// The plugin.
        optimizer: String,
        /// Before.
        old: f64,
        /// After.
        new: f64,
    },
}

impl EventKind {
    /// The name used in files.
    pub fn name(&self) -> &'static str {
        match self {
            EventKind::Enter { .. } => "enter",
            EventKind::Product { .. } => "product",
            EventKind::Accumulate { .. } => "accumulate",
            EventKind::AddBias { .. } => "add_bias",
            EventKind::Operation { .. } => "operation",
            EventKind::Ask { .. } => "compare",
            EventKind::Activated { .. } => "activated",
            EventKind::LossValue { .. } => "loss",
            EventKind::Seed => "seed",
            EventKind::Chain { .. } => "chain",
            EventKind::Delta { .. } => "delta",
            EventKind::BiasGrad { .. } => "bias_grad",
            EventKind::WeightGrad { .. } => "weight_grad",
            EventKind::Backprop { .. } => "backprop",
            EventKind::Average { .. } => "average",
            EventKind::Rate { .. } => "rate",
            EventKind::Penalized { .. } => "penalized",
            EventKind::Frozen { .. } => "frozen",
            EventKind::Updated { .. } => "updated",
        }
    }

    /// The number that comes out (1 or 0 for the answer of a comparison).
    pub fn result(&self) -> f64 {
        match self {
            EventKind::Enter { value, .. } | EventKind::LossValue { value, .. } | EventKind::Frozen { value } => *value,
            EventKind::Product { product, .. } => *product,
            EventKind::Accumulate { sum, .. } => *sum,
            EventKind::AddBias { z, .. } => *z,
            EventKind::Operation { result, .. } => result.value,
            EventKind::Ask { answer, .. } => f64::from(u8::from(*answer)),
            EventKind::Activated { a, .. } => *a,
            EventKind::Seed => 1.0,
            EventKind::Chain { after, .. } => *after,
            EventKind::Delta { delta, .. } => *delta,
            EventKind::BiasGrad { sum, .. } | EventKind::WeightGrad { sum, .. } | EventKind::Backprop { sum, .. } => {
                *sum
            }
            EventKind::Average { mean, .. } => *mean,
            EventKind::Rate { lr, .. } => *lr,
            EventKind::Penalized { grad, .. } => *grad,
            EventKind::Updated { new, .. } => *new,
        }
    }
}

/// One operation of a step.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// Its index in the step's timeline.
    pub index: usize,
    /// Its address.
    pub address: Address,
    /// What happens.
    pub kind: EventKind,
    /// What of the network it belongs to.
    pub target: Target,
    /// The expression it came from, when a script produced it.
    pub location: Option<Location>,
}
