//! The dense layer, once for a single sample and once for a batch.
//!
//! Every sum runs in index order and starts with a plain product: `z = w₀·x₀`, then one fused
//! multiply-add per further term. The batch kernels put their lanes across samples or across outputs,
//! never along a sum, so both forms give the same bits.
//!
//! A batch lies as rows of samples, `[feature][sample]`. Its three products (forward, back, gradient) are one kernel,
//! `product`; the gradients of layers with few inputs are sums of their own, `narrow`; `turn` makes columns of rows.

mod narrow;
mod product;
mod transpose;

pub use narrow::is_narrow;
pub use transpose::transpose;

use narrow::narrow_gradients;
use product::{Last, Sums, run};
use pulp::{Simd, WithSimd};
use slowgrad_tape::{dispatch, math};
#[cfg(target_arch = "x86_64")]
use std::sync::LazyLock;

/// `Σ aᵢ·bᵢ` in index order.
#[inline(always)]
pub fn dot(a: &[f64], b: &[f64]) -> f64 {
    let mut sum = a[0] * b[0];
    for i in 1..a.len() {
        sum = math::fma(a[i], b[i], sum);
    }
    sum
}

dispatch!(
    /// One sample through one layer: `z[j] = Σᵢ weight[j][i]·x[i] + bias[j]`.
    pub fn forward_one(weight: &[f64], bias: &[f64], x: &[f64], z: &mut [f64]) = forward_one_body
);

#[inline(always)]
fn forward_one_body(weight: &[f64], bias: &[f64], x: &[f64], z: &mut [f64]) {
    for (j, z) in z.iter_mut().enumerate() {
        *z = dot(&weight[j * x.len()..][..x.len()], x) + bias[j];
    }
}

dispatch!(
    /// One sample back through one layer: `grad_x[i] = Σⱼ weight[j][i]·delta[j]`.
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
    /// Adds one sample's share to the gradients: `weight[j][i] += delta[j]·x[i]`, `bias[j] += delta[j]`; the
    /// first sample sets them.
    pub fn gradient_one(delta: &[f64], x: &[f64], weight: &mut [f64], bias: &mut [f64], first: bool) = gradient_one_body
);

#[inline(always)]
fn gradient_one_body(delta: &[f64], x: &[f64], weight: &mut [f64], bias: &mut [f64], first: bool) {
    let n = x.len();
    for (j, &d) in delta.iter().enumerate() {
        let row = &mut weight[j * n..][..n];
        if first {
            bias[j] = d;
            for i in 0..n {
                row[i] = d * x[i];
            }
        } else {
            bias[j] += d;
            for i in 0..n {
                row[i] = math::fma(d, x[i], row[i]);
            }
        }
    }
}

/// Numbers as rows that begin `stride` apart.
#[derive(Debug, Clone, Copy)]
pub struct Matrix<'a> {
    /// Row by row; what lies between the rows has no meaning.
    pub numbers: &'a [f64],
    /// From the beginning of one row to the next.
    pub stride: usize,
}

/// Rows of a matrix in an order of their own; beyond the last one, that one again.
#[derive(Debug, Clone, Copy)]
pub struct Chosen<'a> {
    /// Where the rows come from.
    pub from: Matrix<'a>,
    /// Which ones; at least one.
    pub rows: &'a [usize],
}

/// What has rows.
pub trait Rows: Copy {
    /// Where all of them lie.
    fn numbers(&self) -> &[f64];
    /// Where one begins.
    fn start(&self, row: usize) -> usize;
}

impl Rows for Matrix<'_> {
    #[inline(always)]
    fn numbers(&self) -> &[f64] {
        self.numbers
    }

    #[inline(always)]
    fn start(&self, row: usize) -> usize {
        row * self.stride
    }
}

impl Rows for Chosen<'_> {
    #[inline(always)]
    fn numbers(&self) -> &[f64] {
        self.from.numbers
    }

    #[inline(always)]
    fn start(&self, row: usize) -> usize {
        self.from.start(self.rows[row.min(self.rows.len() - 1)])
    }
}

/// A matrix to be written.
#[derive(Debug)]
pub struct MatrixMut<'a> {
    /// Row by row; what lies between the rows has no meaning.
    pub numbers: &'a mut [f64],
    /// From the beginning of one row to the next.
    pub stride: usize,
}

/// Numbers from one row of samples to the next. The rows of few samples lie close together, so that the neurons of a
/// small layer fill vectors together; longer ones begin with a vector.
pub fn row_stride(samples: usize) -> usize {
    if samples <= FEW_SAMPLES { samples } else { samples.next_multiple_of(LONGEST) }
}

/// Numbers that must follow the last row of samples. Rows that lie close together are written from the first to the
/// last, each with what fills its last vector, which the row after it writes over.
pub const ROOM: usize = 2 * LONGEST;

/// Numbers of the longest vector.
const LONGEST: usize = 8;
/// So many samples fit into the sums that are held at once, however short the vectors are.
const FEW_SAMPLES: usize = 12;

/// The weights of a layer. Whoever has them knows how many there are of what, and dividing takes longer than a neuron.
#[derive(Debug, Clone, Copy)]
pub struct Weights<'a> {
    /// `[output][input]`.
    pub numbers: &'a [f64],
    /// Inputs of each neuron.
    pub inputs: usize,
    /// Neurons.
    pub outputs: usize,
}

/// A batch through one layer, by at most so many threads: `z[j][s] = Σᵢ weight[j][i]·x[i][s] + bias[j]`.
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
    let sums = Sums::<_, false> { a, terms: inputs, b: x, rows: outputs, lanes: samples };
    run(simd, &sums, z, Last::Add(bias), threads);
}

/// A batch back through one layer: `grad_x[i][s] = Σⱼ weight[j][i]·delta[j][s]`.
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
    let sums = Sums::<_, true> { a, terms: outputs, b: delta, rows: inputs, lanes: samples };
    run(simd, &sums, grad_x, Last::Keep, threads);
}

/// The mean gradients of a layer of so many inputs: `weight[j][i] = Σₛ delta[j][s]·x[i][s] / samples`.
/// `by_sample` is x as `[sample][feature]`; where there is none, it is made in `turned` for layers that are not narrow.
#[allow(clippy::too_many_arguments, reason = "the matrices of the product and where its results go")]
#[inline(always)]
pub fn gradient_batch<S: Simd>(
    simd: S,
    delta: Matrix<'_>,
    x: Matrix<'_>,
    by_sample: Option<Chosen<'_>>,
    turned: &mut Vec<f64>,
    weight: &mut [f64],
    bias: &mut [f64],
    inputs: usize,
    samples: usize,
    threads: usize,
) {
    if is_narrow(inputs) {
        return narrow_gradients(delta, x, weight, bias, inputs, samples);
    }
    let (a, rows, lanes, terms) = (delta, bias.len(), inputs, samples);
    let (out, last) = (MatrixMut { numbers: weight, stride: inputs }, Last::Divide(samples as f64));
    if let Some(b) = by_sample {
        run(simd, &Sums::<_, false> { a, terms, b, rows, lanes }, out, last, threads);
    } else {
        turned.resize(inputs * samples, 0.0);
        transpose(x, samples, turned, threads);
        let b = Matrix { numbers: turned, stride: inputs };
        run(simd, &Sums::<_, false> { a, terms, b, rows, lanes }, out, last, threads);
    }
    narrow_gradients(delta, Matrix { numbers: &[], stride: 0 }, &mut [], bias, 0, samples);
}

/// Runs work compiled for the vector unit in use. The products of layers are part of such work, so that there is one
/// choice for all layers of a network.
#[inline]
pub fn vectorize<W: WithSimd>(work: W) -> W::Output {
    #[cfg(target_arch = "x86_64")]
    {
        use pulp::x86::{V3, V4};
        use slowgrad_tape::isa::{self, Isa};
        // Asking the processor takes longer than a small layer.
        static WIDE: LazyLock<Option<V4>> = LazyLock::new(V4::try_new);
        static MIDDLE: LazyLock<Option<V3>> = LazyLock::new(V3::try_new);
        match (isa::current(), *WIDE, *MIDDLE) {
            (Isa::Avx512, Some(unit), _) => Simd::vectorize(unit, work),
            (Isa::Avx512 | Isa::Avx2, _, Some(unit)) => Simd::vectorize(unit, work),
            _ => Simd::vectorize(pulp::Scalar, work),
        }
    }
    #[cfg(not(target_arch = "x86_64"))]
    pulp::Arch::new().dispatch(work)
}
