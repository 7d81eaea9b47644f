//! An event: one operation of a training step, with its address, its numbers and its location in a script.

use crate::scene::Target;
use serde::{Deserialize, Serialize};
use slowgrad_engine::shape::Parameter;
use slowgrad_tape::{Compare, Location, Op};

/// The phases of a step, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// The sample's values enter the network.
    Input,
    /// Weighted sums and activations, layer by layer.
    Forward,
    /// The scripted loss.
    Loss,
    /// The chain rule, from the loss to every parameter.
    Backward,
    /// The scripted schedule and regularizer, if the run has them, and the scripted optimizer for each parameter.
    Update,
}

impl Phase {
    /// All, in order.
    pub const ALL: [Phase; 5] = [Phase::Input, Phase::Forward, Phase::Loss, Phase::Backward, Phase::Update];

    /// The name in the interface and in files.
    pub fn name(self) -> &'static str {
        match self {
            Phase::Input => "input",
            Phase::Forward => "forward",
            Phase::Loss => "loss",
            Phase::Backward => "backward",
            Phase::Update => "update",
        }
    }

    /// The phase with this [`name`](Self::name).
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|phase| phase.name() == name)
    }
}

/// The position of an event within a run. All numbers count from 0 except `step`, which counts from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
pub struct Address {
    /// The training step, from 1.
    pub step: u64,
    /// The sample of the batch; `None` in the update.
    pub sample: Option<usize>,
    /// The phase.
    pub phase: Phase,
    /// The cell: which neuron, loss or parameter is computed.
    pub cell: Cell,
    /// The operation within the cell.
    pub operation: usize,
}

/// The smallest group of operations: those of a neuron, a layer's activation, the loss or a parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Cell {
    /// The sample's values enter the network.
    Input,
    /// A neuron, forward or backward: its weighted sum and, unless the activation takes the whole layer, its
    /// activation.
    Neuron {
        /// Layer, from 0.
        layer: usize,
        /// Neuron, from 0.
        neuron: usize,
    },
    /// A function that takes the whole layer: an activation such as softmax, forward or backward, or an optimizer.
    Layer {
        /// Layer, from 0.
        layer: usize,
    },
    /// The loss, forward or backward.
    Loss,
    /// The learning rate of the step; the first cell of the update if the run has a schedule.
    Rate,
    /// The gradient of one parameter for an optimizer that updates whole layers: its mean over the batch and the penalty.
    ParameterGradient {
        /// Layer, from 0.
        layer: usize,
        /// Neuron, from 0.
        neuron: usize,
        /// The input of a weight; `None` for the bias.
        input: Option<usize>,
    },
    /// The update of one parameter. If the optimizer updates whole layers, only its result.
    Parameter {
        /// Layer, from 0.
        layer: usize,
        /// Neuron, from 0.
        neuron: usize,
        /// The input of a weight; `None` for the bias.
        input: Option<usize>,
    },
}

impl From<Parameter> for Cell {
    /// The cell of a parameter's update.
    fn from(Parameter { layer, neuron, input }: Parameter) -> Self {
        Cell::Parameter { layer, neuron, input }
    }
}

impl Cell {
    /// The layer of the cell, if it belongs to one.
    pub fn layer(self) -> Option<usize> {
        match self {
            Cell::Neuron { layer, .. }
            | Cell::Layer { layer }
            | Cell::ParameterGradient { layer, .. }
            | Cell::Parameter { layer, .. } => Some(layer),
            Cell::Input | Cell::Loss | Cell::Rate => None,
        }
    }

    /// The parameter that the cell is about.
    pub(crate) fn parameter(self) -> Option<Parameter> {
        match self {
            Cell::ParameterGradient { layer, neuron, input } | Cell::Parameter { layer, neuron, input } => {
                Some(Parameter { layer, neuron, input })
            }
            _ => None,
        }
    }

    /// The layer and the neuron; 0 for a cell without one.
    pub(crate) fn layer_and_neuron(self) -> (usize, usize) {
        match self {
            Cell::Neuron { layer, neuron }
            | Cell::ParameterGradient { layer, neuron, .. }
            | Cell::Parameter { layer, neuron, .. } => (layer, neuron),
            Cell::Layer { layer } => (layer, 0),
            Cell::Input | Cell::Loss | Cell::Rate => (0, 0),
        }
    }
}

/// A value with its name in the script or in the mathematics.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct NamedValue {
    /// For example `z`, `output[0]`, `t2` or a variable of the script.
    pub name: String,
    /// The value.
    pub value: f64,
}

/// What an event computes, with its numbers.
#[derive(Debug, Clone, PartialEq)]
pub enum EventKind {
    /// An input takes its value.
    Enter {
        /// The input.
        input: usize,
        /// The input's value.
        value: f64,
    },
    /// A weight times its input, rounded: w·x.
    Product {
        /// The input of the layer.
        input: usize,
        /// The weight.
        weight: f64,
        /// The value of the input.
        x: f64,
        /// w·x.
        product: f64,
    },
    /// The next partial sum: one fused multiply-add, rounded once.
    Accumulate {
        /// The input of the layer.
        input: usize,
        /// The weight.
        weight: f64,
        /// The value of the input.
        x: f64,
        /// The sum before.
        before: f64,
        /// fma(w, x, before).
        sum: f64,
    },
    /// The pre-activation z: the sum plus the bias. A layer without biases has no such event: its last sum is z.
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
        /// The operands.
        operands: Vec<NamedValue>,
        /// The result.
        result: NamedValue,
    },
    /// A comparison in a script.
    Compare {
        /// The relation.
        compare: Compare,
        /// Left operand.
        a: NamedValue,
        /// Right operand.
        b: NamedValue,
        /// Whether the relation holds.
        answer: bool,
    },
    /// The activation of a neuron is complete.
    Activated {
        /// The activation plugin.
        activation: String,
        /// The neuron.
        neuron: usize,
        /// The pre-activation.
        z: f64,
        /// The activation.
        a: f64,
    },
    /// The loss of the sample is complete.
    LossValue {
        /// The loss plugin.
        loss: String,
        /// The value.
        value: f64,
    },
    /// Backpropagation starts: ∂L/∂L = 1.
    Seed,
    /// One application of the chain rule within a script: upstream × local = contribution.
    Chain {
        /// The operation that is differentiated.
        op: Op,
        /// The result of the operation.
        of: NamedValue,
        /// All operands of the operation.
        operands: Vec<NamedValue>,
        /// The operand that receives the contribution, as an index into `operands`.
        into: usize,
        /// ∂L/∂result.
        upstream: f64,
        /// ∂result/∂operand.
        local: f64,
        /// upstream × local.
        contribution: f64,
        /// ∂L/∂operand before; `None` for the first contribution.
        before: Option<f64>,
        /// ∂L/∂operand afterwards.
        after: f64,
    },
    /// δ = ∂L/∂z of a neuron is complete.
    Delta {
        /// The neuron.
        neuron: usize,
        /// ∂L/∂a.
        grad_a: f64,
        /// ∂L/∂z.
        delta: f64,
    },
    /// ∂L/∂b of this sample, added to the sum over the batch.
    BiasGrad {
        /// δ, which is this sample's ∂L/∂b.
        delta: f64,
        /// The sum before; `None` for the first sample.
        before: Option<f64>,
        /// The sum afterwards.
        sum: f64,
    },
    /// ∂L/∂w of this sample, added to the sum over the batch with one fused multiply-add.
    WeightGrad {
        /// The input of the layer.
        input: usize,
        /// δ of the neuron.
        delta: f64,
        /// The value of the input.
        x: f64,
        /// δ·x, rounded.
        contribution: f64,
        /// The sum before; `None` for the first sample.
        before: Option<f64>,
        /// The sum afterwards.
        sum: f64,
    },
    /// A term of ∂L/∂a in the layer before, or of ∂L/∂x, added to the sum over this layer's neurons with one fused
    /// multiply-add.
    Backprop {
        /// The input of the layer: a neuron of the layer before, or an input of the network.
        input: usize,
        /// The weight from there to the neuron.
        weight: f64,
        /// δ of the neuron.
        delta: f64,
        /// w·δ, rounded.
        contribution: f64,
        /// The sum before; `None` for the first neuron.
        before: Option<f64>,
        /// The sum afterwards.
        sum: f64,
    },
    /// The mean of a parameter's gradient over the batch.
    Average {
        /// The sum over the batch.
        sum: f64,
        /// Number of samples.
        count: usize,
        /// sum / count.
        mean: f64,
    },
    /// The learning rate of the step is complete.
    Rate {
        /// The schedule.
        schedule: String,
        /// The learning rate that is set for the optimizer.
        base: f64,
        /// The schedule's multiplier.
        factor: f64,
        /// base × factor.
        lr: f64,
    },
    /// The derivative of the penalty is added to the gradient of a weight.
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
    /// A frozen parameter: neither its value nor its optimizer state changes, whatever its gradient.
    Frozen {
        /// Its value.
        value: f64,
    },
    /// The parameter has its new value.
    Updated {
        /// The optimizer plugin.
        optimizer: String,
        /// The value before.
        old: f64,
        /// The value afterwards.
        new: f64,
    },
}

impl EventKind {
    /// The name in trace files.
    pub fn name(&self) -> &'static str {
        match self {
            EventKind::Enter { .. } => "enter",
            EventKind::Product { .. } => "product",
            EventKind::Accumulate { .. } => "accumulate",
            EventKind::AddBias { .. } => "add_bias",
            EventKind::Operation { .. } => "operation",
            EventKind::Compare { .. } => "compare",
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

    /// The result; 1 or 0 for a comparison.
    pub fn result(&self) -> f64 {
        match self {
            EventKind::Enter { value, .. } | EventKind::LossValue { value, .. } | EventKind::Frozen { value } => *value,
            EventKind::Product { product, .. } => *product,
            EventKind::Accumulate { sum, .. } => *sum,
            EventKind::AddBias { z, .. } => *z,
            EventKind::Operation { result, .. } => result.value,
            EventKind::Compare { answer, .. } => f64::from(u8::from(*answer)),
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
    /// What it computes.
    pub kind: EventKind,
    /// The element of the network it belongs to.
    pub target: Target,
    /// The expression in a script that it executes, if any.
    pub location: Option<Location>,
}
