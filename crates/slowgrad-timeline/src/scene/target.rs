//! The elements of a network that a mark, a link or a cue can refer to.
//!
//! It must not know positions or numbers.

use serde::{Deserialize, Serialize};
use slowgrad_engine::shape::{Parameter, Shape};

/// An element of the network, or the loss.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    /// An input of the network, from 0.
    Input(usize),
    /// A neuron.
    Neuron {
        /// Layer, from 0 (the first after the input).
        layer: usize,
        /// Neuron, from 0.
        neuron: usize,
    },
    /// A weight.
    Weight {
        /// Layer, from 0.
        layer: usize,
        /// The neuron the weight leads to.
        neuron: usize,
        /// The input of the layer that the weight multiplies.
        input: usize,
    },
    /// The bias of a neuron.
    Bias {
        /// Layer, from 0.
        layer: usize,
        /// Neuron, from 0.
        neuron: usize,
    },
    /// The loss.
    Loss,
}

impl Target {
    /// The disc that an input of a layer comes from: an input of the network for layer 0, otherwise a neuron of the
    /// layer before.
    pub fn layer_input(layer: usize, input: usize) -> Self {
        match layer.checked_sub(1) {
            None => Target::Input(input),
            Some(before) => Target::Neuron { layer: before, neuron: input },
        }
    }

    /// The parameter that the element is.
    pub fn parameter(self) -> Option<Parameter> {
        match self {
            Target::Weight { layer, neuron, input } => Some(Parameter { layer, neuron, input: Some(input) }),
            Target::Bias { layer, neuron } => Some(Parameter { layer, neuron, input: None }),
            Target::Input(_) | Target::Neuron { .. } | Target::Loss => None,
        }
    }

    /// Whether a network of this shape has the element. Every network has a loss.
    pub fn exists_in(self, shape: &Shape) -> bool {
        match self {
            Target::Input(input) => input < shape.inputs(),
            Target::Neuron { layer, neuron } => shape.has_neuron(layer, neuron),
            Target::Bias { layer, neuron } => shape.has(Parameter { layer, neuron, input: None }),
            Target::Weight { layer, neuron, input } => shape.has(Parameter { layer, neuron, input: Some(input) }),
            Target::Loss => true,
        }
    }
}

impl From<Parameter> for Target {
    fn from(Parameter { layer, neuron, input }: Parameter) -> Self {
        input.map_or(Target::Bias { layer, neuron }, |input| Target::Weight { layer, neuron, input })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_has_the_elements_of_its_shape_and_no_others() {
        let shape = Shape::new(2, &[3, 1]);
        let weight = |layer, neuron, input| Target::Weight { layer, neuron, input };
        let bias = |layer, neuron| Target::Bias { layer, neuron };
        let neuron = |layer, neuron| Target::Neuron { layer, neuron };
        for target in [Target::Input(1), neuron(0, 2), neuron(1, 0), weight(0, 2, 1), weight(1, 0, 2), bias(1, 0)] {
            assert!(target.exists_in(&shape), "{target:?}");
        }
        for target in [Target::Input(2), neuron(0, 3), neuron(2, 0), weight(0, 2, 2), weight(2, 0, 0), bias(1, 1)] {
            assert!(!target.exists_in(&shape), "{target:?}");
        }
        assert!(Target::Loss.exists_in(&shape));
        let without_biases = Shape::with_biases(2, [(3, false), (1, true)]);
        assert!(neuron(0, 2).exists_in(&without_biases) && weight(0, 2, 1).exists_in(&without_biases));
        assert!(!bias(0, 2).exists_in(&without_biases) && bias(1, 0).exists_in(&without_biases));
    }

    #[test]
    fn layers_take_their_inputs_from_the_network_or_from_the_layer_before() {
        assert_eq!(Target::layer_input(0, 1), Target::Input(1));
        assert_eq!(Target::layer_input(2, 1), Target::Neuron { layer: 1, neuron: 1 });
    }
}
