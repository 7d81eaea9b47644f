//! The changes that a viewer makes to a run and can undo, as plain data. It must not know how a change is applied.

use serde::{Deserialize, Serialize};
use slowgrad_engine::shape::{LayerPart, Parameter};
use slowgrad_engine::spec::{ParamValue, PluginRef, SpecPatch};
use slowgrad_engine::structure::Reshape;
use slowgrad_script::PluginKind;
use slowgrad_timeline::scene::Target;
use std::sync::Arc;

/// A change that a viewer makes to a run and can undo. Session files store these.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Change {
    /// Sets a parameter.
    Parameter {
        /// The weight or bias.
        parameter: Parameter,
        /// Its new value.
        value: f64,
    },
    /// Sets one input of a training sample.
    Input {
        /// The sample in the training data, from 0.
        sample: usize,
        /// The input, from 0.
        input: usize,
        /// Its new value.
        value: f64,
    },
    /// Sets a control of a plugin.
    Control {
        /// The slot of the plugin.
        slot: Slot,
        /// For activations, the hidden layers concerned, from 0; empty for all layers that have the control.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        layers: Vec<usize>,
        /// The name of the control.
        control: String,
        /// Its new value.
        value: ParamValue,
    },
    /// Changes plugins or controls.
    Patch(Box<SpecPatch>),
    /// Changes the activation of one layer.
    Activation {
        /// The layer, from 0.
        layer: usize,
        /// The new activation.
        plugin: PluginRef,
    },
    /// Adds or removes a neuron or a layer; all other parameters keep their values.
    Reshape(Reshape),
    /// Freezes or unfreezes parameters.
    Freeze {
        /// The weights and biases.
        parameters: Vec<Parameter>,
        /// Whether they are frozen from now on.
        #[serde(rename = "is_frozen")]
        frozen: bool,
    },
    /// Freezes or unfreezes parameters of a layer.
    FreezeLayer {
        /// The layer, from 0.
        layer: usize,
        /// Which of its parameters.
        part: LayerPart,
        /// Whether they are frozen from now on.
        #[serde(rename = "is_frozen")]
        frozen: bool,
    },
    /// Moves discs: replaces the positions of all discs that were moved by hand.
    Arrange(Arrangement),
    /// Returns to the initial weights and drops all edits.
    Reset,
    /// Restarts the lesson with the next seed.
    Reseed,
}

impl Change {
    /// Whether the change starts a new run of the lesson.
    pub fn starts_new_run(&self) -> bool {
        match self {
            Change::Control { slot, .. } => slot.starts_new_run(),
            Change::Patch(patch) => patch.initializer.is_some() || patch.data.is_some(),
            _ => false,
        }
    }
}

/// The discs that were moved by hand, with their offsets from the automatic layout, in world units.
pub type Arrangement = Arc<[(Target, [f32; 2])]>;

/// The role of a plugin in a lesson.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Slot {
    /// The activation of the hidden layers; a choice applies to all of them.
    Activation,
    /// The activation of the last layer.
    Output,
    /// The loss.
    Loss,
    /// The penalty that is added to the loss for each weight; may be empty.
    Regularizer,
    /// The optimizer.
    Optimizer,
    /// The factor of the learning rate in each step; may be empty.
    Schedule,
    /// The distribution of the initial weights.
    Initializer,
    /// The source of the samples.
    Data,
}

impl Slot {
    /// All slots, in the order in which they are shown.
    pub const ALL: [Slot; 8] = [
        Slot::Data,
        Slot::Activation,
        Slot::Output,
        Slot::Loss,
        Slot::Regularizer,
        Slot::Optimizer,
        Slot::Schedule,
        Slot::Initializer,
    ];

    /// The name in the interface.
    pub fn name(self) -> &'static str {
        match self {
            Slot::Activation => "activation",
            Slot::Output => "output",
            Slot::Loss => "loss",
            Slot::Regularizer => "regularizer",
            Slot::Optimizer => "optimizer",
            Slot::Schedule => "schedule",
            Slot::Initializer => "initializer",
            Slot::Data => "data",
        }
    }

    /// The kind of plugin that fits in this slot.
    pub fn kind(self) -> PluginKind {
        match self {
            Slot::Activation | Slot::Output => PluginKind::Activation,
            Slot::Loss => PluginKind::Loss,
            Slot::Regularizer => PluginKind::Regularizer,
            Slot::Optimizer => PluginKind::Optimizer,
            Slot::Schedule => PluginKind::Schedule,
            Slot::Initializer => PluginKind::Initializer,
            Slot::Data => PluginKind::Dataset,
        }
    }

    /// Whether a change of the plugin restarts the run.
    pub fn starts_new_run(self) -> bool {
        matches!(self, Slot::Initializer | Slot::Data)
    }

    /// The patch that puts a plugin into this slot.
    pub fn patch(self, plugin: PluginRef) -> SpecPatch {
        let mut patch = SpecPatch::default();
        self.plug(&mut patch, plugin);
        patch
    }

    /// Adds to a patch that a plugin is put into this slot.
    pub fn plug(self, patch: &mut SpecPatch, plugin: PluginRef) {
        *match self {
            Slot::Activation => &mut patch.activation,
            Slot::Output => &mut patch.output,
            Slot::Loss => &mut patch.loss,
            Slot::Regularizer => &mut patch.regularizer,
            Slot::Optimizer => &mut patch.optimizer,
            Slot::Schedule => &mut patch.schedule,
            Slot::Initializer => &mut patch.initializer,
            Slot::Data => &mut patch.data,
        } = Some(plugin);
    }
}

/// The one setting in which the second run of a comparison differs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Difference {
    /// The slot that differs.
    pub slot: Slot,
    /// The plugin of the second run, with the controls that differ.
    pub plugin: PluginRef,
}

impl Difference {
    /// A comparison with another plugin.
    pub fn plugin(slot: Slot, name: &str) -> Self {
        Self { slot, plugin: PluginRef::named(name) }
    }

    /// A comparison with another value of a slider of the same plugin.
    pub fn slider(slot: Slot, plugin: &str, control: &str, value: f64) -> Self {
        let mut other = Self::plugin(slot, plugin);
        other.plugin.params.insert(control.to_owned(), ParamValue::Number(value));
        other
    }
}
