//! The derivation of an event: what is asked, the formula in symbols, the numbers put in, the result, and in plain
//! sentences why a factor is 0 or 1.
//!
//! It must not know places or pictures. Every number that an event of the step computed leads to that event; a local
//! derivative leads to the operation whose slope it is.

mod paths;
mod why;

pub(crate) use why::why_slope;

use crate::event::{Cell, Event, EventKind, Named};
use crate::expression::{Parts, Term, compose};
use crate::inspect::digits_apart;
use crate::origin::{Call, LEARNING_RATE, Origins};
use crate::scene::{Formula, Ink, Link, Math};
use crate::timeline::{Timeline, name_of};
use crate::words::{self, Words, grad_of, level, number, parameter, signed, slope_of, symbol};
use slowgrad_engine::shape::Parameter;
use slowgrad_tape::{Op, ValueId};

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

/// A negative number in brackets.
pub(crate) fn enclosed(math: Math) -> Math {
    if math.plain().starts_with('−') { Math::fenced(math) } else { math }
}

/// δ of a neuron.
fn delta_of(neuron: usize) -> Math {
    Math::indexed("δ", (neuron + 1).to_string()).ink(Ink::Gradient(0.5))
}

/// What a formula consists of before it is put together.
struct Lines {
    asked: String,
    symbols: Math,
    numbers: Math,
    result: Math,
    notes: Vec<Math>,
    why: Vec<String>,
}

impl Lines {
    fn new(asked: String, symbols: Math, numbers: Math, result: Math) -> Self {
        Self { asked, symbols, numbers, result, notes: Vec::new(), why: Vec::new() }
    }

    fn note(mut self, note: Math) -> Self {
        self.notes.push(note);
        self
    }

    fn because(mut self, why: impl IntoIterator<Item = String>) -> Self {
        self.why.extend(why);
        self
    }
}

fn nothing() -> Math {
    Math::Row(Vec::new())
}

/// The names that formulas of one event use.
struct Scribe<'a> {
    words: Words,
    timeline: &'a Timeline,
    from: Origins<'a>,
    event: &'a Event,
    sample: usize,
    layer: usize,
    neuron: usize,
}

impl Words {
    /// The formula of an event.
    pub fn formula(self, timeline: &Timeline, event: &Event) -> Formula {
        let neuron = match event.address.cell {
            Cell::Neuron { neuron, .. } | Cell::Parameter { neuron, .. } => neuron,
            _ => 0,
        };
        let scribe = Scribe {
            words: self,
            timeline,
            from: Origins::of(timeline),
            event,
            sample: event.address.sample.unwrap_or(timeline.step().samples.len() - 1),
            layer: event.address.cell.layer().unwrap_or(0),
            neuron,
        };
        let mut lines = scribe.lines();
        if !event.kind.result().is_finite() {
            lines.notes.push(Math::prose("this is not a finite number").ink(Ink::Accent));
        }
        let Lines { asked, symbols, numbers, result, notes, why } = lines;
        let title = words::title(timeline, &event.address);
        Formula { title, question: asked, symbols, numbers, result, sentence: self.sentence(event), notes, why }
    }
}

impl Scribe<'_> {
    fn is_last(&self) -> bool {
        self.layer + 1 == self.timeline.step().shape.layers()
    }

    /// What enters the layer: x from the sample, a from the layer before.
    fn source(&self, input: usize) -> Math {
        Math::indexed(if self.layer == 0 { "x" } else { "a" }, (input + 1).to_string())
    }

    fn w(&self, neuron: usize, input: usize) -> Math {
        let cell = Cell::Parameter { layer: self.layer, neuron, input: Some(input) };
        parameter(self.timeline.step(), cell)
    }

    fn b(&self) -> Math {
        let cell = Cell::Parameter { layer: self.layer, neuron: self.neuron, input: None };
        parameter(self.timeline.step(), cell)
    }

    fn z(neuron: usize) -> Math {
        Math::indexed("z", (neuron + 1).to_string())
    }

    fn a(&self, neuron: usize) -> Math {
        Math::indexed(if self.is_last() { "ŷ" } else { "a" }, (neuron + 1).to_string())
    }

    fn value(&self, x: f64, link: Option<Link>) -> Math {
        self.words.mark(x, Ink::Value, link)
    }

    fn weight(&self, x: f64, link: Option<Link>) -> Math {
        self.words.mark(x, Ink::Weight, link)
    }

    /// The weight of an input, or the bias, before the step.
    fn before(&self, input: Option<usize>) -> Math {
        let at = Parameter { layer: self.layer, neuron: self.neuron, input };
        self.words.before(self.timeline.step(), at)
    }

    fn grad(&self, x: f64, link: Option<Link>) -> Math {
        self.words.mark(x, Ink::Gradient, link)
    }

    fn show(&self, x: f64) -> String {
        number(x, self.words.digits)
    }

    fn call(&self) -> Option<Call<'_>> {
        Call::of_event(self.timeline, &self.event.address)
    }

    fn lines(&self) -> Lines {
        let (s, layer, neuron, from) = (self.sample, self.layer, self.neuron, self.from);
        match &self.event.kind {
            EventKind::Enter { input, value } => Lines::new(
                format!("Which number is input {}?", input + 1),
                Math::indexed("x", (input + 1).to_string()),
                nothing(),
                self.value(*value, Some(from.row(s))),
            ),
            EventKind::Product { input, weight, x, product } => {
                let source = self.value(*x, from.source(s, layer, *input));
                Lines::new(
                    format!("What travels along {}?", self.w(neuron, *input).plain()),
                    Math::row([self.w(neuron, *input), dot(), self.source(*input)]),
                    Math::row([self.before(Some(*input)), dot(), enclosed(source)]),
                    self.value(*product, None),
                )
                .because(self.why_product(*input, *weight, *x))
            }
            EventKind::Accumulate { input, weight, x, before, sum } => {
                let source = self.value(*x, from.source(s, layer, *input));
                Lines::new(
                    format!("What has neuron {} gathered so far?", neuron + 1),
                    Math::row([Math::variable("sum"), plus(), self.w(neuron, *input), dot(), self.source(*input)]),
                    Math::row([
                        self.value(*before, from.partial_sum(s, layer, neuron, *input)),
                        plus(),
                        enclosed(self.before(Some(*input))),
                        dot(),
                        enclosed(source),
                    ]),
                    self.value(*sum, None),
                )
                .because(["Product and sum are one operation here, rounded once.".to_owned()])
                .because(self.why_product(*input, *weight, *x))
            }
            EventKind::AddBias { sum, z, .. } => {
                let terms = self.timeline.step().shape.fan_in(layer);
                Lines::new(
                    format!("What is the pre-activation {}?", Self::z(neuron).plain()),
                    Math::row([Self::z(neuron), equals(), Math::variable("sum"), plus(), self.b()]),
                    Math::row([
                        self.value(*sum, from.partial_sum(s, layer, neuron, terms)),
                        plus(),
                        enclosed(self.before(None)),
                    ]),
                    self.value(*z, None),
                )
            }
            EventKind::Operation { op, operands, result } => self.operation(*op, operands, result),
            EventKind::Ask { compare, a, b, answer } => {
                let sign = || text(format!(" {} ", compare.symbol()));
                let call = self.call();
                let guard = call.as_ref().and_then(|call| call.guard(self.event.index));
                let value = |named: &Named, id: Option<ValueId>| {
                    let event = call.as_ref().zip(id).and_then(|(call, id)| call.value(id));
                    self.value(named.value, event)
                };
                Lines::new(
                    "Which way does the script go?".into(),
                    Math::row([symbol(&a.name), sign(), symbol(&b.name), text(" ?")]),
                    Math::row([value(a, guard.map(|guard| guard.0)), sign(), value(b, guard.map(|guard| guard.1))]),
                    text(if *answer { "yes" } else { "no" }),
                )
            }
            EventKind::Activated { activation, neuron, z, a } => {
                let argument = self.value(*z, from.z(s, layer, *neuron));
                let whole = self.timeline.step().names.whole_layer[layer];
                let call = self.call();
                let result = call.as_ref().map(|call| call.trace.outputs()[if whole { *neuron } else { 0 }]);
                Lines::new(
                    format!("What does neuron {} answer?", neuron + 1),
                    Math::row([self.a(*neuron), equals(), text(activation.clone()), Math::fenced(Self::z(*neuron))]),
                    Math::row([text(activation.clone()), Math::fenced(argument)]),
                    self.value(*a, call.zip(result).and_then(|(call, result)| call.value(result))),
                )
            }
            EventKind::LossValue { loss, value } => {
                let call = self.call();
                let spelled = call.as_ref().and_then(|call| self.spelled(call, call.trace.outputs()[0]));
                let result = call.as_ref().and_then(|call| call.value(call.trace.outputs()[0]));
                let (symbols, numbers) = spelled.unwrap_or_else(|| (nothing(), nothing()));
                let named = [Math::variable("L"), equals(), text(format!("{loss}(ŷ, y)"))];
                let spelled = (symbols != nothing()).then(|| [equals(), symbols]).into_iter().flatten();
                Lines::new(
                    "How wrong is the network on this sample?".into(),
                    Math::row(named.into_iter().chain(spelled)),
                    numbers,
                    self.words.link(*value, Ink::Loss, result),
                )
            }
            EventKind::Seed => Lines::new(
                "Where does the way back start?".into(),
                grad_of(Math::variable("L")),
                nothing(),
                self.grad(1.0, None),
            )
            .because(["It is 1: the loss changes by as much as itself.".to_owned()]),
            EventKind::Chain { op, of, operands, into, upstream, local, before, after, .. } => {
                self.chain(*op, of, operands, *into, (*upstream, *local), *before, *after)
            }
            EventKind::Delta { neuron, grad_a, delta } => self.delta(*neuron, *grad_a, *delta),
            EventKind::BiasGrad { delta, before, sum } => {
                let share = self.grad(*delta, from.delta(s, layer, neuron));
                let mut numbers = vec![share];
                if let Some(before) = before {
                    let at = Parameter { layer, neuron, input: None };
                    let earlier = self.grad(*before, s.checked_sub(1).and_then(|s| from.gradient(s, at)));
                    numbers = vec![earlier, plus(), enclosed(numbers.remove(0))];
                }
                Lines::new(
                    format!("How does the loss change with {}?", self.b().plain()),
                    Math::row([grad_of(self.b()), becomes(before.is_some()), delta_of(neuron)]),
                    Math::Row(numbers),
                    self.grad(*sum, None),
                )
                .because(["z grows by as much as the bias, so the slope from the bias to z is 1.".to_owned()])
                .because(before.map(|_| SHARE.to_owned()))
            }
            EventKind::WeightGrad { input, delta, x, before, sum, .. } => {
                let product = [
                    self.grad(*delta, from.delta(s, layer, neuron)),
                    dot(),
                    enclosed(self.value(*x, from.source(s, layer, *input))),
                ];
                let numbers = match before {
                    Some(before) => {
                        let at = Parameter { layer, neuron, input: Some(*input) };
                        let earlier = self.grad(*before, s.checked_sub(1).and_then(|s| from.gradient(s, at)));
                        let [delta, dot, x] = product;
                        Math::row([earlier, plus(), enclosed(delta), dot, x])
                    }
                    None => Math::row(product),
                };
                let source = self.source(*input).plain();
                Lines::new(
                    format!("How does the loss change with {}?", self.w(neuron, *input).plain()),
                    Math::row([
                        grad_of(self.w(neuron, *input)),
                        becomes(before.is_some()),
                        grad_of(Self::z(neuron)),
                        dot(),
                        ratio(Self::z(neuron), self.w(neuron, *input)),
                        equals(),
                        delta_of(neuron),
                        dot(),
                        self.source(*input),
                    ]),
                    numbers,
                    self.grad(*sum, None),
                )
                .because((*x == 0.0).then(|| {
                    format!("{source} is 0: however the weight changes, the neuron does not notice it on this sample.")
                }))
                .because((*x == 1.0).then(|| format!("{source} is 1, so the weight's slope is δ itself.")))
                .because((*delta == 0.0).then(|| {
                    format!("{} is 0: the loss does not change with this neuron's z.", delta_of(neuron).plain())
                }))
                .because(before.map(|_| SHARE.to_owned()))
            }
            EventKind::Backprop { input, delta, .. } => self.backprop(*input, *delta),
            EventKind::Average { sum, count, mean } => {
                let at = self.parameter();
                Lines::new(
                    format!("What is the mean gradient of {}?", self.parameter_name().plain()),
                    Math::row([
                        Math::variable("g"),
                        equals(),
                        Math::fraction(grad_of(self.parameter_name()), Math::variable("n")),
                    ]),
                    Math::fraction(self.grad(*sum, from.gradient(s, at)), text(count.to_string())),
                    self.grad(*mean, None),
                )
            }
            EventKind::Rate { schedule, base, factor, lr } => {
                let call = self.call();
                let result = call.as_ref().and_then(|call| call.value(call.trace.outputs()[0]));
                Lines::new(
                    "How large is the learning rate in this step?".into(),
                    Math::row([
                        Math::variable("η"),
                        equals(),
                        Math::indexed("η", "0"),
                        dot(),
                        text(format!("{schedule}(step)")),
                    ]),
                    Math::row([
                        self.words.link(*base, Ink::Text, Some(LEARNING_RATE)),
                        dot(),
                        enclosed(self.words.link(*factor, Ink::Text, result)),
                    ]),
                    text(self.show(*lr)),
                )
                .because((*factor == 0.0).then(|| "The schedule says 0: this step moves nothing.".to_owned()))
                .because((*factor == 1.0).then(|| "The schedule says 1: the optimizer's own rate.".to_owned()))
            }
            EventKind::Penalized { regularizer, mean, share, grad } => {
                let at = self.parameter();
                let name = || self.parameter_name();
                let symbols = if self.timeline.step().samples.len() > 1 {
                    vec![Math::variable("g"), text(" += "), slope_of("R", name())]
                } else {
                    vec![Math::variable("g"), equals(), grad_of(name()), plus(), slope_of("R", name())]
                };
                let slope = self.call().and_then(|call| call.gradient(0, call.trace.chain().len()));
                Lines::new(
                    format!("What does the regularizer {regularizer} add for {}?", name().plain()),
                    Math::Row(symbols),
                    Math::row([self.grad(*mean, from.mean_gradient(at)), plus(), enclosed(self.grad(*share, slope))]),
                    self.grad(*grad, None),
                )
                .because((*share == 0.0).then(|| format!("{regularizer} has no slope at this weight.")))
            }
            EventKind::Frozen { .. } => Lines::new(
                format!("Where does the step move {}?", self.parameter_name().plain()),
                Math::row([self.parameter_name(), Math::prose(" stays")]),
                nothing(),
                self.words.before(self.timeline.step(), self.parameter()),
            )
            .because([FROZEN.to_owned()]),
            EventKind::Updated { optimizer, old, new } => self.updated(optimizer, *old, *new),
        }
    }

    fn parameter(&self) -> Parameter {
        let input = match self.event.address.cell {
            Cell::Parameter { input, .. } => input,
            _ => None,
        };
        Parameter { layer: self.layer, neuron: self.neuron, input }
    }

    fn parameter_name(&self) -> Math {
        parameter(self.timeline.step(), self.event.address.cell)
    }

    fn why_product(&self, input: usize, weight: f64, x: f64) -> Option<String> {
        let (w, source) = (self.w(self.neuron, input).plain(), self.source(input).plain());
        match (weight == 0.0, x == 0.0) {
            (_, true) => Some(format!("{source} is 0, so the weight has no part in the sum.")),
            (true, _) => Some(format!("{w} is 0, so {source} has no part in the sum.")),
            _ => None,
        }
    }

    fn operation(&self, op: Op, operands: &[Named], result: &Named) -> Lines {
        let call = self.call();
        let node = call.as_ref().and_then(|call| call.node_of(self.event.index));
        let numbers = operands.iter().enumerate().map(|(k, operand)| {
            let event = call.as_ref().zip(node).and_then(|(call, id)| call.value(call.trace.node(id).operands[k]));
            Term::leaf(self.value(operand.value, event))
        });
        let names = operands.iter().map(|operand| Term::leaf(symbol(&operand.name)));
        Lines::new(
            format!("What is {}?", symbol(&result.name).plain()),
            Math::row([symbol(&result.name), equals(), compose(op, names.collect()).math()]),
            compose(op, numbers.collect()).math(),
            self.value(result.value, None),
        )
    }

    fn updated(&self, optimizer: &str, old: f64, new: f64) -> Lines {
        let call = self.call();
        let name = self.parameter_name();
        let result = call.as_ref().map(|call| call.trace.outputs()[0]);
        let spelled = call.as_ref().zip(result).and_then(|(call, result)| self.spelled(call, result));
        let (symbols, numbers) =
            spelled.unwrap_or_else(|| (Math::row([text(optimizer), Math::fenced(text("…"))]), nothing()));
        let digits = digits_apart(old, new, self.words.digits);
        let exact = Words { digits };
        let event = call.as_ref().zip(result).and_then(|(call, result)| call.value(result));
        let moves = Math::row([
            text("Δ"),
            name.clone(),
            equals(),
            exact.mark(new, Ink::Weight, None),
            text(" − "),
            enclosed(exact.before(self.timeline.step(), self.parameter())),
            equals(),
            text(signed(new - old, self.words.digits)).ink(Ink::Update(level(new - old))),
        ]);
        Lines::new(
            format!("Where does {optimizer} move {}?", name.plain()),
            Math::row([name, text(" ← "), symbols]),
            numbers,
            self.weight(new, event),
        )
        .note(moves)
    }

    /// The expression of a result down to names, in symbols and in numbers; nothing when it is an input.
    fn spelled(&self, call: &Call<'_>, result: ValueId) -> Option<(Math, Math)> {
        if call.trace.node(result).op.arity() == 0 {
            return None;
        }
        let parts = Parts::of(call.trace, result);
        let is_update = matches!(self.event.address.cell, Cell::Parameter { .. });
        let symbols = parts.write(call.trace, result, &|id| match id.index() {
            // The script's w is this very parameter.
            0 if is_update => Term::leaf(self.parameter_name()),
            _ => Term::leaf(symbol(&name_of(call.trace, id))),
        });
        let numbers = parts.write(call.trace, result, &|id| match id.index() {
            0 if is_update => Term::leaf(self.words.before(self.timeline.step(), self.parameter())),
            _ => Term::leaf(self.value(call.values[id.index()], call.value(id))),
        });
        Some((symbols.math(), numbers.math()))
    }
}

/// Why a frozen parameter does not move.
pub(crate) const FROZEN: &str = "It is frozen: whatever its gradient, no update moves it.";

const SHARE: &str = "This sample's share is added to the sum over the batch.";

/// `=` for the first of a batch, and `+=` for what joins a sum.
fn becomes(joins: bool) -> Math {
    text(if joins { " += " } else { " = " })
}

/// ∂of/∂by.
fn ratio(of: Math, by: Math) -> Math {
    Math::fraction(Math::row([text("∂"), of]), Math::row([text("∂"), by]))
}
