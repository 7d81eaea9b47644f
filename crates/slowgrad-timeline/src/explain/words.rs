//! Events and elements of the network in words.
//!
//! The explanation panel, the trace on paper, captions and screen readers all take their sentences from here, so that they
//! agree. Neurons, inputs and layers count from 1 in the text, as in a textbook.

use super::expression::{Term, compose};
use crate::events::{Address, Cell, Event, EventKind, Phase, Timeline, origin};
use crate::number_format::{digits_apart, number};
use crate::scene::{Ink, Link, Math, Target};
use slowgrad_engine::io_names::IoNames;
use slowgrad_engine::record::RecordedStep;
use slowgrad_engine::shape::{Parameter, Shape};

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
    pub fn sentence(self, timeline: &Timeline, event: &Event) -> String {
        let names = ElementNames::of(timeline.step());
        let neuron_name = |neuron: usize| {
            let layer = event.address.cell.layer().unwrap_or(0);
            format!("{}{}", neuron + 1, names.neuron(layer, neuron))
        };
        let show = |x: f64| number(x, self.digits);
        match &event.kind {
            EventKind::Enter { input, value } => {
                format!("Input {}{} is {}.", input + 1, names.input(*input), show(*value))
            }
            EventKind::Product { weight, x, product, .. } => {
                let is_z = if timeline.completes_pre_activation(&event.address) { ", the pre-activation" } else { "" };
                format!("Weight {} times {} is {}{is_z}.", show(*weight), show(*x), show(*product))
            }
            EventKind::Accumulate { sum, .. } if timeline.completes_pre_activation(&event.address) => {
                format!("With the last product the pre-activation is {}.", show(*sum))
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
                format!("The activation of neuron {} is {}.", neuron_name(*neuron), show(*a))
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
            EventKind::Delta { neuron, delta, .. } => {
                format!("Neuron {} has δ = {}.", neuron_name(*neuron), show(*delta))
            }
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
    parts.extend(place(timeline.step(), address));
    parts.join(" · ")
}

/// The parts of a [`title`] below the phase: `layer 2`, `neuron 1`. A weight is `weight 3 → 1`: from input 3 to neuron 1.
/// Inputs and outputs with names have them in parentheses.
pub fn place(step: &RecordedStep, address: &Address) -> Vec<String> {
    let names = ElementNames::of(step);
    let layer = |layer: usize| format!("layer {}", layer + 1);
    match address.cell {
        Cell::Input => Vec::new(),
        Cell::Rate => vec!["learning rate".into()],
        Cell::Loss if address.phase == Phase::Loss => Vec::new(),
        Cell::Loss => vec!["loss".into()],
        Cell::Layer { layer: l } => vec![layer(l), "whole layer".into()],
        Cell::Neuron { layer: l, neuron } => {
            vec![layer(l), format!("neuron {}{}", neuron + 1, names.neuron(l, neuron))]
        }
        Cell::Parameter { layer: l, neuron, input: Some(input) }
        | Cell::ParameterGradient { layer: l, neuron, input: Some(input) } => {
            let (source, neuron_name) = (names.source(l, input), names.neuron(l, neuron));
            vec![layer(l), format!("weight {}{source} → {}{neuron_name}", input + 1, neuron + 1)]
        }
        Cell::Parameter { layer: l, neuron, input: None }
        | Cell::ParameterGradient { layer: l, neuron, input: None } => {
            vec![layer(l), format!("bias {}{}", neuron + 1, names.neuron(l, neuron))]
        }
    }
}

/// The description of an element of the network: `weight from neuron 3 to neuron 1 of layer 2`.
pub fn target(target: Target) -> String {
    described(target, &|_| String::new(), &|_, _| String::new())
}

/// The description of an element of the network with the names of inputs and outputs: `input 3 (petal_length)`,
/// `neuron 1 of layer 2 (setosa)`.
pub fn named_target(target: Target, shape: &Shape, names: &IoNames) -> String {
    let names = ElementNames { last_layer: shape.layers().saturating_sub(1), names };
    described(target, &|input| names.input(input), &|layer, neuron| names.neuron(layer, neuron))
}

fn described(
    target: Target,
    input_name: &dyn Fn(usize) -> String,
    neuron_name: &dyn Fn(usize, usize) -> String,
) -> String {
    match target {
        Target::Input(input) => format!("input {}{}", input + 1, input_name(input)),
        Target::Neuron { layer, neuron } => {
            format!("neuron {} of layer {}{}", neuron + 1, layer + 1, neuron_name(layer, neuron))
        }
        Target::Weight { layer, neuron, input } => {
            let (source, name) =
                if layer == 0 { ("input", input_name(input)) } else { ("neuron", neuron_name(layer - 1, input)) };
            let to = neuron_name(layer, neuron);
            format!("weight from {source} {}{name} to neuron {} of layer {}{to}", input + 1, neuron + 1, layer + 1)
        }
        Target::Bias { layer, neuron } => {
            format!("bias {} of layer {}{}", neuron + 1, layer + 1, neuron_name(layer, neuron))
        }
        Target::Loss => "loss".into(),
    }
}

/// The names of inputs and outputs as additions to a description: ` (setosa)`, or nothing.
#[derive(Debug, Clone, Copy)]
struct ElementNames<'n> {
    last_layer: usize,
    names: &'n IoNames,
}

impl<'n> ElementNames<'n> {
    fn of(step: &'n RecordedStep) -> Self {
        Self { last_layer: step.shape.layers().saturating_sub(1), names: &step.io_names }
    }

    fn input(self, input: usize) -> String {
        in_parentheses(self.names.input(input))
    }

    fn neuron(self, layer: usize, neuron: usize) -> String {
        in_parentheses(self.names.output(neuron).filter(|_| layer == self.last_layer))
    }

    /// The input of a layer, which may be a neuron of the layer before.
    fn source(self, layer: usize, input: usize) -> String {
        if layer == 0 { self.input(input) } else { String::new() }
    }
}

fn in_parentheses(name: Option<&str>) -> String {
    name.map(|name| format!(" ({name})")).unwrap_or_default()
}

/// A name with at most so many characters, with `…` in place of its end if it is longer.
pub fn elided(name: &str, max_chars: usize) -> String {
    if name.chars().count() <= max_chars {
        return name.to_owned();
    }
    name.chars().take(max_chars.saturating_sub(1)).chain(['…']).collect()
}
