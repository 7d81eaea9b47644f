//! Weight files: JSON for people, safetensors for PyTorch.
//!
//! Tensor names are those of a PyTorch `nn.Sequential` in which a module without parameters (the activation) follows
//! each `Linear`: `0.weight` with shape out × in, `0.bias`, `2.weight`, `2.bias`, and so on. Numbers are float64;
//! narrower floats are converted exactly on reading.

use crate::shape::Shape;
use crate::spec::LayerWeights;
use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use serde::{Deserialize, Serialize};

/// An error in a weight file.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum WeightsError {
    /// The file does not have the format.
    #[error("not a weight file: {0}")]
    Format(String),
    /// A tensor is missing, or its shape differs from the network's.
    #[error("«{name}» {problem}, but the network needs {needed}")]
    Tensor {
        /// The tensor's name.
        name: String,
        /// What is wrong with the tensor.
        problem: String,
        /// The shape that the network needs.
        needed: String,
    },
    /// A number is NaN or infinite.
    #[error("«{name}» contains a number that is not finite")]
    NotFinite {
        /// The tensor's name.
        name: String,
    },
    /// The file has a tensor that the network does not have.
    #[error("this network has no tensor «{0}»; is the file from another network?")]
    Unknown(String),
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct JsonFile {
    format: String,
    layers: Vec<LayerWeights>,
}

const JSON_FORMAT: &str = "slowgrad-weights-1";

/// The flat parameters as one entry per layer.
pub fn to_layers(shape: &Shape, values: &[f64]) -> Vec<LayerWeights> {
    let layer = |l| LayerWeights {
        weight: values[shape.weights(l)].chunks(shape.fan_in(l)).map(<[f64]>::to_vec).collect(),
        bias: values[shape.biases(l)].to_vec(),
    };
    (0..shape.layers()).map(layer).collect()
}

/// The flat parameters from one entry per layer.
///
/// # Errors
/// [`WeightsError::Tensor`] for a shape that does not fit the network, [`WeightsError::NotFinite`] for NaN and
/// infinities.
pub fn from_layers(shape: &Shape, layers: &[LayerWeights]) -> Result<Vec<f64>, WeightsError> {
    let wrong = |name: String, problem: String, needed: String| WeightsError::Tensor { name, problem, needed };
    if layers.len() != shape.layers() {
        return Err(wrong("layers".into(), format!("are {}", layers.len()), format!("{}", shape.layers())));
    }
    let mut values = Vec::with_capacity(shape.parameters());
    for (l, layer) in layers.iter().enumerate() {
        let (rows, columns) = (shape.size(l), shape.fan_in(l));
        let (name, needed) = (format!("{}.weight", 2 * l), format!("{rows} × {columns}"));
        if layer.weight.len() != rows {
            return Err(wrong(name, format!("has {} rows", layer.weight.len()), needed));
        }
        for (j, row) in layer.weight.iter().enumerate() {
            if row.len() != columns {
                return Err(wrong(name, format!("has {} numbers in row {}", row.len(), j + 1), needed));
            }
            values.extend_from_slice(row);
        }
        if layer.bias.len() != rows {
            let name = format!("{}.bias", 2 * l);
            return Err(wrong(name, format!("has {} numbers", layer.bias.len()), format!("{rows}")));
        }
        values.extend_from_slice(&layer.bias);
    }
    finite(shape, &values)?;
    Ok(values)
}

fn finite(shape: &Shape, values: &[f64]) -> Result<(), WeightsError> {
    match values.iter().position(|x| !x.is_finite()) {
        None => Ok(()),
        Some(index) => {
            let parameter = shape.parameter(index);
            let part = if parameter.input.is_some() { "weight" } else { "bias" };
            Err(WeightsError::NotFinite { name: format!("{}.{part}", 2 * parameter.layer) })
        }
    }
}

/// Writes flat parameters as JSON.
pub fn to_json(shape: &Shape, values: &[f64]) -> String {
    let file = JsonFile { format: JSON_FORMAT.into(), layers: to_layers(shape, values) };
    let mut text = serde_json::to_string_pretty(&file).unwrap_or_default();
    text.push('\n');
    text
}

/// Reads flat parameters from JSON.
///
/// # Errors
/// [`WeightsError::Format`] for text that is not such a file, otherwise as for [`from_layers`].
pub fn from_json(shape: &Shape, text: &str) -> Result<Vec<f64>, WeightsError> {
    let file: JsonFile = serde_json::from_str(text).map_err(|error| WeightsError::Format(error.to_string()))?;
    if file.format != JSON_FORMAT {
        return Err(WeightsError::Format(format!("its format is «{}», not «{JSON_FORMAT}»", file.format)));
    }
    from_layers(shape, &file.layers)
}

/// Writes flat parameters as safetensors, in float64.
///
/// # Errors
/// [`WeightsError::Format`] if serialization fails.
pub fn to_safetensors(shape: &Shape, values: &[f64]) -> Result<Vec<u8>, WeightsError> {
    let bytes: Vec<u8> = values.iter().flat_map(|x| x.to_le_bytes()).collect();
    let mut views = Vec::new();
    for l in 0..shape.layers() {
        for (part, range, dims) in [
            ("weight", shape.weights(l), vec![shape.size(l), shape.fan_in(l)]),
            ("bias", shape.biases(l), vec![shape.size(l)]),
        ] {
            let view = TensorView::new(Dtype::F64, dims, &bytes[range.start * 8..range.end * 8]);
            views.push((format!("{}.{part}", 2 * l), view.map_err(|error| WeightsError::Format(error.to_string()))?));
        }
    }
    safetensors::serialize(views, None).map_err(|error| WeightsError::Format(error.to_string()))
}

/// Reads flat parameters from safetensors in float64, float32, float16 or bfloat16.
///
/// # Errors
/// [`WeightsError::Format`] for bytes that are not such a file, [`WeightsError::Tensor`] for a tensor that is missing
/// or does not fit the network, [`WeightsError::Unknown`] for an extra tensor, [`WeightsError::NotFinite`] for NaN and
/// infinities.
pub fn from_safetensors(shape: &Shape, bytes: &[u8]) -> Result<Vec<f64>, WeightsError> {
    let file = SafeTensors::deserialize(bytes).map_err(|error| WeightsError::Format(error.to_string()))?;
    let mut values = vec![0.0; shape.parameters()];
    let mut known = Vec::new();
    for l in 0..shape.layers() {
        for (part, range, dims) in [
            ("weight", shape.weights(l), vec![shape.size(l), shape.fan_in(l)]),
            ("bias", shape.biases(l), vec![shape.size(l)]),
        ] {
            let name = format!("{}.{part}", 2 * l);
            let needed = dims.iter().map(usize::to_string).collect::<Vec<_>>().join(" × ");
            let wrong = |problem: String| WeightsError::Tensor { name: name.clone(), problem, needed: needed.clone() };
            let tensor = file.tensor(&name).map_err(|_| wrong("is missing".into()))?;
            if tensor.shape() != dims {
                let found = tensor.shape().iter().map(usize::to_string).collect::<Vec<_>>().join(" × ");
                return Err(wrong(format!("is {found}")));
            }
            let numbers = floats(tensor.dtype(), tensor.data());
            let numbers = numbers.ok_or_else(|| wrong(format!("holds {:?}", tensor.dtype())))?;
            values[range].copy_from_slice(&numbers);
            known.push(name);
        }
    }
    let mut names: Vec<String> = file.names().into_iter().map(ToString::to_string).collect();
    names.sort();
    if let Some(extra) = names.into_iter().find(|name| !known.contains(name)) {
        return Err(WeightsError::Unknown(extra));
    }
    finite(shape, &values)?;
    Ok(values)
}

/// Converts little-endian floats exactly to f64; `None` for other types.
fn floats(dtype: Dtype, data: &[u8]) -> Option<Vec<f64>> {
    let pair = |b: &[u8]| u16::from_le_bytes([b[0], b[1]]);
    let quad = |b: &[u8]| u32::from_le_bytes([b[0], b[1], b[2], b[3]]);
    Some(match dtype {
        Dtype::F64 => {
            let eight = |b: &[u8]| f64::from_le_bytes([b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7]]);
            data.chunks_exact(8).map(eight).collect()
        }
        Dtype::F32 => data.chunks_exact(4).map(|b| f64::from(f32::from_bits(quad(b)))).collect(),
        Dtype::BF16 => data.chunks_exact(2).map(|b| f64::from(f32::from_bits(u32::from(pair(b)) << 16))).collect(),
        Dtype::F16 => data.chunks_exact(2).map(|b| half(pair(b))).collect(),
        _ => return None,
    })
}

/// IEEE binary16: 1 sign bit, 5 exponent bits, 10 fraction bits.
fn half(bits: u16) -> f64 {
    let sign = if bits >> 15 == 1 { -1.0 } else { 1.0 };
    let (exponent, fraction) = (i32::from(bits >> 10 & 31), f64::from(bits & 1023));
    let power = |e: i32| f64::from_bits(((1023 + e) as u64) << 52);
    sign * match exponent {
        0 => fraction * power(-24),
        31 if fraction == 0.0 => f64::INFINITY,
        31 => f64::NAN,
        e => (1024.0 + fraction) * power(e - 25),
    }
}
