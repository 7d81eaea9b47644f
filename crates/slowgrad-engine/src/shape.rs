//! The shape of a dense network, and the position of each parameter in the flat vector of parameters.
//!
//! The flat vector holds layer after layer, each with its weights as `weight[out][in]` and then its biases.

use serde::{Deserialize, Serialize};
use std::ops::Range;

/// The numbers of neurons from the input to the output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shape {
    sizes: Vec<usize>,
    starts: Vec<usize>,
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
    /// A network with `inputs` inputs and layers of these sizes.
    pub fn new(inputs: usize, layers: &[usize]) -> Self {
        let mut sizes = vec![inputs];
        sizes.extend_from_slice(layers);
        let mut starts = vec![0];
        for pair in sizes.windows(2) {
            let last = starts[starts.len() - 1];
            // Saturates, so that a count that overflows stays huge and callers can refuse it.
            starts.push(pair[0].saturating_add(1).saturating_mul(pair[1]).saturating_add(last));
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

    /// The range of the layer's biases in the flat vector.
    pub fn biases(&self, layer: usize) -> Range<usize> {
        let end = self.starts[layer + 1];
        end - self.size(layer)..end
    }

    /// The flat index of a parameter.
    pub fn index(&self, parameter: Parameter) -> usize {
        let Parameter { layer, neuron, input } = parameter;
        match input {
            Some(input) => self.weights(layer).start + neuron * self.fan_in(layer) + input,
            None => self.biases(layer).start + neuron,
        }
    }

    /// Whether the network has this parameter.
    pub fn has(&self, parameter: Parameter) -> bool {
        let Parameter { layer, neuron, input } = parameter;
        layer < self.layers() && neuron < self.size(layer) && input.is_none_or(|input| input < self.fan_in(layer))
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
