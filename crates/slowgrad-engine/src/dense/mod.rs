//! The dense layer, once for a single sample and once for a batch.
//!
//! Every sum runs in index order and starts with a plain product: `z = w₀·x₀`, then one fused multiply-add for each
//! further term. The batch kernels place their lanes across samples or across outputs, never along a sum, so both forms
//! give the same bits.
//!
//! A batch is stored as rows of samples, `[feature][sample]`. Its three products (forward, backward, gradient) share
//! one kernel, `product`; `narrow` sums the gradients of layers with few inputs; `transpose` turns rows into columns.

mod matrix;
mod narrow;
mod product;
mod transpose;
mod vectorize;

pub use matrix::{Matrix, MatrixMut, ROW_PADDING, Rows, SelectedRows, Weights, row_stride};
pub use narrow::is_narrow;
pub use transpose::transpose;
pub use vectorize::vectorize;

use narrow::narrow_gradients;
use product::{Epilogue, MatrixProduct, run};
use pulp::Simd;
use slowgrad_tape::{dispatch, math};

/// `Σ aᵢ·bᵢ` in index order, for slices of the same length, at least 1.
#[inline(always)]
pub fn dot(a: &[f64], b: &[f64]) -> f64 {
    let mut sum = a[0] * b[0];
    for i in 1..a.len() {
        sum = math::fma(a[i], b[i], sum);
    }
    sum
}

dispatch!(
    /// One sample forward through one layer: `z[j] = Σᵢ weight[j][i]·x[i] + bias[j]`. Without biases, `bias` is empty.
    pub fn forward_one(weight: &[f64], bias: &[f64], x: &[f64], z: &mut [f64]) = forward_one_body
);

#[inline(always)]
fn forward_one_body(weight: &[f64], bias: &[f64], x: &[f64], z: &mut [f64]) {
    for (j, z) in z.iter_mut().enumerate() {
        let sum = dot(&weight[j * x.len()..][..x.len()], x);
        *z = bias.get(j).map_or(sum, |bias| sum + bias);
    }
}

dispatch!(
    /// One sample backward through one layer: `grad_x[i] = Σⱼ weight[j][i]·delta[j]`.
    pub fn backward_one(weight: &[f64], delta: &[f64], grad_x: &mut [f64]) = backward_one_body
);

#[inline(always)]
fn backward_one_body(weight: &[f64], delta: &[f64], grad_x: &mut [f64]) {
    let n = grad_x.len();
    for (j, &d) in delta.iter().enumerate() {
        let row = &weight[j * n..][..n];
        if j == 0 {
            for i in 0..n {
                grad_x[i] = row[i] * d;
            }
        } else {
            for i in 0..n {
                grad_x[i] = math::fma(row[i], d, grad_x[i]);
            }
        }
    }
}

dispatch!(
    /// Adds one sample's contribution to the gradients: `weight[j][i] += delta[j]·x[i]`, `bias[j] += delta[j]`. For the
    /// `first` sample, sets them. Without biases, `bias` is empty.
    pub fn gradient_one(delta: &[f64], x: &[f64], weight: &mut [f64], bias: &mut [f64], first: bool) = gradient_one_body
);

#[inline(always)]
fn gradient_one_body(delta: &[f64], x: &[f64], weight: &mut [f64], bias: &mut [f64], first: bool) {
    let n = x.len();
    for (j, &d) in delta.iter().enumerate() {
        let row = &mut weight[j * n..][..n];
        if let Some(bias) = bias.get_mut(j) {
            *bias = if first { d } else { *bias + d };
        }
        if first {
            for i in 0..n {
                row[i] = d * x[i];
            }
        } else {
            for i in 0..n {
                row[i] = math::fma(d, x[i], row[i]);
            }
        }
    }
}

/// A batch forward through one layer, on at most `threads` threads: `z[j][s] = Σᵢ weight[j][i]·x[i][s] + bias[j]`.
/// Without biases, `bias` is empty.
#[inline(always)]
pub fn forward_batch<S: Simd>(
    simd: S,
    weight: Weights<'_>,
    bias: &[f64],
    x: Matrix<'_>,
    z: MatrixMut<'_>,
    samples: usize,
    threads: usize,
) {
    let Weights { numbers: a, inputs, outputs } = weight;
    let a = Matrix { numbers: a, stride: inputs };
    let product = MatrixProduct::<_, false> { a, terms: inputs, b: x, rows: outputs, lanes: samples };
    let epilogue = if bias.is_empty() { Epilogue::Keep } else { Epilogue::Add(bias) };
    run(simd, &product, z, epilogue, threads);
}

/// A batch backward through one layer: `grad_x[i][s] = Σⱼ weight[j][i]·delta[j][s]`.
#[inline(always)]
pub fn backward_batch<S: Simd>(
    simd: S,
    weight: Weights<'_>,
    delta: Matrix<'_>,
    grad_x: MatrixMut<'_>,
    samples: usize,
    threads: usize,
) {
    let Weights { numbers: a, inputs, outputs } = weight;
    let a = Matrix { numbers: a, stride: inputs };
    let product = MatrixProduct::<_, true> { a, terms: outputs, b: delta, rows: inputs, lanes: samples };
    run(simd, &product, grad_x, Epilogue::Keep, threads);
}

/// The mean gradients of a layer: `weight[j][i] = Σₛ delta[j][s]·x[i][s] / samples`, `bias[j] = Σₛ delta[j][s] /
/// samples`. Without biases, `bias` is empty.
///
/// `by_sample` is x as `[sample][feature]`. If it is not given and the layer is not [narrow](is_narrow), x is
/// transposed into `transposed`.
#[allow(clippy::too_many_arguments, reason = "the matrices of the product and where its results go")]
#[inline(always)]
pub fn gradient_batch<S: Simd>(
    simd: S,
    delta: Matrix<'_>,
    x: Matrix<'_>,
    by_sample: Option<SelectedRows<'_>>,
    transposed: &mut Vec<f64>,
    weight: &mut [f64],
    bias: &mut [f64],
    inputs: usize,
    samples: usize,
    threads: usize,
) {
    let rows = weight.len() / inputs;
    if is_narrow(inputs) {
        return narrow_gradients(delta, x, weight, bias, inputs, rows, samples);
    }
    let (a, lanes, terms) = (delta, inputs, samples);
    let (out, epilogue) = (MatrixMut { numbers: weight, stride: inputs }, Epilogue::Divide(samples as f64));
    if let Some(b) = by_sample {
        run(simd, &MatrixProduct::<_, false> { a, terms, b, rows, lanes }, out, epilogue, threads);
    } else {
        transposed.resize(inputs * samples, 0.0);
        transpose(x, samples, transposed, threads);
        let b = Matrix { numbers: transposed, stride: inputs };
        run(simd, &MatrixProduct::<_, false> { a, terms, b, rows, lanes }, out, epilogue, threads);
    }
    let neurons = bias.len();
    narrow_gradients(delta, Matrix { numbers: &[], stride: 0 }, &mut [], bias, 0, neurons, samples);
}
