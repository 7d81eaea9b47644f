//! Operators and functions of numbers: one table from script names to tape operations.
//!
//! Plain numbers also go through [`Op::value`], so that a literal and a traced number give the same bits. Comparisons
//! are exact, and an operand that is not a number is an error, where Rhai would silently return `false`.

use crate::diagnostics::problem::{NativeResult, Problem};
use crate::diagnostics::value_kind::kind;
use crate::runtime::host::{Host, MAX_LINE_CHARS, Scalar, ScriptNumber};
use rhai::{Array, Dynamic, Engine, EvalAltResult, FnPtr, ImmutableString, Map, NativeCallContext, Position};
use slowgrad_tape::{Compare, Op};
use std::rc::Rc;

/// Binary operators.
const OPERATORS: &[(&str, Op)] =
    &[("+", Op::Add), ("-", Op::Sub), ("*", Op::Mul), ("/", Op::Div), ("%", Op::Rem), ("**", Op::Pow)];

/// Functions of one number.
pub(crate) const UNARY: &[(&str, Op)] = &[
    ("exp", Op::Exp),
    ("ln", Op::Ln),
    ("log10", Op::Log10),
    ("log2", Op::Log2),
    ("sqrt", Op::Sqrt),
    ("cbrt", Op::Cbrt),
    ("abs", Op::Abs),
    ("sign", Op::Sign),
    ("floor", Op::Floor),
    ("ceil", Op::Ceil),
    ("round", Op::Round),
    ("sin", Op::Sin),
    ("cos", Op::Cos),
    ("tan", Op::Tan),
    ("asin", Op::Asin),
    ("acos", Op::Acos),
    ("atan", Op::Atan),
    ("sinh", Op::Sinh),
    ("cosh", Op::Cosh),
    ("tanh", Op::Tanh),
    ("sigmoid", Op::Sigmoid),
    ("softplus", Op::Softplus),
    ("erf", Op::Erf),
    ("stop_gradient", Op::StopGradient),
];

/// Functions of two numbers.
pub(crate) const BINARY: &[(&str, Op)] = &[("pow", Op::Pow), ("min", Op::Min), ("max", Op::Max), ("atan2", Op::Atan2)];

/// The tape operation of an operator or function.
pub(crate) fn operation(name: &str) -> Option<Op> {
    let others = [("clamp", Op::Clamp)];
    let all = OPERATORS.iter().chain(UNARY).chain(BINARY).chain(&others);
    all.into_iter().find(|(known, _)| *known == name).map(|(_, op)| *op)
}

/// The result for a whole number, for functions that map whole numbers to whole numbers.
fn whole(op: Op, x: i64) -> Option<i64> {
    match op {
        Op::Abs => Some(x.saturating_abs()),
        Op::Sign => Some(x.signum()),
        Op::Floor | Op::Ceil | Op::Round | Op::StopGradient => Some(x),
        _ => None,
    }
}

/// Converts a value to a number. `caller` is the function that needs it, for the error message.
pub(crate) fn number(value: &Dynamic, caller: &str) -> NativeResult<ScriptNumber> {
    if let Some(number) = ScriptNumber::of(value) {
        return Ok(number);
    }
    let message = format!("`{caller}` needs numbers, but this is {}", kind(value));
    let problem = Problem::new("not-a-number", message);
    Err(if value.is_array() {
        problem.help("take one element with `[i]`, or process each element with `map`")
    } else if value.is_unit() {
        problem.help("an `if` without `else`, a loop and a `let` have no value")
    } else {
        problem
    }
    .into())
}

// First arguments are taken by reference: a value passed by value is cloned to the heap.

pub(crate) fn register(engine: &mut Engine, host: &Rc<Host>) {
    engine.register_type_with_name::<Scalar>("scalar");
    for &(name, op) in OPERATORS.iter().chain(BINARY) {
        binary(engine, host, name, op);
    }
    for &(name, op) in UNARY {
        unary(engine, host, name, op);
    }
    for compare in Compare::ALL {
        comparison(engine, host, compare);
    }
    plain_operators(engine);
    signs(engine, host);
    texts(engine, host);
    rest(engine, host);
}

fn unary(engine: &mut Engine, host: &Rc<Host>, name: &str, op: Op) {
    let shared = Rc::clone(host);
    engine.register_fn(name, move |context: NativeCallContext, x: &mut Scalar| -> NativeResult<Dynamic> {
        Ok(shared.apply(&context, op, &[ScriptNumber::Traced(*x)], true)?.into())
    });
    engine.register_fn(name, move |x: f64| op.value(x, 0.0, 0.0));
    engine.register_fn(name, move |x: i64| -> Dynamic {
        whole(op, x).map_or_else(|| op.value(x as f64, 0.0, 0.0).into(), Dynamic::from_int)
    });
}

/// Registers an operation with a traced number as either operand. The other operand must be a number.
fn binary(engine: &mut Engine, host: &Rc<Host>, name: &'static str, op: Op) {
    let shared = Rc::clone(host);
    engine.register_fn(name, move |context: NativeCallContext, a: &mut Scalar, b: Dynamic| -> NativeResult<Dynamic> {
        Ok(shared.apply(&context, op, &[ScriptNumber::Traced(*a), number(&b, name)?], true)?.into())
    });
    let shared = Rc::clone(host);
    engine.register_fn(name, move |context: NativeCallContext, a: &mut Dynamic, b: Scalar| -> NativeResult<Dynamic> {
        Ok(shared.apply(&context, op, &[number(a, name)?, ScriptNumber::Traced(b)], true)?.into())
    });
    if BINARY.iter().any(|(function, _)| *function == name) {
        engine.register_fn(name, move |a: f64, b: f64| op.value(a, b, 0.0));
        engine.register_fn(name, move |a: f64, b: i64| op.value(a, b as f64, 0.0));
        engine.register_fn(name, move |a: i64, b: f64| op.value(a as f64, b, 0.0));
        engine.register_fn(name, move |a: i64, b: i64| -> Dynamic {
            match op {
                Op::Min => a.min(b).into(),
                Op::Max => a.max(b).into(),
                _ => op.value(a as f64, b as f64, 0.0).into(),
            }
        });
    }
}

fn comparison(engine: &mut Engine, host: &Rc<Host>, compare: Compare) {
    let name = compare.operator();
    let against = move |value: &Dynamic| -> NativeResult<ScriptNumber> {
        ScriptNumber::of(value).ok_or_else(|| {
            let message = format!("a scalar cannot be compared with {}", kind(value));
            let help = format!("`{name}` compares numbers; a scalar is always a number, never {}", kind(value));
            Problem::new("wrong-comparison", message).help(help).into()
        })
    };
    // `best == ()` asks whether a number has been found yet. A traced number never equals `()`.
    let nothing = (compare == Compare::Equal || compare == Compare::NotEqual).then_some(compare == Compare::NotEqual);
    if let Some(answer) = nothing {
        engine.register_fn(name, move |_: Scalar, (): ()| answer);
        engine.register_fn(name, move |(): (), _: Scalar| answer);
    }
    let shared = Rc::clone(host);
    engine.register_fn(name, move |context: NativeCallContext, a: &mut Scalar, b: Dynamic| -> NativeResult<bool> {
        shared.compare(&context, compare, ScriptNumber::Traced(*a), against(&b)?)
    });
    let shared = Rc::clone(host);
    engine.register_fn(name, move |context: NativeCallContext, a: &mut Dynamic, b: Scalar| -> NativeResult<bool> {
        shared.compare(&context, compare, against(a)?, ScriptNumber::Traced(b))
    });
    // Rhai compares floats with a tolerance; these comparisons are exact.
    engine.register_fn(name, move |a: f64, b: f64| compare.holds(a, b));
    engine.register_fn(name, move |a: f64, b: i64| compare.holds(a, b as f64));
    engine.register_fn(name, move |a: i64, b: f64| compare.holds(a as f64, b));
}

/// The power of plain numbers. The platform's own may differ in the last bits.
fn plain_operators(engine: &mut Engine) {
    let power = |a: f64, b: f64| Op::Pow.value(a, b, 0.0);
    engine.register_fn("**", power);
    engine.register_fn("**", move |a: f64, b: i64| power(a, b as f64));
    engine.register_fn("**", move |a: i64, b: f64| power(a as f64, b));
}

fn signs(engine: &mut Engine, host: &Rc<Host>) {
    let shared = Rc::clone(host);
    engine.register_fn("-", move |context: NativeCallContext, x: &mut Scalar| -> NativeResult<Dynamic> {
        Ok(shared.apply(&context, Op::Neg, &[ScriptNumber::Traced(*x)], true)?.into())
    });
    engine.register_fn("+", |x: Scalar| x);
}

/// Strings and traced numbers do not mix implicitly. Explicit conversion makes the script run each time.
fn texts(engine: &mut Engine, host: &Rc<Host>) {
    fn refused() -> NativeResult<Dynamic> {
        let problem = Problem::new("text-and-scalar", "a text and a scalar cannot be added");
        Err(problem.help("write `${x}` inside backticks to put a number into a text").into())
    }
    engine.register_fn("+", |_: Scalar, _: ImmutableString| refused());
    engine.register_fn("+", |_: ImmutableString, _: Scalar| refused());
    for name in ["to_string", "to_debug"] {
        let shared = Rc::clone(host);
        engine.register_fn(name, move |x: Scalar| -> NativeResult<String> {
            Ok(format!("{:?}", shared.plain_value(x)?))
        });
        // Rhai's own conversions would run for seconds before checking the size limit.
        let shared = Rc::clone(host);
        engine.register_fn(name, move |array: &mut Array| whole_text(&shared, &Dynamic::from_array(array.clone())));
        let shared = Rc::clone(host);
        engine.register_fn(name, move |map: &mut Map| whole_text(&shared, &Dynamic::from_map(map.clone())));
    }
    /// Rhai's own would build a string of gigabytes before checking the size limit.
    macro_rules! replacing {
        ($(($find:ty, $with:ty)),*) => { $(
            engine.register_fn("replace", |context: NativeCallContext, text: &mut ImmutableString, find: $find, with: $with| {
                replace(&context, text, &find.to_string(), &with.to_string())
            });
        )* };
    }
    replacing!((ImmutableString, ImmutableString), (ImmutableString, char), (char, ImmutableString), (char, char));
    /// One registration per type: Rhai's packages register each, and an exact match wins.
    macro_rules! printing {
        ($($kind:ty),*) => { $( for name in ["print", "debug"] {
            let shared = Rc::clone(host);
            engine.register_fn(name, move |context: NativeCallContext, value: $kind| -> NativeResult<ImmutableString> {
                shared.print(&context, format_value(&shared, &Dynamic::from(value), MAX_LINE_CHARS)?)?;
                Ok(ImmutableString::new())
            });
        } )* };
    }
    printing!(Dynamic, Scalar, f64, i64, bool, char, ImmutableString, (), Array, Map, FnPtr);
}

fn replace(context: &NativeCallContext, text: &mut ImmutableString, find: &str, with: &str) -> NativeResult<()> {
    let found = text.matches(find).count();
    let length = (text.len() - found * find.len()).saturating_add(found.saturating_mul(with.len()));
    if length > context.engine().max_string_size() {
        return Err(EvalAltResult::ErrorDataTooLarge("Length of string".to_owned(), Position::NONE).into());
    }
    *text = text.replace(find, with).into();
    Ok(())
}

/// A value as a new string, within the string limit.
fn whole_text(host: &Host, value: &Dynamic) -> NativeResult<String> {
    let max = host.limits.get().string;
    let text = format_value(host, value, max)?;
    if text.len() > max {
        return Err(EvalAltResult::ErrorDataTooLarge("Length of string".to_owned(), Position::NONE).into());
    }
    Ok(text)
}

/// A value in the format of `print`. Output after `most` bytes is left out.
fn format_value(host: &Host, value: &Dynamic, max: usize) -> NativeResult<String> {
    if let Some(scalar) = Scalar::of(value) {
        return Ok(format!("{:?}", host.plain_value(scalar)?));
    }
    let array = value.as_array_ref().ok();
    let map = value.as_map_ref().ok();
    let items: Box<dyn Iterator<Item = (Option<&str>, &Dynamic)>> = match (&array, &map) {
        (Some(array), _) => Box::new(array.iter().map(|item| (None, item))),
        (_, Some(map)) => Box::new(map.iter().map(|(key, item)| (Some(key.as_str()), item))),
        _ => return Ok(value.to_string()),
    };
    let (open, close) = if array.is_some() { ("[", "]") } else { ("#{", "}") };
    let mut text = open.to_owned();
    for (i, (key, item)) in items.enumerate() {
        // Count the elements: a loop may print a long array many times.
        host.count_element()?;
        if text.len() > max {
            text.push('…');
            return Ok(text);
        }
        text.push_str(if i > 0 { ", " } else { "" });
        text.push_str(&key.map_or_else(String::new, |key| format!("{key}: ")));
        let word = item.as_immutable_string_ref().ok().map(|word| format!("{:?}", word.as_str()));
        text.push_str(&word.map_or_else(|| format_value(host, item, max), Ok)?);
    }
    text.push_str(close);
    Ok(text)
}

fn rest(engine: &mut Engine, host: &Rc<Host>) {
    let shared = Rc::clone(host);
    let clamp = move |context: NativeCallContext, x: Dynamic, low: Dynamic, high: Dynamic| -> NativeResult<Dynamic> {
        if let (Ok(x), Ok(low), Ok(high)) = (x.as_int(), low.as_int(), high.as_int()) {
            return Ok(x.max(low).min(high).into());
        }
        let operands = [number(&x, "clamp")?, number(&low, "clamp")?, number(&high, "clamp")?];
        Ok(shared.apply(&context, Op::Clamp, &operands, true)?.into())
    };
    engine.register_fn("clamp", clamp);
    let shared = Rc::clone(host);
    engine.register_fn("value", move |x: &mut Scalar| shared.plain_value(*x));
    engine.register_fn("value", |x: f64| x);
    engine.register_fn("value", |x: i64| x as f64);
    type Test = fn(f64) -> bool;
    let tests: [(&str, Test); 3] =
        [("is_nan", f64::is_nan), ("is_finite", f64::is_finite), ("is_infinite", f64::is_infinite)];
    for (name, test) in tests {
        engine.register_fn(name, test);
        engine.register_fn(name, move |x: i64| test(x as f64));
        let shared = Rc::clone(host);
        engine.register_fn(name, move |context: NativeCallContext, x: Scalar| -> NativeResult<bool> {
            let x = ScriptNumber::Traced(x);
            let infinite = |shared: &Host| -> NativeResult<bool> {
                let size = shared.apply(&context, Op::Abs, &[x], false)?;
                shared.compare(&context, Compare::Equal, size, ScriptNumber::Plain(f64::INFINITY))
            };
            let nan = shared.compare(&context, Compare::NotEqual, x, x)?;
            match name {
                "is_nan" => Ok(nan),
                "is_finite" => Ok(!nan && !infinite(&shared)?),
                _ => Ok(!nan && infinite(&shared)?),
            }
        });
    }
    engine.register_fn("to_float", |x: f64| x);
    engine.register_fn("to_float", |x: i64| x as f64);
    engine.register_fn("to_int", |x: i64| x);
    engine.register_fn("to_int", |x: f64| x as i64);
    engine.register_fn("PI", || std::f64::consts::PI);
    engine.register_fn("E", || std::f64::consts::E);
    // Rhai's `sleep` would block the thread.
    fn sleep(_: Dynamic) -> NativeResult<()> {
        Err(Problem::new("not-available", "`sleep` is not available in a script").into())
    }
    engine.register_fn("sleep", |_: i64| sleep(Dynamic::UNIT));
    engine.register_fn("sleep", |_: f64| sleep(Dynamic::UNIT));
}
