//! The inspector: explains the selected element with the numbers of the whole step.
//!
//! It must not know positions or how an explanation is drawn. Numbers that an event computed link to that event.

mod gradient_path;
mod parameter;
mod zero_gradient;

use super::expression::{Term, compose};
use super::symbols::{self, enclosed, grad_of, pre_activation, symbol};
use super::words::{self, Explainer};
use crate::events::origin::LEARNING_RATE;
use crate::events::{CallOrigins, Cell, CellScript, EventKind, Origins, Phase, Timeline};
use crate::number_format::{number, signed};
use crate::scene::{Ink, Inspector, InspectorRow, Link, Math, Section, Target};
use slowgrad_engine::record::{RecordedSample, RecordedStep};
use slowgrad_engine::shape::Parameter;

/// Beyond this number, samples and terms are counted instead of listed.
const MAX_ROWS: usize = 6;

/// Explains an element of the network with the numbers of the whole step. The event only selects the sample; in the update
/// that is the last one. `target` must exist in the network.
pub fn inspect(timeline: &Timeline, event_index: usize, target: Target, explainer: Explainer) -> Inspector {
    let step = timeline.step();
    let nearest = event_index.min(timeline.len() - 1);
    let sample = timeline.address(nearest).sample.unwrap_or(step.samples.len() - 1);
    let context = InspectContext { timeline, step, from: Origins::of(timeline), sample, explainer };
    let whole = |rows| vec![Section { heading: String::new(), rows }];
    let sections = match target {
        Target::Input(input) => whole(context.input(input)),
        Target::Neuron { layer, neuron } => context.with_reasons(context.neuron(layer, neuron), layer, neuron),
        Target::Weight { layer, neuron, input } => context.parameter(Parameter { layer, neuron, input: Some(input) }),
        Target::Bias { layer, neuron } => context.parameter(Parameter { layer, neuron, input: None }),
        Target::Loss => whole(context.loss()),
    };
    Inspector { target, title: words::named_target(target, &step.shape, &step.io_names), sections }
}

/// The step, the sample and the number format of an explanation.
#[derive(Debug, Clone, Copy)]
struct InspectContext<'a> {
    timeline: &'a Timeline,
    step: &'a RecordedStep,
    from: Origins<'a>,
    sample: usize,
    explainer: Explainer,
}

fn text(text: impl Into<String>) -> Math {
    Math::text(text)
}

fn row(label: Math, value: Math) -> InspectorRow {
    InspectorRow { label, value, why: String::new() }
}

/// The last row of a shortened list.
fn and_more(rows: &mut Vec<InspectorRow>, count: usize, what: &str) {
    if count > MAX_ROWS {
        rows.push(row(text("…"), Math::prose(format!("and {} more {what}", count - MAX_ROWS))));
    }
}

impl InspectContext<'_> {
    fn recorded(&self) -> &RecordedSample {
        &self.step.samples[self.sample]
    }

    /// A number in the colour of its quantity that links to its origin.
    fn mark(&self, x: f64, ink: fn(f32) -> Ink, link: Option<Link>) -> Math {
        self.explainer.mark(x, ink, link)
    }

    /// A number as a factor: in brackets if it is negative.
    fn factor(&self, x: f64, ink: fn(f32) -> Ink, link: Option<Link>) -> Math {
        enclosed(self.mark(x, ink, link))
    }

    /// A parameter's value before the step.
    fn before(&self, layer: usize, neuron: usize, input: Option<usize>) -> Math {
        self.explainer.before(self.step, Parameter { layer, neuron, input })
    }

    fn plain(&self, x: f64) -> String {
        number(x, self.explainer.digits)
    }

    fn activation_symbol(&self, layer: usize, neuron: usize) -> Math {
        symbols::activation(&self.step.shape, layer, neuron)
    }

    fn name(&self, layer: usize, neuron: usize, input: Option<usize>) -> Math {
        symbols::parameter(&self.step.shape, Parameter { layer, neuron, input })
    }

    /// The parameter's symbol.
    fn symbol(&self, at: Parameter) -> Math {
        symbols::parameter(&self.step.shape, at)
    }

    fn weight(&self, layer: usize, neuron: usize, input: usize) -> f64 {
        self.step.before.values[self.step.shape.index(Parameter { layer, neuron, input: Some(input) })]
    }

    /// The learning rate as the product that a schedule makes of it. `None` without a schedule.
    fn rate(&self) -> Option<Math> {
        let rate = self.step.rate.as_ref()?;
        Some(Math::row([
            self.explainer.link(rate.base, Ink::Text, Some(LEARNING_RATE)),
            text(" · "),
            enclosed(self.explainer.link(rate.factor, Ink::Text, self.from.factor())),
            text(" = "),
            self.explainer.link(rate.lr, Ink::Accent, Some(self.from.rate())),
        ]))
    }

    /// An operation of a script, in symbols and in numbers: `s = s + d²`.
    fn operation(&self, call: &CallOrigins<'_>, index: usize) -> Option<InspectorRow> {
        let here = Some(Link::Event(index));
        match self.timeline.event(index).kind {
            EventKind::Operation { op, operands, result } => {
                let origin = |nth| call.node_of(index).and_then(|id| call.value(call.trace.node(id).operands[nth]));
                let names = operands.iter().map(|operand| Term::leaf(symbol(&operand.name)));
                let numbers = operands.iter().enumerate();
                let numbers =
                    numbers.map(|(nth, operand)| Term::leaf(self.mark(operand.value, Ink::Value, origin(nth))));
                let (symbols, numbers) = (compose(op, names.collect()).math(), compose(op, numbers.collect()).math());
                let result_value = self.mark(result.value, Ink::Value, here);
                let value = Math::row([symbols, text(" = "), numbers, text(" = "), result_value]);
                Some(row(symbol(&result.name), value))
            }
            EventKind::Compare { compare, a, b, answer } => {
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
                    Math::row([symbol(&a.name), sign(), symbol(&b.name)]),
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
        for (input, &x) in x.iter().enumerate().take(MAX_ROWS) {
            let w = self.weight(layer, neuron, input);
            rows.push(row(
                Math::row([self.name(layer, neuron, Some(input)), text(" · "), symbols::layer_input(layer, input)]),
                Math::row([
                    self.before(layer, neuron, Some(input)),
                    text(" · "),
                    self.factor(x, Ink::Value, from.layer_input(s, layer, input)),
                    text(" = "),
                    self.mark(w * x, Ink::Value, from.product(s, layer, neuron, input)),
                ]),
            ));
        }
        and_more(&mut rows, x.len(), "inputs");
        if self.step.shape.has_biases(layer) {
            rows.push(row(self.name(layer, neuron, None), self.before(layer, neuron, None)));
        }
        let z = pre_activation(neuron);
        rows.push(row(z.clone(), self.mark(here.z[neuron], Ink::Value, from.z(s, layer, neuron))));
        let activation = &self.step.names.activations[layer];
        let call = Math::row([text(activation.clone()), Math::fenced(z.clone()), text(" = ")]);
        rows.push(row(
            self.activation_symbol(layer, neuron),
            Math::row([call, self.mark(here.a[neuron], Ink::Value, from.activated(s, layer, neuron))]),
        ));
        rows.extend(self.gradient_rows(layer, neuron));
        rows.push(row(
            Math::row([Math::indexed("δ", (neuron + 1).to_string()), text(" = "), grad_of(z)]).ink(Ink::Gradient(0.5)),
            self.mark(here.delta[neuron], Ink::Gradient, from.delta(s, layer, neuron)),
        ));
        rows
    }

    /// The terms of ∂L/∂a from the next layer, and their sum.
    fn gradient_rows(&self, layer: usize, neuron: usize) -> Vec<InspectorRow> {
        let next = layer + 1;
        if next == self.step.shape.layers() {
            let total = self.recorded().layers[layer].grad_a[neuron];
            let event = self.from.grad_a(self.sample, layer, neuron);
            let loss = &self.step.names.loss;
            return vec![InspectorRow {
                label: grad_of(self.activation_symbol(layer, neuron)),
                value: self.mark(total, Ink::Gradient, event),
                why: match event {
                    Some(_) => format!("By the chain rule through {loss}."),
                    None => format!("On the branch that was taken, {loss} does not depend on this output."),
                },
            }];
        }
        self.backprop_rows(next, neuron)
    }

    /// The terms of the gradient of an input of a layer, and their sum; nothing if the step has no such gradient.
    fn backprop_rows(&self, next: usize, neuron: usize) -> Vec<InspectorRow> {
        let Some(gradient) = self.recorded().layer_input_gradient(next) else { return Vec::new() };
        let mut rows = Vec::new();
        let deltas = &self.recorded().layers[next].delta;
        let term_event = |from: usize| self.from.backprop(self.sample, next, from, neuron);
        for (from, &delta) in deltas.iter().enumerate().take(MAX_ROWS) {
            let w = self.weight(next, from, neuron);
            rows.push(row(
                Math::row([
                    self.name(next, from, Some(neuron)),
                    text(" · "),
                    symbols::delta(from),
                    Math::prose(format!(" of layer {}", next + 1)),
                ]),
                Math::row([
                    self.before(next, from, Some(neuron)),
                    text(" · "),
                    self.factor(delta, Ink::Gradient, self.from.delta(self.sample, next, from)),
                    text(" = "),
                    self.mark(w * delta, Ink::Gradient, term_event(from)),
                ]),
            ));
        }
        and_more(&mut rows, deltas.len(), "neurons");
        let last = term_event(deltas.len() - 1);
        rows.push(row(grad_of(symbols::layer_input(next, neuron)), self.mark(gradient[neuron], Ink::Gradient, last)));
        rows
    }

    fn input(&self, input: usize) -> Vec<InspectorRow> {
        let event = self.from.layer_input(self.sample, 0, input);
        let x = self.recorded().input[input];
        let mut rows = vec![self.sample_row()];
        rows.push(InspectorRow {
            label: symbols::layer_input(0, input),
            value: self.mark(x, Ink::Value, event),
            why: if x == 0.0 {
                "It is 0, so its weights have no effect on the result and their gradients are 0.".into()
            } else {
                String::new()
            },
        });
        let size = self.step.shape.size(0);
        for neuron in 0..size.min(MAX_ROWS) {
            let w = self.weight(0, neuron, input);
            rows.push(row(
                Math::row([self.name(0, neuron, Some(input)), text(" · "), symbols::layer_input(0, input)]),
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
        rows.extend(self.backprop_rows(0, input));
        rows
    }

    fn loss(&self) -> Vec<InspectorRow> {
        let layer = self.step.shape.layers() - 1;
        let recorded = self.recorded();
        let mut rows = vec![self.sample_row()];
        let outputs = &recorded.layers[layer].a;
        for (output, (&a, &target)) in outputs.iter().zip(&recorded.target).enumerate().take(MAX_ROWS) {
            let index = (output + 1).to_string();
            rows.push(InspectorRow {
                label: Math::row([Math::indexed("ŷ", index.clone()), text(" − "), Math::indexed("y", index)]),
                why: self.step.io_names.output(output).map(str::to_owned).unwrap_or_default(),
                value: Math::row([
                    self.mark(a, Ink::Value, self.from.activated(self.sample, layer, output)),
                    text(" − "),
                    self.factor(target, Ink::Value, Some(self.from.row(self.sample))),
                    text(" = "),
                    text(signed(a - target, self.explainer.digits)).ink(Ink::Loss),
                ]),
            });
        }
        and_more(&mut rows, outputs.len(), "outputs");
        let cell = self.timeline.cell(Some(self.sample), Phase::Loss, Cell::Loss);
        if let Some(call) = CallOrigins::of(self.timeline, Some(self.sample), Phase::Loss, Cell::Loss, CellScript::Main)
        {
            let events = cell.into_iter().flatten();
            rows.extend(events.filter_map(|event| self.operation(&call, event)).take(2 * MAX_ROWS));
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
