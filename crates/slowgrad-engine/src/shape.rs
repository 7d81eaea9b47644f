//! The shape of a dense network and where each parameter lies in the flat vector of parameters.
//!
//! Layer by layer, first the weights as `weight[out][in]`, then the biases.

use serde::{Deserialize, Serialize};
use std::ops::Range;

/// Numbers of neurons, from the input to the output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shape {
    sizes: Vec<usize>,
    starts: Vec<usize>,
}

/// A parameter by its meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Parameter {
    /// Layer, from 0 (the first after the input).
    pub layer: usize,
    /// Neuron it belongs to, from 0.
    pub neuron: usize,
    /// The input of the layer it weighs, or `None` for the bias.
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
            // A count beyond all bounds stays beyond all bounds, for whoever refuses it.
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

    /// Number of layers after the input.
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

    /// All sizes, the input first.
    pub fn sizes(&self) -> &[usize] {
        &self.sizes
    }

    /// Number of parameters.
    pub fn parameters(&self) -> usize {
        self.starts[self.starts.len() - 1]
    }

    /// The layer's parameters in the flat vector.
    pub fn layer(&self, layer: usize) -> Range<usize> {
        self.starts[layer]..self.starts[layer + 1]
    }

    /// The layer's weights in the flat vector, `[out][in]`.
    pub fn weights(&self, layer: usize) -> Range<usize> {
        let start = self.starts[layer];
        start..start + self.size(layer) * self.fan_in(layer)
    }

    /// The layer's biases in the flat vector.
    pub fn biases(&self, layer: usize) -> Range<usize> {
        let end = self.starts[layer + 1];
        end - self.size(layer)..end
    }

    /// Where a parameter lies in the flat vector.
    pub fn index(&self, parameter: Parameter) -> usize {
        let Parameter { layer, neuron, input } = parameter;
        match input {
            Some(input) => self.weights(layer).start + neuron * self.fan_in(layer) + input,
            None => self.biases(layer).start + neuron,
        }
    }

    /// Whether there is such a parameter.
    pub fn has(&self, parameter: Parameter) -> bool {
        let Parameter { layer, neuron, input } = parameter;
        layer < self.layers() && neuron < self.size(layer) && input.is_none_or(|input| input < self.fan_in(layer))
    }

    /// Which parameter lies at an index of the flat vector.
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
