//! From the start of an operator or a function name to the whole expression it belongs to.
//!
//! Rhai reports where an operator stands and nothing more. To underline `output[i] - target[i]` and to
//! call its value by the name `d` it was given, the text is read once here by a tolerant parser that
//! knows Rhai's precedences and records, for each operator and call, the extent of its expression. It
//! never fails and it runs nothing; a text it cannot follow has fewer extents.

use crate::text::lexer::{Token, TokenKind};
use std::collections::BTreeMap;

/// The expression that an operator or a call stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NamedSpan {
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
    /// How many parameters it has.
    pub(crate) parameters: usize,
    /// Between the braces.
    pub(crate) body: (usize, usize),
    /// Every place where it may end with a result.
    pub(crate) results: Vec<Ending>,
}

/// A place where a function may end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ending {
    pub(crate) start: usize,
    pub(crate) end: usize,
    /// What stands there gives nothing, as a loop or an `if` without `else` does.
    pub(crate) nothing: bool,
}

/// What the parser found.
#[derive(Debug, Default)]
pub(crate) struct SourceMap {
    /// By the byte at which the operator or name starts.
    pub(crate) expressions: BTreeMap<usize, NamedSpan>,
    /// In the order in which they stand.
    pub(crate) functions: Vec<FunctionItem>,
    /// What each `switch` looks at.
    pub(crate) switches: Vec<(usize, usize)>,
    /// Each closure, from its first bar to the end of its body, and where its body begins.
    pub(crate) closures: Vec<(usize, usize, usize)>,
    /// Each call of `curry`, with what it is called on.
    pub(crate) curried: Vec<(usize, usize)>,
    /// Each loop.
    pub(crate) loops: Vec<(usize, usize)>,
    /// Each variable, property or element that a method with a closure goes over, without the method.
    pub(crate) receivers: Vec<(usize, usize)>,
    /// Names bound by `let`, `const`, `for`, parameters and imports: (byte, name).
    pub(crate) bindings: Vec<(usize, String)>,
    /// Each `if`, `switch` or block that gives a value to nobody, and the sign behind it that begins a new statement.
    pub(crate) unused: Vec<(usize, usize, usize)>,
    /// Each `-x ** y`: the extent of the power, whose base is the negated `x`.
    pub(crate) negated_bases: Vec<(usize, usize)>,
}

/// Deeper nesting is not followed; Rhai refuses it long before.
const MAX_DEPTH: usize = 100;

/// Methods that go over an array with a closure and leave the array as it is.
const ITERATING: &[&str] = &[
    "map",
    "filter",
    "reduce",
    "reduce_rev",
    "all",
    "some",
    "find",
    "find_map",
    "index_of",
    "zip",
    "order",
    "order_by",
];

/// Gives a function some of its arguments, so that it holds them as a closure holds what it captures.
const CURRY: &str = "curry";

/// Reads a text.
pub(crate) fn parse(text: &str, tokens: &[Token]) -> SourceMap {
    let tokens =
        tokens.iter().filter(|t| !matches!(t.kind, TokenKind::Comment | TokenKind::DocComment)).copied().collect();
    let mut parser = Parser {
        text,
        tokens,
        at: 0,
        depth: 0,
        found: SourceMap::default(),
        endings: Vec::new(),
        returns: Vec::new(),
        branched: None,
    };
    while parser.at < parser.tokens.len() {
        parser.statements();
        // A stray closing brace must not stop the reading.
        parser.at += 1;
    }
    parser.found
}

/// A piece of text that was read as one expression.
#[derive(Debug, Clone, Copy)]
struct ExprSpan {
    start: usize,
    end: usize,
    /// Where its outermost operator or call is recorded.
    head: Option<usize>,
    /// A variable or a property of one, such as `state.velocity`.
    path: bool,
    /// It is a unary minus applied to something.
    negated: bool,
    /// A variable, or a property or an element of one: what an assignment could change.
    place: bool,
}

struct Parser<'t> {
    text: &'t str,
    tokens: Vec<Token>,
    at: usize,
    depth: usize,
    found: SourceMap,
    /// Where the last statement may end.
    endings: Vec<Ending>,
    /// The `return`s of the function that is being read.
    returns: Vec<Ending>,
    /// The last expression with branches: its extent and where they end.
    branched: Option<(usize, usize, Vec<Ending>)>,
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
        self.found.expressions.insert(key, NamedSpan { start, end, name: None });
    }

    fn name(&mut self, key: Option<usize>, name: &str) {
        if let Some(extent) = key.and_then(|key| self.found.expressions.get_mut(&key)) {
            extent.name = Some(name.to_owned());
        }
    }

    fn statements(&mut self) {
        self.deeper();
        self.endings.clear();
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
        let start = self.here();
        self.endings.clear();
        if self.take("{") {
            self.statements();
            self.take("}");
        }
        if self.endings.is_empty() {
            self.endings = vec![Ending { start, end: self.behind().max(start), nothing: true }];
        }
    }

    /// One statement; afterwards `endings` says where it may end.
    fn statement(&mut self) {
        let start = self.here();
        let word = self.word();
        if word == ";" {
            // The value before it stays the value of the block.
            self.at += 1;
            return;
        }
        let nothing = matches!(
            word,
            "let" | "const" | "private" | "fn" | "import" | "export" | "do" | "while" | "until" | "loop" | "for"
        );
        let leaves = matches!(word, "return" | "throw" | "break" | "continue");
        let returns = word == "return";
        let repeats = matches!(word, "do" | "while" | "until" | "loop" | "for");
        self.branched = None;
        self.plain_statement();
        let end = self.behind().max(start);
        if repeats {
            self.found.loops.push((start, end));
        }
        self.endings = match self.branched.take() {
            _ if leaves => Vec::new(),
            Some((from, to, endings)) if (from, to) == (start, end) => endings,
            _ => vec![Ending { start, end, nothing }],
        };
        if returns {
            let value = start + "return".len();
            let written = self.text.get(value..end).map_or("", str::trim_start);
            let start = if written.is_empty() { start } else { end - written.len() };
            self.returns.push(Ending { start, end, nothing: written.is_empty() });
        }
    }

    fn plain_statement(&mut self) {
        match self.word() {
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
                let start = self.here();
                self.at += 1;
                if !matches!(self.word(), ";" | "}" | "") {
                    self.expression(0);
                }
                self.record(start, start, self.behind());
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
            "if" | "switch" | "{" => {
                // Such a statement ends with its brace, whatever stands behind it.
                let start = self.here();
                self.primary();
                self.unused(start);
            }
            _ => self.assignment(),
        }
    }

    /// Keeps a statement whose value is lost because what was meant to go on with it begins a new one.
    fn unused(&mut self, start: usize) {
        let end = self.behind();
        let goes_on = matches!(self.word(), "+" | "-") && self.kind() == Some(TokenKind::Operator);
        if !goes_on || self.text[end..self.here()].contains('\n') {
            return;
        }
        let meant = |ending: &Ending| !ending.nothing && !self.text[ending.end..].trim_start().starts_with(';');
        if self.branched.as_ref().is_some_and(|(_, _, endings)| endings.iter().any(meant)) {
            self.found.unused.push((start, end, self.here()));
        }
    }

    fn function(&mut self) {
        let start = self.here();
        self.take("private");
        self.take("fn");
        let Some(token) = self.token() else { return };
        let name = self.word().to_owned();
        self.at += 1;
        let parameters = self.parameters("(", ")");
        let open = self.here() + 1;
        let outside = std::mem::take(&mut self.returns);
        self.block();
        let mut results = std::mem::replace(&mut self.returns, outside);
        results.append(&mut self.endings);
        let end = self.behind();
        let body = (open.min(end), end.saturating_sub(1).max(open.min(end)));
        self.found.functions.push(FunctionItem {
            name,
            name_at: (token.start, token.end),
            start,
            end,
            parameters,
            body,
            results,
        });
    }

    /// Reads names between brackets and answers how many there are.
    fn parameters(&mut self, open: &str, close: &str) -> usize {
        let bound = self.found.bindings.len();
        if self.take(open) {
            while self.at < self.tokens.len() && !matches!(self.word(), "{" | "}" | ";") {
                if self.take(close) {
                    break;
                }
                let before = self.at;
                self.bind();
                self.at = self.at.max(before + usize::from(self.at == before));
                self.take(",");
            }
        }
        self.found.bindings.len() - bound
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
        if self.depth > MAX_DEPTH {
            self.at = self.tokens.len();
        }
    }

    fn expression(&mut self, least: u8) -> ExprSpan {
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
            left =
                ExprSpan { end: right.end, head: Some(token.start), path: false, negated: false, place: false, ..left };
        }
        self.depth -= 1;
        left
    }

    fn unary(&mut self) -> ExprSpan {
        let start = self.here();
        let sign = self.word();
        if self.kind() == Some(TokenKind::Operator) && matches!(sign, "-" | "+" | "!") {
            let negated = sign == "-";
            self.at += 1;
            self.deeper();
            let operand = self.unary();
            self.depth -= 1;
            self.record(start, start, operand.end);
            return ExprSpan { start, end: operand.end, head: Some(start), path: false, negated, place: false };
        }
        let mut piece = self.primary();
        while let Some(token) = self.token() {
            match self.word() {
                "[" | "?[" if token.kind != TokenKind::Text => {
                    // A chain that may break off at `?` must stay in one piece.
                    let place = piece.place && self.word() == "[";
                    let bracket = token.start;
                    self.at += 1;
                    let index = self.here();
                    self.list("]");
                    if self.behind() > index && !self.found.expressions.contains_key(&index) {
                        self.record(index, piece.start, self.behind());
                    }
                    self.record(bracket, piece.start, self.behind());
                    piece = ExprSpan { end: self.behind(), head: None, path: false, place, ..piece };
                }
                "." | "?." | "::" => {
                    let path = piece.path && self.word() == ".";
                    let place = piece.place && self.word() != "?.";
                    let method = self.word() == ".";
                    self.at += 1;
                    let named = self.here();
                    let call = self.kind() == Some(TokenKind::Function);
                    if call && method && place && ITERATING.contains(&self.word()) {
                        self.found.receivers.push((piece.start, piece.end));
                    }
                    self.at += usize::from(self.token().is_some());
                    piece = ExprSpan { end: self.behind(), head: None, path, place, ..piece };
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
    fn call(&mut self, named: usize, start: usize) -> ExprSpan {
        self.list(")");
        let end = self.behind();
        self.record(named, start, end);
        let rest = self.text[named..].strip_prefix(CURRY);
        if rest.is_some_and(|rest| !rest.starts_with(|ch: char| ch.is_alphanumeric() || ch == '_')) {
            self.found.curried.push((start, end));
        }
        ExprSpan { start, end, head: Some(named), path: false, negated: false, place: false }
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

    fn primary(&mut self) -> ExprSpan {
        let start = self.here();
        let mut head = None;
        let (mut path, mut place) = (false, false);
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
                (path, place) = (true, true);
            }
            (Some(TokenKind::Number), _) => self.at += 1,
            (_, "(") => {
                self.at += 1;
                let inner = self.expression(0);
                (head, place) = (inner.head, inner.place);
                self.take(")");
            }
            (_, "[") => {
                self.at += 1;
                self.list("]");
                self.record(start, start, self.behind().max(start));
            }
            (_, "#{") => {
                self.map();
                self.record(start, start, self.behind().max(start));
            }
            (_, "{") => {
                self.block();
                self.branch(start);
            }
            (_, "|" | "||") => {
                if !self.take("||") {
                    self.parameters("|", "|");
                }
                // A closure's body is a statement: `|x| total += x`. Its `return` is not the function's.
                let outside = std::mem::take(&mut self.returns);
                let body = self.here();
                self.statement();
                self.returns = outside;
                let end = self.behind().max(start);
                self.found.closures.push((start, end, body.min(end)));
            }
            (_, "if") => self.choice(start),
            (_, "switch") => self.switch(start),
            (_, "this") => {
                self.at += 1;
                place = true;
            }
            (_, "global" | "true" | "false") => self.at += 1,
            (_, "while" | "loop" | "do" | "for") => self.statement(),
            _ => {}
        }
        ExprSpan { start, end: self.behind().max(start), head, path, negated: false, place }
    }

    /// Keeps where the branches of what has just been read may end.
    fn branch(&mut self, start: usize) {
        self.branched = Some((start, self.behind().max(start), std::mem::take(&mut self.endings)));
    }

    fn choice(&mut self, start: usize) {
        let mut endings = Vec::new();
        let mut otherwise = false;
        while self.take("if") {
            self.expression(0);
            self.block();
            endings.append(&mut self.endings);
            if self.take("else") && self.word() != "if" {
                self.block();
                endings.append(&mut self.endings);
                otherwise = true;
                break;
            }
        }
        if !otherwise {
            endings.push(Ending { start, end: self.behind().max(start), nothing: true });
        }
        self.endings = endings;
        self.branch(start);
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

    fn switch(&mut self, start: usize) {
        self.at += 1;
        let subject = self.expression(0);
        self.found.switches.push((subject.start, subject.end));
        if !self.take("{") {
            return;
        }
        let mut endings = Vec::new();
        let mut otherwise = false;
        while self.at < self.tokens.len() && !self.take("}") {
            let before = self.at;
            let default = self.word() == "_";
            self.expression(31);
            while self.take("|") {
                self.expression(31);
            }
            if self.take("if") {
                self.expression(0);
            } else {
                otherwise |= default;
            }
            if self.take("=>") {
                self.statement();
                endings.append(&mut self.endings);
            }
            self.take(",");
            if self.at == before {
                self.at += 1;
            }
        }
        if !otherwise {
            endings.push(Ending { start, end: self.behind().max(start), nothing: true });
        }
        self.endings = endings;
        self.branch(start);
    }
}

#[cfg(test)]
mod tests;
