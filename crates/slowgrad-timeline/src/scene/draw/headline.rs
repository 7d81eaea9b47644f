//! The formula of many events at once: a neuron in its headline, a layer in the language of matrices.
//!
//! Its numbers lead to where they came from, as those of single events do. It must not know places or colours beyond
//! those of words.

use super::{Play, Stage, equation, slope, slope_of};
use crate::formula::enclosed;
use crate::origin::Origins;
use crate::scene::builder::silence;
use crate::scene::{Formula, Ink, Link, Math};
use crate::words::{self, grad_of};
use slowgrad_engine::shape::Parameter;
use std::ops::Range;

fn text(text: impl Into<String>) -> Math {
    Math::text(text)
}

/// Longer sums and vectors are abbreviated.
const MOST_TERMS: usize = 6;

impl Stage<'_> {
    /// What the panel says about events that are played together.
    pub(crate) fn headline(&self) -> Formula {
        let title = self.place();
        let last = self.known.step.shape.layers() - 1;
        let (recorded, from, sample) = (self.known.recorded(), self.from(), self.known.sample);
        match &self.play {
            Play::Nothing | Play::One(_) => silence(title),
            Play::Entering => Formula {
                symbols: Math::variable("x"),
                result: self.vector(&recorded.input, Ink::Value, |input| from.source(sample, 0, input)),
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
                        text(activation.clone()),
                        self.vector(&here.z[neurons.clone()], Ink::Value, |nth| {
                            from.z(sample, *layer, neurons.start + nth)
                        }),
                    ]),
                    result: self.vector(&here.a[neurons.clone()], Ink::Value, |nth| {
                        from.activated(sample, *layer, neurons.start + nth)
                    }),
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
                        self.vector(&recorded.layers[last].a, Ink::Value, |output| {
                            from.activated(sample, last, output)
                        }),
                        text(", "),
                        self.vector(&recorded.target, Ink::Value, |_| Some(from.row(sample))),
                        text(")"),
                    ]),
                    result: self.words.link(recorded.loss, Ink::Loss, from.loss(sample)),
                    sentence: format!("The loss of this sample is {}.", self.number(recorded.loss)),
                    ..silence(title)
                }
            }
            Play::LossBack => Formula {
                symbols: Math::row([grad_of(Math::variable("ŷ"))]),
                result: self
                    .vector(&recorded.layers[last].grad_a, Ink::Gradient, |output| from.grad_a(sample, last, output)),
                sentence: "The chain rule goes through the loss: how the loss changes with each output.".into(),
                ..silence(title)
            },
            Play::Backward { layer, neurons } => self.backward_headline(title, *layer, neurons),
            Play::Rate => {
                let closing = self.timeline.event(self.wave.events.end - 1);
                let result = self.words.link(closing.kind.result(), Ink::Text, Some(from.rate()));
                Formula { title, result, ..self.words.formula(self.timeline, &closing) }
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
        let weights = self.known.weights(layer, neuron).len();
        let (from, sample) = (self.from(), self.known.sample);
        let sum = || self.mark(here.z[neuron], Ink::Value, from.z(sample, layer, neuron));
        let (mut symbols, mut numbers) = (vec![z.clone(), text(" = ")], Vec::new());
        if weights <= MOST_TERMS {
            for input in 0..weights {
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
                let weight = self.before(layer, neuron, Some(input));
                numbers.extend([
                    if input > 0 { enclosed(weight) } else { weight },
                    text(" · "),
                    enclosed(self.mark(x, Ink::Value, from.source(sample, layer, input))),
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
            numbers.push(text(format!("the sum of {weights} products")));
        }
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
            enclosed(self.before(layer, neuron, None)),
            text(" = "),
            sum(),
            text(format!(",   {activation}")),
            Math::fenced(sum()),
        ]);
        Formula {
            symbols: Math::Row(symbols),
            numbers: Math::Row(numbers),
            result: self.mark(here.a[neuron], Ink::Value, from.activated(sample, layer, neuron)),
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
        let (from, sample) = (self.from(), self.known.sample);
        if neurons.len() == 1 {
            let neuron = neurons.start;
            let (index, a) = ((neuron + 1).to_string(), self.activation_name(layer, neuron));
            let (delta, z) = (Math::indexed("δ", index.clone()).ink(gradient_ink), Math::indexed("z", index));
            let local = Math::fraction(Math::row([text("∂"), a.clone()]), Math::row([text("∂"), z]));
            let left = || self.mark(here.delta[neuron], Ink::Gradient, from.delta(sample, layer, neuron));
            let mut notes = Vec::new();
            for input in 0..self.known.step.shape.fan_in(layer).min(MOST_TERMS) {
                let x = self.known.source(layer, input);
                let at = Parameter { layer, neuron, input: Some(input) };
                notes.push(Math::row([
                    slope(self.parameter_name(layer, neuron, Some(input))).ink(gradient_ink),
                    text(" = "),
                    delta.clone(),
                    text(" · "),
                    Self::source_name(layer, input),
                    text(" = "),
                    left(),
                    text(" · "),
                    enclosed(self.mark(x, Ink::Value, from.source(sample, layer, input))),
                    text(" = "),
                    self.mark(here.delta[neuron] * x, Ink::Gradient, from.gradient(sample, at)),
                ]));
            }
            return Formula {
                symbols: Math::row([delta, text(" = "), grad_of(a), text(" · "), local]),
                numbers: Math::row([
                    text("from ∂L/∂a = "),
                    self.mark(here.grad_a[neuron], Ink::Gradient, from.grad_a(sample, layer, neuron)),
                ]),
                result: left(),
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
            result: self.vector(&here.delta[neurons.clone()], Ink::Gradient, |nth| {
                from.delta(sample, layer, neurons.start + nth)
            }),
            sentence: format!("The gradient passes {activation} and reaches the weights of layer {}.", layer + 1),
            notes,
            ..silence(title)
        }
    }

    fn parameter_headline(&self, title: String, layer: usize, (neuron, input): (usize, usize)) -> Formula {
        let input = (input < usize::MAX).then_some(input);
        let (old, new) = self.known.old_and_new(layer, neuron, input);
        let step = self.known.step;
        let at = Parameter { layer, neuron, input };
        let (index, from) = (step.shape.index(at), self.from());
        let grad = step.grads[index];
        let share = step.penalty.as_ref().filter(|_| input.is_some()).map(|penalty| {
            let (mean, share) = (step.mean_grad(index), penalty.shares[index]);
            Math::row([
                text("g = "),
                self.mark(mean, Ink::Gradient, from.mean_gradient(at)),
                text(" + "),
                enclosed(self.mark(share, Ink::Gradient, from.penalty_slope(at))),
                text(format!(" of {}", penalty.regularizer)),
            ])
        });
        let (name, optimizer) = (self.parameter_name(layer, neuron, input), &step.names.optimizer);
        let parts = |w: Math, g: Math| {
            Math::row([Math::text(format!("{optimizer}(")), w, Math::text(", "), g, Math::text(", …)")])
        };
        let g = self.mark(grad, Ink::Gradient, from.final_gradient(at));
        let w = self.before(layer, neuron, input);
        Formula {
            symbols: Math::row([name.clone(), Math::text(" ← "), parts(name, Math::variable("g"))]),
            numbers: parts(w, g),
            result: self.mark(new, Ink::Weight, from.updated(at)),
            sentence: format!("The parameter moves from {} to {}.", self.number(old), self.number(new)),
            notes: share.into_iter().collect(),
            ..silence(title)
        }
    }

    fn from(&self) -> Origins<'_> {
        Origins::of(self.timeline)
    }

    fn mark(&self, x: f64, ink: fn(f32) -> Ink, link: Option<Link>) -> Math {
        self.words.mark(x, ink, link)
    }

    /// A parameter's value before the step.
    fn before(&self, layer: usize, neuron: usize, input: Option<usize>) -> Math {
        self.words.before(self.known.step, Parameter { layer, neuron, input })
    }

    /// A short vector with all its numbers; of a long one only the count.
    fn vector(&self, numbers: &[f64], ink: fn(f32) -> Ink, link: impl Fn(usize) -> Option<Link>) -> Math {
        if numbers.len() > MOST_TERMS {
            return Math::text(format!("({} numbers)", numbers.len()));
        }
        let mut parts = vec![Math::text("(")];
        for (i, &x) in numbers.iter().enumerate() {
            if i > 0 {
                parts.push(Math::text("; "));
            }
            parts.push(self.mark(x, ink, link(i)));
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
