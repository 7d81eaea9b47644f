//! Why a parameter moved by exactly this much: the optimizer's own formula as its script ran it, each of its symbols
//! explained, and what each sample had a share in.
//!
//! It must not know any optimizer: the formula, its terms and what they lead to are read off the recorded trace.

use super::{Desk, MOST_ROWS, and_more, digits_apart, row, text};
use crate::events::name_of;
use crate::events::origin::{Call, Part};
use crate::events::{Cell, Phase};
use crate::explain::expression::{Parts, Term};
use crate::explain::formula::{FROZEN, enclosed};
use crate::explain::words::{self, Words, grad_of, slope_of, symbol};
use crate::scene::{Ink, InspectorRow, Math, Section};
use slowgrad_engine::plugin::Optimizer;
use slowgrad_engine::shape::Parameter;
use slowgrad_tape::{Op, Trace, ValueId};

/// Of more terms than these the last ones are left out.
const MOST_TERMS: usize = 24;

impl Desk<'_> {
    /// A weight or a bias.
    pub(super) fn parameter(&self, at: Parameter) -> Vec<Section> {
        let mut sections = Vec::new();
        sections.extend(self.why_nothing(at));
        let is_frozen = self.step.frozen.contains(&self.step.shape.index(at));
        let heading = if is_frozen { "Why does it stay?" } else { "Why this much?" };
        sections.push(Section { heading: heading.into(), rows: self.why_this_much(at) });
        if self.step.samples.len() > 1 {
            let heading = "Each sample's share of the gradient".to_owned();
            sections.push(Section { heading, rows: self.shares(at) });
        }
        sections.push(self.way(at));
        sections
    }

    fn parameter_name(&self, at: Parameter) -> Math {
        self.name(at.layer, at.neuron, at.input)
    }

    /// Δw as the optimizer's script made it, its terms, and the move.
    fn why_this_much(&self, at: Parameter) -> Vec<InspectorRow> {
        let index = self.step.shape.index(at);
        let (old, new) = (self.step.before.values[index], self.step.after.values[index]);
        let cell = Cell::Parameter { layer: at.layer, neuron: at.neuron, input: at.input };
        let Some(call) = Call::of(self.timeline, None, Phase::Update, cell, Part::Script) else {
            // Frozen: there is a gradient, and nothing comes of it.
            let stays = self.mark(old, Ink::Weight, self.from.updated(at));
            let mut rows = vec![InspectorRow { label: self.parameter_name(at), value: stays, why: FROZEN.into() }];
            rows.push(self.gradient_term(at));
            if self.step.samples.len() == 1 {
                rows.extend(self.factors(at));
            }
            return rows;
        };
        let mut change = self.change(&call, at).unwrap_or_else(|| self.rule(&call, at));
        change.why = self.which_way(at);
        let mut rows = vec![change];
        let exact = Desk { words: Words { digits: digits_apart(old, new, self.words.digits) }, ..*self };
        let name = self.parameter_name(at);
        let moves = Math::row([
            exact.words.before(self.step, at),
            text(" → "),
            exact.mark(new, Ink::Weight, self.from.updated(at)),
        ]);
        let why = self.why_this_change(old, new, self.step.grads[index], index);
        rows.push(InspectorRow { label: name, value: moves, why });
        rows.extend(self.terms(&call, at));
        rows
    }

    /// The whole rule, where it is not a change of w.
    fn rule(&self, call: &Call<'_>, at: Parameter) -> InspectorRow {
        let (trace, result) = (call.trace, call.trace.outputs()[0]);
        let parts = Parts::of(trace, result);
        let new = self.mark(call.values[result.index()], Ink::Weight, call.value(result));
        let label = Math::row([self.parameter_name(at), text(" ←")]);
        if trace.node(result).op.arity() == 0 {
            return row(label, Math::row([self.symbol_of(trace, result, at), text(" = "), new]));
        }
        let symbols = parts.write(trace, result, &|id| Term::leaf(self.symbol_of(trace, id, at)));
        let numbers = parts.write(trace, result, &|id| Term::leaf(self.term(call, id, at)));
        row(label, Math::row([symbols.math(), text(" = "), numbers.math(), text(" = "), new]))
    }

    /// A node's name; the script's w is this very parameter.
    fn symbol_of(&self, trace: &Trace, id: ValueId, at: Parameter) -> Math {
        if id.index() == 0 { self.parameter_name(at) } else { symbol(&name_of(trace, id)) }
    }

    /// Δw, where the rule adds something to w or takes something from it: that something, down to δ and what entered
    /// where the gradient is theirs alone.
    fn change(&self, call: &Call<'_>, at: Parameter) -> Option<InspectorRow> {
        let trace = call.trace;
        let result = trace.node(trace.outputs()[0]);
        let is_w = |id: ValueId| id.index() == 0;
        let (change, is_taken) = match result.op {
            Op::Sub if is_w(result.operands[0]) => (result.operands[1], true),
            Op::Add if is_w(result.operands[0]) => (result.operands[1], false),
            Op::Add if is_w(result.operands[1]) => (result.operands[0], false),
            _ => return None,
        };
        let parts = Parts::of(trace, change);
        let is_bare = trace.node(change).op.arity() == 0 || trace.variable(change).is_some();
        let write = |leaf: &dyn Fn(ValueId) -> Term| {
            let term = if is_bare { leaf(change) } else { parts.write(trace, change, leaf) };
            if is_taken { term.negated() } else { term }
        };
        let is_product = self.gradient_is_one_product(at);
        let symbols = write(&|id| match at.input.filter(|_| is_product && id.index() == 1) {
            Some(input) => {
                Term::whole(Math::row([Self::delta_name(at.neuron), text(" · "), Self::source_name(at.layer, input)]))
            }
            None if is_product && id.index() == 1 => Term::leaf(Self::delta_name(at.neuron)),
            None => Term::leaf(self.symbol_of(trace, id, at)),
        });
        let numbers = write(&|id| {
            let delta = self.step.samples[0].layers[at.layer].delta[at.neuron];
            let delta_event = self.from.delta(0, at.layer, at.neuron);
            match at.input.filter(|_| is_product && id.index() == 1) {
                Some(input) => Term::whole(Math::row([
                    self.factor(delta, Ink::Gradient, delta_event),
                    text(" · "),
                    self.factor(
                        self.step.layer_input(0, at.layer)[input],
                        Ink::Value,
                        self.from.source(0, at.layer, input),
                    ),
                ])),
                None if is_product && id.index() == 1 => Term::leaf(self.mark(delta, Ink::Gradient, delta_event)),
                None => Term::leaf(self.term(call, id, at)),
            }
        });
        let amount = call.values[change.index()];
        let amount = if is_taken { -amount } else { amount };
        let amount = text(words::signed(amount, self.words.digits)).ink(Ink::Update(words::level(amount)));
        let label = Math::row([text("Δ"), self.parameter_name(at)]);
        let value = Math::row([symbols.math(), text(" = "), numbers.math(), text(" = "), amount]);
        Some(row(label, value))
    }

    /// Whether the gradient that the optimizer gets is δ times what entered, of one sample, and nothing else.
    fn gradient_is_one_product(&self, at: Parameter) -> bool {
        self.step.samples.len() == 1 && self.step.penalty_trace(self.step.shape.index(at)).is_none()
    }

    fn delta_name(neuron: usize) -> Math {
        Math::indexed("δ", (neuron + 1).to_string()).ink(Ink::Gradient(0.5))
    }

    /// A number of the optimizer's calculation.
    fn term(&self, call: &Call<'_>, id: ValueId, at: Parameter) -> Math {
        let ink = match id.index() {
            0 => return self.words.before(self.step, at),
            1 => Ink::Gradient,
            _ => Ink::Update,
        };
        self.mark(call.values[id.index()], ink, call.value(id))
    }

    /// Every symbol that the rule uses, in the order in which they are known: what it is, its formula with its numbers
    /// if the script computed it, and a sentence.
    fn terms(&self, call: &Call<'_>, at: Parameter) -> Vec<InspectorRow> {
        let trace = call.trace;
        let mut named: Vec<ValueId> = Vec::new();
        let mut open: Vec<ValueId> = trace.outputs().to_vec();
        while let Some(id) = open.pop() {
            if named.contains(&id) {
                continue;
            }
            named.push(id);
            if trace.node(id).op.arity() == 0 {
                continue;
            }
            let parts = Parts::of(trace, id);
            for &inner in parts.written() {
                let node = trace.node(inner);
                open.extend(node.operands[..node.op.arity()].iter().filter(|id| !parts.written().contains(id)));
            }
        }
        named.sort_unstable();
        // Of w itself and of numbers written in the script there is nothing to say.
        named.retain(|id| id.index() > 0 && trace.node(*id).op != Op::Constant && *id != trace.outputs()[0]);
        let count = named.len();
        let mut rows: Vec<InspectorRow> = Vec::new();
        for id in named.into_iter().take(MOST_TERMS) {
            if id.index() == 1 {
                rows.push(self.gradient_term(at));
                if self.step.samples.len() == 1 {
                    rows.extend(self.factors(at));
                }
                continue;
            }
            let label = symbol(&name_of(trace, id));
            if trace.node(id).op.arity() == 0 {
                // The learning rate is a product of its own where there is a schedule.
                let is_rate = id.index() == 2 + self.step.names.state.len();
                let value = self.rate().filter(|_| is_rate).unwrap_or_else(|| self.term(call, id, at));
                rows.push(InspectorRow { label, value, why: self.what_is(trace, id) });
                continue;
            }
            let parts = Parts::of(trace, id);
            let symbols = parts.write(trace, id, &|id| Term::leaf(self.symbol_of(trace, id, at)));
            let numbers = parts.write(trace, id, &|id| Term::leaf(self.term(call, id, at)));
            let value = Math::row([symbols.math(), text(" = "), numbers.math(), text(" = "), self.term(call, id, at)]);
            rows.push(InspectorRow { label, value, why: self.what_is(trace, id) });
        }
        if count > MOST_TERMS {
            rows.push(row(text("…"), Math::prose(format!("and {} more terms", count - MOST_TERMS))));
        }
        rows
    }

    /// g, from the batch and the regularizer.
    fn gradient_term(&self, at: Parameter) -> InspectorRow {
        let index = self.step.shape.index(at);
        let name = || self.parameter_name(at);
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
            why = format!(
                "The gradient of the loss, and the share of {}, which keeps weights small.",
                penalty.regularizer
            );
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
            parts.extend([text(" = "), Self::delta_name(at.neuron), text(" · "), Self::source_name(at.layer, input)]);
        } else {
            parts.extend([text(" = "), Self::delta_name(at.neuron)]);
        }
        parts.extend([text(" = "), g]);
        InspectorRow { label: Math::variable("g"), value: Math::Row(parts), why }
    }

    /// δ and what entered, the two factors of a single sample's gradient.
    fn factors(&self, at: Parameter) -> Vec<InspectorRow> {
        let Parameter { layer, neuron, input } = at;
        let delta = self.step.samples[0].layers[layer].delta[neuron];
        let z = Math::indexed("z", (neuron + 1).to_string()).plain();
        let mut rows = vec![InspectorRow {
            label: Self::delta_name(neuron),
            value: self.mark(delta, Ink::Gradient, self.from.delta(0, layer, neuron)),
            why: format!("How the loss changes with {z} of this neuron: what the chain rule brought back to it."),
        }];
        if let Some(input) = input {
            let x = self.step.layer_input(0, layer)[input];
            let why = if layer == 0 {
                format!("Input {}: what the weight multiplied on the way forward.", input + 1)
            } else {
                format!("What neuron {} of layer {layer} answered: what the weight multiplied.", input + 1)
            };
            let value = self.mark(x, Ink::Value, self.from.source(0, layer, input));
            rows.push(InspectorRow { label: Self::source_name(layer, input), value, why });
        }
        rows
    }

    /// What a term of an update is, in a sentence. Names of the contract are explained, those of a script are told by
    /// what it does with them.
    fn what_is(&self, trace: &Trace, id: ValueId) -> String {
        let optimizer = &self.step.names.optimizer;
        let state = 2..2 + self.step.names.state.len();
        let kept = trace.outputs()[1..].iter().position(|output| *output == id);
        if let Some(field) = kept.and_then(|k| self.step.names.state.get(k)).filter(|_| trace.node(id).op.arity() > 0) {
            return format!("The new {}, kept for the next step.", field_name(field));
        }
        if state.contains(&id.index()) {
            let field = &self.step.names.state[id.index() - 2];
            return format!(
                "The {} that {optimizer} kept for this parameter from the steps before.",
                field_name(field)
            );
        }
        if id.index() < trace.inputs() {
            let place = id.index() - state.end;
            return match Optimizer::CONTEXT.get(place) {
                Some(&"lr") => match &self.step.rate {
                    Some(rate) => format!("The learning rate, as the schedule {} makes it.", rate.schedule),
                    None => "The learning rate: how far a step goes.".into(),
                },
                Some(&"step") => "The number of this step.".into(),
                Some(&"grad_norm") => "The length of the whole gradient.".into(),
                Some(&"layer_grad_norm") => "The length of the gradient of this layer.".into(),
                Some(&"layer_weight_norm") => "The length of this layer's weights.".into(),
                Some(_) => String::new(),
                None => format!("A control of {optimizer}."),
            };
        }
        trace
            .node(id)
            .site
            .and_then(|site| trace.location(&site))
            .map_or_else(String::new, |location| format!("{}, line {}.", location.source.name, location.span.line))
    }

    /// ∂L/∂w of every sample of a batch, as δ times what entered, with its share, and their mean.
    fn shares(&self, at: Parameter) -> Vec<InspectorRow> {
        let index = self.step.shape.index(at);
        let count = self.step.samples.len();
        let pulled: f64 = (0..count).map(|sample| self.contribution(sample, at).abs()).sum();
        let mut rows: Vec<InspectorRow> =
            self.samples_shown().into_iter().map(|sample| self.share(sample, at, pulled)).collect();
        and_more(&mut rows, count, "samples");
        let quotient = Math::fraction(
            self.mark(self.step.grad_sums[index], Ink::Gradient, self.from.gradient(count - 1, at)),
            text(count.to_string()),
        );
        let mean = self.mark(self.step.mean_grad(index), Ink::Gradient, self.from.mean_gradient(at));
        rows.push(row(Math::prose("their mean"), Math::row([quotient, text(" = "), mean])));
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

    /// One sample's ∂L/∂w = δ · x, or ∂L/∂b = δ, and its part of all that was pulled in either direction.
    fn share(&self, sample: usize, at: Parameter, pulled: f64) -> InspectorRow {
        let Parameter { layer, neuron, input } = at;
        let delta = self.step.samples[sample].layers[layer].delta[neuron];
        let delta_mark = self.mark(delta, Ink::Gradient, self.from.delta(sample, layer, neuron));
        let label = Math::prose(format!("sample {}", sample + 1));
        let (mut parts, contribution) = match input {
            None => (vec![Self::delta_name(neuron), text(" = "), delta_mark], delta),
            Some(input) => {
                let x = self.step.layer_input(sample, layer)[input];
                let parts = vec![
                    Self::delta_name(neuron),
                    text(" · "),
                    Self::source_name(layer, input),
                    text(" = "),
                    delta_mark,
                    text(" · "),
                    self.factor(x, Ink::Value, self.from.source(sample, layer, input)),
                    text(" = "),
                    self.mark(delta * x, Ink::Gradient, self.from.gradient(sample, at)),
                ];
                (parts, delta * x)
            }
        };
        if pulled > 0.0 && pulled.is_finite() {
            parts.push(Math::prose(format!("   {:.0} %", 100.0 * contribution.abs() / pulled)).ink(Ink::Faint));
        }
        row(label, Math::Row(parts))
    }

    /// A sample's own gradient of a parameter.
    pub(super) fn contribution(&self, sample: usize, at: Parameter) -> f64 {
        let delta = self.step.samples[sample].layers[at.layer].delta[at.neuron];
        at.input.map_or(delta, |input| delta * self.step.layer_input(sample, at.layer)[input])
    }

    /// Which way the loss would go with the parameter, and which way the parameter goes.
    fn which_way(&self, at: Parameter) -> String {
        let index = self.step.shape.index(at);
        let (grad, step) = (self.step.grads[index], self.step.step);
        let change = self.step.after.values[index] - self.step.before.values[index];
        // What is said of 0 is said below.
        if !(grad * change).is_normal() {
            return String::new();
        }
        let what = if at.input.is_some() { "weight" } else { "bias" };
        let (loss, sign) = if grad > 0.0 { ("larger", "positive") } else { ("smaller", "negative") };
        // With a regularizer g has its share as well.
        let what_grows = if self.step.penalty_trace(index).is_some() { "loss with its penalty" } else { "loss" };
        let goes = if change > 0.0 { "larger" } else { "smaller" };
        let optimizer = &self.step.names.optimizer;
        let so = if (grad > 0.0) == (change < 0.0) {
            format!("so step {step} makes it {goes}.")
        } else {
            format!("and yet {optimizer} makes it {goes} in step {step}: more than the gradient counts in its rule.")
        };
        format!("With a larger {what} the {what_grows} would be {loss} (its gradient g is {sign}), {so}")
    }

    fn why_this_change(&self, old: f64, new: f64, grad: f64, index: usize) -> String {
        let has_state = self.step.before.state.iter().any(|field| field[index] != 0.0);
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
}

/// A field of the state as people read it.
fn field_name(field: &str) -> String {
    symbol(field).plain()
}
