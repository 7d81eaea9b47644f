//! An event in symbols, in numbers and in words.
//!
//! The formula panel, the trace on paper, captions and screen readers all read what this module writes, so
//! that they never say different things. Neurons, inputs and layers count from 1 here, as in a textbook.

use crate::events::Timeline;
use crate::events::origin;
use crate::events::{Address, Cell, Event, EventKind, Phase};
use crate::explain::expression::{Term, compose};
use crate::scene::{Ink, Link, Math, Target};
use slowgrad_engine::record::RecordedStep;
use slowgrad_engine::shape::Parameter;

/// A number with this many significant digits, correctly rounded, with a real minus sign.
///
/// Zeros at the end are kept when the number has more digits than shown, and dropped when it is exact.
pub fn number(x: f64, digits: usize) -> String {
    if x.is_nan() {
        return "NaN".into();
    }
    if x.is_infinite() {
        return if x > 0.0 { "∞".into() } else { "−∞".into() };
    }
    let digits = digits.max(1);
    // The exponent after rounding to these digits: 9.99 to two digits is 1.0e1.
    let scientific = format!("{:.*e}", digits - 1, x);
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    // Both zeros are shown as 0: a reader with a pencil knows only one.
    let text = if x == 0.0 {
        "0".to_owned()
    } else if (-4..digits.max(6) as i32).contains(&exponent) {
        let decimals = (digits as i32 - 1 - exponent).max(0) as usize;
        trimmed(&format!("{x:.decimals$}"), x)
    } else {
        // Trim by what the whole text says: 2e−5 is exact, 2.000e−5 is not.
        let short = mantissa.trim_end_matches('0').trim_end_matches('.');
        let exact = format!("{short}e{exponent}").parse() == Ok(x);
        format!("{}e{exponent}", if exact { short } else { mantissa })
    };
    text.replace('-', "−")
}

fn trimmed(text: &str, x: f64) -> String {
    if !text.contains('.') || text.parse() != Ok(x) {
        return text.to_owned();
    }
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// A number that always carries its sign.
pub fn signed(x: f64, digits: usize) -> String {
    let text = number(x, digits);
    if text.starts_with('−') || x.is_nan() || x == 0.0 { text } else { format!("+{text}") }
}

/// A script's name as a textbook writes it: `output[0]` is ŷ₁, `ctx.lr` is η, `ctx.beta1` is β₁.
pub fn symbol(name: &str) -> Math {
    if name.starts_with(|c: char| c.is_ascii_digit() || c == '−') {
        return Math::text(name);
    }
    if let Some((base, index)) = name.strip_suffix(']').and_then(|name| name.split_once('['))
        && let Ok(index) = index.parse::<usize>()
    {
        return Math::indexed(letter(base), (index + 1).to_string());
    }
    // A name that ends in a number is that letter with an index: t3, beta1, d₂.
    let is_index = |c: char| c.is_ascii_digit() || ('₀'..='₉').contains(&c);
    let base = name.trim_end_matches(is_index);
    let index: String = name[base.len()..].chars().map(plain_digit).collect();
    if !index.is_empty() {
        return Math::indexed(letter(base), index);
    }
    let base = name.trim_end_matches('′');
    Math::variable(format!("{}{}", letter(base), &name[base.len()..]))
}

/// A digit of an index as an ordinary one.
fn plain_digit(c: char) -> char {
    if ('₀'..='₉').contains(&c) { char::from(b'0' + (u32::from(c) - u32::from('₀')) as u8) } else { c }
}

/// A name without its place, and the letter that stands for it where there is one.
fn letter(name: &str) -> &str {
    let short = ["ctx.", "state.", "p."].iter().find_map(|prefix| name.strip_prefix(prefix)).unwrap_or(name);
    match short {
        "output" => "ŷ",
        "target" => "y",
        "grad" => "g",
        "lr" if name.starts_with("ctx.") => "η",
        "alpha" => "α",
        "beta" => "β",
        "gamma" => "γ",
        "delta" => "δ",
        "epsilon" | "eps" => "ε",
        "eta" => "η",
        "theta" => "θ",
        "lambda" => "λ",
        "mu" => "μ",
        "rho" => "ρ",
        "sigma" => "σ",
        "tau" => "τ",
        "phi" => "φ",
        "omega" => "ω",
        other => other,
    }
}

/// ∂L/∂ something as a fraction.
pub fn grad_of(what: Math) -> Math {
    slope_of("L", what)
}

/// ∂of/∂by as a fraction.
pub(crate) fn slope_of(of: &str, by: Math) -> Math {
    let above = Math::row([Math::text("∂"), Math::variable(of)]);
    Math::fraction(above, Math::row([Math::text("∂"), by])).ink(Ink::Gradient(0.5))
}

/// What the chain rule differentiates in a phase: the loss L, and in the update the penalty R of a weight.
pub(crate) fn differentiated(phase: Phase) -> &'static str {
    if phase == Phase::Update { "R" } else { "L" }
}

/// Writes formulas with a number of significant digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Words {
    /// Significant digits.
    pub digits: usize,
}

impl Words {
    /// A number in the colour of its meaning, stronger the larger it is, that leads to where it came from.
    pub(crate) fn mark(self, x: f64, ink: fn(f32) -> Ink, link: Option<Link>) -> Math {
        self.link(x, ink(level(x)), link)
    }

    /// The same in one colour.
    pub(crate) fn link(self, x: f64, ink: Ink, link: Option<Link>) -> Math {
        Math::Marked { math: Box::new(Math::text(number(x, self.digits))), ink, link }
    }

    /// A parameter's value before the step.
    pub(crate) fn before(self, step: &RecordedStep, at: Parameter) -> Math {
        self.mark(step.before.values[step.shape.index(at)], Ink::Weight, Some(origin::before(step, at)))
    }

    /// The event in a sentence, for captions and screen readers.
    pub fn sentence(self, event: &Event) -> String {
        let show = |x: f64| number(x, self.digits);
        match &event.kind {
            EventKind::Enter { input, value } => format!("Input {} is {}.", input + 1, show(*value)),
            EventKind::Product { weight, x, product, .. } => {
                format!("Weight {} times {} gives {}.", show(*weight), show(*x), show(*product))
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
            EventKind::Ask { compare, a, b, answer } => {
                let word = if *answer { "yes" } else { "no" };
                format!("The script asks whether {} {} {}: {word}.", show(a.value), compare.symbol(), show(b.value))
            }
            EventKind::Activated { neuron, a, .. } => format!("Neuron {} answers {}.", neuron + 1, show(*a)),
            EventKind::LossValue { value, .. } => format!("The loss of this sample is {}.", show(*value)),
            EventKind::Seed => "The way back starts: the loss changes by as much as itself.".to_owned(),
            EventKind::Chain { upstream, local, contribution, .. } => {
                let why = if *upstream == 0.0 {
                    " The gradient that arrives is 0, so nothing flows on."
                } else if *local == 0.0 {
                    " The local derivative is 0, so nothing flows through."
                } else {
                    ""
                };
                format!("Chain rule: {} times {} is {}.{why}", show(*upstream), show(*local), show(*contribution))
            }
            EventKind::Delta { neuron, delta, .. } => format!("Neuron {} has δ = {}.", neuron + 1, show(*delta)),
            EventKind::BiasGrad { delta, .. } => format!("The bias has the gradient δ = {}.", show(*delta)),
            EventKind::WeightGrad { delta, x, contribution, .. } => {
                let why = match (*delta == 0.0, *x == 0.0) {
                    (true, _) => " δ is 0, so this sample does not move the weight.",
                    (_, true) => " Its input was 0, so this sample does not move the weight.",
                    _ => "",
                };
                let product = format!("{} times {} is {}", show(*delta), show(*x), show(*contribution));
                format!("The weight's gradient is δ times its input: {product}.{why}")
            }
            EventKind::Backprop { weight, delta, contribution, .. } => {
                format!("Back along the weight: {} times {} is {}.", show(*weight), show(*delta), show(*contribution))
            }
            EventKind::Average { count, mean, .. } => format!("The mean over {count} samples is {}.", show(*mean)),
            EventKind::Rate { schedule, base, factor, lr } => format!(
                "The schedule {schedule} says {}: {} times that is this step's learning rate, {}.",
                show(*factor),
                show(*base),
                show(*lr)
            ),
            EventKind::Penalized { regularizer, mean, share, grad } => format!(
                "The share {} of {regularizer} is added to the gradient {}: {}.",
                show(*share),
                show(*mean),
                show(*grad)
            ),
            EventKind::Frozen { value } => format!("The parameter is frozen: it stays {}.", show(*value)),
            EventKind::Updated { old, new, .. } if old == new => format!("The parameter stays {}.", show(*old)),
            EventKind::Updated { old, new, .. } => {
                let digits = crate::explain::inspect::digits_apart(*old, *new, self.digits);
                format!("The parameter moves from {} to {}.", number(*old, digits), number(*new, digits))
            }
        }
    }
}

/// A parameter's cell as a symbol; its numbers stand apart where one digit is not enough for each.
pub fn parameter(step: &RecordedStep, cell: Cell) -> Math {
    match cell {
        Cell::Parameter { layer, neuron, input: Some(input) } => {
            let wide = step.shape.fan_in(layer).max(step.shape.size(layer)) > 9;
            let comma = if wide { "," } else { "" };
            Math::indexed("w", format!("{}{comma}{}", neuron + 1, input + 1)).ink(Ink::Weight(0.5))
        }
        Cell::Parameter { neuron, .. } => Math::indexed("b", (neuron + 1).to_string()).ink(Ink::Weight(0.5)),
        _ => Math::text("?"),
    }
}

/// A number as a colour level: its sign, and its size up to 1.
pub fn level(x: f64) -> f32 {
    if x.is_nan() { 0.0 } else { x.clamp(-1.0, 1.0) as f32 }
}

/// Something of a layer, W or a, with the layer's number as a superscript in brackets.
pub(crate) fn of_layer(name: &str, layer: usize) -> Math {
    Math::Sup(Box::new(Math::variable(name)), Box::new(Math::text(format!("({})", layer + 1))))
}

/// Where in the step: `step 1 · sample 2 of 4 · backward · layer 2 · neuron 1`.
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

/// The part of an address below the phase, in words.
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
            vec![layer(l), format!("weight {} ← {}", neuron + 1, input + 1)]
        }
        Cell::Parameter { layer: l, neuron, input: None } => vec![layer(l), format!("bias {}", neuron + 1)],
    }
}

/// What a target is called: `weight 1 ← 2 of layer 2`.
pub fn target(target: Target) -> String {
    match target {
        Target::Input(input) => format!("input {}", input + 1),
        Target::Neuron { layer, neuron } => format!("neuron {} of layer {}", neuron + 1, layer + 1),
        Target::Weight { layer, neuron, input } => {
            format!("weight {} ← {} of layer {}", neuron + 1, input + 1, layer + 1)
        }
        Target::Bias { layer, neuron } => format!("bias {} of layer {}", neuron + 1, layer + 1),
        Target::Loss => "loss".into(),
    }
}
