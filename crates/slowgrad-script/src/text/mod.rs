//! A script's text with its tokens, its source map and the guards that are compiled into it.
//!
//! The compiler gets a rewritten text: guard calls are inserted where Rhai would fail silently or lose an error's
//! position. [`crate::runtime`] explains each guard and the contract with Rhai. This module maps positions of the
//! rewritten text back to the original. It must not know engines, values or what the guards do.

pub(crate) mod lexer;
pub(crate) mod parser;

use crate::text::lexer::{Token, TokenKind, tokens};
use crate::text::parser::{FunctionItem, SourceMap, parse};
use rhai::Position;
use slowgrad_tape::{Location, Source, Span};
use std::cell::RefCell;
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

/// Wraps the subject of every `switch`.
pub(crate) const SWITCH_GUARD: &str = "__switch";

/// Wraps every closure.
pub(crate) const CLOSURE_GUARD: &str = "__closure";

/// Wraps every call of `curry`.
pub(crate) const CURRY_GUARD: &str = "__curried";

/// Wraps the receiver of a method that takes a closure, to iterate over a copy.
pub(crate) const COPY_GUARD: &str = "__own";

/// Precedes the body of every function and closure.
pub(crate) const BODY_GUARD: &str = "__within";

/// A script's text.
#[derive(Debug)]
pub(crate) struct ScriptText {
    pub(crate) source: Arc<Source>,
    pub(crate) tokens: Vec<Token>,
    pub(crate) source_map: SourceMap,
    lines: Vec<usize>,
    insertions: Vec<Insertion>,
    /// The expressions that have run, by their position in the compiled text.
    run: RefCell<BTreeMap<Position, SpanAndName>>,
}

/// The span of an expression, and the variable that receives its value.
type SpanAndName = (Span, Option<Arc<str>>);

/// One insertion into the text for the compiler.
#[derive(Debug)]
struct Insertion {
    /// The byte offset in the original text.
    at: usize,
    inserted: String,
    line: usize,
    /// Characters of the original line before the insertion.
    before: usize,
    /// Characters inserted earlier in the same line.
    shifted: usize,
}

/// Computes line and column of each insertion in one pass: a line may have thousands.
fn placed(text: &str, lines: &[usize], insertions: Vec<(usize, String)>) -> Vec<Insertion> {
    let mut placed: Vec<Insertion> = Vec::with_capacity(insertions.len());
    for (at, inserted) in insertions {
        let line = lines.partition_point(|&start| start <= at) - 1;
        let (from, before, shifted) = match placed.last().filter(|last| last.line == line) {
            Some(last) => (last.at, last.before, last.shifted + last.inserted.chars().count()),
            None => (lines[line], 0, 0),
        };
        let before = before + text[from..at].chars().count();
        placed.push(Insertion { at, inserted, line, before, shifted });
    }
    placed
}

impl ScriptText {
    pub(crate) fn new(name: impl Into<String>, text: impl Into<String>) -> Self {
        let source = Arc::new(Source { name: name.into(), text: text.into() });
        let tokens = tokens(&source.text);
        let source_map = parse(&source.text, &tokens);
        let lines: Vec<usize> =
            std::iter::once(0).chain(source.text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        let insertions = placed(&source.text, &lines, insertions(&source.text, &source_map));
        Self { source, tokens, source_map, lines, insertions, run: RefCell::default() }
    }

    /// The text for the compiler, with all guards inserted.
    pub(crate) fn compiled(&self) -> String {
        let mut compiled = String::with_capacity(self.source.text.len() + 16 * self.insertions.len());
        let mut from = 0;
        for Insertion { at, inserted, .. } in &self.insertions {
            compiled.push_str(&self.source.text[from..*at]);
            compiled.push_str(inserted);
            from = *at;
        }
        compiled.push_str(&self.source.text[from..]);
        compiled
    }

    /// Maps a position of the compiled text to a byte offset of the original.
    pub(crate) fn offset(&self, position: Position) -> Option<usize> {
        let line = position.line()?;
        let start = *self.lines.get(line - 1)?;
        let end = self.lines.get(line).map_or(self.source.text.len(), |next| next - 1);
        let text = &self.source.text[start..end];
        let mut column = position.position()?.saturating_sub(1);
        // Find the last insertion that starts at or before this column of the compiled line.
        let behind = |one: &Insertion| (one.line, one.before + one.shifted) <= (line - 1, column);
        let last = self.insertions.partition_point(behind).checked_sub(1).map(|last| &self.insertions[last]);
        if let Some(last) = last.filter(|last| last.line == line - 1) {
            column = last.before.max(column.saturating_sub(last.shifted + last.inserted.chars().count()));
        }
        if text.as_bytes().get(..=column).is_some_and(<[u8]>::is_ascii) {
            return Some(start + column);
        }
        Some(text.char_indices().nth(column).map_or(end, |(at, _)| start + at))
    }

    /// The token that starts at or covers a byte, or else the last token before it.
    pub(crate) fn token(&self, offset: usize) -> Option<Token> {
        let after = self.tokens.partition_point(|token| token.start <= offset);
        after.checked_sub(1).map(|at| self.tokens[at])
    }

    /// The span of the expression whose operator or call is at `offset`, or else of the token there.
    pub(crate) fn span(&self, offset: usize) -> Span {
        if let Some(extent) = self.source_map.expressions.get(&offset) {
            return self.range(extent.start, extent.end);
        }
        match self.token(offset) {
            Some(token) if offset < token.end => self.range(token.start, token.end),
            _ => self.range(offset, offset),
        }
    }

    /// The expression at a position of the compiled text. Cached, because a script asks for the same few positions
    /// again.
    pub(crate) fn expression(&self, position: Position) -> Option<SpanAndName> {
        if let Some(known) = self.run.borrow().get(&position) {
            return Some(known.clone());
        }
        let offset = self.offset(position)?;
        let named = (self.span(offset), self.name(offset).map(Arc::from));
        self.run.borrow_mut().insert(position, named.clone());
        Some(named)
    }

    /// The variable that receives the value of the expression at `offset`.
    pub(crate) fn name(&self, offset: usize) -> Option<&str> {
        self.source_map.expressions.get(&offset)?.name.as_deref()
    }

    /// A span with line and column. It covers at least one character, so that there is something to underline.
    pub(crate) fn range(&self, start: usize, end: usize) -> Span {
        let text = &self.source.text;
        let start =
            if start < text.len() { start } else { text.trim_end().char_indices().next_back().map_or(0, |(at, _)| at) };
        let end = end.max(start + text[start..].chars().next().map_or(0, char::len_utf8));
        let line = self.lines.partition_point(|&at| at <= start);
        let begin = self.lines[line - 1];
        let column = self.source.text[begin..start].chars().count() + 1;
        Span { start: start as u32, end: end as u32, line: line as u32, column: column as u32 }
    }

    pub(crate) fn location(&self, span: Span) -> Location {
        Location { source: Arc::clone(&self.source), span }
    }

    /// The definition of a function; the last one if there are several.
    pub(crate) fn function(&self, name: &str) -> Option<&FunctionItem> {
        self.source_map.functions.iter().rev().find(|function| function.name == name)
    }

    /// The first line of the innermost loop around a byte.
    pub(crate) fn loop_around(&self, offset: usize) -> Option<Location> {
        let around = self.source_map.loops.iter().filter(|&&(start, end)| (start..end).contains(&offset));
        let &(start, end) = around.min_by_key(|(start, end)| end - start)?;
        let line = self.source.text[start..end].lines().next().map_or(0, |line| line.trim_end().len());
        Some(self.location(self.range(start, start + line)))
    }

    /// A function's name and parameters as the script writes them.
    pub(crate) fn signature(&self, name: &str) -> Option<&str> {
        let function = self.function(name)?;
        Some(self.source.text.get(function.name_at.0..function.body.0)?.trim_end_matches('{').trim_end())
    }

    /// The name of the function that contains a byte, or `a closure`.
    pub(crate) fn function_around(&self, offset: usize) -> Option<&str> {
        let within = |start: usize, end: usize| (start..end).contains(&offset);
        if self.source_map.closures.iter().any(|&(_, end, body)| within(body, end)) {
            return Some("a closure");
        }
        let around = self.source_map.functions.iter().find(|function| within(function.start, function.end));
        around.map(|function| function.name.as_str())
    }

    /// The function's name in its definition, or the start of the text.
    pub(crate) fn function_location(&self, name: &str) -> Location {
        let (start, end) = self.function(name).map_or((0, 0), |function| function.name_at);
        self.location(self.range(start, end))
    }

    /// The expression that returns a faulty result, if only one is possible, or else the function's name. For a
    /// result of `()` only endings without a value are possible, otherwise only endings with one.
    pub(crate) fn result_location(&self, name: &str, nothing: bool) -> Location {
        let results = self.function(name).map_or(&[][..], |function| &function.results);
        let fitting: Vec<_> = results.iter().filter(|ending| ending.nothing == nothing).collect();
        match fitting.as_slice() {
            [ending] => self.location(self.range(ending.start, ending.end)),
            // A call may return `()` too.
            [] if nothing && results.len() == 1 => self.location(self.range(results[0].start, results[0].end)),
            _ => self.function_location(name),
        }
    }

    /// The first call of one of these functions, and its name.
    pub(crate) fn first_call_of<'w>(&self, words: &[&'w str]) -> Option<(&'w str, Location)> {
        let calls = self.tokens.iter().filter(|token| token.kind == TokenKind::Function);
        let mut found = calls.filter_map(|token| {
            let word = words.iter().find(|word| **word == &self.source.text[token.start..token.end])?;
            Some((*word, self.location(self.span(token.start))))
        });
        found.next()
    }

    /// The location of a map's key within one function.
    pub(crate) fn map_key(&self, function: &str, key: &str) -> Option<Location> {
        let within = self.function(function)?;
        let inside = |token: &&Token| token.start >= within.start && token.end <= within.end;
        let significant: Vec<&Token> = self
            .tokens
            .iter()
            .filter(inside)
            .filter(|t| !matches!(t.kind, TokenKind::Comment | TokenKind::DocComment))
            .collect();
        let word = |token: &Token| self.source.text[token.start..token.end].trim_matches('"').to_owned();
        let pair = significant.windows(2).find(|pair| word(pair[0]) == key && word(pair[1]) == ":")?;
        Some(self.location(self.range(pair[0].start, pair[0].end)))
    }

    /// The first assignment to a field such as `state.velocity`.
    pub(crate) fn assignment_to(&self, path: &str) -> Option<Location> {
        let given = |range: &(usize, usize)| {
            let behind = self.source.text[range.0..range.1].strip_prefix(path).map_or("", str::trim_start);
            let mut operators = ["=", "+=", "-=", "*=", "/=", "%=", "**="].into_iter();
            operators.any(|operator| behind.strip_prefix(operator).is_some_and(|value| !value.starts_with('=')))
        };
        let spans = self.source_map.expressions.values().map(|extent| (extent.start, extent.end));
        spans.filter(given).min().map(|(start, end)| self.location(self.range(start, end)))
    }

    /// The string literal that a map assigns to a key within one function, if it contains no escapes.
    pub(crate) fn map_key_text(&self, function: &str, key: &str) -> Option<String> {
        let at = self.map_key(function, key)?.span.end as usize;
        let after = self.tokens.iter().filter(|token| token.start >= at);
        let mut after = after.filter(|t| !matches!(t.kind, TokenKind::Comment | TokenKind::DocComment));
        let mut next = || after.next().map(|token| &self.source.text[token.start..token.end]);
        let (_, value, end) = (next()?, next()?, next()?);
        let text = value.strip_prefix('"')?.strip_suffix('"')?;
        (matches!(end, "," | "}") && !text.contains('\\')).then(|| text.to_owned())
    }

    /// The variables bound in the function that contains this byte.
    pub(crate) fn names_in_scope(&self, offset: usize) -> Vec<&str> {
        let within = self.source_map.functions.iter().find(|f| (f.start..=f.end).contains(&offset));
        let range = within.map_or(0..self.source.text.len(), |f| f.start..f.end);
        let bound = self.source_map.bindings.iter().filter(|(at, _)| range.contains(at));
        bound.map(|(_, name)| name.as_str()).collect()
    }
}

/// A byte offset and the text that it refers to.
#[derive(Debug, Clone)]
pub(crate) struct SourcePosition {
    pub(crate) text: Rc<ScriptText>,
    pub(crate) offset: usize,
}

impl SourcePosition {
    pub(crate) fn of(text: &Rc<ScriptText>, position: Position) -> Option<Self> {
        Some(Self { text: Rc::clone(text), offset: text.offset(position)? })
    }

    /// The location of the whole expression at this offset.
    pub(crate) fn location(&self) -> Location {
        self.text.location(self.text.span(self.offset))
    }

    /// The location of the token at this offset.
    pub(crate) fn token(&self) -> Location {
        let token = self.text.token(self.offset).filter(|token| self.offset < token.end);
        let (start, end) = token.map_or((self.offset, self.offset), |token| (token.start, token.end));
        self.text.location(self.text.range(start, end))
    }
}

/// All insertions, sorted by offset.
fn insertions(text: &str, map: &SourceMap) -> Vec<(usize, String)> {
    let bodies = map.functions.iter().map(|function| function.body);
    // A body that is cut off by the end of the file has no closing brace.
    let braced = |&(start, end): &(usize, usize)| {
        text[..start].ends_with('{') && text.get(end..).is_some_and(|rest| rest.starts_with('}'))
    };
    let bodies = bodies.filter(braced).chain(map.closures.iter().map(|&(_, end, body)| (body, end)));
    let switches = map.switches.iter().map(|&range| (SWITCH_GUARD, range));
    let closures = map.closures.iter().map(|&(start, end, _)| (CLOSURE_GUARD, (start, end)));
    let closures = closures.chain(map.curried.iter().map(|&range| (CURRY_GUARD, range)));
    let receivers = map.receivers.iter().map(|&range| (COPY_GUARD, range));
    // Of two guards around the same range, the one listed first is the outer one.
    let mut guards: Vec<(&str, (usize, usize))> =
        bodies.map(|range| (BODY_GUARD, range)).chain(switches).chain(closures).chain(receivers).collect();
    guards.retain(|(_, (start, end))| start < end);
    guards.sort_by_key(|&(_, (start, end))| (start, Reverse(end)));
    let bracket = |guard: &str, of_body, of_call| if guard == BODY_GUARD { of_body } else { of_call };
    let opened = guards.iter().map(|&(guard, (at, _))| (at, format!("{guard}{}", bracket(guard, "{", "("))));
    let closed = guards.iter().rev().map(|&(guard, (_, at))| (at, bracket(guard, "}", ")").to_owned()));
    // The sort is stable: at the same offset, closing comes before opening.
    let mut insertions: Vec<(usize, String)> = closed.chain(opened).collect();
    insertions.sort_by_key(|(at, _)| *at);
    insertions
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unclosed_body_gets_no_guard() {
        for text in ["fn f(x) {\n é", "fn f(x) { 1\n\u{fffd}", "fn f(x) {"] {
            assert!(!ScriptText::new("t", text).compiled().contains(BODY_GUARD), "{text}");
        }
    }

    #[test]
    fn positions_of_the_compiled_text_map_back() {
        let text = ScriptText::new("t", "fn f(k) {\n    switch k + é { 1 => 2 + 3, _ => 4 }\n}");
        let compiled = text.compiled();
        assert!(compiled.contains("fn f(k) {__within{\n    switch __switch(k + é) { 1"));
        let line = compiled.lines().nth(1).expect("second line");
        for word in ["k", "é", "{", "=>", "3", "4"] {
            let at = line.find(word).expect(word);
            let column = line[..at].chars().count() + 1;
            let offset = text.offset(Position::new(2, column as u16)).expect("a place");
            assert!(text.source.text[offset..].starts_with(word), "{word} {offset}");
        }
        let call = line.find("__switch").expect("call");
        let offset = text.offset(Position::new(2, call as u16 + 1)).expect("a place");
        assert!(text.source.text[offset..].starts_with("k + é"));
    }

    /// Compares `offset` with a slow reference for every column of a line.
    #[test]
    fn every_column_of_a_line_with_many_insertions_maps_back() {
        let line = "switch é { 1 => [é].map(|x| curry(|y| y + x, 1)), _ => 2 }; ";
        let text = ScriptText::new("t", format!("fn f(é) {{ {line}{line}\n{line} }}"));
        let compiled = text.compiled();
        for (number, (original, compiled)) in text.source.text.lines().zip(compiled.lines()).enumerate() {
            let mut inserted: Vec<(usize, usize)> = Vec::new();
            let start = text.lines[number];
            for one in text.insertions.iter().filter(|one| one.line == number) {
                inserted.push((original[..one.at - start].chars().count(), one.inserted.chars().count()));
            }
            assert!(inserted.len() > 5);
            for column in 0..compiled.chars().count() {
                let mut expected = column;
                for (before, length) in &inserted {
                    if expected < *before {
                        break;
                    }
                    expected = (*before).max(expected.saturating_sub(*length));
                }
                let found = text.offset(Position::new(number as u16 + 1, column as u16 + 1)).expect("a place");
                assert_eq!(original[..found - start].chars().count(), expected, "{number}:{column}");
            }
        }
    }

    #[test]
    fn spans_count_characters_and_keys_are_found() {
        let text = ScriptText::new("t", "// é\nfn lesson() { let é = 1; #{ title: é + 1, \"loss\": 2 } }");
        let plus = text.source.text.find('+').expect("plus");
        let span = text.span(plus);
        assert_eq!((span.text(&text.source), span.line, span.column), ("é + 1", 2, 36));
        assert_eq!(text.map_key("lesson", "loss").map(|l| l.span.text(&text.source)), Some("\"loss\""));
        assert!(text.map_key("lesson", "layers").is_none());
    }

    #[test]
    fn a_literal_title_is_found() {
        let title =
            |map: &str| ScriptText::new("t", format!("fn lesson() {{ #{{ {map} }} }}")).map_key_text("lesson", "title");
        assert_eq!(title("title: /* é */ \"Ünter, uns\", a: 1").as_deref(), Some("Ünter, uns"));
        assert_eq!(title("a: 1, \"title\": \"T\"").as_deref(), Some("T"));
        for unknown in ["title: \"a\" + name", "title: name", "title: `a ${b}`", "title: \"a\\nb\"", "a: 1"] {
            assert_eq!(title(unknown), None, "{unknown}");
        }
    }
}
