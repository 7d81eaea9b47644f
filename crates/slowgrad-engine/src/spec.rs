//! The description of a lesson as plain data.
//!
//! The script crate fills it from a lesson file. This module must not know the script language.

use crate::io_names::IoNames;
use crate::shape::{LayerPart, Shape};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// A value for a plugin's control.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum ParamValue {
    /// The value of a slider.
    Number(f64),
    /// The value of a toggle.
    Bool(bool),
    /// The value of a choice.
    Text(String),
}

/// A plugin with the values that a lesson sets for its controls.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PluginRef {
    /// The plugin's name, such as `adam`.
    pub name: String,
    /// Values by the control's name. Other controls have their defaults.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub params: BTreeMap<String, ParamValue>,
}

impl PluginRef {
    /// The name that means no plugin where a plugin is optional.
    pub const NONE: &'static str = "none";

    /// A plugin with default values.
    pub fn named(name: impl Into<String>) -> Self {
        Self { name: name.into(), params: BTreeMap::new() }
    }

    /// The plugin; `None` if its name is [`PluginRef::NONE`].
    #[must_use]
    pub fn unless_none(self) -> Option<Self> {
        (self.name != Self::NONE).then_some(self)
    }
}

/// One dense layer.
#[derive(Debug, Clone, PartialEq)]
pub struct LayerSpec {
    /// Number of neurons.
    pub size: usize,
    /// Its activation.
    pub activation: PluginRef,
    /// Whether it has biases.
    pub bias: bool,
    /// Which of its parameters are frozen at the start, if any.
    pub frozen: Option<LayerPart>,
}

impl LayerSpec {
    /// A layer with biases, none of whose parameters are frozen.
    pub fn new(size: usize, activation: PluginRef) -> Self {
        Self { size, activation, bias: true, frozen: None }
    }
}

/// The source of the samples.
#[derive(Debug, Clone, PartialEq)]
pub enum DataSpec {
    /// A dataset plugin.
    Plugin(PluginRef),
    /// Samples in the lesson itself.
    Inline(Vec<Sample>),
    /// A table in a file and the columns to use.
    Table(TableSpec),
}

/// A table in a file, and how to read it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TableSpec {
    /// Path relative to the lesson's folder or to a datasets folder.
    pub path: String,
    /// The input columns; `None` for all that are no targets.
    pub inputs: Option<Vec<ColumnRef>>,
    /// The target columns.
    pub targets: Vec<ColumnRef>,
    /// Columns whose cells are words, even if they look like numbers or missing values.
    pub words: Vec<ColumnRef>,
    /// Whether each target is a class; `None` to decide by the table and the number of outputs.
    pub classes: Option<bool>,
    /// What to do with rows that have missing or unreadable values.
    pub missing: MissingValues,
    /// How to scale the inputs, if at all.
    pub scale: Option<Scale>,
    /// The byte between two cells of a text file; `None` to find it.
    pub separator: Option<u8>,
    /// Whether numbers have a decimal comma; `None` to find out.
    pub decimal_comma: Option<bool>,
    /// Whether the first row has the names of the columns; `None` to find out.
    pub header: Option<bool>,
    /// The sheet of an `.xlsx` file; `None` for the first one.
    pub sheet: Option<String>,
}

/// A column of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ColumnRef {
    /// By its name in the first row.
    Name(String),
    /// By its number, from 0.
    Number(usize),
}

/// What to do with missing and unreadable values of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum MissingValues {
    /// Report an error.
    #[default]
    Refuse,
    /// Drop the row.
    Drop,
    /// Replace an input by the mean over the training data, and drop rows without a target.
    Mean,
}

/// The scale of inputs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scale {
    /// Mean 0 and standard deviation 1.
    Standard,
    /// From 0 to 1.
    MinMax,
}

impl Default for DataSpec {
    fn default() -> Self {
        DataSpec::Inline(Vec::new())
    }
}

/// An input with its target.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// One number per input of the network.
    pub input: Vec<f64>,
    /// One number per output of the network.
    pub target: Vec<f64>,
}

/// The initial weights that a lesson gives.
#[derive(Debug, Clone, PartialEq)]
pub enum WeightsSpec {
    /// A weight file in the lesson's folder.
    File(String),
    /// Weights in the lesson itself, one entry per layer.
    Inline(Vec<LayerWeights>),
}

/// The parameters of one layer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LayerWeights {
    /// `weight[out][in]`.
    pub weight: Vec<Vec<f64>>,
    /// `bias[out]`; empty if the layer has no biases.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub bias: Vec<f64>,
}

/// The description of a whole lesson.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct LessonSpec {
    /// The title, shown in the title bar.
    pub title: String,
    /// Number of inputs.
    pub inputs: usize,
    /// The layers after the input; the last one is the output.
    pub layers: Vec<LayerSpec>,
    /// The loss.
    pub loss: PluginRef,
    /// The penalty on each weight, if any.
    pub regularizer: Option<PluginRef>,
    /// The optimizer.
    pub optimizer: PluginRef,
    /// The factor of the learning rate, if any.
    pub schedule: Option<PluginRef>,
    /// The initializer of the weights. Not used if `weights` is given.
    pub initializer: PluginRef,
    /// The source of the samples.
    pub data: DataSpec,
    /// The names of inputs and outputs that the lesson gives.
    pub io_names: IoNames,
    /// The fraction of the samples for testing, 0 to 1.
    pub test_fraction: f64,
    /// The amount of noise, an input of dataset plugins.
    pub noise: f64,
    /// The number of samples, an input of dataset plugins; their default if absent.
    pub count: Option<usize>,
    /// Samples per step.
    pub batch: usize,
    /// Whether each epoch has an order of its own.
    pub shuffle: bool,
    /// The seed of all random numbers.
    pub seed: u64,
    /// The initial weights, if the lesson gives them.
    pub weights: Option<WeightsSpec>,
    /// Whether recorded steps have the gradient of the loss with respect to each input.
    pub input_gradients: bool,
}

impl LessonSpec {
    /// The shape of the network.
    pub fn shape(&self) -> Shape {
        Shape::with_biases(self.inputs, self.layers.iter().map(|layer| (layer.size, layer.bias)))
    }

    /// The flat indices of the parameters that are frozen at the start.
    pub fn frozen(&self, shape: &Shape) -> BTreeSet<usize> {
        let parts = self.layers.iter().enumerate().filter_map(|(at, layer)| Some((at, layer.frozen?)));
        parts.flat_map(|(layer, part)| shape.part(layer, part)).collect()
    }
}

/// A change of a lesson's setup during training. Fields that are `None` or empty do not change.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SpecPatch {
    /// A new activation for the hidden layers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub activation: Option<PluginRef>,
    /// A new activation for the last layer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output: Option<PluginRef>,
    /// A new loss.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub loss: Option<PluginRef>,
    /// A new regularizer; [`PluginRef::NONE`] removes it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub regularizer: Option<PluginRef>,
    /// A new optimizer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub optimizer: Option<PluginRef>,
    /// A new schedule; [`PluginRef::NONE`] removes it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schedule: Option<PluginRef>,
    /// A new initializer, which replaces weights that the lesson gives. Requires a restart of the run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub initializer: Option<PluginRef>,
    /// A new dataset. Requires a restart of the run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data: Option<PluginRef>,
    /// A new number of samples per step.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub batch: Option<usize>,
    /// Values for controls by name, such as `lr`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub params: BTreeMap<String, ParamValue>,
}
