//! What a lesson asks for, as plain data.
//!
//! The script crate fills this from a lesson file; nothing here knows how a script looks.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A value given to a plugin's control.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum ParamValue {
    /// For sliders.
    Number(f64),
    /// For toggles.
    Bool(bool),
    /// For choices.
    Text(String),
}

/// A plugin and the values that a lesson gives to its controls.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PluginRef {
    /// The plugin's name, such as `adam`.
    pub name: String,
    /// Values by control.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub params: BTreeMap<String, ParamValue>,
}

impl PluginRef {
    /// The name that stands for no plugin where a place may stay empty.
    pub const NONE: &'static str = "none";

    /// A plugin with its own default values.
    pub fn named(name: impl Into<String>) -> Self {
        Self { name: name.into(), params: BTreeMap::new() }
    }

    /// The plugin, or nothing when it has the name [`PluginRef::NONE`].
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
}

/// Where the samples come from.
#[derive(Debug, Clone, PartialEq)]
pub enum DataSpec {
    /// A dataset plugin.
    Plugin(PluginRef),
    /// Written in the lesson.
    Inline(Vec<Sample>),
    /// A CSV file: its path and which columns to use.
    Csv {
        /// Path below the lesson's folder or a datasets folder.
        path: String,
        /// Columns that are inputs.
        inputs: Vec<String>,
        /// The column to predict; text becomes one-hot classes in order of first appearance.
        target: String,
    },
}

impl Default for DataSpec {
    fn default() -> Self {
        DataSpec::Inline(Vec::new())
    }
}

/// One input with the output wanted for it.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// One number an input neuron.
    pub input: Vec<f64>,
    /// One number an output neuron.
    pub target: Vec<f64>,
}

/// Initial weights that a lesson names.
#[derive(Debug, Clone, PartialEq)]
pub enum WeightsSpec {
    /// A weight file below the lesson's folder.
    File(String),
    /// Written in the lesson: one entry a layer.
    Inline(Vec<LayerWeights>),
}

/// The parameters of one layer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LayerWeights {
    /// `weight[out][in]`.
    pub weight: Vec<Vec<f64>>,
    /// `bias[out]`.
    pub bias: Vec<f64>,
}

/// A whole lesson's set-up.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct LessonSpec {
    /// Shown in the title bar.
    pub title: String,
    /// Number of inputs.
    pub inputs: usize,
    /// The layers after the input, the last one is the output.
    pub layers: Vec<LayerSpec>,
    /// The loss.
    pub loss: PluginRef,
    /// What is added to the loss for each weight, if anything.
    pub regularizer: Option<PluginRef>,
    /// The optimizer.
    pub optimizer: PluginRef,
    /// What the learning rate is multiplied by from step to step, if by anything.
    pub schedule: Option<PluginRef>,
    /// Where initial weights come from when `weights` is not given.
    pub initializer: PluginRef,
    /// The samples.
    pub data: DataSpec,
    /// The part of the samples kept for testing, 0 to 1.
    pub test_fraction: f64,
    /// Handed to a dataset plugin.
    pub noise: f64,
    /// Handed to a dataset plugin; its own number when absent.
    pub count: Option<usize>,
    /// Samples a step.
    pub batch: usize,
    /// A new seeded order each epoch.
    pub shuffle: bool,
    /// Everything random comes from it.
    pub seed: u64,
    /// Initial weights.
    pub weights: Option<WeightsSpec>,
}

/// A change to a lesson's set-up while it runs; what is `None` or empty stays.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SpecPatch {
    /// Another activation for the hidden layers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub activation: Option<PluginRef>,
    /// Another activation for the last layer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output: Option<PluginRef>,
    /// Another loss.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub loss: Option<PluginRef>,
    /// Another regularizer; [`PluginRef::NONE`] takes it away.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub regularizer: Option<PluginRef>,
    /// Another optimizer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub optimizer: Option<PluginRef>,
    /// Another schedule; [`PluginRef::NONE`] takes it away.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schedule: Option<PluginRef>,
    /// Another initializer, in place of initial weights that the lesson gives; a run has to start anew with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub initializer: Option<PluginRef>,
    /// Another data set; a run has to start anew with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data: Option<PluginRef>,
    /// Another number of samples a step.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub batch: Option<usize>,
    /// Values for controls by name, such as `lr`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub params: BTreeMap<String, ParamValue>,
}
