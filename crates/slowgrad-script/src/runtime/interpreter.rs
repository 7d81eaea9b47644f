//! The Rhai engines, set up so that a script can compute and do nothing else.
//!
//! There are two with the same functions: one for plugin calls and one, with room for larger arrays, for
//! making data and reading lessons. Neither has `eval`, `try`, a clock or a file; `import` reads the library.
//! This is the only place that starts a script.

use crate::bindings::arrays;
use crate::bindings::describe;
use crate::bindings::guards;
use crate::bindings::numbers;
use crate::diagnostics::analysis::{self, Analysis, Examined};
use crate::diagnostics::problem::{Outcome, Problem};
use crate::diagnostics::runtime_errors;
use crate::diagnostics::wording;
use crate::library::{Library, folder, is_plain};
use crate::runtime::builtins::Natives;
use crate::runtime::call_cache;
use crate::runtime::host::{Budget, Host, Scalar};
use crate::runtime::limits::Limits;
use crate::runtime::program::Program;
use crate::text::{Text, WITHIN};
use rhai::packages::ArithmeticPackage;
use rhai::packages::{
    BasicArrayPackage, BasicFnPackage, BasicIteratorPackage, BasicMapPackage, BasicStringPackage, LanguageCorePackage,
    LogicPackage, MoreStringPackage, Package,
};
use rhai::{
    AST, CallFnOptions, Dynamic, Engine, EvalAltResult, Module, ModuleResolver, OptimizationLevel, ParseError,
    Position, Scope, Shared,
};
use slowgrad_tape::{Diagnostic, TraceBuilder};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::sync::Arc;

type SharedModule = Shared<Module>;

/// What the imports of programs lead to: the library as it was when they were compiled, and the modules made
/// from it. A program keeps its own, so that a function that is running, or that history replays, never meets
/// a helper of another version.
#[derive(Debug, Default)]
pub(crate) struct Imports {
    library: Library,
    modules: RefCell<BTreeMap<String, SharedModule>>,
    /// What the modules' functions, and errors in them, point into.
    texts: RefCell<BTreeMap<String, Rc<Text>>>,
    /// What was found out about imported files before they run.
    pub(crate) examined: RefCell<BTreeMap<String, Rc<Examined>>>,
    /// The files that are being looked at, each imported by the one before it.
    pub(crate) examining: RefCell<Vec<String>>,
    /// Files that were looked for in vain.
    missing: RefCell<BTreeSet<String>>,
}

impl Imports {
    /// The file meant by an import: beside the importing file, or from the top of a root.
    pub(crate) fn find(&self, importer: Option<&str>, path: &str) -> Result<(String, Arc<[u8]>), Problem> {
        let name = path.strip_suffix(".rhai").unwrap_or(path);
        if !is_plain(name) {
            let problem = Problem::new("import-path", format!("`{path}` is not a path that can be imported"));
            return Err(
                problem.help("name a file below the scripts folder, such as `import \"shared/helpers\" as helpers;`")
            );
        }
        let beside = importer.map(|importer| format!("{}{name}.rhai", folder(importer)));
        let candidates: Vec<String> = beside.into_iter().chain([format!("{name}.rhai")]).collect();
        for candidate in &candidates {
            if let Some((_, bytes)) = self.library.find(candidate) {
                return Ok((candidate.clone(), bytes));
            }
        }
        if let Some(problem) = candidates.iter().find_map(|candidate| self.library.left_out(candidate)) {
            return Err(problem);
        }
        // Whoever watches files should notice when one of them appears.
        self.missing.borrow_mut().extend(candidates);
        let problem = Problem::new("unknown-import", format!("there is no file `{name}.rhai` to import"));
        let scripts = self.library.roots.iter().flat_map(|root| root.files.paths());
        let near = wording::nearest(name, scripts.filter_map(|path| path.strip_suffix(".rhai")));
        Err(match near {
            Some(near) => problem.help(format!("did you mean `{near}`?")),
            None => problem.help("imports are looked for beside the importing file and in the scripts folder"),
        })
    }
}

/// Files that may be imported, and which were.
#[derive(Debug, Default)]
pub(crate) struct Shelf {
    pub(crate) library: RefCell<Library>,
    /// Those of the programs that are compiled now; made when the first one is.
    newest: RefCell<Option<Rc<Imports>>>,
    /// Those of the program that is running.
    running: RefCell<Rc<Imports>>,
    loading: RefCell<Vec<String>>,
    pub(crate) used: RefCell<BTreeSet<String>>,
}

impl Shelf {
    /// Every file that was looked at. A function that is traced already runs no imports, so all modules that
    /// are loaded count.
    pub(crate) fn files(&self) -> Vec<String> {
        let mut files = self.used.borrow().clone();
        let newest = self.newest();
        files.extend(newest.modules.borrow().keys().cloned());
        files.extend(newest.examined.borrow().keys().cloned());
        files.extend(newest.missing.borrow().iter().cloned());
        files.into_iter().collect()
    }

    /// Forgets what was made from files, because one of them changed.
    pub(crate) fn forget(&self) {
        self.newest.take();
    }

    /// The imports of a program that is compiled now.
    pub(crate) fn newest(&self) -> Rc<Imports> {
        let mut newest = self.newest.borrow_mut();
        let made = || Rc::new(Imports { library: self.library.borrow().clone(), ..Imports::default() });
        Rc::clone(newest.get_or_insert_with(made))
    }
}

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
    pub(crate) fn callable(&self) -> BTreeSet<(String, usize)> {
        let pair = |function: rhai::FuncInfo| Some((function.metadata.name.to_string(), function.metadata.num_params));
        self.calling.borrow().collect_fn_metadata(None, pair, true).into_iter().collect()
    }

    /// Compiles a text, or tells everything that is known to be wrong with it.
    pub(crate) fn compile(&self, text: &Rc<Text>) -> Result<AST, Vec<Diagnostic>> {
        let imports = self.shelf.newest();
        let (engine, host) = (&*self.calling.borrow(), &*self.host);
        let natives = host.natives.get_or_init(|| Natives::of(engine));
        Analysis { engine, host, natives, imports: &imports }.compile(text)
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
        let result = call_cache::enter(&engine, &self.host, program, function, arguments, is_kept);
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

/// The function around a function that is run many times, and the one that takes its results.
const MANY: &str = "__many";
const EMIT: &str = "__emit";

/// The error without the call from the loop around it, as if the function had been entered directly.
fn unlooped(error: EvalAltResult, function: &str) -> EvalAltResult {
    match error {
        EvalAltResult::ErrorInFunctionCall(name, _, inner, _) if name == function => *inner,
        other => other,
    }
}

/// A file's bytes as the text of a script of at most so many bytes, without the mark that some editors put at the
/// beginning.
pub(crate) fn script_text<'b>(name: &str, bytes: &'b [u8], most: usize) -> Result<&'b str, Box<Diagnostic>> {
    let whole = std::str::from_utf8(bytes);
    if let Ok(text) = whole
        && bytes.len() <= most
    {
        return Ok(text.strip_prefix('\u{feff}').unwrap_or(text));
    }
    // What is shown of a file that cannot be read: all up to the fault, and some letters after it.
    let fault = whole.map_or_else(|error| error.valid_up_to(), |_| most).min(most);
    let shown = String::from_utf8_lossy(&bytes[..bytes.len().min(fault + SHOWN_AFTER)]);
    let at = shown.len().min(String::from_utf8_lossy(&bytes[..fault]).len());
    let text = Text::new(name, shown);
    let problem = if bytes.len() > most {
        let message = format!("`{name}` has {} bytes; a script may have {most}", bytes.len());
        Problem::new("too-large", message).help("put long data into a CSV file and name it with `csv(…)`")
    } else {
        Problem::new("not-text", format!("`{name}` is not a text in UTF-8")).help("save it as UTF-8 in your editor")
    };
    Err(Box::new(problem.at(text.location(text.range(at, at)))))
}

/// Bytes that are shown after a place at which a file cannot be read.
const SHOWN_AFTER: usize = 80;

/// Compiles a text for running.
pub(crate) fn compile(engine: &Engine, host: &Host, text: &Rc<Text>) -> Result<AST, ParseError> {
    let mut ast = compile_source(engine, &text.compiled(), &[])?;
    ast.set_source(host.keep(text));
    Ok(ast)
}

/// Compiles what [`Text::compiled`] gives, or a part of it, with some more names known.
pub(crate) fn compile_source(engine: &Engine, source: &str, known: &[String]) -> Result<AST, ParseError> {
    // The names must be known to the compiler; `on_var` gives the constants their values.
    let mut scope = Scope::new();
    for (name, value) in CONSTANTS {
        scope.push(*name, *value);
    }
    for name in known {
        scope.push(name.as_str(), ());
    }
    engine.compile_with_scope(&scope, source)
}

/// Constants that scripts may use without parentheses.
pub(crate) const CONSTANTS: &[(&str, f64)] = &[("PI", std::f64::consts::PI), ("E", std::f64::consts::E)];

fn engine(host: &Rc<Host>, shelf: &Rc<Shelf>) -> Engine {
    let mut engine = Engine::new_raw();
    LanguageCorePackage::new().register_into_engine(&mut engine);
    ArithmeticPackage::new().register_into_engine(&mut engine);
    LogicPackage::new().register_into_engine(&mut engine);
    BasicStringPackage::new().register_into_engine(&mut engine);
    MoreStringPackage::new().register_into_engine(&mut engine);
    BasicIteratorPackage::new().register_into_engine(&mut engine);
    BasicFnPackage::new().register_into_engine(&mut engine);
    BasicArrayPackage::new().register_into_engine(&mut engine);
    BasicMapPackage::new().register_into_engine(&mut engine);

    for symbol in ["eval", "try", "catch"] {
        engine.disable_symbol(symbol);
    }
    // The optimizer takes seconds for a block of thousands of statements, and what is traced needs none.
    engine.set_optimization_level(OptimizationLevel::None);
    engine.set_strict_variables(true);
    engine.set_fail_on_invalid_map_property(true);
    // Built-in operators would win over the exact comparisons and the reproducible power.
    engine.set_fast_operators(false);

    let ticking = Rc::clone(host);
    engine.on_progress(move |_| ticking.tick().map(Dynamic::from));

    #[allow(deprecated, reason = "Rhai marks what may change; the version is pinned by the lock file")]
    engine.on_var(|name, _, context| {
        let constant = CONSTANTS.iter().find(|(known, _)| *known == name);
        Ok(constant.filter(|_| !context.scope().contains(name)).map(|(_, value)| (*value).into()))
    });

    numbers::register(&mut engine, host);
    arrays::register(&mut engine, host);
    describe::register(&mut engine, host);
    guards::register(&mut engine, host);
    let meeting = Rc::clone(host);
    let within = engine.register_custom_syntax([WITHIN, "$block$"], false, move |context, body| {
        // The interpreter keeps what names mean from one function to the next, even where that one is another file's.
        let result = if meeting.has_imports.get() {
            context.new_frame().with_new_caching_layer().eval_expression_tree(&body[0])
        } else {
            context.eval_expression_tree(&body[0])
        };
        result.inspect_err(|error| meeting.meet(context.source(), error))
    });
    debug_assert!(within.is_ok(), "the word is a good one");
    let emitting = Rc::clone(host);
    engine.register_fn(EMIT, move |value: Dynamic| {
        // Only the loop in `call_many` has a use for this, and it says how many results it wants.
        let mut emitted = emitting.emitted.borrow_mut();
        if emitted.len() < emitting.wanted.get() {
            emitted.push(value);
        }
    });
    engine.set_module_resolver(Resolver { host: Rc::clone(host), shelf: Rc::clone(shelf) });
    engine
}

fn limit(engine: &mut Engine, limits: &Limits, array: usize, map: usize) {
    engine.set_max_call_levels(limits.call_levels);
    engine.set_max_expr_depths(limits.expression_depth, limits.expression_depth);
    // The interpreter's own counter starts anew in callbacks, so operations are counted by the host.
    engine.set_max_operations(0);
    engine.set_max_string_size(limits.string);
    engine.set_max_array_size(array);
    engine.set_max_map_size(map);
    engine.set_max_modules(limits.modules);
    engine.set_max_functions(limits.functions);
    engine.set_max_variables(limits.variables);
}

/// Finds imported files in the library and nowhere else.
struct Resolver {
    host: Rc<Host>,
    shelf: Rc<Shelf>,
}

impl ModuleResolver for Resolver {
    fn resolve(&self, engine: &Engine, source: Option<&str>, path: &str, position: Position) -> Outcome<SharedModule> {
        let placed = |mut error: Box<EvalAltResult>| {
            error.set_position(position);
            error
        };
        let running = Rc::clone(&self.shelf.running.borrow());
        let importer = source.and_then(|id| self.host.text(id));
        let importer = importer.as_ref().map(|text| text.source.name.as_str());
        let (name, bytes) = running.find(importer, path).map_err(|problem| placed(problem.into()))?;
        self.shelf.used.borrow_mut().insert(name.clone());
        if let Some(module) = running.modules.borrow().get(&name) {
            return Ok(SharedModule::clone(module));
        }
        if self.shelf.loading.borrow().contains(&name) {
            return Err(placed(analysis::circular(&name).into()));
        }
        let limits = self.host.limits.get();
        // The interpreter counts the modules of a file, not those that import each other.
        if self.shelf.loading.borrow().len() >= limits.modules {
            return Err(placed(analysis::endless(limits.modules).into()));
        }
        let faulty = |fault: &Diagnostic| placed(analysis::broken(path, fault).into());
        let text = script_text(&name, &bytes, limits.script).map_err(|fault| faulty(&fault))?;
        let text = Rc::new(Text::new(name.clone(), text));
        let ast = compile(engine, &self.host, &text);
        let ast = ast.map_err(|error| faulty(&analysis::syntax::diagnostic(&text, &text, &error, None)))?;
        running.texts.borrow_mut().insert(name.clone(), text);
        self.shelf.loading.borrow_mut().push(name.clone());
        let module = Module::eval_ast_as_new(Scope::new(), &ast, engine);
        self.shelf.loading.borrow_mut().pop();
        let module: SharedModule = module?.into();
        running.modules.borrow_mut().insert(name, SharedModule::clone(&module));
        Ok(module)
    }
}
