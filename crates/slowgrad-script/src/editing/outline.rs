//! A text prepared for editor queries: tokens without comments, brackets and the extents of functions.

use crate::text::ScriptText;
use crate::text::lexer::{Token, TokenKind};
use std::ops::Range;

/// A tokenized text, which may contain syntax errors.
pub(super) struct Outline {
    pub(super) text: ScriptText,
    /// The tokens without comments.
    pub(super) tokens: Vec<Token>,
}

/// The role of a parameter of a contract function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ParameterRole {
    Stage,
    Context,
    Values,
    State,
    Random,
    Layer,
    List,
    Number,
}

/// The roles of a contract function's parameters, in order.
fn roles(function: &str) -> &'static [ParameterRole] {
    use ParameterRole::{Context, Layer, List, Number, Stage, State, Values};
    match function {
        "activation" | "penalty" => &[Number, Values],
        "activation_layer" => &[List, Values],
        "derivative" => &[Number, Number, Values],
        "loss" => &[List, List, Values],
        "update" => &[Number, Number, State, Context],
        "update_layer" => &[Layer, Layer, State, Context],
        "init" | "init_layer" | "dataset" | "state" => &[Context],
        "rate" => &[Number, Context],
        "perform" => &[Stage],
        _ => &[],
    }
}

impl Outline {
    pub(super) fn new(text: &str) -> Self {
        let text = ScriptText::new("", text);
        let comment = |token: &&Token| !matches!(token.kind, TokenKind::Comment | TokenKind::DocComment);
        let tokens = text.tokens.iter().filter(comment).copied().collect();
        Self { text, tokens }
    }

    pub(super) fn word(&self, token: usize) -> &str {
        self.tokens.get(token).map_or("", |token| &self.text.source.text[token.start..token.end])
    }

    /// Whether a token is a name.
    pub(super) fn is_name(&self, token: usize) -> bool {
        let kind = self.tokens.get(token).map(|token| token.kind);
        matches!(kind, Some(TokenKind::Identifier | TokenKind::Function))
    }

    /// The number of tokens that start before a byte.
    pub(super) fn before(&self, offset: usize) -> usize {
        self.tokens.partition_point(|token| token.start < offset)
    }

    /// The function that contains a byte.
    pub(super) fn function_at(&self, offset: usize) -> Option<&str> {
        let mut functions = self.text.source_map.functions.iter().rev();
        let within = functions.find(|function| (function.start..=function.end).contains(&offset));
        within.map(|function| function.name.as_str())
    }

    /// The role of a name that is a parameter of the contract function around a byte.
    pub(super) fn role(&self, name: &str, offset: usize) -> Option<ParameterRole> {
        let function = self.function_at(offset)?;
        let item = self.text.function(function)?;
        let from = self.before(item.name_at.1);
        let parameters =
            (from..self.tokens.len()).take_while(|&at| self.word(at) != ")").filter(|&at| self.is_name(at));
        let position = parameters.map(|at| self.word(at)).position(|parameter| parameter == name);
        position.and_then(|position| roles(function).get(position).copied())
    }

    /// The indices of the brackets that are open at a token, outermost first.
    pub(super) fn open(&self, token: usize) -> Vec<usize> {
        let mut open = Vec::new();
        for at in 0..token {
            if self.tokens[at].kind == TokenKind::Bracket {
                match self.word(at) {
                    ")" | "]" | "}" => drop(open.pop()),
                    _ => open.push(at),
                }
            }
        }
        open
    }

    /// The key in front of a value: `loss` in `loss: #{`.
    pub(super) fn key_before(&self, token: usize) -> Option<&str> {
        let key = token.checked_sub(2).filter(|_| self.word(token - 1) == ":")?;
        Some(self.word(key).trim_matches('"'))
    }

    /// The keys of the map that a function returns, with their byte ranges.
    pub(super) fn keys(&self, function: &str) -> Vec<(&str, Range<usize>)> {
        let Some(item) = self.text.function(function) else { return Vec::new() };
        let (from, to) = (self.before(item.body.0), self.before(item.body.1));
        let mut keys = Vec::new();
        let mut open: Vec<&str> = Vec::new();
        for at in from..to.min(self.tokens.len()) {
            let token = self.tokens[at];
            match self.word(at) {
                ")" | "]" | "}" if token.kind == TokenKind::Bracket => drop(open.pop()),
                bracket if token.kind == TokenKind::Bracket => open.push(bracket),
                word if self.word(at + 1) == ":" && open.as_slice() == ["#{"] => {
                    keys.push((word.trim_matches('"'), token.start..token.end));
                }
                _ => {}
            }
        }
        keys
    }
}
