//! A compiled file: its functions, their documentation and their text.

use crate::diagnostics::wording;
use crate::runtime::call_cache::CallCache;
use crate::runtime::imports::Imports;
use crate::text::ScriptText;
use rhai::AST;
use slowgrad_tape::Diagnostic;
use std::rc::Rc;

/// A function that a file defines.
#[derive(Debug, Clone)]
pub(crate) struct FunctionDefinition {
    pub(crate) name: String,
    pub(crate) parameters: Vec<String>,
    /// The `///` comment without its slashes.
    pub(crate) description: String,
}

/// A compiled file.
#[derive(Debug)]
pub(crate) struct ScriptProgram {
    pub(crate) path: String,
    pub(crate) text: Rc<ScriptText>,
    pub(crate) ast: AST,
    pub(crate) calls: CallCache,
    pub(crate) has_statements: bool,
    /// Whether the file may import others, so that it depends on more than its own text.
    pub(crate) may_import: bool,
    /// The modules that its imports resolve to.
    pub(crate) imports: Rc<Imports>,
    pub(crate) functions: Vec<FunctionDefinition>,
}

impl ScriptProgram {
    pub(crate) fn new(path: &str, text: Rc<ScriptText>, ast: AST, may_import: bool, imports: Rc<Imports>) -> Self {
        let functions = ast.iter_functions().map(|function| FunctionDefinition {
            name: function.name.to_owned(),
            parameters: function.params.iter().map(|&name| name.to_owned()).collect(),
            description: uncomment(&function.comments.join("\n"), "///"),
        });
        let functions = functions.filter(|function| !function.name.starts_with("anon$")).collect();
        let has_statements = !ast.statements().is_empty();
        let (path, calls) = (path.to_owned(), CallCache::of(&ast));
        Self { path, text, ast, calls, has_statements, may_import, imports, functions }
    }

    /// The function with this name, whatever its parameters.
    pub(crate) fn function(&self, name: &str) -> Option<&FunctionDefinition> {
        self.functions.iter().find(|function| function.name == name)
    }

    /// The `//!` lines at the top without their slashes.
    pub(crate) fn page(&self) -> String {
        uncomment(self.ast.doc(), "//!")
    }

    /// The contract function, which must have one of these numbers of parameters.
    pub(crate) fn contract(
        &self,
        name: &str,
        usage: &str,
        arities: &[usize],
    ) -> Result<&FunctionDefinition, Box<Diagnostic>> {
        let Some(function) = self.function(name) else {
            let names = self.functions.iter().map(|function| function.name.as_str());
            let near = wording::nearest(name, names);
            let (message, location) = match near {
                Some(near) => {
                    let message = format!("this file has `fn {near}`, did you mean `fn {name}`?");
                    (message, self.text.function_location(near))
                }
                None => (format!("this file has no `fn {name}`"), self.text.function_location(name)),
            };
            let help = format!("write `fn {usage}`");
            return Err(Box::new(Diagnostic::error("missing-function", message).at(location).help(help)));
        };
        if arities.contains(&function.parameters.len()) {
            return Ok(function);
        }
        let found = function.parameters.len();
        let message = format!("`fn {name}` takes {}, not {}", wording::count(found, "argument"), either(arities));
        let location = self.text.function_location(name);
        Err(Box::new(Diagnostic::error("wrong-arity", message).at(location).help(format!("write `fn {usage}`"))))
    }

    /// The text of a function's body, without its indentation.
    pub(crate) fn body(&self, name: &str) -> Option<String> {
        let (start, end) = self.text.function(name)?.body;
        let body = self.text.source.text.get(start..end)?.trim_matches('\n').trim_end();
        let indent = body
            .lines()
            .filter(|line| !line.trim().is_empty())
            .map(|line| line.len() - line.trim_start().len())
            .min()?;
        Some(body.lines().map(|line| line.get(indent..).unwrap_or("")).collect::<Vec<_>>().join("\n").trim().to_owned())
    }
}

fn either(arities: &[usize]) -> String {
    let numbers: Vec<String> = arities.iter().map(ToString::to_string).collect();
    numbers.join(" or ")
}

fn uncomment(comment: &str, mark: &str) -> String {
    let lines = comment.lines().map(|line| line.trim().strip_prefix(mark).unwrap_or(line).trim());
    lines.collect::<Vec<_>>().join("\n").trim().to_owned()
}
