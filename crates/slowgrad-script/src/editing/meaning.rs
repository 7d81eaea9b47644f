//! What a name means: where it is bound, or the file that an import leads to.

use super::outline::{Outline, Role};
use crate::text::lexer::TokenKind;
use std::ops::Range;

/// Where a name's meaning is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Meaning {
    /// At these bytes of the same text.
    Here(Range<usize>),
    /// In a file that is imported.
    File {
        /// As the import writes it, such as `shared/helpers`.
        path: String,
        /// The function meant there, when the name is one behind `::`.
        function: Option<String>,
    },
}

/// What the name at a byte means: the function, `let`, parameter or import that binds it, the field of `fn state()` or
/// `fn params()`, or the file of an import. Nothing for what comes with the language.
pub fn definition(text: &str, offset: usize) -> Option<Meaning> {
    let outline = Outline::new(text);
    let at =
        outline.tokens.iter().position(|token| (token.start..=token.end).contains(&offset) && is_meant(token.kind))?;
    let token = outline.tokens[at];
    let name = outline.word(at);
    let back = |n: usize| at.checked_sub(n).map_or("", |at| outline.word(at));
    if token.kind == TokenKind::Text {
        let path = name.trim_matches('"').to_owned();
        return (back(1) == "import").then_some(Meaning::File { path, function: None });
    }
    if back(1) == "::" {
        let path = imported(&outline, back(2))?;
        return Some(Meaning::File { path, function: Some(name.to_owned()) });
    }
    if back(1) == "." || back(1) == "?." {
        let owner = match outline.role(back(2), token.start)? {
            Role::State => "state",
            Role::Values | Role::Context => "params",
            _ => return None,
        };
        let key = outline.keys(owner).into_iter().find(|(key, _)| *key == name);
        return key.map(|(_, range)| Meaning::Here(range));
    }
    // A map's key binds nothing, and a call means the function even where a variable has its name.
    if outline.word(at + 1) == ":" && matches!(back(1), "#{" | ",") {
        return None;
    }
    let function = || outline.text.function(name).map(|function| Meaning::Here(function.name_at.0..function.name_at.1));
    let bound = || bound(&outline, name, token.start).map(|at| Meaning::Here(at..at + name.len()));
    if outline.word(at + 1) == "(" { function().or_else(bound) } else { bound().or_else(function) }
}

fn is_meant(kind: TokenKind) -> bool {
    matches!(kind, TokenKind::Identifier | TokenKind::Function | TokenKind::Text)
}

/// The path of the import that has a name.
fn imported(outline: &Outline, name: &str) -> Option<String> {
    let imports = (0..outline.tokens.len()).filter(|&at| outline.word(at) == "import");
    let mut named = imports.filter(|&at| outline.word(at + 2) == "as" && outline.word(at + 3) == name);
    named.next().map(|at| outline.word(at + 1).trim_matches('"').to_owned())
}

/// Where the name that is seen at a byte is bound: the last binding before it whose block reaches so far.
fn bound(outline: &Outline, name: &str, offset: usize) -> Option<usize> {
    let function = outline.function_at(offset);
    // Imports and constants outside all functions are seen everywhere.
    let sees = |owner: Option<&str>| owner.is_none() || owner == function;
    let bindings = outline.text.source_map.bindings.iter().rev();
    let mut seen = bindings.filter(|(at, bound)| {
        bound == name
            && (*at == offset || *at < offset && sees(outline.function_at(*at)) && reaches(outline, *at, offset))
    });
    seen.next().map(|(at, _)| *at)
}

/// Whether what is bound at one byte is seen at another: its block is still open and its own statement is over.
fn reaches(outline: &Outline, bound: usize, offset: usize) -> bool {
    let from = outline.before(bound);
    let until = outline.before(offset);
    let declares = from.checked_sub(1).is_some_and(|at| matches!(outline.word(at), "let" | "const"));
    let (mut depth, mut over) = (0_i32, !declares);
    for at in from..until {
        match outline.word(at) {
            ";" if depth == 0 => over = true,
            "{" | "#{" | "${" | "(" | "[" => depth += 1,
            "}" => {
                depth -= 1;
                if depth < 0 {
                    return false;
                }
            }
            ")" | "]" => depth = (depth - 1).max(0),
            _ => {}
        }
    }
    over
}
