//! A tolerant parser that finds the expression around each operator and call.
//!
//! Rhai reports only the position of an operator. To underline `output[i] - target[i]`, and to call its value `d`
//! after the variable, this parser reads the text once with Rhai's precedences and records the span of each
//! expression. It never fails. If it cannot follow a text, it records fewer spans. It must not know what any function
//! does.

use crate::text::lexer::{Token, TokenKind};
use std::collections::BTreeMap;

/// The span of an expression that an operator or a call produces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NamedSpan {
    pub(crate) start: usize,
    pub(crate) end: usize,
    /// The variable that receives the value, if the expression is the whole value.
    pub(crate) name: Option<String>,
}

/// A function definition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FunctionItem {
    pub(crate) name: String,
    /// The span of the name.
    pub(crate) name_at: (usize, usize),
    /// From `fn` to the closing brace.
    pub(crate) start: usize,
    pub(crate) end: usize,
    /// The number of parameters.
    pub(crate) parameters: usize,
    /// The span between the braces.
    pub(crate) body: (usize, usize),
    /// All expressions that may be the function's result.
    pub(crate) results: Vec<Ending>,
}

/// An expression with which a function may end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ending {
    pub(crate) start: usize,
    pub(crate) end: usize,
    /// The expression has no value, such as a loop or an `if` without `else`.
    pub(crate) nothing: bool,
}

/// The result of parsing. All positions are byte offsets.
#[derive(Debug, Default)]
pub(crate) struct SourceMap {
    /// Keyed by the start of the operator or name.
    pub(crate) expressions: BTreeMap<usize, NamedSpan>,
    /// In source order.
    pub(crate) functions: Vec<FunctionItem>,
    /// The subject of each `switch`.
    pub(crate) switches: Vec<(usize, usize)>,
    /// Each closure: start (its first bar), end, and start of its body.
    pub(crate) closures: Vec<(usize, usize, usize)>,
    /// Each call of `curry`, with its receiver.
    pub(crate) curried: Vec<(usize, usize)>,
    /// Each loop.
    pub(crate) loops: Vec<(usize, usize)>,
    /// Each variable, property or element that is the receiver of an iterating method.
    pub(crate) receivers: Vec<(usize, usize)>,
    /// Names bound by `let`, `const`, `for`, parameters and imports: (offset, name).
    pub(crate) bindings: Vec<(usize, String)>,
    /// Each `if`, `switch` or block whose value is discarded (start, end), and the sign after it that starts a new
    /// statement.
    pub(crate) unused: Vec<(usize, usize, usize)>,
    /// Each `-x ** y`: the span of the power, whose base is the negated `x`.
    pub(crate) negated_bases: Vec<(usize, usize)>,
}

/// Maximum nesting depth that is parsed. Rhai refuses far less.
const MAX_DEPTH: usize = 100;

/// Methods that iterate over an array with a closure and leave the array unchanged.
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

/// Binds arguments to a function, which then holds them like a closure holds its captures.
const CURRY: &str = "curry";

/// Parses a text.
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
        // Continue after a stray closing brace.
        parser.at += 1;
    }
    parser.found
}

/// An expression that has just been parsed.
#[derive(Debug, Clone, Copy)]
struct ExprSpan {
    start: usize,
    end: usize,
    /// The key under which its outermost operator or call is recorded.
    head: Option<usize>,
    /// A variable or a property of one, such as `state.velocity`.
    path: bool,
    /// A unary minus applied to an operand.
    negated: bool,
    /// Assignable: a variable, or a property or an element of one.
    place: bool,
}

struct Parser<'t> {
    text: &'t str,
    tokens: Vec<Token>,
    at: usize,
    depth: usize,
    found: SourceMap,
    /// The possible endings of the last statement.
    endings: Vec<Ending>,
    /// The `return` statements of the current function.
    returns: Vec<Ending>,
    /// The last expression with branches: start, end, and the endings of its branches.
    branched: Option<(usize, usize, Vec<Ending>)>,
}

/// Rhai's precedences; a higher one binds tighter. Copied from Rhai's tokenizer.
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

    /// The end of the last consumed token.
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
        self.enter();
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

    /// Parses one statement and sets `endings` to its possible endings.
    fn statement(&mut self) {
        let start = self.here();
        let word = self.word();
        if word == ";" {
            // The value before the semicolon remains the value of the block.
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
                // As a statement, it ends with its closing brace whatever follows.
                let start = self.here();
                self.primary();
                self.unused(start);
            }
            _ => self.assignment(),
        }
    }

    /// Records a statement whose value is discarded because the sign after it starts a new statement.
    fn unused(&mut self, start: usize) {
        let end = self.behind();
        let continued = matches!(self.word(), "+" | "-") && self.kind() == Some(TokenKind::Operator);
        if !continued || self.text[end..self.here()].contains('\n') {
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

    /// Parses names between brackets and returns their number.
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

    /// Enters one nesting level. Beyond the maximum, skips the rest of the text.
    fn enter(&mut self) {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            self.at = self.tokens.len();
        }
    }

    fn expression(&mut self, least: u8) -> ExprSpan {
        self.enter();
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
            self.enter();
            let operand = self.unary();
            self.depth -= 1;
            self.record(start, start, operand.end);
            return ExprSpan { start, end: operand.end, head: Some(start), path: false, negated, place: false };
        }
        let mut piece = self.primary();
        while let Some(token) = self.token() {
            match self.word() {
                "[" | "?[" if token.kind != TokenKind::Text => {
                    // A chain that may stop early at `?` must not be split by a guard.
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

    /// Parses the arguments of a call whose name starts at `named`.
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
                // Not an expression: leave it to the statement parser.
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
                // The body of a closure is a statement, as in `|x| total += x`. Its `return` does not leave the
                // function.
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

    /// Records the endings of the branches that have just been parsed.
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
            // The key; the value follows.
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
