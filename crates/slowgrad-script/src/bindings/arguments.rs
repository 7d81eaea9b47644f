//! Converts script values to plain data: arguments of native functions, and the maps and arrays that scripts return.

use crate::bindings::numbers::number;
use crate::diagnostics::problem::{NativeResult, Problem};
use crate::diagnostics::value_kind::kind;
use crate::diagnostics::wording::suggestion;
use crate::runtime::host::ScriptNumber;
use rhai::{Array, Dynamic, Map};
use slowgrad_engine::shape::{LayerPart, Parameter, Shape};
use slowgrad_engine::spec::{LayerWeights, ParamValue, PluginRef, Sample, SpecPatch};

/// A plain number. A traced number is an error.
pub(crate) fn plain(value: &Dynamic, caller: &str) -> NativeResult<f64> {
    match number(value, caller)? {
        ScriptNumber::Plain(x) => Ok(x),
        ScriptNumber::Traced(_) => {
            Err(Problem::new("wrong-type", format!("`{caller}` needs plain numbers, but this is a scalar")).into())
        }
    }
}

/// A whole number from 0.
pub(crate) fn count(value: &Dynamic, caller: &str) -> NativeResult<usize> {
    let found = value.as_int().ok().and_then(|n| usize::try_from(n).ok());
    let message = || {
        format!(
            "`{caller}` needs a whole number from 0, but this is {}",
            value.as_int().map_or_else(|_| kind(value).to_owned(), |n| n.to_string())
        )
    };
    found.ok_or_else(|| Problem::new("wrong-type", message()).into())
}

pub(crate) fn words(array: &Array, caller: &str) -> NativeResult<Vec<String>> {
    let word = |item: &Dynamic| {
        let found = item.clone().into_string();
        found.map_err(|_| {
            Problem::new("wrong-type", format!("`{caller}`  needs an array of texts, but an element is {}", kind(item)))
                .into()
        })
    };
    array.iter().map(word).collect()
}

type Read<T> = Result<T, Problem>;

fn wrong(what: &str, expected: &str, value: &Dynamic) -> Problem {
    Problem::new("wrong-type", format!("{what} must be {expected}, but this is {}", kind(value)))
}

/// A plain number. `what` names the value in the error message, as in the functions below.
pub(crate) fn float(value: &Dynamic, what: &str) -> Read<f64> {
    let found = value.as_float().or_else(|_| value.as_int().map(|n| n as f64));
    found.map_err(|_| wrong(what, "a number", value))
}

/// A whole number of at least `least`.
pub(crate) fn size(value: &Dynamic, what: &str, least: usize) -> Read<usize> {
    let expected = format!("a whole number from {least}");
    let invalid =
        |found: String| Problem::new("wrong-value", format!("{what} must be {expected}, but this is {found}"));
    let n = value.as_int().map_err(|_| match value.as_float() {
        Ok(x) if x.fract() == 0.0 && x.abs() < 1e15 => {
            invalid(format!("{x:?}")).help(format!("write `{x:.0}` without a decimal point"))
        }
        Ok(x) => invalid(x.to_string()).help("write it without a decimal point"),
        Err(_) => wrong(what, &expected, value),
    })?;
    usize::try_from(n).ok().filter(|&n| n >= least).ok_or_else(|| invalid(n.to_string()))
}

/// A string.
pub(crate) fn text(value: &Dynamic, what: &str) -> Read<String> {
    value.clone().into_string().map_err(|_| wrong(what, "a text", value))
}

/// A boolean.
pub(crate) fn flag(value: &Dynamic, what: &str) -> Read<bool> {
    value.as_bool().map_err(|_| wrong(what, "true or false", value))
}

/// The value of a control.
pub(crate) fn param(value: &Dynamic, what: &str) -> Read<ParamValue> {
    if let Ok(on) = value.as_bool() {
        return Ok(ParamValue::Bool(on));
    }
    if let Ok(word) = value.clone().into_string() {
        return Ok(ParamValue::Text(word));
    }
    float(value, what).map(ParamValue::Number).map_err(|_| wrong(what, "a number, a text, or true or false", value))
}

/// A plugin: its name, or a map with its name and the values of its controls.
pub(crate) fn plugin(value: &Dynamic, what: &str) -> Read<PluginRef> {
    if let Ok(name) = value.clone().into_string() {
        return Ok(PluginRef::named(name));
    }
    let Ok(map) = value.as_map_ref() else {
        return Err(wrong(what, "a plugin's name", value).help("write `\"adam\"` or `#{ name: \"adam\", beta1: 0.8 }`"));
    };
    let name = map.get("name").ok_or_else(|| {
        let problem = Problem::new("missing-field", format!("{what} has no `name`"));
        problem.help("write `#{ name: \"adam\", beta1: 0.8 }`")
    })?;
    let mut plugin = PluginRef::named(text(name, "`name`")?);
    for (key, value) in map.iter().filter(|(key, _)| key.as_str() != "name") {
        plugin.params.insert(key.to_string(), param(value, &format!("`{key}`"))?);
    }
    Ok(plugin)
}

/// The fields that `stage.set` accepts. Any other name is that of a control.
pub(crate) const CHANGES: &[&str] =
    &["activation", "output", "loss", "regularizer", "optimizer", "schedule", "batch", "params"];

/// Fields of `lesson()` that are fixed for a whole run.
const FIXED: &[&str] = &[
    "data",
    "input_names",
    "output_names",
    "layers",
    "bias",
    "frozen",
    "input_gradients",
    "seed",
    "title",
    "weights",
    "shuffle",
    "initializer",
    "test_fraction",
];

/// The changes of a `stage.set` cue.
pub(crate) fn patch(map: &Map) -> Read<SpecPatch> {
    let mut patch = SpecPatch::default();
    for (key, value) in map {
        let what = format!("`{key}`");
        match key.as_str() {
            "activation" => patch.activation = Some(plugin(value, &what)?),
            "output" => patch.output = Some(plugin(value, &what)?),
            "loss" => patch.loss = Some(plugin(value, &what)?),
            "regularizer" => patch.regularizer = Some(plugin(value, &what)?),
            "optimizer" => patch.optimizer = Some(plugin(value, &what)?),
            "schedule" => patch.schedule = Some(plugin(value, &what)?),
            "batch" => patch.batch = Some(size(value, &what, 1)?),
            "params" => {
                let params = value.as_map_ref().map_err(|_| wrong(&what, "a map", value))?;
                for (name, value) in params.iter() {
                    patch.params.insert(name.to_string(), param(value, &format!("`{name}`"))?);
                }
            }
            name if FIXED.contains(&name) => {
                let problem = Problem::new("not-available", format!("`set` cannot change `{name}`"));
                return Err(problem.help(match name {
                    "frozen" => "write `stage.freeze(#{ layer: 1 })` or `stage.unfreeze(#{ layer: 1 })`".to_owned(),
                    _ => suggestion("-", CHANGES.iter().copied()).unwrap_or_default(),
                }));
            }
            name => drop(patch.params.insert(name.to_owned(), param(value, &what)?)),
        }
    }
    Ok(patch)
}

fn no_such_parameter(message: String) -> Problem {
    Problem::new("no-such-parameter", message).help("layers, neurons and inputs are counted from 0")
}

/// Checks that the network has this layer.
pub(crate) fn existing_layer(layer: usize, shape: &Shape) -> Read<()> {
    if layer < shape.layers() {
        return Ok(());
    }
    let layers = shape.layers();
    Err(no_such_parameter(format!("there is no layer {layer}; the network has {layers} layers after the input")))
}

/// Checks that the network has this neuron.
pub(crate) fn existing_neuron(layer: usize, neuron: usize, shape: &Shape) -> Read<()> {
    existing_layer(layer, shape)?;
    if shape.has_neuron(layer, neuron) {
        return Ok(());
    }
    Err(no_such_parameter(format!("layer {layer} has no neuron {neuron}; it has {}", shape.size(layer))))
}

/// Checks that the network has this parameter.
pub(crate) fn existing_parameter(parameter: Parameter, shape: &Shape) -> Read<()> {
    let Parameter { layer, neuron, input } = parameter;
    existing_neuron(layer, neuron, shape)?;
    match input {
        Some(input) if input >= shape.fan_in(layer) => {
            Err(no_such_parameter(format!("layer {layer} has no input {input}; it has {}", shape.fan_in(layer))))
        }
        None if !shape.has_biases(layer) => Err(without_biases(layer)),
        _ => Ok(()),
    }
}

/// The problem that a layer has no biases.
pub(crate) fn without_biases(layer: usize) -> Problem {
    let problem = Problem::new("no-such-parameter", format!("layer {layer} has no biases"));
    problem.help("the lesson gives it `bias: false`")
}

/// A part of a layer's parameters: `"all"`, `"weights"` or `"biases"`; `what` names the value in the error message.
pub(crate) fn layer_part(name: &str, what: &str) -> Read<LayerPart> {
    const PARTS: [(&str, LayerPart); 3] =
        [("all", LayerPart::All), ("weights", LayerPart::Weights), ("biases", LayerPart::Biases)];
    let found = PARTS.into_iter().find(|(known, _)| *known == name);
    found.map(|(_, part)| part).ok_or_else(|| {
        let problem = Problem::new("unknown-name", format!("{what} cannot be `{name}`"));
        problem.help(suggestion(name, PARTS.map(|(known, _)| known)).unwrap_or_default())
    })
}

/// An array of plain numbers. A single number counts as an array of one.
pub(crate) fn floats(value: &Dynamic, what: &str) -> Read<Vec<f64>> {
    match value.as_array_ref() {
        Ok(array) => array.iter().map(|item| float(item, what)).collect(),
        Err(_) => float(value, what).map(|x| vec![x]).map_err(|_| wrong(what, "an array of numbers", value)),
    }
}

/// The weights that `init_layer` returns for a layer, `weight[out][in]`, flattened.
pub(crate) fn layer(value: &Dynamic, layer: usize, shape: &Shape) -> Read<Vec<f64>> {
    let (size, fan_in) = (shape.size(layer), shape.fan_in(layer));
    let usage = format!("layer {layer} needs {size} rows of {fan_in} numbers: `weight[neuron][input]`");
    let return_of = |message: String| Problem::new("wrong-return", message).help(usage.clone());
    let what = "the result of `init_layer`";
    let rows = value.as_array_ref();
    let rows = rows.map_err(|_| return_of(format!("{what} must be an array of rows, but this is {}", kind(value))))?;
    if rows.len() != size {
        let (rows, inputs) = (rows.len(), format!("layer {layer} has {size} neurons"));
        return Err(return_of(format!("{what} has {rows} rows, but {inputs}")));
    }
    let mut weights = Vec::with_capacity(size * fan_in);
    for (neuron, row) in rows.iter().enumerate() {
        let row = row.as_array_ref().map_err(|_| {
            return_of(format!("each row of {what} must be an array, but row {neuron} is {}", kind(row)))
        })?;
        if row.len() != fan_in {
            let found = row.len();
            return Err(return_of(format!("row {neuron} of {what} has {found} numbers, not {fan_in}")));
        }
        for (input, item) in row.iter().enumerate() {
            let x = float(item, "").map_err(|_| kind(item).to_owned());
            let x = x.and_then(|x| if x.is_finite() { Ok(x) } else { Err(x.to_string()) });
            weights.push(x.map_err(|found| {
                let place = format!("layer {layer}, neuron {neuron}, input {input}");
                return_of(format!("`init_layer` must return finite numbers, but this is {found} ({place})"))
            })?);
        }
    }
    Ok(weights)
}

/// Samples: an array of `#{ input: […], target: […] }`.
pub(crate) fn samples(array: &Array) -> Read<Vec<Sample>> {
    const USAGE: &str = "write each sample as `#{ input: [0.0, 1.0], target: [1.0] }`";
    let sample = |(i, value): (usize, &Dynamic)| {
        let what = format!("sample {}", i + 1);
        let map = value.as_map_ref().map_err(|_| wrong(&what, "a map", value).help(USAGE))?;
        if let Some(odd) = map.keys().find(|key| !["input", "target"].contains(&key.as_str())) {
            let help = suggestion(odd, ["input", "target"]).unwrap_or_default();
            return Err(Problem::new("unknown-field", format!("{what} has a field `{odd}`")).help(help));
        }
        let part = |field: &str| {
            let value = map
                .get(field)
                .ok_or_else(|| Problem::new("missing-field", format!("{what} has no `{field}`")).help(USAGE))?;
            floats(value, &format!("the {field} of {what}"))
        };
        Ok(Sample { input: part("input")?, target: part("target")? })
    };
    array.iter().enumerate().map(sample).collect()
}

/// Initial weights: one `#{ weight: [[…]], bias: […] }` per layer, without `bias` if the layer has none.
pub(crate) fn weights(array: &Array) -> Read<Vec<LayerWeights>> {
    const USAGE: &str = "write each layer as `#{ weight: [[…], …], bias: […] }`, `weight[neuron][input]`";
    let layer = |(i, value): (usize, &Dynamic)| {
        let what = format!("layer {i} of `weights`");
        let map = value.as_map_ref().map_err(|_| wrong(&what, "a map", value).help(USAGE))?;
        if let Some(odd) = map.keys().find(|key| !["weight", "bias"].contains(&key.as_str())) {
            let help = suggestion(odd, ["weight", "bias"]).unwrap_or_default();
            return Err(Problem::new("unknown-field", format!("{what} has a field `{odd}`")).help(help));
        }
        let rows = map.get("weight");
        let rows = rows.ok_or_else(|| Problem::new("missing-field", format!("{what} has no `weight`")).help(USAGE))?;
        let rows = rows.as_array_ref().map_err(|_| wrong("`weight`", "an array of rows", rows).help(USAGE))?;
        let weight = rows.iter().map(|row| floats(row, "a row of `weight`")).collect::<Read<_>>()?;
        let bias = map.get("bias").map(|bias| floats(bias, "`bias`")).transpose()?.unwrap_or_default();
        Ok(LayerWeights { weight, bias })
    };
    array.iter().enumerate().map(layer).collect()
}
