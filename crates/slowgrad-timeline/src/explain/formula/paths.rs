//! The chain rule in symbols and in numbers: one product per path.
//!
//! It must not know which script it goes through: paths, slopes and their rules come from the recorded trace.

use super::slope_reason::{spelled_rule, why_slope};
use super::{Lines, Scribe, delta_of, dot, enclosed, equals, nothing, plus, ratio, text};
use crate::events::name_of;
use crate::events::origin::{Call, Path};
use crate::events::{EventKind, Named};
use crate::explain::expression::{self, Term};
use crate::explain::words::{self, grad_of, slope_of, symbol};
use crate::scene::Math;
use slowgrad_engine::shape::Parameter;
use slowgrad_tape::Op;

/// Of more paths than these only the last is written out; the sum of those before it is one number.
const MOST_PATHS: usize = 4;

impl Scribe<'_> {
    /// One product per path: what has arrived on each path so far.
    #[allow(clippy::too_many_arguments, reason = "the parts of the event")]
    pub(super) fn chain(
        &self,
        op: Op,
        of: &Named,
        operands: &[Named],
        into: usize,
        (upstream, local): (f64, f64),
        before: Option<f64>,
        after: f64,
    ) -> Lines {
        let Some((call, at)) = self.call().and_then(|call| {
            let at = call.chain_step_of(self.event.index)?;
            Some((call, at))
        }) else {
            return Lines::new(String::new(), nothing(), nothing(), self.grad(after, None));
        };
        let name = symbol(&operands[into].name);
        let of_what = words::differentiated(self.event.address.phase);
        let target = call.trace.chain()[at].into;
        let paths: Vec<Path> = call.paths().into_iter().take(at + 1).filter(|path| path.step.into == target).collect();
        let seeds = call.results(target.index());
        let (mut symbols, mut numbers, mut shares) = (Vec::new(), Vec::new(), Vec::new());
        let shown = if paths.len() + seeds.len() > MOST_PATHS { &paths[paths.len() - 1..] } else { &paths[..] };
        if shown.len() < paths.len() {
            let so_far = || self.grad(before.unwrap_or(0.0), call.gradient(target.index(), at));
            symbols.push(Math::prose("sum so far"));
            numbers.push(so_far());
            shares.push(so_far());
        } else {
            // A result whose gradient also comes in from outside.
            for &result in &seeds {
                let (value, event) = call.seed(result);
                symbols.push(Math::row([slope_of(of_what, name.clone()), Math::prose(" from outside")]));
                numbers.push(self.grad(value, event));
                shares.push(self.grad(value, event));
            }
        }
        for path in shown {
            let (names, values) = self.path(&call, path, of_what);
            symbols.push(names);
            numbers.push(values);
            shares.push(self.grad(path.contribution, call.chain_event(path.at)));
        }
        let several = shares.len() > 1;
        let mut line = vec![joined(numbers)];
        if several {
            line.extend([equals(), joined(shares.into_iter().enumerate().map(bracketed).collect())]);
        }
        let asked = if of_what == "L" { "the loss" } else { "the penalty" };
        let rule = self.rule(&call, &paths[paths.len() - 1], op, of, operands);
        let symbols = Math::row([slope_of(of_what, name.clone()), equals(), joined(symbols)]);
        let ways = match paths.len() + seeds.len() {
            1 => None,
            count => Some(format!("{} acts on {count} paths so far; their shares add up.", name.plain())),
        };
        Lines::new(
            format!("How does {asked} change with {}?", name.plain()),
            symbols,
            Math::Row(line),
            self.grad(after, None),
        )
        .note(rule)
        .because((upstream == 0.0).then(|| {
            let of = symbol(&of.name).plain();
            format!("∂{of_what}/∂{of} is 0 already: nothing arrives here that could flow on.")
        }))
        .because(why_slope(op, of, operands, into, local))
        .because(ways)
    }

    /// A path in symbols and in numbers.
    fn path(&self, call: &Call<'_>, path: &Path, of_what: &str) -> (Math, Math) {
        let of = symbol(&name_of(call.trace, path.step.node));
        let by = symbol(&name_of(call.trace, path.step.into));
        let upstream = self.grad(path.upstream, call.gradient(path.step.node.index(), path.at));
        let local = self.value(path.local, call.value(path.step.node));
        let symbols = Math::row([slope_of(of_what, of.clone()), dot(), ratio(of, by)]);
        (symbols, Math::row([upstream, dot(), enclosed(local)]))
    }

    /// The rule of the local derivative in symbols, with its numbers, and its result.
    fn rule(&self, call: &Call<'_>, path: &Path, op: Op, of: &Named, operands: &[Named]) -> Math {
        let node = call.trace.node(path.step.node);
        let nth = |letter: char| "abc".find(letter).filter(|&k| k < operands.len());
        let into = usize::from(path.step.operand);
        let rule = op.derivative_text(into);
        let symbols = expression::rule(rule, &|letter| match letter {
            'y' => Some(Term::leaf(symbol(&of.name))),
            letter => nth(letter).map(|k| Term::leaf(symbol(&operands[k].name))),
        });
        let numbers = expression::rule(rule, &|letter| match letter {
            'y' => Some(Term::leaf(self.value(of.value, call.value(path.step.node)))),
            letter => nth(letter).map(|k| Term::leaf(self.value(operands[k].value, call.value(node.operands[k])))),
        });
        let slope = ratio(symbol(&of.name), symbol(&operands[into].name));
        let local = self.show(path.local);
        let mut parts = vec![slope];
        match (symbols.map(Term::math), numbers.map(Term::math)) {
            (Some(symbols), Some(numbers)) => {
                // A rule that is a number already, such as 1, is not said twice.
                let [symbols_text, numbers_text] = [symbols.plain(), numbers.plain()];
                if symbols_text != local {
                    parts.extend([equals(), symbols]);
                }
                if numbers_text != symbols_text && numbers_text != local {
                    parts.extend([equals(), numbers]);
                }
            }
            _ => parts.extend([equals(), Math::prose(spelled_rule(op, into, operands))]),
        }
        parts.extend([equals(), text(local)]);
        Math::Row(parts)
    }

    /// δ is what the chain rule has left at z.
    pub(super) fn delta(&self, neuron: usize, grad_a: f64, delta: f64) -> Lines {
        let (s, layer) = (self.sample, self.layer);
        let through = self.from.slope_of_z(s, layer, neuron);
        let arrived = self.from.grad_a(s, layer, neuron);
        let slope = grad_of(self.a(neuron));
        let whole = self.timeline.step().names.whole_layer[layer];
        let activation = &self.timeline.step().names.activations[layer];
        // Without a chain of operations z is handed through, or the result does not depend on it.
        let is_handed_through = through.is_some() && through == arrived;
        let symbols = if whole {
            Math::row([delta_of(neuron), equals(), grad_of(Self::z(neuron))])
        } else {
            Math::row([
                delta_of(neuron),
                equals(),
                grad_of(Self::z(neuron)),
                equals(),
                slope.clone(),
                dot(),
                ratio(self.a(neuron), Self::z(neuron)),
            ])
        };
        let is_dead = delta == 0.0 && grad_a != 0.0;
        let same = "The activation hands z on as it is: the slope is 1, and δ is what arrived.".to_owned();
        let why = if is_dead && !whole {
            Some(format!("The slope of {activation} is 0 at this z: nothing flows through the neuron."))
        } else if grad_a == 0.0 && delta == 0.0 {
            Some("Nothing arrived at this neuron, so nothing flows on.".to_owned())
        } else {
            is_handed_through.then_some(same)
        };
        Lines::new(
            format!("How does the loss change with {}?", Self::z(neuron).plain()),
            symbols,
            nothing(),
            self.grad(delta, through),
        )
        .note(Math::row([slope, equals(), self.grad(grad_a, arrived), Math::prose(" arrived at this neuron")]))
        .because(why)
    }

    /// ∂L/∂ of what entered, one product per neuron that it went into.
    pub(super) fn backprop(&self, input: usize, delta: f64) -> Lines {
        let (s, layer, neuron, from) = (self.sample, self.layer, self.neuron, self.from);
        let step = self.timeline.step();
        let deltas = &step.samples[s].layers[layer].delta;
        let at = |j: usize| Parameter { layer, neuron: j, input: Some(input) };
        let weight = |j: usize| step.before.values[step.shape.index(at(j))];
        let (mut symbols, mut numbers, mut shares) = (Vec::new(), Vec::new(), Vec::new());
        let first = if neuron < MOST_PATHS { 0 } else { neuron };
        let EventKind::Backprop { before, sum, .. } = self.event.kind else { unreachable!("asked for by its event") };
        if let Some(before) = before.filter(|_| first > 0) {
            let so_far = || self.grad(before, from.backprop(s, layer, neuron - 1, input));
            symbols.push(Math::prose("sum so far"));
            numbers.push(so_far());
            shares.push(so_far());
        }
        for (j, &behind) in deltas.iter().enumerate().take(neuron + 1).skip(first) {
            symbols.push(Math::row([self.w(j, input), dot(), delta_of(j)]));
            numbers.push(Math::row([
                enclosed(self.words.before(step, at(j))),
                dot(),
                enclosed(self.grad(behind, from.delta(s, layer, j))),
            ]));
            shares.push(self.grad(weight(j) * behind, from.backprop(s, layer, j, input)));
        }
        let several = shares.len() > 1;
        let mut line = vec![joined(numbers)];
        if several {
            line.extend([equals(), joined(shares.into_iter().enumerate().map(bracketed).collect())]);
        }
        let source = self.source(input).plain();
        Lines::new(
            format!("How does the loss change with {source}?"),
            Math::row([grad_of(self.source(input)), equals(), joined(symbols)]),
            Math::Row(line),
            self.grad(sum, None),
        )
        .because(
            (delta == 0.0).then(|| format!("{} is 0: nothing comes back along this weight.", delta_of(neuron).plain())),
        )
        .because(
            (weight(neuron) == 0.0)
                .then(|| format!("{} is 0: the neuron behind does not hear {source}.", self.w(neuron, input).plain())),
        )
        .because(several.then(|| {
            let fused = "each product is added in one operation, rounded once";
            format!("{source} acts through several neurons: one path each, and their shares add up; {fused}.")
        }))
    }
}

/// Terms with plus signs between them.
fn joined(terms: Vec<Math>) -> Math {
    let mut row = Vec::new();
    for (k, term) in terms.into_iter().enumerate() {
        if k > 0 {
            row.push(plus());
        }
        row.push(if k > 0 { leading(term) } else { term });
    }
    Math::Row(row)
}

/// A term after a plus sign: a minus sign that it begins with stands in brackets.
fn leading(term: Math) -> Math {
    match term {
        Math::Row(mut parts) if !parts.is_empty() => {
            let first = enclosed(parts.remove(0));
            Math::row([first].into_iter().chain(parts))
        }
        other => other,
    }
}

fn bracketed((nth, share): (usize, Math)) -> Math {
    if nth > 0 { enclosed(share) } else { share }
}
