//! Builds the conditions of a lesson, closures such as `|p| p.grad != 0.0`, as traced functions.
//!
//! The captures of a closure are copied when the lesson is read. Like a plugin, a condition keeps no state between
//! calls.

use super::scores::MissingScores;
use crate::bindings::values::{Closure, Subject};
use crate::diagnostics::problem::Problem;
use crate::diagnostics::value_kind::kind;
use crate::diagnostics::wording;
use crate::plugins::Plugins;
use crate::runtime::host::{Host, full};
use crate::runtime::interpreter::Interpreter;
use crate::runtime::program::ScriptProgram;
use rhai::{Dynamic, Map};
use slowgrad_engine::condition::{Condition, ParameterCondition, TrainingCondition};
use slowgrad_engine::plugin::SharedFunction;
use slowgrad_engine::setup::Setup;
use slowgrad_tape::{Call, Diagnostic, Function, TraceBuilder, Tracer, ValueId};
use std::cell::RefCell;
use std::rc::Rc;

/// Builds the conditions of a lesson and calls each twice to check it.
pub(crate) fn build(
    plugins: &Plugins,
    program: &Rc<ScriptProgram>,
    closures: Vec<Closure>,
    setup: &Setup,
) -> Result<Vec<Condition>, Vec<Diagnostic>> {
    let mut errors = Vec::new();
    let mut conditions = Vec::new();
    for closure in closures {
        match check_arity(program, &closure).and_then(|()| build_one(&plugins.interpreter, program, &closure, setup)) {
            Ok(condition) => conditions.push(condition),
            Err(error) => errors.push(*error),
        }
    }
    errors.dedup();
    if errors.is_empty() { Ok(conditions) } else { Err(errors) }
}

/// Checks that the closure takes exactly one argument.
fn check_arity(program: &ScriptProgram, closure: &Closure) -> Result<(), Box<Diagnostic>> {
    let arities = program.ast.iter_functions().filter(|function| function.name == closure.function);
    let arities: Vec<usize> = arities.map(|function| function.params.len()).collect();
    let problem = match arities.first() {
        Some(_) if arities.contains(&(closure.captured.len() + 1)) => return Ok(()),
        Some(first) => {
            let found = wording::count(first.saturating_sub(closure.captured.len()), "argument");
            Diagnostic::error("wrong-arity", format!("a condition takes 1 argument, but this takes {found}"))
        }
        None => Diagnostic::error("unknown-function", "a condition must be a closure or a function of this file"),
    };
    Err(Box::new(Diagnostic { location: closure.location.clone(), help: Some(closure.subject.example()), ..problem }))
}

fn build_one(
    interpreter: &Rc<Interpreter>,
    program: &Rc<ScriptProgram>,
    closure: &Closure,
    setup: &Setup,
) -> Result<Condition, Box<Diagnostic>> {
    let missing = MissingScores::of(setup);
    let function = |names: Vec<&'static str>, is_bias: Option<bool>| -> Result<SharedFunction, Box<Diagnostic>> {
        let inputs = names.len();
        let (interpreter, program, closure) = (Rc::clone(interpreter), Rc::clone(program), closure.clone());
        let tracer = ConditionTracer { interpreter, program, closure, names, missing, is_bias };
        let mut function = Function::new(inputs, 1, Box::new(tracer));
        // A typical input, and all zeros, since a gradient may be 0.
        function.call(&vec![0.5; inputs])?;
        function.call(&vec![0.0; inputs])?;
        Ok(Rc::new(RefCell::new(function)))
    };
    let of_weight = || ParameterCondition::INPUTS.into_iter().chain([ParameterCondition::INPUT]).collect();
    Ok(match closure.subject {
        Subject::Parameter => Condition::Parameter(ParameterCondition {
            weights: function(of_weight(), Some(false))?,
            biases: function(ParameterCondition::INPUTS.to_vec(), Some(true))?,
        }),
        Subject::Training => {
            Condition::Training(TrainingCondition(function(TrainingCondition::INPUTS.to_vec(), None)?))
        }
    })
}

/// Traces a closure whose argument is one map.
struct ConditionTracer {
    interpreter: Rc<Interpreter>,
    program: Rc<ScriptProgram>,
    closure: Closure,
    /// The traced fields of the map.
    names: Vec<&'static str>,
    missing: MissingScores,
    /// An untraced field that only parameters have.
    is_bias: Option<bool>,
}

impl ConditionTracer {
    fn arguments(&self, host: &Host, ids: &[ValueId]) -> Vec<Dynamic> {
        let mut map: Map = self
            .names
            .iter()
            .zip(ids)
            .filter(|(name, _)| self.missing.problem(name).is_none())
            .map(|(name, &id)| ((*name).into(), Dynamic::from(host.scalar(id))))
            .collect();
        if let Some(is_bias) = self.is_bias {
            map.insert("is_bias".into(), Dynamic::from_bool(is_bias));
            // A bias has no input; no number equals `()`.
            map.entry(ParameterCondition::INPUT.into()).or_insert(Dynamic::UNIT);
        }
        self.closure.captured.iter().cloned().chain([Dynamic::from_map(map)]).collect()
    }

    /// Says why a score is not a field, if that is the error.
    fn explain(&self, error: Diagnostic) -> Diagnostic {
        let is_about = |name: &&&str| error.code == "unknown-property" && error.message.contains(&format!("`{name}`"));
        let problem = self.names.iter().find(is_about).and_then(|name| self.missing.problem(name));
        match problem {
            Some(Problem { code, message, help, .. }) => Diagnostic { code, message, help, ..error },
            None => error,
        }
    }

    fn answer(&self, value: &Dynamic, tape: &mut TraceBuilder) -> Result<ValueId, Box<Diagnostic>> {
        let placed = |error: Diagnostic| Box::new(Diagnostic { location: self.closure.location.clone(), ..error });
        let Ok(answer) = value.as_bool() else {
            let message = format!("a condition must be true or false, but this is {}", kind(value));
            return Err(placed(Diagnostic::error("wrong-return", message).help(self.closure.subject.example())));
        };
        let constant = tape.constant(f64::from(u8::from(answer)));
        constant.map_err(|error| placed(self.interpreter.host.explain_limit(full(error)).unplaced()))
    }
}

impl Tracer for ConditionTracer {
    fn trace(&mut self, inputs: &[f64]) -> Result<Call, Box<Diagnostic>> {
        let mut tape = Box::new(TraceBuilder::new(self.interpreter.host.limits.get().tape));
        let ids: Vec<ValueId> = self.names.iter().zip(inputs).map(|(name, &x)| tape.input(*name, x, false)).collect();
        let (tape, answer) = self
            .interpreter
            .trace(
                &self.program,
                &self.closure.function,
                tape,
                |host| self.arguments(host, &ids),
                |value, tape| self.answer(&value, tape),
            )
            .map_err(|error| Box::new(self.explain(*error)))?;
        Ok(tape.finish(vec![answer]))
    }
}
