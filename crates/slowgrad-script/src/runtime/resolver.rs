//! Resolves `import` statements while a script runs.

use crate::diagnostics::analysis::syntax;
use crate::diagnostics::import_errors::{broken_import, circular_import, import_chain_too_long};
use crate::diagnostics::problem::NativeResult;
use crate::runtime::compile::compile;
use crate::runtime::host::Host;
use crate::runtime::imports::{ScriptFiles, SharedModule, script_text};
use crate::text::ScriptText;
use rhai::{Engine, EvalAltResult, Module, ModuleResolver, Position, Scope};
use slowgrad_tape::Diagnostic;
use std::rc::Rc;

/// Loads imported files from the library and from nowhere else.
pub(super) struct Resolver {
    pub(super) host: Rc<Host>,
    pub(super) files: Rc<ScriptFiles>,
}

impl ModuleResolver for Resolver {
    fn resolve(
        &self,
        engine: &Engine,
        source: Option<&str>,
        path: &str,
        position: Position,
    ) -> NativeResult<SharedModule> {
        let placed = |mut error: Box<EvalAltResult>| {
            error.set_position(position);
            error
        };
        let running = Rc::clone(&self.files.running.borrow());
        let importer = source.and_then(|id| self.host.text(id));
        let importer = importer.as_ref().map(|text| text.source.name.as_str());
        let (name, bytes) = running.find(importer, path).map_err(|problem| placed(problem.into()))?;
        self.files.used.borrow_mut().insert(name.clone());
        if let Some(module) = running.modules.borrow().get(&name) {
            return Ok(SharedModule::clone(module));
        }
        if self.files.loading.borrow().contains(&name) {
            return Err(placed(circular_import(&name).into()));
        }
        // Rhai counts the imports of one file, not the length of a chain of imports.
        let max = self.host.limits.get().modules;
        if self.files.loading.borrow().len() >= max {
            return Err(placed(import_chain_too_long(max).into()));
        }
        let faulty = |fault: &Diagnostic| placed(broken_import(path, fault).into());
        let text = script_text(&name, &bytes, &self.host).map_err(|fault| faulty(&fault))?;
        let text = Rc::new(ScriptText::new(name.clone(), text));
        let ast = compile(engine, &self.host, &text);
        let ast = ast.map_err(|error| faulty(&syntax::diagnostic(&self.host, &text, &text, &error, None)))?;
        running.texts.borrow_mut().insert(name.clone(), text);
        self.files.loading.borrow_mut().push(name.clone());
        let module = Module::eval_ast_as_new(Scope::new(), &ast, engine);
        self.files.loading.borrow_mut().pop();
        let module: SharedModule = module?.into();
        running.modules.borrow_mut().insert(name, SharedModule::clone(&module));
        Ok(module)
    }
}
