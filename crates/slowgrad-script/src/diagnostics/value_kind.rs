//! Names for the types of script values.

use crate::bindings::values::{ControlSpec, CsvSpec, NeuronRef, ParameterRef, RandomSource, StageRecorder};
use crate::runtime::host::Scalar;
use rhai::Dynamic;

/// The type of a value, with an article.
pub(crate) fn kind(value: &Dynamic) -> &'static str {
    named_kind(value.type_name())
}

/// The same for a type name of Rhai.
pub(crate) fn named_kind(type_name: &str) -> &'static str {
    let is = |path: &str| type_name == path;
    match type_name {
        "i64" | "f64" | "int" | "float" => "a number",
        "scalar" => "a scalar",
        "char" => "a character",
        "string" | "&str | ImmutableString | String" => "a text",
        "bool" => "a boolean",
        "()" => "nothing",
        "array" => "an array",
        "map" => "a map",
        "Fn" => "a function",
        "range" | "range=" => "a range",
        "stage" => "the stage",
        "random" => "a random generator",
        "control" => "a control",
        "csv" => "a csv(…)",
        "parameter" => "a weight or bias",
        "neuron" => "a neuron",
        _ if is(std::any::type_name::<Scalar>()) => "a scalar",
        _ if is(std::any::type_name::<rhai::ImmutableString>()) => "a text",
        _ if is(std::any::type_name::<rhai::Array>()) => "an array",
        _ if is(std::any::type_name::<rhai::Map>()) => "a map",
        _ if is(std::any::type_name::<rhai::FnPtr>()) => "a function",
        _ if is(std::any::type_name::<StageRecorder>()) => "the stage",
        _ if is(std::any::type_name::<RandomSource>()) => "a random generator",
        _ if is(std::any::type_name::<ControlSpec>()) => "a control",
        _ if is(std::any::type_name::<CsvSpec>()) => "a csv(…)",
        _ if is(std::any::type_name::<ParameterRef>()) => "a weight or bias",
        _ if is(std::any::type_name::<NeuronRef>()) => "a neuron",
        _ if type_name.contains("Range") => "a range",
        _ => "a value of another kind",
    }
}

/// The same without the article, for lists such as `exp(array)`.
pub(crate) fn bare_kind(type_name: &str) -> &'static str {
    let kind = named_kind(type_name);
    kind.strip_prefix("a ").or_else(|| kind.strip_prefix("an ")).or_else(|| kind.strip_prefix("the ")).unwrap_or(kind)
}
