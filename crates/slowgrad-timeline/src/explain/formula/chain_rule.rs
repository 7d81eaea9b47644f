//! The chain rule in symbols and in numbers: one product for each path.
//!
//! It must not know which script it differentiates: paths, slopes and their rules come from the recorded trace.

use super::slope_reason::{rule_in_words, slope_reason};
use super::{FormulaContext, FormulaParts, dot, empty, equals, plus, text};
use crate::events::{CallOrigins, ChainTerm, NamedValue, name_of};
use crate::explain::expression::{self, Term};
use crate::explain::symbols::{self, enclosed, grad_of, pre_activation, ratio, slope_of, symbol};
use crate::scene::Math;
use slowgrad_engine::shape::Parameter;
use slowgrad_tape::Op;

/// Beyond this number of paths only the last is written out, after the sum of the others as one number.
const MAX_PATHS: usize = 4;

impl FormulaContext<'_> {
    /// A chain step: the sum of the contributions so far, one product for each path.
    #[allow(clippy::too_many_arguments, reason = "the fields of the event")]
    pub(super) fn chain(
        &self,
        op: Op,
        of: &NamedValue,
        operands: &[NamedValue],
        into: usize,
        (upstream, local): (f64, f64),
        before: Option<f64>,
        after: f64,
    ) -> FormulaParts {
        let Some((call, at)) = self.call().and_then(|call| {
            let at = call.chain_step_of(self.event.index)?;
            Some((call, at))
        }) else {
            return FormulaParts::new(String::new(), empty(), empty(), self.grad(after, None));
        };
        let name = symbol(&operands[into].name);
        let of_what = symbols::differentiated(self.event.address.phase);
        let target = call.trace.chain()[at].into;
        let paths: Vec<ChainTerm> =
            call.chain_terms().into_iter().take(at + 1).filter(|path| path.step.into == target).collect();
        let seeds = call.results(target.index());
        let (mut symbols, mut numbers, mut shares) = (Vec::new(), Vec::new(), Vec::new());
        let shown = if paths.len() + seeds.len() > MAX_PATHS { &paths[paths.len() - 1..] } else { &paths[..] };
        if shown.len() < paths.len() {
            let so_far = || self.grad(before.unwrap_or(0.0), call.gradient(target.index(), at));
            symbols.push(Math::prose("sum so far"));
            numbers.push(so_far());
            shares.push(so_far());
        } else {
            // The node may be a result of the call, whose gradient comes from the rest of the network.
            for &result in &seeds {
                let (value, event) = call.seed(result);
                symbols.push(Math::row([slope_of(of_what, name.clone()), Math::prose(" (incoming)")]));
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
        let several_paths = match paths.len() + seeds.len() {
            1 => None,
            count => {
                Some(format!("{} has {count} paths to the result so far; their contributions add up.", name.plain()))
            }
        };
        FormulaParts::new(
            format!("How does {asked} change with {}?", name.plain()),
            symbols,
            Math::Row(line),
            self.grad(after, None),
        )
        .note(rule)
        .because((upstream == 0.0).then(|| {
            let of = symbol(&of.name).plain();
            format!("The upstream gradient ∂{of_what}/∂{of} is 0, so the contribution is 0.")
        }))
        .because(slope_reason(op, of, operands, into, local))
        .because(several_paths)
    }

    /// A path in symbols and in numbers.
    fn path(&self, call: &CallOrigins<'_>, path: &ChainTerm, of_what: &str) -> (Math, Math) {
        let of = symbol(&name_of(call.trace, path.step.node));
        let by = symbol(&name_of(call.trace, path.step.into));
        let upstream = self.grad(path.upstream, call.gradient(path.step.node.index(), path.at));
        let local = self.value(path.local, call.value(path.step.node));
        let symbols = Math::row([slope_of(of_what, of.clone()), dot(), ratio(of, by)]);
        (symbols, Math::row([upstream, dot(), enclosed(local)]))
    }

    /// The rule of the local derivative in symbols and in numbers, and its value.
    fn rule(&self, call: &CallOrigins<'_>, path: &ChainTerm, op: Op, of: &NamedValue, operands: &[NamedValue]) -> Math {
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
                // A rule that is a number, such as 1, is not repeated.
                let [symbols_text, numbers_text] = [symbols.plain(), numbers.plain()];
                if symbols_text != local {
                    parts.extend([equals(), symbols]);
                }
                if numbers_text != symbols_text && numbers_text != local {
                    parts.extend([equals(), numbers]);
                }
            }
            _ => parts.extend([equals(), Math::prose(rule_in_words(op, into, operands))]),
        }
        parts.extend([equals(), text(local)]);
        Math::Row(parts)
    }

    /// δ: ∂L/∂a through the slope of the activation.
    pub(super) fn delta(&self, neuron: usize, grad_a: f64, delta: f64) -> FormulaParts {
        let (s, layer) = (self.sample, self.layer);
        let through = self.from.slope_of_z(s, layer, neuron);
        let arrived = self.from.grad_a(s, layer, neuron);
        let slope = grad_of(self.a(neuron));
        let whole = self.timeline.step().names.whole_layer[layer];
        let activation = &self.timeline.step().names.activations[layer];
        // Without a chain step, either the activation returns z itself or its result does not depend on z.
        let identity = through.is_some() && through == arrived;
        let symbols = if whole {
            Math::row([symbols::delta(neuron), equals(), grad_of(pre_activation(neuron))])
        } else {
            Math::row([
                symbols::delta(neuron),
                equals(),
                grad_of(pre_activation(neuron)),
                equals(),
                slope.clone(),
                dot(),
                ratio(self.a(neuron), pre_activation(neuron)),
            ])
        };
        let blocked = delta == 0.0 && grad_a != 0.0;
        let same = "The activation returns z itself: its slope is 1, so δ = ∂L/∂a.".to_owned();
        let why = if blocked && !whole {
            Some(format!("The slope of {activation} is 0 at this z, so no gradient passes this neuron."))
        } else if grad_a == 0.0 && delta == 0.0 {
            Some("∂L/∂a is 0, so δ is 0.".to_owned())
        } else {
            identity.then_some(same)
        };
        FormulaParts::new(
            format!("How does the loss change with {}?", pre_activation(neuron).plain()),
            symbols,
            empty(),
            self.grad(delta, through),
        )
        .note(Math::row([
            slope,
            equals(),
            self.grad(grad_a, arrived),
            Math::prose(" is the gradient at this neuron's output"),
        ]))
        .because(why)
    }

    /// ∂L/∂a of an input of the layer: one product for each neuron that it feeds.
    pub(super) fn backprop(&self, input: usize, delta: f64, before: Option<f64>, sum: f64) -> FormulaParts {
        let (s, layer, neuron, from) = (self.sample, self.layer, self.neuron, self.from);
        let step = self.timeline.step();
        let deltas = &step.samples[s].layers[layer].delta;
        let at = |j: usize| Parameter { layer, neuron: j, input: Some(input) };
        let weight = |j: usize| step.before.values[step.shape.index(at(j))];
        let (mut symbols, mut numbers, mut shares) = (Vec::new(), Vec::new(), Vec::new());
        let first = if neuron < MAX_PATHS { 0 } else { neuron };
        if let Some(before) = before.filter(|_| first > 0) {
            let so_far = || self.grad(before, from.backprop(s, layer, neuron - 1, input));
            symbols.push(Math::prose("sum so far"));
            numbers.push(so_far());
            shares.push(so_far());
        }
        for (j, &behind) in deltas.iter().enumerate().take(neuron + 1).skip(first) {
            symbols.push(Math::row([self.w(j, input), dot(), symbols::delta(j)]));
            numbers.push(Math::row([
                enclosed(self.explainer.before(step, at(j))),
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
        let source = self.input(input).plain();
        FormulaParts::new(
            format!("How does the loss change with {source}?"),
            Math::row([grad_of(self.input(input)), equals(), joined(symbols)]),
            Math::Row(line),
            self.grad(sum, None),
        )
        .because(
            (delta == 0.0)
                .then(|| format!("{} is 0, so this weight passes no gradient back.", symbols::delta(neuron).plain())),
        )
        .because(
            (weight(neuron) == 0.0)
                .then(|| format!("{} is 0, so {source} has no effect on this neuron.", self.w(neuron, input).plain())),
        )
        .because(several.then(|| {
            let fused = "each product is added in one operation (fused multiply-add), rounded once";
            format!("{source} feeds several neurons, one path each; their contributions add up, and {fused}.")
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

/// A term after a plus sign: its first factor is in brackets if it has a minus sign.
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
