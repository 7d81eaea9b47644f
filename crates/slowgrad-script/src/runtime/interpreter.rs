//! The Rhai engines, set up so that a script can compute and do nothing else.
//!
//! There are two with the same functions: one for plugin calls and one, with room for larger arrays, for
//! making data and reading lessons. Neither has `eval`, `try`, a clock or a file; `import` reads the library.
//! This is the only place that starts a script.

use crate::diagnostics::analysis::Analysis;
use crate::diagnostics::runtime_errors;
use crate::runtime::builtins::Natives;
use crate::runtime::engine::{EMIT, engine, limit};
use crate::runtime::host::{Budget, Host, Scalar};
use crate::runtime::imports::Shelf;
use crate::runtime::limits::Limits;
use crate::runtime::program::Program;
use crate::text::Text;
use rhai::{AST, CallFnOptions, Dynamic, Engine, EvalAltResult, ParseError, Scope};
use slowgrad_tape::{Diagnostic, TraceBuilder};
use std::cell::RefCell;
use std::rc::Rc;

/// Both engines and what they share.
#[derive(Debug)]
pub(crate) struct Interpreter {
    pub(crate) host: Rc<Host>,
    pub(crate) shelf: Rc<Shelf>,
    calling: RefCell<Engine>,
    making: RefCell<Engine>,
}

impl Interpreter {
    pub(crate) fn new(host: Rc<Host>, shelf: Rc<Shelf>) -> Self {
        let calling = RefCell::new(engine(&host, &shelf));
        let making = RefCell::new(engine(&host, &shelf));
        let interpreter = Self { host, shelf, calling, making };
        interpreter.limit(interpreter.host.limits.get());
        interpreter
    }

    /// Runs scripts within these limits from now on.
    pub(crate) fn limit(&self, limits: Limits) {
        self.host.limits.set(limits);
        limit(&mut self.calling.borrow_mut(), &limits, limits.array, limits.map);
        limit(&mut self.making.borrow_mut(), &limits, limits.making_array, limits.making_map);
    }

    /// The names of all functions that scripts can call, with their numbers of arguments.
    #[cfg(test)]
    pub(crate) fn callable(&self) -> std::collections::BTreeSet<(String, usize)> {
        let pair = |function: rhai::FuncInfo| Some((function.metadata.name.to_string(), function.metadata.num_params));
        self.calling.borrow().collect_fn_metadata(None, pair, true).into_iter().collect()
    }

    /// Compiles a text, or tells everything that is known to be wrong with it.
    fn compile(&self, text: &Rc<Text>) -> Result<AST, Vec<Diagnostic>> {
        let imports = self.shelf.newest();
        let (engine, host) = (&*self.calling.borrow(), &*self.host);
        let natives = host.natives.get_or_init(|| Natives::of(engine));
        Analysis { engine, host, natives, imports: &imports }.compile(text)
    }

    /// Compiles a file.
    pub(crate) fn program(&self, path: &str, text: &str) -> Result<Program, Vec<Diagnostic>> {
        let text = Rc::new(Text::new(path, text));
        let ast = self.compile(&text)?;
        let may_import = text.source.text.contains("import");
        let imports = if may_import { self.shelf.newest() } else { Rc::default() };
        Ok(Program::new(path, text, ast, may_import, imports))
    }

    /// Runs a function of a program; with a tape, traced numbers may be among the arguments.
    pub(crate) fn call(
        &self,
        program: &Program,
        function: &str,
        arguments: Vec<Dynamic>,
        budget: Budget,
    ) -> Result<Dynamic, Box<Diagnostic>> {
        self.host.begin(budget, None);
        let result = self.run(program, function, arguments, budget).map(Dynamic::flatten);
        self.host.end();
        self.host.release();
        result
    }

    /// Runs a function many times with the same argument, within one budget.
    ///
    /// The loop runs in the interpreter: an entry a call would resolve every function anew each time.
    pub(crate) fn call_many(
        &self,
        program: &Program,
        function: &str,
        argument: &Dynamic,
        times: usize,
    ) -> Result<Vec<Dynamic>, Box<Diagnostic>> {
        let text = format!("fn {MANY}(x, n) {{ for i in 0..n {{ {EMIT}({function}(x)); }} }}");
        let broken = |error: ParseError| Box::new(Diagnostic::error("interpreter", error.to_string()));
        let ast = program.ast.merge(&self.making.borrow().compile(text).map_err(broken)?);
        self.shelf.running.replace(Rc::clone(&program.imports));
        self.host.has_imports.set(program.may_import);
        self.host.begin(Budget::Making, None);
        let making = self.making.borrow();
        let mut results = Vec::with_capacity(times);
        let ended = loop {
            let left_to_do = times - results.len();
            let arguments = (argument.clone(), left_to_do as i64);
            let options = CallFnOptions::new().eval_ast(program.has_statements);
            self.host.wanted.set(left_to_do);
            let result = making.call_fn_with_options::<Dynamic>(options, &mut Scope::new(), &ast, MANY, arguments);
            results.append(&mut self.host.emitted.borrow_mut());
            match result.or_else(|error| left(*error)) {
                Err(error) => break Err(error),
                // `exit` leaves the loop as well as the function; its value is the function's.
                Ok(value) if results.len() < times => results.push(value),
                Ok(_) => {}
            }
            if results.len() >= times {
                break Ok(());
            }
        };
        self.host.wanted.set(0);
        self.host.end();
        self.host.release();
        ended.map_err(|error| {
            Box::new(runtime_errors::running(&self.host, program, function, unlooped(error, function)))
        })?;
        Ok(results)
    }

    /// Runs a function with a tape that `arguments` writes its inputs on, and lets `finish` read the result.
    pub(crate) fn trace<T>(
        &self,
        program: &Program,
        function: &str,
        tape: Box<TraceBuilder>,
        arguments: impl FnOnce(&Host) -> Vec<Dynamic>,
        finish: impl FnOnce(Dynamic, &mut TraceBuilder) -> Result<T, Box<Diagnostic>>,
    ) -> Result<(Box<TraceBuilder>, T), Box<Diagnostic>> {
        self.host.begin(Budget::Call, Some(tape));
        let arguments = arguments(&self.host);
        let result = self.run(program, function, arguments, Budget::Call);
        // The handles in the result are good only until the entry ends.
        let checked = result.and_then(|value| {
            self.check(program, function, &value)?;
            Ok(value)
        });
        let tape = self.host.end();
        let finished = checked.and_then(|value| {
            let mut tape = tape.ok_or_else(|| Box::new(Diagnostic::error("interpreter", "the tape was lost")))?;
            let finished = finish(value, &mut tape)?;
            Ok((tape, finished))
        });
        self.host.release();
        finished
    }

    fn check(&self, program: &Program, function: &str, value: &Dynamic) -> Result<(), Box<Diagnostic>> {
        let is_stale = |value: &Dynamic| Scalar::of(value).and_then(|handle| self.host.check(handle).err());
        let stale = match value.as_array_ref() {
            Ok(array) => array.iter().find_map(is_stale),
            Err(_) => is_stale(value),
        };
        stale.map_or(Ok(()), |error| Err(Box::new(runtime_errors::running(&self.host, program, function, *error))))
    }

    fn run(
        &self,
        program: &Program,
        function: &str,
        arguments: Vec<Dynamic>,
        budget: Budget,
    ) -> Result<Dynamic, Box<Diagnostic>> {
        let engine = match budget {
            Budget::Call => &self.calling,
            Budget::Making => &self.making,
        };
        let engine = engine.borrow();
        self.shelf.running.replace(Rc::clone(&program.imports));
        self.host.has_imports.set(program.may_import);
        let is_kept = budget == Budget::Call;
        let result = program.calls.call(&engine, &self.host, &program.ast, function, arguments, is_kept);
        let result = result.or_else(|error| left(*error));
        result.map_err(|error| Box::new(runtime_errors::running(&self.host, program, function, error)))
    }
}

/// The value with which `exit` left a script from within a callback; the interpreter takes only a function's own
/// `exit` for its end.
fn left(error: EvalAltResult) -> Result<Dynamic, EvalAltResult> {
    if !matches!(error.unwrap_inner(), EvalAltResult::Exit(..)) {
        return Err(error);
    }
    match error {
        EvalAltResult::Exit(value, _) => Ok(value),
        EvalAltResult::ErrorInFunctionCall(_, _, inner, _) | EvalAltResult::ErrorInModule(_, inner, _) => left(*inner),
        other => Err(other),
    }
}

/// The function around a function that is run many times.
const MANY: &str = "__many";

/// The error without the call from the loop around it, as if the function had been entered directly.
fn unlooped(error: EvalAltResult, function: &str) -> EvalAltResult {
    match error {
        EvalAltResult::ErrorInFunctionCall(name, _, inner, _) if name == function => *inner,
        other => other,
    }
}
