//! Functions of whole arrays, composed of tape operations so that each step can be watched.
//!
//! Sums run from the first element to the last, as everywhere in slowgrad. All operations of a call have the location
//! of the call. The last one carries the name of the variable that receives the result.

use crate::bindings::numbers::number;
use crate::diagnostics::problem::{NativeResult, Problem};
use crate::diagnostics::value_kind::kind;
use crate::runtime::host::{Host, ScriptNumber};
use rhai::{Array, Dynamic, Engine, EvalAltResult, FnPtr, ImmutableString, NativeCallContext, Position};
use slowgrad_tape::{Compare, Op};
use std::rc::Rc;

/// One call of an array function.
struct ArrayCall<'c> {
    host: &'c Host,
    context: &'c NativeCallContext<'c>,
}

impl ArrayCall<'_> {
    fn numbers(&self, array: &Array) -> NativeResult<Vec<ScriptNumber>> {
        let count = |item| {
            self.host.count_element()?;
            number(item, self.context.fn_name())
        };
        array.iter().map(count).collect()
    }

    fn some(&self, array: &Array) -> NativeResult<Vec<ScriptNumber>> {
        if array.is_empty() {
            let message = format!("`{}` needs at least one element", self.context.fn_name());
            return Err(Problem::new("empty-array", message).into());
        }
        self.numbers(array)
    }

    fn inner(&self, op: Op, operands: &[ScriptNumber]) -> NativeResult<ScriptNumber> {
        self.host.apply(self.context, op, operands, false)
    }

    fn last(&self, op: Op, operands: &[ScriptNumber]) -> NativeResult<ScriptNumber> {
        self.host.apply(self.context, op, operands, true)
    }

    /// Folds the elements from first to last. An empty array gives `empty`.
    fn fold(&self, op: Op, numbers: &[ScriptNumber], empty: f64, named: bool) -> NativeResult<ScriptNumber> {
        let Some((&first, rest)) = numbers.split_first() else { return Ok(ScriptNumber::Plain(empty)) };
        let mut total = first;
        for (i, &x) in rest.iter().enumerate() {
            total = self.host.apply(self.context, op, &[total, x], named && i + 1 == rest.len())?;
        }
        Ok(total)
    }

    /// The maximum, excluded from the gradient. Subtracting it from each number keeps the exponentials from overflowing
    /// (Goodfellow et al., Deep Learning, section 4.1).
    fn largest(&self, numbers: &[ScriptNumber]) -> NativeResult<ScriptNumber> {
        let largest = self.fold(Op::Max, numbers, 0.0, false)?;
        self.inner(Op::StopGradient, &[largest])
    }

    /// The exponentials of the differences from `largest`.
    fn powers(&self, numbers: &[ScriptNumber], largest: ScriptNumber) -> NativeResult<Vec<ScriptNumber>> {
        let power = |&x: &ScriptNumber| {
            let difference = self.inner(Op::Sub, &[x, largest])?;
            self.inner(Op::Exp, &[difference])
        };
        numbers.iter().map(power).collect()
    }

    fn sum(&self, array: &Array) -> NativeResult<ScriptNumber> {
        self.fold(Op::Add, &self.numbers(array)?, 0.0, true)
    }

    fn prod(&self, array: &Array) -> NativeResult<ScriptNumber> {
        self.fold(Op::Mul, &self.numbers(array)?, 1.0, true)
    }

    fn mean(&self, array: &Array) -> NativeResult<ScriptNumber> {
        let total = self.fold(Op::Add, &self.some(array)?, 0.0, false)?;
        self.last(Op::Div, &[total, ScriptNumber::Plain(array.len() as f64)])
    }

    fn max(&self, array: &Array) -> NativeResult<ScriptNumber> {
        self.fold(Op::Max, &self.some(array)?, 0.0, true)
    }

    fn min(&self, array: &Array) -> NativeResult<ScriptNumber> {
        self.fold(Op::Min, &self.some(array)?, 0.0, true)
    }

    fn norm(&self, array: &Array) -> NativeResult<ScriptNumber> {
        let squares =
            self.numbers(array)?.into_iter().map(|x| self.inner(Op::Mul, &[x, x])).collect::<NativeResult<Vec<_>>>()?;
        let total = self.fold(Op::Add, &squares, 0.0, false)?;
        // At 0 the slope of the root is infinite and that of the squares is 0. PyTorch defines the gradient as 0.
        if self.host.compare(self.context, Compare::Equal, total, ScriptNumber::Plain(0.0))? {
            return Ok(total);
        }
        self.last(Op::Sqrt, &[total])
    }

    fn dot(&self, a: &Array, b: &Array) -> NativeResult<ScriptNumber> {
        if a.len() != b.len() {
            let message =
                format!("`dot` needs two arrays of the same length, but they have {} and {}", a.len(), b.len());
            return Err(Problem::new("different-lengths", message).into());
        }
        let (a, b) = (self.numbers(a)?, self.numbers(b)?);
        let products =
            a.iter().zip(&b).map(|(&a, &b)| self.inner(Op::Mul, &[a, b])).collect::<NativeResult<Vec<_>>>()?;
        self.fold(Op::Add, &products, 0.0, true)
    }

    fn argmax(&self, array: &Array) -> NativeResult<i64> {
        let numbers = self.some(array)?;
        let mut best = 0;
        for i in 1..numbers.len() {
            if self.host.compare(self.context, Compare::Greater, numbers[i], numbers[best])? {
                best = i;
            }
        }
        Ok(best as i64)
    }

    fn softmax(&self, array: &Array) -> NativeResult<Array> {
        let numbers = self.some(array)?;
        let powers = self.powers(&numbers, self.largest(&numbers)?)?;
        let total = self.fold(Op::Add, &powers, 0.0, false)?;
        powers.into_iter().map(|power| Ok(self.inner(Op::Div, &[power, total])?.into())).collect()
    }

    fn log_sum_exp(&self, array: &Array) -> NativeResult<ScriptNumber> {
        let numbers = self.some(array)?;
        let mut largest = self.largest(&numbers)?;
        // The difference of two infinities is not a number. The logarithm of an infinite or empty sum needs no shift.
        let below = |bound: f64| self.host.compare(self.context, Compare::Less, largest, ScriptNumber::Plain(bound));
        if !below(f64::INFINITY)? || below(f64::MIN)? {
            largest = ScriptNumber::Plain(0.0);
        }
        let powers = self.powers(&numbers, largest)?;
        let total = self.fold(Op::Add, &powers, 0.0, false)?;
        let log = self.inner(Op::Ln, &[total])?;
        self.last(Op::Add, &[largest, log])
    }
}

/// Like Rhai's `map`, but checks the size limit after each element instead of at the end.
fn map(context: &NativeCallContext, array: &mut Array, function: &FnPtr) -> NativeResult<Array> {
    let max = context.engine().max_array_size();
    let mut elements = 0;
    let mut mapped = Array::with_capacity(array.len());
    for (i, item) in array.iter_mut().enumerate() {
        let index = [Dynamic::from_int(i as i64)];
        let value = function.call_raw_with_extra_args("map", context, Some(item), [], index, Some(0))?;
        elements += 1 + value.as_array_ref().map_or(0, |inner| inner.len());
        if max > 0 && elements > max {
            return Err(EvalAltResult::ErrorDataTooLarge("Size of array".to_owned(), Position::NONE).into());
        }
        mapped.push(value);
    }
    Ok(mapped)
}

/// Removes elements equal to their predecessor. Rhai's own version cannot be interrupted.
fn dedup(host: &Host, context: &NativeCallContext, array: &mut Array) -> NativeResult<()> {
    let mut retained = Array::with_capacity(array.len());
    for item in std::mem::take(array) {
        host.count_element()?;
        let same = match retained.last_mut() {
            Some(last) => {
                context.call_native_fn_raw("==", true, &mut [last, &mut item.clone()])?.as_bool().unwrap_or(false)
            }
            None => false,
        };
        if !same {
            retained.push(item);
        }
    }
    *array = retained;
    Ok(())
}

/// Merge sort. It terminates for any comparison function and is stable.
fn sort(array: &mut Array, less: &mut impl FnMut(&Dynamic, &Dynamic) -> NativeResult<bool>) -> NativeResult<()> {
    let mut width = 1;
    while width < array.len() {
        let mut merged = Array::with_capacity(array.len());
        for start in (0..array.len()).step_by(2 * width) {
            let (middle, end) = ((start + width).min(array.len()), (start + 2 * width).min(array.len()));
            let (mut left, mut right) = (start, middle);
            while left < middle && right < end {
                let at = if less(&array[right], &array[left])? { &mut right } else { &mut left };
                merged.push(array[*at].clone());
                *at += 1;
            }
            merged.extend_from_slice(&array[left..middle]);
            merged.extend_from_slice(&array[right..end]);
        }
        *array = merged;
        width *= 2;
    }
    Ok(())
}

impl ArrayCall<'_> {
    /// Sorts numbers or strings. Comparisons of traced numbers become guards.
    fn sort(&self, array: &mut Array, descending: bool) -> NativeResult<()> {
        let (host, context) = (self.host, self.context);
        let mut less = |a: &Dynamic, b: &Dynamic| {
            host.count_element()?;
            let (a, b) = if descending { (b, a) } else { (a, b) };
            let texts = |value: &Dynamic| value.clone().try_cast::<ImmutableString>();
            if let (Some(a), Some(b)) = (texts(a), texts(b)) {
                return Ok(a < b);
            }
            if let (Ok(a), Ok(b)) = (a.as_int(), b.as_int()) {
                return Ok(a < b);
            }
            if let (Ok(a), Ok(b)) = (a.as_char(), b.as_char()) {
                return Ok(a < b);
            }
            host.compare(context, Compare::Less, number(a, context.fn_name())?, number(b, context.fn_name())?)
        };
        sort(array, &mut less)
    }

    /// Sorts by a script function that returns a negative number, or `true`, if its first argument comes first.
    fn sort_by(&self, array: &mut Array, comparer: &FnPtr) -> NativeResult<()> {
        let (host, context) = (self.host, self.context);
        let mut less = |a: &Dynamic, b: &Dynamic| -> NativeResult<bool> {
            let answer = comparer.call_raw(context, None, [a.clone(), b.clone()])?;
            if let Ok(first) = answer.as_bool() {
                return Ok(first);
            }
            let Some(answer) = ScriptNumber::of(&answer) else {
                let message =
                    format!("the comparison function of `sort` must return a number, but this is {}", kind(&answer));
                return Err(Problem::new("wrong-type", message).help("write `|a, b| a - b` or `|a, b| a < b`").into());
            };
            host.compare(context, Compare::Less, answer, ScriptNumber::Plain(0.0))
        };
        sort(array, &mut less)
    }
}

/// Registers sorting in place and by copy. Rhai's own functions do not order traced numbers.
fn sorting(engine: &mut Engine, host: &Rc<Host>) {
    for (name, descending) in [("sort", false), ("sort_desc", true)] {
        let host = Rc::clone(host);
        engine.register_fn(name, move |context: NativeCallContext, array: &mut Array| -> NativeResult<()> {
            ArrayCall { host: &host, context: &context }.sort(array, descending)
        });
    }
    for (name, descending) in [("order", false), ("order_desc", true)] {
        let host = Rc::clone(host);
        engine.register_fn(name, move |context: NativeCallContext, mut array: Array| -> NativeResult<Array> {
            ArrayCall { host: &host, context: &context }.sort(&mut array, descending)?;
            Ok(array)
        });
    }
    for name in ["sort", "sort_by"] {
        let host = Rc::clone(host);
        engine.register_fn(
            name,
            move |context: NativeCallContext, array: &mut Array, comparer: FnPtr| -> NativeResult<()> {
                ArrayCall { host: &host, context: &context }.sort_by(array, &comparer)
            },
        );
    }
    for name in ["order", "order_by"] {
        let host = Rc::clone(host);
        engine.register_fn(
            name,
            move |context: NativeCallContext, mut array: Array, comparer: FnPtr| -> NativeResult<Array> {
                ArrayCall { host: &host, context: &context }.sort_by(&mut array, &comparer)?;
                Ok(array)
            },
        );
    }
}

pub(crate) fn register(engine: &mut Engine, host: &Rc<Host>) {
    type Reduction = fn(&ArrayCall<'_>, &Array) -> NativeResult<ScriptNumber>;
    engine.register_fn("map", |context: NativeCallContext, array: &mut Array, function: FnPtr| {
        map(&context, array, &function)
    });
    let shared = Rc::clone(host);
    engine.register_fn("dedup", move |context: NativeCallContext, array: &mut Array| dedup(&shared, &context, array));
    sorting(engine, host);
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
        engine.register_fn(name, move |context: NativeCallContext, array: Array| -> NativeResult<Dynamic> {
            Ok(reduction(&ArrayCall { host: &host, context: &context }, &array)?.into())
        });
    }
    let shared = Rc::clone(host);
    engine.register_fn("dot", move |context: NativeCallContext, a: Array, b: Array| -> NativeResult<Dynamic> {
        Ok(ArrayCall { host: &shared, context: &context }.dot(&a, &b)?.into())
    });
    let shared = Rc::clone(host);
    engine.register_fn("argmax", move |context: NativeCallContext, array: Array| {
        ArrayCall { host: &shared, context: &context }.argmax(&array)
    });
    let shared = Rc::clone(host);
    engine.register_fn("softmax", move |context: NativeCallContext, array: Array| {
        ArrayCall { host: &shared, context: &context }.softmax(&array)
    });
}
