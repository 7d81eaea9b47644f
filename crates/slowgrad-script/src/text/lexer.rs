//! Splits a Rhai script into tokens with their extents, for diagnostics, names and syntax highlighting.
//!
//! Rhai reports only where a token starts, so the text is tokenized once more here. The lexer never fails: unknown
//! characters become [`TokenKind::Invalid`]. It must not know how tokens form expressions; that is
//! [`crate::text::parser`]'s job.

use std::ops::Range;

/// The kind of a token, for syntax highlighting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TokenKind {
    /// `// …` and `/* … */`
    Comment,
    /// `/// …`, `//! …` and `/** … */`
    DocComment,
    /// `let`, `if`, `fn` …
    Keyword,
    /// A variable or a property.
    Identifier,
    /// A name followed by an opening parenthesis.
    Function,
    /// A number.
    Number,
    /// A string, a character, or the literal part of a template string.
    Text,
    /// `+`, `**=`, `=>` …
    Operator,
    /// `(`, `[`, `{`, `#{`, `${` and their closing partners.
    Bracket,
    /// `,`, `;`, `:`, `::`, `.`
    Punctuation,
    /// Not part of the language.
    Invalid,
}

/// One token: its kind and its byte range.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Token {
    pub(crate) kind: TokenKind,
    pub(crate) start: usize,
    pub(crate) end: usize,
}

const KEYWORDS: &[&str] = &[
    "let",
    "const",
    "if",
    "else",
    "switch",
    "do",
    "while",
    "until",
    "loop",
    "for",
    "in",
    "continue",
    "break",
    "fn",
    "private",
    "return",
    "throw",
    "try",
    "catch",
    "import",
    "export",
    "as",
    "global",
    "this",
    "true",
    "false",
    "is",
    "is_def_var",
    "is_def_fn",
];

/// An operator precedes its own prefixes.
const OPERATORS: &[&str] = &[
    "**=", "<<=", ">>=", "..=", "**", "+=", "-=", "*=", "/=", "%=", "|=", "&=", "^=", "==", "!=", "<=", ">=", "&&",
    "||", "??", "..", "=>", "->", "<<", ">>", "?.", "?[", "::", "+", "-", "*", "/", "%", "=", "<", ">", "!", "&", "|",
    "^",
];

/// Returns the tokens of a text in order, for syntax highlighting. Everything between them is white space.
pub fn highlight(text: &str) -> Vec<(Range<usize>, TokenKind)> {
    tokens(text).into_iter().map(|token| (token.start..token.end, token.kind)).collect()
}

/// Whether a word is a keyword of the language.
pub(crate) fn is_keyword(word: &str) -> bool {
    KEYWORDS.contains(&word)
}

/// Splits a text into tokens, comments included.
pub(crate) fn tokens(text: &str) -> Vec<Token> {
    let mut lexer = Lexer { text, at: 0, tokens: Vec::new(), open: Vec::new() };
    while lexer.at < text.len() {
        lexer.next();
    }
    lexer.tokens
}

struct Lexer<'t> {
    text: &'t str,
    at: usize,
    tokens: Vec<Token>,
    /// For each open brace: whether it belongs to a template string.
    open: Vec<bool>,
}

impl Lexer<'_> {
    fn rest(&self) -> &str {
        &self.text[self.at..]
    }

    fn push(&mut self, kind: TokenKind, length: usize) {
        let start = self.at;
        self.at += length;
        if length > 0 {
            self.tokens.push(Token { kind, start, end: self.at });
        }
    }

    fn next(&mut self) {
        let rest = self.rest();
        let Some(first) = rest.chars().next() else { return };
        if first.is_whitespace() {
            self.at += first.len_utf8();
        } else if rest.starts_with("//") {
            let length = rest.find('\n').unwrap_or(rest.len());
            let doc = (rest.starts_with("///") && !rest.starts_with("////")) || rest.starts_with("//!");
            self.push(if doc { TokenKind::DocComment } else { TokenKind::Comment }, length);
        } else if rest.starts_with("/*") {
            let doc = rest.starts_with("/**") && !rest.starts_with("/**/");
            let length = block_comment(rest);
            self.push(if doc { TokenKind::DocComment } else { TokenKind::Comment }, length);
        } else if first == '"' || first == '\'' {
            let length = quoted(rest, first);
            self.push(TokenKind::Text, length);
        } else if first == '`' {
            let length = 1 + template_piece(&rest[1..]);
            self.push(TokenKind::Text, length);
            self.interpolation();
        } else if let Some(length) = raw_text(rest) {
            self.push(TokenKind::Text, length);
        } else if first.is_ascii_digit() {
            let length = number(rest);
            self.push(TokenKind::Number, length);
        } else if first == '_' || first.is_alphabetic() {
            self.word();
        } else if rest.starts_with("#{") {
            self.open.push(false);
            self.push(TokenKind::Bracket, 2);
        } else if "([{".contains(first) {
            if first == '{' {
                self.open.push(false);
            }
            self.push(TokenKind::Bracket, 1);
        } else if ")]}".contains(first) {
            self.push(TokenKind::Bracket, 1);
            if first == '}' && self.open.pop() == Some(true) {
                let length = template_piece(self.rest());
                self.push(TokenKind::Text, length);
                self.interpolation();
            }
        } else {
            self.operator(first);
        }
    }

    fn interpolation(&mut self) {
        if self.rest().starts_with("${") {
            self.open.push(true);
            self.push(TokenKind::Bracket, 2);
        }
    }

    fn word(&mut self) {
        let rest = self.rest();
        let length = rest.find(|ch: char| ch != '_' && !ch.is_alphanumeric()).unwrap_or(rest.len());
        let (word, after) = rest.split_at(length);
        let kind = if is_keyword(word) {
            TokenKind::Keyword
        } else if after.trim_start_matches([' ', '\t']).starts_with('(') {
            TokenKind::Function
        } else {
            TokenKind::Identifier
        };
        self.push(kind, length);
    }

    fn operator(&mut self, first: char) {
        let rest = self.rest();
        let found = OPERATORS.iter().find(|operator| rest.starts_with(**operator));
        match found {
            Some(&"::") => self.push(TokenKind::Punctuation, 2),
            Some(operator) => self.push(TokenKind::Operator, operator.len()),
            None if ",;:.".contains(first) => self.push(TokenKind::Punctuation, 1),
            None => self.push(TokenKind::Invalid, first.len_utf8()),
        }
    }
}

/// Length of a block comment in bytes. Block comments nest.
fn block_comment(text: &str) -> usize {
    let mut depth = 0;
    let mut at = 0;
    while at < text.len() {
        if text[at..].starts_with("/*") {
            depth += 1;
            at += 2;
        } else if text[at..].starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += text[at..].chars().next().map_or(1, char::len_utf8);
        }
    }
    text.len()
}

/// Length of a quoted string with its quotes. An unclosed string ends at the end of its line.
fn quoted(text: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, ch) in text.char_indices().skip(1) {
        if escaped {
            escaped = false;
        } else if ch == '\\' {
            escaped = true;
        } else if ch == quote {
            return at + 1;
        } else if ch == '\n' {
            return at;
        }
    }
    text.len()
}

/// Length of a raw string `#"…"#`, if one starts here.
fn raw_text(text: &str) -> Option<usize> {
    let hashes = text.len() - text.trim_start_matches('#').len();
    if hashes == 0 || !text[hashes..].starts_with('"') {
        return None;
    }
    let close = format!("\"{}", "#".repeat(hashes));
    let body = hashes + 1;
    Some(text[body..].find(&close).map_or(text.len(), |at| body + at + close.len()))
}

/// Length of a template string's literal part, up to and including the closing backtick, or up to the next `${`.
fn template_piece(text: &str) -> usize {
    let mut at = 0;
    while let Some(ch) = text[at..].chars().next() {
        if text[at..].starts_with("${") {
            return at;
        }
        at += ch.len_utf8();
        if ch == '`' {
            // A doubled backtick is an escaped backtick.
            if text[at..].starts_with('`') {
                at += 1;
            } else {
                return at;
            }
        }
    }
    at
}

fn number(text: &str) -> usize {
    let bytes = text.as_bytes();
    let run = |from: usize, allowed: fn(&u8) -> bool| from + bytes[from..].iter().take_while(|b| allowed(b)).count();
    if bytes.len() > 1 && bytes[0] == b'0' && b"xXoObB".contains(&bytes[1]) {
        return run(2, |b| b.is_ascii_alphanumeric() || *b == b'_');
    }
    let digits = |from| run(from, |b| b.is_ascii_digit() || *b == b'_');
    let mut at = digits(0);
    if bytes.get(at) == Some(&b'.') {
        let next = text[at + 1..].chars().next();
        let property = next.is_some_and(|ch| ch == '.' || ch == '_' || ch.is_alphabetic());
        if !property {
            at = digits(at + 1);
        }
    }
    if matches!(bytes.get(at), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(bytes.get(at + 1), Some(b'+' | b'-')));
        if bytes.get(at + 1 + sign).is_some_and(u8::is_ascii_digit) {
            at = digits(at + 1 + sign);
        }
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> Vec<(&str, TokenKind)> {
        tokens(text).iter().map(|t| (&text[t.start..t.end], t.kind)).collect()
    }

    fn words(text: &str) -> Vec<&str> {
        tokens(text).iter().map(|t| &text[t.start..t.end]).collect()
    }

    #[test]
    fn an_expression_is_split_into_tokens() {
        use TokenKind::{Bracket, Function, Identifier, Keyword, Number, Operator, Punctuation};
        let expected = vec![
            ("let", Keyword),
            ("d", Identifier),
            ("=", Operator),
            ("exp", Function),
            ("(", Bracket),
            ("-", Operator),
            ("x", Identifier),
            (")", Bracket),
            ("**", Operator),
            ("2.5e-3", Number),
            (";", Punctuation),
        ];
        assert_eq!(shown("let d = exp(-x) ** 2.5e-3;"), expected);
    }

    #[test]
    fn numbers_stop_before_ranges_and_methods() {
        assert_eq!(words("0..10"), ["0", "..", "10"]);
        assert_eq!(words("1.abs()"), ["1", ".", "abs", "(", ")"]);
        assert_eq!(words("1. + 0x1F_u + 1_000.5"), ["1.", "+", "0x1F_u", "+", "1_000.5"]);
        assert_eq!(words("2e5e"), ["2e5", "e"]);
    }

    #[test]
    fn comments_nest_and_doc_comments_are_distinguished() {
        use TokenKind::{Comment, DocComment, Identifier};
        let expected =
            vec![("/* a /* b */ c */", Comment), ("x", Identifier), ("/// doc", DocComment), ("// no", Comment)];
        assert_eq!(shown("/* a /* b */ c */ x /// doc\n// no"), expected);
        assert_eq!(shown("//! page")[0].1, DocComment);
        assert_eq!(shown("//// line")[0].1, Comment);
    }

    #[test]
    fn strings_include_their_quotes_and_escapes() {
        assert_eq!(words(r#"print("a\"b")"#), ["print", "(", r#""a\"b""#, ")"]);
        assert_eq!(words("\"open\nx"), ["\"open", "x"]);
        assert_eq!(words("#\"raw \" text\"# x"), ["#\"raw \" text\"#", "x"]);
        assert_eq!(words("'x' 'y'"), ["'x'", "'y'"]);
    }

    #[test]
    fn template_strings_contain_tokens() {
        assert_eq!(
            words("`a ${x + 1} b ${ #{c: `${y}`}.c }`;"),
            [
                "`a ", "${", "x", "+", "1", "}", " b ", "${", "#{", "c", ":", "`", "${", "y", "}", "`", "}", ".", "c",
                "}", "`", ";"
            ]
        );
    }

    #[test]
    fn non_ascii_text_is_covered_by_tokens() {
        let text = "let ü = 'é' ¤ 1;";
        let total: usize = tokens(text).iter().map(|t| t.end - t.start).sum();
        assert_eq!(total + text.matches(' ').count(), text.len());
        assert_eq!(tokens(text).iter().filter(|t| t.kind == TokenKind::Invalid).count(), 1);
    }
}
