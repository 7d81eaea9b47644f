//! Reads the result of `lesson()`: converts a map to a [`LessonSpec`].
//!
//! All mistakes are collected, each located at its field. This module must not know whether the plugins work.

pub(crate) mod conditions;
mod missing_features;
pub(crate) mod scores;

use crate::bindings::arguments;
use crate::bindings::values::CsvSpec;
use crate::diagnostics::problem::Problem;
use crate::diagnostics::value_kind::kind;
use crate::diagnostics::wording::suggestion;
use crate::plugins::{PluginKind, Plugins};
use crate::reference::{Group, names};
use crate::runtime::limits::Limits;
use crate::runtime::program::ScriptProgram;
pub(crate) use missing_features::missing_feature;
use rhai::{Dynamic, Map};
use slowgrad_engine::io_names::IoNames;
use slowgrad_engine::shape::LayerPart;
use slowgrad_engine::spec::{DataSpec, LayerSpec, LessonSpec, ParamValue, PluginRef, WeightsSpec};
use slowgrad_tape::Diagnostic;
use std::collections::BTreeMap;

/// The contents of a lesson's file.
pub(crate) struct LessonDescription {
    pub(crate) spec: LessonSpec,
    /// The lowered limits, if the lesson sets any.
    pub(crate) limits: Option<Limits>,
}

/// Reads the map of a lesson.
pub(crate) fn read(
    plugins: &Plugins,
    program: &ScriptProgram,
    value: &Dynamic,
) -> Result<LessonDescription, Vec<Diagnostic>> {
    let Ok(map) = value.as_map_ref() else {
        let message = format!("`lesson` must return a map, but this is {}", kind(value));
        let help = "write `#{ title: \"…\", layers: [2, 3, 1], data: \"xor\" }`";
        let location = program.text.result_location("lesson", value.is_unit());
        return Err(vec![Diagnostic::error("wrong-return", message).at(location).help(help)]);
    };
    let mut reader = LessonReader { program, map: &map, errors: Vec::new() };
    reader.unknown();
    let described = reader.lesson(plugins);
    if reader.errors.is_empty() { described.ok_or_else(Vec::new) } else { Err(reader.errors) }
}

struct LessonReader<'l> {
    program: &'l ScriptProgram,
    map: &'l Map,
    errors: Vec<Diagnostic>,
}

impl LessonReader<'_> {
    fn fail(&mut self, field: &str, problem: Problem) {
        let location = self.program.text.map_key("lesson", field);
        let location = location.unwrap_or_else(|| self.program.text.function_location("lesson"));
        self.errors.push(problem.unplaced().at(location));
    }

    fn unknown(&mut self) {
        for field in self.map.keys() {
            if names(Group::LessonFields).all(|known| known != field.as_str()) {
                let help = missing_feature(field).or_else(|| suggestion(field, names(Group::LessonFields)));
                let help = help.unwrap_or_default();
                self.fail(field, Problem::new("unknown-field", format!("a lesson has no field `{field}`")).help(help));
            }
        }
    }

    /// A field's value, or `None` if it is missing or invalid.
    fn field<T>(&mut self, name: &str, read: impl FnOnce(&Dynamic, &str) -> Result<T, Problem>) -> Option<T> {
        let value = self.map.get(name)?;
        match read(value, &format!("`{name}`")) {
            Ok(found) => Some(found),
            Err(problem) => {
                self.fail(name, problem);
                None
            }
        }
    }

    fn required(&mut self, name: &str, example: &str) -> bool {
        let present = self.map.contains_key(name);
        if !present {
            let problem = Problem::new("missing-field", format!("the lesson has no `{name}`"));
            self.fail(name, problem.help(format!("add `{example}`")));
        }
        present
    }

    /// Whether the lesson's file defines a plugin of this kind.
    fn defines(&self, kind: PluginKind) -> bool {
        kind.contracts().iter().any(|name| self.program.function(name).is_some())
    }

    /// The plugin in a field. A function in the lesson's own file takes precedence.
    fn plugin(&mut self, field: &str, default: &str, kind: PluginKind) -> PluginRef {
        let mut plugin = self.field(field, arguments::plugin).unwrap_or_else(|| PluginRef::named(default));
        if self.defines(kind) {
            plugin.name.clone_from(&self.program.path);
        }
        plugin
    }

    /// The plugin in a field that may be absent.
    fn optional(&mut self, field: &str, kind: PluginKind) -> Option<PluginRef> {
        self.plugin(field, PluginRef::NONE, kind).unless_none()
    }

    /// The data. A data set in the lesson's own file takes precedence.
    fn data(&mut self) -> Option<DataSpec> {
        if !self.defines(PluginKind::Dataset) {
            return self.field("data", data);
        }
        let given = if self.map.contains_key("data") { self.field("data", data)? } else { DataSpec::default() };
        match given {
            DataSpec::Plugin(plugin) => Some(DataSpec::Plugin(PluginRef { name: self.program.path.clone(), ..plugin })),
            _ if !self.map.contains_key("data") => Some(DataSpec::Plugin(PluginRef::named(&self.program.path))),
            _ => {
                let message = "`data` contains samples, but this file also defines `fn dataset`";
                self.fail("data", Problem::new("wrong-value", message).help("remove one of them"));
                None
            }
        }
    }

    /// The names of inputs and outputs: at most one for each neuron of the first and of the last layer.
    fn io_names(&mut self, layers: Option<&(usize, Vec<LayerSpec>)>) -> IoNames {
        let mut names = |field: &str, size: Option<usize>| {
            self.field(field, |value, what| io_names(value, what, size)).unwrap_or_default()
        };
        let outputs = layers.and_then(|(_, layers)| layers.last()).map(|layer| layer.size);
        IoNames {
            inputs: names("input_names", layers.map(|(inputs, _)| *inputs)),
            outputs: names("output_names", outputs),
        }
    }

    fn lesson(&mut self, plugins: &Plugins) -> Option<LessonDescription> {
        let has_title = self.required("title", "title: \"My first lesson\"");
        let has_layers = self.required("layers", "layers: [2, 3, 1]");
        let has_data = self.defines(PluginKind::Dataset) || self.required("data", "data: \"xor\"");
        let title = self.field("title", arguments::text);
        let hidden = self.plugin("activation", "tanh", PluginKind::Activation);
        // An activation in the lesson's own file applies to the hidden layers only.
        let output = self.field("output", arguments::plugin).unwrap_or_else(|| PluginRef::named("identity"));
        let loss = self.plugin("loss", "mse", PluginKind::Loss);
        let regularizer = self.optional("regularizer", PluginKind::Regularizer);
        let optimizer = self.plugin("optimizer", "sgd", PluginKind::Optimizer);
        let schedule = self.optional("schedule", PluginKind::Schedule);
        let initializer = self.plugin("initializer", "xavier_uniform", PluginKind::Initializer);
        let bias = self.field("bias", arguments::flag).unwrap_or(true);
        let frozen = self.field("frozen", frozen).flatten();
        let defaults = LayerDefaults { hidden: &hidden, output: &output, bias, frozen };
        let layers = self.field("layers", |value, what| layers(value, what, &defaults));
        let data = self.data();
        let io_names = self.io_names(layers.as_ref());
        let seed = self.field("seed", seed).unwrap_or(0);
        let fraction = |value: &Dynamic, what: &str| {
            let x = arguments::float(value, what)?;
            if (0.0..1.0).contains(&x) {
                Ok(x)
            } else {
                Err(Problem::new("wrong-value", format!("{what} must be from 0 to below 1, but this is {x}")))
            }
        };
        let test_fraction = self.field("test_fraction", fraction).unwrap_or(0.0);
        let noise = |value: &Dynamic, what: &str| {
            let x = arguments::float(value, what)?;
            if x.is_finite() && x >= 0.0 {
                Ok(x)
            } else {
                Err(Problem::new("wrong-value", format!("{what} must be 0 or more, but this is {x}")))
            }
        };
        let noise = self.field("noise", noise).unwrap_or(0.0);
        let count = self.field("count", |value, what| arguments::size(value, what, 1));
        let batch = self.field("batch", |value, what| arguments::size(value, what, 1)).unwrap_or(1);
        let shuffle = self.field("shuffle", arguments::flag).unwrap_or(false);
        let own_layers = layers.as_ref().map(|(_, layers)| &layers[..]).unwrap_or_default();
        let weights = self.field("weights", |value, what| weights(value, what, own_layers));
        let input_gradients = self.field("input_gradients", arguments::flag).unwrap_or(false);
        let limits = plugins.interpreter.host.limits.get();
        let limits = self.field("limits", |value, what| lower(limits, value, what));
        let given = self.field("params", params).unwrap_or_default();
        if !(has_title && has_layers && has_data) {
            return None;
        }
        let (inputs, layers) = layers?;
        let mut spec = LessonSpec {
            title: title?,
            inputs,
            layers,
            loss,
            regularizer,
            optimizer,
            schedule,
            initializer,
            data: data?,
            io_names,
            test_fraction,
            noise,
            count,
            batch,
            shuffle,
            seed,
            weights,
            input_gradients,
        };
        if let Err(problem) = distribute(plugins, &mut spec, &given) {
            self.fail("params", problem);
        }
        Some(LessonDescription { spec, limits })
    }
}

/// Entries of `layers`.
const MAX_LAYERS: usize = 100;

/// The fields of a layer.
const LAYER_FIELDS: [&str; 4] = ["size", "activation", "bias", "frozen"];

/// What a layer has unless it says otherwise.
struct LayerDefaults<'l> {
    /// The activation of a hidden layer.
    hidden: &'l PluginRef,
    /// The activation of the last layer.
    output: &'l PluginRef,
    bias: bool,
    frozen: Option<LayerPart>,
}

/// What a layer such as `#{ type: "dropout", rate: 0.5 }` asks for.
fn named_feature(map: &Map) -> Option<String> {
    map.values().find_map(|value| missing_feature(&value.as_immutable_string_ref().ok()?))
}

/// Reads `[2, 3, 1]`, or maps `#{ size: 3, activation: "tanh", bias: false }`: the number of inputs, and the layers.
fn layers(value: &Dynamic, what: &str, defaults: &LayerDefaults<'_>) -> Result<(usize, Vec<LayerSpec>), Problem> {
    const USAGE: &str = "write `[2, 3, 1]`: 2 inputs, a layer of 3 neurons, 1 output";
    let array = value.as_array_ref().map_err(|_| {
        Problem::new("wrong-type", format!("{what} must be an array, but this is {}", kind(value))).help(USAGE)
    })?;
    if array.len() < 2 {
        return Err(Problem::new("wrong-value", format!("{what} needs at least the inputs and one layer")).help(USAGE));
    }
    if array.len() > MAX_LAYERS {
        let message = format!("{what} has {} entries; the maximum is {MAX_LAYERS}", array.len());
        return Err(Problem::new("too-large", message).help(USAGE));
    }
    let mut found = Vec::new();
    for (i, item) in array.iter().enumerate() {
        let each = format!("each size in {what}");
        let activation = if i + 1 == array.len() { defaults.output } else { defaults.hidden };
        let Ok(map) = item.as_map_ref() else {
            let size = arguments::size(item, &each, 1);
            let word = item.as_immutable_string_ref().ok();
            let missing = word.and_then(|word| missing_feature(&word));
            let size = size.map_err(|problem| problem.maybe_help(missing))?;
            let LayerDefaults { bias, frozen, .. } = *defaults;
            found.push(LayerSpec { size, activation: activation.clone(), bias, frozen });
            continue;
        };
        if let Some(odd) = map.keys().find(|key| !LAYER_FIELDS.contains(&key.as_str())) {
            let problem = Problem::new("unknown-field", format!("a layer has no field `{odd}`"));
            let help = missing_feature(odd).or_else(|| named_feature(&map)).or_else(|| suggestion(odd, LAYER_FIELDS));
            return Err(problem.help(help.unwrap_or_default()));
        }
        let size = map.get("size").ok_or_else(|| {
            Problem::new("missing-field", "a layer has no `size`").help("write `#{ size: 3, activation: \"tanh\" }`")
        })?;
        if i == 0
            && let Some(own) = map.keys().find(|key| *key != "size")
        {
            let article = if own == "activation" { "an" } else { "a" };
            let message = format!("the input layer cannot have {article} `{own}`: it has no parameters");
            return Err(Problem::new("wrong-value", message).help("only the layers after the inputs compute"));
        }
        let size = arguments::size(size, &each, 1)?;
        let own = map.get("activation").map(|own| arguments::plugin(own, "`activation`")).transpose()?;
        let activation = own.unwrap_or_else(|| activation.clone());
        let bias = map.get("bias").map(|bias| arguments::flag(bias, "`bias`")).transpose()?.unwrap_or(defaults.bias);
        let own = map.get("frozen").map(|part| frozen(part, "`frozen`")).transpose()?;
        if !bias && own == Some(Some(LayerPart::Biases)) {
            let message = format!("layer {} has no biases to freeze", i - 1);
            return Err(Problem::new("wrong-value", message).help("remove `frozen: \"biases\"` or `bias: false`"));
        }
        found.push(LayerSpec { size, activation, bias, frozen: own.unwrap_or(defaults.frozen) });
    }
    let inputs = found.remove(0).size;
    Ok((inputs, found))
}

/// Reads `true`, `false`, `"weights"` or `"biases"`.
fn frozen(value: &Dynamic, what: &str) -> Result<Option<LayerPart>, Problem> {
    if let Ok(all) = value.as_bool() {
        return Ok(all.then_some(LayerPart::All));
    }
    let text = value.clone().into_string().map_err(|_| {
        let message = format!("{what} must be true, false, \"weights\" or \"biases\", but this is {}", kind(value));
        Problem::new("wrong-type", message).help("`frozen: true` freezes all parameters of a layer")
    })?;
    arguments::layer_part(&text, what).map(Some)
}

fn io_names(value: &Dynamic, what: &str, size: Option<usize>) -> Result<Vec<String>, Problem> {
    let usage = format!("write `[\"width\", \"height\"]` in {what}");
    let array = value.as_array_ref().map_err(|_| {
        let message = format!("{what} must be an array of texts, but this is {}", kind(value));
        Problem::new("wrong-type", message).help(usage.clone())
    })?;
    if let Some(size) = size.filter(|size| array.len() > *size) {
        let message = format!("{what} has {} names, but the network has {size} there", array.len());
        return Err(
            Problem::new("wrong-value", message).help("give at most one name for each; an empty text is no name")
        );
    }
    let name = |item: &Dynamic| arguments::text(item, &format!("each name in {what}"));
    array.iter().map(|item| name(item).map_err(|problem| problem.help(usage.clone()))).collect()
}

fn data(value: &Dynamic, what: &str) -> Result<DataSpec, Problem> {
    if let Some(CsvSpec(table)) = value.clone().try_cast() {
        return Ok(DataSpec::Table(table));
    }
    if let Ok(array) = value.as_array_ref() {
        return arguments::samples(&array).map(DataSpec::Inline);
    }
    let usage = "give a data set's name, an array of samples, or `csv(…)`";
    arguments::plugin(value, what).map(DataSpec::Plugin).map_err(|problem| problem.help(usage))
}

fn seed(value: &Dynamic, what: &str) -> Result<u64, Problem> {
    arguments::size(value, what, 0).map(|seed| seed as u64)
}

fn weights(value: &Dynamic, what: &str, layers: &[LayerSpec]) -> Result<WeightsSpec, Problem> {
    if let Ok(path) = value.clone().into_string() {
        return Ok(WeightsSpec::File(path));
    }
    let array = value.as_array_ref();
    let array = array.map_err(|_| {
        Problem::new("wrong-type", format!("{what} must be a file's path or an array, but this is {}", kind(value)))
    })?;
    let weights = arguments::weights(&array)?;
    for (i, (weights, layer)) in weights.iter().zip(layers).enumerate() {
        match (layer.bias, weights.bias.is_empty()) {
            (true, true) => {
                let problem = Problem::new("missing-field", format!("layer {i} of {what} has no `bias`"));
                return Err(problem.help("add `bias: […]`, or give the layer no biases: `#{ size: 3, bias: false }`"));
            }
            (false, false) => {
                let message = format!("layer {i} of {what} has a `bias`, but this layer has `bias: false`");
                return Err(Problem::new("wrong-value", message).help("remove one of them"));
            }
            _ => {}
        }
    }
    Ok(WeightsSpec::Inline(weights))
}

fn params(value: &Dynamic, what: &str) -> Result<BTreeMap<String, ParamValue>, Problem> {
    let map = value.as_map_ref();
    let map = map.map_err(|_| {
        Problem::new("wrong-type", format!("{what} must be a map, but this is {}", kind(value)))
            .help("write `#{ lr: 0.5 }`")
    })?;
    map.iter().map(|(name, value)| Ok((name.to_string(), arguments::param(value, &format!("`{name}`"))?))).collect()
}

/// Applies a lesson's `limits`, which can only lower the limits.
fn lower(limits: Limits, value: &Dynamic, what: &str) -> Result<Limits, Problem> {
    let map = value
        .as_map_ref()
        .map_err(|_| Problem::new("wrong-type", format!("{what} must be a map, but this is {}", kind(value))))?;
    let mut lowered = limits;
    for (name, value) in map.iter() {
        let amount = arguments::float(value, &format!("`{name}`"))?;
        lowered.lower(name, amount).map_err(|error| {
            let code = if error.unknown_name { "unknown-field" } else { "wrong-value" };
            Problem::new(code, error.message).maybe_help(error.help)
        })?;
    }
    Ok(lowered)
}

/// All plugins of a lesson with their kinds.
pub(crate) fn plugin_refs(spec: &mut LessonSpec) -> Vec<(PluginKind, &mut PluginRef)> {
    let mut slots: Vec<_> =
        spec.layers.iter_mut().map(|layer| (PluginKind::Activation, &mut layer.activation)).collect();
    slots.push((PluginKind::Loss, &mut spec.loss));
    slots.extend(spec.regularizer.as_mut().map(|regularizer| (PluginKind::Regularizer, regularizer)));
    slots.push((PluginKind::Optimizer, &mut spec.optimizer));
    slots.extend(spec.schedule.as_mut().map(|schedule| (PluginKind::Schedule, schedule)));
    slots.push((PluginKind::Initializer, &mut spec.initializer));
    if let DataSpec::Plugin(plugin) = &mut spec.data {
        slots.push((PluginKind::Dataset, plugin));
    }
    slots
}

/// Sets the controls of these names, in every plugin that has one without a value.
pub(crate) fn distribute(
    plugins: &Plugins,
    spec: &mut LessonSpec,
    given: &BTreeMap<String, ParamValue>,
) -> Result<(), Problem> {
    set_params(plugins, spec, given, false)
}

/// Sets the controls of these names, and replaces values that are already set.
pub(crate) fn override_all(
    plugins: &Plugins,
    spec: &mut LessonSpec,
    given: &BTreeMap<String, ParamValue>,
) -> Result<(), Problem> {
    set_params(plugins, spec, given, true)
}

/// Checks that the controls accept the values of `params`, so that the error names `params` and not the plugin.
fn check_values(plugins: &Plugins, spec: &mut LessonSpec, given: &BTreeMap<String, ParamValue>) -> Result<(), Problem> {
    for (kind, plugin) in plugin_refs(spec) {
        // Compared as text, because NaN does not equal itself.
        let same = |name: &String, value: &ParamValue| format!("{:?}", given.get(name)) == format!("{:?}", Some(value));
        let given = plugin.params.iter().filter(|(name, value)| same(name, value));
        let params = given.map(|(name, value)| (name.clone(), value.clone())).collect();
        plugins.check_values(kind, &PluginRef { name: plugin.name.clone(), params })?;
    }
    Ok(())
}

fn set_params(
    plugins: &Plugins,
    spec: &mut LessonSpec,
    given: &BTreeMap<String, ParamValue>,
    overwrite: bool,
) -> Result<(), Problem> {
    if given.is_empty() {
        return Ok(());
    }
    let mut known: Vec<String> = Vec::new();
    let mut complete = true;
    for (kind, plugin) in plugin_refs(spec) {
        let Some(controls) = plugins.control_names(kind, plugin) else {
            // A broken plugin has unknown controls. Its own problem is reported first.
            complete = false;
            continue;
        };
        for (name, value) in given.iter().filter(|(name, _)| controls.contains(name)) {
            if overwrite || !plugin.params.contains_key(name) {
                plugin.params.insert(name.clone(), value.clone());
            }
        }
        known.extend(controls);
    }
    known.sort();
    known.dedup();
    match given.keys().find(|name| complete && !known.contains(name)) {
        None => check_values(plugins, spec, given),
        Some(name) => {
            let problem = Problem::new("unknown-control", format!("no plugin of this lesson has a control `{name}`"));
            Err(problem.help(suggestion(name, known.iter().map(String::as_str)).unwrap_or_default()))
        }
    }
}
