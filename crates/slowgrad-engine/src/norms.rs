//! The norms that an optimizer's context offers.

use crate::dense::dot;
use crate::shape::Shape;

/// Euclidean norms of a step's weights and of its gradient, the regularizer's share included.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Norms {
    /// Of the whole gradient.
    pub grad: f64,
    /// Of each layer's gradient, weights and biases together.
    pub layer_grad: Vec<f64>,
    /// Of each layer's weights, without the biases.
    pub layer_weight: Vec<f64>,
}

impl Norms {
    /// Each layer's squares are summed in the order of the flat vector; the whole is the sum over the layers.
    pub fn of(shape: &Shape, values: &[f64], grads: &[f64]) -> Self {
        let squares = |numbers: &[f64]| if numbers.is_empty() { 0.0 } else { dot(numbers, numbers) };
        let layers = 0..shape.layers();
        let grad: Vec<f64> = layers.clone().map(|layer| squares(&grads[shape.layer(layer)])).collect();
        Self {
            grad: grad.iter().sum::<f64>().sqrt(),
            layer_grad: grad.iter().map(|square| square.sqrt()).collect(),
            layer_weight: layers.map(|layer| squares(&values[shape.weights(layer)]).sqrt()).collect(),
        }
    }
}
