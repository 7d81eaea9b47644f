//! The functions that a lesson plugs into the network, with their controls.

use slowgrad_tape::Function;
use std::cell::RefCell;
use std::rc::Rc;

/// A live control of a plugin.
#[derive(Debug, Clone, PartialEq)]
pub struct Control {
    /// The name that scripts read it by.
    pub name: String,
    /// What it is and where it stands.
    pub kind: ControlKind,
}

impl Control {
    /// Where it stands, when it is a slider.
    pub fn slider(&self) -> Option<f64> {
        match self.kind {
            ControlKind::Slider { value, .. } => Some(value),
            _ => None,
        }
    }
}

/// The kinds of controls.
#[derive(Debug, Clone, PartialEq)]
pub enum ControlKind {
    /// A number; scripts see it as a traced value, so that moving it traces nothing anew.
    Slider {
        /// Where it stands.
        value: f64,
        /// Least.
        min: f64,
        /// Most.
        max: f64,
        /// Whether it moves by ratios.
        log: bool,
    },
    /// On or off, a plain value to scripts.
    Toggle {
        /// Where it stands.
        value: bool,
    },
    /// One of several words, a plain value to scripts.
    Choice {
        /// Where it stands.
        value: String,
        /// All of them.
        options: Vec<String>,
    },
}

/// What every plugin has.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct PluginInfo {
    /// Its name, such as `tanh`.
    pub name: String,
    /// One line about it.
    pub description: String,
    /// Its controls in the order of its `params`.
    pub controls: Vec<Control>,
}

impl PluginInfo {
    /// The slider values in order: the inputs that a traced function gets after its own.
    pub fn sliders(&self) -> Vec<f64> {
        self.each_slider().collect()
    }

    /// The same one after the other, without a list.
    pub(crate) fn each_slider(&self) -> impl Iterator<Item = f64> {
        self.controls.iter().filter_map(Control::slider)
    }
}

/// A function that several owners call in turn.
pub type Shared = Rc<RefCell<Function>>;

/// An activation. Inputs: z (one, or the layer's whole vector in the layer form), then the sliders.
#[derive(Debug, Clone)]
pub struct Activation {
    /// Name and controls.
    pub info: PluginInfo,
    /// Whether it takes the layer's whole vector.
    pub whole_layer: bool,
    /// The function; in the layer form its size is that of the layer.
    pub function: Shared,
    /// The author's textbook derivative, as text.
    pub derivative_text: Option<String>,
}

/// A loss. Inputs: the outputs, the targets, then the sliders; one result.
#[derive(Debug, Clone)]
pub struct Loss {
    /// Name and controls.
    pub info: PluginInfo,
    /// The function.
    pub function: Shared,
}

/// A regularizer. Inputs: one weight, then the sliders; one result, which is added to the loss for each weight.
#[derive(Debug, Clone)]
pub struct Regularizer {
    /// Name and controls.
    pub info: PluginInfo,
    /// The function.
    pub function: Shared,
}

/// A schedule. Inputs: the step (from 1), then [`Schedule::CONTEXT`], then the sliders; one result, by which the
/// optimizer's learning rate is multiplied.
#[derive(Debug, Clone)]
pub struct Schedule {
    /// Name and controls.
    pub info: PluginInfo,
    /// The function.
    pub function: Shared,
}

impl Schedule {
    /// The part of the context that the engine provides, in the order of the function's inputs: the epoch (from
    /// 0) and the number of steps in each.
    pub const CONTEXT: [&'static str; 2] = ["epoch", "steps_per_epoch"];
}

/// An optimizer. Inputs: w, grad, the state fields, then [`Optimizer::CONTEXT`], then the sliders other than `lr`.
/// Results: the new w, then the new state fields.
#[derive(Debug, Clone)]
pub struct Optimizer {
    /// Name and controls; `lr` is always among them.
    pub info: PluginInfo,
    /// State fields with their initial values.
    pub state: Vec<(String, f64)>,
    /// The rule for weights (`ctx.is_bias` is false).
    pub weights: Shared,
    /// The rule for biases (`ctx.is_bias` is true).
    pub biases: Shared,
}

impl Optimizer {
    /// The part of the context that the engine provides, in the order of the function's inputs.
    pub const CONTEXT: [&'static str; 5] = ["lr", "step", "grad_norm", "layer_grad_norm", "layer_weight_norm"];

    /// The learning rate's present value, before any schedule.
    pub fn learning_rate(&self) -> f64 {
        self.info.controls.iter().find(|control| control.name == "lr").and_then(Control::slider).unwrap_or(0.0)
    }

    /// The slider values other than `lr`, in order.
    pub fn other_sliders(&self) -> Vec<f64> {
        self.each_other_slider().collect()
    }

    /// The same one after the other, without a list.
    pub(crate) fn each_other_slider(&self) -> impl Iterator<Item = f64> {
        self.info.controls.iter().filter(|control| control.name != "lr").filter_map(Control::slider)
    }
}
