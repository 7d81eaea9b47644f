//! Formulas composed from operations, with brackets exactly where the order of the operations needs them.
//!
//! It must not know events or networks: callers pass operands as finished formulas.

use crate::scene::Math;
use slowgrad_tape::{Notation, Op, Trace, ValueId};

/// An expression with more operations than this is shortened: inner values are written as their names.
const MAX_OPERATIONS: usize = 9;

/// The precedence of a formula's outermost operator, from a sum to a single symbol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Binding {
    Sum,
    Product,
    /// A quotient with a bar. The bar groups its operands, but a power of it still needs brackets.
    Fraction,
    /// A leading sign.
    Sign,
    Power,
    Whole,
}

/// A formula that can become part of a larger one.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Term {
    math: Math,
    binding: Binding,
}

impl Term {
    /// A symbol or a number.
    pub(crate) fn leaf(math: Math) -> Self {
        let binding = if math.plain().starts_with('−') { Binding::Sign } else { Binding::Whole };
        Self { math, binding }
    }

    /// A formula that needs no brackets.
    pub(crate) fn whole(math: Math) -> Self {
        Self { math, binding: Binding::Whole }
    }

    pub(crate) fn math(self) -> Math {
        self.math
    }

    /// In brackets if its precedence is below this.
    fn at_least(self, binding: Binding) -> Math {
        if self.binding < binding { Math::fenced(self.math) } else { self.math }
    }

    /// As the operand after an operator: a leading sign also needs brackets.
    fn following(self, binding: Binding) -> Math {
        let leading_sign = self.math.plain().starts_with('−');
        if leading_sign { Math::fenced(self.math) } else { self.at_least(binding) }
    }

    fn sum(self, sign: &str, other: Term) -> Self {
        // A sum on the right keeps its brackets: a − (b + c) is another value, and a + (b + c) rounds in another order.
        let math = Math::row([self.at_least(Binding::Sum), spaced(sign), other.following(Binding::Product)]);
        Self { math, binding: Binding::Sum }
    }

    fn product(self, sign: &str, other: Term) -> Self {
        let math = Math::row([self.at_least(Binding::Product), spaced(sign), other.following(Binding::Fraction)]);
        Self { math, binding: Binding::Product }
    }

    fn over(self, other: Term) -> Self {
        Self { math: Math::fraction(self.math, other.math), binding: Binding::Fraction }
    }

    fn power(self, exponent: Term) -> Self {
        let base = Box::new(self.at_least(Binding::Whole));
        Self { math: Math::Sup(base, Box::new(exponent.math)), binding: Binding::Power }
    }

    fn signed(self, sign: &str) -> Self {
        Self { math: Math::row([Math::text(sign), self.following(Binding::Product)]), binding: Binding::Sign }
    }

    /// With a leading minus sign.
    pub(crate) fn negated(self) -> Self {
        self.signed("−")
    }

    fn root(self) -> Self {
        Self { math: Math::Root(Box::new(self.math)), binding: Binding::Whole }
    }

    fn call(name: &str, operands: Vec<Term>) -> Self {
        let mut inside = Vec::new();
        for (k, operand) in operands.into_iter().enumerate() {
            if k > 0 {
                inside.push(Math::text(", "));
            }
            inside.push(operand.math);
        }
        Self { math: Math::row([Math::text(name), Math::fenced(Math::Row(inside))]), binding: Binding::Whole }
    }
}

fn spaced(sign: &str) -> Math {
    Math::text(format!(" {sign} "))
}

/// An operation written with these operands.
pub(crate) fn compose(op: Op, operands: Vec<Term>) -> Term {
    let mut rest = operands.into_iter();
    let mut next = || rest.next().unwrap_or_else(|| Term::leaf(Math::text("?")));
    match op.notation() {
        Notation::Leaf => next(),
        Notation::Infix(sign, 1) => next().sum(sign, next()),
        Notation::Infix(sign, _) => next().product(sign, next()),
        Notation::Fraction => next().over(next()),
        Notation::Power => next().power(next()),
        Notation::Prefix(sign) => next().signed(sign),
        Notation::Bars => {
            let math = Math::row([Math::text("|"), next().math, Math::text("|")]);
            Term { math, binding: Binding::Whole }
        }
        Notation::Call(_) if op == Op::Sqrt => next().root(),
        Notation::Call(name) => Term::call(name, rest.collect()),
    }
}

/// A derivative rule from the table of operations (`b · a^(b − 1)`) as a formula, with terms in place of its letters.
/// `None` for a rule in words (`1 if a > b, else 0`).
pub(crate) fn rule(text: &str, letter: &dyn Fn(char) -> Option<Term>) -> Option<Term> {
    if text.contains(" if ") {
        return None;
    }
    let letters: Vec<char> = text.chars().filter(|c| *c != ' ').collect();
    let mut parser = RuleParser { letters: &letters, at: 0, letter };
    let term = parser.sum()?;
    (parser.at == letters.len()).then_some(term)
}

/// A recursive descent parser for derivative rules.
struct RuleParser<'a> {
    letters: &'a [char],
    at: usize,
    letter: &'a dyn Fn(char) -> Option<Term>,
}

impl RuleParser<'_> {
    fn peek(&self) -> Option<char> {
        self.letters.get(self.at).copied()
    }

    fn eat(&mut self, c: char) -> bool {
        let found = self.peek() == Some(c);
        self.at += usize::from(found);
        found
    }

    fn sum(&mut self) -> Option<Term> {
        let mut term = self.product()?;
        loop {
            if self.eat('+') {
                term = term.sum("+", self.product()?);
            } else if self.eat('−') {
                term = term.sum("−", self.product()?);
            } else {
                return Some(term);
            }
        }
    }

    fn product(&mut self) -> Option<Term> {
        let mut term = self.signed()?;
        loop {
            if self.eat('·') {
                term = term.product("·", self.signed()?);
            } else if self.eat('/') {
                term = term.over(self.signed()?);
            } else {
                return Some(term);
            }
        }
    }

    fn signed(&mut self) -> Option<Term> {
        if self.eat('−') { Some(self.signed()?.negated()) } else { self.power() }
    }

    fn power(&mut self) -> Option<Term> {
        let base = self.atom()?;
        if self.eat('²') {
            return Some(base.power(Term::leaf(Math::text("2"))));
        }
        if self.eat('^') { Some(base.power(self.atom()?)) } else { Some(base) }
    }

    fn atom(&mut self) -> Option<Term> {
        if self.eat('(') {
            let inside = self.sum()?;
            return self.eat(')').then_some(inside);
        }
        if self.eat('√') {
            return Some(self.atom()?.root());
        }
        let start = self.at;
        let digits = self.peek()?.is_ascii_digit();
        while self.peek().is_some_and(|c| c.is_alphanumeric() && c != '²' && c.is_ascii_digit() == digits) {
            self.at += 1;
        }
        let word: String = self.letters[start..self.at].iter().collect();
        let mut single = word.chars();
        match (single.next(), single.next()) {
            (Some(c), None) if !digits && c.is_ascii() => (self.letter)(c),
            (Some(_), _) if self.peek() == Some('(') => Some(Term::call(&word, vec![self.atom()?])),
            // A function of a number: ln 10.
            (Some(_), Some(_)) if !digits => {
                let of = self.atom()?;
                Some(Term { math: Math::row([Math::text(format!("{word} ")), of.math]), binding: Binding::Whole })
            }
            (Some(_), _) => Some(Term::leaf(Math::text(word))),
            (None, _) => None,
        }
    }
}

/// The operations of a trace that an expression writes out. Its other operands are written as their names.
pub(crate) struct InlineNodes {
    nodes: Vec<ValueId>,
}

impl InlineNodes {
    /// The result's operation, and from there operations that have no variable and are used once, up to a limit.
    pub(crate) fn of(trace: &Trace, result: ValueId) -> Self {
        let mut uses = vec![0_usize; trace.nodes().len()];
        for node in trace.nodes() {
            for id in &node.operands[..node.op.arity()] {
                uses[id.index()] += 1;
            }
        }
        let mut nodes = vec![result];
        let mut next = 0;
        while next < nodes.len() && nodes.len() < MAX_OPERATIONS {
            let node = trace.node(nodes[next]);
            for &id in &node.operands[..node.op.arity()] {
                let inlined = trace.node(id).op.arity() > 0 && trace.variable(id).is_none() && uses[id.index()] == 1;
                if inlined && !nodes.contains(&id) {
                    nodes.push(id);
                }
            }
            next += 1;
        }
        Self { nodes }
    }

    /// The operations that are written out.
    pub(crate) fn nodes(&self) -> &[ValueId] {
        &self.nodes
    }

    /// The expression of a node, with `leaf` for the values that are not written out.
    pub(crate) fn write(&self, trace: &Trace, id: ValueId, leaf: &dyn Fn(ValueId) -> Term) -> Term {
        if !self.nodes.contains(&id) {
            return leaf(id);
        }
        let node = trace.node(id);
        let operands = node.operands[..node.op.arity()].iter();
        compose(node.op, operands.map(|&operand| self.write(trace, operand, leaf)).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leaf(name: &str) -> Term {
        Term::leaf(Math::variable(name))
    }

    #[test]
    fn brackets_are_written_where_the_order_needs_them() {
        let sum = || leaf("a").sum("+", leaf("b"));
        assert_eq!(leaf("c").product("·", sum()).math().plain(), "c · (a + b)");
        assert_eq!(sum().sum("−", leaf("c")).math().plain(), "a + b − c");
        assert_eq!(leaf("c").sum("−", sum()).math().plain(), "c − (a + b)");
        assert_eq!(sum().over(leaf("c")).math().plain(), "(a + b)/c");
        assert_eq!(sum().power(leaf("c")).math().plain(), "(a + b)^c");
        assert_eq!(sum().negated().math().plain(), "−(a + b)");
        assert_eq!(leaf("a").sum("−", leaf("−2")).math().plain(), "a − (−2)");
        assert_eq!(leaf("c").product("·", leaf("a").product("·", leaf("b"))).math().plain(), "c · (a · b)");
    }

    #[test]
    fn every_derivative_rule_is_parsed() {
        for &op in Op::ALL {
            for operand in 0..op.arity() {
                let text = op.derivative_text(operand);
                let set = rule(text, &|c| "abcy".contains(c).then(|| leaf(&c.to_string())));
                if text.contains(" if ") {
                    assert!(set.is_none(), "{text}");
                } else {
                    let set = set.unwrap_or_else(|| panic!("{text} is not parsed")).math().plain();
                    let bare = |text: &str| text.replace([' ', '(', ')'], "").replace('²', "^2");
                    assert_eq!(bare(&set), bare(text), "{text}");
                }
            }
        }
    }
}
