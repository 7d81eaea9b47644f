//! The functions that a lesson plugs into the network, and their controls.

use slowgrad_tape::Function;
use std::cell::RefCell;
use std::rc::Rc;

/// A control of a plugin, which can be changed during training.
#[derive(Debug, Clone, PartialEq)]
pub struct Control {
    /// The name by which scripts read it.
    pub name: String,
    /// Its kind and current value.
    pub kind: ControlKind,
}

impl Control {
    /// The current value of a slider; `None` for other kinds.
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
    /// A number. Scripts read it as a traced value, so moving the slider needs no new trace.
    Slider {
        /// The current value.
        value: f64,
        /// The minimum.
        min: f64,
        /// The maximum.
        max: f64,
        /// Whether its scale is logarithmic.
        log: bool,
    },
    /// On or off. Scripts read it as a plain value.
    Toggle {
        /// The current value.
        value: bool,
    },
    /// One of several texts. Scripts read it as a plain value.
    Choice {
        /// The current value.
        value: String,
        /// All values that can be chosen.
        options: Vec<String>,
    },
}

/// The properties that all plugins share.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct PluginInfo {
    /// Its name, such as `tanh`.
    pub name: String,
    /// A description of one line.
    pub description: String,
    /// Its controls in the order of the script's `params`.
    pub controls: Vec<Control>,
}

impl PluginInfo {
    /// The slider values in order: the last inputs of a traced function.
    pub fn sliders(&self) -> Vec<f64> {
        self.each_slider().collect()
    }

    /// [`sliders`](Self::sliders) without an allocation.
    pub(crate) fn each_slider(&self) -> impl Iterator<Item = f64> {
        self.controls.iter().filter_map(Control::slider)
    }
}

/// A function with several owners on one thread.
pub type SharedFunction = Rc<RefCell<Function>>;

/// An activation. Inputs: z (one, or all of the layer's in whole-layer form), then the sliders. Results: a, as many as
/// z.
#[derive(Debug, Clone)]
pub struct Activation {
    /// Name and controls.
    pub info: PluginInfo,
    /// Whether it is in whole-layer form: computes all activations of a layer in one call, such as softmax.
    pub whole_layer: bool,
    /// The function. In whole-layer form its size is that of the layer.
    pub function: SharedFunction,
    /// The author's textbook derivative, as text.
    pub derivative_text: Option<String>,
}

/// A loss. Inputs: the outputs, the targets, then the sliders. Result: the loss of one sample.
#[derive(Debug, Clone)]
pub struct Loss {
    /// Name and controls.
    pub info: PluginInfo,
    /// The function.
    pub function: SharedFunction,
}

/// A regularizer. Inputs: one weight, then the sliders. Result: the penalty of that weight, which is added to the
/// objective.
#[derive(Debug, Clone)]
pub struct Regularizer {
    /// Name and controls.
    pub info: PluginInfo,
    /// The function.
    pub function: SharedFunction,
}

/// A schedule. Inputs: the step (from 1), then [`Schedule::CONTEXT`], then the sliders. Result: the factor of the
/// optimizer's learning rate.
#[derive(Debug, Clone)]
pub struct Schedule {
    /// Name and controls.
    pub info: PluginInfo,
    /// The function.
    pub function: SharedFunction,
}

impl Schedule {
    /// The names of the context's inputs, in order: the epoch (from 0) and the number of steps per epoch.
    pub const CONTEXT: [&'static str; 2] = ["epoch", "steps_per_epoch"];
}

/// An optimizer. Inputs: w, grad, the state fields, then [`Optimizer::CONTEXT`], then the sliders other than `lr`.
/// Results: the new w, then the new state fields.
#[derive(Debug, Clone)]
pub struct Optimizer {
    /// Name and controls, including `lr`.
    pub info: PluginInfo,
    /// The names and initial values of the state fields.
    pub state: Vec<(String, f64)>,
    /// The rule for weights (`ctx.is_bias` is false).
    pub weights: SharedFunction,
    /// The rule for biases (`ctx.is_bias` is true).
    pub biases: SharedFunction,
}

impl Optimizer {
    /// The names of the context's inputs, in order: the learning rate, the step (from 1), the Euclidean norms of the
    /// whole gradient, of the layer's gradient and of the layer's weights.
    pub const CONTEXT: [&'static str; 5] = ["lr", "step", "grad_norm", "layer_grad_norm", "layer_weight_norm"];

    /// The current value of the `lr` slider, before any schedule; 0 if there is none.
    pub fn learning_rate(&self) -> f64 {
        self.info.controls.iter().find(|control| control.name == "lr").and_then(Control::slider).unwrap_or(0.0)
    }

    /// The slider values other than `lr`, in order.
    pub fn other_sliders(&self) -> Vec<f64> {
        self.each_other_slider().collect()
    }

    /// [`other_sliders`](Self::other_sliders) without an allocation.
    pub(crate) fn each_other_slider(&self) -> impl Iterator<Item = f64> {
        self.info.controls.iter().filter(|control| control.name != "lr").filter_map(Control::slider)
    }
}
