//! A summary of an imported file, to check the calls in the files that import it.

use crate::text::ScriptText;
use crate::text::lexer::{Token, TokenKind};
use slowgrad_tape::Diagnostic;
use std::collections::BTreeSet;

/// A summary of an imported file.
#[derive(Debug, Default)]
pub(crate) struct ImportSummary {
    pub(super) functions: Vec<Signature>,
    pub(super) fields: Fields,
    pub(super) faults: Vec<Diagnostic>,
}

/// A function's name and its number of parameters.
pub(crate) type Signature = (String, usize);

/// The map fields of a text that may hold closures.
#[derive(Debug, Default, Clone)]
pub(crate) struct Fields {
    names: BTreeSet<String>,
    /// Some field names are computed at run time.
    made: bool,
}

impl Fields {
    /// Collects names before a colon or after a point, and all strings.
    pub(crate) fn of(text: &ScriptText) -> Self {
        let whole = &text.source.text;
        let tokens: Vec<&Token> =
            text.tokens.iter().filter(|t| !matches!(t.kind, TokenKind::Comment | TokenKind::DocComment)).collect();
        let word = |at: usize| tokens.get(at).map_or("", |token: &&Token| &whole[token.start..token.end]);
        let mut fields = Self::default();
        let (mut closures, mut computed) = (!text.source_map.closures.is_empty(), false);
        for (i, token) in tokens.iter().enumerate() {
            let before = i.checked_sub(1).map_or("", word);
            match token.kind {
                TokenKind::Text => drop(fields.names.insert(word(i).trim_matches(['"', '\'', '`']).to_owned())),
                TokenKind::Identifier | TokenKind::Keyword if word(i + 1) == ":" || before == "." => {
                    fields.names.insert(word(i).to_owned());
                }
                TokenKind::Function if word(i) == "Fn" => closures = true,
                TokenKind::Function if word(i) == "set" => {
                    computed |= tokens.get(i + 2).is_some_and(|t| t.kind != TokenKind::Text);
                }
                TokenKind::Bracket if word(i) == "]" && word(i + 1) == "=" => {
                    let literal = matches!(tokens[i - 1].kind, TokenKind::Text | TokenKind::Number);
                    computed |= !(literal && i >= 2 && word(i - 2) == "[");
                }
                _ => {}
            }
        }
        fields.made = closures && computed;
        fields
    }

    pub(crate) fn join(&mut self, other: &Self) {
        self.names.extend(other.names.iter().cloned());
        self.made |= other.made;
    }

    pub(super) fn may_hold(&self, name: &str) -> bool {
        self.made || self.names.contains(name)
    }
}
