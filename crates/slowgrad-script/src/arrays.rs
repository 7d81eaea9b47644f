//! Functions of whole arrays, built from the tape's operations so that each step of them can be watched.
//!
//! Sums run from the first element to the last, as everywhere in slowgrad. All operations of one call share
//! the call's place; the last one carries the name that the script gives to the result.

use crate::functions::number;
use crate::host::{Host, Number};
use crate::problem::{Outcome, Problem};
use rhai::{Array, Dynamic, Engine, NativeCallContext};
use slowgrad_tape::{Compare, Op};
use std::rc::Rc;

/// The names of these functions.
pub(crate) const NAMES: &[&str] = &[
    "sum",
    "mean",
    "prod",
    "max",
    "min",
    "dot",
    "norm",
    "argmax",
    "softmax",
    "log_sum_exp",
    "map",
    "filter",
    "reduce",
    "len",
];

/// One call of an array function.
struct Call<'c> {
    host: &'c Host,
    context: &'c NativeCallContext<'c>,
}

impl Call<'_> {
    fn numbers(&self, array: &Array) -> Outcome<Vec<Number>> {
        array.iter().map(|item| number(item, self.context.fn_name())).collect()
    }

    fn some(&self, array: &Array) -> Outcome<Vec<Number>> {
        if array.is_empty() {
            let message = format!("`{}` needs at least one element", self.context.fn_name());
            return Err(Problem::new("empty-array", message).into());
        }
        self.numbers(array)
    }

    fn inner(&self, op: Op, operands: &[Number]) -> Outcome<Number> {
        self.host.apply(self.context, op, operands, false)
    }

    fn last(&self, op: Op, operands: &[Number]) -> Outcome<Number> {
        self.host.apply(self.context, op, operands, true)
    }

    /// Combines the elements from the first to the last; none give `empty`.
    fn fold(&self, op: Op, numbers: &[Number], empty: f64, named: bool) -> Outcome<Number> {
        let Some((&first, rest)) = numbers.split_first() else { return Ok(Number::Plain(empty)) };
        let mut total = first;
        for (i, &x) in rest.iter().enumerate() {
            total = self.host.apply(self.context, op, &[total, x], named && i + 1 == rest.len())?;
        }
        Ok(total)
    }

    /// The largest element as a constant to the chain rule, and exp of the differences from it: the usual way
    /// to keep softmax from overflowing.
    fn shifted(&self, numbers: &[Number]) -> Outcome<(Number, Vec<Number>)> {
        let largest = self.fold(Op::Max, numbers, 0.0, false)?;
        let largest = self.inner(Op::StopGradient, &[largest])?;
        let powers = numbers.iter().map(|&x| {
            let difference = self.inner(Op::Sub, &[x, largest])?;
            self.inner(Op::Exp, &[difference])
        });
        Ok((largest, powers.collect::<Outcome<_>>()?))
    }

    fn sum(&self, array: &Array) -> Outcome<Number> {
        self.fold(Op::Add, &self.numbers(array)?, 0.0, true)
    }

    fn prod(&self, array: &Array) -> Outcome<Number> {
        self.fold(Op::Mul, &self.numbers(array)?, 1.0, true)
    }

    fn mean(&self, array: &Array) -> Outcome<Number> {
        let total = self.fold(Op::Add, &self.some(array)?, 0.0, false)?;
        self.last(Op::Div, &[total, Number::Plain(array.len() as f64)])
    }

    fn max(&self, array: &Array) -> Outcome<Number> {
        self.fold(Op::Max, &self.some(array)?, 0.0, true)
    }

    fn min(&self, array: &Array) -> Outcome<Number> {
        self.fold(Op::Min, &self.some(array)?, 0.0, true)
    }

    fn norm(&self, array: &Array) -> Outcome<Number> {
        let squares =
            self.numbers(array)?.into_iter().map(|x| self.inner(Op::Mul, &[x, x])).collect::<Outcome<Vec<_>>>()?;
        let total = self.fold(Op::Add, &squares, 0.0, false)?;
        self.last(Op::Sqrt, &[total])
    }

    fn dot(&self, a: &Array, b: &Array) -> Outcome<Number> {
        if a.len() != b.len() {
            let message =
                format!("`dot` needs two arrays of the same length, but they have {} and {}", a.len(), b.len());
            return Err(Problem::new("different-lengths", message).into());
        }
        let (a, b) = (self.numbers(a)?, self.numbers(b)?);
        let products = a.iter().zip(&b).map(|(&a, &b)| self.inner(Op::Mul, &[a, b])).collect::<Outcome<Vec<_>>>()?;
        self.fold(Op::Add, &products, 0.0, true)
    }

    fn argmax(&self, array: &Array) -> Outcome<i64> {
        let numbers = self.some(array)?;
        let mut best = 0;
        for i in 1..numbers.len() {
            if self.host.compare(self.context, Compare::Greater, numbers[i], numbers[best])? {
                best = i;
            }
        }
        Ok(best as i64)
    }

    fn softmax(&self, array: &Array) -> Outcome<Array> {
        let (_, powers) = self.shifted(&self.some(array)?)?;
        let total = self.fold(Op::Add, &powers, 0.0, false)?;
        powers.into_iter().map(|power| Ok(self.inner(Op::Div, &[power, total])?.into())).collect()
    }

    fn log_sum_exp(&self, array: &Array) -> Outcome<Number> {
        let (largest, powers) = self.shifted(&self.some(array)?)?;
        let total = self.fold(Op::Add, &powers, 0.0, false)?;
        let log = self.inner(Op::Ln, &[total])?;
        self.last(Op::Add, &[largest, log])
    }
}

pub(crate) fn register(engine: &mut Engine, host: &Rc<Host>) {
    type Reduction = fn(&Call<'_>, &Array) -> Outcome<Number>;
    let reductions: [(&str, Reduction); 7] = [
        ("sum", |call, array| call.sum(array)),
        ("prod", |call, array| call.prod(array)),
        ("mean", |call, array| call.mean(array)),
        ("max", |call, array| call.max(array)),
        ("min", |call, array| call.min(array)),
        ("norm", |call, array| call.norm(array)),
        ("log_sum_exp", |call, array| call.log_sum_exp(array)),
    ];
    for (name, reduction) in reductions {
        let host = Rc::clone(host);
        engine.register_fn(name, move |context: NativeCallContext, array: Array| -> Outcome<Dynamic> {
            Ok(reduction(&Call { host: &host, context: &context }, &array)?.into())
        });
    }
    let shared = Rc::clone(host);
    engine.register_fn("dot", move |context: NativeCallContext, a: Array, b: Array| -> Outcome<Dynamic> {
        Ok(Call { host: &shared, context: &context }.dot(&a, &b)?.into())
    });
    let shared = Rc::clone(host);
    engine.register_fn("argmax", move |context: NativeCallContext, array: Array| {
        Call { host: &shared, context: &context }.argmax(&array)
    });
    let shared = Rc::clone(host);
    engine.register_fn("softmax", move |context: NativeCallContext, array: Array| {
        Call { host: &shared, context: &context }.softmax(&array)
    });
}
