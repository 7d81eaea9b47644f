//! The formula of many events at once: a neuron in its headline, a layer in the language of matrices.
//!
//! It must not know places or colours beyond those of words.

use super::silence;
use super::stage::{Play, Stage, equation, gradient, slope, slope_of, value};
use crate::scene::{Formula, Ink, Math};
use crate::words::{self, grad_of};
use std::ops::Range;

fn text(text: impl Into<String>) -> Math {
    Math::text(text)
}

/// Longer sums and vectors are abbreviated.
const MOST_TERMS: usize = 6;

impl Stage<'_> {
    /// What the panel says about events that are played together.
    pub(super) fn headline(&self) -> Formula {
        let title = self.place();
        let last = self.known.step.shape.layers() - 1;
        let recorded = self.known.recorded();
        match &self.play {
            Play::Nothing | Play::One(_) => silence(title),
            Play::Entering => Formula {
                symbols: Math::variable("x"),
                result: self.vector(&recorded.input, value),
                sentence: format!("The sample enters: {} numbers.", recorded.input.len()),
                ..silence(title)
            },
            Play::Forward { layer, neurons } if neurons.len() == 1 => {
                self.neuron_headline(title, *layer, neurons.start)
            }
            Play::Forward { layer, neurons } => {
                let activation = &self.known.step.names.activations[*layer];
                let (x, a) = (if *layer == 0 { "x" } else { "a" }, if *layer == last { "ŷ" } else { "a" });
                let (x, a) = (indexed_layer(x, layer.checked_sub(1)), indexed_layer(a, Some(*layer)));
                let (w, b) = (matrix("W", *layer), matrix("b", *layer));
                let here = &recorded.layers[*layer];
                Formula {
                    symbols: Math::row([
                        indexed_layer("z", Some(*layer)),
                        text(" = "),
                        w,
                        text(" · "),
                        x,
                        text(" + "),
                        b,
                        text(",   "),
                        a,
                        text(format!(" = {activation}(")),
                        indexed_layer("z", Some(*layer)),
                        text(")"),
                    ]),
                    numbers: Math::row([
                        text(format!("{activation}(")),
                        self.vector(&here.z[neurons.clone()], value),
                        text(")"),
                    ]),
                    result: self.vector(&here.a[neurons.clone()], value),
                    sentence: format!(
                        "{} neurons of layer {} sum {} inputs each and pass {activation}.",
                        neurons.len(),
                        layer + 1,
                        self.known.step.shape.fan_in(*layer)
                    ),
                    ..silence(title)
                }
            }
            Play::Loss => {
                let loss = &self.known.step.names.loss;
                Formula {
                    symbols: equation(Math::variable("L"), format!("{loss}(ŷ, y)")),
                    numbers: Math::row([
                        text(format!("{loss}(")),
                        self.vector(&recorded.layers[last].a, value),
                        text(", "),
                        self.vector(&recorded.target, value),
                        text(")"),
                    ]),
                    result: text(self.number(recorded.loss)).ink(Ink::Loss),
                    sentence: format!("The loss of this sample is {}.", self.number(recorded.loss)),
                    ..silence(title)
                }
            }
            Play::LossBack => Formula {
                symbols: Math::row([grad_of(Math::variable("ŷ"))]),
                result: self.vector(&recorded.layers[last].grad_a, gradient),
                sentence: "The chain rule goes through the loss: how the loss changes with each output.".into(),
                ..silence(title)
            },
            Play::Backward { layer, neurons } => self.backward_headline(title, *layer, neurons),
            Play::Rate => {
                let closing = self.timeline.event(self.wave.events.end - 1);
                Formula { title, ..self.words.formula(self.timeline, &closing) }
            }
            Play::Update { layer, first, last } if first == last => self.parameter_headline(title, *layer, *first),
            Play::Update { layer, .. } => {
                let optimizer = &self.known.step.names.optimizer;
                let w = matrix("W", *layer);
                let parameters = self.known.step.shape.layer(*layer).len();
                let objective = if self.known.step.penalty.is_some() { "(L + R)" } else { "L" };
                Formula {
                    symbols: Math::row([
                        w.clone(),
                        text(format!(" ← {optimizer}(")),
                        w.clone(),
                        text(", "),
                        slope_of(objective, w).ink(Ink::Gradient(0.5)),
                        text(")"),
                    ]),
                    sentence: format!("{optimizer} moves the {parameters} parameters of layer {}.", layer + 1),
                    ..silence(title)
                }
            }
        }
    }

    /// z = Σ w · x + b and a = f(z), in symbols and with the numbers.
    fn neuron_headline(&self, title: String, layer: usize, neuron: usize) -> Formula {
        let here = &self.known.recorded().layers[layer];
        let activation = &self.known.step.names.activations[layer];
        let (z, index) = (Math::indexed("z", (neuron + 1).to_string()), neuron + 1);
        let weights = self.known.weights(layer, neuron);
        let (mut symbols, mut numbers) = (vec![z.clone(), text(" = ")], Vec::new());
        if weights.len() <= MOST_TERMS {
            for (input, &w) in weights.iter().enumerate() {
                if input > 0 {
                    symbols.push(text(" + "));
                    numbers.push(text(" + "));
                }
                symbols.extend([
                    self.parameter_name(layer, neuron, Some(input)),
                    text(" · "),
                    Self::source_name(layer, input),
                ]);
                let x = self.known.source(layer, input);
                numbers.extend([
                    text(self.enclosed(w)).ink(Ink::Weight(words::level(w))),
                    text(" · "),
                    text(self.enclosed(x)).ink(value(x)),
                ]);
            }
        } else {
            let each = format!("{index}{}i", if index < 10 { "" } else { "," });
            symbols.extend([
                text("Σ "),
                Math::indexed("w", each),
                text(" · "),
                Math::indexed(if layer == 0 { "x" } else { "a" }, "i"),
            ]);
            numbers.push(text(format!("the sum of {} products", weights.len())));
        }
        let bias = self.known.old_and_new(layer, neuron, None).0;
        symbols.extend([
            text(" + "),
            self.parameter_name(layer, neuron, None),
            text(",   "),
            self.activation_name(layer, neuron),
            text(format!(" = {activation}(")),
            z,
            text(")"),
        ]);
        numbers.extend([
            text(" + "),
            text(self.enclosed(bias)).ink(Ink::Weight(words::level(bias))),
            text(" = "),
            text(self.number(here.z[neuron])).ink(value(here.z[neuron])),
            text(format!(",   {activation}({})", self.number(here.z[neuron]))),
        ]);
        Formula {
            symbols: Math::Row(symbols),
            numbers: Math::Row(numbers),
            result: text(self.number(here.a[neuron])).ink(value(here.a[neuron])),
            sentence: format!(
                "Neuron {index} sums its inputs to {} and answers {}.",
                self.number(here.z[neuron]),
                self.number(here.a[neuron])
            ),
            ..silence(title)
        }
    }

    fn backward_headline(&self, title: String, layer: usize, neurons: &Range<usize>) -> Formula {
        let here = &self.known.recorded().layers[layer];
        let gradient_ink = Ink::Gradient(0.5);
        if neurons.len() == 1 {
            let neuron = neurons.start;
            let (index, a) = ((neuron + 1).to_string(), self.activation_name(layer, neuron));
            let (delta, z) = (Math::indexed("δ", index.clone()).ink(gradient_ink), Math::indexed("z", index));
            let local = Math::fraction(Math::row([text("∂"), a.clone()]), Math::row([text("∂"), z]));
            let mut notes = Vec::new();
            for input in 0..self.known.step.shape.fan_in(layer).min(MOST_TERMS) {
                let (x, grad) = (self.known.source(layer, input), here.delta[neuron] * self.known.source(layer, input));
                notes.push(Math::row([
                    slope(self.parameter_name(layer, neuron, Some(input))).ink(gradient_ink),
                    text(" = "),
                    delta.clone(),
                    text(" · "),
                    Self::source_name(layer, input),
                    text(" = "),
                    text(self.number(here.delta[neuron])).ink(gradient(here.delta[neuron])),
                    text(" · "),
                    text(self.enclosed(x)).ink(value(x)),
                    text(" = "),
                    text(self.number(grad)).ink(gradient(grad)),
                ]));
            }
            return Formula {
                symbols: Math::row([delta, text(" = "), grad_of(a), text(" · "), local]),
                numbers: Math::row([
                    text("from ∂L/∂a = "),
                    text(self.number(here.grad_a[neuron])).ink(gradient(here.grad_a[neuron])),
                ]),
                result: text(self.number(here.delta[neuron])).ink(gradient(here.delta[neuron])),
                sentence: format!(
                    "Neuron {} has δ = {}; each of its weights gets δ times its input.",
                    neuron + 1,
                    self.number(here.delta[neuron])
                ),
                notes,
                ..silence(title)
            };
        }
        let delta = indexed_layer("δ", Some(layer)).ink(gradient_ink);
        let activation = &self.known.step.names.activations[layer];
        let mut notes = vec![Math::row([
            slope(matrix("W", layer)).ink(gradient_ink),
            text(" = "),
            delta.clone(),
            text(" · "),
            Math::Sup(
                Box::new(indexed_layer(if layer == 0 { "x" } else { "a" }, layer.checked_sub(1))),
                Box::new(text("⊤")),
            ),
            text(",   "),
            slope(matrix("b", layer)).ink(gradient_ink),
            text(" = "),
            delta.clone(),
        ])];
        if layer > 0 {
            notes.push(Math::row([
                slope(indexed_layer("a", Some(layer - 1))).ink(gradient_ink),
                text(" = "),
                Math::Sup(Box::new(matrix("W", layer)), Box::new(text("⊤"))),
                text(" · "),
                delta.clone(),
            ]));
        }
        Formula {
            symbols: Math::row([
                delta,
                text(" = "),
                slope(indexed_layer("a", Some(layer))).ink(gradient_ink),
                text(if self.known.step.names.whole_layer[layer] { " · " } else { " ⊙ " }),
                text(format!("{activation}′(")),
                indexed_layer("z", Some(layer)),
                text(")"),
            ]),
            result: self.vector(&here.delta[neurons.clone()], gradient),
            sentence: format!("The gradient passes {activation} and reaches the weights of layer {}.", layer + 1),
            notes,
            ..silence(title)
        }
    }

    fn parameter_headline(&self, title: String, layer: usize, (neuron, input): (usize, usize)) -> Formula {
        let input = (input < usize::MAX).then_some(input);
        let (old, new) = self.known.old_and_new(layer, neuron, input);
        let step = self.known.step;
        let index = step.shape.index(slowgrad_engine::shape::Parameter { layer, neuron, input });
        let grad = step.grads[index];
        let share = step.penalty.as_ref().filter(|_| input.is_some()).map(|penalty| {
            let (mean, share) = (step.mean_grad(index), penalty.shares[index]);
            Math::row([
                text(format!("g = {} + ", self.number(mean))),
                text(self.enclosed(share)).ink(gradient(share)),
                text(format!(" of {}", penalty.regularizer)),
            ])
        });
        let (name, optimizer) = (self.parameter_name(layer, neuron, input), &step.names.optimizer);
        let parts = |w: Math, g: Math| {
            Math::row([Math::text(format!("{optimizer}(")), w, Math::text(", "), g, Math::text(", …)")])
        };
        let g = Math::text(self.number(grad)).ink(gradient(grad));
        let w = Math::text(self.number(old)).ink(Ink::Weight(words::level(old)));
        Formula {
            symbols: Math::row([name.clone(), Math::text(" ← "), parts(name, Math::variable("g"))]),
            numbers: parts(w, g),
            result: Math::text(self.number(new)).ink(Ink::Weight(words::level(new))),
            sentence: format!("The parameter moves from {} to {}.", self.number(old), self.number(new)),
            notes: share.into_iter().collect(),
            ..silence(title)
        }
    }

    /// A short vector with all its numbers; of a long one only the count.
    fn vector(&self, numbers: &[f64], ink: fn(f64) -> Ink) -> Math {
        if numbers.len() > MOST_TERMS {
            return Math::text(format!("({} numbers)", numbers.len()));
        }
        let mut parts = vec![Math::text("(")];
        for (i, &x) in numbers.iter().enumerate() {
            if i > 0 {
                parts.push(Math::text("; "));
            }
            parts.push(Math::text(self.number(x)).ink(ink(x)));
        }
        parts.push(Math::text(")"));
        Math::Row(parts)
    }
}

/// A vector of a layer, `a` with the layer's number as a superscript in brackets; the sample itself has none.
fn indexed_layer(name: &str, layer: Option<usize>) -> Math {
    match layer {
        Some(layer) if name != "ŷ" => words::of_layer(name, layer),
        _ => Math::variable(name),
    }
}

/// W or b of a layer, in the colour of weights.
fn matrix(name: &str, layer: usize) -> Math {
    indexed_layer(name, Some(layer)).ink(Ink::Weight(0.5))
}
