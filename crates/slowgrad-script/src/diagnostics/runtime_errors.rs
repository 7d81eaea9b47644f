//! Converts every error of a running script to a diagnostic.
//!
//! An error of Rhai has a position and a short phrase. The diagnostic underlines the whole expression, states the
//! problem in plain words and suggests the name that was probably meant.

use crate::diagnostics::analysis::syntax::{
    assignment_to_constant, container_kind, container_limit, did_you_mean, lowercase_first,
};
use crate::diagnostics::problem::Problem;
use crate::diagnostics::value_kind::{bare_kind, named_kind};
use crate::diagnostics::wording;
use crate::reference::{Group, group};
use crate::runtime::builtins::Builtins;
use crate::runtime::host::{Host, StopReason};
use crate::runtime::program::ScriptProgram;
use crate::text::lexer::TokenKind;
use crate::text::{ScriptText, SourcePosition};
use rhai::{Dynamic, EvalAltResult, ParseErrorType};
use slowgrad_tape::{Diagnostic, Frame, Location};
use std::rc::Rc;

/// The name of a function without a name.
const CLOSURE: &str = "a closure";

/// Converts an error that occurred while `function` ran.
pub(crate) fn runtime_diagnostic(
    host: &Host,
    program: &ScriptProgram,
    function: &str,
    error: EvalAltResult,
) -> Diagnostic {
    // Unwind the chain of calls. Each link names the function and the position of its call.
    let function = if function.starts_with("anon$") { CLOSURE } else { function };
    let mut error = error;
    let mut text = Rc::clone(&program.text);
    let mut calls: Vec<Frame> = vec![Frame { function: function.to_owned(), location: None }];
    loop {
        match error {
            EvalAltResult::ErrorInFunctionCall(name, source, inner, position) => {
                let location = SourcePosition::of(&text, position).map(|place| place.location());
                let name = if name.starts_with("anon$") { CLOSURE.to_owned() } else { name };
                calls.push(Frame { function: name, location });
                text = host.text(&source).unwrap_or(text);
                error = *inner;
            }
            EvalAltResult::ErrorInModule(_, inner, position) if !position.is_none() && inner.position().is_none() => {
                error = *inner;
                error.set_position(position);
            }
            EvalAltResult::ErrorInModule(_, inner, _) => error = *inner,
            _ => break,
        }
    }
    calls.reverse();
    let mut place = SourcePosition::of(&text, error.position()).or_else(|| data_race_position(&text, &calls, &error));
    if error.is_system_exception() {
        // Such an error loses its position and its calls on the way; the host has recorded them.
        let mut hits = host.limit_hits().into_iter().map(|(text, offset)| SourcePosition { text, offset });
        if let Some(inner) = hits.next() {
            let callers: Vec<SourcePosition> = hits.collect();
            calls = call_chain(&inner, &callers, function);
            place = Some(inner);
        }
    }
    let whole = !matches!(
        error,
        EvalAltResult::ErrorVariableNotFound(..)
            | EvalAltResult::ErrorPropertyNotFound(..)
            | EvalAltResult::ErrorUnboundThis(_)
    );
    let endless = matches!(error, EvalAltResult::ErrorTerminated(..));
    let repeated = place.as_ref().filter(|_| endless).and_then(|place| place.text.loop_around(place.offset));
    let location = match (&place, repeated) {
        (_, Some(repeated)) => repeated,
        (Some(place), None) if whole => place.location(),
        (Some(place), None) => place.token(),
        (None, None) => fallback_location(&calls, program, &text),
    };
    let problem = host.explain_limit(describe(host, program, place.as_ref(), error));
    Diagnostic { frames: calls, ..problem.at(location) }
}

/// Maximum length of a listed call chain. Infinite recursion has many more frames.
const MAX_FRAMES: usize = 8;

/// The call chain, from the position of the error and the positions of the calls that led to it.
fn call_chain(inner: &SourcePosition, callers: &[SourcePosition], function: &str) -> Vec<Frame> {
    let running = std::iter::once(inner).chain(callers);
    let frames = running.enumerate().map(|(i, place)| {
        let own = place.text.function_around(place.offset).unwrap_or(function);
        Frame { function: own.to_owned(), location: callers.get(i).map(SourcePosition::location) }
    });
    let mut frames: Vec<Frame> = frames.take(MAX_FRAMES).collect();
    // Rhai does not report the position of a callback's call.
    if frames.last().is_none_or(|last| last.function != function) {
        frames.push(Frame { function: function.to_owned(), location: None });
    }
    frames
}

/// A data race has no position, but its message names the method. Find its first call in the running function.
fn data_race_position(text: &Rc<ScriptText>, calls: &[Frame], error: &EvalAltResult) -> Option<SourcePosition> {
    let EvalAltResult::ErrorDataRace(message, _) = error else { return None };
    let method = message.rsplit('\'').nth(1)?;
    let within = text.function(&calls.first()?.function)?;
    let called = |token: &&crate::text::lexer::Token| {
        (within.start..within.end).contains(&token.start) && &text.source.text[token.start..token.end] == method
    };
    let token = text.tokens.iter().find(called)?;
    Some(SourcePosition { text: Rc::clone(text), offset: token.start })
}

/// The location of an error without a position: the running function, or the call of the closure.
fn fallback_location(calls: &[Frame], program: &ScriptProgram, text: &Rc<ScriptText>) -> Location {
    if let Some(Frame { function, location: Some(called) }) = calls.first()
        && function == CLOSURE
    {
        return called.clone();
    }
    let running = calls.first().map_or("", |frame| frame.function.as_str());
    if text.function(running).is_some() {
        text.function_location(running)
    } else {
        program.text.function_location(running)
    }
}

fn describe(host: &Host, program: &ScriptProgram, place: Option<&SourcePosition>, error: EvalAltResult) -> Problem {
    use EvalAltResult as E;
    match error {
        E::ErrorRuntime(value, _) => thrown_problem(value),
        E::ErrorTerminated(value, _) => stop_problem(value),
        E::ErrorStackOverflow(_) => Problem::new("too-deep", "function calls are nested too deeply")
            .help("does a function call itself endlessly?")
            .limit("calls"),
        E::ErrorDataTooLarge(kind, _) => {
            Problem::new("too-large", format!("the {} grew too large", container_kind(&kind)))
                .help("a script may hold only a limited amount of data; is there an endless loop?")
                .limit(container_limit(&kind))
        }
        E::ErrorTooManyVariables(_) => Problem::new("too-many-variables", "there are too many variables here")
            .help("group related values in an array or a map.")
            .limit("variables"),
        E::ErrorTooManyModules(_) => Problem::new("too-many-modules", "too many modules are imported")
            .help("combine the helpers into fewer files, and import them at the top, not in a function.")
            .limit("modules"),
        E::ErrorVariableNotFound(name, _) => Problem::new("unknown-name", format!("`{name}` is not defined here"))
            .maybe_help(place.and_then(|place| did_you_mean(place, &name))),
        E::ErrorUnboundThis(_) => Problem::new("unknown-name", "`this` has no value here")
            .help("it is the object of a method call: write `x.name()` and not `name()`"),
        E::ErrorPropertyNotFound(name, _) => {
            let near = place.and_then(|place| wording::nearest(&name, known_properties(place)));
            Problem::new("unknown-property", format!("there is no `{name}` in this map")).maybe_help(
                near.map(|near| format!("did you mean `{near}`?")).or_else(|| place.and_then(context_fields)),
            )
        }
        E::ErrorIndexNotFound(..) => Problem::new("unknown-property", "there is no such field in this map")
            .help("`\"name\" in map` tests whether the field exists"),
        E::ErrorDotExpr(message, _) => no_field(host, &message),
        E::ErrorFunctionNotFound(signature, _) => no_overload(host, program, &signature),
        E::ErrorMismatchDataType(expected, found, _) => {
            let message = match expected.as_str() {
                "i64" | "int" => format!("a whole number is needed here, but this is {}", not_whole_kind(&found)),
                _ => format!("expected {}, but this is {}", named_kind(&expected), named_kind(&found)),
            };
            let help = match (expected.as_str(), named_kind(&found)) {
                ("bool", _) => Some("a condition is a comparison, such as `x > 0.0`"),
                ("i64" | "int", "a scalar") => Some("an index is a plain whole number, such as `i` in a `for` loop"),
                ("i64" | "int", "a number") => Some("`to_int(x)` removes the fraction"),
                _ => None,
            };
            Problem::new("wrong-type", message).maybe_help(help.map(str::to_owned))
        }
        E::ErrorMismatchOutputType(expected, found, _) => {
            let message = format!("expected {}, but this gave {}", named_kind(&expected), named_kind(&found));
            Problem::new("wrong-type", message)
        }
        E::ErrorArrayBounds(length, index, _) => {
            let message = format!("index {index} is outside of an array with {}", wording::count(length, "element"));
            let help = match length {
                0 => "the array is empty".to_owned(),
                _ => format!("the first element is `[0]` and the last is `[{}]`", length - 1),
            };
            Problem::new("out-of-bounds", message).help(help)
        }
        E::ErrorStringBounds(length, index, _) => {
            let message = format!("index {index} is outside of a text with {}", wording::count(length, "character"));
            Problem::new("out-of-bounds", message).help("characters are counted from 0")
        }
        E::ErrorIndexingType(what, _) => {
            let kind = bare_kind(what.split_once(" [").map_or(what.as_str(), |(kind, _)| kind));
            let help = (kind == "scalar").then(|| "a scalar is one number; only arrays have elements".to_owned());
            Problem::new("wrong-type", format!("a {kind} cannot be indexed like this")).maybe_help(help)
        }
        E::ErrorFor(_) => Problem::new("wrong-type", "`for` cannot iterate over this")
            .help("write `for x in array` or `for i in 0..n`"),
        E::ErrorAssignmentToConstant(name, _) => assignment_to_constant(&name),
        E::ErrorNonPureMethodCallOnConstant(name, _) => {
            let problem = Problem::new("assignment-to-constant", format!("`{name}` would change a constant"));
            problem.help("use `let` for a value that changes")
        }
        E::ErrorArithmetic(message, _) => {
            let problem = Problem::new("arithmetic", lowercase_first(&message));
            problem.help("these are whole numbers; write `1.0` for a number with a fraction")
        }
        E::ErrorDataRace(message, _) if message.rsplit('\'').nth(1).is_none() => {
            let problem = Problem::new("data-race", "a closure uses the variable that stores it");
            problem.help("write a recursive function as `fn name(x) { … }`")
        }
        E::ErrorDataRace(..) => {
            let problem = Problem::new("data-race", "the closure uses the same array that is being changed");
            problem.help("compute the value before the call, such as `let largest = z.max();`")
        }
        E::ErrorModuleNotFound(name, _) => Problem::new("unknown-module", format!("no module `{name}` is imported"))
            .help(format!("write `import \"{name}\" as {name};` at the top of the file")),
        // The argument of `Fn("…")`.
        E::ErrorParsing(ParseErrorType::Reserved(name), _) => {
            Problem::new("reserved-name", format!("`{name}` is a keyword, not a function"))
                .help(format!("where a function is expected, write a closure: `|x| {name}(x)`"))
        }
        E::ErrorForbiddenVariable(name, _) => {
            Problem::new("reserved-name", format!("`{name}` cannot be used as a name")).help("choose another name")
        }
        other => {
            let message = other.unwrap_inner().to_string();
            Problem::new("interpreter", lowercase_first(message.split(" (line").next().unwrap_or_default()))
        }
    }
}

const LOOP_HELP: &str = "is there an endless loop?";

fn thrown_problem(value: Dynamic) -> Problem {
    value.try_cast_result::<Problem>().unwrap_or_else(|value| {
        let message = match value.into_string() {
            Ok(text) => text,
            Err("()") => "the script threw an error".to_owned(),
            Err(other) => format!("the script threw {}", named_kind(other)),
        };
        Problem::new("thrown", message).help("`throw` stops the script here")
    })
}

fn stop_problem(value: Dynamic) -> Problem {
    let problem = match value.try_cast::<StopReason>() {
        Some(StopReason::Operations(max)) => {
            Problem::new("too-many-operations", format!("the script was stopped after {max} operations"))
                .limit("operations")
        }
        Some(StopReason::Memory(max)) => {
            Problem::new("too-large", format!("the script was stopped when it held {} MiB", max.div_ceil(1 << 20)))
                .limit("memory")
        }
        Some(StopReason::Time(time)) => {
            Problem::new("too-slow", format!("the script was stopped after {} ms", time.as_millis())).limit("seconds")
        }
        None => Problem::new("too-slow", "the script was stopped"),
    };
    problem.help(LOOP_HELP)
}

/// Explains a call that matches no overload. `signature` is `name (type, type)` in Rhai's notation.
///
/// Names and numbers of arguments were checked by the analysis, so the types do not match.
fn no_overload(host: &Host, program: &ScriptProgram, signature: &str) -> Problem {
    let (name, arguments) =
        signature.split_once(" (").map_or((signature, ""), |(name, rest)| (name, rest.trim_end_matches(')')));
    let name = name.rsplit("::").next().unwrap_or(name);
    let kinds: Vec<&str> = arguments.split(", ").filter(|kind| !kind.is_empty()).map(bare_kind).collect();
    let argument_list = if kinds.is_empty() { "nothing".to_owned() } else { kinds.join(", ") };
    let nothing = || kinds.contains(&"nothing").then(|| UNIT_HELP.to_owned());
    if !name.starts_with(|ch: char| ch.is_alphabetic() || ch == '_') {
        let message = match kinds.as_slice() {
            [one] => format!("`{name}` cannot be used on {}", with_article(one)),
            [left, right] => {
                format!("`{name}` cannot be used between {} and {}", with_article(left), with_article(right))
            }
            _ => format!("`{name}` cannot be used like this"),
        };
        let help = match name {
            _ if kinds.contains(&"array") => Some("take one element with `[i]`, or process each element with `map`"),
            "!" => Some("`!` negates a condition, such as `!(x > 0.0)`; the negative of a number is `-x`"),
            "^" => Some("write `**` for a power"),
            "&" | "|" => Some("`&&` and `||` combine conditions; bit operators need whole numbers"),
            "<<" | ">>" => Some("bit operators need whole numbers; multiply by `2.0 ** n`"),
            ".." | "..=" => Some("a range needs plain whole numbers; a `while` condition can use a traced number"),
            _ => None,
        };
        return Problem::new("wrong-type", message).maybe_help(help.map(str::to_owned).or_else(nothing));
    }
    if name.starts_with("anon$") {
        return Problem::new("unknown-function", "a closure of another file cannot be called here")
            .help("define a function in the other file and call it: `m::f(x)`");
    }
    let wrong = |of: &str| Problem::new("wrong-type", format!("`{of}{name}` does not accept ({argument_list})"));
    let builtins = &host.builtins;
    match kinds.as_slice() {
        ["range", "scalar"] if name == "contains" => {
            wrong("").help("compare with both bounds instead: `x >= 0 && x < 5`")
        }
        ["stage", ..] => wrong("stage."),
        ["array"] => {
            wrong("").help(format!("`{name}` works on one number; for each element write `x.map(|v| {name}(v))`"))
        }
        _ if name == "to_int" || name == "to_float" => wrong("").help("`value(x)` gives the plain number"),
        _ if builtins.get().is_some_and(|builtins| builtins.knows(name)) => wrong("").maybe_help(nothing()),
        _ => {
            let own = program.functions.iter().map(|function| function.name.as_str());
            let known = builtins.get().into_iter().flat_map(Builtins::names);
            let near = wording::nearest(name, own.chain(known)).map(|near| format!("did you mean `{near}`?"));
            Problem::new("unknown-function", format!("there is no function `{name}` for ({argument_list})"))
                .maybe_help(near)
        }
    }
}

/// Explains access to a field of a value that is not a map.
fn no_field(host: &Host, message: &str) -> Problem {
    // The message is `Unknown property 'name' - a getter is not registered for type 'kind'`.
    let mut quoted = message.split('\'').skip(1).step_by(2);
    let (Some(name), Some(owner)) = (quoted.next(), quoted.next()) else {
        return Problem::new("wrong-type", lowercase_first(message)).help("only maps have fields");
    };
    let problem = Problem::new("wrong-type", format!("{} has no field `{name}`", named_kind(owner)));
    if host.builtins.get().is_some_and(|builtins| builtins.knows(name)) {
        problem.help(format!("a function is called with parentheses: `x.{name}()`"))
    } else {
        problem.help("only maps have fields")
    }
}

/// The kind of a value that is not a whole number.
fn not_whole_kind(found: &str) -> &'static str {
    match found {
        "f64" | "float" => "a number with a fraction",
        _ => named_kind(found),
    }
}

const UNIT_HELP: &str = "an `if` without `else`, a loop and a `let` have no value";

fn with_article(kind: &str) -> String {
    match kind {
        "nothing" => kind.to_owned(),
        _ if kind.starts_with(['a', 'e', 'i', 'o', 'u']) => format!("an {kind}"),
        _ => format!("a {kind}"),
    }
}

/// Lists the fields of `ctx` in the function at `place`, if the unknown property belongs to `ctx`.
fn context_fields(place: &SourcePosition) -> Option<String> {
    let receiver = place.text.source.text[..place.offset].trim_end().strip_suffix('.')?;
    let function = format!("`{}`", place.text.function_around(place.offset).filter(|_| receiver.ends_with("ctx"))?);
    let fields = group(Group::Context).filter(|entry| entry.description.contains(&function));
    let fields: Vec<&str> = fields.map(|entry| entry.name).collect();
    (!fields.is_empty()).then(|| format!("`ctx` has {}, and the controls of `params()`", wording::list(&fields)))
}

/// All property and map field names in the text, and the fields of `ctx` and of conditions.
fn known_properties(place: &SourcePosition) -> Vec<&str> {
    let text = &place.text.source.text;
    let word = |k: usize| place.text.tokens.get(k).map_or("", |token| &text[token.start..token.end]);
    let tokens = place.text.tokens.iter().enumerate();
    tokens
        .filter(|(_, token)| token.kind == TokenKind::Identifier && token.start != place.offset)
        .filter(|(k, _)| word(k + 1) == ":" || (*k > 0 && word(k - 1) == "."))
        .map(|(k, _)| word(k))
        .chain([Group::Context, Group::Layer, Group::Conditions].into_iter().flat_map(group).map(|entry| entry.name))
        .collect()
}
