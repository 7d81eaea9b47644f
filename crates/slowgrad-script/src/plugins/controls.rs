//! A plugin's controls: those that its `params` declares, with the values that a lesson sets.
//!
//! A slider becomes a traced input, so that moving it needs no new trace. Toggles and choices are plain values and
//! are compiled into the trace. A value outside a slider's range extends the range: the author meant it, and the
//! slider can still be moved.

use crate::bindings::values::ControlSpec;
use crate::diagnostics::problem::Problem;
use crate::diagnostics::value_kind::kind;
use crate::diagnostics::wording::suggestion;
use crate::runtime::host::Budget;
use crate::runtime::interpreter::Interpreter;
use crate::runtime::program::ScriptProgram;
use rhai::{Dynamic, Map};
use slowgrad_engine::plugin::{Control, ControlKind};
use slowgrad_engine::spec::ParamValue;
use slowgrad_tape::Diagnostic;
use std::collections::BTreeMap;

/// The controls that a file's `params` declares, in the order of declaration.
pub(crate) fn declared(interpreter: &Interpreter, program: &ScriptProgram) -> Result<Vec<Control>, Box<Diagnostic>> {
    if program.function("params").is_none() {
        return Ok(Vec::new());
    }
    program.contract("params", "params()", &[0])?;
    let value = interpreter.call(program, "params", Vec::new(), Budget::Call)?;
    let Ok(map) = value.as_map_ref() else {
        let message = format!("`params` must return a map, but this is {}", kind(&value));
        let help = "write `#{ slope: slider(0.01, 0.0, 1.0) }`";
        let location = program.text.result_location("params", value.is_unit());
        return Err(Box::new(Diagnostic::error("wrong-return", message).at(location).help(help)));
    };
    let mut controls = Vec::new();
    for (name, value) in map.iter() {
        let Some(mark) = value.clone().try_cast::<ControlSpec>() else {
            let message = format!("`{name}` must be a control, but this is {}", kind(value));
            let help =
                "write `slider(default, min, max)`, `log_slider(…)`, `toggle(true)` or `choice(\"a\", [\"a\", \"b\"])`";
            let location =
                program.text.map_key("params", name).unwrap_or_else(|| program.text.function_location("params"));
            return Err(Box::new(Diagnostic::error("wrong-control", message).at(location).help(help)));
        };
        controls.push((mark.order, Control { name: name.to_string(), kind: mark.kind }));
    }
    controls.sort_by_key(|(order, _)| *order);
    Ok(controls.into_iter().map(|(_, control)| control).collect())
}

/// The learning rate of an optimizer that declares none.
pub(crate) fn default_learning_rate() -> Control {
    Control { name: "lr".to_owned(), kind: ControlKind::Slider { value: 0.1, min: 1e-5, max: 10.0, log: true } }
}

/// Sets controls to the values of a lesson.
pub(crate) fn set_values(
    controls: &mut [Control],
    values: &BTreeMap<String, ParamValue>,
    plugin: &str,
) -> Result<(), Problem> {
    for (name, value) in values {
        let Some(at) = controls.iter().position(|control| control.name == *name) else {
            let problem = Problem::new("unknown-control", format!("`{plugin}` has no control `{name}`"));
            return Err(match suggestion(name, controls.iter().map(|control| control.name.as_str())) {
                Some(help) => problem.help(help),
                None => problem.help("it has no controls"),
            });
        };
        set(&mut controls[at].kind, name, value)?;
    }
    Ok(())
}

fn set(control: &mut ControlKind, name: &str, given: &ParamValue) -> Result<(), Problem> {
    let wrong = |message: String| Err(Problem::new("wrong-value", message));
    match (control, given) {
        (ControlKind::Slider { value, min, max, log }, ParamValue::Number(x)) => {
            if !x.is_finite() {
                return wrong(format!("`{name}` cannot be {x}"));
            }
            if *log && *x <= 0.0 {
                return wrong(format!("`{name}` is on a logarithmic scale and must be above 0, but this is {x}"));
            }
            (*min, *max, *value) = (min.min(*x), max.max(*x), *x);
            Ok(())
        }
        (ControlKind::Toggle { value }, ParamValue::Bool(on)) => {
            *value = *on;
            Ok(())
        }
        (ControlKind::Choice { value, options }, ParamValue::Text(word)) => {
            if !options.contains(word) {
                let problem = Problem::new("wrong-value", format!("`{name}` cannot be `{word}`"));
                return Err(problem.help(suggestion(word, options.iter().map(String::as_str)).unwrap_or_default()));
            }
            value.clone_from(word);
            Ok(())
        }
        (ControlKind::Slider { .. }, _) => wrong(format!("`{name}` is a slider and needs a number")),
        (ControlKind::Toggle { .. }, _) => wrong(format!("`{name}` is a toggle and needs true or false")),
        (ControlKind::Choice { .. }, _) => wrong(format!("`{name}` is a choice and needs a text")),
    }
}

/// All controls as plain values, for functions that are not traced.
pub(crate) fn plain_values(controls: &[Control]) -> Map {
    controls.iter().map(|control| (control.name.as_str().into(), plain_value(&control.kind))).collect()
}

/// The toggles and choices, which are constants of a trace.
pub(crate) fn fixed_values(controls: &[Control]) -> Map {
    let fixed = controls.iter().filter(|control| !matches!(control.kind, ControlKind::Slider { .. }));
    fixed.map(|control| (control.name.as_str().into(), plain_value(&control.kind))).collect()
}

fn plain_value(kind: &ControlKind) -> Dynamic {
    match kind {
        ControlKind::Slider { value, .. } => Dynamic::from_float(*value),
        ControlKind::Toggle { value } => Dynamic::from_bool(*value),
        ControlKind::Choice { value, .. } => value.clone().into(),
    }
}

/// The names of the sliders in order.
pub(crate) fn sliders(controls: &[Control]) -> impl Iterator<Item = &str> {
    let sliders = controls.iter().filter(|control| matches!(control.kind, ControlKind::Slider { .. }));
    sliders.map(|control| control.name.as_str())
}
