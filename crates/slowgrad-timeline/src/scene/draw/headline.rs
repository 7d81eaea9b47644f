//! The formula of events that are played together: a neuron as one equation, a layer in matrix notation.
//!
//! Its numbers link to their origins, as those of single events do. It must not know positions, or colours other than
//! those of text.

use super::{SceneContext, equation, slope, slope_of};
use crate::events::Origins;
use crate::events::{Address, Cell, Phase};
use crate::explain::symbols::enclosed;
use crate::explain::symbols::{self, grad_of};
use crate::explain::words;
use crate::scene::played_events::{PlayedEvents, UpdateKey, key_input};
use crate::scene::{Formula, Ink, Link, Math};
use slowgrad_engine::record::{RecordedSample, RecordedStep};
use slowgrad_engine::shape::Parameter;
use std::ops::Range;

/// Longer sums and vectors are abbreviated.
const MAX_TERMS: usize = 6;

fn text(text: impl Into<String>) -> Math {
    Math::text(text)
}

/// The formula of the current events, if there are several. A single event has a formula of its own.
pub(in crate::scene) fn formula(context: &SceneContext) -> Formula {
    let headline = Headline {
        context,
        step: context.values.step,
        recorded: context.values.recorded(),
        sample: context.values.sample,
        origins: Origins::of(context.timeline),
        title: title(context),
    };
    match &context.played {
        PlayedEvents::None | PlayedEvents::Single(_) => Formula::titled(headline.title),
        PlayedEvents::Inputs => headline.inputs(),
        PlayedEvents::Forward { layer, neurons } if neurons.len() == 1 => {
            headline.neuron_forward(*layer, neurons.start)
        }
        PlayedEvents::Forward { layer, neurons } => headline.layer_forward(*layer, neurons),
        PlayedEvents::Loss => headline.loss(),
        PlayedEvents::LossBackward => headline.loss_backward(),
        PlayedEvents::Backward { layer, neurons } if neurons.len() == 1 => {
            headline.neuron_backward(*layer, neurons.start)
        }
        PlayedEvents::Backward { layer, neurons } => headline.layer_backward(*layer, neurons),
        PlayedEvents::LearningRate => headline.learning_rate(),
        PlayedEvents::Update { layer, keys: Some((first, last)) } if first == last => {
            headline.parameter_update(*layer, *first)
        }
        PlayedEvents::Update { layer, .. } => headline.layer_update(*layer),
    }
}

/// The position of the current events in the step.
pub(in crate::scene) fn title(context: &SceneContext) -> String {
    let (timeline, events) = (context.timeline, &context.progress.events);
    let first = timeline.address(events.start.min(timeline.len() - 1));
    if events.is_empty() {
        return format!("step {}", first.step);
    }
    let last = timeline.address(events.end - 1);
    if first.cell == last.cell {
        return words::title(timeline, &first);
    }
    // The loss has a title without a cell.
    let loss = words::title(timeline, &Address { cell: Cell::Loss, phase: Phase::Loss, ..first });
    let phase = loss.replace(Phase::Loss.name(), first.phase.name());
    first.cell.layer().map_or(phase.clone(), |layer| format!("{phase} · layer {}", layer + 1))
}

/// The inputs of a formula.
struct Headline<'a> {
    context: &'a SceneContext<'a>,
    step: &'a RecordedStep,
    recorded: &'a RecordedSample,
    sample: usize,
    origins: Origins<'a>,
    title: String,
}

impl Headline<'_> {
    fn inputs(self) -> Formula {
        let input = &self.recorded.input;
        Formula {
            symbols: Math::variable("x"),
            result: self.vector(input, Ink::Value, |nth| self.origins.layer_input(self.sample, 0, nth)),
            sentence: format!("The sample enters the network: {} numbers.", input.len()),
            ..Formula::titled(self.title)
        }
    }

    /// z = W · x + b, a = f(z); without biases z = W · x.
    fn layer_forward(self, layer: usize, neurons: &Range<usize>) -> Formula {
        let activation = &self.step.names.activations[layer];
        let (here, first) = (&self.recorded.layers[layer], neurons.start);
        let z = || symbols::of_layer(Math::variable("z"), layer);
        let sums =
            self.vector(&here.z[neurons.clone()], Ink::Value, |nth| self.origins.z(self.sample, layer, first + nth));
        let bias = self.has_biases(layer).then(|| [text(" + "), layer_parameters("b", layer)]);
        let sum = [z(), text(" = "), layer_parameters("W", layer), text(" · "), layer_input_vector(layer)];
        let activated =
            [text(",   "), self.activation_vector(layer), text(format!(" = {activation}(")), z(), text(")")];
        Formula {
            symbols: Math::row(sum.into_iter().chain(bias.into_iter().flatten()).chain(activated)),
            numbers: Math::row([text(activation.clone()), sums]),
            result: self.vector(&here.a[neurons.clone()], Ink::Value, |nth| {
                self.origins.activated(self.sample, layer, first + nth)
            }),
            sentence: format!(
                "{} neurons of layer {} sum {} inputs each and apply {activation}.",
                neurons.len(),
                layer + 1,
                self.step.shape.fan_in(layer)
            ),
            ..Formula::titled(self.title)
        }
    }

    /// z = Σ w · x + b, a = f(z), in symbols and in numbers; without biases z = Σ w · x.
    fn neuron_forward(self, layer: usize, neuron: usize) -> Formula {
        let (context, here) = (self.context, &self.recorded.layers[layer]);
        let activation = &self.step.names.activations[layer];
        let (z, index) = (Math::indexed("z", (neuron + 1).to_string()), neuron + 1);
        let fan_in = self.step.shape.fan_in(layer);
        let sum = || self.mark(here.z[neuron], Ink::Value, self.origins.z(self.sample, layer, neuron));
        let (mut symbols, mut numbers) = (vec![z.clone(), text(" = ")], Vec::new());
        if fan_in <= MAX_TERMS {
            for input in 0..fan_in {
                if input > 0 {
                    symbols.push(text(" + "));
                    numbers.push(text(" + "));
                }
                symbols.extend([
                    context.parameter_name(layer, neuron, Some(input)),
                    text(" · "),
                    SceneContext::layer_input_name(layer, input),
                ]);
                let weight = self.before(layer, neuron, Some(input));
                numbers.extend([
                    if input > 0 { enclosed(weight) } else { weight },
                    text(" · "),
                    enclosed(self.layer_input(layer, input)),
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
            numbers.push(text(format!("the sum of {fan_in} products")));
        }
        if self.has_biases(layer) {
            symbols.extend([text(" + "), context.parameter_name(layer, neuron, None)]);
            numbers.extend([text(" + "), enclosed(self.before(layer, neuron, None))]);
        }
        symbols.extend([
            text(",   "),
            context.activation_name(layer, neuron),
            text(format!(" = {activation}(")),
            z,
            text(")"),
        ]);
        numbers.extend([text(" = "), sum(), text(format!(",   {activation}")), Math::fenced(sum())]);
        Formula {
            symbols: Math::Row(symbols),
            numbers: Math::Row(numbers),
            result: self.mark(here.a[neuron], Ink::Value, self.origins.activated(self.sample, layer, neuron)),
            sentence: format!(
                "Neuron {index} sums its inputs to {} and outputs {}.",
                context.number(here.z[neuron]),
                context.number(here.a[neuron])
            ),
            ..Formula::titled(self.title)
        }
    }

    fn loss(self) -> Formula {
        let loss = &self.step.names.loss;
        let last = self.context.values.last_layer();
        let outputs = self.vector(&self.recorded.layers[last].a, Ink::Value, |output| {
            self.origins.activated(self.sample, last, output)
        });
        let targets = self.vector(&self.recorded.target, Ink::Value, |_| Some(self.origins.row(self.sample)));
        Formula {
            symbols: equation(Math::variable("L"), format!("{loss}(ŷ, y)")),
            numbers: Math::row([text(format!("{loss}(")), outputs, text(", "), targets, text(")")]),
            result: self.context.words.link(self.recorded.loss, Ink::Loss, self.origins.loss(self.sample)),
            sentence: format!("The loss of this sample is {}.", self.context.number(self.recorded.loss)),
            ..Formula::titled(self.title)
        }
    }

    fn loss_backward(self) -> Formula {
        let last = self.context.values.last_layer();
        Formula {
            symbols: Math::row([grad_of(Math::variable("ŷ"))]),
            result: self.vector(&self.recorded.layers[last].grad_a, Ink::Gradient, |output| {
                self.origins.grad_a(self.sample, last, output)
            }),
            sentence: "The chain rule of the loss: how the loss changes with each output.".into(),
            ..Formula::titled(self.title)
        }
    }

    /// δ = ∂L/∂a · f′(z), and ∂L/∂w = δ · x for each weight.
    fn neuron_backward(self, layer: usize, neuron: usize) -> Formula {
        let (context, here) = (self.context, &self.recorded.layers[layer]);
        let (index, a) = ((neuron + 1).to_string(), context.activation_name(layer, neuron));
        let (delta, z) = (in_gradient_ink(Math::indexed("δ", index.clone())), Math::indexed("z", index));
        let local = Math::fraction(Math::row([text("∂"), a.clone()]), Math::row([text("∂"), z]));
        let delta_number =
            || self.mark(here.delta[neuron], Ink::Gradient, self.origins.delta(self.sample, layer, neuron));
        let mut notes = Vec::new();
        for input in 0..self.step.shape.fan_in(layer).min(MAX_TERMS) {
            let x = context.values.layer_input(layer, input);
            let at = Parameter { layer, neuron, input: Some(input) };
            notes.push(Math::row([
                in_gradient_ink(slope(context.parameter_name(layer, neuron, Some(input)))),
                text(" = "),
                delta.clone(),
                text(" · "),
                SceneContext::layer_input_name(layer, input),
                text(" = "),
                delta_number(),
                text(" · "),
                enclosed(self.layer_input(layer, input)),
                text(" = "),
                self.mark(here.delta[neuron] * x, Ink::Gradient, self.origins.gradient(self.sample, at)),
            ]));
        }
        Formula {
            symbols: Math::row([delta, text(" = "), grad_of(a), text(" · "), local]),
            numbers: Math::row([
                text("from ∂L/∂a = "),
                self.mark(here.grad_a[neuron], Ink::Gradient, self.origins.grad_a(self.sample, layer, neuron)),
            ]),
            result: delta_number(),
            sentence: format!(
                "Neuron {} has δ = {}; the gradient of each of its weights is δ times the input.",
                neuron + 1,
                context.number(here.delta[neuron])
            ),
            notes,
            ..Formula::titled(self.title)
        }
    }

    /// δ = ∂L/∂a ⊙ f′(z), ∂L/∂W = δ · x⊤, and for the layer before ∂L/∂a = W⊤ · δ, or ∂L/∂x.
    fn layer_backward(self, layer: usize, neurons: &Range<usize>) -> Formula {
        let (here, first) = (&self.recorded.layers[layer], neurons.start);
        let delta = in_gradient_ink(symbols::of_layer(Math::variable("δ"), layer));
        let activation = &self.step.names.activations[layer];
        let bias = self.has_biases(layer).then(|| {
            let of_bias = in_gradient_ink(slope(layer_parameters("b", layer)));
            [text(",   "), of_bias, text(" = "), delta.clone()]
        });
        let of_weights = [
            in_gradient_ink(slope(layer_parameters("W", layer))),
            text(" = "),
            delta.clone(),
            text(" · "),
            transposed(layer_input_vector(layer)),
        ];
        let mut notes = vec![Math::row(of_weights.into_iter().chain(bias.into_iter().flatten()))];
        if self.recorded.layer_input_gradient(layer).is_some() {
            notes.push(Math::row([
                in_gradient_ink(slope(layer_input_vector(layer))),
                text(" = "),
                transposed(layer_parameters("W", layer)),
                text(" · "),
                delta.clone(),
            ]));
        }
        Formula {
            symbols: Math::row([
                delta,
                text(" = "),
                in_gradient_ink(slope(symbols::of_layer(Math::variable("a"), layer))),
                text(if self.step.names.whole_layer[layer] { " · " } else { " ⊙ " }),
                text(format!("{activation}′(")),
                symbols::of_layer(Math::variable("z"), layer),
                text(")"),
            ]),
            result: self.vector(&here.delta[neurons.clone()], Ink::Gradient, |nth| {
                self.origins.delta(self.sample, layer, first + nth)
            }),
            sentence: format!("The gradient flows through {activation} to the weights of layer {}.", layer + 1),
            notes,
            ..Formula::titled(self.title)
        }
    }

    /// The formula of the last event, which computes the learning rate, with the title of all.
    fn learning_rate(self) -> Formula {
        let timeline = self.context.timeline;
        let last = timeline.event(self.context.progress.events.end - 1);
        let result = self.context.words.link(last.kind.result(), Ink::Text, Some(self.origins.rate()));
        Formula { title: self.title, result, ..self.context.words.formula(timeline, &last) }
    }

    /// w ← optimizer(w, g, …).
    fn parameter_update(self, layer: usize, key: UpdateKey) -> Formula {
        let (context, neuron, input) = (self.context, key.0, key_input(key));
        let (old, new) = context.values.old_and_new(layer, neuron, input);
        let at = Parameter { layer, neuron, input };
        let index = self.step.shape.index(at);
        let penalized = self.step.penalty.as_ref().filter(|_| input.is_some()).map(|penalty| {
            let (mean, share) = (self.step.mean_grad(index), penalty.shares[index]);
            Math::row([
                text("g = "),
                self.mark(mean, Ink::Gradient, self.origins.mean_gradient(at)),
                text(" + "),
                enclosed(self.mark(share, Ink::Gradient, self.origins.penalty_slope(at))),
                text(format!(" of {}", penalty.regularizer)),
            ])
        });
        let optimizer = &self.step.names.optimizer;
        let call = |w: Math, g: Math| Math::row([text(format!("{optimizer}(")), w, text(", "), g, text(", …)")]);
        let name = context.parameter_name(layer, neuron, input);
        let g = self.mark(self.step.grads[index], Ink::Gradient, self.origins.final_gradient(at));
        Formula {
            symbols: Math::row([name.clone(), text(" ← "), call(name, Math::variable("g"))]),
            numbers: call(self.before(layer, neuron, input), g),
            result: self.mark(new, Ink::Weight, self.origins.updated(at)),
            sentence: format!("The parameter moves from {} to {}.", context.number(old), context.number(new)),
            notes: penalized.into_iter().collect(),
            ..Formula::titled(self.title)
        }
    }

    /// W ← optimizer(W, ∂L/∂W).
    fn layer_update(self, layer: usize) -> Formula {
        let optimizer = &self.step.names.optimizer;
        let w = layer_parameters("W", layer);
        let parameters = self.step.shape.layer(layer).len();
        let objective = if self.step.penalty.is_some() { "(L + R)" } else { "L" };
        Formula {
            symbols: Math::row([
                w.clone(),
                text(format!(" ← {optimizer}(")),
                w.clone(),
                text(", "),
                in_gradient_ink(slope_of(objective, w)),
                text(")"),
            ]),
            sentence: format!("{optimizer} updates the {parameters} parameters of layer {}.", layer + 1),
            ..Formula::titled(self.title)
        }
    }

    fn has_biases(&self, layer: usize) -> bool {
        self.step.shape.has_biases(layer)
    }

    /// A number in the colour of its meaning and its level.
    fn mark(&self, x: f64, ink: fn(f32) -> Ink, link: Option<Link>) -> Math {
        self.context.words.mark(x, ink, link)
    }

    /// The value of a parameter before the step.
    fn before(&self, layer: usize, neuron: usize, input: Option<usize>) -> Math {
        self.context.words.before(self.step, Parameter { layer, neuron, input })
    }

    /// The value of an input of a layer.
    fn layer_input(&self, layer: usize, input: usize) -> Math {
        let x = self.context.values.layer_input(layer, input);
        self.mark(x, Ink::Value, self.origins.layer_input(self.sample, layer, input))
    }

    /// a of a layer, or ŷ for the last.
    fn activation_vector(&self, layer: usize) -> Math {
        if layer == self.context.values.last_layer() {
            Math::variable("ŷ")
        } else {
            symbols::of_layer(Math::variable("a"), layer)
        }
    }

    /// A vector with all its numbers, or the count of a long one.
    fn vector(&self, numbers: &[f64], ink: fn(f32) -> Ink, link: impl Fn(usize) -> Option<Link>) -> Math {
        if numbers.len() > MAX_TERMS {
            return text(format!("({} numbers)", numbers.len()));
        }
        let mut parts = vec![text("(")];
        for (i, &x) in numbers.iter().enumerate() {
            if i > 0 {
                parts.push(text("; "));
            }
            parts.push(self.mark(x, ink, link(i)));
        }
        parts.push(text(")"));
        Math::Row(parts)
    }
}

/// The input vector of a layer: x of the sample, or a of the layer before.
fn layer_input_vector(layer: usize) -> Math {
    layer.checked_sub(1).map_or(Math::variable("x"), |before| symbols::of_layer(Math::variable("a"), before))
}

/// W or b of a layer, in the colour of weights.
fn layer_parameters(name: &str, layer: usize) -> Math {
    symbols::of_layer(Math::variable(name), layer).ink(Ink::Weight(0.5))
}

fn transposed(matrix: Math) -> Math {
    Math::Sup(Box::new(matrix), Box::new(text("⊤")))
}

fn in_gradient_ink(math: Math) -> Math {
    math.ink(Ink::Gradient(0.5))
}
