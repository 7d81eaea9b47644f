//! Events and elements of the network in words.
//!
//! The explanation panel, the trace on paper, captions and screen readers all take their sentences from here, so that they
//! agree. Neurons, inputs and layers count from 1 in the text, as in a textbook.

use super::expression::{Term, compose};
use crate::events::{Address, Cell, Event, EventKind, Phase, Timeline, origin};
use crate::number_format::{digits_apart, number};
use crate::scene::{Ink, Link, Math, Target};
use slowgrad_engine::record::RecordedStep;
use slowgrad_engine::shape::Parameter;

/// Writes formulas and sentences.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Explainer {
    /// Significant digits of every number.
    pub digits: usize,
}

impl Explainer {
    /// A number in the colour of its quantity, stronger the larger it is, that links to its origin.
    pub(crate) fn mark(self, x: f64, ink: fn(f32) -> Ink, link: Option<Link>) -> Math {
        self.link(x, ink(level(x)), link)
    }

    /// A number in a given colour that links to its origin.
    pub(crate) fn link(self, x: f64, ink: Ink, link: Option<Link>) -> Math {
        Math::Marked { math: Box::new(Math::text(number(x, self.digits))), ink, link }
    }

    /// A parameter's value before the step.
    pub(crate) fn before(self, step: &RecordedStep, at: Parameter) -> Math {
        self.mark(step.before.values[step.shape.index(at)], Ink::Weight, Some(origin::before(step, at)))
    }

    /// The event as a sentence, for captions and screen readers.
    pub fn sentence(self, event: &Event) -> String {
        let show = |x: f64| number(x, self.digits);
        match &event.kind {
            EventKind::Enter { input, value } => format!("Input {} is {}.", input + 1, show(*value)),
            EventKind::Product { weight, x, product, .. } => {
                format!("Weight {} times {} is {}.", show(*weight), show(*x), show(*product))
            }
            EventKind::Accumulate { sum, .. } => format!("The running sum becomes {}.", show(*sum)),
            EventKind::AddBias { bias, z, .. } => {
                format!("With the bias {} the pre-activation is {}.", show(*bias), show(*z))
            }
            EventKind::Operation { op, operands, result } => {
                let numbers = operands.iter().map(|operand| Term::leaf(Math::text(show(operand.value))));
                let formula = compose(*op, numbers.collect()).math().plain();
                format!("The script computes {formula} = {}.", show(result.value))
            }
            EventKind::Compare { compare, a, b, answer } => {
                let word = if *answer { "yes" } else { "no" };
                format!("The script tests whether {} {} {}: {word}.", show(a.value), compare.symbol(), show(b.value))
            }
            EventKind::Activated { neuron, a, .. } => {
                format!("The activation of neuron {} is {}.", neuron + 1, show(*a))
            }
            EventKind::LossValue { value, .. } => format!("The loss of this sample is {}.", show(*value)),
            EventKind::Seed => "Backpropagation starts here: ∂L/∂L = 1.".to_owned(),
            EventKind::Chain { upstream, local, contribution, .. } => {
                let why = if *upstream == 0.0 {
                    " The upstream gradient is 0, so the contribution is 0."
                } else if *local == 0.0 {
                    " The local derivative is 0, so the gradient stops here."
                } else {
                    ""
                };
                format!("Chain rule: {} times {} is {}.{why}", show(*upstream), show(*local), show(*contribution))
            }
            EventKind::Delta { neuron, delta, .. } => format!("Neuron {} has δ = {}.", neuron + 1, show(*delta)),
            EventKind::BiasGrad { delta, .. } => format!("The gradient of the bias is δ = {}.", show(*delta)),
            EventKind::WeightGrad { delta, x, contribution, .. } => {
                let why = match (*delta == 0.0, *x == 0.0) {
                    (true, _) => " δ is 0, so this sample does not change the weight.",
                    (_, true) => " The input is 0, so this sample does not change the weight.",
                    _ => "",
                };
                let product = format!("{} times {} is {}", show(*delta), show(*x), show(*contribution));
                format!("The weight's gradient is δ times its input: {product}.{why}")
            }
            EventKind::Backprop { weight, delta, contribution, .. } => {
                format!("Back through the weight: {} times {} is {}.", show(*weight), show(*delta), show(*contribution))
            }
            EventKind::Average { count, mean, .. } => format!("The mean over {count} samples is {}.", show(*mean)),
            EventKind::Rate { schedule, base, factor, lr } => format!(
                "The schedule {schedule} returns {}: this step's learning rate is {} times that, {}.",
                show(*factor),
                show(*base),
                show(*lr)
            ),
            EventKind::Penalized { regularizer, mean, share, grad } => {
                format!("{regularizer} adds {} to the gradient {}: {}.", show(*share), show(*mean), show(*grad))
            }
            EventKind::Frozen { value } => format!("The parameter is frozen at {}.", show(*value)),
            EventKind::Updated { old, new, .. } if old == new => format!("The parameter stays at {}.", show(*old)),
            EventKind::Updated { old, new, .. } => {
                let digits = digits_apart(*old, *new, self.digits);
                format!("The parameter moves from {} to {}.", number(*old, digits), number(*new, digits))
            }
        }
    }
}

/// The colour level of a number, from −1 to 1: the number itself, clamped. NaN is 0.
pub fn level(x: f64) -> f32 {
    if x.is_nan() { 0.0 } else { x.clamp(-1.0, 1.0) as f32 }
}

/// The position of an event within a run: `step 1 · sample 2 of 4 · backward · layer 2 · neuron 1`.
pub fn title(timeline: &Timeline, address: &Address) -> String {
    let mut parts = vec![format!("step {}", address.step)];
    let samples = timeline.step().samples.len();
    if let Some(sample) = address.sample.filter(|_| samples > 1) {
        parts.push(format!("sample {} of {samples}", sample + 1));
    }
    parts.push(address.phase.name().to_owned());
    parts.extend(place(address));
    parts.join(" · ")
}

/// The parts of a [`title`] below the phase: `layer 2`, `neuron 1`. A weight is `weight 3 → 1`: from input 3 to neuron 1.
pub fn place(address: &Address) -> Vec<String> {
    let layer = |layer: usize| format!("layer {}", layer + 1);
    match address.cell {
        Cell::Input => Vec::new(),
        Cell::Rate => vec!["learning rate".into()],
        Cell::Loss if address.phase == Phase::Loss => Vec::new(),
        Cell::Loss => vec!["loss".into()],
        Cell::Layer { layer: l } => vec![layer(l), "whole layer".into()],
        Cell::Neuron { layer: l, neuron } => vec![layer(l), format!("neuron {}", neuron + 1)],
        Cell::Parameter { layer: l, neuron, input: Some(input) } => {
            vec![layer(l), format!("weight {} → {}", input + 1, neuron + 1)]
        }
        Cell::Parameter { layer: l, neuron, input: None } => vec![layer(l), format!("bias {}", neuron + 1)],
    }
}

/// The name of an element of the network: `weight from neuron 3 to neuron 1 of layer 2`.
pub fn target(target: Target) -> String {
    match target {
        Target::Input(input) => format!("input {}", input + 1),
        Target::Neuron { layer, neuron } => format!("neuron {} of layer {}", neuron + 1, layer + 1),
        Target::Weight { layer, neuron, input } => {
            let source = if layer == 0 { "input" } else { "neuron" };
            format!("weight from {source} {} to neuron {} of layer {}", input + 1, neuron + 1, layer + 1)
        }
        Target::Bias { layer, neuron } => format!("bias {} of layer {}", neuron + 1, layer + 1),
        Target::Loss => "loss".into(),
    }
}
