//! Converts compiler errors to diagnostics.

use crate::diagnostics::problem::Problem;
use crate::diagnostics::wording;
use crate::reference::{Group, names};
use crate::runtime::compile::CONSTANTS;
use crate::runtime::host::Host;
use crate::text::lexer::TokenKind;
use crate::text::{ScriptText, SourcePosition};
use rhai::{LexError, ParseError, ParseErrorType};
use slowgrad_tape::Diagnostic;
use std::rc::Rc;

/// Converts a compiler error. `part` is the compiled text, with blanks for the parts left out. If the error is at the
/// end of the text, the location is the end of the piece, `end`.
pub(crate) fn diagnostic(
    host: &Host,
    text: &Rc<ScriptText>,
    part: &ScriptText,
    error: &ParseError,
    end: Option<usize>,
) -> Diagnostic {
    let place = part.offset(error.position()).map(|offset| SourcePosition { text: Rc::clone(text), offset });
    let problem = host.explain_limit(problem(error.err_type(), place.as_ref()));
    let end = text.source.text[..end.unwrap_or(text.source.text.len())].trim_end().len();
    let location = place.filter(|place| place.offset < end);
    let location = location.map_or_else(|| text.location(text.range(end, end)), |place| place.token());
    problem.at(location)
}

fn problem(error: &ParseErrorType, place: Option<&SourcePosition>) -> Problem {
    use ParseErrorType as E;
    match error {
        E::UnexpectedEOF => Problem::new("unexpected-end", "the file ends unexpectedly")
            .help("an opening bracket or brace is not closed"),
        E::VariableUndefined(name) => {
            let help = foreign_word_help(name).map(str::to_owned);
            let help = help.or_else(|| {
                let place = place?;
                out_of_scope_help(place, name)
                    .or_else(|| new_variable_help(place, name))
                    .or_else(|| did_you_mean(place, name))
            });
            let help = help.or_else(|| function_value_help(name));
            Problem::new("unknown-name", format!("`{name}` is not defined here"))
                .help(help.unwrap_or_else(|| format!("give it a value first: `let {name} = …;`")))
        }
        E::ModuleUndefined(name) => Problem::new("unknown-module", format!("no module `{name}` is imported")).help(
            foreign_word_help(name)
                .map_or_else(|| format!("write `import \"{name}\" as {name};` at the top of the file"), str::to_owned),
        ),
        E::BadInput(lex) => lexical_problem(lex, place),
        E::MissingToken(token, _) if token == ";" => Problem::new("missing-token", "a `;` is missing before this")
            .help("each statement but the last ends in `;`"),
        E::MissingToken(token, _) => {
            let problem = Problem::new("missing-token", format!("a `{token}` is missing before this"));
            problem.maybe_help(match token.as_str() {
                ")" | "]" | "}" => {
                    Some(format!("an opening bracket is not closed: add `{token}`, or remove the excess code"))
                }
                "{" => Some(place.and_then(logical_word_help).unwrap_or(BRACES_HELP).to_owned()),
                "in" => Some("write `for x in array { … }`".to_owned()),
                _ => Some(FALLBACK_HELP.to_owned()),
            })
        }
        E::ExprExpected(_) => {
            Problem::new("expression-expected", "a value is missing here").help("write a number, a name or a call")
        }
        E::Reserved(name) => {
            let message = format!("`{name}` is a keyword or is not available in scripts");
            Problem::new("reserved-name", message).help(disabled_word_help(name).unwrap_or("choose another name"))
        }
        E::AssignmentToConstant(name) => assignment_to_constant(name),
        E::FnDuplicatedDefinition(name, arity) => {
            let message = format!("`fn {name}` with {} is defined twice", wording::count(*arity, "argument"));
            Problem::new("duplicate-function", message).help("give one of them another name, or remove it")
        }
        E::FnDuplicatedParam(function, name) => {
            let message = format!("`fn {function}` has two arguments named `{name}`");
            Problem::new("syntax", message).help("give one of them another name")
        }
        E::FnMissingParams(name) => Problem::new("syntax", format!("the arguments of `fn {name}` are missing"))
            .help(format!("write `fn {name}(x)`, or `fn {name}()` for none")),
        E::FnMissingBody(name) => {
            Problem::new("syntax", format!("`fn {name}` has no body")).help(format!("write `fn {name}(…) {{ … }}`"))
        }
        E::FnMissingName => Problem::new("syntax", "a function needs a name here").help("write `fn name(x) { … }`"),
        E::WrongFnDefinition => Problem::new("syntax", "a function cannot be defined inside another one")
            .help("move it out, or write a closure: `let f = |x| …;`"),
        E::PropertyExpected => {
            Problem::new("syntax", "a name is missing after the point").help("write `x.name` or `x.name(…)`")
        }
        E::VariableExpected => Problem::new("syntax", "a name is missing here").help("write `let name = …;`"),
        E::AssignmentToInvalidLHS(_) | E::MissingSymbol(_) => Problem::new("syntax", "this cannot be assigned to")
            .help("only a variable, a field or an element can be assigned to; `==` compares"),
        E::DuplicatedProperty(name) => {
            Problem::new("syntax", format!("this map has the field `{name}` twice")).help("remove one of them")
        }
        E::WrongDocComment => {
            Problem::new("syntax", "`///` describes a function, but none follows").help("write `//` for other comments")
        }
        E::WrongSwitchCaseCondition => Problem::new("syntax", "this case of a `switch` cannot have a condition")
            .help("`_` matches everything else; use `if … { } else if … { }` for conditions"),
        E::LoopBreak => {
            Problem::new("syntax", "`break` and `continue` belong inside a loop").help("`return` leaves a function")
        }
        E::ExprTooDeep => {
            Problem::new("too-deep", "this expression is nested too deeply").help("split it with `let`.").limit("depth")
        }
        E::TooManyFunctions => Problem::new("too-many-functions", "this file defines too many functions")
            .help("put some of them into another file and `import` it.")
            .limit("functions"),
        E::LiteralTooLarge(kind, max) => {
            let message = format!("this {} is longer than {max}", container_kind(kind));
            Problem::new("too-large", message)
                .help("put long data into a CSV file and name it with `csv(…)`.")
                .limit(container_limit(kind))
        }
        E::UnknownOperator(operator) => Problem::new("syntax", format!("there is no operator `{operator}`"))
            .help(foreign_symbol_help(operator).unwrap_or(FALLBACK_HELP)),
        other => Problem::new("syntax", lowercase_first(&other.to_string())).help(FALLBACK_HELP),
    }
}

fn lexical_problem(error: &LexError, place: Option<&SourcePosition>) -> Problem {
    let with = |message: &str, help: &str| Problem::new("syntax", message).help(help);
    match error {
        LexError::MalformedNumber(text) if text.starts_with('.') => with("this is not a number", LEADING_ZERO_HELP),
        LexError::UnexpectedInput(text) if text == "." => with("a point is not allowed here", LEADING_ZERO_HELP),
        LexError::MalformedNumber(text) => {
            with(&format!("`{text}` is not a number"), "write numbers as `12`, `0.5` or `1.5e-3`")
        }
        LexError::UnexpectedInput(text) if text.chars().all(|ch| ch.is_whitespace() && !ch.is_ascii()) => {
            with("this is not an ordinary space", "it only looks like a space, as in some copied texts; type it again")
        }
        LexError::UnexpectedInput(text) if [")", "]", "}", ";", ","].contains(&text.as_str()) => {
            let problem = Problem::new("expression-expected", format!("a value is missing before this `{text}`"));
            problem.help("the code before it is incomplete, or there is one bracket too many")
        }
        LexError::UnexpectedInput(text) if text.chars().all(|ch| ch.is_alphabetic() && !ch.is_ascii()) => with(
            &format!("`{text}` cannot be part of a name"),
            "names consist of the letters a to z, digits and `_`, such as `alpha`; texts and comments may contain any letter",
        ),
        LexError::UnexpectedInput(text) => {
            let problem = Problem::new("syntax", format!("`{text}` is not allowed here"));
            let ended = place.filter(|place| place.text.source.text[..place.offset].trim_end().ends_with('}'));
            problem.help(foreign_symbol_help(text).or(ended.map(|_| BLOCK_VALUE_HELP)).unwrap_or(FALLBACK_HELP))
        }
        LexError::UnterminatedString => with("this text is not closed", "close it with the quote it was opened with"),
        LexError::StringTooLong(max) => Problem::new("too-large", format!("this text is longer than {max}"))
            .help("put long data into a CSV file and name it with `csv(…)`.")
            .limit("string"),
        LexError::MalformedEscapeSequence(text) => with(
            &format!("`{text}` is not a valid escape in a text"),
            "write `\\\\` for a backslash and `\\n` for a new line",
        ),
        LexError::MalformedChar(_) => {
            with("single quotes hold one character", "write longer texts between double quotes: \"…\"")
        }
        LexError::ImproperSymbol(symbol, _) if symbol.starts_with(char::is_alphabetic) => {
            let message = format!("`{symbol}` is not available in scripts");
            let without = "choose another name, or remove it";
            Problem::new("reserved-name", message).help(disabled_word_help(symbol).unwrap_or(without))
        }
        LexError::ImproperSymbol(symbol, _) => {
            let problem = Problem::new("syntax", format!("`{symbol}` is not allowed here"));
            problem.help(foreign_symbol_help(symbol).unwrap_or(FALLBACK_HELP))
        }
        other => Problem::new("syntax", lowercase_first(&other.to_string())).help(FALLBACK_HELP),
    }
}

const FALLBACK_HELP: &str = "remove it, or check the code before it: something may be missing there";

const BLOCK_VALUE_HELP: &str =
    "an `if`, `switch` or block at the start of a statement ends at its brace; to use its value, put it in parentheses";

const BRACES_HELP: &str = "the body of `if`, `else`, `for`, `while` and `fn` goes between `{` and `}`";

const LEADING_ZERO_HELP: &str = "write a zero before the point: `0.5`";

/// Explains symbols of other languages.
fn foreign_symbol_help(symbol: &str) -> Option<&'static str> {
    Some(match symbol {
        "===" => "write `==` to compare",
        "!==" | "<>" => "write `!=` to compare",
        ":=" => "write `let x = …;`",
        "=" => "`==` compares; an assignment is a separate statement, `x = …;`",
        "++" => "write `x += 1`",
        "--" => "write `x -= 1`",
        "->" => "a function is `fn f(x) { … }` and a closure `|x| …`",
        "?" => "write `if condition { a } else { b }`",
        "…" => "write it out; `…` stands for omitted code",
        "−" | "–" => "this is not an ordinary minus sign; type `-` again",
        "×" | "·" => "write `*` to multiply",
        "÷" => "write `/` to divide",
        "“" | "”" | "„" | "«" | "»" => "write texts between straight quotes: \"…\"",
        _ => return None,
    })
}

/// Explains keywords of Rhai that are disabled in scripts.
fn disabled_word_help(word: &str) -> Option<&'static str> {
    Some(match word {
        "try" | "catch" => "an error stops the script and shows its cause; prevent it with `if`",
        "eval" => "a text cannot be run; write a function, or choose one by its name with `Fn(name)`",
        _ => return None,
    })
}

/// Explains `and` and `or` of other languages.
fn logical_word_help(place: &SourcePosition) -> Option<&'static str> {
    let location = place.token();
    match location.span.text(&location.source) {
        "and" => Some("write `&&`: both must hold"),
        "or" => Some("write `||`: one of them must hold"),
        _ => None,
    }
}

/// Explains keywords of other languages that look like names.
fn foreign_word_help(name: &str) -> Option<&'static str> {
    Some(match name {
        "def" | "function" | "func" => "a function is written `fn name(x) { … }`",
        "lambda" => "a closure is written `|x| …`",
        "elif" | "elsif" | "elseif" => "write `else if`",
        "not" => "write `!`, such as `!(x > 0.0)`",
        "True" => "write `true`",
        "False" => "write `false`",
        "None" | "null" | "nil" => "write `()` for no value",
        "Math" | "math" | "np" | "numpy" | "torch" => "functions of numbers have no prefix, such as `sqrt(x)`",
        _ => return None,
    })
}

/// Explains a name that is defined, but out of scope.
fn out_of_scope_help(place: &SourcePosition, name: &str) -> Option<String> {
    let text = &place.text;
    let within =
        |at: usize| text.source_map.functions.iter().any(|function| (function.start..=function.end).contains(&at));
    if !within(place.offset) {
        return None;
    }
    let words = text.tokens.iter().filter(|token| !matches!(token.kind, TokenKind::Comment | TokenKind::DocComment));
    let words: Vec<(usize, &str)> =
        words.map(|token| (token.start, &text.source.text[token.start..token.end])).collect();
    let outside =
        words.windows(2).find(|pair| pair[1].1 == name && matches!(pair[0].1, "const" | "let") && !within(pair[0].0));
    if let Some(pair) = outside {
        return Some(match pair[0].1 {
            "const" => format!("functions see the constants of a file as `global::{name}`"),
            _ => format!("functions see constants only: write `const {name} = …;` there and `global::{name}` here"),
        });
    }
    if text.source_map.functions.iter().any(|function| function.name == name) {
        return Some(format!("refer to a function defined further down as `Fn(\"{name}\")`"));
    }
    let context = text.names_in_scope(place.offset).contains(&"ctx");
    let fields = ["lr", "step", "grad_norm", "is_bias", "fan_in", "fan_out", "layer", "rng", "count", "noise"];
    (context && fields.contains(&name)).then(|| format!("write `ctx.{name}`"))
}

/// Explains an assignment to an undeclared name.
fn new_variable_help(place: &SourcePosition, name: &str) -> Option<String> {
    let text = &place.text.source.text;
    let behind = text[place.offset..].strip_prefix(name)?.trim_start().strip_prefix('=')?;
    if behind.starts_with('=') {
        return None;
    }
    let new = format!("declare a new variable with `let`: `let {name} = …;`");
    let near = did_you_mean(place, name).filter(|_| name.chars().count() > 1);
    Some(near.map_or_else(|| new.clone(), |near| format!("{near} {new}")))
}

/// Explains a native function used as a value, as in `map(exp)`.
fn function_value_help(name: &str) -> Option<String> {
    let function = [Group::Numbers, Group::Arrays].into_iter().any(|group| names(group).any(|known| known == name));
    function.then(|| format!("pass a function as a closure: `|x| {name}(x)`"))
}

/// An assignment to a constant.
pub(crate) fn assignment_to_constant(name: &str) -> Problem {
    let message = format!("`{name}` is a constant and cannot be changed");
    Problem::new("assignment-to-constant", message).help("use `let` for a value that changes")
}

pub(crate) fn lowercase_first(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_lowercase().chain(chars).collect())
}

/// The container in Rhai's `Size of array/BLOB` or `Length of string`.
pub(crate) fn container_kind(kind: &str) -> &'static str {
    let kind = kind.to_lowercase();
    if kind.contains("map") {
        "map"
    } else if kind.contains("array") {
        "array"
    } else {
        "text"
    }
}

/// The limit on a container that the interpreter names.
pub(crate) fn container_limit(kind: &str) -> &'static str {
    match container_kind(kind) {
        "text" => "string",
        other => other,
    }
}

/// Suggests the known name most similar to an unknown one.
pub(crate) fn did_you_mean(place: &SourcePosition, name: &str) -> Option<String> {
    let scope = place.text.names_in_scope(place.offset);
    let functions = place.text.source_map.functions.iter().map(|function| function.name.as_str());
    let constants = CONSTANTS.iter().map(|(name, _)| *name);
    // All single letters are similar to each other, so global names must match exactly.
    let comparable = |other: &&str| name.chars().count() > 1 || other.eq_ignore_ascii_case(name);
    let near = wording::nearest(name, scope.into_iter().chain(functions.chain(constants).filter(comparable)))?;
    Some(format!("did you mean `{near}`?"))
}
