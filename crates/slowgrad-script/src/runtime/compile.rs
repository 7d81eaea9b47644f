//! Compiles a text to the syntax tree that Rhai evaluates.

use crate::runtime::host::Host;
use crate::text::ScriptText;
use rhai::{AST, Engine, ParseError, Scope};
use std::rc::Rc;

/// Compiles a text for running, and registers it with the host.
pub(crate) fn compile(engine: &Engine, host: &Host, text: &Rc<ScriptText>) -> Result<AST, ParseError> {
    let mut ast = compile_source(engine, &text.compiled(), &[])?;
    ast.set_source(host.register_text(text));
    Ok(ast)
}

/// Compiles the output of [`ScriptText::compiled`], or a part of it. `known` are further variables to assume.
pub(crate) fn compile_source(engine: &Engine, source: &str, known: &[String]) -> Result<AST, ParseError> {
    // The compiler must know these names; `on_var` supplies the values of the constants.
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
