//! Why a gradient is 0: the factor that is 0, the reason for it, and so on back to the first cause.
//!
//! It must not know any activation or loss: a slope of 0 is found in the recorded chain rule of the script.

use super::{InspectContext, text};
use crate::events::{CallOrigins, Cell, CellScript, ChainTerm, Phase, name_of, named};
use crate::explain::formula::slope_reason;
use crate::explain::symbols::{self, grad_of, of_layer, pre_activation, ratio, symbol};
use crate::scene::{Ink, InspectorRow, Math, Section};
use slowgrad_engine::shape::Parameter;
use slowgrad_tape::Instruction;

/// A chain of reasons: each row explains the one before.
type Reasons = Vec<InspectorRow>;

impl InspectContext<'_> {
    /// Why a parameter's gradient is 0. `None` if it is not 0.
    pub(super) fn zero_gradient(&self, at: Parameter) -> Option<Section> {
        let index = self.step.shape.index(at);
        if self.step.mean_grad(index) != 0.0 {
            return None;
        }
        let count = self.step.samples.len();
        let all_zero = (0..count).all(|sample| self.contribution(sample, at) == 0.0);
        let name = self.name(at.layer, at.neuron, at.input);
        let mut rows = Vec::new();
        let gradient = |event| self.mark(0.0, Ink::Gradient, event);
        if !all_zero {
            let zero = gradient(self.from.mean_gradient(at));
            rows.push(reason(
                Math::row([Math::prose("mean of "), grad_of(name)]),
                zero,
                "The gradients of the samples have opposite signs, and they cancel.".into(),
            ));
            return Some(Section { heading: HEADING.into(), rows });
        }
        let why = match count {
            1 => String::new(),
            _ => format!("It is 0 on each of the {count} samples. The reason on sample {} follows.", self.sample + 1),
        };
        rows.push(reason(grad_of(name), gradient(self.from.gradient(self.sample, at)), why));
        self.why_contribution(at, &mut rows);
        Some(Section { heading: HEADING.into(), rows })
    }

    /// A neuron's rows, preceded by the reason for a δ of 0.
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

    /// The factor of a sample's ∂L/∂w = δ · x that is 0.
    fn why_contribution(&self, at: Parameter, rows: &mut Reasons) {
        let Parameter { layer, neuron, input } = at;
        let delta = self.recorded().layers[layer].delta[neuron];
        if let Some(input) = input
            && delta != 0.0
        {
            let x = self.step.layer_input(self.sample, layer)[input];
            let name = symbols::layer_input(layer, input);
            let event = self.from.layer_input(self.sample, layer, input);
            if x != 0.0 {
                let why = "Both factors are so small that their product underflows to 0.".to_owned();
                rows.push(reason(name, self.mark(x, Ink::Value, event), why));
                return;
            }
            let plain = name.plain();
            let why = format!("{plain} is 0, so the weight has no effect on the neuron.");
            rows.push(reason(name, self.mark(x, Ink::Value, event), why));
            if let Some(before) = layer.checked_sub(1) {
                self.why_activation(before, input, rows);
            }
            return;
        }
        self.why_delta(layer, neuron, rows);
    }

    /// Why the activation of a neuron is 0, as far as its own call shows.
    fn why_activation(&self, layer: usize, neuron: usize, rows: &mut Reasons) {
        let z = self.recorded().layers[layer].z[neuron];
        let activation = &self.step.names.activations[layer];
        let event = self.from.z(self.sample, layer, neuron);
        let name = of_layer(pre_activation(neuron), layer);
        let why = format!("For this pre-activation {activation} of layer {} returns 0.", layer + 1);
        rows.push(reason(name, self.mark(z, Ink::Value, event), why));
        let cell = Cell::Neuron { layer, neuron };
        if let Some(call) = CallOrigins::of(self.timeline, Some(self.sample), Phase::Forward, cell, CellScript::Main) {
            rows.extend(self.last_comparison(&call));
        }
    }

    /// Why δ is 0: ∂L/∂a is 0, or the slope of the activation is.
    fn why_delta(&self, layer: usize, neuron: usize, rows: &mut Reasons) {
        let here = &self.recorded().layers[layer];
        let name = of_layer(Math::indexed("δ", (neuron + 1).to_string()), layer).ink(Ink::Gradient(0.5));
        let zero = self.mark(here.delta[neuron], Ink::Gradient, self.from.delta(self.sample, layer, neuron));
        let place = format!("of layer {}", layer + 1);
        if here.grad_a[neuron] == 0.0 && !self.step.names.whole_layer[layer] {
            rows.push(reason(name, zero, format!("δ is 0 because ∂L/∂a of neuron {} {place} is 0.", neuron + 1)));
            self.why_grad_a(layer, neuron, rows);
            return;
        }
        let activation = &self.step.names.activations[layer];
        let z = self.plain(here.z[neuron]);
        let why = format!(
            "δ is 0 because the slope of {activation} is 0 at z = {z}: neuron {} {place} passes no gradient back.",
            neuron + 1
        );
        rows.push(reason(name, zero, why));
        let whole = self.step.names.whole_layer[layer];
        let cell = if whole { Cell::Layer { layer } } else { Cell::Neuron { layer, neuron } };
        if let Some(call) = CallOrigins::of(self.timeline, Some(self.sample), Phase::Backward, cell, CellScript::Main) {
            self.why_flat(&call, if whole { neuron } else { 0 }, rows);
        }
    }

    /// Why ∂L/∂a of a neuron is 0.
    fn why_grad_a(&self, layer: usize, neuron: usize, rows: &mut Reasons) {
        let last = layer + 1 == self.step.shape.layers();
        let a = self.activation_symbol(layer, neuron);
        let name = grad_of(if last { a } else { of_layer(a, layer) });
        let zero = self.mark(0.0, Ink::Gradient, self.from.grad_a(self.sample, layer, neuron));
        if last {
            let loss = &self.step.names.loss;
            rows.push(reason(name, zero, format!("{loss} does not change with this output.")));
            let call = CallOrigins::of(self.timeline, Some(self.sample), Phase::Backward, Cell::Loss, CellScript::Main);
            if let Some(call) = call {
                self.why_flat(&call, neuron, rows);
            }
            return;
        }
        let next = layer + 1;
        let deltas = &self.recorded().layers[next].delta;
        let weight = |j: usize| self.weight(next, j, neuron);
        if (0..deltas.len()).any(|j| weight(j) * deltas[j] != 0.0) {
            rows.push(reason(name, zero, "The contributions of its paths cancel exactly.".into()));
            return;
        }
        // A path that is blocked by its δ explains more than one that is blocked by its weight.
        match (0..deltas.len()).find(|&j| deltas[j] == 0.0 && weight(j) != 0.0) {
            None => {
                let why = "All weights from this neuron to the next layer are 0.".to_owned();
                rows.push(reason(name, zero, why));
            }
            Some(j) => {
                let why =
                    format!("No path to the loss passes a gradient: neuron {} of layer {} has δ = 0.", j + 1, next + 1);
                rows.push(reason(name, zero, why));
                self.why_delta(next, j, rows);
            }
        }
    }

    /// Why the chain rule of a call computes 0 for a node: the step whose slope is 0, or the comparison after which the
    /// result does not depend on it.
    fn why_flat(&self, call: &CallOrigins<'_>, node: usize, rows: &mut Reasons) {
        let all = call.chain_terms();
        let mut node = node;
        let mut before = all.len();
        loop {
            let paths: Vec<&ChainTerm> = all[..before].iter().filter(|path| path.step.into.index() == node).collect();
            let Some(first) = paths.first() else {
                rows.extend(self.last_comparison(call));
                return;
            };
            if paths.iter().any(|path| path.contribution != 0.0) {
                let name = symbol(&name_of(call.trace, first.step.into));
                let last = paths[paths.len() - 1];
                let zero = self.mark(last.after, Ink::Gradient, call.chain_event(last.at));
                rows.push(reason(grad_of(name), zero, "The contributions of its paths cancel exactly.".into()));
                return;
            }
            let blocked = paths.iter().find(|path| path.local == 0.0).unwrap_or(first);
            let of = named(call.trace, &call.values, blocked.step.node);
            if blocked.local == 0.0 {
                let step = call.trace.node(blocked.step.node);
                let operands = step.operands[..step.op.arity()].iter();
                let operands: Vec<_> = operands.map(|&id| named(call.trace, &call.values, id)).collect();
                let into = usize::from(blocked.step.operand);
                let by = symbol(&operands[into].name);
                let name = ratio(symbol(&of.name), by);
                let zero = self.mark(blocked.local, Ink::Value, call.chain_event(blocked.at));
                let why = slope_reason(step.op, &of, &operands, into, blocked.local).unwrap_or_default();
                rows.push(reason(name, zero, why));
                return;
            }
            let event = call.gradient(blocked.step.node.index(), blocked.at);
            let zero = self.mark(blocked.upstream, Ink::Gradient, event);
            rows.push(reason(grad_of(symbol(&of.name)), zero, "This gradient is 0 as well.".into()));
            node = blocked.step.node.index();
            before = blocked.at;
        }
    }

    /// The last comparison of a script, after which its result did not depend on its argument.
    fn last_comparison(&self, call: &CallOrigins<'_>) -> Option<InspectorRow> {
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
        let why = "The script took the branch on which its result does not depend on its input.";
        Some(reason(label, Math::row(question), why.into()))
    }
}

const HEADING: &str = "Why is the gradient 0?";

fn reason(label: Math, value: Math, why: String) -> InspectorRow {
    InspectorRow { label, value, why }
}
