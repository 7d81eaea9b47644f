//! What is selected, explained with the numbers of the whole step: where each came from, and why it is as
//! large as it is.
//!
//! It must not know places or pictures. Numbers that an event computed carry that event, so that a click
//! leads to it.

mod gradient_path;
mod parameter;
mod zero_gradient;

use crate::events::Timeline;
use crate::events::origin::{Call, LEARNING_RATE, Origins, Part};
use crate::events::{Cell, EventKind, Phase};
use crate::explain::expression::{Term, compose};
use crate::explain::formula::enclosed;
use crate::explain::words::{self, Words};
use crate::scene::{Ink, Inspector, InspectorRow, Link, Math, Section, Target};
use slowgrad_engine::record::{RecordedSample, RecordedStep};
use slowgrad_engine::shape::Parameter;

/// More samples, or more incoming terms, than this are counted and not listed.
const MOST_ROWS: usize = 6;

/// Explains `target`. The step is shown as a whole; the event only says which sample's values are meant.
pub fn inspect(timeline: &Timeline, event_index: usize, target: Target, words: Words) -> Inspector {
    let step = timeline.step();
    let nearest = event_index.min(timeline.len() - 1);
    let sample = timeline.address(nearest).sample.unwrap_or(step.samples.len() - 1);
    let desk = Desk { timeline, step, from: Origins::of(timeline), sample, words };
    let whole = |rows| vec![Section { heading: String::new(), rows }];
    let sections = match target {
        Target::Input(input) => whole(desk.input(input)),
        Target::Neuron { layer, neuron } => desk.with_reasons(desk.neuron(layer, neuron), layer, neuron),
        Target::Weight { layer, neuron, input } => desk.parameter(Parameter { layer, neuron, input: Some(input) }),
        Target::Bias { layer, neuron } => desk.parameter(Parameter { layer, neuron, input: None }),
        Target::Loss => whole(desk.loss()),
    };
    Inspector { target, title: words::target(target), sections }
}

/// What an explanation is written from.
#[derive(Debug, Clone, Copy)]
struct Desk<'a> {
    timeline: &'a Timeline,
    step: &'a RecordedStep,
    from: Origins<'a>,
    sample: usize,
    words: Words,
}

fn text(text: impl Into<String>) -> Math {
    Math::text(text)
}

/// A symbol with the layer that it belongs to, where layers are spoken of side by side: δ₁⁽²⁾.
fn of_layer(name: Math, layer: usize) -> Math {
    Math::Sup(Box::new(name), Box::new(text(format!("({})", layer + 1))))
}

fn row(label: Math, value: Math) -> InspectorRow {
    InspectorRow { label, value, why: String::new() }
}

/// As many digits as it takes to tell a parameter's new value from its old one.
pub(crate) fn digits_apart(old: f64, new: f64, least: usize) -> usize {
    let differs = |&digits: &usize| words::number(old, digits) != words::number(new, digits);
    if old == new { least } else { (least..17).find(differs).unwrap_or(17) }
}

/// The last row of a list that was cut short.
fn and_more(rows: &mut Vec<InspectorRow>, count: usize, what: &str) {
    if count > MOST_ROWS {
        rows.push(row(text("…"), Math::prose(format!("and {} more {what}", count - MOST_ROWS))));
    }
}

impl Desk<'_> {
    fn recorded(&self) -> &RecordedSample {
        &self.step.samples[self.sample]
    }

    /// A number in its colour that leads to the event it came from.
    fn mark(&self, x: f64, ink: fn(f32) -> Ink, link: Option<Link>) -> Math {
        self.words.mark(x, ink, link)
    }

    /// The same as a factor: in brackets when it is negative.
    fn factor(&self, x: f64, ink: fn(f32) -> Ink, link: Option<Link>) -> Math {
        enclosed(self.mark(x, ink, link))
    }

    /// A parameter's value before the step.
    fn before(&self, layer: usize, neuron: usize, input: Option<usize>) -> Math {
        self.words.before(self.step, Parameter { layer, neuron, input })
    }

    fn plain(&self, x: f64) -> String {
        words::number(x, self.words.digits)
    }

    fn source_name(layer: usize, input: usize) -> Math {
        Math::indexed(if layer == 0 { "x" } else { "a" }, (input + 1).to_string())
    }

    fn activation_name(&self, layer: usize, neuron: usize) -> Math {
        let is_last = layer + 1 == self.step.shape.layers();
        Math::indexed(if is_last { "ŷ" } else { "a" }, (neuron + 1).to_string())
    }

    fn name(&self, layer: usize, neuron: usize, input: Option<usize>) -> Math {
        words::parameter(self.step, Cell::Parameter { layer, neuron, input })
    }

    fn weight(&self, layer: usize, neuron: usize, input: usize) -> f64 {
        self.step.before.values[self.step.shape.index(Parameter { layer, neuron, input: Some(input) })]
    }

    /// The learning rate as the schedule makes it.
    fn rate(&self) -> Option<Math> {
        let rate = self.step.rate.as_ref()?;
        Some(Math::row([
            self.words.link(rate.base, Ink::Text, Some(LEARNING_RATE)),
            text(" · "),
            enclosed(self.words.link(rate.factor, Ink::Text, self.from.factor())),
            text(" = "),
            self.words.link(rate.lr, Ink::Accent, Some(self.from.rate())),
        ]))
    }

    /// A line of a script with its numbers: `s = s + d²`, one operation each.
    fn operation(&self, call: &Call<'_>, index: usize) -> Option<InspectorRow> {
        let here = Some(Link::Event(index));
        match self.timeline.event(index).kind {
            EventKind::Operation { op, operands, result } => {
                let origin = |nth| call.node_of(index).and_then(|id| call.value(call.trace.node(id).operands[nth]));
                let names = operands.iter().map(|operand| Term::leaf(words::symbol(&operand.name)));
                let numbers = operands.iter().enumerate();
                let numbers =
                    numbers.map(|(nth, operand)| Term::leaf(self.mark(operand.value, Ink::Value, origin(nth))));
                let (symbols, numbers) = (compose(op, names.collect()).math(), compose(op, numbers.collect()).math());
                let result_value = self.mark(result.value, Ink::Value, here);
                let value = Math::row([symbols, text(" = "), numbers, text(" = "), result_value]);
                Some(row(words::symbol(&result.name), value))
            }
            EventKind::Ask { compare, a, b, answer } => {
                let sign = || text(format!(" {} ", compare.symbol()));
                let answer = Box::new(text(if answer { "yes" } else { "no" }));
                let answer = Math::Marked { math: answer, ink: Ink::Accent, link: here };
                let origins = call.guard(index).map(|(a, b)| (call.value(a), call.value(b))).unwrap_or_default();
                let question = [
                    self.mark(a.value, Ink::Value, origins.0),
                    sign(),
                    self.mark(b.value, Ink::Value, origins.1),
                    text(" ? "),
                ];
                Some(row(
                    Math::row([words::symbol(&a.name), sign(), words::symbol(&b.name)]),
                    Math::row(question.into_iter().chain([answer])),
                ))
            }
            _ => None,
        }
    }

    fn neuron(&self, layer: usize, neuron: usize) -> Vec<InspectorRow> {
        let here = &self.recorded().layers[layer];
        let (s, from) = (self.sample, self.from);
        let x = self.step.layer_input(self.sample, layer);
        let mut rows = vec![self.sample_row()];
        for (input, &x) in x.iter().enumerate().take(MOST_ROWS) {
            let w = self.weight(layer, neuron, input);
            rows.push(row(
                Math::row([self.name(layer, neuron, Some(input)), text(" · "), Self::source_name(layer, input)]),
                Math::row([
                    self.before(layer, neuron, Some(input)),
                    text(" · "),
                    self.factor(x, Ink::Value, from.source(s, layer, input)),
                    text(" = "),
                    self.mark(w * x, Ink::Value, from.product(s, layer, neuron, input)),
                ]),
            ));
        }
        and_more(&mut rows, x.len(), "inputs");
        rows.push(row(self.name(layer, neuron, None), self.before(layer, neuron, None)));
        let index = (neuron + 1).to_string();
        let z = Math::indexed("z", index.clone());
        rows.push(row(z.clone(), self.mark(here.z[neuron], Ink::Value, from.z(s, layer, neuron))));
        let activation = &self.step.names.activations[layer];
        let call = Math::row([text(activation.clone()), Math::fenced(z), text(" = ")]);
        rows.push(row(
            self.activation_name(layer, neuron),
            Math::row([call, self.mark(here.a[neuron], Ink::Value, from.activated(s, layer, neuron))]),
        ));
        rows.extend(self.arriving(layer, neuron));
        rows.push(row(
            Math::row([Math::indexed("δ", index.clone()), text(" = "), words::grad_of(Math::indexed("z", index))])
                .ink(Ink::Gradient(0.5)),
            self.mark(here.delta[neuron], Ink::Gradient, from.delta(s, layer, neuron)),
        ));
        rows
    }

    /// What comes back to a neuron from the layer behind it, and the sum ∂L/∂a.
    fn arriving(&self, layer: usize, neuron: usize) -> Vec<InspectorRow> {
        let (shape, mut rows) = (&self.step.shape, Vec::new());
        let total = self.recorded().layers[layer].grad_a[neuron];
        let next = layer + 1;
        if next == shape.layers() {
            let event = self.from.grad_a(self.sample, layer, neuron);
            let loss = &self.step.names.loss;
            rows.push(InspectorRow {
                label: words::grad_of(self.activation_name(layer, neuron)),
                value: self.mark(total, Ink::Gradient, event),
                why: match event {
                    Some(_) => format!("From {loss}, by the chain rule."),
                    None => format!("On the path that it took, {loss} does not look at this output."),
                },
            });
            return rows;
        }
        let deltas = &self.recorded().layers[next].delta;
        let sent = |from: usize| self.from.backprop(self.sample, next, from, neuron);
        for (from, &delta) in deltas.iter().enumerate().take(MOST_ROWS) {
            let w = self.weight(next, from, neuron);
            rows.push(row(
                Math::row([
                    self.name(next, from, Some(neuron)),
                    text(" · "),
                    Math::indexed("δ", (from + 1).to_string()).ink(Ink::Gradient(0.5)),
                    Math::prose(format!(" of layer {}", next + 1)),
                ]),
                Math::row([
                    self.before(next, from, Some(neuron)),
                    text(" · "),
                    self.factor(delta, Ink::Gradient, self.from.delta(self.sample, next, from)),
                    text(" = "),
                    self.mark(w * delta, Ink::Gradient, sent(from)),
                ]),
            ));
        }
        and_more(&mut rows, deltas.len(), "neurons");
        let last = sent(deltas.len() - 1);
        rows.push(row(words::grad_of(self.activation_name(layer, neuron)), self.mark(total, Ink::Gradient, last)));
        rows
    }

    fn input(&self, input: usize) -> Vec<InspectorRow> {
        let event = self.from.source(self.sample, 0, input);
        let x = self.recorded().input[input];
        let mut rows = vec![self.sample_row()];
        rows.push(InspectorRow {
            label: Self::source_name(0, input),
            value: self.mark(x, Ink::Value, event),
            why: if x == 0.0 {
                "Its weights had no part in the result and get no gradient.".into()
            } else {
                String::new()
            },
        });
        let size = self.step.shape.size(0);
        for neuron in 0..size.min(MOST_ROWS) {
            let w = self.weight(0, neuron, input);
            rows.push(row(
                Math::row([self.name(0, neuron, Some(input)), text(" · "), Self::source_name(0, input)]),
                Math::row([
                    self.before(0, neuron, Some(input)),
                    text(" · "),
                    self.factor(x, Ink::Value, event),
                    text(" = "),
                    self.mark(w * x, Ink::Value, self.from.product(self.sample, 0, neuron, input)),
                ]),
            ));
        }
        and_more(&mut rows, size, "neurons");
        rows
    }

    fn loss(&self) -> Vec<InspectorRow> {
        let layer = self.step.shape.layers() - 1;
        let recorded = self.recorded();
        let mut rows = vec![self.sample_row()];
        let outputs = &recorded.layers[layer].a;
        for (output, (&a, &target)) in outputs.iter().zip(&recorded.target).enumerate().take(MOST_ROWS) {
            let index = (output + 1).to_string();
            rows.push(row(
                Math::row([Math::indexed("ŷ", index.clone()), text(" − "), Math::indexed("y", index)]),
                Math::row([
                    self.mark(a, Ink::Value, self.from.activated(self.sample, layer, output)),
                    text(" − "),
                    self.factor(target, Ink::Value, Some(self.from.row(self.sample))),
                    text(" = "),
                    text(words::signed(a - target, self.words.digits)).ink(Ink::Loss),
                ]),
            ));
        }
        and_more(&mut rows, outputs.len(), "outputs");
        let cell = self.timeline.cell(Some(self.sample), Phase::Loss, Cell::Loss);
        if let Some(call) = Call::of(self.timeline, Some(self.sample), Phase::Loss, Cell::Loss, Part::Script) {
            let events = cell.into_iter().flatten();
            rows.extend(events.filter_map(|event| self.operation(&call, event)).take(2 * MOST_ROWS));
        }
        let value = Box::new(text(self.plain(recorded.loss)));
        let value = Math::Marked { math: value, ink: Ink::Loss, link: self.from.loss(self.sample) };
        let label = [Math::variable("L"), text(" = "), text(self.step.names.loss.clone())];
        let arguments = Math::fenced(Math::row([Math::variable("ŷ"), text(", "), Math::variable("y")]));
        rows.push(row(Math::row(label.into_iter().chain([arguments])), value));
        if self.step.samples.len() > 1 {
            rows.push(row(Math::prose("mean loss of the batch"), text(self.plain(self.step.loss)).ink(Ink::Loss)));
        }
        if let Some(penalty) = &self.step.penalty {
            let words = format!(" = {}, summed over the weights", penalty.regularizer);
            let label = Math::row([Math::variable("R"), Math::prose(words)]);
            rows.push(row(label, text(self.plain(penalty.sum)).ink(Ink::Loss)));
        }
        rows.extend(self.rate().map(|rate| row(Math::variable("η"), rate)));
        rows
    }

    fn sample_row(&self) -> InspectorRow {
        let count = self.step.samples.len();
        row(Math::prose("sample"), Math::prose(format!("{} of {count}", self.sample + 1)))
    }
}
