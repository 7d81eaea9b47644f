//! An event in symbols, in numbers and in words.
//!
//! The formula panel, the trace on paper, captions and screen readers all read what this module writes, so
//! that they never say different things. Neurons, inputs and layers count from 1 here, as in a textbook.

use crate::event::{Address, Cell, Event, EventKind, Named, Phase};
use crate::scene::{Formula, Ink, Math, Target};
use crate::timeline::Timeline;
use slowgrad_tape::{Notation, Op};

/// A number with this many significant digits, correctly rounded, with a real minus sign.
///
/// Zeros at the end are kept when the number has more digits than shown, and dropped when it is exact.
pub fn number(x: f64, digits: usize) -> String {
    if x.is_nan() {
        return "NaN".into();
    }
    if x.is_infinite() {
        return if x > 0.0 { "∞".into() } else { "−∞".into() };
    }
    let digits = digits.max(1);
    // The exponent after rounding to these digits: 9.99 to two digits is 1.0e1.
    let scientific = format!("{:.*e}", digits - 1, x);
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    // Both zeros are shown as 0: a reader with a pencil knows only one.
    let text = if x == 0.0 {
        "0".to_owned()
    } else if (-4..digits.max(6) as i32).contains(&exponent) {
        let decimals = (digits as i32 - 1 - exponent).max(0) as usize;
        trimmed(&format!("{x:.decimals$}"), x)
    } else {
        // Trim by what the whole text says: 2e−5 is exact, 2.000e−5 is not.
        let short = mantissa.trim_end_matches('0').trim_end_matches('.');
        let exact = format!("{short}e{exponent}").parse() == Ok(x);
        format!("{}e{exponent}", if exact { short } else { mantissa })
    };
    text.replace('-', "−")
}

fn trimmed(text: &str, x: f64) -> String {
    if !text.contains('.') || text.parse() != Ok(x) {
        return text.to_owned();
    }
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// A number that always carries its sign.
pub fn signed(x: f64, digits: usize) -> String {
    let text = number(x, digits);
    if text.starts_with('−') || x.is_nan() || x == 0.0 { text } else { format!("+{text}") }
}

/// A script's name as a textbook writes it: `output[0]` is ŷ₁, `ctx.lr` is η.
pub fn symbol(name: &str) -> Math {
    let plain = |name: &str| match name {
        "output" => "ŷ".to_owned(),
        "target" => "y".to_owned(),
        "grad" => "g".to_owned(),
        "ctx.lr" => "η".to_owned(),
        other => {
            let short = ["ctx.", "state.", "p."].iter().find_map(|prefix| other.strip_prefix(prefix));
            short.unwrap_or(other).to_owned()
        }
    };
    if let Some((base, index)) = name.strip_suffix(']').and_then(|name| name.split_once('['))
        && let Ok(index) = index.parse::<usize>()
    {
        return Math::indexed(plain(base), (index + 1).to_string());
    }
    if let Some(nth) = name.strip_prefix('t')
        && !nth.is_empty()
        && nth.chars().all(|c| c.is_ascii_digit())
    {
        return Math::indexed("t", nth);
    }
    if name.starts_with(|c: char| c.is_ascii_digit() || c == '−') {
        Math::text(name)
    } else {
        Math::variable(plain(name))
    }
}

/// An operation written with these operands.
pub fn compose(op: Op, operands: &[Math]) -> Math {
    let part = |k: usize| operands.get(k).cloned().unwrap_or_else(|| Math::text("?"));
    match op.notation() {
        Notation::Leaf => part(0),
        Notation::Infix(sign, _) => Math::row([enclosed(part(0)), Math::text(format!(" {sign} ")), enclosed(part(1))]),
        Notation::Fraction => Math::fraction(part(0), part(1)),
        Notation::Power => Math::Sup(Box::new(enclosed(part(0))), Box::new(part(1))),
        Notation::Prefix(sign) => Math::row([Math::text(sign), enclosed(part(0))]),
        Notation::Bars => Math::row([Math::text("|"), part(0), Math::text("|")]),
        Notation::Call(name) => {
            let mut parts = vec![Math::text(format!("{name}("))];
            for (k, operand) in operands.iter().enumerate() {
                if k > 0 {
                    parts.push(Math::text(", "));
                }
                parts.push(operand.clone());
            }
            parts.push(Math::text(")"));
            Math::row(parts)
        }
    }
}

/// A negative number inside a formula stands in brackets.
fn enclosed(math: Math) -> Math {
    if math.plain().starts_with('−') { Math::row([Math::text("("), math, Math::text(")")]) } else { math }
}

/// ∂L/∂ something as a fraction.
pub fn grad_of(what: Math) -> Math {
    derivative("L", what)
}

fn derivative(of: &str, by: Math) -> Math {
    Math::fraction(Math::text(format!("∂{of}")), Math::row([Math::text("∂"), by])).ink(Ink::Gradient(0.5))
}

/// What the chain rule differentiates in a phase: the loss L, and in the update the penalty R of a weight.
pub(crate) fn differentiated(phase: Phase) -> &'static str {
    if phase == Phase::Update { "R" } else { "L" }
}

/// Writes formulas with a number of significant digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Words {
    /// Significant digits.
    pub digits: usize,
}

impl Words {
    fn num(self, x: f64) -> Math {
        Math::text(number(x, self.digits))
    }

    fn value(self, x: f64) -> Math {
        self.num(x).ink(Ink::Value(level(x)))
    }

    fn weight(self, x: f64) -> Math {
        self.num(x).ink(Ink::Weight(level(x)))
    }

    fn grad(self, x: f64) -> Math {
        self.num(x).ink(Ink::Gradient(level(x)))
    }

    /// The formula of an event.
    pub fn formula(self, timeline: &Timeline, event: &Event) -> Formula {
        let title = title(timeline, &event.address);
        let layer = event.address.cell.layer().unwrap_or(0);
        let last = layer + 1 == timeline.step().shape.layers();
        // What enters the layer: x from the sample, a from the layer before.
        let source = |input: usize| Math::indexed(if layer == 0 { "x" } else { "a" }, (input + 1).to_string());
        let neuron = match event.address.cell {
            Cell::Neuron { neuron, .. } | Cell::Parameter { neuron, .. } => neuron,
            _ => 0,
        };
        let wide = timeline.step().shape.fan_in(layer).max(timeline.step().shape.size(layer)) > 9;
        let w = |input: usize| {
            let comma = if wide { "," } else { "" };
            Math::indexed("w", format!("{}{comma}{}", neuron + 1, input + 1)).ink(Ink::Weight(0.5))
        };
        let b = Math::indexed("b", (neuron + 1).to_string()).ink(Ink::Weight(0.5));
        let z = |k: usize| Math::indexed("z", (k + 1).to_string());
        let a = |k: usize| Math::indexed(if last { "ŷ" } else { "a" }, (k + 1).to_string());
        let dot = || Math::text(" · ");
        let equals = || Math::text(" = ");
        let plus = || Math::text(" + ");
        let mut notes = Vec::new();
        let (symbols, numbers, result, sentence) = match &event.kind {
            EventKind::Enter { input, value } => (
                Math::row([Math::indexed("x", (input + 1).to_string())]),
                Math::Row(Vec::new()),
                self.value(*value),
                format!("Input {} is {}.", input + 1, number(*value, self.digits)),
            ),
            EventKind::Product { input, weight, x, product } => (
                Math::row([w(*input), dot(), source(*input)]),
                Math::row([self.weight(*weight), dot(), enclosed(self.value(*x))]),
                self.value(*product),
                format!(
                    "Weight {} times {} gives {}.",
                    number(*weight, self.digits),
                    number(*x, self.digits),
                    number(*product, self.digits)
                ),
            ),
            EventKind::Accumulate { input, weight, x, before, sum } => {
                notes.push(Math::text("one fused multiply-add: rounded once"));
                (
                    Math::row([Math::variable("sum"), plus(), w(*input), dot(), source(*input)]),
                    Math::row([
                        self.value(*before),
                        plus(),
                        enclosed(self.weight(*weight)),
                        dot(),
                        enclosed(self.value(*x)),
                    ]),
                    self.value(*sum),
                    format!("The running sum becomes {}.", number(*sum, self.digits)),
                )
            }
            EventKind::AddBias { sum, bias, z: value } => (
                Math::row([z(neuron), equals(), Math::variable("sum"), plus(), b]),
                Math::row([self.value(*sum), plus(), enclosed(self.weight(*bias))]),
                self.value(*value),
                format!(
                    "With the bias {} the pre-activation is {}.",
                    number(*bias, self.digits),
                    number(*value, self.digits)
                ),
            ),
            EventKind::Operation { op, operands, result } => {
                let (names, values) = self.both(operands);
                (
                    Math::row([symbol(&result.name), equals(), compose(*op, &names)]),
                    compose(*op, &values),
                    self.value(result.value),
                    format!(
                        "The script computes {} = {}.",
                        compose(*op, &values).plain(),
                        number(result.value, self.digits)
                    ),
                )
            }
            EventKind::Ask { compare, a, b, answer } => {
                let sign = || Math::text(format!(" {} ", compare.symbol()));
                let word = if *answer { "yes" } else { "no" };
                (
                    Math::row([symbol(&a.name), sign(), symbol(&b.name), Math::text(" ?")]),
                    Math::row([self.num(a.value), sign(), self.num(b.value)]),
                    Math::text(word),
                    format!(
                        "The script asks whether {} {} {}: {word}.",
                        number(a.value, self.digits),
                        compare.symbol(),
                        number(b.value, self.digits)
                    ),
                )
            }
            EventKind::Activated { activation, neuron, z: before, a: after } => (
                Math::row([a(*neuron), equals(), Math::text(format!("{activation}(")), z(*neuron), Math::text(")")]),
                Math::row([Math::text(format!("{activation}(")), self.value(*before), Math::text(")")]),
                self.value(*after),
                format!("Neuron {} answers {}.", neuron + 1, number(*after, self.digits)),
            ),
            EventKind::LossValue { loss, value } => (
                Math::row([Math::variable("L"), equals(), Math::text(format!("{loss}(ŷ, y)"))]),
                Math::Row(Vec::new()),
                self.num(*value).ink(Ink::Loss),
                format!("The loss of this sample is {}.", number(*value, self.digits)),
            ),
            EventKind::Seed => (
                grad_of(Math::variable("L")),
                Math::Row(Vec::new()),
                self.grad(1.0),
                "The way back starts: the loss changes by as much as itself.".to_owned(),
            ),
            EventKind::Chain { op, of, operands, into, upstream, local, contribution, before, after } => {
                let (names, _) = self.both(operands);
                let operand = names.get(*into).cloned().unwrap_or_else(|| Math::text("?"));
                let local_symbol = Math::fraction(
                    Math::row([Math::text("∂"), symbol(&of.name)]),
                    Math::row([Math::text("∂"), operand.clone()]),
                );
                let rule = rule(*op, *into, operands, of);
                let mut note = vec![local_symbol.clone(), equals()];
                // A rule that is a number already, such as 1, is not said twice.
                if rule != number(*local, self.digits) {
                    note.extend([Math::text(rule), equals()]);
                }
                note.push(self.num(*local));
                notes.push(Math::Row(note));
                let slope = |by: Math| derivative(differentiated(event.address.phase), by);
                let product = [slope(symbol(&of.name)), dot(), local_symbol];
                let values = [self.grad(*upstream), dot(), enclosed(self.num(*local))];
                let (symbols, numbers) = match before {
                    None => (Math::row([slope(operand), equals()].into_iter().chain(product)), Math::row(values)),
                    Some(before) => {
                        notes.push(Math::text("a second path: its share is added"));
                        (
                            Math::row([slope(operand), Math::text(" += ")].into_iter().chain(product)),
                            Math::row(
                                [self.grad(*before), plus()].into_iter().chain([enclosed(self.grad(*contribution))]),
                            ),
                        )
                    }
                };
                let why = if *upstream == 0.0 {
                    " The gradient that arrives is 0, so nothing flows on."
                } else if *local == 0.0 {
                    " The local derivative is 0, so nothing flows through."
                } else {
                    ""
                };
                (
                    symbols,
                    numbers,
                    self.grad(*after),
                    format!(
                        "Chain rule: {} times {} is {}.{why}",
                        number(*upstream, self.digits),
                        number(*local, self.digits),
                        number(*contribution, self.digits)
                    ),
                )
            }
            EventKind::Delta { neuron, grad_a, delta } => {
                notes.push(Math::row([
                    Math::text("∂L/∂"),
                    a(*neuron),
                    equals(),
                    self.grad(*grad_a),
                    Math::text(" arrived at this neuron"),
                ]));
                (
                    Math::row([
                        Math::indexed("δ", (neuron + 1).to_string()).ink(Ink::Gradient(0.5)),
                        equals(),
                        grad_of(z(*neuron)),
                    ]),
                    Math::Row(Vec::new()),
                    self.grad(*delta),
                    format!("Neuron {} has δ = {}.", neuron + 1, number(*delta, self.digits)),
                )
            }
            EventKind::BiasGrad { delta, before, sum } => (
                Math::row([
                    grad_of(b),
                    Math::text(if before.is_some() { " += " } else { " = " }),
                    Math::indexed("δ", (neuron + 1).to_string()).ink(Ink::Gradient(0.5)),
                ]),
                match before {
                    Some(before) => Math::row([self.grad(*before), plus(), enclosed(self.grad(*delta))]),
                    None => Math::Row(Vec::new()),
                },
                self.grad(*sum),
                format!("The bias has the gradient δ = {}.", number(*delta, self.digits)),
            ),
            EventKind::WeightGrad { input, delta, x, contribution, before, sum } => {
                let product = [self.grad(*delta), dot(), enclosed(self.value(*x))];
                let why = match (*delta == 0.0, *x == 0.0) {
                    (true, _) => " δ is 0, so this weight does not change.",
                    (_, true) => " Its input was 0, so this weight does not change.",
                    _ => "",
                };
                if before.is_some() {
                    notes.push(Math::text("this sample's share is added to the batch's sum"));
                }
                (
                    Math::row([
                        grad_of(w(*input)),
                        Math::text(if before.is_some() { " += " } else { " = " }),
                        Math::indexed("δ", (neuron + 1).to_string()).ink(Ink::Gradient(0.5)),
                        dot(),
                        source(*input),
                    ]),
                    match before {
                        Some(before) => Math::row([self.grad(*before), plus()].into_iter().chain(product)),
                        None => Math::row(product),
                    },
                    self.grad(*sum),
                    format!(
                        "The weight's gradient is δ times its input: {} times {} is {}.{why}",
                        number(*delta, self.digits),
                        number(*x, self.digits),
                        number(*contribution, self.digits)
                    ),
                )
            }
            EventKind::Backprop { input, weight, delta, contribution, before, sum } => {
                let product = [enclosed(self.weight(*weight)), dot(), enclosed(self.grad(*delta))];
                (
                    Math::row([
                        grad_of(source(*input)),
                        Math::text(if before.is_some() { " += " } else { " = " }),
                        w(*input),
                        dot(),
                        Math::indexed("δ", (neuron + 1).to_string()).ink(Ink::Gradient(0.5)),
                    ]),
                    match before {
                        Some(before) => Math::row([self.grad(*before), plus()].into_iter().chain(product)),
                        None => Math::row(product),
                    },
                    self.grad(*sum),
                    format!(
                        "Back along the weight: {} times {} is {}.",
                        number(*weight, self.digits),
                        number(*delta, self.digits),
                        number(*contribution, self.digits)
                    ),
                )
            }
            EventKind::Average { sum, count, mean } => (
                Math::row([
                    Math::variable("g"),
                    equals(),
                    Math::fraction(grad_of(parameter(&event.address, wide)), Math::variable("n")),
                ]),
                Math::fraction(self.grad(*sum), Math::text(count.to_string())),
                self.grad(*mean),
                format!("The mean over {count} samples is {}.", number(*mean, self.digits)),
            ),
            EventKind::Rate { schedule, base, factor, lr } => (
                Math::row([
                    Math::variable("η"),
                    equals(),
                    Math::indexed("η", "0"),
                    dot(),
                    Math::text(format!("{schedule}(step)")),
                ]),
                Math::row([self.num(*base), dot(), enclosed(self.num(*factor))]),
                self.num(*lr),
                format!(
                    "The schedule {schedule} says {}: {} times that is this step's learning rate, {}.",
                    number(*factor, self.digits),
                    number(*base, self.digits),
                    number(*lr, self.digits)
                ),
            ),
            EventKind::Penalized { regularizer, mean, share, grad } => {
                let name = || parameter(&event.address, wide);
                let of_loss = if timeline.step().samples.len() > 1 {
                    Math::row([Math::variable("g"), Math::text(" += ")])
                } else {
                    Math::row([Math::variable("g"), equals(), grad_of(name()), plus()])
                };
                (
                    Math::row([of_loss, derivative(differentiated(Phase::Update), name())]),
                    Math::row([self.grad(*mean), plus(), enclosed(self.grad(*share))]),
                    self.grad(*grad),
                    format!(
                        "The share {} of {regularizer} is added to the gradient {}: {}.",
                        number(*share, self.digits),
                        number(*mean, self.digits),
                        number(*grad, self.digits)
                    ),
                )
            }
            EventKind::Frozen { value } => (
                Math::row([parameter(&event.address, wide), Math::text(" stays")]),
                Math::Row(Vec::new()),
                self.weight(*value),
                format!("The parameter is frozen: it stays {}.", number(*value, self.digits)),
            ),
            EventKind::Updated { optimizer, old, new } => {
                let change = new - old;
                notes.push(Math::row([
                    Math::text("it was "),
                    self.weight(*old),
                    Math::text(", so it moves by "),
                    Math::text(signed(change, self.digits)).ink(Ink::Update(level(change))),
                ]));
                (
                    Math::row([
                        parameter(&event.address, wide),
                        Math::text(" ← "),
                        Math::text(format!("{optimizer}(…)")),
                    ]),
                    Math::Row(Vec::new()),
                    self.weight(*new),
                    if old == new {
                        format!("The parameter stays {}.", number(*old, self.digits))
                    } else {
                        let digits = crate::inspect::digits_apart(*old, *new, self.digits);
                        format!("The parameter moves from {} to {}.", number(*old, digits), number(*new, digits))
                    },
                )
            }
        };
        if !event.kind.result().is_finite() {
            notes.push(Math::text("this is not a finite number").ink(Ink::Accent));
        }
        Formula { title, symbols, numbers, result, sentence, notes }
    }

    fn both(self, operands: &[Named]) -> (Vec<Math>, Vec<Math>) {
        let names = operands.iter().map(|operand| symbol(&operand.name)).collect();
        let values = operands.iter().map(|operand| self.value(operand.value)).collect();
        (names, values)
    }
}

/// The parameter of an update's address as a symbol.
pub fn parameter(address: &Address, wide: bool) -> Math {
    match address.cell {
        Cell::Parameter { neuron, input: Some(input), .. } => {
            let comma = if wide { "," } else { "" };
            Math::indexed("w", format!("{}{comma}{}", neuron + 1, input + 1)).ink(Ink::Weight(0.5))
        }
        Cell::Parameter { neuron, .. } => Math::indexed("b", (neuron + 1).to_string()).ink(Ink::Weight(0.5)),
        _ => Math::text("?"),
    }
}

/// A number as a colour level: its sign, and its size up to 1.
pub fn level(x: f64) -> f32 {
    if x.is_nan() { 0.0 } else { x.clamp(-1.0, 1.0) as f32 }
}

/// An operation's derivative rule with the operands' names in place of a, b, c and y.
fn rule(op: Op, operand: usize, operands: &[Named], of: &Named) -> String {
    let name = |letter: char| match letter {
        'y' => Some(of.name.as_str()),
        'a' => operands.first().map(|named| named.name.as_str()),
        'b' => operands.get(1).map(|named| named.name.as_str()),
        'c' => operands.get(2).map(|named| named.name.as_str()),
        _ => None,
    };
    let text: Vec<char> = op.derivative_text(operand).chars().collect();
    let mut out = String::new();
    for (i, &c) in text.iter().enumerate() {
        let letter = |at: Option<&char>| at.is_some_and(|c| c.is_alphabetic());
        let alone = !letter(i.checked_sub(1).and_then(|i| text.get(i))) && !letter(text.get(i + 1));
        match name(c).filter(|_| alone) {
            Some(name) => out.push_str(&symbol(name).plain()),
            None => out.push(c),
        }
    }
    out
}

/// Where in the step: `step 1 · sample 2 of 4 · backward · layer 2 · neuron 1`.
pub fn title(timeline: &Timeline, address: &Address) -> String {
    let mut parts = vec![format!("step {}", address.step)];
    let samples = timeline.step().samples.len();
    if let Some(sample) = address.sample.filter(|_| samples > 1) {
        parts.push(format!("sample {} of {samples}", sample + 1));
    }
    parts.push(address.phase.name().to_owned());
    parts.extend(place(address));
    parts.join(" · ")
}

/// The part of an address below the phase, in words.
pub fn place(address: &Address) -> Vec<String> {
    let layer = |layer: usize| format!("layer {}", layer + 1);
    match address.cell {
        Cell::Input => Vec::new(),
        Cell::Rate => vec!["learning rate".into()],
        Cell::Loss if address.phase == Phase::Loss => Vec::new(),
        Cell::Loss => vec!["loss".into()],
        Cell::Layer { layer: l } => vec![layer(l), "whole layer".into()],
        Cell::Neuron { layer: l, neuron } => vec![layer(l), format!("neuron {}", neuron + 1)],
        Cell::Parameter { layer: l, neuron, input: Some(input) } => {
            vec![layer(l), format!("weight {} ← {}", neuron + 1, input + 1)]
        }
        Cell::Parameter { layer: l, neuron, input: None } => vec![layer(l), format!("bias {}", neuron + 1)],
    }
}

/// What a target is called: `weight 1 ← 2 of layer 2`.
pub fn target(target: Target) -> String {
    match target {
        Target::Input(input) => format!("input {}", input + 1),
        Target::Neuron { layer, neuron } => format!("neuron {} of layer {}", neuron + 1, layer + 1),
        Target::Weight { layer, neuron, input } => {
            format!("weight {} ← {} of layer {}", neuron + 1, input + 1, layer + 1)
        }
        Target::Bias { layer, neuron } => format!("bias {} of layer {}", neuron + 1, layer + 1),
        Target::Loss => "loss".into(),
    }
}
