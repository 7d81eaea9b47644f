//! What is wrong with a text, as much of it as can be told before anything runs.
//!
//! A text that compiles has every call checked against what there is. One that does not is taken apart, so that
//! each of its functions tells its own first error, and all names that are not known. What is imported under a fixed
//! path is looked at, too. It must not report what some run would do well: where something is not certain, the
//! interpreter has the word.

mod calls;
pub(crate) mod examined;
mod pieces;
pub(crate) mod syntax;

use crate::diagnostics::import_errors::{broken, circular, endless};
use crate::diagnostics::problem::Problem;
use crate::runtime::builtins::Natives;
use crate::runtime::compile::{compile, compile_source};
use crate::runtime::host::Host;
use crate::runtime::imports::{Imports, script_text};
use crate::text::{Place, Text};
use calls::Reach;
use examined::{Examined, Fields, Signature};
use rhai::{AST, ASTNode, Engine, Expr, FnAccess, ParseErrorType, Stmt};
use slowgrad_tape::Diagnostic;
use std::collections::BTreeMap;
use std::rc::Rc;

/// Problems of one file that are told at once.
const MOST: usize = 20;

/// Unknown names of one piece of text that are looked for, each by compiling it once more.
const MOST_NAMES: usize = 8;

/// Bytes that are compiled to find the further errors of a text.
const MOST_BYTES: usize = 4 << 20;

/// What comes out of a text that is taken apart.
struct Taken {
    found: Vec<Diagnostic>,
    /// The pieces that compile.
    compiled: Vec<(AST, Rc<Text>)>,
    /// Bytes that may still be compiled.
    left: usize,
}

/// The means to look at texts.
pub(crate) struct Analysis<'a> {
    pub(crate) engine: &'a Engine,
    pub(crate) host: &'a Host,
    pub(crate) natives: &'a Natives,
    pub(crate) imports: &'a Imports,
}

impl Analysis<'_> {
    /// The compiled text, or everything that is known to be wrong with it.
    pub(crate) fn compile(&self, text: &Rc<Text>) -> Result<AST, Vec<Diagnostic>> {
        self.imports.examining.borrow_mut().push(text.source.name.clone());
        let compiled = compile(self.engine, self.host, text);
        let result = match compiled {
            Ok(ast) => {
                let faults = self.faults(text, &[(&ast, text)]);
                if faults.is_empty() { Ok(ast) } else { Err(faults) }
            }
            Err(error) => {
                let found = self.taken_apart(text);
                Err(if found.is_empty() { vec![syntax::diagnostic(text, text, &error, None)] } else { found })
            }
        };
        self.imports.examining.borrow_mut().pop();
        result.map_err(|faults| in_order(text, faults))
    }

    /// The errors of each function of a text, and of what stands outside of them.
    fn taken_apart(&self, text: &Rc<Text>) -> Vec<Diagnostic> {
        let functions = pieces::functions(text);
        let mut taken = Taken { found: Vec::new(), compiled: Vec::new(), left: MOST_BYTES };
        let outside = self.piece(text, pieces::outside(text, &functions), text.source.text.len(), &mut taken);
        for function in &functions {
            if taken.found.len() >= MOST || taken.left == 0 {
                break;
            }
            let part =
                if outside { pieces::with_outside(text, &functions, function) } else { pieces::alone(text, function) };
            self.piece(text, part, function.end, &mut taken);
        }
        let Taken { mut found, compiled, .. } = taken;
        if !outside {
            // Without what stands outside, no module is known.
            found.retain(|fault| fault.code != "unknown-module");
        }
        let compiled: Vec<(&AST, &Rc<Text>)> = compiled.iter().map(|(ast, part)| (ast, part)).collect();
        found.extend(self.faults(text, &compiled));
        found
    }

    /// Compiles a piece of a text again and again, with each unknown name made known; whether it compiles at all.
    fn piece(&self, text: &Rc<Text>, part: Rc<Text>, end: usize, taken: &mut Taken) -> bool {
        let source = part.compiled();
        let mut known: Vec<String> = Vec::new();
        loop {
            taken.left = taken.left.saturating_sub(source.len());
            let error = match compile_source(self.engine, &source, &known) {
                Ok(ast) => {
                    taken.compiled.push((ast, part));
                    return true;
                }
                Err(error) => error,
            };
            taken.found.push(syntax::diagnostic(text, &part, &error, Some(end)));
            match error.err_type() {
                ParseErrorType::VariableUndefined(name) if known.len() < MOST_NAMES && taken.left > 0 => {
                    known.push(name.clone());
                }
                _ => return false,
            }
        }
    }

    /// The calls and imports of compiled texts that lead nowhere.
    fn faults(&self, text: &Rc<Text>, compiled: &[(&AST, &Rc<Text>)]) -> Vec<Diagnostic> {
        let mut own: Vec<Signature> = compiled
            .iter()
            .flat_map(|(ast, _)| ast.iter_functions())
            .map(|function| (function.name.to_owned(), function.params.len()))
            .collect();
        // A function that does not compile is there all the same.
        own.extend(text.extents.functions.iter().map(|function| (function.name.clone(), function.parameters)));
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
                    // The same name may mean several files, one in each function.
                    *module = module.take().zip(functions).map(|(mut all, more)| {
                        all.extend(more);
                        all
                    });
                }
                true
            });
        }
        let reach = Reach { text, natives: self.natives, own: &own, modules: &modules, fields: &fields };
        for (ast, part) in compiled {
            found.extend(reach.faults(ast, part));
        }
        found
    }

    /// What is known of an imported file; what is wrong with it is told at the import and in the file itself.
    fn import(&self, text: &Rc<Text>, part: &Text, path: &Expr, found: &mut Vec<Diagnostic>) -> Option<Rc<Examined>> {
        let Expr::StringConstant(path, position) = path else { return None };
        let offset = part.offset(*position)?;
        let location = Place { text: Rc::clone(text), offset }.token();
        let problem = match self.examined(&text.source.name, path) {
            Ok(examined) if examined.faults.is_empty() => return Some(examined),
            Ok(examined) => {
                let own: Vec<Diagnostic> =
                    examined.faults.iter().filter(|fault| fault.code != "broken-import").cloned().collect();
                let problem = broken(path, own.first().or(examined.faults.first())?);
                found.extend(own);
                problem
            }
            Err(problem) => problem,
        };
        found.push(problem.at(location));
        None
    }

    /// Looks at a file that is imported, once.
    fn examined(&self, importer: &str, path: &str) -> Result<Rc<Examined>, Problem> {
        let (name, bytes) = self.imports.find(Some(importer), path)?;
        if let Some(known) = self.imports.examined.borrow().get(&name) {
            return Ok(Rc::clone(known));
        }
        let examining = self.imports.examining.borrow();
        if examining.contains(&name) {
            return Err(circular(&name));
        }
        let limits = self.host.limits.get();
        if examining.len() >= limits.modules {
            return Err(endless(limits.modules));
        }
        drop(examining);
        let examined = match script_text(&name, &bytes, limits.script) {
            Err(fault) => Examined { faults: vec![*fault], ..Examined::default() },
            Ok(whole) => {
                let text = Rc::new(Text::new(name.clone(), whole));
                match self.compile(&text) {
                    Err(faults) => Examined { faults, ..Examined::default() },
                    Ok(ast) => {
                        let public = ast.iter_functions().filter(|function| function.access == FnAccess::Public);
                        let functions = public.map(|function| (function.name.to_owned(), function.params.len()));
                        Examined { functions: functions.collect(), fields: Fields::of(&text), faults: Vec::new() }
                    }
                }
            }
        };
        let examined = Rc::new(examined);
        self.imports.examined.borrow_mut().insert(name, Rc::clone(&examined));
        Ok(examined)
    }
}

/// Each fault once, in the order of the text, and not too many.
fn in_order(text: &Text, mut faults: Vec<Diagnostic>) -> Vec<Diagnostic> {
    // The file's own come before those of what it imports.
    let place = |fault: &Diagnostic| {
        let at = fault.location.as_ref()?;
        Some((at.source.name != text.source.name, at.source.name.clone(), at.span.start))
    };
    faults.sort_by_key(place);
    let mut told: Vec<Diagnostic> = Vec::new();
    for fault in faults {
        if told.len() < MOST && !told.contains(&fault) {
            told.push(fault);
        }
    }
    told
}
