//! Running scripts: the engine and its limits, the state that native functions share, imports and the call cache.
//!
//! # The contract with Rhai
//!
//! slowgrad uses Rhai 1.27.0 with its features `internals` and `metadata`. Neither the internals nor the messages of
//! errors are stable, so the workspace pins the exact version. This section lists everything that depends on it; check
//! each point before an upgrade. The tests `diagnostics`, `hostile`, `equality` and `limits` cover them.
//!
//! **Engine.** Scripts have no `eval`, `try`, clock or file; `import` reads the library (`resolver`). Fast operators
//! are off, because they would replace the exact comparisons and the reproducible power. The optimizer is off.
//! Operations are counted by the host (`on_progress`), because Rhai's counter restarts in callbacks.
//!
//! **Text rewriting.** [`crate::text`] inserts guards into a script before it is compiled, and maps positions back:
//!
//! - `switch x {` becomes `switch __switch(x) {`. Cases are compared by hash and a traced number has none, so that
//!   without the guard no case would match.
//! - A closure `|x| …` becomes `__closure(|x| …)`, which counts its captures. Rhai does not count them.
//! - `curry(f, x)` becomes `__curried(curry(f, x))`, which counts the bound arguments.
//! - `z.map(|x| x / z.sum())` becomes `__own(z).map(…)`. Rhai locks the receiver of a method, so that the closure
//!   could not read it.
//! - The body of a function or closure becomes `__within { … }`, a custom syntax. The error of a limit loses its
//!   position when it leaves a function; here the position is recorded before that. With imports, `__within` also
//!   starts a new name cache, because Rhai keeps resolved names across files.
//!
//! `bindings::guards` implements the guards. It also replaces methods of Rhai that treat a wrong result of a callback
//! as `false`; `bindings::numbers` and `bindings::arrays` replace those that check a size limit only at the end.
//!
//! **Own lexer and parser.** Rhai reports the position of an operator but not the span of its expression.
//! `text::lexer` and `text::parser` repeat Rhai's tokens and precedences.
//!
//! **Internals.** `call_cache` repeats `call_fn` with `Caches`, `GlobalRuntimeState`, `EvalContext::new`, `StmtBlock`
//! and the deprecated `eval_expression_tree_raw`. `engine` uses the deprecated `on_var`. `diagnostics::analysis` walks
//! the AST (`ASTNode`, `Expr`, `Stmt`, `FnCallExpr`). Closures have names that start with `anon$`.
//!
//! **Error texts.** `diagnostics` parses the messages of `ErrorFunctionNotFound`, `ErrorDotExpr`, `ErrorDataRace`,
//! `ErrorIndexingType` and `ErrorDataTooLarge`, and the type names in them.

pub(crate) mod builtins;
mod call_cache;
pub(crate) mod compile;
pub(crate) mod counting_allocator;
mod engine;
pub(crate) mod host;
pub(crate) mod imports;
pub(crate) mod interpreter;
pub(crate) mod limits;
pub(crate) mod program;
mod resolver;
