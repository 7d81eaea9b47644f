//! From the start of an operator or a function name to the whole expression it belongs to.
//!
//! Rhai reports where an operator stands and nothing more. To underline `output[i] - target[i]` and to
//! call its value by the name `d` it was given, the text is read once here by a tolerant parser that
//! knows Rhai's precedences and records, for each operator and call, the extent of its expression. It
//! never fails and it runs nothing; a text it cannot follow has fewer extents.

use crate::lexer::{Token, TokenKind};
use std::collections::BTreeMap;

/// The expression that an operator or a call stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Extent {
    pub(crate) start: usize,
    pub(crate) end: usize,
    /// The variable that gets the value, when the expression is all that it gets.
    pub(crate) name: Option<String>,
}

/// A function of the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FunctionItem {
    pub(crate) name: String,
    /// Where the name stands.
    pub(crate) name_at: (usize, usize),
    /// From `fn` to the closing brace.
    pub(crate) start: usize,
    pub(crate) end: usize,
    /// Between the braces.
    pub(crate) body: (usize, usize),
}

/// What the parser found.
#[derive(Debug, Default)]
pub(crate) struct Extents {
    /// By the byte at which the operator or name starts.
    pub(crate) expressions: BTreeMap<usize, Extent>,
    /// In the order in which they stand.
    pub(crate) functions: Vec<FunctionItem>,
    /// What each `switch` looks at.
    pub(crate) switches: Vec<(usize, usize)>,
    /// Each closure, from its first bar to the end of its body.
    pub(crate) closures: Vec<(usize, usize)>,
    /// Names bound by `let`, `const`, `for`, parameters and imports: (byte, name).
    pub(crate) bindings: Vec<(usize, String)>,
    /// Each `-x ** y`: the extent of the power, whose base is the negated `x`.
    pub(crate) negated_bases: Vec<(usize, usize)>,
}

/// Deeper nesting is not followed; Rhai refuses it long before.
const DEEPEST: usize = 100;

/// Reads a text.
pub(crate) fn extents(text: &str, tokens: &[Token]) -> Extents {
    let tokens =
        tokens.iter().filter(|t| !matches!(t.kind, TokenKind::Comment | TokenKind::DocComment)).copied().collect();
    let mut parser = Parser { text, tokens, at: 0, depth: 0, found: Extents::default() };
    while parser.at < parser.tokens.len() {
        parser.statements();
        // A stray closing brace must not stop the reading.
        parser.at += 1;
    }
    parser.found
}

/// A piece of text that was read as one expression.
#[derive(Debug, Clone, Copy)]
struct Piece {
    start: usize,
    end: usize,
    /// Where its outermost operator or call is recorded.
    head: Option<usize>,
    /// A variable or a property of one, such as `state.velocity`.
    path: bool,
    /// It is a unary minus applied to something.
    negated: bool,
}

struct Parser<'t> {
    text: &'t str,
    tokens: Vec<Token>,
    at: usize,
    depth: usize,
    found: Extents,
}

/// Rhai's precedences; a higher one binds tighter.
fn precedence(operator: &str) -> Option<u8> {
    Some(match operator {
        "||" | "|" | "^" => 30,
        "&&" | "&" => 60,
        "==" | "!=" => 90,
        "in" => 110,
        "<" | "<=" | ">" | ">=" => 130,
        "??" => 135,
        ".." | "..=" => 140,
        "+" | "-" => 150,
        "*" | "/" | "%" => 180,
        "**" => 190,
        "<<" | ">>" => 210,
        _ => return None,
    })
}

fn assigns(operator: &str) -> bool {
    matches!(operator, "=" | "+=" | "-=" | "*=" | "/=" | "%=" | "**=" | "|=" | "&=" | "^=" | "<<=" | ">>=")
}

impl Parser<'_> {
    fn word(&self) -> &str {
        self.ahead(0)
    }

    fn ahead(&self, n: usize) -> &str {
        self.tokens.get(self.at + n).map_or("", |token| &self.text[token.start..token.end])
    }

    fn token(&self) -> Option<Token> {
        self.tokens.get(self.at).copied()
    }

    fn kind(&self) -> Option<TokenKind> {
        self.token().map(|token| token.kind)
    }

    /// The start of the next token, or the end of the text.
    fn here(&self) -> usize {
        self.token().map_or(self.text.len(), |token| token.start)
    }

    /// The end of the last token taken.
    fn behind(&self) -> usize {
        self.at.checked_sub(1).and_then(|at| self.tokens.get(at)).map_or(0, |token| token.end)
    }

    fn take(&mut self, word: &str) -> bool {
        let found = self.word() == word && self.kind() != Some(TokenKind::Text);
        if found {
            self.at += 1;
        }
        found
    }

    fn bind(&mut self) {
        if let Some(token) = self.token()
            && matches!(token.kind, TokenKind::Identifier | TokenKind::Function)
        {
            self.found.bindings.push((token.start, self.word().to_owned()));
            self.at += 1;
        }
    }

    fn record(&mut self, key: usize, start: usize, end: usize) {
        self.found.expressions.insert(key, Extent { start, end, name: None });
    }

    fn name(&mut self, key: Option<usize>, name: &str) {
        if let Some(extent) = key.and_then(|key| self.found.expressions.get_mut(&key)) {
            extent.name = Some(name.to_owned());
        }
    }

    fn statements(&mut self) {
        self.deeper();
        while self.at < self.tokens.len() && self.word() != "}" {
            let before = self.at;
            self.statement();
            if self.at == before {
                self.at += 1;
            }
        }
        self.depth -= 1;
    }

    fn block(&mut self) {
        if self.take("{") {
            self.statements();
            self.take("}");
        }
    }

    fn statement(&mut self) {
        match self.word() {
            ";" => self.at += 1,
            "let" | "const" => {
                self.at += 1;
                let name = self.word().to_owned();
                self.bind();
                if self.take("=") {
                    let piece = self.expression(0);
                    self.name(piece.head, &name);
                }
            }
            "private" | "fn" => self.function(),
            "import" => {
                self.at += 1;
                self.expression(0);
                if self.take("as") {
                    self.bind();
                }
            }
            "export" => self.at += 1,
            "return" | "throw" | "break" => {
                self.at += 1;
                if !matches!(self.word(), ";" | "}" | "") {
                    self.expression(0);
                }
            }
            "do" => {
                self.at += 1;
                self.block();
                if self.take("while") || self.take("until") {
                    self.expression(0);
                }
            }
            "while" | "until" => {
                self.at += 1;
                self.expression(0);
                self.block();
            }
            "loop" => {
                self.at += 1;
                self.block();
            }
            "for" => {
                self.at += 1;
                self.take("(");
                self.bind();
                if self.take(",") {
                    self.bind();
                }
                self.take(")");
                self.take("in");
                self.expression(0);
                self.block();
            }
            _ => self.assignment(),
        }
    }

    fn function(&mut self) {
        let start = self.here();
        self.take("private");
        self.take("fn");
        let Some(token) = self.token() else { return };
        let name = self.word().to_owned();
        self.at += 1;
        self.parameters("(", ")");
        let open = self.here() + 1;
        self.block();
        let end = self.behind();
        let body = (open.min(end), end.saturating_sub(1).max(open.min(end)));
        self.found.functions.push(FunctionItem { name, name_at: (token.start, token.end), start, end, body });
    }

    fn parameters(&mut self, open: &str, close: &str) {
        if self.take(open) {
            while self.at < self.tokens.len() && !matches!(self.word(), "{" | "}" | ";") {
                if self.take(close) {
                    return;
                }
                let before = self.at;
                self.bind();
                self.at = self.at.max(before + usize::from(self.at == before));
                self.take(",");
            }
        }
    }

    fn assignment(&mut self) {
        let left = self.expression(0);
        let Some(token) = self.token() else { return };
        if !assigns(self.word()) || token.kind != TokenKind::Operator {
            return;
        }
        let plain = self.word() == "=";
        self.at += 1;
        let right = self.expression(0);
        self.record(token.start, left.start, right.end);
        if left.path {
            let name = self.text[left.start..left.end].to_owned();
            self.name(if plain { right.head } else { Some(token.start) }, &name);
        }
    }

    /// One level down; too far down, the rest of the text is left unread.
    fn deeper(&mut self) {
        self.depth += 1;
        if self.depth > DEEPEST {
            self.at = self.tokens.len();
        }
    }

    fn expression(&mut self, least: u8) -> Piece {
        self.deeper();
        let mut left = self.unary();
        while let Some(token) = self.token() {
            let operator = self.word();
            let Some(binding) = precedence(operator).filter(|&binding| binding >= least) else { break };
            if token.kind == TokenKind::Text {
                break;
            }
            let power = operator == "**";
            self.at += 1;
            let right = self.expression(if power { binding } else { binding + 1 });
            self.record(token.start, left.start, right.end);
            if power && left.negated {
                self.found.negated_bases.push((left.start, right.end));
            }
            left = Piece { start: left.start, end: right.end, head: Some(token.start), path: false, negated: false };
        }
        self.depth -= 1;
        left
    }

    fn unary(&mut self) -> Piece {
        let start = self.here();
        let sign = self.word();
        if self.kind() == Some(TokenKind::Operator) && matches!(sign, "-" | "+" | "!") {
            let negated = sign == "-";
            self.at += 1;
            self.deeper();
            let operand = self.unary();
            self.depth -= 1;
            self.record(start, start, operand.end);
            return Piece { start, end: operand.end, head: Some(start), path: false, negated };
        }
        let mut piece = self.primary();
        while let Some(token) = self.token() {
            match self.word() {
                "[" | "?[" if token.kind != TokenKind::Text => {
                    self.at += 1;
                    self.list("]");
                    piece = Piece { end: self.behind(), head: None, path: false, ..piece };
                }
                "." | "?." | "::" => {
                    let path = piece.path && self.word() == ".";
                    self.at += 1;
                    let named = self.here();
                    let call = self.kind() == Some(TokenKind::Function);
                    self.at += usize::from(self.token().is_some());
                    piece = Piece { end: self.behind(), head: None, path, ..piece };
                    if call && self.take("(") {
                        piece = self.call(named, piece.start);
                    }
                }
                _ => break,
            }
        }
        piece
    }

    /// The arguments of a call whose name starts at `named`.
    fn call(&mut self, named: usize, start: usize) -> Piece {
        self.list(")");
        let end = self.behind();
        self.record(named, start, end);
        Piece { start, end, head: Some(named), path: false, negated: false }
    }

    fn list(&mut self, close: &str) {
        while self.at < self.tokens.len() && !self.take(close) {
            let before = self.at;
            self.expression(0);
            self.take(",");
            if self.at == before {
                // Nothing here can be read as an expression: leave it to the statements.
                if matches!(self.word(), ";" | "}") {
                    return;
                }
                self.at += 1;
            }
        }
    }

    fn primary(&mut self) -> Piece {
        let start = self.here();
        let mut head = None;
        let mut path = false;
        match (self.kind(), self.word()) {
            (Some(TokenKind::Text), _) => {
                self.at += 1;
                while self.take("${") {
                    self.statements();
                    self.take("}");
                    if self.kind() == Some(TokenKind::Text) && self.here() == self.behind() {
                        self.at += 1;
                    }
                }
            }
            (Some(TokenKind::Function), _) => {
                self.at += 1;
                if self.take("(") {
                    return self.call(start, start);
                }
            }
            (Some(TokenKind::Identifier), _) => {
                self.at += 1;
                path = true;
            }
            (Some(TokenKind::Number), _) => self.at += 1,
            (_, "(") => {
                self.at += 1;
                head = self.expression(0).head;
                self.take(")");
            }
            (_, "[") => {
                self.at += 1;
                self.list("]");
            }
            (_, "#{") => self.map(),
            (_, "{") => self.block(),
            (_, "|" | "||") => {
                if !self.take("||") {
                    self.parameters("|", "|");
                }
                // A closure's body is a statement: `|x| total += x`.
                self.statement();
                self.found.closures.push((start, self.behind().max(start)));
            }
            (_, "if") => {
                while self.take("if") {
                    self.expression(0);
                    self.block();
                    if self.take("else") && self.word() != "if" {
                        self.block();
                        break;
                    }
                }
            }
            (_, "switch") => self.switch(),
            (_, "this" | "global" | "true" | "false") => self.at += 1,
            (_, "while" | "loop" | "do" | "for") => self.statement(),
            _ => {}
        }
        Piece { start, end: self.behind().max(start), head, path, negated: false }
    }

    fn map(&mut self) {
        self.at += 1;
        while self.at < self.tokens.len() && !self.take("}") {
            let before = self.at;
            // The key, then its value.
            self.at += 1;
            if self.take(":") {
                self.expression(0);
            }
            self.take(",");
            if self.at == before {
                self.at += 1;
            }
        }
    }

    fn switch(&mut self) {
        self.at += 1;
        let subject = self.expression(0);
        self.found.switches.push((subject.start, subject.end));
        if !self.take("{") {
            return;
        }
        while self.at < self.tokens.len() && !self.take("}") {
            let before = self.at;
            self.expression(31);
            while self.take("|") {
                self.expression(31);
            }
            if self.take("if") {
                self.expression(0);
            }
            if self.take("=>") {
                self.statement();
            }
            self.take(",");
            if self.at == before {
                self.at += 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lexer::tokens;

    /// The expression of the n-th place where `token` stands, with its name.
    fn whole<'t>(text: &'t str, token: &str, nth: usize) -> (&'t str, Option<String>) {
        let cut = tokens(text);
        let found = extents(text, &cut);
        let places: Vec<&Token> = cut.iter().filter(|t| &text[t.start..t.end] == token).collect();
        let extent = found.expressions.get(&places[nth].start).unwrap_or_else(|| panic!("no extent for {token}"));
        (&text[extent.start..extent.end], extent.name.clone())
    }

    fn expression<'t>(text: &'t str, token: &str) -> &'t str {
        whole(text, token, 0).0
    }

    #[test]
    fn precedence_decides_what_belongs_to_an_operator() {
        assert_eq!(expression("a + b * c", "+"), "a + b * c");
        assert_eq!(expression("a + b * c", "*"), "b * c");
        assert_eq!(whole("a - b - c", "-", 0).0, "a - b");
        assert_eq!(whole("a - b - c", "-", 1).0, "a - b - c");
        assert_eq!(whole("a ** b ** c", "**", 0).0, "a ** b ** c");
        assert_eq!(whole("a ** b ** c", "**", 1).0, "b ** c");
        assert_eq!(expression("if a + b < c * d && e { }", "<"), "a + b < c * d");
        assert_eq!(expression("x % 2.0 + 1", "%"), "x % 2.0");
    }

    #[test]
    fn unary_minus_binds_tighter_than_the_power() {
        let text = "-x ** 2";
        assert_eq!(expression(text, "-"), "-x");
        assert_eq!(expression(text, "**"), "-x ** 2");
        assert_eq!(extents(text, &tokens(text)).negated_bases, [(0, 7)]);
        let apart = "-(x ** 2)";
        assert_eq!(expression(apart, "-"), apart);
        assert!(extents(apart, &tokens(apart)).negated_bases.is_empty());
        assert_eq!(whole("a - -b", "-", 1).0, "-b");
        assert_eq!(expression("2 ** -x", "**"), "2 ** -x");
    }

    #[test]
    fn calls_methods_and_indices_are_whole() {
        assert_eq!(expression("1.0 / (1.0 + exp(-z))", "exp"), "exp(-z)");
        assert_eq!(expression("1.0 / (1.0 + exp(-z))", "/"), "1.0 / (1.0 + exp(-z))");
        assert_eq!(expression("let y = (a + b).exp().ln();", "exp"), "(a + b).exp()");
        assert_eq!(expression("let y = (a + b).exp().ln();", "ln"), "(a + b).exp().ln()");
        assert_eq!(expression("output[i] - target[i + 1]", "-"), "output[i] - target[i + 1]");
        assert_eq!(expression("m::f(x, y) * 2", "f"), "m::f(x, y)");
        assert_eq!(expression("z.map(|v| exp(v - m)).sum()", "exp"), "exp(v - m)");
        assert_eq!(expression("z.map(|v| exp(v - m)).sum()", "sum"), "z.map(|v| exp(v - m)).sum()");
        assert_eq!(expression("f(a, b\n  , c) + 1", "f"), "f(a, b\n  , c)");
        assert_eq!(expression("state.v * 2.0", "*"), "state.v * 2.0");
    }

    #[test]
    fn a_variable_names_the_expression_it_gets() {
        assert_eq!(whole("let d = a - b;", "-", 0), ("a - b", Some("d".into())));
        assert_eq!(whole("let d = (a - b);", "-", 0), ("a - b", Some("d".into())));
        assert_eq!(whole("d = exp(a);", "exp", 0), ("exp(a)", Some("d".into())));
        assert_eq!(whole("let d = a - b + c;", "-", 0), ("a - b", None));
        assert_eq!(whole("s += d ** 2;", "+=", 0), ("s += d ** 2", Some("s".into())));
        assert_eq!(whole("s += d ** 2;", "**", 0), ("d ** 2", None));
        assert_eq!(whole("state.v = b * state.v + g;", "+", 0).1, Some("state.v".into()));
        assert_eq!(whole("state.v -= g;", "-=", 0), ("state.v -= g", Some("state.v".into())));
        assert_eq!(whole("a[i] = x * y;", "*", 0).1, None);
        assert_eq!(whole("let d = if c { a + b } else { a };", "+", 0), ("a + b", None));
    }

    #[test]
    fn statements_do_not_run_into_each_other() {
        let text = "fn f(x) { if x > 0 { x } else { -x } - 1 }";
        assert_eq!(expression(text, ">"), "x > 0");
        assert_eq!(whole(text, "-", 0).0, "-x");
        let text = "fn loss(o, t) {\n let s = 0.0;\n for i in 0..o.len() { s += (o[i] - t[i]) ** 2 }\n s / o.len()\n}";
        assert_eq!(expression(text, "+="), "s += (o[i] - t[i]) ** 2");
        assert_eq!(expression(text, "/"), "s / o.len()");
        assert_eq!(expression(text, ".."), "0..o.len()");
        let functions = extents(text, &tokens(text)).functions;
        assert_eq!(functions[0].name, "loss");
        assert_eq!(&text[functions[0].start..functions[0].end], text);
    }

    #[test]
    fn switches_maps_closures_and_templates_are_read_through() {
        let text = "switch k { 0 | 1 => a + b, 2 if c > d => { x * y } _ => z - 1 }";
        assert_eq!(expression(text, "+"), "a + b");
        assert_eq!(expression(text, ">"), "c > d");
        assert_eq!(expression(text, "*"), "x * y");
        assert_eq!(expression(text, "-"), "z - 1");
        assert_eq!(extents(text, &tokens(text)).switches, [(7, 8)]);
        assert_eq!(expression("#{ a: x + y, \"b\": 2 }", "+"), "x + y");
        assert_eq!(expression("`v = ${x + y} and ${z}` + w", "+"), "x + y");
        assert_eq!(whole("`v = ${x + y} and ${z}` + w", "+", 1).0, "`v = ${x + y} and ${z}` + w");
        assert_eq!(expression("let f = |a, b| a * b;", "*"), "a * b");
        assert_eq!(expression("let f = || a * b;", "*"), "a * b");
    }

    #[test]
    fn letters_beyond_ascii_do_not_shift_anything() {
        assert_eq!(expression("/* é */ let ß = \"→\"; ß + α * 2", "*"), "α * 2");
        assert_eq!(expression("/* é */ let ß = \"→\"; ß + α * 2", "+"), "ß + α * 2");
    }

    #[test]
    fn broken_and_hostile_texts_end() {
        for text in [
            "((((",
            "fn",
            "fn f(",
            "let = ; } } x + ",
            "#{ a: , }",
            "switch {",
            "|",
            "a + + +",
            "f(;)",
            "`${",
            "if if if",
        ] {
            extents(text, &tokens(text));
        }
        for open in [
            "(",
            "-",
            "[",
            "#{a:",
            "{",
            "f(",
            "if ",
            "|",
            "switch ",
            "!",
            "`${",
            "a ** ",
            "do ",
            "else ",
            "if a {} else ",
            "loop {",
            "fn f() {",
            "for i in {",
            "`${`",
        ] {
            let text = open.repeat(20_000);
            extents(&text, &tokens(&text));
        }
    }

    proptest::proptest! {
        /// Whatever the text, every token and extent lies within it, on letters' borders, in its order.
        #[test]
        fn any_text_is_read_without_a_fault(words in proptest::collection::vec(
            proptest::sample::select(vec![
                "fn", "f", "(", ")", "{", "}", "[", "]", "#{", "`", "${", "\"", "'", "let", "x", "=", "+=", "-", "**", "+", ",", ";",
                ":", "::", ".", "|", "||", "if", "else", "switch", "=>", "for", "in", "while", "1.5", "//", "/*", "*/", "\n", "é", "→", "#\"",
            ]), 0..60)) {
            let text = words.join(" ");
            let cut = tokens(&text);
            for pair in cut.windows(2) {
                proptest::prop_assert!(pair[0].end <= pair[1].start);
            }
            for (key, extent) in &extents(&text, &cut).expressions {
                proptest::prop_assert!(extent.start <= *key && *key < extent.end, "{text} {key} {extent:?}");
                proptest::prop_assert!(text.get(extent.start..extent.end).is_some());
            }
            let whole = crate::text::Text::new("t", text.clone());
            proptest::prop_assert!(whole.compiled().len() >= text.len());
        }
    }
}
