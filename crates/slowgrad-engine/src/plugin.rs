//! The functions that a lesson plugs into the network, and their controls.

use crate::shape::Shape;
use slowgrad_tape::Function;
use std::cell::RefCell;
use std::ops::Range;
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

/// An optimizer.
#[derive(Debug, Clone)]
pub struct Optimizer {
    /// Name and controls, including `lr`.
    pub info: PluginInfo,
    /// The fields of its state.
    pub state: Vec<StateField>,
    /// The functions that compute an update.
    pub rule: UpdateRule,
}

/// What an optimizer computes in one call. Each function ends with the inputs [`Optimizer::CONTEXT`] and the sliders other
/// than `lr`.
#[derive(Debug, Clone)]
pub enum UpdateRule {
    /// The update of one parameter. Inputs: w, grad, the state fields. Results: the new w, then the new state fields.
    Parameter {
        /// The rule for weights (`ctx.is_bias` is false).
        weights: SharedFunction,
        /// The rule for biases (`ctx.is_bias` is true).
        biases: SharedFunction,
    },
    /// The update of a whole layer, a function for each. Inputs: the layer's parameters, their gradients, the layer's
    /// numbers of each state field. Results: the new parameters, then the new numbers of each state field. Parameters are
    /// in the order of [`Shape::layer`].
    Layer(Vec<SharedFunction>),
}

impl UpdateRule {
    /// Whether both have the same functions.
    pub(crate) fn is_same(&self, other: &UpdateRule) -> bool {
        let same = |pair: (&SharedFunction, &SharedFunction)| Rc::ptr_eq(pair.0, pair.1);
        match (self, other) {
            (UpdateRule::Parameter { weights: a, biases: b }, UpdateRule::Parameter { weights: c, biases: d }) => {
                same((a, c)) && same((b, d))
            }
            (UpdateRule::Layer(a), UpdateRule::Layer(b)) => a.len() == b.len() && a.iter().zip(b).all(same),
            _ => false,
        }
    }
}

/// A field of an optimizer's state, with its numbers before the first step.
#[derive(Debug, Clone, PartialEq)]
pub struct StateField {
    /// The name by which scripts read it.
    pub name: String,
    /// Its initial numbers.
    pub initial: InitialState,
}

/// The numbers of a state field before the first step.
#[derive(Debug, Clone, PartialEq)]
pub enum InitialState {
    /// One number for each parameter, all of this value.
    PerParameter(f64),
    /// Any number of numbers for each layer, in the order of the layers.
    PerLayer(Vec<Vec<f64>>),
}

impl StateField {
    /// A field with one number for each parameter.
    pub fn per_parameter(name: impl Into<String>, initial: f64) -> Self {
        Self { name: name.into(), initial: InitialState::PerParameter(initial) }
    }

    /// Whether the field has one number for each parameter.
    pub fn is_per_parameter(&self) -> bool {
        matches!(self.initial, InitialState::PerParameter(_))
    }

    /// All initial numbers in a network with this number of parameters.
    pub(crate) fn initial_numbers(&self, parameters: usize) -> Vec<f64> {
        match &self.initial {
            InitialState::PerParameter(initial) => vec![*initial; parameters],
            InitialState::PerLayer(layers) => layers.concat(),
        }
    }

    /// The number of numbers in a network with this number of parameters.
    pub(crate) fn len(&self, parameters: usize) -> usize {
        match &self.initial {
            InitialState::PerParameter(_) => parameters,
            InitialState::PerLayer(layers) => layers.iter().map(Vec::len).sum(),
        }
    }

    /// The range of a layer's numbers within the field.
    pub fn layer(&self, shape: &Shape, layer: usize) -> Range<usize> {
        match &self.initial {
            InitialState::PerParameter(_) => shape.layer(layer),
            InitialState::PerLayer(layers) => {
                let start = layers[..layer].iter().map(Vec::len).sum();
                start..start + layers[layer].len()
            }
        }
    }

    /// Whether numbers of this field can become those of `other`: both have one for each parameter, or the same number
    /// for each layer.
    pub(crate) fn fits(&self, other: &StateField) -> bool {
        match (&self.initial, &other.initial) {
            (InitialState::PerParameter(_), InitialState::PerParameter(_)) => true,
            (InitialState::PerLayer(a), InitialState::PerLayer(b)) => a.iter().map(Vec::len).eq(b.iter().map(Vec::len)),
            _ => false,
        }
    }
}

impl Optimizer {
    /// The names of the context's inputs, in order: the learning rate, the step (from 1), the Euclidean norms of the
    /// whole gradient, of the layer's gradient and of the layer's weights, the layer (from 0) and the number of layers.
    pub const CONTEXT: [&'static str; 7] =
        ["lr", "step", "grad_norm", "layer_grad_norm", "layer_weight_norm", "layer", "layers"];

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
