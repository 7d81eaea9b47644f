//! The shape of a dense network, and the position of each parameter in the flat vector of parameters.
//!
//! The flat vector holds layer after layer, each with its weights as `weight[out][in]` and then its biases, if it has any.

use serde::{Deserialize, Serialize};
use std::ops::Range;

/// The numbers of neurons from the input to the output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shape {
    sizes: Vec<usize>,
    starts: Vec<usize>,
}

/// A part of a layer's parameters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LayerPart {
    /// All parameters.
    All,
    /// The weights.
    Weights,
    /// The biases.
    Biases,
}

impl LayerPart {
    /// In words.
    pub fn description(self) -> &'static str {
        match self {
            LayerPart::All => "the parameters",
            LayerPart::Weights => "the weights",
            LayerPart::Biases => "the biases",
        }
    }
}

/// A parameter, identified by its role in the network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Parameter {
    /// Layer, from 0 (the first after the input).
    pub layer: usize,
    /// Neuron in that layer, from 0.
    pub neuron: usize,
    /// The layer's input that the weight multiplies, from 0; `None` for the bias.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input: Option<usize>,
}

impl Shape {
    /// A network with `inputs` inputs and layers of these sizes, all with biases.
    pub fn new(inputs: usize, layers: &[usize]) -> Self {
        Self::with_biases(inputs, layers.iter().map(|&size| (size, true)))
    }

    /// A network with `inputs` inputs and layers, each given by its size and whether it has biases.
    pub fn with_biases(inputs: usize, layers: impl IntoIterator<Item = (usize, bool)>) -> Self {
        let (mut sizes, mut starts) = (vec![inputs], vec![0]);
        for (size, has_biases) in layers {
            let (fan_in, last) = (sizes[sizes.len() - 1], starts[starts.len() - 1]);
            // Saturates, so that a count that overflows stays huge and callers can refuse it.
            let of_neuron: usize = fan_in.saturating_add(usize::from(has_biases));
            starts.push(of_neuron.saturating_mul(size).saturating_add(last));
            sizes.push(size);
        }
        Self { sizes, starts }
    }

    /// Number of inputs of the network.
    pub fn inputs(&self) -> usize {
        self.sizes[0]
    }

    /// Number of outputs of the network.
    pub fn outputs(&self) -> usize {
        self.sizes[self.sizes.len() - 1]
    }

    /// Number of layers, without the input.
    pub fn layers(&self) -> usize {
        self.sizes.len() - 1
    }

    /// Number of inputs of a layer.
    pub fn fan_in(&self, layer: usize) -> usize {
        self.sizes[layer]
    }

    /// Number of neurons of a layer.
    pub fn size(&self, layer: usize) -> usize {
        self.sizes[layer + 1]
    }

    /// All sizes, the input's first.
    pub fn sizes(&self) -> &[usize] {
        &self.sizes
    }

    /// Number of parameters.
    pub fn parameters(&self) -> usize {
        self.starts[self.starts.len() - 1]
    }

    /// The range of the layer's parameters in the flat vector.
    pub fn layer(&self, layer: usize) -> Range<usize> {
        self.starts[layer]..self.starts[layer + 1]
    }

    /// The range of the layer's weights in the flat vector, `[out][in]`.
    pub fn weights(&self, layer: usize) -> Range<usize> {
        let start = self.starts[layer];
        start..start + self.size(layer) * self.fan_in(layer)
    }

    /// The range of the layer's biases in the flat vector; empty if the layer has none.
    pub fn biases(&self, layer: usize) -> Range<usize> {
        self.weights(layer).end..self.starts[layer + 1]
    }

    /// Whether the layer has biases.
    pub fn has_biases(&self, layer: usize) -> bool {
        !self.biases(layer).is_empty()
    }

    /// The range of a part of the layer's parameters in the flat vector.
    pub fn part(&self, layer: usize, part: LayerPart) -> Range<usize> {
        match part {
            LayerPart::All => self.layer(layer),
            LayerPart::Weights => self.weights(layer),
            LayerPart::Biases => self.biases(layer),
        }
    }

    /// The parameters of a neuron: its weights in order, then its bias if it has one.
    pub fn of_neuron(&self, layer: usize, neuron: usize) -> impl Iterator<Item = Parameter> + Clone + use<> {
        let bias = self.has_biases(layer).then_some(None);
        (0..self.fan_in(layer)).map(Some).chain(bias).map(move |input| Parameter { layer, neuron, input })
    }

    /// The flat index of a parameter, which the network must [have](Self::has).
    pub fn index(&self, parameter: Parameter) -> usize {
        debug_assert!(self.has(parameter), "{parameter:?}");
        let Parameter { layer, neuron, input } = parameter;
        match input {
            Some(input) => self.weights(layer).start + neuron * self.fan_in(layer) + input,
            None => self.biases(layer).start + neuron,
        }
    }

    /// Whether the network has this parameter.
    pub fn has(&self, parameter: Parameter) -> bool {
        let Parameter { layer, neuron, input } = parameter;
        self.has_neuron(layer, neuron)
            && input.map_or_else(|| self.has_biases(layer), |input| input < self.fan_in(layer))
    }

    /// Whether the network has this neuron.
    pub fn has_neuron(&self, layer: usize, neuron: usize) -> bool {
        layer < self.layers() && neuron < self.size(layer)
    }

    /// The parameter at a flat index.
    pub fn parameter(&self, index: usize) -> Parameter {
        let layer = self.starts.partition_point(|&start| start <= index) - 1;
        let offset = index - self.starts[layer];
        let (fan_in, weights) = (self.fan_in(layer), self.weights(layer).len());
        if offset < weights {
            Parameter { layer, neuron: offset / fan_in, input: Some(offset % fan_in) }
        } else {
            Parameter { layer, neuron: offset - weights, input: None }
        }
    }
}
