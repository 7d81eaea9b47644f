//! The one converter from the interpreter's errors to diagnostics.
//!
//! An interpreter's error knows a position and a phrase. A person needs the whole expression underlined, what
//! was wrong in plain words, and the name that was probably meant.

use crate::arrays;
use crate::functions;
use crate::host::{Host, Stopped};
use crate::interpreter::CONSTANTS;
use crate::lexer::TokenKind;
use crate::making;
use crate::problem::Problem;
use crate::program::Program;
use crate::text::Text;
use crate::words::{self, bare_kind, named_kind};
use rhai::{Dynamic, EvalAltResult, LexError, ParseError, ParseErrorType, Position};
use slowgrad_tape::{Diagnostic, Frame, Location};
use std::rc::Rc;

/// A place with the text around it.
#[derive(Clone)]
struct Place {
    text: Rc<Text>,
    offset: usize,
}

impl Place {
    fn of(text: &Rc<Text>, position: Position) -> Option<Self> {
        Some(Self { text: Rc::clone(text), offset: text.offset(position)? })
    }

    fn location(&self) -> Location {
        self.text.location(self.text.span(self.offset))
    }

    fn token(&self) -> Location {
        let token = self.text.token(self.offset).filter(|token| self.offset < token.end);
        let (start, end) = token.map_or((self.offset, self.offset), |token| (token.start, token.end));
        self.text.location(self.text.range(start, end))
    }
}

/// An error of the compiler.
pub(crate) fn parsing(text: &Rc<Text>, error: &ParseError) -> Diagnostic {
    let place = Place::of(text, error.position());
    let (code, message, help) = unparsed(error.err_type(), place.as_ref());
    let end = text.source.text.trim_end().len();
    let location = place.filter(|place| place.offset < end);
    let location = location.map_or_else(|| text.location(text.range(end, end)), |place| place.token());
    let diagnostic = Diagnostic::error(code, message).at(location);
    match help {
        Some(help) => diagnostic.help(help),
        None => diagnostic,
    }
}

fn unparsed(error: &ParseErrorType, place: Option<&Place>) -> (&'static str, String, Option<String>) {
    use ParseErrorType as E;
    let plain = |code, message: String| (code, message, None);
    match error {
        E::UnexpectedEOF => {
            let help = "a bracket or a brace that was opened is not closed".to_owned();
            ("unexpected-end", "the file ends in the middle of something".to_owned(), Some(help))
        }
        E::VariableUndefined(name) => {
            let help = place.and_then(|place| near_name(place, name));
            ("unknown-name", format!("`{name}` is not known here"), help)
        }
        E::ModuleUndefined(name) => {
            let help = format!("write `import \"{name}\" as {name};` at the top of the file");
            ("unknown-module", format!("no module `{name}` is imported"), Some(help))
        }
        E::BadInput(lex) => bad_input(lex),
        E::MissingToken(token, description) if token == ";" => {
            let help = format!("each statement but the last ends in `;` ({description})");
            ("missing-token", "a `;` is missing before this".to_owned(), Some(help))
        }
        E::MissingToken(token, description) => (
            "missing-token",
            format!("a `{token}` is missing before this"),
            Some(format!("it is needed {description}")),
        ),
        E::ExprExpected(what) => plain("expression-expected", format!("expected {what} here")),
        E::Reserved(name) => {
            let help = "choose another name".to_owned();
            ("reserved-name", format!("`{name}` is a reserved word or is not available in scripts"), Some(help))
        }
        E::AssignmentToConstant(name) => {
            plain("assignment-to-constant", format!("`{name}` is a constant and cannot be given another value"))
        }
        E::FnDuplicatedDefinition(name, arity) => {
            plain("duplicate-function", format!("`fn {name}` with {arity} arguments is defined twice"))
        }
        E::ExprTooDeep => {
            let help = "take it apart with `let`".to_owned();
            ("too-deep", "this expression is nested too deeply".to_owned(), Some(help))
        }
        E::TooManyFunctions => {
            let help = "put some of them into another file and `import` it".to_owned();
            ("too-many-functions", "this file defines too many functions".to_owned(), Some(help))
        }
        E::LiteralTooLarge(kind, most) => {
            let help = "put long data into a CSV file and name it with `csv(…)`".to_owned();
            ("too-large", format!("this {} is longer than {most}", measured(kind)), Some(help))
        }
        other => plain("syntax", lowered(&other.to_string())),
    }
}

fn bad_input(error: &LexError) -> (&'static str, String, Option<String>) {
    let help = match error {
        LexError::MalformedNumber(text) if text.starts_with('.') => Some("write a zero before the point: `0.5`"),
        LexError::UnexpectedInput(text) if text == "." => Some("write a zero before the point: `0.5`"),
        LexError::UnexpectedInput(text) if text.chars().all(|ch| ch.is_whitespace() && !ch.is_ascii()) => {
            Some("this is not a usual space, it only looks like one; type it anew")
        }
        LexError::UnterminatedString => Some("close the text with the quote it was opened with"),
        LexError::ImproperSymbol(symbol, _) if symbol == "===" || symbol == "!==" => {
            Some("Rhai compares with `==` and `!=`")
        }
        _ => None,
    };
    ("syntax", lowered(&error.to_string()), help.map(str::to_owned))
}

fn lowered(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_lowercase().chain(chars).collect())
}

/// Warnings about a text that is right but may not mean what its author thinks.
pub(crate) fn habits(text: &Rc<Text>) -> Vec<Diagnostic> {
    let negated = |&(start, end): &(usize, usize)| {
        let power = &text.source.text[start..end];
        let message = format!("`{power}` is the power of the negated number: a minus binds tighter than `**`");
        let help = "write `-(x ** 2)` for the negated power, or `(-x) ** 2` to be clear";
        Diagnostic::warning("minus-before-power", message).at(text.location(text.range(start, end))).help(help)
    };
    text.extents.negated_bases.iter().map(negated).chain(whole_divisions(text)).collect()
}

/// `1 / 2` between whole literals is 0 in Rhai, without a word.
fn whole_divisions(text: &Rc<Text>) -> Vec<Diagnostic> {
    let tokens: Vec<_> = text
        .tokens
        .iter()
        .filter(|token| !matches!(token.kind, TokenKind::Comment | TokenKind::DocComment))
        .map(|token| (token, &text.source.text[token.start..token.end]))
        .collect();
    let mut found = Vec::new();
    for (i, window) in tokens.windows(3).enumerate() {
        let [(first, a), (_, "/"), (last, b)] = window else { continue };
        let (Ok(a), Ok(b)) = (a.parse::<i64>(), b.parse::<i64>()) else { continue };
        let before = i.checked_sub(1).map_or("", |at| tokens[at].1);
        let after = tokens.get(i + 3).map_or("", |(_, word)| *word);
        // `x * 1 / 2` divides x, and `1 / 2 ** n` something else than 2.
        if b == 0 || a % b == 0 || ["*", "/", "%", "**"].contains(&before) || after == "**" || after == "." {
            continue;
        }
        let message = format!("`{a} / {b}` divides whole numbers and gives {}", a / b);
        let help = format!("write `{a}.0 / {b}` for a number with a fraction");
        let location = text.location(text.range(first.start, last.end));
        found.push(Diagnostic::warning("whole-division", message).at(location).help(help));
    }
    found
}

/// An error while a function ran.
pub(crate) fn running(host: &Host, program: &Program, function: &str, error: EvalAltResult) -> Diagnostic {
    // Unwind the chain of calls: each link names the function and where it was called.
    let mut error = error;
    let mut text = Rc::clone(&program.text);
    let mut calls: Vec<Frame> = vec![Frame { function: function.to_owned(), location: None }];
    loop {
        match error {
            EvalAltResult::ErrorInFunctionCall(name, source, inner, position) => {
                let location = Place::of(&text, position).map(|place| place.location());
                let name = if name.starts_with("anon$") { "a closure".to_owned() } else { name };
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
    let place = Place::of(&text, error.position()).or_else(|| raced(&text, &calls, &error));
    let described = describe(program, place.as_ref(), error);
    let location = match (&place, described.token) {
        (Some(place), true) => place.token(),
        (Some(place), false) => place.location(),
        (None, _) => text_of(&calls, program, &text),
    };
    let mut diagnostic = Diagnostic::error(described.code, described.message).at(location);
    diagnostic.help = described.help;
    diagnostic.frames = calls;
    diagnostic
}

/// A data race has no position, but its message names the method: the first call of it in the running function.
fn raced(text: &Rc<Text>, calls: &[Frame], error: &EvalAltResult) -> Option<Place> {
    let EvalAltResult::ErrorDataRace(message, _) = error else { return None };
    let method = message.rsplit('\'').nth(1)?;
    let within = text.function(&calls.first()?.function)?;
    let called = |token: &&crate::lexer::Token| {
        (within.start..within.end).contains(&token.start) && &text.source.text[token.start..token.end] == method
    };
    let token = text.tokens.iter().find(called)?;
    Some(Place { text: Rc::clone(text), offset: token.start })
}

/// Where to point when the interpreter names no place: at the function that was running.
fn text_of(calls: &[Frame], program: &Program, text: &Rc<Text>) -> Location {
    let running = calls.first().map_or("", |frame| frame.function.as_str());
    if text.function(running).is_some() {
        text.function_location(running)
    } else {
        program.text.function_location(running)
    }
}

struct Described {
    code: &'static str,
    message: String,
    help: Option<String>,
    /// Whether only the token is at fault and not its whole expression.
    token: bool,
}

fn describe(program: &Program, place: Option<&Place>, error: EvalAltResult) -> Described {
    use EvalAltResult as E;
    let whole = |code, message: String| Described { code, message, help: None, token: false };
    let with =
        |code, message: String, help: &str| Described { code, message, help: Some(help.to_owned()), token: false };
    match error {
        E::ErrorRuntime(value, _) => thrown(value),
        E::ErrorTerminated(value, _) => stopped(value),
        E::ErrorTooManyOperations(_) => with("too-many-operations", "the script ran too long".to_owned(), ENDLESS),
        E::ErrorStackOverflow(_) => with(
            "too-deep",
            "too many functions called each other".to_owned(),
            "does a function call itself without an end?",
        ),
        E::ErrorDataTooLarge(kind, _) => with(
            "too-large",
            format!("the {} grew too large", measured(&kind)),
            "a script may hold only so much at once",
        ),
        E::ErrorTooManyVariables(_) => {
            with("too-many-variables", "there are too many variables here".to_owned(), "keep them in an array or a map")
        }
        E::ErrorTooManyModules(_) => whole("too-many-modules", "too many modules are imported".to_owned()),
        E::ErrorVariableNotFound(name, _) => Described {
            code: "unknown-name",
            message: format!("`{name}` is not known here"),
            help: place.and_then(|place| near_name(place, &name)),
            token: true,
        },
        E::ErrorPropertyNotFound(name, _) => Described {
            code: "unknown-property",
            message: format!("there is no `{name}` in this map"),
            help: place
                .and_then(|place| words::nearest(&name, properties(place)))
                .map(|near| format!("did you mean `{near}`?")),
            token: true,
        },
        E::ErrorDotExpr(message, _) => whole("wrong-type", lowered(&message)),
        E::ErrorFunctionNotFound(signature, _) => unknown_function(program, &signature),
        E::ErrorMismatchDataType(wanted, found, _) => {
            let message = format!("expected {}, but this is {}", named_kind(&wanted), named_kind(&found));
            let help = (wanted == "bool").then(|| "a condition is a comparison, such as `x > 0.0`".to_owned());
            Described { code: "wrong-type", message, help, token: false }
        }
        E::ErrorMismatchOutputType(wanted, found, _) => {
            whole("wrong-type", format!("expected {}, but this gave {}", named_kind(&wanted), named_kind(&found)))
        }
        E::ErrorArrayBounds(length, index, _) => {
            let message = format!(
                "index {index} is outside of an array with {length} element{}",
                if length == 1 { "" } else { "s" }
            );
            with("out-of-bounds", message, "the first element is `[0]` and the last is `[len() - 1]`")
        }
        E::ErrorIndexingType(what, _) => {
            let kind = bare_kind(what.split_once(" [").map_or(what.as_str(), |(kind, _)| kind));
            let help = (kind == "scalar").then(|| "a scalar is one number; only arrays have elements".to_owned());
            Described {
                code: "wrong-type",
                message: format!("a {kind} cannot be indexed like this"),
                help,
                token: false,
            }
        }
        E::ErrorFor(_) => {
            with("wrong-type", "`for` cannot go over this".to_owned(), "write `for x in array` or `for i in 0..n`")
        }
        E::ErrorAssignmentToConstant(name, _) => {
            whole("assignment-to-constant", format!("`{name}` is a constant and cannot be given another value"))
        }
        E::ErrorArithmetic(message, _) => with(
            "arithmetic",
            lowered(&message),
            "these are whole numbers; write `1.0` for one that may have a fraction",
        ),
        E::ErrorDataRace(..) => {
            let help = "take out what the closure needs first, such as `let largest = z.max();`";
            with("data-race", "the closure uses the same array that is being gone over".to_owned(), help)
        }
        E::ErrorModuleNotFound(name, _) => whole("unknown-module", format!("no module `{name}` is imported")),
        E::ErrorForbiddenVariable(name, _) => whole("reserved-name", format!("`{name}` cannot be used as a name")),
        other => whole("script", lowered(other.unwrap_inner().to_string().split(" (line").next().unwrap_or(""))),
    }
}

/// What the interpreter calls `Size of array/BLOB` or `Length of string`.
fn measured(kind: &str) -> &'static str {
    let kind = kind.to_lowercase();
    if kind.contains("map") {
        "map"
    } else if kind.contains("array") {
        "array"
    } else {
        "text"
    }
}

const ENDLESS: &str = "is there a loop without an end?";

fn thrown(value: Dynamic) -> Described {
    match value.try_cast_result::<Problem>() {
        Ok(Problem { code, message, help }) => Described { code, message, help, token: false },
        Err(value) => {
            let message = match value.into_string() {
                Ok(text) => text,
                Err("()") => "the script threw an error".to_owned(),
                Err(other) => format!("the script threw {}", named_kind(other)),
            };
            Described { code: "thrown", message, help: Some("`throw` stops the script here".to_owned()), token: true }
        }
    }
}

fn stopped(value: Dynamic) -> Described {
    let (code, message) = match value.try_cast::<Stopped>() {
        Some(Stopped::Operations(most)) => {
            ("too-many-operations", format!("the script was stopped after {most} operations"))
        }
        Some(Stopped::Memory(most)) => {
            ("too-large", format!("the script was stopped when it held {} MiB", most.div_ceil(1 << 20)))
        }
        Some(Stopped::Time(time)) => ("too-slow", format!("the script was stopped after {} ms", time.as_millis())),
        None => ("stopped", "the script was stopped".to_owned()),
    };
    Described { code, message, help: Some(ENDLESS.to_owned()), token: false }
}

/// All functions that come with the language.
fn native_names<'n>() -> impl Iterator<Item = &'n str> {
    let numbers = functions::UNARY.iter().chain(functions::BINARY).map(|(name, _)| *name);
    let others = [functions::OTHERS, arrays::NAMES, making::NAMES].into_iter().flatten().copied();
    numbers.chain(others)
}

/// `name (type, type)` as the interpreter writes a call it cannot resolve.
fn unknown_function(program: &Program, signature: &str) -> Described {
    let (name, arguments) =
        signature.split_once(" (").map_or((signature, ""), |(name, rest)| (name, rest.trim_end_matches(')')));
    let name = name.rsplit("::").next().unwrap_or(name);
    let kinds: Vec<&str> = arguments.split(", ").filter(|kind| !kind.is_empty()).map(bare_kind).collect();
    let came = kinds.join(", ");
    let described = |code, message: String, help: Option<String>| Described { code, message, help, token: false };
    if !name.starts_with(|ch: char| ch.is_alphabetic() || ch == '_') {
        let message = match kinds.as_slice() {
            [one] => format!("`{name}` cannot be used on {}", article(one)),
            [left, right] => format!("`{name}` cannot be used between {} and {}", article(left), article(right)),
            _ => format!("`{name}` cannot be used like this"),
        };
        let help = kinds
            .contains(&"array")
            .then(|| "take one element with `[i]`, or go over all of them with `map`".to_owned());
        let help = help.or_else(|| {
            kinds.contains(&"nothing").then(|| "an `if` without `else`, a loop and a `let` give nothing".to_owned())
        });
        return described("wrong-type", message, help);
    }
    let own: Vec<_> = program.functions.iter().filter(|function| function.name == name).collect();
    if let Some(function) = own.first() {
        let message =
            format!("`{name}` takes {} arguments but was called with {}", function.parameters.len(), kinds.len());
        return described(
            "wrong-arity",
            message,
            Some(format!("it is `fn {name}({})`", function.parameters.join(", "))),
        );
    }
    if native_names().any(|known| known == name) {
        let help = match kinds.as_slice() {
            ["array"] => Some(format!("`{name}` works on one number; for each element write `x.map(|v| {name}(v))`")),
            [_, _, _, ..] if name == "max" || name == "min" => {
                Some(format!("`{name}` takes two numbers or one array: `{name}([a, b, c])`"))
            }
            _ if name == "to_int" || name == "to_float" => Some("`value(x)` gives the plain number".to_owned()),
            _ if kinds.contains(&"nothing") => {
                Some("an `if` without `else`, a loop and a `let` give nothing".to_owned())
            }
            _ => None,
        };
        return described("wrong-type", format!("`{name}` cannot take ({came})"), help);
    }
    if kinds.first() == Some(&"stage") && making::CUES.contains(&name) {
        let came = kinds[1..].join(", ");
        return described("wrong-type", format!("`stage.{name}` cannot take ({came})"), None);
    }
    if kinds.first() == Some(&"stage") {
        let help = words::suggestion(name, making::CUES.iter().copied());
        return described("unknown-cue", format!("there is no cue `{name}`"), help);
    }
    let help = match name {
        "log" => Some("did you mean `ln`, `log10` or `log2`?".to_owned()),
        "rand" | "random" => {
            Some("random numbers come from `ctx.rng`, for data sets and initial weights only".to_owned())
        }
        "contains" if kinds == ["range", "scalar"] => {
            Some("compare with both ends instead: `x >= 0 && x < 5`".to_owned())
        }
        "timestamp" | "sleep" => Some("scripts have no clock".to_owned()),
        _ => {
            let names = program.functions.iter().map(|function| function.name.as_str()).chain(native_names());
            words::nearest(name, names).map(|near| format!("did you mean `{near}`?"))
        }
    };
    described("unknown-function", format!("there is no function `{name}`({came})").replace("`(", "` for ("), help)
}

fn article(kind: &str) -> String {
    match kind {
        "true or false" | "nothing" => kind.to_owned(),
        _ if kind.starts_with(['a', 'e', 'i', 'o', 'u']) => format!("an {kind}"),
        _ => format!("a {kind}"),
    }
}

fn near_name(place: &Place, name: &str) -> Option<String> {
    let scope = place.text.names_in_scope(place.offset);
    let functions = place.text.extents.functions.iter().map(|function| function.name.as_str());
    let constants = CONSTANTS.iter().map(|(name, _)| *name);
    let near = words::nearest(name, scope.into_iter().chain(functions).chain(constants))?;
    Some(format!("did you mean `{near}`?"))
}

/// Every name that follows a point or begins a map's entry in this text.
fn properties(place: &Place) -> Vec<&str> {
    let text = &place.text.source.text;
    let word = |k: usize| place.text.tokens.get(k).map_or("", |token| &text[token.start..token.end]);
    let tokens = place.text.tokens.iter().enumerate();
    tokens
        .filter(|(_, token)| token.kind == TokenKind::Identifier && token.start != place.offset)
        .filter(|(k, _)| word(k + 1) == ":" || (*k > 0 && word(k - 1) == "."))
        .map(|(k, _)| word(k))
        .chain([
            "lr",
            "step",
            "grad_norm",
            "layer_grad_norm",
            "layer_weight_norm",
            "is_bias",
            "fan_in",
            "fan_out",
            "layer",
            "rng",
            "count",
            "noise",
        ])
        .collect()
}
