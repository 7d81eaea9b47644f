//! Errors of the compiler in plain words.

use crate::diagnostics::problem::Problem;
use crate::diagnostics::wording;
use crate::reference::{Group, names};
use crate::runtime::compile::CONSTANTS;
use crate::text::lexer::TokenKind;
use crate::text::{ScriptText, SourcePosition};
use rhai::{LexError, ParseError, ParseErrorType};
use slowgrad_tape::Diagnostic;
use std::rc::Rc;

/// An error of the compiler at its place; `part` is the text that was compiled, with blanks for what was left out,
/// and what is missing there is missing before `end`.
pub(crate) fn diagnostic(
    text: &Rc<ScriptText>,
    part: &ScriptText,
    error: &ParseError,
    end: Option<usize>,
) -> Diagnostic {
    let place = part.offset(error.position()).map(|offset| SourcePosition { text: Rc::clone(text), offset });
    let problem = problem(error.err_type(), place.as_ref());
    let end = text.source.text[..end.unwrap_or(text.source.text.len())].trim_end().len();
    let location = place.filter(|place| place.offset < end);
    let location = location.map_or_else(|| text.location(text.range(end, end)), |place| place.token());
    problem.at(location)
}

fn problem(error: &ParseErrorType, place: Option<&SourcePosition>) -> Problem {
    use ParseErrorType as E;
    match error {
        E::UnexpectedEOF => Problem::new("unexpected-end", "the file ends in the middle of something")
            .help("a bracket or a brace that was opened is not closed"),
        E::VariableUndefined(name) => {
            let meant = foreign_word_help(name).map(str::to_owned);
            let meant = meant.or_else(|| {
                let place = place?;
                out_of_scope_help(place, name)
                    .or_else(|| new_variable_help(place, name))
                    .or_else(|| did_you_mean(place, name))
            });
            let meant = meant.or_else(|| function_value_help(name));
            Problem::new("unknown-name", format!("`{name}` is not known here"))
                .help(meant.unwrap_or_else(|| format!("give it a value first: `let {name} = …;`")))
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
                    Some(format!("what was opened is not closed: add `{token}`, or take out what is too much"))
                }
                "{" => Some(place.and_then(logical_word_help).unwrap_or(BRACES_HELP).to_owned()),
                "in" => Some("write `for x in array { … }`".to_owned()),
                _ => Some(FALLBACK_HELP.to_owned()),
            })
        }
        E::ExprExpected(_) => Problem::new("expression-expected", "a value is missing here")
            .help("a number, a name or a call can stand here"),
        E::Reserved(name) => {
            let message = format!("`{name}` is a word of the language or is not available in scripts");
            Problem::new("reserved-name", message).help(disabled_word_help(name).unwrap_or("choose another name"))
        }
        E::AssignmentToConstant(name) => assignment_to_constant(name),
        E::FnDuplicatedDefinition(name, arity) => {
            let message = format!("`fn {name}` with {} is defined twice", wording::count(*arity, "argument"));
            Problem::new("duplicate-function", message).help("give one of them another name, or take it out")
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
        E::AssignmentToInvalidLHS(_) | E::MissingSymbol(_) => Problem::new("syntax", "this cannot be given a value")
            .help("a value is given to a variable, a field or an element; `==` compares"),
        E::DuplicatedProperty(name) => {
            Problem::new("syntax", format!("this map has the field `{name}` twice")).help("take one of them out")
        }
        E::WrongDocComment => {
            Problem::new("syntax", "`///` describes a function, but none follows").help("write `//` for other remarks")
        }
        E::WrongSwitchCaseCondition => Problem::new("syntax", "this case of a `switch` cannot have a condition")
            .help("`_` takes all that is left; write `if … { } else if … { }` to ask for more"),
        E::LoopBreak => {
            Problem::new("syntax", "`break` and `continue` belong inside a loop").help("`return` leaves a function")
        }
        E::ExprTooDeep => {
            Problem::new("too-deep", "this expression is nested too deeply").help("take it apart with `let`")
        }
        E::TooManyFunctions => Problem::new("too-many-functions", "this file defines too many functions")
            .help("put some of them into another file and `import` it"),
        E::LiteralTooLarge(kind, most) => {
            let message = format!("this {} is longer than {most}", container_kind(kind));
            Problem::new("too-large", message).help("put long data into a CSV file and name it with `csv(…)`")
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
        LexError::UnexpectedInput(text) if text == "." => with("a point cannot stand here", LEADING_ZERO_HELP),
        LexError::MalformedNumber(text) => {
            with(&format!("`{text}` is not a number"), "write numbers as `12`, `0.5` or `1.5e-3`")
        }
        LexError::UnexpectedInput(text) if text.chars().all(|ch| ch.is_whitespace() && !ch.is_ascii()) => with(
            "this space is not a usual one",
            "it only looks like a space, as copied text sometimes has; type it anew",
        ),
        LexError::UnexpectedInput(text) if [")", "]", "}", ";", ","].contains(&text.as_str()) => {
            let problem = Problem::new("expression-expected", format!("a value is missing before this `{text}`"));
            problem.help("what stands before it wants something more, or there is one bracket too many")
        }
        LexError::UnexpectedInput(text) if text.chars().all(|ch| ch.is_alphabetic() && !ch.is_ascii()) => with(
            &format!("`{text}` cannot stand in a name"),
            "names are made of the letters from a to z, digits and `_`, such as `alpha`; texts and remarks hold any letter",
        ),
        LexError::UnexpectedInput(text) => {
            let problem = Problem::new("syntax", format!("`{text}` cannot stand here"));
            let ended = place.filter(|place| place.text.source.text[..place.offset].trim_end().ends_with('}'));
            problem.help(foreign_symbol_help(text).or(ended.map(|_| BLOCK_VALUE_HELP)).unwrap_or(FALLBACK_HELP))
        }
        LexError::UnterminatedString => with("this text is not closed", "close it with the quote it was opened with"),
        LexError::StringTooLong(most) => Problem::new("too-large", format!("this text is longer than {most}"))
            .help("put long data into a CSV file and name it with `csv(…)`"),
        LexError::MalformedEscapeSequence(text) => {
            with(&format!("`{text}` means nothing in a text"), "write `\\\\` for a backslash and `\\n` for a new line")
        }
        LexError::MalformedChar(_) => {
            with("single quotes hold one letter", "write longer texts between double quotes: \"…\"")
        }
        LexError::ImproperSymbol(symbol, _) if symbol.starts_with(char::is_alphabetic) => {
            let message = format!("`{symbol}` is not available in scripts");
            let without = "choose another name, or do without it";
            Problem::new("reserved-name", message).help(disabled_word_help(symbol).unwrap_or(without))
        }
        LexError::ImproperSymbol(symbol, _) => {
            let problem = Problem::new("syntax", format!("`{symbol}` cannot stand here"));
            problem.help(foreign_symbol_help(symbol).unwrap_or(FALLBACK_HELP))
        }
        other => Problem::new("syntax", lowercase_first(&other.to_string())).help(FALLBACK_HELP),
    }
}

const FALLBACK_HELP: &str = "take it out, or look at what stands before it: something may be missing there";

const BLOCK_VALUE_HELP: &str = "an `if`, `switch` or block at the beginning of a statement ends with its brace; to go on with its value, put it in brackets";

const BRACES_HELP: &str = "what belongs to `if`, `else`, `for`, `while` and `fn` stands between `{` and `}`";

const LEADING_ZERO_HELP: &str = "write a zero before the point: `0.5`";

/// What people write who come from other languages.
fn foreign_symbol_help(symbol: &str) -> Option<&'static str> {
    Some(match symbol {
        "===" => "write `==` to compare",
        "!==" | "<>" => "write `!=` to compare",
        ":=" => "write `let x = …;`",
        "=" => "`==` compares; a value is given in a statement of its own, `x = …;`",
        "++" => "write `x += 1`",
        "--" => "write `x -= 1`",
        "->" => "a function is `fn f(x) { … }` and a closure `|x| …`",
        "?" => "write `if condition { a } else { b }`",
        "…" => "write what is meant; `…` stands for something that was left out",
        "−" | "–" => "this is not a usual minus; type `-` anew",
        "×" | "·" => "write `*` to multiply",
        "÷" => "write `/` to divide",
        "“" | "”" | "„" | "«" | "»" => "write texts between usual quotes: \"…\"",
        _ => return None,
    })
}

/// Words that Rhai has and scripts have not.
fn disabled_word_help(word: &str) -> Option<&'static str> {
    Some(match word {
        "try" | "catch" => "an error stops a script, so that its cause is seen; ask with `if` before it can arise",
        "eval" => "texts are not run here; write a function, or choose one by its name with `Fn(name)`",
        _ => return None,
    })
}

/// What people write for `&&` and `||` who come from other languages.
fn logical_word_help(place: &SourcePosition) -> Option<&'static str> {
    let location = place.token();
    match location.span.text(&location.source) {
        "and" => Some("write `&&`: both must hold"),
        "or" => Some("write `||`: one of them must hold"),
        _ => None,
    }
}

/// Words of other languages, which stand here as if they were names.
fn foreign_word_help(name: &str) -> Option<&'static str> {
    Some(match name {
        "def" | "function" | "func" => "a function is written `fn name(x) { … }`",
        "lambda" => "a closure is written `|x| …`",
        "elif" | "elsif" | "elseif" => "write `else if`",
        "not" => "write `!`, such as `!(x > 0.0)`",
        "True" => "write `true`",
        "False" => "write `false`",
        "None" | "null" | "nil" => "nothing is written `()`",
        "Math" | "math" | "np" | "numpy" | "torch" => "functions of numbers stand alone, such as `sqrt(x)`",
        _ => return None,
    })
}

/// What is there under an unknown name, but not where it is used.
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
        return Some(format!("a function that stands further down is named with `Fn(\"{name}\")`"));
    }
    let context = text.names_in_scope(place.offset).contains(&"ctx");
    let fields = ["lr", "step", "grad_norm", "is_bias", "fan_in", "fan_out", "layer", "rng", "count", "noise"];
    (context && fields.contains(&name)).then(|| format!("write `ctx.{name}`"))
}

/// An unknown name that is given a value, as a new name is in other languages.
fn new_variable_help(place: &SourcePosition, name: &str) -> Option<String> {
    let text = &place.text.source.text;
    let behind = text[place.offset..].strip_prefix(name)?.trim_start().strip_prefix('=')?;
    if behind.starts_with('=') {
        return None;
    }
    let new = format!("a new name begins with `let`: `let {name} = …;`");
    let near = did_you_mean(place, name).filter(|_| name.chars().count() > 1);
    Some(near.map_or_else(|| new.clone(), |near| format!("{near} {new}")))
}

/// A function of slowgrad where a value is wanted, as in `map(exp)`.
fn function_value_help(name: &str) -> Option<String> {
    let function = [Group::Numbers, Group::Arrays].into_iter().any(|group| names(group).any(|known| known == name));
    function.then(|| format!("a function is handed over in a closure: `|x| {name}(x)`"))
}

/// A constant that is assigned to.
pub(crate) fn assignment_to_constant(name: &str) -> Problem {
    let message = format!("`{name}` is a constant and cannot be given another value");
    Problem::new("assignment-to-constant", message).help("use `let` for what changes")
}

pub(crate) fn lowercase_first(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_lowercase().chain(chars).collect())
}

/// What the interpreter calls `Size of array/BLOB` or `Length of string`.
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

/// The name that was probably meant where an unknown one stands.
pub(crate) fn did_you_mean(place: &SourcePosition, name: &str) -> Option<String> {
    let scope = place.text.names_in_scope(place.offset);
    let functions = place.text.source_map.functions.iter().map(|function| function.name.as_str());
    let constants = CONSTANTS.iter().map(|(name, _)| *name);
    // Every single letter is near every other, so of what is there everywhere only the same one is meant.
    let meant = |other: &&str| name.chars().count() > 1 || other.eq_ignore_ascii_case(name);
    let near = wording::nearest(name, scope.into_iter().chain(functions.chain(constants).filter(meant)))?;
    Some(format!("did you mean `{near}`?"))
}
