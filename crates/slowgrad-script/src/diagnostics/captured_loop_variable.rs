//! Warns of closures that a loop stores and that capture a variable which the loop changes: in Rhai a closure shares the
//! variables it captures, so all of them see the last value.
//!
//! A closure that is used at once, such as that of `map`, is correct. The text decides: only a closure that is pushed,
//! assigned, or kept in an array or map outlives its round.

use crate::text::ScriptText;
use crate::text::lexer::{Token, TokenKind};
use slowgrad_tape::Diagnostic;
use std::collections::BTreeSet;

/// Methods that keep their argument.
const STORING: &[&str] = &["push", "insert", "append", "set", "fill_with"];

/// The tokens of a text without comments.
struct Words<'t> {
    text: &'t str,
    tokens: Vec<Token>,
}

/// All warnings of this kind about a text.
pub(crate) fn captured_loop_variables(text: &ScriptText) -> Vec<Diagnostic> {
    let map = &text.source_map;
    if map.loops.is_empty() || map.closures.is_empty() {
        return Vec::new();
    }
    let comment = |token: &&Token| !matches!(token.kind, TokenKind::Comment | TokenKind::DocComment);
    let words = Words { text: &text.source.text, tokens: text.tokens.iter().filter(comment).copied().collect() };
    let mut found = Vec::new();
    for &(start, end, body) in &map.closures {
        for &(loop_start, loop_end) in map.loops.iter().filter(|&&(from, to)| from <= start && end <= to) {
            let captured = words
                .changing(loop_start, loop_end)
                .into_iter()
                .filter(|name| !words.declares(name, loop_start, start) && !words.has_parameter(name, start, body))
                .find_map(|name| words.use_of(name, body, end).map(|at| (name, at)));
            let Some((name, at)) = captured else { continue };
            if !words.is_stored(start, end, loop_end) {
                continue;
            }
            let message =
                format!("the stored closures share `{name}`: after the loop, each of them sees its last value");
            let help = format!("copy it inside the loop: `let own = {name};`, and use `own` in the closure");
            let location = text.location(text.range(at.start, at.end));
            found.push(Diagnostic::warning("captured-loop-variable", message).at(location).help(help));
            break;
        }
    }
    found
}

impl<'t> Words<'t> {
    fn word(&self, index: usize) -> &'t str {
        self.tokens.get(index).map_or("", |token| &self.text[token.start..token.end])
    }

    /// The index of the first token at or after a byte.
    fn index(&self, offset: usize) -> usize {
        self.tokens.partition_point(|token| token.start < offset)
    }

    /// The word before a token.
    fn before(&self, index: usize) -> &'t str {
        index.checked_sub(1).map_or("", |before| self.word(before))
    }

    /// Whether a token is a variable, and not a property or a key.
    fn is_variable(&self, index: usize) -> bool {
        self.tokens[index].kind == TokenKind::Identifier
            && !matches!(self.before(index), "." | "?.")
            && !(self.word(index + 1) == ":" && matches!(self.before(index), "{" | "#{" | ","))
    }

    /// The variables that a loop changes from round to round: those of `for`, and those in the condition of `while` that
    /// are assigned in the loop.
    fn changing(&self, start: usize, end: usize) -> BTreeSet<&'t str> {
        let first = self.index(start);
        let header = |stop: &'static str| (first + 1..self.tokens.len()).take_while(move |&i| self.word(i) != stop);
        match self.word(first) {
            "for" => header("in").filter(|&i| self.is_variable(i)).map(|i| self.word(i)).collect(),
            "while" => {
                let assigned = |name: &str| {
                    (first..self.index(end)).any(|i| {
                        self.word(i) == name
                            && self.is_variable(i)
                            && ["=", "+=", "-=", "*=", "/="].contains(&self.word(i + 1))
                    })
                };
                header("{")
                    .filter(|&i| self.is_variable(i))
                    .map(|i| self.word(i))
                    .filter(|name| assigned(name))
                    .collect()
            }
            _ => BTreeSet::new(),
        }
    }

    /// Whether `let` declares the name between two bytes.
    fn declares(&self, name: &str, from: usize, to: usize) -> bool {
        (self.index(from)..self.index(to)).any(|i| self.word(i) == name && self.before(i) == "let")
    }

    /// Whether a closure that begins at `start` has a parameter of this name.
    fn has_parameter(&self, name: &str, start: usize, body: usize) -> bool {
        (self.index(start)..self.index(body)).any(|i| self.word(i) == name)
    }

    /// The first use of a variable between two bytes.
    fn use_of(&self, name: &str, from: usize, to: usize) -> Option<Token> {
        (self.index(from)..self.index(to))
            .find(|&i| self.word(i) == name && self.is_variable(i))
            .map(|i| self.tokens[i])
    }

    /// The index of the bracket around a token, if there is one before a statement begins.
    fn opening(&self, mut index: usize) -> Option<usize> {
        let mut depth = 0;
        while index > 0 {
            index -= 1;
            match self.word(index) {
                ")" | "]" | "}" => depth += 1,
                "(" | "[" | "{" | "#{" if depth > 0 => depth -= 1,
                "(" | "[" | "#{" => return Some(index),
                ";" | "{" if depth == 0 => return None,
                _ => {}
            }
        }
        None
    }

    /// Whether the expression from `start` to `end` is kept beyond its round of the loop.
    fn is_stored(&self, start: usize, end: usize, loop_end: usize) -> bool {
        let first = self.index(start);
        match self.before(first) {
            "=" | "+=" => {
                let name = self.word(first.saturating_sub(2));
                let local = first >= 3 && matches!(self.word(first - 3), "let" | "const");
                !local || self.is_kept(name, end, loop_end)
            }
            _ => match self.opening(first) {
                Some(open) if self.word(open) == "(" => STORING.contains(&self.before(open)),
                // An array or a map that holds the closure.
                Some(open) => self.is_stored(self.tokens[open].start, end, loop_end),
                None => false,
            },
        }
    }

    /// Whether a variable that holds a closure is used in another way than by calling it or handing it to a method that
    /// iterates.
    fn is_kept(&self, name: &str, from: usize, to: usize) -> bool {
        // `f.call(x)` is a call and does not keep `f`.
        let is_use = |i: &usize| self.word(*i) == name && self.is_variable(*i) && self.word(i + 1) != ".";
        let uses = (self.index(from)..self.index(to)).filter(is_use);
        let mut stored = uses.filter(|&i| {
            let argument_of = self.opening(i).filter(|&open| self.word(open) == "(").map(|open| self.before(open));
            match self.before(i) {
                "=" | "+=" | "[" | ":" => true,
                _ => argument_of.is_some_and(|method| STORING.contains(&method)),
            }
        });
        stored.next().is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn warned(body: &str) -> bool {
        let text = ScriptText::new("t", format!("fn f(x, ws) {{ let all = []; let sum = 0.0; {body} }}"));
        let found = captured_loop_variables(&text);
        assert!(found.len() <= 1, "{body}: {found:#?}");
        !found.is_empty()
    }

    #[test]
    fn stored_closures_are_found() {
        for body in [
            "for w in ws { all.push(|x| x * w); }",
            "for (w, i) in ws { all.push(|x| x * i); }",
            "for w in ws { all += [|x| x * w]; }",
            "for w in ws { all += |x| x * w; }",
            "for i in 0..3 { all[i] = |x| x * ws[i]; }",
            "for w in ws { let f = |x| x * w; all.push(f); }",
            "for w in ws { all.push(#{ run: |x| x * w }); }",
            "for w in ws { if w > 0.0 { all.push(|x| { let y = x * w; y }); } }",
            "let i = 0; while i < 3 { all.push(|x| x * i); i += 1; }",
            "for v in ws { for w in ws { all.push(|x| x * v); } }",
        ] {
            assert!(warned(body), "{body}");
        }
    }

    #[test]
    fn closures_that_are_used_at_once_or_have_a_copy_are_fine() {
        for body in [
            "for w in ws { sum += x.map(|y| y * w).sum(); }",
            "for w in ws { all.push(x.map(|y| y * w)); }",
            "for w in ws { let f = |y| y * w; sum += f.call(x); }",
            "for w in ws { let f = |y| y * w; all.push(f.call(x)); }",
            "for w in ws { let f = |y| y * w; all.push(x.map(f)); }",
            "for w in ws { let own = w; all.push(|y| y * own); }",
            "for w in ws { let w = w; all.push(|y| y * w); }",
            "for w in ws { all.push(|w| w * 2.0); }",
            "for w in ws { all.push(|y| y.w + #{ w: 1 }.w); }",
            "for w in ws { sum += w; } all.push(|y| y * sum);",
            "for w in ws { apply(|y| y * w); }",
        ] {
            assert!(!warned(body), "{body}");
        }
    }
}
