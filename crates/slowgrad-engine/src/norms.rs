//! The norms in an optimizer's context.

use crate::dense::dot;
use crate::shape::Shape;

/// Euclidean norms of a step's weights and of its gradient, the penalty's included.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Norms {
    /// Norm of the whole gradient.
    pub grad: f64,
    /// Norm of each layer's gradient, weights and biases together.
    pub layer_grad: Vec<f64>,
    /// Norm of each layer's weights, without the biases.
    pub layer_weight: Vec<f64>,
}

impl Norms {
    /// The norms of flat `values` and `grads`. Squares are summed within each layer in the order of the flat vector,
    /// then over the layers.
    pub fn of(shape: &Shape, values: &[f64], grads: &[f64]) -> Self {
        let mut norms = Self::default();
        norms.fill(shape, values, grads);
        norms
    }

    /// [`of`](Self::of) in place.
    pub(crate) fn fill(&mut self, shape: &Shape, values: &[f64], grads: &[f64]) {
        let squares = |numbers: &[f64]| if numbers.is_empty() { 0.0 } else { dot(numbers, numbers) };
        self.layer_grad.clear();
        self.layer_weight.clear();
        let mut sum = 0.0;
        for layer in 0..shape.layers() {
            let square = squares(&grads[shape.layer(layer)]);
            sum += square;
            self.layer_grad.push(square.sqrt());
            self.layer_weight.push(squares(&values[shape.weights(layer)]).sqrt());
        }
        self.grad = sum.sqrt();
    }
}
