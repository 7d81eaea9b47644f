//! Everything a person can do to a run that can be undone, as plain data. It must not know how a change is carried out.

use serde::{Deserialize, Serialize};
use slowgrad_engine::shape::Parameter;
use slowgrad_engine::spec::{ParamValue, PluginRef, SpecPatch};
use slowgrad_engine::structure::Reshape;
use slowgrad_script::PluginKind;
use slowgrad_timeline::scene::Target;
use std::sync::Arc;

/// Everything that is done to a run by hand, and can be undone. A session file holds these.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Change {
    /// Gives a parameter another value.
    Parameter { parameter: Parameter, value: f64 },
    /// Changes one number of a sample of the training data.
    Input { sample: usize, input: usize, value: f64 },
    /// Moves a control of a plugin; of activations those of these hidden layers, or of all that have it.
    Control {
        slot: Slot,
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        layers: Vec<usize>,
        control: String,
        value: ParamValue,
    },
    /// Changes plugins or controls.
    Patch(Box<SpecPatch>),
    /// Gives one layer another activation.
    Activation { layer: usize, plugin: PluginRef },
    /// Adds or removes a neuron or a layer; what stays keeps its numbers.
    Reshape(Reshape),
    /// Holds parameters fast, or lets them go.
    Freeze { parameters: Vec<Parameter>, is_frozen: bool },
    /// Moves discs; names all that stand elsewhere than they would by themselves.
    Arrange(Arrangement),
    /// Back to the initial weights, without any edits.
    Reset,
    /// The same lesson with the next seed.
    Reseed,
}

/// Discs that were moved by hand, and how far from where they would stand by themselves.
pub type Arrangement = Arc<[(Target, [f32; 2])]>;

/// A place that a plugin is plugged into.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Slot {
    /// The hidden layers' activation; choosing one gives it to all of them.
    Activation,
    /// The last layer's activation.
    Output,
    /// The loss.
    Loss,
    /// What is added to the loss for each weight; may be empty.
    Regularizer,
    /// The optimizer.
    Optimizer,
    /// What the learning rate is multiplied by; may be empty.
    Schedule,
    /// What initial weights are drawn by.
    Initializer,
    /// What makes the samples.
    Data,
}

impl Slot {
    /// All, in the order in which they are shown.
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

    /// What it is called in the window.
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

    /// The kind of plugin that fits.
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

    /// Whether a run has to start anew when something else is plugged in.
    pub fn is_beginning(self) -> bool {
        matches!(self, Slot::Initializer | Slot::Data)
    }

    /// The change that plugs a plugin in.
    pub fn patch(self, plugin: PluginRef) -> SpecPatch {
        let (mut patch, plugin) = (SpecPatch::default(), Some(plugin));
        *match self {
            Slot::Activation => &mut patch.activation,
            Slot::Output => &mut patch.output,
            Slot::Loss => &mut patch.loss,
            Slot::Regularizer => &mut patch.regularizer,
            Slot::Optimizer => &mut patch.optimizer,
            Slot::Schedule => &mut patch.schedule,
            Slot::Initializer => &mut patch.initializer,
            Slot::Data => &mut patch.data,
        } = plugin;
        patch
    }
}

/// The one thing in which a second run differs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Difference {
    pub slot: Slot,
    pub plugin: PluginRef,
}

impl Difference {
    /// Another plugin.
    pub fn plugin(slot: Slot, name: &str) -> Self {
        Self { slot, plugin: PluginRef::named(name) }
    }

    /// Another value of a slider of the same plugin.
    pub fn slider(slot: Slot, plugin: &str, control: &str, value: f64) -> Self {
        let mut other = Self::plugin(slot, plugin);
        other.plugin.params.insert(control.to_owned(), ParamValue::Number(value));
        other
    }
}
