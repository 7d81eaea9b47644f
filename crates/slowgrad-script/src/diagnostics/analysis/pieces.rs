//! Splits a text that does not compile into pieces that are compiled separately.
//!
//! The compiler stops at the first error. So each function is compiled with blanks in place of everything else, and
//! the code outside functions once more by itself.

use crate::text::ScriptText;
use crate::text::lexer::{Token, TokenKind};
use std::ops::Range;
use std::rc::Rc;

/// The functions of a text, from `fn` to the closing brace. An unclosed function ends before the next `fn` at the
/// start of a line.
pub(crate) fn functions(text: &ScriptText) -> Vec<Range<usize>> {
    let whole = &text.source.text;
    let word = |token: &Token| &whole[token.start..token.end];
    let begins_line = |token: &Token| token.start == 0 || whole[..token.start].ends_with('\n');
    let tokens: Vec<&Token> =
        text.tokens.iter().filter(|t| !matches!(t.kind, TokenKind::Comment | TokenKind::DocComment)).collect();
    let mut found: Vec<Range<usize>> = Vec::new();
    let mut open: Option<usize> = None;
    let mut depth = 0_usize;
    for (i, token) in tokens.iter().enumerate() {
        let private = i > 0 && word(tokens[i - 1]) == "private";
        let first = if private { tokens[i - 1] } else { token };
        match word(token) {
            "fn" if depth == 0 || begins_line(first) => {
                if let Some(start) = open.replace(first.start) {
                    found.push(start..first.start);
                }
                depth = 0;
            }
            "{" | "#{" | "${" if token.kind == TokenKind::Bracket => depth += 1,
            "}" if token.kind == TokenKind::Bracket => {
                depth = depth.saturating_sub(1);
                if depth == 0
                    && let Some(start) = open.take()
                {
                    found.push(start..token.end);
                }
            }
            _ => {}
        }
    }
    if let Some(start) = open {
        found.push(start..whole.len());
    }
    found
}

/// One function alone.
pub(crate) fn alone(text: &ScriptText, piece: &Range<usize>) -> Rc<ScriptText> {
    part(text, |at| piece.contains(&at))
}

/// The text without its functions.
pub(crate) fn outside(text: &ScriptText, functions: &[Range<usize>]) -> Rc<ScriptText> {
    let described = described(text, functions);
    part(text, |at| !within(&described, at))
}

/// One function, with the code outside functions: imports and constants.
pub(crate) fn with_outside(text: &ScriptText, functions: &[Range<usize>], piece: &Range<usize>) -> Rc<ScriptText> {
    let described = described(text, functions);
    part(text, |at| piece.contains(&at) || !within(&described, at))
}

/// The functions with their leading comments: the compiler expects a function after each `///`.
fn described(text: &ScriptText, functions: &[Range<usize>]) -> Vec<Range<usize>> {
    let before = |function: &Range<usize>| {
        let end = text.tokens.partition_point(|token| token.start < function.start);
        let comments = text.tokens[..end].iter().rev();
        let comments = comments.take_while(|t| matches!(t.kind, TokenKind::Comment | TokenKind::DocComment));
        comments.last().map_or(function.start, |first| first.start)
    };
    functions.iter().map(|function| before(function)..function.end).collect()
}

/// Replaces all characters except those to keep by blanks, so that byte offsets stay the same.
fn part(text: &ScriptText, wanted: impl Fn(usize) -> bool) -> Rc<ScriptText> {
    let mut left = String::with_capacity(text.source.text.len());
    for (at, ch) in text.source.text.char_indices() {
        if wanted(at) || ch == '\n' {
            left.push(ch);
        } else {
            left.extend(std::iter::repeat_n(' ', ch.len_utf8()));
        }
    }
    Rc::new(ScriptText::new(text.source.name.clone(), left))
}

fn within(functions: &[Range<usize>], at: usize) -> bool {
    let after = functions.partition_point(|function| function.start <= at);
    after.checked_sub(1).is_some_and(|last| functions[last].contains(&at))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(text: &str) -> Vec<String> {
        let whole = ScriptText::new("t", text);
        functions(&whole).into_iter().map(|piece| text[piece].trim_end().to_owned()).collect()
    }

    #[test]
    fn closed_and_unclosed_functions_are_found() {
        assert_eq!(
            cut("const A = 1;\nfn f(x) { #{ a: `${x}` } }\nprivate fn g() { 1 }"),
            ["fn f(x) { #{ a: `${x}` } }", "private fn g() { 1 }"]
        );
        assert_eq!(cut("fn f(x) { (x\nfn g() { 1 }\n"), ["fn f(x) { (x", "fn g() { 1 }"]);
        assert_eq!(cut("} fn f() { 1 } }"), ["fn f() { 1 }"]);
        assert!(cut("let x = 1;").is_empty());
    }

    #[test]
    fn doc_comments_are_removed_with_their_functions() {
        let text = ScriptText::new("t", "const A = 1;\n/// ü\nfn f(x) { x }\n/** g */\nfn g(x) { x }");
        let pieces = functions(&text);
        assert_eq!(outside(&text, &pieces).source.text.trim(), "const A = 1;");
        let left = with_outside(&text, &pieces, &pieces[1]).source.text.clone();
        assert_eq!(left.split_whitespace().collect::<Vec<_>>().join(" "), "const A = 1; fn g(x) { x }");
        assert_eq!(left.find("fn g"), text.source.text.find("fn g"));
    }

    #[test]
    fn pieces_keep_their_offsets() {
        let text = ScriptText::new("t", "fn f(é) {\n  switch é { _ => 1 }\n}\nfn g(x) { x.map(|v| v) }");
        let pieces = functions(&text);
        let alone = alone(&text, &pieces[1]);
        assert_eq!(alone.source.text.trim(), "fn g(x) { x.map(|v| v) }");
        assert_eq!(alone.source.text.find("fn g"), text.source.text.find("fn g"));
        assert_eq!(alone.source.text.lines().count(), 4);
        assert_eq!(outside(&text, &pieces).source.text.trim(), "");
    }

    #[test]
    fn a_stray_doc_comment_stays() {
        let text =
            ScriptText::new("t", "const A = 1;\n/// One.\nfn f() { 1 }\n// And\n/// two.\nfn g() { 2 }\n/// Stray.");
        let pieces = functions(&text);
        let words = |text: &ScriptText| text.source.text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert_eq!(words(&outside(&text, &pieces)), "const A = 1; /// Stray.");
        assert_eq!(words(&with_outside(&text, &pieces, &pieces[0])), "const A = 1; fn f() { 1 } /// Stray.");
    }
}
