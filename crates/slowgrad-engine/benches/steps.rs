//! The dense products and a recorded step: `cargo bench -p slowgrad-engine`. Training at full speed is measured beside
//! others by `cargo bench -p slowgrad`.

#[path = "../tests/common/mod.rs"]
mod common;

use common::{descent, setup, softmax, tanh};
use divan::counter::ItemsCount;
use divan::{Bencher, black_box};
use slowgrad_engine::dense::{self, Matrix, MatrixMut, Weights};
use slowgrad_engine::model::Model;
use slowgrad_engine::record::record;

fn main() {
    divan::main();
}

/// Neurons, inputs and samples: of the smallest network, of the playground's task, of a classifier.
const SHAPES: [(usize, usize, usize); 4] = [(4, 2, 10), (8, 8, 32), (64, 128, 64), (128, 784, 64)];

/// A layer's numbers, all of about the same size.
struct Layer {
    weight: Vec<f64>,
    bias: Vec<f64>,
    x: Vec<f64>,
    delta: Vec<f64>,
    out: Vec<f64>,
    grads: Vec<f64>,
    stride: usize,
}

impl Layer {
    fn new((neurons, inputs, samples): (usize, usize, usize)) -> Self {
        let numbers = |count: usize| (0..count).map(|at| (at as f64 * 0.618_034).fract() - 0.5).collect::<Vec<_>>();
        let stride = dense::row_stride(samples);
        let rows = |features: usize| numbers(features * stride + dense::ROOM);
        Self {
            weight: numbers(neurons * inputs),
            bias: numbers(neurons),
            x: rows(inputs),
            delta: rows(neurons),
            out: rows(neurons.max(inputs)),
            grads: numbers(neurons * (inputs + 1)),
            stride,
        }
    }
}

/// One multiplication and one addition for each weight and sample count as one item.
fn items((neurons, inputs, samples): (usize, usize, usize)) -> ItemsCount {
    ItemsCount::new(neurons * inputs * samples)
}

fn weights(numbers: &[f64], (outputs, inputs, _): (usize, usize, usize)) -> Weights<'_> {
    Weights { numbers, inputs, outputs }
}

#[divan::bench(args = SHAPES)]
fn forward(bencher: Bencher<'_, '_>, shape: (usize, usize, usize)) {
    let Layer { weight, bias, x, mut out, stride, .. } = Layer::new(shape);
    bencher.counter(items(shape)).bench_local(|| {
        let z = MatrixMut { numbers: black_box(&mut out), stride };
        dense::forward_batch(weights(&weight, shape), &bias, Matrix { numbers: &x, stride }, z, shape.2, 1);
    });
}

#[divan::bench(args = SHAPES)]
fn backward(bencher: Bencher<'_, '_>, shape: (usize, usize, usize)) {
    let Layer { weight, delta, mut out, stride, .. } = Layer::new(shape);
    bencher.counter(items(shape)).bench_local(|| {
        let below = MatrixMut { numbers: black_box(&mut out), stride };
        dense::backward_batch(weights(&weight, shape), Matrix { numbers: &delta, stride }, below, shape.2, 1);
    });
}

#[divan::bench(args = SHAPES)]
fn gradients(bencher: Bencher<'_, '_>, shape: (usize, usize, usize)) {
    let Layer { x, delta, mut grads, stride, .. } = Layer::new(shape);
    let (delta, x) = (Matrix { numbers: &delta, stride }, Matrix { numbers: &x, stride });
    let mut turned = Vec::new();
    bencher.counter(items(shape)).bench_local(|| {
        let (of_weights, of_biases) = black_box(&mut grads).split_at_mut(shape.0 * shape.1);
        dense::gradient_batch(delta, x, None, &mut turned, of_weights, of_biases, shape.1, shape.2, 1);
    });
}

/// A step with everything that is needed to compute any of its operations again.
#[divan::bench(args = [&[2, 4, 2, 1][..], &[2, 8, 8, 8, 1], &[784, 128, 64, 10]])]
fn recorded_step(bencher: Bencher<'_, '_>, sizes: &[usize]) {
    let mut activations: Vec<_> = sizes[2..].iter().map(|_| tanh()).collect();
    activations.push(softmax(sizes[sizes.len() - 1]));
    let (setup, values) = setup(sizes, activations, descent(0.1, true), 64, 64);
    let model = Model::new(values, &setup.optimizer);
    bencher.bench_local(|| record(&setup, &model, 1).is_ok());
}
