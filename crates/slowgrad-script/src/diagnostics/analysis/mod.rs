//! Finds as many problems of a text as possible before it runs.
//!
//! In a text that compiles, every call is checked. A text that does not compile is split into its functions, so that
//! each one reports its first error and all unknown names. Imports with a literal path are analysed too. The analysis
//! must not report code that could run correctly; where it is uncertain, it leaves the decision to the interpreter.

mod calls;
pub(crate) mod import_summary;
mod pieces;
pub(crate) mod syntax;

use crate::diagnostics::import_errors::{broken_import, circular_import, import_chain_too_long};
use crate::diagnostics::problem::Problem;
use crate::runtime::builtins::Builtins;
use crate::runtime::compile::{compile, compile_source};
use crate::runtime::host::Host;
use crate::runtime::imports::{Imports, script_text};
use crate::text::{ScriptText, SourcePosition};
use calls::CallScope;
use import_summary::{Fields, ImportSummary, Signature};
use rhai::{AST, ASTNode, Engine, Expr, FnAccess, ParseErrorType, Stmt};
use slowgrad_tape::Diagnostic;
use std::collections::BTreeMap;
use std::rc::Rc;

/// Problems reported per file.
const MAX_PROBLEMS: usize = 20;

/// Unknown names reported per piece; each needs another compilation.
const MAX_UNKNOWN_NAMES: usize = 8;

/// Bytes compiled to find further errors of a text.
const MAX_COMPILED_BYTES: usize = 4 << 20;

/// The state of compiling a text piece by piece.
struct PartialCompile {
    found: Vec<Diagnostic>,
    /// The pieces that compile.
    compiled: Vec<(AST, Rc<ScriptText>)>,
    /// Bytes that may still be compiled.
    left: usize,
}

/// Everything the analysis needs.
pub(crate) struct Analysis<'a> {
    pub(crate) engine: &'a Engine,
    pub(crate) host: &'a Host,
    pub(crate) builtins: &'a Builtins,
    pub(crate) imports: &'a Imports,
}

impl Analysis<'_> {
    /// Compiles a text, or returns all problems found.
    pub(crate) fn compile(&self, text: &Rc<ScriptText>) -> Result<AST, Vec<Diagnostic>> {
        self.imports.in_progress.borrow_mut().push(text.source.name.clone());
        let compiled = compile(self.engine, self.host, text);
        let result = match compiled {
            Ok(ast) => {
                let faults = self.faults(text, &[(&ast, text)]);
                if faults.is_empty() { Ok(ast) } else { Err(faults) }
            }
            Err(error) => {
                let found = self.compile_in_pieces(text);
                Err(if found.is_empty() {
                    vec![syntax::diagnostic(self.host, text, text, &error, None)]
                } else {
                    found
                })
            }
        };
        self.imports.in_progress.borrow_mut().pop();
        result.map_err(|faults| sorted(text, faults))
    }

    /// Compiles each function of a text separately, and the code outside functions.
    fn compile_in_pieces(&self, text: &Rc<ScriptText>) -> Vec<Diagnostic> {
        let functions = pieces::functions(text);
        let mut partial = PartialCompile { found: Vec::new(), compiled: Vec::new(), left: MAX_COMPILED_BYTES };
        let outside = self.piece(text, pieces::outside(text, &functions), text.source.text.len(), &mut partial);
        for function in &functions {
            if partial.found.len() >= MAX_PROBLEMS || partial.left == 0 {
                break;
            }
            let part =
                if outside { pieces::with_outside(text, &functions, function) } else { pieces::alone(text, function) };
            self.piece(text, part, function.end, &mut partial);
        }
        let PartialCompile { mut found, compiled, .. } = partial;
        if !outside {
            // If the code outside functions does not compile, no module is known.
            found.retain(|fault| fault.code != "unknown-module");
        }
        let compiled: Vec<(&AST, &Rc<ScriptText>)> = compiled.iter().map(|(ast, part)| (ast, part)).collect();
        found.extend(self.faults(text, &compiled));
        found
    }

    /// Compiles a piece repeatedly, declaring each unknown name for the next attempt. Returns whether it compiles in
    /// the end.
    fn piece(&self, text: &Rc<ScriptText>, part: Rc<ScriptText>, end: usize, partial: &mut PartialCompile) -> bool {
        let source = part.compiled();
        let mut known: Vec<String> = Vec::new();
        loop {
            partial.left = partial.left.saturating_sub(source.len());
            let error = match compile_source(self.engine, &source, &known) {
                Ok(ast) => {
                    partial.compiled.push((ast, part));
                    return true;
                }
                Err(error) => error,
            };
            partial.found.push(syntax::diagnostic(self.host, text, &part, &error, Some(end)));
            match error.err_type() {
                ParseErrorType::VariableUndefined(name) if known.len() < MAX_UNKNOWN_NAMES && partial.left > 0 => {
                    known.push(name.clone());
                }
                _ => return false,
            }
        }
    }

    /// Reports unresolved calls and imports of compiled texts.
    fn faults(&self, text: &Rc<ScriptText>, compiled: &[(&AST, &Rc<ScriptText>)]) -> Vec<Diagnostic> {
        let mut own: Vec<Signature> = compiled
            .iter()
            .flat_map(|(ast, _)| ast.iter_functions())
            .map(|function| (function.name.to_owned(), function.params.len()))
            .collect();
        // A function that does not compile still exists.
        own.extend(text.source_map.functions.iter().map(|function| (function.name.clone(), function.parameters)));
        own.sort();
        own.dedup();
        let mut found = Vec::new();
        let mut modules: BTreeMap<String, Option<Vec<Signature>>> = BTreeMap::new();
        let mut fields = Fields::of(text);
        for (ast, part) in compiled {
            ast.walk(&mut |path: &[ASTNode<'_>]| {
                if let Some(ASTNode::Stmt(Stmt::Import(import, _))) = path.last() {
                    let known = self.import(text, part, &import.0, &mut found);
                    if let Some(examined) = &known {
                        fields.join(&examined.fields);
                    }
                    let functions = known.map(|examined| examined.functions.clone());
                    let module = modules.entry(import.1.name.to_string()).or_insert_with(|| Some(Vec::new()));
                    // The same module name may refer to different files in different functions.
                    *module = module.take().zip(functions).map(|(mut all, more)| {
                        all.extend(more);
                        all
                    });
                }
                true
            });
        }
        let scope = CallScope { text, builtins: self.builtins, own: &own, modules: &modules, fields: &fields };
        for (ast, part) in compiled {
            found.extend(scope.faults(ast, part));
        }
        found
    }

    /// The summary of an imported file. Its problems are reported at the import and in the file itself.
    fn import(
        &self,
        text: &Rc<ScriptText>,
        part: &ScriptText,
        path: &Expr,
        found: &mut Vec<Diagnostic>,
    ) -> Option<Rc<ImportSummary>> {
        let Expr::StringConstant(path, position) = path else { return None };
        let offset = part.offset(*position)?;
        let location = SourcePosition { text: Rc::clone(text), offset }.token();
        let problem = match self.import_summary(&text.source.name, path) {
            Ok(examined) if examined.faults.is_empty() => return Some(examined),
            Ok(examined) => {
                let own: Vec<Diagnostic> =
                    examined.faults.iter().filter(|fault| fault.code != "broken-import").cloned().collect();
                let problem = broken_import(path, own.first().or(examined.faults.first())?);
                found.extend(own);
                problem
            }
            Err(problem) => problem,
        };
        found.push(problem.at(location));
        None
    }

    /// Analyses an imported file, once.
    fn import_summary(&self, importer: &str, path: &str) -> Result<Rc<ImportSummary>, Problem> {
        let (name, bytes) = self.imports.find(Some(importer), path)?;
        if let Some(known) = self.imports.summaries.borrow().get(&name) {
            return Ok(Rc::clone(known));
        }
        let in_progress = self.imports.in_progress.borrow();
        if in_progress.contains(&name) {
            return Err(circular_import(&name));
        }
        let max = self.host.limits.get().modules;
        if in_progress.len() >= max {
            return Err(self.host.explain_limit(import_chain_too_long(max)));
        }
        drop(in_progress);
        let examined = match script_text(&name, &bytes, self.host) {
            Err(fault) => ImportSummary { faults: vec![*fault], ..ImportSummary::default() },
            Ok(whole) => {
                let text = Rc::new(ScriptText::new(name.clone(), whole));
                match self.compile(&text) {
                    Err(faults) => ImportSummary { faults, ..ImportSummary::default() },
                    Ok(ast) => {
                        let public = ast.iter_functions().filter(|function| function.access == FnAccess::Public);
                        let functions = public.map(|function| (function.name.to_owned(), function.params.len()));
                        ImportSummary { functions: functions.collect(), fields: Fields::of(&text), faults: Vec::new() }
                    }
                }
            }
        };
        let examined = Rc::new(examined);
        self.imports.summaries.borrow_mut().insert(name, Rc::clone(&examined));
        Ok(examined)
    }
}

/// Removes duplicates, sorts by position and limits the number.
fn sorted(text: &ScriptText, mut faults: Vec<Diagnostic>) -> Vec<Diagnostic> {
    // Problems of the file itself come before those of its imports.
    let place = |fault: &Diagnostic| {
        let at = fault.location.as_ref()?;
        Some((at.source.name != text.source.name, at.source.name.clone(), at.span.start))
    };
    faults.sort_by_key(place);
    let mut sorted_faults: Vec<Diagnostic> = Vec::new();
    for fault in faults {
        if sorted_faults.len() < MAX_PROBLEMS && !sorted_faults.contains(&fault) {
            sorted_faults.push(fault);
        }
    }
    sorted_faults
}
