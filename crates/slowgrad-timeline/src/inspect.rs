//! What is selected, explained with the numbers of the whole step: where each came from, and why it is as
//! large as it is.
//!
//! It must not know places or pictures. Numbers that an event computed carry that event, so that a click
//! leads to it.

use crate::event::{Cell, EventKind, Phase};
use crate::scene::{Ink, Inspector, InspectorRow, Math, Target};
use crate::timeline::Timeline;
use crate::words::{self, Words};
use slowgrad_engine::record::{RecordedSample, RecordedStep};
use slowgrad_engine::shape::Parameter;

/// More samples, or more incoming terms, than this are counted and not listed.
const MOST_ROWS: usize = 6;

/// Explains `target`. The step is shown as a whole; the event only says which sample's values are meant.
pub fn inspect(timeline: &Timeline, event_index: usize, target: Target, words: Words) -> Inspector {
    let step = timeline.step();
    let nearest = event_index.min(timeline.len() - 1);
    let sample = timeline.address(nearest).sample.unwrap_or(step.samples.len() - 1);
    let desk = Desk { timeline, step, sample, words };
    let rows = match target {
        Target::Input(input) => desk.input(input),
        Target::Neuron { layer, neuron } => desk.neuron(layer, neuron),
        Target::Weight { layer, neuron, input } => desk.parameter(layer, neuron, Some(input)),
        Target::Bias { layer, neuron } => desk.parameter(layer, neuron, None),
        Target::Loss => desk.loss(),
    };
    Inspector { target, title: words::target(target), rows }
}

/// What an explanation is written from.
#[derive(Debug, Clone, Copy)]
struct Desk<'a> {
    timeline: &'a Timeline,
    step: &'a RecordedStep,
    sample: usize,
    words: Words,
}

fn text(text: impl Into<String>) -> Math {
    Math::text(text)
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
        rows.push(row(text("…"), text(format!("and {} more {what}", count - MOST_ROWS))));
    }
}

/// ∂L/∂ something on one line, in the colour of gradients.
fn slope(of: Math) -> Math {
    Math::row([text("∂L/∂"), of]).ink(Ink::Gradient(0.5))
}

impl Desk<'_> {
    fn recorded(&self) -> &RecordedSample {
        &self.step.samples[self.sample]
    }

    /// A number in its colour that leads to the event it came from.
    fn mark(&self, x: f64, ink: fn(f32) -> Ink, event: Option<usize>) -> Math {
        let math = Box::new(text(words::number(x, self.words.digits)));
        Math::Marked { math, ink: ink(words::level(x)), event }
    }

    /// The same as a factor: in brackets when it is negative.
    fn factor(&self, x: f64, ink: fn(f32) -> Ink, event: Option<usize>) -> Math {
        let math = self.mark(x, ink, event);
        if math.plain().starts_with('−') { Math::row([text("("), math, text(")")]) } else { math }
    }

    fn plain(&self, x: f64) -> String {
        words::number(x, self.words.digits)
    }

    /// The event that computed the activation of a neuron, or let an input enter.
    fn source_event(&self, sample: usize, layer: usize, input: usize) -> Option<usize> {
        match layer.checked_sub(1) {
            None => Some(self.timeline.cell(Some(sample), Phase::Input, Cell::Input)?.start + input),
            Some(layer) => self.activated(sample, layer, input),
        }
    }

    fn activated(&self, sample: usize, layer: usize, neuron: usize) -> Option<usize> {
        if self.step.names.whole_layer[layer] {
            let whole = self.timeline.cell(Some(sample), Phase::Forward, Cell::Layer { layer })?;
            return Some(whole.end - self.step.shape.size(layer) + neuron);
        }
        let cell = self.timeline.cell(Some(sample), Phase::Forward, Cell::Neuron { layer, neuron })?;
        Some(cell.end - 1)
    }

    /// The events of a neuron on the way back: the first is δ's, then the bias's, then the weights'.
    fn delta_event(&self, sample: usize, layer: usize, neuron: usize) -> Option<usize> {
        let cell = self.timeline.cell(Some(sample), Phase::Backward, Cell::Neuron { layer, neuron })?;
        Some(cell.end - 2 - self.step.shape.fan_in(layer) * if layer > 0 { 2 } else { 1 })
    }

    fn source_name(layer: usize, input: usize) -> Math {
        Math::indexed(if layer == 0 { "x" } else { "a" }, (input + 1).to_string())
    }

    fn activation_name(&self, layer: usize, neuron: usize) -> Math {
        let is_last = layer + 1 == self.step.shape.layers();
        Math::indexed(if is_last { "ŷ" } else { "a" }, (neuron + 1).to_string())
    }

    fn name(&self, layer: usize, neuron: usize, input: Option<usize>) -> Math {
        let wide = self.step.shape.fan_in(layer).max(self.step.shape.size(layer)) > 9;
        let cell = Cell::Parameter { layer, neuron, input };
        let address =
            crate::event::Address { step: self.step.step, sample: None, phase: Phase::Update, cell, operation: 0 };
        words::parameter(&address, wide)
    }

    fn weight(&self, layer: usize, neuron: usize, input: usize) -> f64 {
        self.step.before.values[self.step.shape.index(Parameter { layer, neuron, input: Some(input) })]
    }

    /// A weight or a bias: its gradient sample by sample, the mean, and the optimizer's own calculation.
    fn parameter(&self, layer: usize, neuron: usize, input: Option<usize>) -> Vec<InspectorRow> {
        let index = self.step.shape.index(Parameter { layer, neuron, input });
        let (old, new) = (self.step.before.values[index], self.step.after.values[index]);
        let (mean, grad) = (self.step.mean_grad(index), self.step.grads[index]);
        let name = self.name(layer, neuron, input);
        let before = Math::row([name.clone(), text(" before the update")]);
        let mut rows = vec![row(before, self.mark(old, Ink::Weight, None))];
        let several = self.step.samples.len() > 1;
        for sample in self.samples_shown() {
            rows.push(self.share(sample, layer, neuron, input));
        }
        and_more(&mut rows, self.step.samples.len(), "samples");

        let cell = self.timeline.cell(None, Phase::Update, Cell::Parameter { layer, neuron, input });
        if several {
            let quotient = format!("{} / {} = ", self.plain(self.step.grad_sums[index]), self.step.samples.len());
            let value =
                Math::row([text(quotient), self.mark(mean, Ink::Gradient, cell.as_ref().map(|cell| cell.start))]);
            rows.push(InspectorRow {
                label: text(if self.step.penalty_trace(index).is_some() { "mean gradient" } else { "mean gradient g" }),
                value,
                why: if mean == 0.0 { "The mean over the samples is 0.".into() } else { String::new() },
            });
        }
        rows.extend(self.rate());
        rows.extend(cell.clone().into_iter().flatten().filter_map(|event| self.operation(event)));
        let exact = Desk { words: Words { digits: digits_apart(old, new, self.words.digits) }, ..*self };
        let change = Math::row([
            exact.mark(new, Ink::Weight, None),
            text(" − "),
            exact.factor(old, Ink::Weight, None),
            text(" = "),
            Math::text(words::signed(new - old, self.words.digits)).ink(Ink::Update(words::level(new - old))),
        ]);
        rows.push(InspectorRow {
            label: Math::row([text("Δ"), name.clone()]),
            value: change,
            why: self.why_this_change(old, new, grad, index),
        });
        let moves = Math::row([
            exact.mark(old, Ink::Weight, None),
            text(" → "),
            exact.mark(new, Ink::Weight, cell.map(|cell| cell.end - 1)),
        ]);
        rows.push(row(Math::row([name, text(" ← "), text(self.step.names.optimizer.clone())]), moves));
        rows
    }

    /// The samples that are listed: the first ones, and the present one among them.
    fn samples_shown(&self) -> Vec<usize> {
        let count = self.step.samples.len();
        let mut shown: Vec<usize> = (0..count.min(MOST_ROWS)).collect();
        if !shown.contains(&self.sample)
            && let Some(last) = shown.last_mut()
        {
            *last = self.sample;
        }
        shown
    }

    /// One sample's ∂L/∂w = δ · x, or ∂L/∂b = δ.
    fn share(&self, sample: usize, layer: usize, neuron: usize, input: Option<usize>) -> InspectorRow {
        let delta = self.step.samples[sample].layers[layer].delta[neuron];
        let delta_event = self.delta_event(sample, layer, neuron);
        let mut label = vec![slope(self.name(layer, neuron, input))];
        if self.step.samples.len() > 1 {
            label.push(text(format!(", sample {}", sample + 1)));
        }
        let delta_name = Math::indexed("δ", (neuron + 1).to_string()).ink(Ink::Gradient(0.5));
        let Some(input) = input else {
            let value = Math::row([delta_name, text(" = "), self.mark(delta, Ink::Gradient, delta_event)]);
            return InspectorRow { label: Math::Row(label), value, why: self.why_zero(sample, layer, neuron, None) };
        };
        let x = self.step.layer_input(sample, layer)[input];
        let value = Math::row([
            delta_name,
            text(" · "),
            Self::source_name(layer, input),
            text(" = "),
            self.mark(delta, Ink::Gradient, delta_event),
            text(" · "),
            self.factor(x, Ink::Value, self.source_event(sample, layer, input)),
            text(" = "),
            self.mark(delta * x, Ink::Gradient, delta_event.map(|event| event + 2 + input)),
        ]);
        InspectorRow { label: Math::Row(label), value, why: self.why_zero(sample, layer, neuron, Some(input)) }
    }

    /// Which factor makes a gradient 0, in a sentence; empty when it is not 0.
    fn why_zero(&self, sample: usize, layer: usize, neuron: usize, input: Option<usize>) -> String {
        let here = &self.step.samples[sample].layers[layer];
        if let Some(input) = input
            && self.step.layer_input(sample, layer)[input] == 0.0
            && here.delta[neuron] != 0.0
        {
            return format!(
                "The input {} was 0, so this weight had no part in the result.",
                Self::source_name(layer, input).plain()
            );
        }
        self.why_delta_zero(sample, layer, neuron)
    }

    fn why_delta_zero(&self, sample: usize, layer: usize, neuron: usize) -> String {
        let here = &self.step.samples[sample].layers[layer];
        if here.delta[neuron] != 0.0 {
            return String::new();
        }
        let a = self.activation_name(layer, neuron).plain();
        if here.grad_a[neuron] == 0.0 {
            return if layer + 1 == self.step.shape.layers() {
                format!("δ is 0 because ∂L/∂{a} is 0: the loss is flat at this output.")
            } else {
                format!("δ is 0 because ∂L/∂{a} is 0: nothing comes back from the layer behind.")
            };
        }
        let activation = &self.step.names.activations[layer];
        let z = self.plain(here.z[neuron]);
        format!("δ is 0 because the slope of {activation} is 0 at z = {z}: the neuron passes nothing back.")
    }

    /// The learning rate as the schedule makes it.
    fn rate(&self) -> Option<InspectorRow> {
        let rate = self.step.rate.as_ref()?;
        let event = self.timeline.cell(None, Phase::Update, Cell::Rate).map(|cell| cell.end - 1);
        let product = format!("{} · {} = ", self.plain(rate.base), self.plain(rate.factor));
        let value = Box::new(text(self.plain(rate.lr)));
        Some(InspectorRow {
            label: Math::row([Math::variable("η"), text(format!(" by {}", rate.schedule))]),
            value: Math::row([text(product), Math::Marked { math: value, ink: Ink::Accent, event }]),
            why: if rate.factor == 0.0 {
                "The schedule says 0: this step moves nothing.".into()
            } else {
                String::new()
            },
        })
    }

    fn why_this_change(&self, old: f64, new: f64, grad: f64, index: usize) -> String {
        let has_state = self.step.before.state.iter().any(|field| field[index] != 0.0);
        if self.step.frozen.contains(&index) {
            return "It is frozen: no update moves it.".into();
        }
        match (old == new, grad == 0.0) {
            (true, true) => "The gradient is 0, so the parameter stays.".into(),
            (true, false) => "The change is too small for this number to hold, or the learning rate is 0.".into(),
            (false, true) if has_state => {
                format!("The gradient is 0; what {} remembers from earlier steps moves it.", self.step.names.optimizer)
            }
            (false, true) => format!("The gradient is 0; {} moves it by its own rule.", self.step.names.optimizer),
            (false, false) => String::new(),
        }
    }

    /// A line of a script with its numbers: `v = β · v + g`, one operation each; and the sum that the regularizer's
    /// share joins.
    fn operation(&self, index: usize) -> Option<InspectorRow> {
        match self.timeline.event(index).kind {
            EventKind::Operation { op, operands, result } => {
                let names: Vec<Math> = operands.iter().map(|operand| words::symbol(&operand.name)).collect();
                let numbers: Vec<Math> = operands.iter().map(|operand| text(self.plain(operand.value))).collect();
                let (symbols, numbers) = (words::compose(op, &names), words::compose(op, &numbers));
                let value = Math::row([
                    symbols,
                    text(" = "),
                    numbers,
                    text(" = "),
                    self.mark(result.value, Ink::Update, Some(index)),
                ]);
                Some(row(words::symbol(&result.name), value))
            }
            EventKind::Ask { compare, a, b, answer } => {
                let question = format!("{} {} {} ? ", self.plain(a.value), compare.symbol(), self.plain(b.value));
                let answer = Box::new(text(if answer { "yes" } else { "no" }));
                let answer = Math::Marked { math: answer, ink: Ink::Accent, event: Some(index) };
                let sign = text(format!(" {} ", compare.symbol()));
                Some(row(
                    Math::row([words::symbol(&a.name), sign, words::symbol(&b.name)]),
                    Math::row([text(question), answer]),
                ))
            }
            EventKind::Penalized { regularizer, mean, share, grad } => {
                let value = Math::row([
                    text(self.plain(mean)),
                    text(" + "),
                    self.factor(share, Ink::Gradient, index.checked_sub(1)),
                    text(" = "),
                    self.mark(grad, Ink::Gradient, Some(index)),
                ]);
                let label = text(format!("g = gradient + share of {regularizer}"));
                let why = if share == 0.0 { format!("{regularizer} has no slope here.") } else { String::new() };
                Some(InspectorRow { label, value, why })
            }
            _ => None,
        }
    }

    fn neuron(&self, layer: usize, neuron: usize) -> Vec<InspectorRow> {
        let here = &self.recorded().layers[layer];
        let shape = &self.step.shape;
        let cell = self.timeline.cell(Some(self.sample), Phase::Forward, Cell::Neuron { layer, neuron });
        let start = cell.map(|cell| cell.start);
        let x = self.step.layer_input(self.sample, layer);
        let mut rows = vec![self.sample_row()];
        for (input, &x) in x.iter().enumerate().take(MOST_ROWS) {
            let w = self.weight(layer, neuron, input);
            // The first operation is the first product; then a product and a sum for each further input.
            let product = start.map(|start| start + (2 * input).saturating_sub(1));
            rows.push(row(
                Math::row([self.name(layer, neuron, Some(input)), text(" · "), Self::source_name(layer, input)]),
                Math::row([
                    self.mark(w, Ink::Weight, None),
                    text(" · "),
                    self.factor(x, Ink::Value, self.source_event(self.sample, layer, input)),
                    text(" = "),
                    self.mark(w * x, Ink::Value, product),
                ]),
            ));
        }
        and_more(&mut rows, x.len(), "inputs");
        let bias = self.step.before.values[shape.index(Parameter { layer, neuron, input: None })];
        let sums = start.map(|start| start + 2 * x.len() - 1);
        rows.push(row(self.name(layer, neuron, None), self.mark(bias, Ink::Weight, None)));
        let index = (neuron + 1).to_string();
        let z = Math::indexed("z", index.clone());
        rows.push(row(z.clone(), self.mark(here.z[neuron], Ink::Value, sums)));
        let activation = &self.step.names.activations[layer];
        let call = Math::row([text(format!("{activation}(")), z, text(") = ")]);
        rows.push(row(
            self.activation_name(layer, neuron),
            Math::row([call, self.mark(here.a[neuron], Ink::Value, self.activated(self.sample, layer, neuron))]),
        ));
        rows.extend(self.arriving(layer, neuron));
        rows.push(InspectorRow {
            label: Math::row([Math::indexed("δ", index.clone()), text(" = ∂L/∂"), Math::indexed("z", index)])
                .ink(Ink::Gradient(0.5)),
            value: self.mark(here.delta[neuron], Ink::Gradient, self.delta_event(self.sample, layer, neuron)),
            why: self.why_delta_zero(self.sample, layer, neuron),
        });
        rows
    }

    /// What comes back to a neuron from the layer behind it, and the sum ∂L/∂a.
    fn arriving(&self, layer: usize, neuron: usize) -> Vec<InspectorRow> {
        let (shape, mut rows) = (&self.step.shape, Vec::new());
        let total = self.recorded().layers[layer].grad_a[neuron];
        let next = layer + 1;
        if next == shape.layers() {
            let event = self.timeline.cell(Some(self.sample), Phase::Backward, Cell::Loss).and_then(|cell| {
                let here = Target::Neuron { layer, neuron };
                cell.rev().find(|&event| self.timeline.event(event).target == here)
            });
            rows.push(InspectorRow {
                label: slope(self.activation_name(layer, neuron)),
                value: self.mark(total, Ink::Gradient, event),
                why: format!("From {}, by the chain rule.", self.step.names.loss),
            });
            return rows;
        }
        let deltas = &self.recorded().layers[next].delta;
        let sent = |from: usize| {
            self.delta_event(self.sample, next, from).map(|delta| delta + 2 + shape.fan_in(next) + neuron)
        };
        for (from, &delta) in deltas.iter().enumerate().take(MOST_ROWS) {
            let w = self.weight(next, from, neuron);
            rows.push(row(
                Math::row([
                    self.name(next, from, Some(neuron)),
                    text(" · "),
                    Math::indexed("δ", (from + 1).to_string()).ink(Ink::Gradient(0.5)),
                    text(format!(" of layer {}", next + 1)),
                ]),
                Math::row([
                    self.mark(w, Ink::Weight, None),
                    text(" · "),
                    self.factor(delta, Ink::Gradient, self.delta_event(self.sample, next, from)),
                    text(" = "),
                    self.mark(w * delta, Ink::Gradient, sent(from)),
                ]),
            ));
        }
        and_more(&mut rows, deltas.len(), "neurons");
        let last = sent(deltas.len() - 1);
        rows.push(row(slope(self.activation_name(layer, neuron)), self.mark(total, Ink::Gradient, last)));
        rows
    }

    fn input(&self, input: usize) -> Vec<InspectorRow> {
        let event = self.source_event(self.sample, 0, input);
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
            let product = self
                .timeline
                .cell(Some(self.sample), Phase::Forward, Cell::Neuron { layer: 0, neuron })
                .map(|cell| cell.start + (2 * input).saturating_sub(1));
            rows.push(row(
                Math::row([self.name(0, neuron, Some(input)), text(" · "), Self::source_name(0, input)]),
                Math::row([
                    self.mark(w, Ink::Weight, None),
                    text(" · "),
                    self.factor(x, Ink::Value, event),
                    text(" = "),
                    self.mark(w * x, Ink::Value, product),
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
                    self.mark(a, Ink::Value, self.activated(self.sample, layer, output)),
                    text(" − "),
                    self.factor(target, Ink::Value, None),
                    text(" = "),
                    text(words::signed(a - target, self.words.digits)).ink(Ink::Loss),
                ]),
            ));
        }
        and_more(&mut rows, outputs.len(), "outputs");
        let cell = self.timeline.cell(Some(self.sample), Phase::Loss, Cell::Loss);
        rows.extend(cell.clone().into_iter().flatten().filter_map(|event| self.operation(event)).take(2 * MOST_ROWS));
        let value = Box::new(text(self.plain(recorded.loss)));
        let value = Math::Marked { math: value, ink: Ink::Loss, event: cell.map(|cell| cell.end - 1) };
        rows.push(row(text(format!("L = {}(ŷ, y)", self.step.names.loss)), value));
        if self.step.samples.len() > 1 {
            rows.push(row(text("mean loss of the batch"), text(self.plain(self.step.loss)).ink(Ink::Loss)));
        }
        if let Some(penalty) = &self.step.penalty {
            let label = format!("R = {}, summed over the weights", penalty.regularizer);
            rows.push(row(text(label), text(self.plain(penalty.sum)).ink(Ink::Loss)));
        }
        rows.extend(self.rate());
        rows
    }

    fn sample_row(&self) -> InspectorRow {
        let count = self.step.samples.len();
        row(text("sample"), text(format!("{} of {count}", self.sample + 1)))
    }
}
