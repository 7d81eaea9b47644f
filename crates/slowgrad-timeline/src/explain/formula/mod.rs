//! The derivation of an event: the question it answers, the formula in symbols and in numbers, the result, and a sentence
//! for every factor that is 0 or 1.
//!
//! It must not know positions or how a formula is drawn. Every number that an event of the step computed links to that
//! event; a local derivative links to the operation that it is the slope of.

mod chain_rule;
mod slope_reason;

pub(crate) use slope_reason::slope_reason;

use super::expression::{InlineNodes, Term, compose};
use super::symbols::{self, delta, enclosed, grad_of, layer_input, pre_activation, ratio, slope_of, symbol};
use super::words::{self, Explainer, level};
use crate::events::origin::LEARNING_RATE;
use crate::events::{CallOrigins, Event, EventKind, NamedValue, Origins, Timeline, UpdateInput, UpdateInputs, name_of};
use crate::number_format::{digits_apart, number, signed};
use crate::scene::{Formula, Ink, Link, Math};
use slowgrad_engine::shape::Parameter;
use slowgrad_tape::{Compare, Op, ValueId};

fn text(text: impl Into<String>) -> Math {
    Math::text(text)
}

fn dot() -> Math {
    text(" · ")
}

fn equals() -> Math {
    text(" = ")
}

fn plus() -> Math {
    text(" + ")
}

fn empty() -> Math {
    Math::Row(Vec::new())
}

/// `=` for the first sample of a batch, and `+=` for the samples whose gradient is added to the sum.
fn equals_or_adds(adds: bool) -> Math {
    text(if adds { " += " } else { " = " })
}

/// The parts of a formula that depend on the kind of event.
struct FormulaParts {
    question: String,
    symbols: Math,
    numbers: Math,
    result: Math,
    notes: Vec<Math>,
    why: Vec<String>,
}

impl FormulaParts {
    fn new(question: String, symbols: Math, numbers: Math, result: Math) -> Self {
        Self { question, symbols, numbers, result, notes: Vec::new(), why: Vec::new() }
    }

    fn note(mut self, note: Math) -> Self {
        self.notes.push(note);
        self
    }

    fn because(mut self, why: impl IntoIterator<Item = String>) -> Self {
        self.why.extend(why);
        self
    }

    fn because_if(self, condition: bool, why: impl FnOnce() -> String) -> Self {
        self.because(condition.then(why))
    }
}

/// An event with everything that its formula refers to.
struct FormulaContext<'a> {
    explainer: Explainer,
    timeline: &'a Timeline,
    from: Origins<'a>,
    event: &'a Event,
    /// The sample of the event; in the update the last one.
    sample: usize,
    layer: usize,
    neuron: usize,
}

impl Explainer {
    /// The formula of an event.
    pub fn formula(self, timeline: &Timeline, event: &Event) -> Formula {
        let (layer, neuron) = event.address.cell.layer_and_neuron();
        let context = FormulaContext {
            explainer: self,
            timeline,
            from: Origins::of(timeline),
            event,
            sample: event.address.sample.unwrap_or(timeline.step().samples.len() - 1),
            layer,
            neuron,
        };
        let mut parts = context.parts();
        if !event.kind.result().is_finite() {
            parts.notes.push(Math::prose("this is not a finite number").ink(Ink::Accent));
        }
        let FormulaParts { question, symbols, numbers, result, notes, why } = parts;
        let title = words::title(timeline, &event.address);
        Formula { title, question, symbols, numbers, result, sentence: self.sentence(timeline, event), notes, why }
    }
}

impl FormulaContext<'_> {
    fn input(&self, input: usize) -> Math {
        layer_input(self.layer, input)
    }

    fn w(&self, neuron: usize, input: usize) -> Math {
        symbols::parameter(&self.timeline.step().shape, Parameter { layer: self.layer, neuron, input: Some(input) })
    }

    fn b(&self) -> Math {
        symbols::parameter(&self.timeline.step().shape, self.own_parameter(None))
    }

    fn a(&self, neuron: usize) -> Math {
        symbols::activation(&self.timeline.step().shape, self.layer, neuron)
    }

    fn value(&self, x: f64, link: Option<Link>) -> Math {
        self.explainer.mark(x, Ink::Value, link)
    }

    fn weight(&self, x: f64, link: Option<Link>) -> Math {
        self.explainer.mark(x, Ink::Weight, link)
    }

    fn grad(&self, x: f64, link: Option<Link>) -> Math {
        self.explainer.mark(x, Ink::Gradient, link)
    }

    /// The weight of an input, or the bias, before the step.
    fn before(&self, input: Option<usize>) -> Math {
        self.explainer.before(self.timeline.step(), self.own_parameter(input))
    }

    fn show(&self, x: f64) -> String {
        number(x, self.explainer.digits)
    }

    fn call(&self) -> Option<CallOrigins<'_>> {
        CallOrigins::of_event(self.timeline, &self.event.address)
    }

    fn own_parameter(&self, input: Option<usize>) -> Parameter {
        Parameter { layer: self.layer, neuron: self.neuron, input }
    }

    /// The parameter that the event updates.
    fn parameter(&self) -> Parameter {
        self.event.address.cell.parameter().unwrap_or_else(|| self.own_parameter(None))
    }

    fn parameter_name(&self) -> Math {
        symbols::parameter(&self.timeline.step().shape, self.parameter())
    }

    fn parts(&self) -> FormulaParts {
        match &self.event.kind {
            EventKind::Enter { input, value } => FormulaParts::new(
                format!("What is input {}?", input + 1),
                layer_input(0, *input),
                empty(),
                self.value(*value, Some(self.from.row(self.sample))),
            ),
            EventKind::Product { input, weight, x, product } => self.product(*input, (*weight, *x), *product),
            EventKind::Accumulate { input, weight, x, before, sum } => {
                self.partial_sum(*input, (*weight, *x), *before, *sum)
            }
            EventKind::AddBias { sum, z, .. } => self.add_bias(*sum, *z),
            EventKind::Operation { op, operands, result } => self.operation(*op, operands, result),
            EventKind::Compare { compare, a, b, answer } => self.compare(*compare, (a, b), *answer),
            EventKind::Activated { activation, neuron, z, a } => self.activated(activation, *neuron, *z, *a),
            EventKind::LossValue { loss, value } => self.loss_value(loss, *value),
            EventKind::Seed => FormulaParts::new(
                "Where does backpropagation start?".into(),
                grad_of(Math::variable("L")),
                empty(),
                self.grad(1.0, None),
            )
            .because(["The derivative of the loss with respect to itself is 1.".to_owned()]),
            EventKind::Chain { op, of, operands, into, upstream, local, before, after, .. } => {
                self.chain(*op, of, operands, *into, (*upstream, *local), *before, *after)
            }
            EventKind::Delta { neuron, grad_a, delta } => self.delta(*neuron, *grad_a, *delta),
            EventKind::BiasGrad { delta, before, sum } => self.bias_grad(*delta, *before, *sum),
            EventKind::WeightGrad { input, delta, x, before, sum, .. } => {
                self.weight_grad(*input, (*delta, *x), *before, *sum)
            }
            EventKind::Backprop { input, delta, before, sum, .. } => self.backprop(*input, *delta, *before, *sum),
            EventKind::Average { sum, count, mean } => FormulaParts::new(
                format!("What is the mean gradient of {}?", self.parameter_name().plain()),
                Math::row([
                    Math::variable("g"),
                    equals(),
                    Math::fraction(grad_of(self.parameter_name()), Math::variable("n")),
                ]),
                Math::fraction(
                    self.grad(*sum, self.from.gradient(self.sample, self.parameter())),
                    text(count.to_string()),
                ),
                self.grad(*mean, None),
            ),
            EventKind::Rate { schedule, base, factor, lr } => self.rate(schedule, *base, *factor, *lr),
            EventKind::Penalized { regularizer, mean, share, grad } => {
                self.penalized(regularizer, *mean, *share, *grad)
            }
            EventKind::Frozen { .. } => FormulaParts::new(
                format!("How does the step change {}?", self.parameter_name().plain()),
                Math::row([self.parameter_name(), Math::prose(" does not change")]),
                empty(),
                self.explainer.before(self.timeline.step(), self.parameter()),
            )
            .because([FROZEN.to_owned()]),
            EventKind::Updated { optimizer, old, new } => self.updated(optimizer, *old, *new),
        }
    }

    fn product(&self, input: usize, (weight, x): (f64, f64), product: f64) -> FormulaParts {
        let x_math = self.value(x, self.from.layer_input(self.sample, self.layer, input));
        let w = self.w(self.neuron, input);
        let (question, result) = match self.completed_pre_activation() {
            Some(z) => (format!("What is the pre-activation {}?", z.plain()), vec![z, equals()]),
            None => (format!("What does {} contribute to the sum?", w.plain()), Vec::new()),
        };
        FormulaParts::new(
            question,
            Math::row(result.into_iter().chain([w, dot(), self.input(input)])),
            Math::row([self.before(Some(input)), dot(), enclosed(x_math)]),
            self.value(product, None),
        )
        .because(self.zero_factor(input, weight, x))
    }

    fn partial_sum(&self, input: usize, (weight, x): (f64, f64), before: f64, sum: f64) -> FormulaParts {
        let (s, layer, neuron) = (self.sample, self.layer, self.neuron);
        let x_math = self.value(x, self.from.layer_input(s, layer, input));
        let (question, result) = match self.completed_pre_activation() {
            Some(z) => (format!("What is the pre-activation {}?", z.plain()), vec![z, equals()]),
            None => (format!("What is the weighted sum of neuron {} so far?", neuron + 1), Vec::new()),
        };
        let terms = [Math::variable("sum"), plus(), self.w(neuron, input), dot(), self.input(input)];
        FormulaParts::new(
            question,
            Math::row(result.into_iter().chain(terms)),
            Math::row([
                self.value(before, self.from.partial_sum(s, layer, neuron, input)),
                plus(),
                enclosed(self.before(Some(input))),
                dot(),
                enclosed(x_math),
            ]),
            self.value(sum, None),
        )
        .because(["The product and the sum are one operation here (fused multiply-add), rounded once.".to_owned()])
        .because(self.zero_factor(input, weight, x))
    }

    /// z of the neuron, if the operation completes it: in a layer without biases the last sum does.
    fn completed_pre_activation(&self) -> Option<Math> {
        self.timeline.completes_pre_activation(&self.event.address).then(|| pre_activation(self.neuron))
    }

    /// Why a product is 0.
    fn zero_factor(&self, input: usize, weight: f64, x: f64) -> Option<String> {
        let (w, source) = (self.w(self.neuron, input).plain(), self.input(input).plain());
        match (weight == 0.0, x == 0.0) {
            (_, true) => Some(format!("{source} is 0, so the weight has no effect on the sum.")),
            (true, _) => Some(format!("{w} is 0, so {source} has no effect on the sum.")),
            _ => None,
        }
    }

    fn add_bias(&self, sum: f64, z: f64) -> FormulaParts {
        let (s, layer, neuron) = (self.sample, self.layer, self.neuron);
        let terms = self.timeline.step().shape.fan_in(layer);
        let name = pre_activation(neuron);
        FormulaParts::new(
            format!("What is the pre-activation {}?", name.plain()),
            Math::row([name, equals(), Math::variable("sum"), plus(), self.b()]),
            Math::row([
                self.value(sum, self.from.partial_sum(s, layer, neuron, terms)),
                plus(),
                enclosed(self.before(None)),
            ]),
            self.value(z, None),
        )
    }

    fn operation(&self, op: Op, operands: &[NamedValue], result: &NamedValue) -> FormulaParts {
        let call = self.call();
        let node = call.as_ref().and_then(|call| call.node_of(self.event.index));
        let numbers = operands.iter().enumerate().map(|(k, operand)| {
            let event = call.as_ref().zip(node).and_then(|(call, id)| call.value(call.trace.node(id).operands[k]));
            Term::leaf(self.value(operand.value, event))
        });
        let names = operands.iter().map(|operand| Term::leaf(symbol(&operand.name)));
        FormulaParts::new(
            format!("What is {}?", symbol(&result.name).plain()),
            Math::row([symbol(&result.name), equals(), compose(op, names.collect()).math()]),
            compose(op, numbers.collect()).math(),
            self.value(result.value, None),
        )
    }

    fn compare(&self, compare: Compare, (a, b): (&NamedValue, &NamedValue), answer: bool) -> FormulaParts {
        let sign = || text(format!(" {} ", compare.symbol()));
        let call = self.call();
        let guard = call.as_ref().and_then(|call| call.guard(self.event.index));
        let value = |named: &NamedValue, id: Option<ValueId>| {
            let event = call.as_ref().zip(id).and_then(|(call, id)| call.value(id));
            self.value(named.value, event)
        };
        FormulaParts::new(
            "Which branch does the script take?".into(),
            Math::row([symbol(&a.name), sign(), symbol(&b.name), text(" ?")]),
            Math::row([value(a, guard.map(|guard| guard.0)), sign(), value(b, guard.map(|guard| guard.1))]),
            text(if answer { "yes" } else { "no" }),
        )
    }

    fn activated(&self, activation: &str, neuron: usize, z: f64, a: f64) -> FormulaParts {
        let argument = self.value(z, self.from.z(self.sample, self.layer, neuron));
        let whole = self.timeline.step().names.whole_layer[self.layer];
        let call = self.call();
        let result = call.as_ref().map(|call| call.trace.outputs()[if whole { neuron } else { 0 }]);
        FormulaParts::new(
            format!("What is the activation of neuron {}?", neuron + 1),
            Math::row([self.a(neuron), equals(), text(activation), Math::fenced(pre_activation(neuron))]),
            Math::row([text(activation), Math::fenced(argument)]),
            self.value(a, call.zip(result).and_then(|(call, result)| call.value(result))),
        )
    }

    fn loss_value(&self, loss: &str, value: f64) -> FormulaParts {
        let call = self.call();
        let written_out = call.as_ref().and_then(|call| self.written_out(call, call.trace.outputs()[0]));
        let result = call.as_ref().and_then(|call| call.value(call.trace.outputs()[0]));
        let (symbols, numbers) = written_out.unwrap_or_else(|| (empty(), empty()));
        let named = [Math::variable("L"), equals(), text(format!("{loss}(ŷ, y)"))];
        let expression = (symbols != empty()).then(|| [equals(), symbols]).into_iter().flatten();
        FormulaParts::new(
            "How wrong is the network on this sample?".into(),
            Math::row(named.into_iter().chain(expression)),
            numbers,
            self.explainer.link(value, Ink::Loss, result),
        )
    }

    /// The sum over the earlier samples of the batch, if there are any, with its origin.
    fn earlier_samples(&self, before: Option<f64>, at: Parameter) -> Option<Math> {
        let link = self.sample.checked_sub(1).and_then(|sample| self.from.gradient(sample, at));
        before.map(|before| self.grad(before, link))
    }

    fn bias_grad(&self, delta_value: f64, before: Option<f64>, sum: f64) -> FormulaParts {
        let own = self.grad(delta_value, self.from.delta(self.sample, self.layer, self.neuron));
        let numbers = match self.earlier_samples(before, self.own_parameter(None)) {
            Some(earlier) => Math::row([earlier, plus(), enclosed(own)]),
            None => Math::row([own]),
        };
        FormulaParts::new(
            format!("How does the loss change with {}?", self.b().plain()),
            Math::row([grad_of(self.b()), equals_or_adds(before.is_some()), delta(self.neuron)]),
            numbers,
            self.grad(sum, None),
        )
        .because(["z contains the bias as a plain term, so ∂z/∂b = 1.".to_owned()])
        .because_if(before.is_some(), || ADDED_TO_BATCH.to_owned())
    }

    fn weight_grad(&self, input: usize, (delta_value, x): (f64, f64), before: Option<f64>, sum: f64) -> FormulaParts {
        let (s, layer, neuron) = (self.sample, self.layer, self.neuron);
        let delta_math = self.grad(delta_value, self.from.delta(s, layer, neuron));
        let x_math = enclosed(self.value(x, self.from.layer_input(s, layer, input)));
        let numbers = match self.earlier_samples(before, self.own_parameter(Some(input))) {
            Some(earlier) => Math::row([earlier, plus(), enclosed(delta_math), dot(), x_math]),
            None => Math::row([delta_math, dot(), x_math]),
        };
        let (w, z, source) = (self.w(neuron, input), pre_activation(neuron), self.input(input).plain());
        FormulaParts::new(
            format!("How does the loss change with {}?", w.plain()),
            Math::row([
                grad_of(w.clone()),
                equals_or_adds(before.is_some()),
                grad_of(z.clone()),
                dot(),
                ratio(z, w),
                equals(),
                delta(neuron),
                dot(),
                self.input(input),
            ]),
            numbers,
            self.grad(sum, None),
        )
        .because_if(x == 0.0, || format!("{source} is 0, so on this sample the weight has no effect on the neuron."))
        .because_if(x == 1.0, || format!("{source} is 1, so the weight's gradient is δ itself."))
        .because_if(delta_value == 0.0, || {
            format!("{} is 0: the loss does not change with this neuron's z.", delta(neuron).plain())
        })
        .because_if(before.is_some(), || ADDED_TO_BATCH.to_owned())
    }

    fn rate(&self, schedule: &str, base: f64, factor: f64, lr: f64) -> FormulaParts {
        let call = self.call();
        let result = call.as_ref().and_then(|call| call.value(call.trace.outputs()[0]));
        FormulaParts::new(
            "How large is the learning rate in this step?".into(),
            Math::row([
                Math::variable("η"),
                equals(),
                Math::indexed("η", "0"),
                dot(),
                text(format!("{schedule}(step)")),
            ]),
            Math::row([
                self.explainer.link(base, Ink::Text, Some(LEARNING_RATE)),
                dot(),
                enclosed(self.explainer.link(factor, Ink::Text, result)),
            ]),
            text(self.show(lr)),
        )
        .because_if(factor == 0.0, || "The schedule returns 0, so the learning rate of this step is 0.".to_owned())
        .because_if(factor == 1.0, || "The schedule returns 1, so the learning rate is the one that is set.".to_owned())
    }

    fn penalized(&self, regularizer: &str, mean: f64, share: f64, grad: f64) -> FormulaParts {
        let name = || self.parameter_name();
        let symbols = if self.timeline.step().samples.len() > 1 {
            vec![Math::variable("g"), text(" += "), slope_of("R", name())]
        } else {
            vec![Math::variable("g"), equals(), grad_of(name()), plus(), slope_of("R", name())]
        };
        let slope = self.call().and_then(|call| call.gradient(0, call.trace.chain().len()));
        let mean = self.grad(mean, self.from.mean_gradient(self.parameter()));
        FormulaParts::new(
            format!("What does the regularizer {regularizer} add for {}?", name().plain()),
            Math::Row(symbols),
            Math::row([mean, plus(), enclosed(self.grad(share, slope))]),
            self.grad(grad, None),
        )
        .because_if(share == 0.0, || format!("The slope of {regularizer} is 0 at this weight."))
    }

    fn updated(&self, optimizer: &str, old: f64, new: f64) -> FormulaParts {
        let call = self.call();
        let name = self.parameter_name();
        let nth = UpdateInputs::of_parameter(self.timeline.step(), self.parameter()).result(self.parameter());
        let result = call.as_ref().map(|call| call.trace.outputs()[nth]);
        let written_out = call.as_ref().zip(result).and_then(|(call, result)| self.written_out(call, result));
        let (symbols, numbers) =
            written_out.unwrap_or_else(|| (Math::row([text(optimizer), Math::fenced(text("…"))]), empty()));
        let exact = Explainer { digits: digits_apart(old, new, self.explainer.digits) };
        let event = call.as_ref().zip(result).and_then(|(call, result)| call.value(result));
        let change = Math::row([
            text("Δ"),
            name.clone(),
            equals(),
            exact.mark(new, Ink::Weight, None),
            text(" − "),
            enclosed(exact.before(self.timeline.step(), self.parameter())),
            equals(),
            text(signed(new - old, self.explainer.digits)).ink(Ink::Update(level(new - old))),
        ]);
        FormulaParts::new(
            format!("How does {optimizer} change {}?", name.plain()),
            Math::row([name, text(" ← "), symbols]),
            numbers,
            self.weight(new, event),
        )
        .note(change)
    }

    /// The expression of a result, in symbols and in numbers. `None` if the result is an input.
    fn written_out(&self, call: &CallOrigins<'_>, result: ValueId) -> Option<(Math, Math)> {
        if call.trace.node(result).op.arity() == 0 {
            return None;
        }
        let inline = InlineNodes::of(call.trace, result);
        let step = self.timeline.step();
        let updates = UpdateInputs::of_event(step, &self.event.address);
        // Parameters have their own symbols.
        let parameter = |id: ValueId| match updates.filter(|_| id.index() < call.trace.inputs())?.role(id.index()) {
            UpdateInput::Value(at) => Some(at),
            _ => None,
        };
        let symbols = inline.write(call.trace, result, &|id| match parameter(id) {
            Some(at) => Term::leaf(symbols::parameter(&step.shape, at)),
            None => Term::leaf(symbol(&name_of(call.trace, id))),
        });
        let numbers = inline.write(call.trace, result, &|id| match parameter(id) {
            Some(at) => Term::leaf(self.explainer.before(step, at)),
            None => Term::leaf(self.value(call.values[id.index()], call.value(id))),
        });
        Some((symbols.math(), numbers.math()))
    }
}

/// Why a frozen parameter does not change.
pub(crate) const FROZEN: &str = "It is frozen: updates do not change it, whatever its gradient.";

const ADDED_TO_BATCH: &str = "This sample's gradient is added to the sum over the batch.";
