//! Traces a plugin's function: the script side of [`slowgrad_tape::Function`].
//!
//! `slowgrad_engine::plugin` defines the inputs of each function and their order. This module names them and passes
//! them as the arguments of the script.

use crate::diagnostics::value_kind::kind;
use crate::diagnostics::wording;
use crate::plugins::controls;
use crate::plugins::layer_form::{FieldForm, LayerForm};
use crate::runtime::host::{Host, Scalar};
use crate::runtime::interpreter::Interpreter;
use crate::runtime::program::ScriptProgram;
use rhai::{Array, Dynamic, Map};
use slowgrad_engine::plugin::{Control, Optimizer, Schedule};
use slowgrad_tape::{Call, Diagnostic, TraceBuilder, Tracer, ValueId};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

/// A contract function that is traced, with everything that its inputs depend on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum TracedFunction {
    /// `activation(z)`
    Activation,
    /// `activation_layer(z)` with this number of neurons.
    Layer(usize),
    /// `loss(output, target)` with this number of outputs.
    Loss(usize),
    /// `penalty(w)`
    Penalty,
    /// `rate(step, ctx)`
    Rate,
    /// `update(w, grad, state, ctx)` with these state fields.
    Update { state: Vec<String>, is_bias: bool },
    /// `update_layer(w, grad, state, ctx)` of a layer of this form.
    UpdateLayer(LayerForm),
}

impl TracedFunction {
    pub(crate) fn function(&self) -> &'static str {
        match self {
            TracedFunction::Activation => "activation",
            TracedFunction::Layer(_) => "activation_layer",
            TracedFunction::Loss(_) => "loss",
            TracedFunction::Penalty => "penalty",
            TracedFunction::Rate => "rate",
            TracedFunction::Update { .. } => "update",
            TracedFunction::UpdateLayer(_) => "update_layer",
        }
    }

    fn outputs(&self) -> usize {
        match self {
            TracedFunction::Activation | TracedFunction::Loss(_) | TracedFunction::Penalty | TracedFunction::Rate => 1,
            TracedFunction::Layer(size) => *size,
            TracedFunction::Update { state, .. } => 1 + state.len(),
            TracedFunction::UpdateLayer(form) => form.results(),
        }
    }

    /// The inputs before the sliders: each name, and whether a gradient flows to it.
    fn inputs(&self) -> Vec<(String, bool)> {
        let each =
            |name: &str, size: usize, flows| (0..size).map(|i| (format!("{name}[{i}]"), flows)).collect::<Vec<_>>();
        match self {
            TracedFunction::Activation => vec![("z".to_owned(), true)],
            TracedFunction::Layer(size) => each("z", *size, true),
            TracedFunction::Loss(size) => [each("output", *size, true), each("target", *size, false)].concat(),
            TracedFunction::Penalty => vec![("w".to_owned(), true)],
            TracedFunction::Rate => {
                let names = ["step".to_owned()].into_iter().chain(in_context(&Schedule::CONTEXT));
                names.map(|name| (name, false)).collect()
            }
            TracedFunction::Update { state, .. } => {
                let state = state.iter().map(|field| format!("state.{field}"));
                let names = ["w".to_owned(), "grad".to_owned()].into_iter().chain(state);
                names.chain(in_context(&Optimizer::CONTEXT)).map(|name| (name, false)).collect()
            }
            TracedFunction::UpdateLayer(form) => {
                let names = form.names().into_iter().chain(in_context(&Optimizer::CONTEXT));
                names.map(|name| (name, false)).collect()
            }
        }
    }

    fn is_update(&self) -> bool {
        matches!(self, TracedFunction::Update { .. } | TracedFunction::UpdateLayer(_))
    }
}

fn in_context(names: &'static [&'static str]) -> impl Iterator<Item = String> {
    names.iter().map(|name| format!("ctx.{name}"))
}

/// Traces one function of a file, with fixed toggles and choices.
pub(crate) struct ScriptTracer {
    interpreter: Rc<Interpreter>,
    program: Rc<ScriptProgram>,
    traced: TracedFunction,
    inputs: Arc<Vec<(String, bool)>>,
    /// Names of the sliders, without an optimizer's `lr`, which is part of its context.
    sliders: Vec<String>,
    fixed: Map,
    /// Whether the script declares a parameter for the map of controls.
    takes_params: bool,
    /// The tape of the last run, for reuse.
    tape: Option<Box<TraceBuilder>>,
}

impl ScriptTracer {
    pub(crate) fn new(
        interpreter: &Rc<Interpreter>,
        program: &Rc<ScriptProgram>,
        traced: TracedFunction,
        given: &[Control],
    ) -> Self {
        let update = traced.is_update();
        let sliders: Vec<String> =
            controls::sliders(given).filter(|name| !(update && *name == "lr")).map(str::to_owned).collect();
        let owner = if update || traced == TracedFunction::Rate { "ctx" } else { "p" };
        let mut inputs = traced.inputs();
        inputs.extend(sliders.iter().map(|name| (format!("{owner}.{name}"), false)));
        let base_arity = match traced {
            TracedFunction::Activation | TracedFunction::Layer(_) | TracedFunction::Penalty => 1,
            TracedFunction::Loss(_) | TracedFunction::Rate => 2,
            TracedFunction::Update { .. } | TracedFunction::UpdateLayer(_) => 4,
        };
        let parameters = program.function(traced.function()).map_or(base_arity, |function| function.parameters.len());
        Self {
            interpreter: Rc::clone(interpreter),
            program: Rc::clone(program),
            inputs: Arc::new(inputs),
            sliders,
            fixed: controls::fixed_values(given),
            takes_params: parameters > base_arity,
            tape: None,
            traced,
        }
    }

    /// The numbers of inputs and outputs.
    pub(crate) fn arity(&self) -> (usize, usize) {
        (self.inputs.len(), self.traced.outputs())
    }

    /// The script's arguments, and the state map that the script changes.
    fn arguments(&self, host: &Host, ids: &[ValueId]) -> (Vec<Dynamic>, Option<Dynamic>) {
        let scalar = |id: ValueId| Dynamic::from(host.scalar(id));
        let array = |ids: &[ValueId]| Dynamic::from_array(ids.iter().map(|&id| scalar(id)).collect::<Array>());
        let (own, sliders) = ids.split_at(ids.len() - self.sliders.len());
        let mut values = self.fixed.clone();
        for (name, &id) in self.sliders.iter().zip(sliders) {
            values.insert(name.as_str().into(), scalar(id));
        }
        let mut arguments = match &self.traced {
            TracedFunction::Activation | TracedFunction::Penalty => vec![scalar(own[0])],
            TracedFunction::Layer(_) => vec![array(own)],
            TracedFunction::Loss(size) => vec![array(&own[..*size]), array(&own[*size..])],
            TracedFunction::Rate => {
                for (name, &id) in Schedule::CONTEXT.iter().zip(&own[1..]) {
                    values.insert((*name).into(), scalar(id));
                }
                return (vec![scalar(own[0]), Dynamic::from_map(values)], None);
            }
            TracedFunction::Update { state, is_bias } => {
                let (fields, context) = own[2..].split_at(state.len());
                let map: Map = state.iter().zip(fields).map(|(name, &id)| (name.as_str().into(), scalar(id))).collect();
                // Shared, so that the script's changes can be read afterwards.
                let map = Dynamic::from_map(map).into_shared();
                for (name, &id) in Optimizer::CONTEXT.iter().zip(context) {
                    values.insert((*name).into(), scalar(id));
                }
                values.insert("is_bias".into(), Dynamic::from_bool(*is_bias));
                return (vec![scalar(own[0]), scalar(own[1]), map.clone(), Dynamic::from_map(values)], Some(map));
            }
            TracedFunction::UpdateLayer(form) => {
                let (numbers, context) = own.split_at(own.len() - Optimizer::CONTEXT.len());
                let (w, grad, state) = form.arguments(numbers.iter().map(|&id| scalar(id)));
                let map = Dynamic::from_map(state).into_shared();
                for (name, &id) in Optimizer::CONTEXT.iter().zip(context) {
                    values.insert((*name).into(), scalar(id));
                }
                values.insert("fan_in".into(), Dynamic::from_int(form.fan_in as i64));
                values.insert("fan_out".into(), Dynamic::from_int(form.fan_out as i64));
                return (vec![w, grad, map.clone(), Dynamic::from_map(values)], Some(map));
            }
        };
        if self.takes_params {
            arguments.push(Dynamic::from_map(values));
        }
        (arguments, None)
    }

    #[allow(clippy::unnecessary_box_returns, reason = "it becomes the error of a result")]
    fn wrong(&self, message: String, help: &str) -> Box<Diagnostic> {
        let location = self.program.text.function_location(self.traced.function());
        Box::new(Diagnostic::error("wrong-return", message).at(location).help(help))
    }

    /// An error at the expression that returns the faulty value.
    #[allow(clippy::unnecessary_box_returns, reason = "it becomes the error of a result")]
    fn wrong_result(&self, value: &Dynamic, message: String, help: &str) -> Box<Diagnostic> {
        let location = self.program.text.result_location(self.traced.function(), value.is_unit());
        Box::new(Diagnostic::error("wrong-return", message).at(location).help(help))
    }

    /// Converts a returned value to a node of the tape.
    fn result(
        &self,
        value: &Dynamic,
        what: &dyn Fn() -> String,
        tape: &mut TraceBuilder,
    ) -> Result<ValueId, Box<Diagnostic>> {
        if let Some(scalar) = Scalar::of(value) {
            return Ok(scalar.id);
        }
        if let Ok(x) = value.as_float().or_else(|_| value.as_int().map(|n| n as f64)) {
            let constant = tape.constant(x);
            return constant.map_err(|full| self.wrong(full.to_string(), "the function records too many operations"));
        }
        let help = if value.is_unit() {
            "the last line must be the result; an `if` needs an `else`"
        } else if value.is_array() && self.traced == TracedFunction::Activation {
            "an activation of a whole layer is written `fn activation_layer(z)`"
        } else {
            "the last line must be a number"
        };
        Err(self.wrong_result(value, format!("{} must be a number, but this is {}", what(), kind(value)), help))
    }

    fn results(
        &self,
        value: &Dynamic,
        state: Option<&Dynamic>,
        tape: &mut TraceBuilder,
    ) -> Result<Vec<ValueId>, Box<Diagnostic>> {
        let name = self.traced.function();
        let what = || format!("the result of `{name}`");
        match &self.traced {
            TracedFunction::Activation | TracedFunction::Loss(_) | TracedFunction::Penalty | TracedFunction::Rate => {
                Ok(vec![self.result(value, &what, tape)?])
            }
            TracedFunction::Layer(size) => {
                let help = format!("return one number per neuron: an array of {size}");
                let Ok(array) = value.as_array_ref() else {
                    let message = format!("{} must be an array, but this is {}", what(), kind(value));
                    return Err(self.wrong_result(value, message, &help));
                };
                if array.len() != *size {
                    let found = wording::count(array.len(), "element");
                    let message = format!("{} has {found}, but the layer has {size}", what());
                    return Err(self.wrong_result(value, message, &help));
                }
                array.iter().map(|item| self.result(item, &|| format!("each element of {}", what()), tape)).collect()
            }
            TracedFunction::Update { state: fields, .. } => {
                let mut ids = vec![self.result(value, &what, tape)?];
                for (field, value) in self.fields(state, fields.iter())? {
                    let value = &value;
                    let id = self.result(value, &|| format!("`state.{field}`"), tape).map_err(|error| {
                        Box::new(self.at_field(field, error.help("each field of the state holds one number")))
                    });
                    ids.push(id?);
                }
                Ok(ids)
            }
            TracedFunction::UpdateLayer(form) => {
                let numbers = form.parameters_of(value, &what()).map_err(|message| {
                    let help = "change `w.weights[j][k]` and `w.biases[j]`, and end with `w`";
                    self.wrong_result(value, message, help)
                })?;
                let mut ids = Vec::with_capacity(form.results());
                for (name, number) in numbers {
                    ids.push(self.result(&number, &|| format!("`{name}` of {}", what()), tape)?);
                }
                let forms: BTreeMap<&String, &FieldForm> = form.state.iter().map(|(name, form)| (name, form)).collect();
                for (field, value) in self.fields(state, form.state.iter().map(|(name, _)| name))? {
                    let name = format!("state.{field}");
                    let numbers = form.field_of(&value, &name, forms[field]).map_err(|message| {
                        let help = format!("`{name}` must keep the form that it has at the start of the call");
                        Box::new(self.at_field(field, *self.wrong(message, &help)))
                    })?;
                    for (item, number) in numbers {
                        let id = self.result(&number, &|| format!("`{item}` of `{name}`"), tape);
                        ids.push(id.map_err(|error| Box::new(self.at_field(field, *error)))?);
                    }
                }
                Ok(ids)
            }
        }
    }

    /// The values of the state fields after the call, in order.
    fn fields<'f>(
        &self,
        state: Option<&Dynamic>,
        fields: impl Iterator<Item = &'f String> + Clone,
    ) -> Result<Vec<(&'f String, Dynamic)>, Box<Diagnostic>> {
        let name = self.traced.function();
        let map = state.and_then(|state| state.as_map_ref().ok());
        let Some(map) = map else {
            return Err(self.wrong("`state` must remain a map".to_owned(), "change its fields: `state.velocity = …`"));
        };
        if let Some(extra) = map.keys().find(|key| !fields.clone().any(|field| field == key.as_str())) {
            let help = format!("add `{extra}: 0.0` to the map that `fn state()` returns");
            let error = self.wrong(format!("`{name}` adds a field `{extra}` to the state"), &help);
            return Err(Box::new(self.at_field(extra, *error)));
        }
        let value = |field: &'f String| match map.get(field.as_str()) {
            Some(value) => Ok((field, value.clone())),
            None => {
                let help = format!("`{name}` must keep every field of `fn state()`");
                Err(self.wrong(format!("`{name}` removes the field `{field}` from the state"), &help))
            }
        };
        fields.map(value).collect()
    }

    /// Moves an error to the assignment of a state field, if the script assigns it by name.
    fn at_field(&self, field: &str, error: Diagnostic) -> Diagnostic {
        match self.program.text.assignment_to(&format!("state.{field}")) {
            Some(place) => error.at(place),
            None => error,
        }
    }
}

impl Tracer for ScriptTracer {
    fn trace(&mut self, inputs: &[f64]) -> Result<Call, Box<Diagnostic>> {
        let limit = self.interpreter.host.limits.get().tape;
        let mut tape = self.tape.take().unwrap_or_else(|| Box::new(TraceBuilder::new(limit)));
        let ids = tape.restart(limit, &self.inputs, inputs);
        let state = std::cell::RefCell::new(None);
        let (mut tape, outputs) = self.interpreter.trace(
            &self.program,
            self.traced.function(),
            tape,
            |host| {
                let (arguments, map) = self.arguments(host, &ids);
                *state.borrow_mut() = map;
                arguments
            },
            |value, tape| self.results(&value, state.borrow().as_ref(), tape),
        )?;
        let call = tape.call(outputs);
        self.tape = Some(tape);
        Ok(call)
    }
}
