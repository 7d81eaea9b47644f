//! Go to definition: where a name is bound, or which file an import refers to.

use super::outline::{Outline, ParameterRole};
use crate::text::lexer::TokenKind;
use std::ops::Range;

/// The place where a name is defined.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Definition {
    /// In the same text, at these bytes.
    Here(Range<usize>),
    /// In an imported file.
    File {
        /// The path in the import, such as `shared/helpers`.
        path: String,
        /// The function in that file, if the name follows `::`.
        function: Option<String>,
    },
}

/// The definition of the name at a byte: the function, `let`, parameter or import that binds it, the field of
/// `fn state()` or `fn params()`, or the file of an import. `None` for names that are part of the language.
pub fn definition(text: &str, offset: usize) -> Option<Definition> {
    let outline = Outline::new(text);
    let at = outline
        .tokens
        .iter()
        .position(|token| (token.start..=token.end).contains(&offset) && can_be_defined(token.kind))?;
    let token = outline.tokens[at];
    let name = outline.word(at);
    let back = |n: usize| at.checked_sub(n).map_or("", |at| outline.word(at));
    if token.kind == TokenKind::Text {
        let path = name.trim_matches('"').to_owned();
        return (back(1) == "import").then_some(Definition::File { path, function: None });
    }
    if back(1) == "::" {
        let path = imported(&outline, back(2))?;
        return Some(Definition::File { path, function: Some(name.to_owned()) });
    }
    if back(1) == "." || back(1) == "?." {
        let owner = match outline.role(back(2), token.start)? {
            ParameterRole::State => "state",
            ParameterRole::Values | ParameterRole::Context => "params",
            _ => return None,
        };
        let key = outline.keys(owner).into_iter().find(|(key, _)| *key == name);
        return key.map(|(_, range)| Definition::Here(range));
    }
    // A key of a map binds nothing. A call refers to the function, even if a variable has the same name.
    if outline.word(at + 1) == ":" && matches!(back(1), "#{" | ",") {
        return None;
    }
    let function =
        || outline.text.function(name).map(|function| Definition::Here(function.name_at.0..function.name_at.1));
    let bound = || bound(&outline, name, token.start).map(|at| Definition::Here(at..at + name.len()));
    if outline.word(at + 1) == "(" { function().or_else(bound) } else { bound().or_else(function) }
}

fn can_be_defined(kind: TokenKind) -> bool {
    matches!(kind, TokenKind::Identifier | TokenKind::Function | TokenKind::Text)
}

/// The path of the import with this name.
fn imported(outline: &Outline, name: &str) -> Option<String> {
    let imports = (0..outline.tokens.len()).filter(|&at| outline.word(at) == "import");
    let mut named = imports.filter(|&at| outline.word(at + 2) == "as" && outline.word(at + 3) == name);
    named.next().map(|at| outline.word(at + 1).trim_matches('"').to_owned())
}

/// The binding of a name that is visible at a byte: the last one before it whose scope includes the byte.
fn bound(outline: &Outline, name: &str, offset: usize) -> Option<usize> {
    let function = outline.function_at(offset);
    // Imports and constants outside all functions are visible everywhere.
    let in_scope = |owner: Option<&str>| owner.is_none() || owner == function;
    let bindings = outline.text.source_map.bindings.iter().rev();
    let mut visible = bindings.filter(|(at, bound)| {
        bound == name
            && (*at == offset || *at < offset && in_scope(outline.function_at(*at)) && reaches(outline, *at, offset))
    });
    visible.next().map(|(at, _)| *at)
}

/// Whether a binding at one byte is visible at another: its block is still open and its own statement has ended.
fn reaches(outline: &Outline, bound: usize, offset: usize) -> bool {
    let from = outline.before(bound);
    let until = outline.before(offset);
    let declared = from.checked_sub(1).is_some_and(|at| matches!(outline.word(at), "let" | "const"));
    let (mut depth, mut ended) = (0_i32, !declared);
    for at in from..until {
        match outline.word(at) {
            ";" if depth == 0 => ended = true,
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
    ended
}
