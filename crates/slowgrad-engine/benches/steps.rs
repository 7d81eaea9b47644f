//! The dense products and a recorded step: `cargo bench -p slowgrad-engine`. Full-speed training is measured by `cargo
//! bench -p slowgrad`.

#[path = "../tests/common/mod.rs"]
mod common;

use common::{descent, setup, softmax, tanh};
use divan::counter::ItemsCount;
use divan::{Bencher, black_box};
use pulp::{Simd, WithSimd};
use slowgrad_engine::dense::{self, Matrix, MatrixMut, Weights};
use slowgrad_engine::model::Model;
use slowgrad_engine::record::record;

fn main() {
    divan::main();
}

/// (neurons, inputs, samples) of layers in the smallest network, in the playground's and in classifiers.
const SHAPES: [(usize, usize, usize); 4] = [(4, 2, 10), (8, 8, 32), (64, 128, 64), (128, 784, 64)];

/// A layer's numbers, all of similar size.
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
        let rows = |features: usize| numbers(features * stride + dense::ROW_PADDING);
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

/// A multiplication with its addition counts as one item.
fn items((neurons, inputs, samples): (usize, usize, usize)) -> ItemsCount {
    ItemsCount::new(neurons * inputs * samples)
}

#[derive(Debug, Clone, Copy)]
enum Product {
    Forward,
    Backward,
    Gradients,
}

/// One of a layer's products, compiled for the vector unit.
struct ProductRun<'a> {
    layer: &'a mut Layer,
    transposed: &'a mut Vec<f64>,
    shape: (usize, usize, usize),
    product: Product,
}

impl WithSimd for ProductRun<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { layer: Layer { weight, bias, x, delta, out, grads, stride }, transposed, shape, product } = self;
        let (outputs, inputs, samples) = shape;
        let weight = Weights { numbers: weight, inputs, outputs };
        let (x, delta) = (Matrix { numbers: x, stride: *stride }, Matrix { numbers: delta, stride: *stride });
        let out = MatrixMut { numbers: black_box(out), stride: *stride };
        match product {
            Product::Forward => dense::forward_batch(simd, weight, bias, x, out, samples, 1),
            Product::Backward => dense::backward_batch(simd, weight, delta, out, samples, 1),
            Product::Gradients => {
                let (weight_grads, bias_grads) = black_box(grads).split_at_mut(outputs * inputs);
                dense::gradient_batch(simd, delta, x, None, transposed, weight_grads, bias_grads, inputs, samples, 1);
            }
        }
    }
}

fn measure(bencher: Bencher<'_, '_>, shape: (usize, usize, usize), product: Product) {
    let (mut layer, mut transposed) = (Layer::new(shape), Vec::new());
    bencher.counter(items(shape)).bench_local(|| {
        dense::vectorize(ProductRun { layer: &mut layer, transposed: &mut transposed, shape, product });
    });
}

#[divan::bench(args = SHAPES)]
fn forward(bencher: Bencher<'_, '_>, shape: (usize, usize, usize)) {
    measure(bencher, shape, Product::Forward);
}

#[divan::bench(args = SHAPES)]
fn backward(bencher: Bencher<'_, '_>, shape: (usize, usize, usize)) {
    measure(bencher, shape, Product::Backward);
}

#[divan::bench(args = SHAPES)]
fn gradients(bencher: Bencher<'_, '_>, shape: (usize, usize, usize)) {
    measure(bencher, shape, Product::Gradients);
}

/// A step recorded with everything that is needed to recompute its operations.
#[divan::bench(args = [&[2, 4, 2, 1][..], &[2, 8, 8, 8, 1], &[784, 128, 64, 10]])]
fn recorded_step(bencher: Bencher<'_, '_>, sizes: &[usize]) {
    let mut activations: Vec<_> = sizes[2..].iter().map(|_| tanh()).collect();
    activations.push(softmax(sizes[sizes.len() - 1]));
    let (setup, values) = setup(sizes, activations, descent(0.1, true), 64, 64);
    let model = Model::new(values, &setup.optimizer);
    bencher.bench_local(|| record(&setup, &model, 1).is_ok());
}
