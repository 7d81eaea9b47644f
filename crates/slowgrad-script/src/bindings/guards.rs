//! The guards: functions that stop a script where Rhai would continue with a wrong result.
//!
//! The first four are called by code that [`crate::text`] inserts into scripts. The others replace methods of Rhai
//! that treat any result of a callback other than `true` as `false`, even an error.

use crate::diagnostics::problem::{NativeResult, Problem};
use crate::diagnostics::value_kind::kind;
use crate::runtime::host::{Host, Scalar};
use crate::text::{CLOSURE_GUARD, COPY_GUARD, CURRY_GUARD, SWITCH_GUARD};
use rhai::{Array, Dynamic, Engine, EvalAltResult, FnPtr, Map, NativeCallContext};
use std::rc::Rc;

pub(crate) fn register(engine: &mut Engine, host: &Rc<Host>) {
    engine.register_fn(SWITCH_GUARD, |value: Dynamic| -> NativeResult<Dynamic> {
        if holds_scalar(&value) {
            let problem =
                Problem::new("switch-on-scalar", "`switch` cannot compare a scalar: no case would ever match");
            return Err(problem.help("use `if` with comparisons, which the trace records").into());
        }
        Ok(value)
    });
    let shared = Rc::clone(host);
    engine.register_fn(CLOSURE_GUARD, move |function: FnPtr| -> NativeResult<FnPtr> {
        shared.check_captured(&function)?;
        Ok(function)
    });
    let shared = Rc::clone(host);
    engine.register_fn(CURRY_GUARD, move |function: FnPtr| -> NativeResult<FnPtr> {
        shared.check_curried(&function)?;
        Ok(function)
    });
    engine.register_fn(COPY_GUARD, |value: Dynamic| value.flatten());
    predicates(engine);
    removals(engine);
    dedup_methods(engine, host);
    maps(engine);
    reductions(engine);
}

/// Whether a value contains a traced number. Rhai limits the nesting depth of values.
fn holds_scalar(value: &Dynamic) -> bool {
    if let Ok(array) = value.as_array_ref() {
        return array.iter().any(holds_scalar);
    }
    if let Ok(map) = value.as_map_ref() {
        return map.values().any(holds_scalar);
    }
    value.is::<Scalar>()
}

/// The boolean result of a callback.
fn callback_answer(method: &str, value: &Dynamic) -> NativeResult<bool> {
    value.as_bool().map_err(|_| {
        let message =
            format!("the function given to `{method}` must return true or false, but this is {}", kind(value));
        let problem = Problem::new("wrong-answer", message);
        problem.help(format!("write a comparison, such as `{method}(|x| x > 0.0)`")).into()
    })
}

/// Calls a predicate for one element of an array. The predicate may also take the index.
fn call_predicate(
    context: &NativeCallContext,
    method: &str,
    predicate: &FnPtr,
    item: &mut Dynamic,
    index: usize,
) -> NativeResult<bool> {
    let index = Dynamic::from_int(index as i64);
    callback_answer(method, &predicate.call_raw_with_extra_args(method, context, Some(item), [], [index], Some(0))?)
}

/// The start index in an array of this length. Negative numbers count from the end.
fn start_index(start: i64, length: usize) -> usize {
    let size = usize::try_from(start.unsigned_abs()).unwrap_or(usize::MAX);
    if start < 0 { length.saturating_sub(size) } else { size.min(length) }
}

/// The index of the first element from `start` on for which the predicate returns `wanted`.
fn first(
    context: &NativeCallContext,
    method: &str,
    array: &mut Array,
    predicate: &FnPtr,
    start: i64,
    expected: bool,
) -> NativeResult<Option<usize>> {
    let start = start_index(start, array.len());
    for (i, item) in array.iter_mut().enumerate().skip(start) {
        if call_predicate(context, method, predicate, item, i)? == expected {
            return Ok(Some(i));
        }
    }
    Ok(None)
}

/// Methods that do not change the array.
fn predicates(engine: &mut Engine) {
    fn index_of(context: &NativeCallContext, array: &mut Array, predicate: &FnPtr, start: i64) -> NativeResult<i64> {
        Ok(first(context, "index_of", array, predicate, start, true)?.map_or(-1, |i| i as i64))
    }
    fn find(context: &NativeCallContext, array: &mut Array, predicate: &FnPtr, start: i64) -> NativeResult<Dynamic> {
        Ok(first(context, "find", array, predicate, start, true)?.map_or(Dynamic::UNIT, |i| array[i].clone()))
    }
    engine.register_fn(
        "filter",
        |context: NativeCallContext, array: &mut Array, predicate: FnPtr| -> NativeResult<Array> {
            let mut retained = Array::new();
            for (i, item) in array.iter_mut().enumerate() {
                if call_predicate(&context, "filter", &predicate, item, i)? {
                    retained.push(item.clone());
                }
            }
            Ok(retained)
        },
    );
    engine.register_fn(
        "some",
        |context: NativeCallContext, array: &mut Array, predicate: FnPtr| -> NativeResult<bool> {
            Ok(first(&context, "some", array, &predicate, 0, true)?.is_some())
        },
    );
    engine.register_fn(
        "all",
        |context: NativeCallContext, array: &mut Array, predicate: FnPtr| -> NativeResult<bool> {
            Ok(first(&context, "all", array, &predicate, 0, false)?.is_none())
        },
    );
    engine.register_fn("index_of", |context: NativeCallContext, array: &mut Array, predicate: FnPtr| {
        index_of(&context, array, &predicate, 0)
    });
    engine.register_fn("index_of", |context: NativeCallContext, array: &mut Array, predicate: FnPtr, start: i64| {
        index_of(&context, array, &predicate, start)
    });
    engine.register_fn("find", |context: NativeCallContext, array: &mut Array, predicate: FnPtr| {
        find(&context, array, &predicate, 0)
    });
    engine.register_fn("find", |context: NativeCallContext, array: &mut Array, predicate: FnPtr, start: i64| {
        find(&context, array, &predicate, start)
    });
}

/// `retain` and `drain`: each returns the removed elements.
fn removals(engine: &mut Engine) {
    for (method, keeps) in [("retain", true), ("drain", false)] {
        engine.register_fn(
            method,
            move |context: NativeCallContext, array: &mut Array, predicate: FnPtr| -> NativeResult<Array> {
                let mut retained = Array::with_capacity(array.len());
                let mut removed = Array::new();
                for (i, item) in array.iter_mut().enumerate() {
                    let retain = call_predicate(&context, method, &predicate, item, i)? == keeps;
                    if retain { &mut retained } else { &mut removed }.push(item.clone());
                }
                *array = retained;
                Ok(removed)
            },
        );
    }
}

/// `dedup`: of equal neighbours only the first stays.
fn dedup_methods(engine: &mut Engine, host: &Rc<Host>) {
    fn dedup(array: &mut Array, mut same: impl FnMut(Dynamic, Dynamic) -> NativeResult<bool>) -> NativeResult<()> {
        let mut retained: Array = Array::with_capacity(array.len());
        for item in array.iter() {
            let repeated = retained.last().map_or(Ok(false), |last| same(last.clone(), item.clone()))?;
            if !repeated {
                retained.push(item.clone());
            }
        }
        *array = retained;
        Ok(())
    }
    engine.register_fn("dedup", |context: NativeCallContext, array: &mut Array, same: FnPtr| {
        dedup(array, |a, b| callback_answer("dedup", &same.call_raw(&context, None, [a, b])?))
    });
    let host = Rc::clone(host);
    engine.register_fn("dedup", move |context: NativeCallContext, array: &mut Array| {
        dedup(array, |mut a, mut b| {
            host.count_element()?;
            let equal = context.call_native_fn_raw("==", true, &mut [&mut a, &mut b]);
            Ok(equal.is_ok_and(|equal| equal.as_bool().unwrap_or(false)))
        })
    });
}

/// The same methods for maps. The predicate takes the key, and the value as `this`.
fn maps(engine: &mut Engine) {
    for (method, keeps, changes) in [("filter", true, false), ("retain", true, true), ("drain", false, true)] {
        engine.register_fn(
            method,
            move |context: NativeCallContext, map: &mut Map, predicate: FnPtr| -> NativeResult<Map> {
                let (mut retained, mut removed) = (Map::new(), Map::new());
                for (key, value) in map.iter_mut() {
                    let name: Dynamic = key.as_str().into();
                    let given =
                        predicate.call_raw_with_extra_args(method, &context, Some(value), [name], [], Some(1))?;
                    let retain = callback_answer(method, &given)? == keeps;
                    if retain { &mut retained } else { &mut removed }.insert(key.clone(), value.clone());
                }
                if !changes {
                    return Ok(retained);
                }
                *map = retained;
                Ok(removed)
            },
        );
    }
}

/// `reduce` and `reduce_rev` without a start value start with `()`, which few functions accept.
fn reductions(engine: &mut Engine) {
    for method in ["reduce", "reduce_rev"] {
        engine.register_fn(
            method,
            move |context: NativeCallContext, array: &mut Array, step: FnPtr| -> NativeResult<Dynamic> {
                let order: Box<dyn Iterator<Item = usize>> =
                    if method == "reduce" { Box::new(0..array.len()) } else { Box::new((0..array.len()).rev()) };
                let mut total = Dynamic::UNIT;
                for i in order {
                    let from_nothing = total.is_unit();
                    let index = Dynamic::from_int(i as i64);
                    let item = Some(&mut array[i]);
                    let next = step.call_raw_with_extra_args(method, &context, item, [total], [index], Some(1));
                    total = next.map_err(|error| if from_nothing { missing_start(method, error) } else { error })?;
                }
                Ok(total)
            },
        );
    }
}

/// Explains a failure of the first step by the missing start value. Limits and `exit` pass through unchanged.
#[allow(clippy::unnecessary_box_returns, clippy::boxed_local, reason = "the interpreter's errors are boxed")]
fn missing_start(method: &str, error: Box<EvalAltResult>) -> Box<EvalAltResult> {
    if matches!(error.unwrap_inner(), EvalAltResult::ErrorTerminated(..) | EvalAltResult::Exit(..)) {
        return error;
    }
    let problem = Problem::new("missing-start", format!("`{method}` has nothing to start from"));
    problem.help(format!("give it a first value: `{method}(|total, x| total + x, 0.0)`")).into()
}
