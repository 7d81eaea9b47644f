//! Why a parameter changed by exactly this amount: the optimizer's formula as its script ran, each of its symbols
//! explained, and the contribution of each sample.
//!
//! It must not know any optimizer: the formula, its terms and their origins come from the recorded trace.

use super::{InspectContext, MAX_ROWS, and_more, row, text};
use crate::events::{CallOrigins, CellScript, Phase, UpdateInput, UpdateInputs, name_of};
use crate::explain::expression::{InlineNodes, Term};
use crate::explain::formula::FROZEN;
use crate::explain::symbols::{self, enclosed, grad_of, pre_activation, slope_of, symbol};
use crate::explain::words::{self, Explainer};
use crate::number_format::{digits_apart, signed};
use crate::scene::{Ink, InspectorRow, Math, Section};
use slowgrad_engine::plugin::Optimizer;
use slowgrad_engine::shape::Parameter;
use slowgrad_tape::{Op, Trace, ValueId};
use std::collections::BTreeSet;

/// Beyond this number of terms the last ones are omitted.
const MAX_TERMS: usize = 24;

impl InspectContext<'_> {
    /// A weight or a bias.
    pub(super) fn parameter(&self, at: Parameter) -> Vec<Section> {
        let mut sections = Vec::new();
        sections.extend(self.zero_gradient(at));
        let frozen = self.step.frozen.contains(&self.step.shape.index(at));
        let heading = if frozen { "Why does it not change?" } else { "Why this change?" };
        sections.push(Section { heading: heading.into(), rows: self.change_rows(at) });
        if self.step.samples.len() > 1 {
            let heading = "Contribution of each sample to the gradient".to_owned();
            sections.push(Section { heading, rows: self.shares(at) });
        }
        sections.push(self.gradient_path(at));
        sections
    }

    /// Δw as the optimizer's script computed it, the old and the new value, and the terms.
    fn change_rows(&self, at: Parameter) -> Vec<InspectorRow> {
        let index = self.step.shape.index(at);
        let (old, new) = (self.step.before.values[index], self.step.after.values[index]);
        let Some(call) = CallOrigins::of(self.timeline, None, Phase::Update, at.into(), CellScript::Main) else {
            // Frozen: the gradient exists but has no effect.
            let unchanged = self.mark(old, Ink::Weight, self.from.updated(at));
            let mut rows = vec![InspectorRow { label: self.symbol(at), value: unchanged, why: FROZEN.into() }];
            rows.push(self.gradient_term(at));
            if self.step.samples.len() == 1 {
                rows.extend(self.factors(at));
            }
            return rows;
        };
        let call = UpdateCall { inputs: UpdateInputs::of_parameter(self.step, at), call };
        let mut change = self.change(&call, at).unwrap_or_else(|| self.rule(&call, at));
        change.why = self.direction(at);
        let mut rows = vec![change];
        let digits = digits_apart(old, new, self.explainer.digits);
        let exact = InspectContext { explainer: Explainer { digits }, ..*self };
        let name = self.symbol(at);
        let moves = Math::row([
            exact.explainer.before(self.step, at),
            text(" → "),
            exact.mark(new, Ink::Weight, self.from.updated(at)),
        ]);
        let why = self.unusual_change(old, new, self.step.grads[index], index);
        rows.push(InspectorRow { label: name, value: moves, why });
        rows.extend(self.terms(&call, at));
        rows
    }

    /// The whole rule, where it does not have the form w + Δw.
    fn rule(&self, call: &UpdateCall<'_>, at: Parameter) -> InspectorRow {
        let (trace, result) = (call.trace(), call.result(at));
        let inline = InlineNodes::of(trace, result);
        let new = self.mark(call.call.values[result.index()], Ink::Weight, call.call.value(result));
        let label = Math::row([self.symbol(at), text(" ←")]);
        if trace.node(result).op.arity() == 0 {
            return row(label, Math::row([self.symbol_of(call, result), text(" = "), new]));
        }
        let symbols = inline.write(trace, result, &|id| Term::leaf(self.symbol_of(call, id)));
        let numbers = inline.write(trace, result, &|id| Term::leaf(self.term(call, id)));
        row(label, Math::row([symbols.math(), text(" = "), numbers.math(), text(" = "), new]))
    }

    /// A node's symbol. Parameters have their own symbols.
    fn symbol_of(&self, call: &UpdateCall<'_>, id: ValueId) -> Math {
        match call.role(id) {
            Some(UpdateInput::Value(at)) => self.symbol(at),
            _ => symbol(&name_of(call.trace(), id)),
        }
    }

    /// Δw, where the rule is w + Δw or w − …. Where the gradient is a single product, it is written as δ · x.
    fn change(&self, call: &UpdateCall<'_>, at: Parameter) -> Option<InspectorRow> {
        let trace = call.trace();
        let result = trace.node(call.result(at));
        let is_w = |id: ValueId| call.role(id) == Some(UpdateInput::Value(at));
        let is_gradient = |id: ValueId| call.role(id) == Some(UpdateInput::Gradient(at));
        let (change, subtracted) = match result.op {
            Op::Sub if is_w(result.operands[0]) => (result.operands[1], true),
            Op::Add if is_w(result.operands[0]) => (result.operands[1], false),
            Op::Add if is_w(result.operands[1]) => (result.operands[0], false),
            _ => return None,
        };
        let inline = InlineNodes::of(trace, change);
        let single = trace.node(change).op.arity() == 0 || trace.variable(change).is_some();
        let write = |leaf: &dyn Fn(ValueId) -> Term| {
            let term = if single { leaf(change) } else { inline.write(trace, change, leaf) };
            if subtracted { term.negated() } else { term }
        };
        let product = self.gradient_is_one_product(at);
        let symbols = write(&|id| match at.input.filter(|_| product && is_gradient(id)) {
            Some(input) => {
                Term::whole(Math::row([symbols::delta(at.neuron), text(" · "), symbols::layer_input(at.layer, input)]))
            }
            None if product && is_gradient(id) => Term::leaf(symbols::delta(at.neuron)),
            None => Term::leaf(self.symbol_of(call, id)),
        });
        let numbers = write(&|id| {
            let delta = self.step.samples[0].layers[at.layer].delta[at.neuron];
            let delta_event = self.from.delta(0, at.layer, at.neuron);
            match at.input.filter(|_| product && is_gradient(id)) {
                Some(input) => Term::whole(Math::row([
                    self.factor(delta, Ink::Gradient, delta_event),
                    text(" · "),
                    self.factor(
                        self.step.layer_input(0, at.layer)[input],
                        Ink::Value,
                        self.from.layer_input(0, at.layer, input),
                    ),
                ])),
                None if product && is_gradient(id) => Term::leaf(self.mark(delta, Ink::Gradient, delta_event)),
                None => Term::leaf(self.term(call, id)),
            }
        });
        let amount = call.call.values[change.index()];
        let amount = if subtracted { -amount } else { amount };
        let amount = text(signed(amount, self.explainer.digits)).ink(Ink::Update(words::level(amount)));
        let label = Math::row([text("Δ"), self.symbol(at)]);
        let value = Math::row([symbols.math(), text(" = "), numbers.math(), text(" = "), amount]);
        Some(row(label, value))
    }

    /// Whether the gradient that the optimizer receives is δ · x of a single sample, without a penalty.
    fn gradient_is_one_product(&self, at: Parameter) -> bool {
        self.step.samples.len() == 1 && self.step.penalty_trace(self.step.shape.index(at)).is_none()
    }

    /// A number in the optimizer's formula.
    fn term(&self, call: &UpdateCall<'_>, id: ValueId) -> Math {
        let ink = match call.role(id) {
            Some(UpdateInput::Value(at)) => return self.explainer.before(self.step, at),
            Some(UpdateInput::Gradient(_)) => Ink::Gradient,
            _ => Ink::Update,
        };
        self.mark(call.call.values[id.index()], ink, call.call.value(id))
    }

    /// Every symbol of the rule in the order of computation: its value, its formula if the script computed it, and a
    /// description.
    fn terms(&self, call: &UpdateCall<'_>, at: Parameter) -> Vec<InspectorRow> {
        let trace = call.trace();
        let owners = call.inputs.owners(trace);
        let mut named = BTreeSet::new();
        let mut open: Vec<ValueId> = call.results(at).collect();
        while let Some(id) = open.pop() {
            // What belongs to another parameter, such as a sum over the layer, is not followed further.
            let followed = trace.node(id).op.arity() > 0 && owners[id.index()].is_none_or(|owner| owner == at);
            if !named.insert(id) || !followed {
                continue;
            }
            let inline = InlineNodes::of(trace, id);
            for &inner in inline.nodes() {
                let node = trace.node(inner);
                open.extend(node.operands[..node.op.arity()].iter().filter(|id| !inline.nodes().contains(id)));
            }
        }
        // Parameters, literals and the result need no row.
        named.retain(|id| {
            let is_parameter = matches!(call.role(*id), Some(UpdateInput::Value(_)));
            !is_parameter && trace.node(*id).op != Op::Constant && *id != call.result(at)
        });
        let count = named.len();
        let mut rows: Vec<InspectorRow> = Vec::new();
        for id in named.into_iter().take(MAX_TERMS) {
            if call.role(id) == Some(UpdateInput::Gradient(at)) {
                rows.push(self.gradient_term(at));
                if self.step.samples.len() == 1 {
                    rows.extend(self.factors(at));
                }
                continue;
            }
            let label = symbol(&name_of(trace, id));
            if trace.node(id).op.arity() == 0 {
                // With a schedule the learning rate is a product.
                let learning_rate = call.role(id) == Some(UpdateInput::Context(0));
                let value = self.rate().filter(|_| learning_rate).unwrap_or_else(|| self.term(call, id));
                rows.push(InspectorRow { label, value, why: self.description(call, id) });
                continue;
            }
            let inline = InlineNodes::of(trace, id);
            let symbols = inline.write(trace, id, &|id| Term::leaf(self.symbol_of(call, id)));
            let numbers = inline.write(trace, id, &|id| Term::leaf(self.term(call, id)));
            let value = Math::row([symbols.math(), text(" = "), numbers.math(), text(" = "), self.term(call, id)]);
            rows.push(InspectorRow { label, value, why: self.description(call, id) });
        }
        if count > MAX_TERMS {
            rows.push(row(text("…"), Math::prose(format!("and {} more terms", count - MAX_TERMS))));
        }
        rows
    }

    /// g: the gradient of the loss, and of the penalty.
    fn gradient_term(&self, at: Parameter) -> InspectorRow {
        let index = self.step.shape.index(at);
        let name = || self.symbol(at);
        let (mean, grad) = (self.step.mean_grad(index), self.step.grads[index]);
        let g = self.mark(grad, Ink::Gradient, self.from.final_gradient(at));
        let several = self.step.samples.len() > 1;
        let mut parts = Vec::new();
        let of_loss = if several { Math::row([Math::prose("mean of "), grad_of(name())]) } else { grad_of(name()) };
        let mut why = if several {
            "The gradient: how the loss of the batch changes with this parameter.".to_owned()
        } else {
            "The gradient: how the loss changes with this parameter.".to_owned()
        };
        parts.push(of_loss);
        if let Some(penalty) = self.step.penalty_trace(index).and(self.step.penalty.as_ref()) {
            let slope = self.from.penalty_slope(at);
            parts.extend([
                text(" + "),
                slope_of("R", name()),
                text(" = "),
                self.mark(mean, Ink::Gradient, self.from.mean_gradient(at)),
                text(" + "),
                enclosed(self.mark(penalty.shares[index], Ink::Gradient, slope)),
            ]);
            why = format!("The gradient of the loss plus the derivative of the penalty {}.", penalty.regularizer);
        } else if several {
            parts.extend([
                text(" = "),
                Math::fraction(
                    self.mark(
                        self.step.grad_sums[index],
                        Ink::Gradient,
                        self.from.gradient(self.step.samples.len() - 1, at),
                    ),
                    text(self.step.samples.len().to_string()),
                ),
            ]);
        } else if let Some(input) = at.input {
            parts.extend([text(" = "), symbols::delta(at.neuron), text(" · "), symbols::layer_input(at.layer, input)]);
        } else {
            parts.extend([text(" = "), symbols::delta(at.neuron)]);
        }
        parts.extend([text(" = "), g]);
        InspectorRow { label: Math::variable("g"), value: Math::Row(parts), why }
    }

    /// δ and x, the two factors of a single sample's gradient.
    fn factors(&self, at: Parameter) -> Vec<InspectorRow> {
        let Parameter { layer, neuron, input } = at;
        let delta = self.step.samples[0].layers[layer].delta[neuron];
        let z = pre_activation(neuron).plain();
        let mut rows = vec![InspectorRow {
            label: symbols::delta(neuron),
            value: self.mark(delta, Ink::Gradient, self.from.delta(0, layer, neuron)),
            why: format!("How the loss changes with {z} of this neuron, by the chain rule."),
        }];
        if let Some(input) = input {
            let x = self.step.layer_input(0, layer)[input];
            let why = if layer == 0 {
                format!("Input {}, which the weight multiplied in the forward pass.", input + 1)
            } else {
                format!("The activation of neuron {} of layer {layer}, which the weight multiplied.", input + 1)
            };
            let value = self.mark(x, Ink::Value, self.from.layer_input(0, layer, input));
            rows.push(InspectorRow { label: symbols::layer_input(layer, input), value, why });
        }
        rows
    }

    /// A sentence about a term of the update: the meaning of an input of the optimizer, or the line of the script that
    /// computes it.
    fn description(&self, call: &UpdateCall<'_>, id: ValueId) -> String {
        let (trace, optimizer) = (call.trace(), &self.step.names.optimizer);
        let mut stored = trace.outputs().iter().enumerate().filter(|(_, output)| **output == id);
        let stored = stored.find_map(|(nth, _)| call.inputs.stored_field(nth));
        if let Some(field) = stored.filter(|_| trace.node(id).op.arity() > 0) {
            return format!("The new {}, stored for the next step.", self.field_name(field));
        }
        if let Some(role) = call.role(id) {
            return match role {
                UpdateInput::State { field, parameter } => {
                    let owner = if parameter.is_some() { "parameter" } else { "layer" };
                    let field = self.field_name(field);
                    format!("The {field} of this {owner} that {optimizer} stored in earlier steps.")
                }
                UpdateInput::Gradient(_) | UpdateInput::Value(_) => String::new(),
                UpdateInput::Context(nth) => match Optimizer::CONTEXT[nth] {
                    "lr" => match &self.step.rate {
                        Some(rate) => format!("The learning rate from the schedule {}.", rate.schedule),
                        None => "The learning rate: the size of a step.".into(),
                    },
                    "step" => "The number of this step.".into(),
                    "grad_norm" => "The norm of the whole gradient.".into(),
                    "layer_grad_norm" => "The norm of this layer's gradient.".into(),
                    "layer_weight_norm" => "The norm of this layer's weights.".into(),
                    "layer" => "The layer of this parameter, from 0.".into(),
                    _ => "The number of layers.".into(),
                },
                UpdateInput::Control => format!("A control of {optimizer}."),
            };
        }
        trace
            .node(id)
            .site
            .and_then(|site| trace.location(&site))
            .map_or_else(String::new, |location| format!("{}, line {}.", location.source.name, location.span.line))
    }

    /// A state field's symbol as text.
    fn field_name(&self, field: usize) -> String {
        symbol(&self.step.names.state[field].name).plain()
    }

    /// ∂L/∂w = δ · x of every sample of a batch with its share in percent, and their mean.
    fn shares(&self, at: Parameter) -> Vec<InspectorRow> {
        let index = self.step.shape.index(at);
        let count = self.step.samples.len();
        let total: f64 = (0..count).map(|sample| self.contribution(sample, at).abs()).sum();
        let mut rows: Vec<InspectorRow> =
            self.samples_shown().into_iter().map(|sample| self.share(sample, at, total)).collect();
        and_more(&mut rows, count, "samples");
        let quotient = Math::fraction(
            self.mark(self.step.grad_sums[index], Ink::Gradient, self.from.gradient(count - 1, at)),
            text(count.to_string()),
        );
        let mean = self.mark(self.step.mean_grad(index), Ink::Gradient, self.from.mean_gradient(at));
        rows.push(row(Math::prose("mean"), Math::row([quotient, text(" = "), mean])));
        rows
    }

    /// The listed samples: the first ones, always including the current sample.
    fn samples_shown(&self) -> Vec<usize> {
        let count = self.step.samples.len();
        let mut shown: Vec<usize> = (0..count.min(MAX_ROWS)).collect();
        if !shown.contains(&self.sample)
            && let Some(last) = shown.last_mut()
        {
            *last = self.sample;
        }
        shown
    }

    /// A sample's ∂L/∂w = δ · x, or ∂L/∂b = δ, and its share of the sum of absolute contributions.
    fn share(&self, sample: usize, at: Parameter, total: f64) -> InspectorRow {
        let Parameter { layer, neuron, input } = at;
        let delta = self.step.samples[sample].layers[layer].delta[neuron];
        let delta_mark = self.mark(delta, Ink::Gradient, self.from.delta(sample, layer, neuron));
        let label = Math::prose(format!("sample {}", sample + 1));
        let (mut parts, contribution) = match input {
            None => (vec![symbols::delta(neuron), text(" = "), delta_mark], delta),
            Some(input) => {
                let x = self.step.layer_input(sample, layer)[input];
                let parts = vec![
                    symbols::delta(neuron),
                    text(" · "),
                    symbols::layer_input(layer, input),
                    text(" = "),
                    delta_mark,
                    text(" · "),
                    self.factor(x, Ink::Value, self.from.layer_input(sample, layer, input)),
                    text(" = "),
                    self.mark(delta * x, Ink::Gradient, self.from.gradient(sample, at)),
                ];
                (parts, delta * x)
            }
        };
        if total > 0.0 && total.is_finite() {
            parts.push(Math::prose(format!("   {:.0} %", 100.0 * contribution.abs() / total)).ink(Ink::Faint));
        }
        row(label, Math::Row(parts))
    }

    /// A sample's own gradient of a parameter.
    pub(super) fn contribution(&self, sample: usize, at: Parameter) -> f64 {
        let delta = self.step.samples[sample].layers[at.layer].delta[at.neuron];
        at.input.map_or(delta, |input| delta * self.step.layer_input(sample, at.layer)[input])
    }

    /// The sign of the gradient, and the direction in which the step changes the parameter.
    fn direction(&self, at: Parameter) -> String {
        let index = self.step.shape.index(at);
        let (grad, step) = (self.step.grads[index], self.step.step);
        let change = self.step.after.values[index] - self.step.before.values[index];
        // `unusual_change` explains zeros.
        if !(grad * change).is_normal() {
            return String::new();
        }
        let what = if at.input.is_some() { "weight" } else { "bias" };
        let (loss, sign) = if grad > 0.0 { ("larger", "positive") } else { ("smaller", "negative") };
        // With a regularizer g includes the derivative of the penalty.
        let objective = if self.step.penalty_trace(index).is_some() { "loss plus penalty" } else { "loss" };
        let goes = if change > 0.0 { "larger" } else { "smaller" };
        let optimizer = &self.step.names.optimizer;
        let so = if (grad > 0.0) == (change < 0.0) {
            format!("so step {step} makes it {goes}.")
        } else {
            format!("but {optimizer} makes it {goes} in step {step}: its rule uses more than the gradient.")
        };
        format!("With a larger {what} the {objective} would be {loss} (its gradient g is {sign}), {so}")
    }

    /// An explanation where the change is 0, or where the gradient is 0 and the change is not.
    fn unusual_change(&self, old: f64, new: f64, grad: f64, index: usize) -> String {
        let mut fields = self.step.names.state.iter().zip(&self.step.before.state);
        let layer = self.step.shape.parameter(index).layer;
        let has_state = fields.any(|(field, numbers)| {
            let own = if field.is_per_parameter() { index..index + 1 } else { field.layer(&self.step.shape, layer) };
            numbers[own].iter().any(|x| *x != 0.0)
        });
        match (old == new, grad == 0.0) {
            (true, true) => "The gradient is 0, so the parameter does not change.".into(),
            (true, false) => "The change is too small to represent in this number, or the learning rate is 0.".into(),
            (false, true) if has_state => {
                format!(
                    "The gradient is 0; the state that {} stored in earlier steps moves it.",
                    self.step.names.optimizer
                )
            }
            (false, true) => {
                format!("The gradient is 0, but the rule of {} still moves it.", self.step.names.optimizer)
            }
            (false, false) => String::new(),
        }
    }
}

/// The optimizer's call that updates a parameter, alone or with its layer.
struct UpdateCall<'a> {
    call: CallOrigins<'a>,
    inputs: UpdateInputs<'a>,
}

impl UpdateCall<'_> {
    fn trace(&self) -> &Trace {
        self.call.trace
    }

    /// The node of a parameter's new value.
    fn result(&self, at: Parameter) -> ValueId {
        self.trace().outputs()[self.inputs.result(at)]
    }

    /// The nodes of a parameter's new value and of its new state.
    fn results(&self, at: Parameter) -> impl Iterator<Item = ValueId> {
        let state = (0..self.inputs.fields()).filter_map(move |field| self.inputs.state_result(at, field));
        std::iter::once(self.inputs.result(at)).chain(state).map(|nth| self.trace().outputs()[nth])
    }

    /// The role of a node that is an input.
    fn role(&self, id: ValueId) -> Option<UpdateInput> {
        (id.index() < self.trace().inputs()).then(|| self.inputs.role(id.index()))
    }
}
