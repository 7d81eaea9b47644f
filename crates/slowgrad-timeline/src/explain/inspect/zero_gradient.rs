//! Why a gradient is 0: which factor is 0, why that is, and so on back to where it began.
//!
//! It must not know any activation or loss: a slope of 0 is found in the recorded chain rule of the script.

use super::{Desk, of_layer, text};
use crate::events::origin::{Call, Part, Path};
use crate::events::{Cell, Phase};
use crate::events::{name_of, named};
use crate::explain::formula::why_slope;
use crate::explain::words::{grad_of, symbol};
use crate::scene::{Ink, InspectorRow, Math, Section};
use slowgrad_engine::shape::Parameter;
use slowgrad_tape::Instruction;

/// One zero after the other, each the reason of the one before.
type Reasons = Vec<InspectorRow>;

impl Desk<'_> {
    /// Why a parameter gets no gradient; nothing when it gets one.
    pub(super) fn why_nothing(&self, at: Parameter) -> Option<Section> {
        let index = self.step.shape.index(at);
        if self.step.mean_grad(index) != 0.0 {
            return None;
        }
        let count = self.step.samples.len();
        let silent = (0..count).all(|sample| self.contribution(sample, at) == 0.0);
        let name = self.name(at.layer, at.neuron, at.input);
        let mut rows = Vec::new();
        let gradient = |event| self.mark(0.0, Ink::Gradient, event);
        if !silent {
            let zero = gradient(self.from.mean_gradient(at));
            rows.push(reason(
                Math::row([Math::prose("mean of "), grad_of(name)]),
                zero,
                "The samples pull in opposite directions, and their shares cancel.".into(),
            ));
            return Some(Section { heading: HEADING.into(), rows });
        }
        let why = match count {
            1 => String::new(),
            _ => format!("It is 0 on each of the {count} samples; here is why on sample {}.", self.sample + 1),
        };
        // A batch's sum is 0 from the first sample to the last.
        rows.push(reason(grad_of(name), gradient(self.from.gradient(self.sample, at)), why));
        self.why_contribution(at, &mut rows);
        Some(Section { heading: HEADING.into(), rows })
    }

    /// A neuron's rows, and why no gradient passes it when none does.
    pub(super) fn with_reasons(&self, rows: Vec<InspectorRow>, layer: usize, neuron: usize) -> Vec<Section> {
        let mut sections = Vec::new();
        if self.recorded().layers[layer].delta[neuron] == 0.0 {
            let mut reasons = Vec::new();
            self.why_delta(layer, neuron, &mut reasons);
            sections.push(Section { heading: HEADING.into(), rows: reasons });
        }
        sections.push(Section { heading: String::new(), rows });
        sections
    }

    /// Which of the two factors of a sample's ∂L/∂w is 0.
    fn why_contribution(&self, at: Parameter, rows: &mut Reasons) {
        let Parameter { layer, neuron, input } = at;
        let delta = self.recorded().layers[layer].delta[neuron];
        if let Some(input) = input
            && delta != 0.0
        {
            let x = self.step.layer_input(self.sample, layer)[input];
            let name = Self::source_name(layer, input);
            let event = self.from.source(self.sample, layer, input);
            if x != 0.0 {
                let why = "Both factors are so small that their product is below the smallest number.".to_owned();
                rows.push(reason(name, self.mark(x, Ink::Value, event), why));
                return;
            }
            let plain = name.plain();
            let why = format!("{plain} entered as 0: however the weight changes, the neuron does not notice.");
            rows.push(reason(name, self.mark(x, Ink::Value, event), why));
            if let Some(before) = layer.checked_sub(1) {
                self.why_activation(before, input, rows);
            }
            return;
        }
        self.why_delta(layer, neuron, rows);
    }

    /// Why a neuron answered 0, as far as its own call tells.
    fn why_activation(&self, layer: usize, neuron: usize, rows: &mut Reasons) {
        let z = self.recorded().layers[layer].z[neuron];
        let activation = &self.step.names.activations[layer];
        let event = self.from.z(self.sample, layer, neuron);
        let name = of_layer(Math::indexed("z", (neuron + 1).to_string()), layer);
        let why = format!("For this pre-activation {activation} of layer {} answers 0.", layer + 1);
        rows.push(reason(name, self.mark(z, Ink::Value, event), why));
        let cell = Cell::Neuron { layer, neuron };
        if let Some(call) = Call::of(self.timeline, Some(self.sample), Phase::Forward, cell, Part::Script) {
            rows.extend(self.last_question(&call));
        }
    }

    /// Why δ is 0: nothing arrives, or the activation lets nothing through.
    fn why_delta(&self, layer: usize, neuron: usize, rows: &mut Reasons) {
        let here = &self.recorded().layers[layer];
        let name = of_layer(Math::indexed("δ", (neuron + 1).to_string()), layer).ink(Ink::Gradient(0.5));
        let zero = self.mark(here.delta[neuron], Ink::Gradient, self.from.delta(self.sample, layer, neuron));
        let place = format!("of layer {}", layer + 1);
        if here.grad_a[neuron] == 0.0 && !self.step.names.whole_layer[layer] {
            rows.push(reason(name, zero, format!("δ is 0 because nothing arrives at neuron {} {place}.", neuron + 1)));
            self.why_arriving(layer, neuron, rows);
            return;
        }
        let activation = &self.step.names.activations[layer];
        let z = self.plain(here.z[neuron]);
        let why = format!(
            "δ is 0 because the slope of {activation} is 0 at z = {z}: neuron {} {place} passes nothing back.",
            neuron + 1
        );
        rows.push(reason(name, zero, why));
        let whole = self.step.names.whole_layer[layer];
        let cell = if whole { Cell::Layer { layer } } else { Cell::Neuron { layer, neuron } };
        if let Some(call) = Call::of(self.timeline, Some(self.sample), Phase::Backward, cell, Part::Script) {
            self.why_flat(&call, if whole { neuron } else { 0 }, rows);
        }
    }

    /// Why ∂L/∂a of a neuron is 0.
    fn why_arriving(&self, layer: usize, neuron: usize, rows: &mut Reasons) {
        let is_last = layer + 1 == self.step.shape.layers();
        let a = self.activation_name(layer, neuron);
        let name = grad_of(if is_last { a } else { of_layer(a, layer) });
        let zero = self.mark(0.0, Ink::Gradient, self.from.grad_a(self.sample, layer, neuron));
        if is_last {
            let loss = &self.step.names.loss;
            rows.push(reason(name, zero, format!("At this output {loss} is flat.")));
            let call = Call::of(self.timeline, Some(self.sample), Phase::Backward, Cell::Loss, Part::Script);
            if let Some(call) = call {
                self.why_flat(&call, neuron, rows);
            }
            return;
        }
        let next = layer + 1;
        let deltas = &self.recorded().layers[next].delta;
        let weight = |j: usize| self.weight(next, j, neuron);
        if (0..deltas.len()).any(|j| weight(j) * deltas[j] != 0.0) {
            rows.push(reason(name, zero, "What comes back on its paths cancels exactly.".into()));
            return;
        }
        // A path that is closed by its δ says more than one that is closed by its weight.
        match (0..deltas.len()).find(|&j| deltas[j] == 0.0 && weight(j) != 0.0) {
            None => {
                let why = "All weights that lead on from this neuron are 0: nobody hears it.".to_owned();
                rows.push(reason(name, zero, why));
            }
            Some(j) => {
                let why = format!("No path to the loss is open: neuron {} of layer {} has δ = 0.", j + 1, next + 1);
                rows.push(reason(name, zero, why));
                self.why_delta(next, j, rows);
            }
        }
    }

    /// Why the chain rule of a call leaves 0 at a node: the step whose slope is 0, or the question after which the
    /// result did not depend on it.
    fn why_flat(&self, call: &Call<'_>, node: usize, rows: &mut Reasons) {
        let all = call.paths();
        let mut node = node;
        let mut before = all.len();
        loop {
            let paths: Vec<&Path> = all[..before].iter().filter(|path| path.step.into.index() == node).collect();
            let Some(first) = paths.first() else {
                rows.extend(self.last_question(call));
                return;
            };
            if paths.iter().any(|path| path.contribution != 0.0) {
                let name = symbol(&name_of(call.trace, first.step.into));
                let last = paths[paths.len() - 1];
                let zero = self.mark(last.after, Ink::Gradient, call.chain_event(last.at));
                rows.push(reason(grad_of(name), zero, "Its paths cancel exactly.".into()));
                return;
            }
            let closed = paths.iter().find(|path| path.local == 0.0).unwrap_or(first);
            let of = named(call.trace, &call.values, closed.step.node);
            if closed.local == 0.0 {
                let step = call.trace.node(closed.step.node);
                let operands = step.operands[..step.op.arity()].iter();
                let operands: Vec<_> = operands.map(|&id| named(call.trace, &call.values, id)).collect();
                let into = usize::from(closed.step.operand);
                let by = symbol(&operands[into].name);
                let name = Math::fraction(Math::row([text("∂"), symbol(&of.name)]), Math::row([text("∂"), by]));
                let zero = self.mark(closed.local, Ink::Value, call.chain_event(closed.at));
                let why = why_slope(step.op, &of, &operands, into, closed.local).unwrap_or_default();
                rows.push(reason(name, zero, why));
                return;
            }
            let event = call.gradient(closed.step.node.index(), closed.at);
            let zero = self.mark(closed.upstream, Ink::Gradient, event);
            rows.push(reason(grad_of(symbol(&of.name)), zero, "Nothing arrives here either.".into()));
            node = closed.step.node.index();
            before = closed.at;
        }
    }

    /// The question after which a script did not look at its argument any more.
    fn last_question(&self, call: &Call<'_>) -> Option<InspectorRow> {
        let at = call.trace.instructions().iter().rposition(|step| matches!(step, Instruction::Ask(_)))?;
        let Instruction::Ask(guard) = call.trace.instructions()[at] else { return None };
        let guard = &call.trace.guards()[guard];
        let (a, b) = (named(call.trace, &call.values, guard.a), named(call.trace, &call.values, guard.b));
        let sign = guard.compare.symbol();
        let event = call.event_of_instruction(at);
        let answer = text(if guard.answer { "yes" } else { "no" });
        let answer = Math::Marked { math: Box::new(answer), ink: Ink::Accent, link: Some(event) };
        let question = [
            self.mark(a.value, Ink::Value, call.value(guard.a)),
            text(format!(" {sign} ")),
            self.mark(b.value, Ink::Value, call.value(guard.b)),
            text(" ?  "),
            answer,
        ];
        let label = Math::row([symbol(&a.name), text(format!(" {sign} ")), symbol(&b.name)]);
        let why = "The script took the branch on which its result does not depend on what came in.";
        Some(reason(label, Math::row(question), why.into()))
    }
}

const HEADING: &str = "Why nothing?";

fn reason(label: Math, value: Math, why: String) -> InspectorRow {
    InspectorRow { label, value, why }
}
