//! Builds an optimizer: the rule for a parameter or for a layer, and the state that a script declares for it.

use super::layer_form::{ArrayForm, FieldForm, LayerForm};
use super::tracer::TracedFunction;
use super::{PluginKind, Plugins, plugin_info};
use crate::bindings::arguments;
use crate::diagnostics::problem::Problem;
use crate::diagnostics::value_kind::kind;
use crate::diagnostics::wording;
use crate::library::stem;
use crate::runtime::host::Budget;
use crate::runtime::program::ScriptProgram;
use rhai::{Dynamic, Map};
use slowgrad_engine::plugin::{Control, InitialState, Optimizer, StateField, UpdateRule};
use slowgrad_engine::shape::Shape;
use slowgrad_engine::spec::PluginRef;
use slowgrad_tape::Diagnostic;
use std::rc::Rc;

/// A state field of one layer: its structure and its initial numbers.
struct LayerField {
    name: String,
    form: FieldForm,
    numbers: Vec<f64>,
}

impl Plugins {
    pub(crate) fn optimizer(&self, plugin: &PluginRef, shape: &Shape) -> Result<Optimizer, Box<Diagnostic>> {
        let program = self.load(PluginKind::Optimizer, plugin)?;
        let whole_layer = program.function("update").is_none() && program.function("update_layer").is_some();
        let name = if whole_layer { "update_layer" } else { "update" };
        program.contract(name, &format!("{name}(w, grad, state, ctx)"), &[4])?;
        let controls = self.controls(PluginKind::Optimizer, &program, plugin)?;
        let (state, rule) = if whole_layer {
            self.layer_rule(plugin, &program, &controls, shape)?
        } else {
            self.parameter_rule(&program, &controls)?
        };
        Ok(Optimizer { info: plugin_info(PluginKind::Optimizer, plugin, &program, controls), state, rule })
    }

    fn parameter_rule(
        &self,
        program: &Rc<ScriptProgram>,
        controls: &[Control],
    ) -> Result<(Vec<StateField>, UpdateRule), Box<Diagnostic>> {
        let state = self.state(program)?;
        let fields: Vec<String> = state.iter().map(|field| field.name.clone()).collect();
        let rule =
            |is_bias| self.function(program, TracedFunction::Update { state: fields.clone(), is_bias }, controls);
        let (weights, biases) = (rule(false), rule(true));
        Ok((state, UpdateRule::Parameter { weights, biases }))
    }

    /// The initial optimizer state of a parameter, from `fn state()`.
    fn state(&self, program: &ScriptProgram) -> Result<Vec<StateField>, Box<Diagnostic>> {
        if program.function("state").is_none() {
            return Ok(Vec::new());
        }
        program.contract("state", "state()", &[0])?;
        let value = self.interpreter.call(program, "state", Vec::new(), Budget::Call)?;
        let help = "write `#{ velocity: 0.0 }`: one number per field, stored for each parameter";
        let map = state_map(program, &value, help)?;
        let mut fields = Vec::new();
        for (name, value) in &map {
            let Ok(x) = arguments::float(value, name) else {
                let message = format!("the state field `{name}` must be a number, but this is {}", kind(value));
                return Err(wrong_field(program, name, message, help));
            };
            fields.push(StateField::per_parameter(name.as_str(), x));
        }
        Ok(fields)
    }

    /// A function for each layer, which layers of the same form share.
    fn layer_rule(
        &self,
        plugin: &PluginRef,
        program: &Rc<ScriptProgram>,
        controls: &[Control],
        shape: &Shape,
    ) -> Result<(Vec<StateField>, UpdateRule), Box<Diagnostic>> {
        let max = self.interpreter.host.limits.get().array;
        let mut rules = Vec::new();
        let mut layers: Vec<Vec<LayerField>> = Vec::new();
        for layer in 0..shape.layers() {
            let mut form = LayerForm::of(shape, layer);
            if form.parameters() > max {
                let found = wording::count(form.parameters(), "parameter");
                let optimizer = stem(&plugin.name);
                let message = format!("`{optimizer}` updates a layer of at most {max} parameters at once, not {found}");
                let problem = Problem::new("too-large", message).limit("array");
                return Err(Box::new(self.interpreter.host.explain_limit(problem).unplaced()));
            }
            let fields = self.layer_state(program, shape, layer)?;
            form.state = fields.iter().map(|field| (field.name.clone(), field.form.clone())).collect();
            rules.push(self.function(program, TracedFunction::UpdateLayer(form), controls));
            layers.push(fields);
        }
        Ok((state_fields(program, layers)?, UpdateRule::Layer(rules)))
    }

    /// The initial optimizer state of a layer, from `fn state()` or `fn state(ctx)`.
    fn layer_state(
        &self,
        program: &ScriptProgram,
        shape: &Shape,
        layer: usize,
    ) -> Result<Vec<LayerField>, Box<Diagnostic>> {
        if program.function("state").is_none() {
            return Ok(Vec::new());
        }
        let takes_context = !program.contract("state", "state(ctx)", &[0, 1])?.parameters.is_empty();
        let sizes = [
            ("fan_in", shape.fan_in(layer)),
            ("fan_out", shape.size(layer)),
            ("layer", layer),
            ("layers", shape.layers()),
        ];
        let context: Map = sizes.into_iter().map(|(name, n)| (name.into(), Dynamic::from_int(n as i64))).collect();
        let arguments = if takes_context { vec![Dynamic::from_map(context)] } else { Vec::new() };
        let value = self.interpreter.call(program, "state", arguments, Budget::Call)?;
        let help = "write `#{ velocity: 0.0 }` for a number for each parameter, or an array of numbers for the layer";
        let map = state_map(program, &value, help)?;
        let mut fields = Vec::new();
        for (name, value) in &map {
            let mut numbers = Vec::new();
            let form = match ArrayForm::of(value, &mut numbers) {
                Some(ArrayForm::Number) => FieldForm::LikeParameters,
                Some(form) => FieldForm::Arrays(form),
                None => {
                    let found = kind(value);
                    let message = format!("the state field `{name}` must be a number or an array, but this is {found}");
                    return Err(wrong_field(program, name, message, help));
                }
            };
            fields.push(LayerField { name: name.to_string(), form, numbers });
        }
        Ok(fields)
    }
}

/// The fields of all layers, which must have the same names and kinds.
fn state_fields(program: &ScriptProgram, layers: Vec<Vec<LayerField>>) -> Result<Vec<StateField>, Box<Diagnostic>> {
    let mut rest = layers.into_iter();
    let mut fields: Vec<StateField> = rest.next().unwrap_or_default().into_iter().map(LayerField::first).collect();
    for layer in rest {
        let names = layer.iter().map(|field| &field.name);
        if !names.eq(fields.iter().map(|field| &field.name)) {
            let message = "`state` must return the same fields for every layer".to_owned();
            let location = program.text.function_location("state");
            return Err(Box::new(Diagnostic::error("wrong-return", message).at(location)));
        }
        for (field, of_layer) in fields.iter_mut().zip(layer) {
            match (&mut field.initial, of_layer.form) {
                (InitialState::PerParameter(x), FieldForm::LikeParameters)
                    if x.to_bits() == of_layer.numbers[0].to_bits() => {}
                (InitialState::PerLayer(numbers), FieldForm::Arrays(_)) => numbers.push(of_layer.numbers),
                _ => {
                    let name = &field.name;
                    let message =
                        format!("the state field `{name}` must be the same number, or an array, in every layer");
                    return Err(wrong_field(
                        program,
                        name,
                        message,
                        "return an array for what differs from layer to layer",
                    ));
                }
            }
        }
    }
    Ok(fields)
}

impl LayerField {
    /// The field of a network whose first layer this is.
    fn first(self) -> StateField {
        let Self { name, form, numbers } = self;
        match form {
            FieldForm::LikeParameters => StateField::per_parameter(name, numbers[0]),
            FieldForm::Arrays(_) => StateField { name, initial: InitialState::PerLayer(vec![numbers]) },
        }
    }
}

/// The map that `state` returned.
fn state_map(program: &ScriptProgram, value: &Dynamic, help: &str) -> Result<Map, Box<Diagnostic>> {
    let Ok(map) = value.as_map_ref() else {
        let message = format!("`state` must return a map, but this is {}", kind(value));
        let location = program.text.result_location("state", value.is_unit());
        return Err(Box::new(Diagnostic::error("wrong-return", message).at(location).help(help)));
    };
    Ok(map.clone())
}

#[allow(clippy::unnecessary_box_returns, reason = "it becomes the error of a result")]
fn wrong_field(program: &ScriptProgram, name: &str, message: String, help: &str) -> Box<Diagnostic> {
    let location = program.text.map_key("state", name);
    let location = location.unwrap_or_else(|| program.text.function_location("state"));
    Box::new(Diagnostic::error("wrong-return", message).at(location).help(help))
}
