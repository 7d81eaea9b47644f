//! Calls functions of a script, and caches what a call resolves for the next call.
//!
//! Rhai's `call_fn` finds the function, resolves each call in its body and allocates its variables every time. A
//! script that cannot be replayed from its trace is called once per number, and for a short function that work takes
//! longer than the function. A [`PreparedFunction`] keeps all three, and does the work of `call_fn` around a body
//! itself. This module must not know what arguments and results mean.

use crate::diagnostics::problem::NativeResult;
use crate::runtime::host::{Host, terminated};
use rhai::{
    AST, ASTNode, Caches, Dynamic, Engine, EvalAltResult, EvalContext, Expr, Expression, ImmutableString, Position,
    Scope, ScriptFuncDef, Shared, Stmt, StmtBlock,
};
use std::cell::RefCell;

/// Resolved calls that a function may keep. Beyond that, all are resolved again.
const MAX_RESOLVED_CALLS: usize = 1_000;

/// A function ready to be called.
#[derive(Debug)]
struct PreparedFunction {
    name: ImmutableString,
    /// The file's statements outside functions, which define constants and import modules.
    statements: Option<Expr>,
    body: Expr,
    parameters: Vec<ImmutableString>,
    /// The parameters. Their values are cleared between calls.
    scope: Scope<'static>,
    resolved: Caches,
}

impl PreparedFunction {
    /// Prepares the function with this name and number of parameters.
    fn of(ast: &AST, name: &str, parameters: usize) -> Option<Self> {
        let matches = |function: &&Shared<ScriptFuncDef>| function.name == name && function.params.len() == parameters;
        let function = ast.iter_fn_def().find(matches)?;
        // Rhai gives no access to the body as such, only to its statements.
        let mut alone = ast.clone_functions_only();
        alone.retain_functions(|_, _, one, count| one == name && count == parameters);
        let mut body = Vec::new();
        alone.walk(&mut |path| {
            if let [ASTNode::Stmt(statement)] = path {
                body.push((*statement).clone());
            }
            true
        });
        let block = |statements: &[Stmt]| {
            Expr::Stmt(StmtBlock::new(statements.iter().cloned(), Position::NONE, Position::NONE).into())
        };
        let statements = ast.statements();
        let mut scope = Scope::new();
        for name in &function.params {
            scope.push_dynamic(name.as_str(), Dynamic::UNIT);
        }
        Some(Self {
            name: function.name.clone(),
            statements: (!statements.is_empty()).then(|| block(statements)),
            body: block(&body),
            parameters: function.params.to_vec(),
            scope,
            resolved: Caches::new(),
        })
    }

    fn call(
        &mut self,
        engine: &Engine,
        host: &Host,
        ast: &AST,
        source: Option<&ImmutableString>,
        arguments: Vec<Dynamic>,
    ) -> NativeResult<Dynamic> {
        let mut global = engine.new_global_runtime_state();
        global.source = source.cloned();
        global.lib.push(ast.shared_lib().clone());
        if let Some(statements) = &self.statements {
            let (mut scope, mut caches) = (Scope::new(), Caches::new());
            let mut context = EvalContext::new(engine, &mut global, &mut caches, &mut scope, None);
            let _ = evaluate(&mut context, statements, false)?;
        }
        if let Some(why) = host.tick() {
            return Err(terminated(why));
        }
        if self.parameters.len() > engine.max_variables() {
            return Err(EvalAltResult::ErrorTooManyVariables(Position::NONE).into());
        }
        for (name, argument) in self.parameters.iter().zip(arguments) {
            if let Some(value) = self.scope.get_mut(name) {
                *value = argument;
            }
        }
        let mut context = EvalContext::new(engine, &mut global, &mut self.resolved, &mut self.scope, None);
        evaluate(&mut context, &self.body, true)
    }

    /// Clears the arguments, and the resolved calls if there are too many.
    fn clear(&mut self) {
        for name in &self.parameters {
            if let Some(value) = self.scope.get_mut(name) {
                *value = Dynamic::UNIT;
            }
        }
        if self.resolved.fn_resolution_cache_mut().dict.len() > MAX_RESOLVED_CALLS {
            self.resolved = Caches::new();
        }
    }
}

/// Evaluates a block. The variables of a function body are removed afterwards.
fn evaluate(context: &mut EvalContext, block: &Expr, function_body: bool) -> NativeResult<Dynamic> {
    #[allow(deprecated, reason = "unstable in Rhai, whose version is pinned")]
    let result = context.eval_expression_tree_raw(&Expression::from(block), function_body);
    result.or_else(|mut error| match *error {
        EvalAltResult::Return(value, _) | EvalAltResult::Exit(value, _) => Ok(value),
        _ => {
            // Rhai does the same: an error of this kind loses its position when it leaves a function.
            if function_body && error.is_system_exception() {
                error.set_position(Position::NONE);
            }
            Err(error)
        }
    })
}

/// The functions of a program that have been called.
#[derive(Debug, Default)]
pub(crate) struct CallCache {
    /// The id by which Rhai refers to the program's text.
    source: Option<ImmutableString>,
    #[allow(clippy::vec_box, reason = "a running function is taken out, and is large to move")]
    functions: RefCell<Vec<Box<PreparedFunction>>>,
}

impl CallCache {
    pub(crate) fn of(ast: &AST) -> Self {
        Self { source: ast.source().map(ImmutableString::from), functions: RefCell::default() }
    }

    /// Calls a function of the program. With `cached`, the prepared function is kept for the next call, which must be
    /// in the same engine.
    pub(crate) fn call(
        &self,
        engine: &Engine,
        host: &Host,
        ast: &AST,
        function: &str,
        arguments: Vec<Dynamic>,
        cached: bool,
    ) -> NativeResult<Dynamic> {
        let take = |functions: &mut Vec<Box<PreparedFunction>>| {
            let matches =
                |known: &PreparedFunction| known.name == function && known.parameters.len() == arguments.len();
            functions.iter().position(|known| matches(known)).map(|at| functions.swap_remove(at))
        };
        let reused = if cached { take(&mut self.functions.borrow_mut()) } else { None };
        let prepared = reused.or_else(|| PreparedFunction::of(ast, function, arguments.len()).map(Box::new));
        let Some(mut prepared) = prepared else {
            return Err(EvalAltResult::ErrorFunctionNotFound(function.to_owned(), Position::NONE).into());
        };
        // A function that failed is not kept: its state is unknown.
        let result = prepared.call(engine, host, ast, self.source.as_ref(), arguments)?;
        if cached {
            prepared.clear();
            self.functions.borrow_mut().push(prepared);
        }
        Ok(result)
    }
}
