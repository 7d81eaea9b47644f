//! Checks every call of a text against the functions in scope, before anything runs.
//!
//! The types of variables are unknown here. A method is reported only if nothing of its name is in scope: no native
//! function, no function of the file, and no map field that may hold a closure.

use crate::diagnostics::analysis::import_summary::{Fields, Signature};
use crate::diagnostics::problem::Problem;
use crate::diagnostics::wording;
use crate::reference::{Group, names};
use crate::runtime::builtins::Builtins;
use crate::text::{ScriptText, SourcePosition};
use rhai::{AST, ASTNode, Expr, FnCallExpr, Stmt};
use slowgrad_tape::Diagnostic;
use std::collections::BTreeMap;
use std::rc::Rc;

/// The functions that the calls of a text may refer to.
pub(crate) struct CallScope<'r> {
    pub(crate) text: &'r Rc<ScriptText>,
    pub(crate) builtins: &'r Builtins,
    /// The functions of the file.
    pub(crate) own: &'r [Signature],
    /// The public functions of each imported module; `None` if they are known only at run time.
    pub(crate) modules: &'r BTreeMap<String, Option<Vec<Signature>>>,
    pub(crate) fields: &'r Fields,
}

impl CallScope<'_> {
    /// Reports the calls in a compiled text that match no function.
    pub(crate) fn faults(&self, ast: &AST, part: &ScriptText) -> Vec<Diagnostic> {
        let mut found = Vec::new();
        ast.walk(&mut |path: &[ASTNode<'_>]| {
            let (call, position, method) = match path.last() {
                Some(ASTNode::Expr(Expr::FnCall(call, position)) | ASTNode::Stmt(Stmt::FnCall(call, position))) => {
                    (call, position, false)
                }
                Some(ASTNode::Expr(Expr::MethodCall(call, position))) => (call, position, true),
                _ => return true,
            };
            if let Some(offset) = part.offset(*position)
                && let Some(problem) = if method { self.method(call, offset) } else { self.call(call, offset) }
            {
                found.push(problem.at(SourcePosition { text: Rc::clone(self.text), offset }.location()));
            }
            true
        });
        found
    }

    fn has(&self, name: &str, parameters: usize) -> bool {
        self.own.iter().any(|(own, arity)| own == name && *arity == parameters)
    }

    fn defines(&self, name: &str) -> bool {
        self.own.iter().any(|(own, _)| own == name)
    }

    /// Checks `f(a, b)` or `m::f(a, b)`.
    fn call(&self, call: &FnCallExpr, offset: usize) -> Option<Problem> {
        let (name, given) = (call.name.as_str(), call.args.len());
        if !call.namespace.is_empty() {
            return self.imported(call, given);
        }
        // Operators are functions too. Their operand types are known only at run time.
        let named = name.starts_with(|ch: char| ch.is_alphabetic() || ch == '_');
        if !named || self.has(name, given) || self.builtins.takes(name, given) {
            return None;
        }
        if self.defines(name) {
            return Some(self.wrong_arity(name, given));
        }
        if self.builtins.knows(name) {
            return Some(self.native_wrong_arity(name, given, 0));
        }
        let problem = Problem::new("unknown-function", format!("there is no function `{name}`"));
        let bound = self.text.names_in_scope(offset).contains(&name);
        Some(if bound {
            problem.help(format!("`{name}` is a variable; if it holds a closure, write `{name}.call(…)`"))
        } else {
            problem.help(self.suggestion_for(name))
        })
    }

    /// Checks `x.f(a)`.
    fn method(&self, call: &FnCallExpr, offset: usize) -> Option<Problem> {
        let (name, given) = (call.name.as_str(), call.args.len());
        if self.has(name, given) || self.builtins.takes(name, given + 1) || self.fields.may_hold(name) {
            return None;
        }
        if self.has(name, given + 1) {
            let problem = Problem::new("not-a-method", format!("`{name}` is a function and not a method"));
            return Some(problem.help(format!("write `{name}(x)` and not `x.{name}()`")));
        }
        if self.defines(name) {
            return Some(self.wrong_arity(name, given));
        }
        let cue = self.is_cue(offset);
        if self.builtins.knows(name) && (!cue || names(Group::Cues).any(|cue| cue == name)) {
            return Some(self.native_wrong_arity(name, given, 1));
        }
        if cue {
            let problem = Problem::new("unknown-cue", format!("there is no cue `{name}`"));
            return Some(problem.maybe_help(wording::suggestion(name, names(Group::Cues))));
        }
        let problem = Problem::new("unknown-function", format!("there is no function `{name}`"));
        Some(problem.help(self.suggestion_for(name)))
    }

    /// Whether a method is called on the variable `stage`.
    fn is_cue(&self, offset: usize) -> bool {
        let before: String =
            self.text.source.text[..offset].chars().rev().filter(|ch| !ch.is_whitespace()).take(7).collect();
        before
            .strip_prefix(".egats")
            .is_some_and(|rest| !rest.starts_with(|ch: char| ch.is_alphanumeric() || ch == '_'))
    }

    fn imported(&self, call: &FnCallExpr, given: usize) -> Option<Problem> {
        let [module] = call.namespace.path.as_slice() else { return None };
        let functions = self.modules.get(module.as_str())?.as_ref()?;
        let name = call.name.as_str();
        if functions.iter().any(|(known, arity)| known == name && *arity == given) {
            return None;
        }
        let arities: Vec<usize> =
            functions.iter().filter(|(known, _)| known == name).map(|(_, arity)| *arity).collect();
        if arities.is_empty() {
            let problem = Problem::new("unknown-function", format!("`{}` has no function `{name}`", module.as_str()));
            let known = functions.iter().map(|(known, _)| known.as_str());
            return Some(problem.maybe_help(wording::suggestion(name, known)));
        }
        let problem = arity(&format!("{}::{name}", module.as_str()), &arities, given);
        Some(problem.help("add or remove arguments"))
    }

    /// A function of the file called with a wrong number of arguments.
    fn wrong_arity(&self, name: &str, given: usize) -> Problem {
        let arities: Vec<usize> = self.own.iter().filter(|(own, _)| own == name).map(|(_, arity)| *arity).collect();
        let problem = arity(name, &arities, given);
        problem.maybe_help(self.text.signature(name).map(|signature| format!("it is `fn {signature}`")))
    }

    fn native_wrong_arity(&self, name: &str, given: usize, objects: usize) -> Problem {
        let arities: Vec<usize> = self.builtins.arities(name).filter_map(|arity| arity.checked_sub(objects)).collect();
        let problem = arity(name, &arities, given);
        match name {
            "max" | "min" if given > 2 => problem.help(format!("give it one array: `{name}([a, b, c])`")),
            _ if objects > 0 => problem.help(format!("the value before the point in `x.{name}(…)` is not an argument")),
            _ => problem.help("add or remove arguments"),
        }
    }

    fn suggestion_for(&self, name: &str) -> String {
        let help = match name {
            "log" => "did you mean `ln`, `log10` or `log2`?",
            "rand" | "random" => "random numbers come from `ctx.rng`, for data sets and initial weights only",
            "timestamp" | "sleep" => "scripts have no clock",
            "eval" => "a script cannot run a text; write a closure",
            "sgn" | "signum" => "did you mean `sign`?",
            _ => {
                let own = self.own.iter().map(|(own, _)| own.as_str());
                return wording::nearest(name, own.chain(self.builtins.names())).map_or_else(
                    || format!("define it: `fn {name}(…) {{ … }}`"),
                    |near| format!("did you mean `{near}`?"),
                );
            }
        };
        help.to_owned()
    }
}

/// The problem of a call with a wrong number of arguments.
fn arity(name: &str, arities: &[usize], given: usize) -> Problem {
    let mut expected: Vec<usize> = arities.to_vec();
    expected.sort_unstable();
    expected.dedup();
    let last = expected.last().copied().unwrap_or(0);
    let numbers: Vec<String> = expected.iter().map(|&n| if n == 0 { "no".to_owned() } else { n.to_string() }).collect();
    let plural = if last == 1 { "" } else { "s" };
    let message = format!("`{name}` takes {} argument{plural}, but is called with {given}", numbers.join(" or "));
    Problem::new("wrong-arity", message)
}
