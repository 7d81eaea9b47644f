//! Weight files: JSON for people, safetensors for PyTorch.
//!
//! Tensor names are those of a PyTorch `nn.Sequential` in which a module without parameters (the activation) follows
//! each `Linear`: `0.weight` with shape out × in, `0.bias`, `2.weight`, `2.bias`, and so on. A layer without biases has only
//! a weight. Numbers are float64; narrower floats are converted exactly on reading. Tensors with other names are read as
//! well if they fit in order and shape: [`tensor_match`] decides that. This module must not open files.

use crate::shape::Shape;
use crate::spec::LayerWeights;
use crate::tensor_match::{self, MatchError, TensorMapping, TensorShape};
use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use serde::{Deserialize, Serialize};
use std::ops::Range;
use std::path::Path;

/// An error in a weight file.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum WeightsError {
    /// The file does not have the format.
    #[error("not a weight file: {0}")]
    Format(String),
    /// The tensors do not fit the network.
    #[error(transparent)]
    Match(#[from] MatchError),
    /// A row of weights is shorter or longer than the one before.
    #[error("row {row} of «{name}» has {found} numbers, but the rows before have {expected}")]
    Ragged {
        /// The tensor's name.
        name: String,
        /// The row, from 1.
        row: usize,
        /// Its length.
        found: usize,
        /// The length of the rows before.
        expected: usize,
    },
    /// A tensor holds something other than floats.
    #[error("«{name}» holds {dtype}; a weight file holds float64, float32, float16 or bfloat16")]
    NotFloats {
        /// The tensor's name.
        name: String,
        /// The type of its numbers.
        dtype: String,
    },
    /// A number is NaN or infinite.
    #[error("«{name}» contains a number that is not finite")]
    NotFinite {
        /// The tensor's name.
        name: String,
    },
}

/// The formats of weight files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WeightFormat {
    /// JSON text.
    Json,
    /// The safetensors format.
    Safetensors,
}

impl WeightFormat {
    /// The format that a file's extension names, in upper or lower case.
    pub fn of(path: &Path) -> Option<Self> {
        let extension = path.extension()?;
        [("json", Self::Json), ("safetensors", Self::Safetensors)]
            .into_iter()
            .find(|(name, _)| extension.eq_ignore_ascii_case(name))
            .map(|(_, format)| format)
    }
}

/// The parameters read from a weight file.
#[derive(Debug, Clone, PartialEq)]
pub struct LoadedWeights {
    /// The flat parameters.
    pub values: Vec<f64>,
    /// How the file's tensors were assigned; `None` if they have this program's names.
    pub mapping: Option<TensorMapping>,
}

/// The maximum size in bytes of a weight file of a network with this many parameters. Larger than any file that this
/// module writes: a number takes at most 40 bytes of JSON, its indentation included, and 8 of safetensors.
pub fn max_file_bytes(parameters: usize) -> u64 {
    const OVERHEAD_BYTES: u64 = 1 << 20;
    const BYTES_PER_PARAMETER: u64 = 64;
    OVERHEAD_BYTES + BYTES_PER_PARAMETER * parameters as u64
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct JsonFile {
    format: String,
    layers: Vec<LayerWeights>,
}

const JSON_FORMAT: &str = "slowgrad-weights-1";

/// A tensor of a network: its name, its part of the flat parameters, and its shape.
pub(crate) struct NetworkTensor {
    pub(crate) name: String,
    pub(crate) range: Range<usize>,
    pub(crate) dims: Vec<usize>,
}

/// The tensors of a network in the order of the flat parameters.
pub(crate) fn tensors(shape: &Shape) -> impl Iterator<Item = NetworkTensor> {
    (0..shape.layers()).flat_map(|l| {
        let (rows, columns) = (shape.size(l), shape.fan_in(l));
        let tensor = |part: &str, range, dims| NetworkTensor { name: format!("{}.{part}", 2 * l), range, dims };
        let bias = shape.has_biases(l).then(|| tensor("bias", shape.biases(l), vec![rows]));
        std::iter::once(tensor("weight", shape.weights(l), vec![rows, columns])).chain(bias)
    })
}

/// The shapes of a network's tensors under this program's names.
pub(crate) fn wanted(shape: &Shape) -> Vec<TensorShape> {
    tensors(shape).map(|NetworkTensor { name, dims, .. }| TensorShape { name, dims }).collect()
}

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
/// [`WeightsError::Match`] for shapes that do not fit the network, [`WeightsError::Ragged`] for rows of different
/// lengths, [`WeightsError::NotFinite`] for NaN and infinities.
pub fn from_layers(shape: &Shape, layers: &[LayerWeights]) -> Result<Vec<f64>, WeightsError> {
    let mut found = Vec::with_capacity(2 * layers.len());
    for (l, layer) in layers.iter().enumerate() {
        let name = format!("{}.weight", 2 * l);
        let columns = layer.weight.first().map_or(0, Vec::len);
        if let Some((j, row)) = layer.weight.iter().enumerate().find(|(_, row)| row.len() != columns) {
            return Err(WeightsError::Ragged { name, row: j + 1, found: row.len(), expected: columns });
        }
        found.push(TensorShape { name, dims: vec![layer.weight.len(), columns] });
        if !layer.bias.is_empty() {
            found.push(TensorShape { name: format!("{}.bias", 2 * l), dims: vec![layer.bias.len()] });
        }
    }
    let wanted = wanted(shape);
    if found != wanted {
        return Err(MatchError::Shapes { found, wanted }.into());
    }
    let rows = |layer: &LayerWeights| [layer.weight.concat(), layer.bias.clone()].concat();
    let values: Vec<f64> = layers.iter().flat_map(rows).collect();
    check_finite(shape, &values)?;
    Ok(values)
}

/// Checks that all parameters are finite.
///
/// # Errors
/// [`WeightsError::NotFinite`] with the name of the first tensor that contains another number.
pub fn check_finite(shape: &Shape, values: &[f64]) -> Result<(), WeightsError> {
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
///
/// # Errors
/// [`WeightsError::NotFinite`] for NaN and infinities, which JSON does not have.
pub fn to_json(shape: &Shape, values: &[f64]) -> Result<String, WeightsError> {
    check_finite(shape, values)?;
    let file = JsonFile { format: JSON_FORMAT.into(), layers: to_layers(shape, values) };
    let mut text = serde_json::to_string_pretty(&file).map_err(|error| WeightsError::Format(error.to_string()))?;
    text.push('\n');
    Ok(text)
}

/// Writes flat parameters in a format.
///
/// # Errors
/// As for [`to_json`] and [`to_safetensors`].
pub fn write(format: WeightFormat, shape: &Shape, values: &[f64]) -> Result<Vec<u8>, WeightsError> {
    match format {
        WeightFormat::Json => to_json(shape, values).map(String::into_bytes),
        WeightFormat::Safetensors => to_safetensors(shape, values),
    }
}

/// Reads flat parameters in a format.
///
/// # Errors
/// As for [`from_json`] and [`from_safetensors`].
pub fn read(format: WeightFormat, shape: &Shape, bytes: &[u8]) -> Result<LoadedWeights, WeightsError> {
    match format {
        WeightFormat::Json => {
            let text = std::str::from_utf8(bytes).map_err(|error| WeightsError::Format(error.to_string()))?;
            from_json(shape, text).map(|values| LoadedWeights { values, mapping: None })
        }
        WeightFormat::Safetensors => from_safetensors(shape, bytes),
    }
}

/// Reads flat parameters from JSON. The text may start with a byte order mark.
///
/// # Errors
/// [`WeightsError::Format`] for text that is not such a file, otherwise as for [`from_layers`].
pub fn from_json(shape: &Shape, text: &str) -> Result<Vec<f64>, WeightsError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let file: JsonFile = serde_json::from_str(text).map_err(|error| WeightsError::Format(error.to_string()))?;
    if file.format != JSON_FORMAT {
        return Err(WeightsError::Format(format!("its format is «{}», not «{JSON_FORMAT}»", file.format)));
    }
    from_layers(shape, &file.layers)
}

/// The little-endian bytes of numbers.
pub(crate) fn to_bytes(values: &[f64]) -> Vec<u8> {
    values.iter().flat_map(|x| x.to_le_bytes()).collect()
}

/// The views of a network's tensors in the bytes of flat numbers, each under `prefix` and its own name.
pub(crate) fn views<'b>(
    shape: &Shape,
    bytes: &'b [u8],
    prefix: &str,
) -> Result<Vec<(String, TensorView<'b>)>, WeightsError> {
    let view = |NetworkTensor { name, range, dims }| {
        let view = TensorView::new(Dtype::F64, dims, &bytes[range.start * 8..range.end * 8]);
        Ok((format!("{prefix}{name}"), view.map_err(|error| WeightsError::Format(error.to_string()))?))
    };
    tensors(shape).map(view).collect()
}

/// Writes flat parameters as safetensors, in float64.
///
/// # Errors
/// [`WeightsError::NotFinite`] for NaN and infinities, [`WeightsError::Format`] if serialization fails.
pub fn to_safetensors(shape: &Shape, values: &[f64]) -> Result<Vec<u8>, WeightsError> {
    check_finite(shape, values)?;
    let bytes = to_bytes(values);
    safetensors::serialize(views(shape, &bytes, "")?, None).map_err(|error| WeightsError::Format(error.to_string()))
}

/// Reads flat parameters from safetensors in float64, float32, float16 or bfloat16. The tensors may have the names of
/// another program. The optimizer's state in a file of [`training_state`](crate::training_state) is ignored.
///
/// # Errors
/// [`WeightsError::Format`] for bytes that are not such a file, [`WeightsError::Match`] for tensors that do not fit the
/// network, [`WeightsError::NotFloats`] for tensors of integers, [`WeightsError::NotFinite`] for NaN and infinities.
pub fn from_safetensors(shape: &Shape, bytes: &[u8]) -> Result<LoadedWeights, WeightsError> {
    let file = SafeTensors::deserialize(bytes).map_err(|error| WeightsError::Format(error.to_string()))?;
    let mut found = Vec::new();
    let mut data = Vec::new();
    for (name, tensor) in file.iter().filter(|(name, _)| !name.starts_with(crate::training_state::STATE_PREFIX)) {
        found.push(TensorShape { name: name.to_owned(), dims: tensor.shape().to_vec() });
        data.push(tensor);
    }
    let assignment = tensor_match::assign(found, wanted(shape))?;
    let mut values = vec![0.0; shape.parameters()];
    for (NetworkTensor { name, range, dims }, &at) in tensors(shape).zip(&assignment.order) {
        let tensor = &data[at];
        let numbers = floats(tensor.dtype(), tensor.data());
        let numbers = numbers.ok_or_else(|| WeightsError::NotFloats { name, dtype: tensor.dtype().to_string() })?;
        match dims[..] {
            [rows, columns] if assignment.transposed => {
                let transposed = (0..rows).flat_map(|j| (0..columns).map(move |k| (j, k)));
                for (value, (j, k)) in values[range].iter_mut().zip(transposed) {
                    *value = numbers[k * rows + j];
                }
            }
            _ => values[range].copy_from_slice(&numbers),
        }
    }
    check_finite(shape, &values)?;
    Ok(LoadedWeights { values, mapping: assignment.mapping })
}

/// Converts little-endian floats exactly to f64; `None` for other types.
pub(crate) fn floats(dtype: Dtype, data: &[u8]) -> Option<Vec<f64>> {
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
