//! The only module that runs scripts.
//!
//! It has two engines with the same functions: one for plugin calls, and one with higher limits for generating data
//! and reading lessons. A call begins and ends here, and every error of Rhai becomes a diagnostic here.

use crate::diagnostics::analysis::Analysis;
use crate::diagnostics::runtime_errors;
use crate::runtime::builtins::Builtins;
use crate::runtime::engine::{EMIT, apply_limits, new_engine};
use crate::runtime::host::{Budget, Host, Scalar};
use crate::runtime::imports::ScriptFiles;
use crate::runtime::limits::Limits;
use crate::runtime::program::ScriptProgram;
use crate::text::ScriptText;
use rhai::{AST, CallFnOptions, Dynamic, Engine, EvalAltResult, ParseError, Scope};
use slowgrad_tape::{Diagnostic, TraceBuilder};
use std::cell::RefCell;
use std::rc::Rc;

/// Both engines and their shared state.
#[derive(Debug)]
pub(crate) struct Interpreter {
    pub(crate) host: Rc<Host>,
    pub(crate) files: Rc<ScriptFiles>,
    call_engine: RefCell<Engine>,
    setup_engine: RefCell<Engine>,
}

impl Interpreter {
    pub(crate) fn new(host: Rc<Host>, files: Rc<ScriptFiles>) -> Self {
        let call_engine = RefCell::new(new_engine(&host, &files));
        let setup_engine = RefCell::new(new_engine(&host, &files));
        let interpreter = Self { host, files, call_engine, setup_engine };
        interpreter.set_limits(interpreter.host.limits.get());
        interpreter
    }

    /// Sets the limits for the calls from now on.
    pub(crate) fn set_limits(&self, limits: Limits) {
        self.host.limits.set(limits);
        apply_limits(&mut self.call_engine.borrow_mut(), &limits, limits.array, limits.map);
        apply_limits(&mut self.setup_engine.borrow_mut(), &limits, limits.setup_array, limits.setup_map);
    }

    /// The names and numbers of arguments of all functions that scripts can call.
    #[cfg(test)]
    pub(crate) fn callable(&self) -> std::collections::BTreeSet<(String, usize)> {
        let pair = |function: rhai::FuncInfo| Some((function.metadata.name.to_string(), function.metadata.num_params));
        self.call_engine.borrow().collect_fn_metadata(None, pair, true).into_iter().collect()
    }

    /// Compiles a text, or returns all problems found in it.
    fn compile(&self, text: &Rc<ScriptText>) -> Result<AST, Vec<Diagnostic>> {
        let imports = self.files.current_imports();
        let (engine, host) = (&*self.call_engine.borrow(), &*self.host);
        let builtins = host.builtins.get_or_init(|| Builtins::of(engine));
        Analysis { engine, host, builtins, imports: &imports }.compile(text)
    }

    /// Compiles a file.
    pub(crate) fn compile_program(&self, path: &str, text: &str) -> Result<ScriptProgram, Vec<Diagnostic>> {
        let text = Rc::new(ScriptText::new(path, text));
        let ast = self.compile(&text)?;
        let may_import = text.source.text.contains("import");
        let imports = if may_import { self.files.current_imports() } else { Rc::default() };
        Ok(ScriptProgram::new(path, text, ast, may_import, imports))
    }

    /// Calls a function of a program.
    pub(crate) fn call(
        &self,
        program: &ScriptProgram,
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

    /// Calls a function many times with the same argument, within one budget.
    ///
    /// The loop runs in the script engine: separate calls would resolve every name in the function each time.
    pub(crate) fn call_many(
        &self,
        program: &ScriptProgram,
        function: &str,
        argument: &Dynamic,
        times: usize,
        budget: Budget,
    ) -> Result<Vec<Dynamic>, Box<Diagnostic>> {
        let text = format!("fn {LOOP_FUNCTION}(x, n) {{ for i in 0..n {{ {EMIT}({function}(x)); }} }}");
        let broken = |error: ParseError| Box::new(Diagnostic::error("interpreter", error.to_string()));
        let ast = program.ast.merge(&self.setup_engine.borrow().compile(text).map_err(broken)?);
        self.files.running.replace(Rc::clone(&program.imports));
        self.host.has_imports.set(program.may_import);
        self.host.begin(budget, None);
        let engine = self.setup_engine.borrow();
        let mut results = Vec::with_capacity(times);
        let outcome = loop {
            let remaining = times - results.len();
            let arguments = (argument.clone(), remaining as i64);
            let options = CallFnOptions::new().eval_ast(program.has_statements);
            self.host.results_left.set(remaining);
            let result =
                engine.call_fn_with_options::<Dynamic>(options, &mut Scope::new(), &ast, LOOP_FUNCTION, arguments);
            results.append(&mut self.host.emitted.borrow_mut());
            match result.or_else(|error| exit_value(*error)) {
                Err(error) => break Err(error),
                // `exit` leaves the loop too; its value is the function's result.
                Ok(value) if results.len() < times => results.push(value),
                Ok(_) => {}
            }
            if results.len() >= times {
                break Ok(());
            }
        };
        self.host.results_left.set(0);
        self.host.end();
        self.host.release();
        outcome.map_err(|error| {
            Box::new(runtime_errors::runtime_diagnostic(
                &self.host,
                program,
                function,
                without_loop_frame(error, function),
            ))
        })?;
        Ok(results)
    }

    /// Traces a function: `arguments` creates the inputs, and `finish` reads the result before the tape is returned.
    pub(crate) fn trace<T>(
        &self,
        program: &ScriptProgram,
        function: &str,
        tape: Box<TraceBuilder>,
        arguments: impl FnOnce(&Host) -> Vec<Dynamic>,
        finish: impl FnOnce(Dynamic, &mut TraceBuilder) -> Result<T, Box<Diagnostic>>,
    ) -> Result<(Box<TraceBuilder>, T), Box<Diagnostic>> {
        self.host.begin(Budget::Call, Some(tape));
        let arguments = arguments(&self.host);
        let result = self.run(program, function, arguments, Budget::Call);
        // Handles in the result are valid only until the call ends.
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

    fn check(&self, program: &ScriptProgram, function: &str, value: &Dynamic) -> Result<(), Box<Diagnostic>> {
        let stale_error = |value: &Dynamic| Scalar::of(value).and_then(|handle| self.host.check(handle).err());
        let stale = match value.as_array_ref() {
            Ok(array) => array.iter().find_map(stale_error),
            Err(_) => stale_error(value),
        };
        stale.map_or(Ok(()), |error| {
            Err(Box::new(runtime_errors::runtime_diagnostic(&self.host, program, function, *error)))
        })
    }

    fn run(
        &self,
        program: &ScriptProgram,
        function: &str,
        arguments: Vec<Dynamic>,
        budget: Budget,
    ) -> Result<Dynamic, Box<Diagnostic>> {
        let engine = match budget {
            Budget::Call => &self.call_engine,
            Budget::Setup | Budget::Initializer { .. } => &self.setup_engine,
        };
        let limits = self.host.limits.get();
        match budget {
            Budget::Call => {}
            Budget::Setup => drop(engine.borrow_mut().set_max_array_size(limits.setup_array)),
            // The rows of a layer and their weights.
            Budget::Initializer { weights } => {
                let array = limits.setup_array.max(weights.saturating_mul(2));
                engine.borrow_mut().set_max_array_size(array);
            }
        }
        let engine = engine.borrow();
        self.files.running.replace(Rc::clone(&program.imports));
        self.host.has_imports.set(program.may_import);
        let cached = budget == Budget::Call;
        let result = program.calls.call(&engine, &self.host, &program.ast, function, arguments, cached);
        let result = result.or_else(|error| exit_value(*error));
        result.map_err(|error| Box::new(runtime_errors::runtime_diagnostic(&self.host, program, function, error)))
    }
}

/// The value of an `exit` within a callback. Rhai itself handles only an `exit` in the called function.
fn exit_value(error: EvalAltResult) -> Result<Dynamic, EvalAltResult> {
    if !matches!(error.unwrap_inner(), EvalAltResult::Exit(..)) {
        return Err(error);
    }
    match error {
        EvalAltResult::Exit(value, _) => Ok(value),
        EvalAltResult::ErrorInFunctionCall(_, _, inner, _) | EvalAltResult::ErrorInModule(_, inner, _) => {
            exit_value(*inner)
        }
        other => Err(other),
    }
}

/// The name of the generated function that contains the loop.
const LOOP_FUNCTION: &str = "__many";

/// Removes the call of the loop from an error, as if the function had been called directly.
fn without_loop_frame(error: EvalAltResult, function: &str) -> EvalAltResult {
    match error {
        EvalAltResult::ErrorInFunctionCall(name, _, inner, _) if name == function => *inner,
        other => other,
    }
}
