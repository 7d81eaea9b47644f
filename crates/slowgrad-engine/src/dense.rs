//! The dense layer, once for a single sample and once for a batch.
//!
//! Every sum runs in index order and starts with a plain product: `z = w₀·x₀`, then one fused
//! multiply-add per further term. The batch kernels put their lanes across samples or across outputs,
//! never along a sum, so both forms give the same bits.
//!
//! A batch lies as rows of samples, `[feature][sample]`. Its three products (forward, back, gradient) are one
//! kernel with other strides. It holds a tile of sums in registers, and goes over the terms in stretches that
//! stay in the nearest cache.

use slowgrad_tape::{dispatch, math};

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

/// A batch through one layer: `z[j][s] = Σᵢ weight[j][i]·x[i][s] + bias[j]`, rows of `stride` samples.
pub fn forward_batch(weight: &[f64], bias: &[f64], x: &[f64], z: &mut [f64], stride: usize) {
    let terms = x.len() / stride;
    let sums = Sums { a: weight, row: terms, term: 1, terms, b: x, stride, lanes: stride };
    run(&sums, z, Last::Add(bias));
}

/// A batch back through one layer: `grad_x[i][s] = Σⱼ weight[j][i]·delta[j][s]`.
pub fn backward_batch(weight: &[f64], delta: &[f64], grad_x: &mut [f64], stride: usize) {
    let (inputs, terms) = (grad_x.len() / stride, delta.len() / stride);
    let sums = Sums { a: weight, row: 1, term: inputs, terms, b: delta, stride, lanes: stride };
    run(&sums, grad_x, Last::Keep);
}

/// The mean gradients of a batch: `weight[j][i] = Σₛ delta[j][s]·x[s][i] / samples`, and the same of the biases.
/// `delta` has rows of `stride` samples, of which the first `samples` count; `x_by_sample` is `[sample][feature]`.
pub fn gradient_batch(
    delta: &[f64],
    stride: usize,
    x_by_sample: &[f64],
    weight: &mut [f64],
    bias: &mut [f64],
    samples: usize,
) {
    let inputs = x_by_sample.len() / samples;
    let sums = Sums { a: delta, row: stride, term: 1, terms: samples, b: x_by_sample, stride: inputs, lanes: inputs };
    run(&sums, weight, Last::Divide(samples as f64));
    for (bias, delta) in bias.iter_mut().zip(delta.chunks_exact(stride)) {
        *bias = delta[1..samples].iter().fold(delta[0], |sum, d| sum + d) / samples as f64;
    }
}

/// `out[r][l] = Σₜ a[r·row + t·term] · b[t·stride + l]`, for all `lanes` l.
struct Sums<'a> {
    a: &'a [f64],
    row: usize,
    term: usize,
    terms: usize,
    b: &'a [f64],
    stride: usize,
    lanes: usize,
}

/// What happens to a finished sum.
#[derive(Clone, Copy)]
enum Last<'a> {
    Keep,
    /// Adds one number a row.
    Add(&'a [f64]),
    /// Divides all by one number.
    Divide(f64),
}

/// Terms of one stretch: with the widest tile, its part of `b` takes half of a small first cache.
const STRETCH: usize = 64;

dispatch!(fn run(sums: &Sums<'_>, out: &mut [f64], last: Last<'_>) = run_body, wide run_wide_body);

#[inline(always)]
fn run_body(sums: &Sums<'_>, out: &mut [f64], last: Last<'_>) {
    let lane = columns::<8>(sums, out, last, 0);
    rest(sums, out, last, lane);
}

#[inline(always)]
fn run_wide_body(sums: &Sums<'_>, out: &mut [f64], last: Last<'_>) {
    let lane = columns::<32>(sums, out, last, 0);
    let lane = columns::<16>(sums, out, last, lane);
    let lane = columns::<8>(sums, out, last, lane);
    rest(sums, out, last, lane);
}

#[inline(always)]
fn rest(sums: &Sums<'_>, out: &mut [f64], last: Last<'_>, lane: usize) {
    let lane = columns::<4>(sums, out, last, lane);
    let lane = columns::<2>(sums, out, last, lane);
    columns::<1>(sums, out, last, lane);
}

/// All sums in columns of `V` lanes from a lane on, as many columns as fit; answers the first lane that is left.
#[inline(always)]
fn columns<const V: usize>(sums: &Sums<'_>, out: &mut [f64], last: Last<'_>, mut lane: usize) -> usize {
    let rows = out.len() / sums.lanes;
    while lane + V <= sums.lanes {
        for start in (0..sums.terms).step_by(STRETCH) {
            let mut row = 0;
            while row + 4 <= rows {
                tile::<4, V>(sums, out, last, row, lane, start);
                row += 4;
            }
            while row < rows {
                tile::<1, V>(sums, out, last, row, lane, start);
                row += 1;
            }
        }
        lane += V;
    }
    lane
}

/// `R` rows of `V` sums each, over one stretch of the terms.
#[inline(always)]
fn tile<const R: usize, const V: usize>(
    sums: &Sums<'_>,
    out: &mut [f64],
    last: Last<'_>,
    row: usize,
    lane: usize,
    start: usize,
) {
    let end = sums.terms.min(start + STRETCH);
    let b = |t: usize| -> &[f64; V] { sums.b[t * sums.stride + lane..].first_chunk().unwrap_or(&[0.0; V]) };
    let a = |r: usize, t: usize| sums.a[(row + r) * sums.row + t * sums.term];
    let mut sum = [[0.0; V]; R];
    let mut from = start;
    if start == 0 {
        let b = b(0);
        for r in 0..R {
            let a = a(r, 0);
            for v in 0..V {
                sum[r][v] = a * b[v];
            }
        }
        from = 1;
    } else {
        for r in 0..R {
            sum[r].copy_from_slice(&out[(row + r) * sums.lanes + lane..][..V]);
        }
    }
    for t in from..end {
        let b = b(t);
        for r in 0..R {
            let a = a(r, t);
            for v in 0..V {
                sum[r][v] = math::fma(a, b[v], sum[r][v]);
            }
        }
    }
    for r in 0..R {
        let into = &mut out[(row + r) * sums.lanes + lane..][..V];
        match last {
            Last::Add(bias) if end == sums.terms => {
                for v in 0..V {
                    into[v] = sum[r][v] + bias[row + r];
                }
            }
            Last::Divide(by) if end == sums.terms => {
                for v in 0..V {
                    into[v] = sum[r][v] / by;
                }
            }
            _ => into.copy_from_slice(&sum[r]),
        }
    }
}

/// The same numbers with rows and columns exchanged: `from` has rows of `stride` numbers of which the first
/// `columns` count; `to` gets one row of `from.len() / stride` numbers for each of them.
pub fn transpose(from: &[f64], stride: usize, columns: usize, to: &mut [f64]) {
    const TILE: usize = 8;
    let rows = from.len() / stride;
    for row in (0..rows).step_by(TILE) {
        for column in (0..columns).step_by(TILE) {
            for r in row..rows.min(row + TILE) {
                for c in column..columns.min(column + TILE) {
                    to[c * rows + r] = from[r * stride + c];
                }
            }
        }
    }
}
