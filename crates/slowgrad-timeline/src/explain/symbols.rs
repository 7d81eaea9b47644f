//! The symbols of formulas: x₁, z₁, a₁, ŷ₁, δ₁, w₁₂, b₁, ∂L/∂w, and the names of scripts as a textbook writes them.
//!
//! This is their only source, so that formulas, explanations and the scene use the same symbol for the same quantity.
//! Indices count from 0 in the arguments and from 1 in the symbols.

use crate::events::Phase;
use crate::scene::{Ink, Math};
use slowgrad_engine::shape::{Parameter, Shape};

/// A script's name as a textbook writes it: `output[0]` is ŷ₁, `ctx.lr` is η, `ctx.beta1` is β₁.
pub(crate) fn symbol(name: &str) -> Math {
    if name.starts_with(|c: char| c.is_ascii_digit() || c == '−') {
        return Math::text(name);
    }
    if let Some((base, indices)) = name.strip_suffix(']').and_then(|name| name.split_once('[')) {
        let indices: Result<Vec<usize>, _> = indices.split("][").map(str::parse::<usize>).collect();
        if let Ok(indices) = indices {
            let comma = if indices.iter().any(|index| *index >= 9) { "," } else { "" };
            let numbers = indices.iter().map(|index| (index + 1).to_string()).collect::<Vec<_>>().join(comma);
            // The numbers of a layer: `w.weights[0][1]` is w₁₂, `grad.biases[0]` is the g of b₁.
            return match (base.strip_suffix(".weights"), base.strip_suffix(".biases")) {
                (Some("w"), _) => Math::indexed("w", numbers),
                (_, Some("w")) => Math::indexed("b", numbers),
                (Some(base), _) => Math::indexed(letter(base), numbers),
                (_, Some(base)) => Math::indexed(letter(base), format!("b{numbers}")),
                (None, None) => Math::indexed(letter(base), numbers),
            };
        }
    }
    // A name that ends in digits is a letter with an index: t3, beta1, d₂.
    let is_index = |c: char| c.is_ascii_digit() || ('₀'..='₉').contains(&c);
    let base = name.trim_end_matches(is_index);
    let index: String = name[base.len()..].chars().map(plain_digit).collect();
    if !index.is_empty() {
        return Math::indexed(letter(base), index);
    }
    let base = name.trim_end_matches('′');
    Math::variable(format!("{}{}", letter(base), &name[base.len()..]))
}

/// A subscript digit as an ordinary digit.
fn plain_digit(c: char) -> char {
    if ('₀'..='₉').contains(&c) { char::from(b'0' + (u32::from(c) - u32::from('₀')) as u8) } else { c }
}

/// A name without its `ctx.`, `state.` or `p.` prefix, or the Greek letter that it spells.
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

fn indexed(letter: &str, index: usize) -> Math {
    Math::indexed(letter, (index + 1).to_string())
}

/// x₁ or a₁: an input of a layer, from the sample or from the layer before.
pub(crate) fn layer_input(layer: usize, input: usize) -> Math {
    indexed(if layer == 0 { "x" } else { "a" }, input)
}

/// z₁: the pre-activation of a neuron.
pub(crate) fn pre_activation(neuron: usize) -> Math {
    indexed("z", neuron)
}

/// a₁, or ŷ₁ in the last layer: the activation of a neuron.
pub(crate) fn activation(shape: &Shape, layer: usize, neuron: usize) -> Math {
    indexed(if layer + 1 == shape.layers() { "ŷ" } else { "a" }, neuron)
}

/// δ₁ = ∂L/∂z₁ of a neuron.
pub(crate) fn delta(neuron: usize) -> Math {
    indexed("δ", neuron).ink(Ink::Gradient(0.5))
}

/// w₁₂ or b₁: the weight from input 2 to neuron 1, or the bias of neuron 1. Indices of several digits are separated: w₁,₁₂.
pub(crate) fn parameter(shape: &Shape, at: Parameter) -> Math {
    let Parameter { layer, neuron, input } = at;
    let math = match input {
        Some(input) => {
            let wide = shape.fan_in(layer).max(shape.size(layer)) > 9;
            let comma = if wide { "," } else { "" };
            Math::indexed("w", format!("{}{comma}{}", neuron + 1, input + 1))
        }
        None => indexed("b", neuron),
    };
    math.ink(Ink::Weight(0.5))
}

/// A symbol with its layer as a superscript, where symbols of several layers are next to each other: δ₁⁽²⁾.
pub(crate) fn of_layer(symbol: Math, layer: usize) -> Math {
    Math::Sup(Box::new(symbol), Box::new(Math::text(format!("({})", layer + 1))))
}

/// ∂L/∂by as a fraction.
pub(crate) fn grad_of(by: Math) -> Math {
    slope_of("L", by)
}

/// ∂of/∂by as a fraction, in the colour of gradients.
pub(crate) fn slope_of(of: &str, by: Math) -> Math {
    ratio(Math::variable(of), by).ink(Ink::Gradient(0.5))
}

/// ∂of/∂by as a fraction.
pub(crate) fn ratio(of: Math, by: Math) -> Math {
    Math::fraction(Math::row([Math::text("∂"), of]), Math::row([Math::text("∂"), by]))
}

/// The quantity that the chain rule differentiates in a phase: the loss L, and in the update the penalty R of a weight.
pub(crate) fn differentiated(phase: Phase) -> &'static str {
    if phase == Phase::Update { "R" } else { "L" }
}

/// In brackets if it starts with a minus sign.
pub(crate) fn enclosed(math: Math) -> Math {
    if math.plain().starts_with('−') { Math::fenced(math) } else { math }
}
