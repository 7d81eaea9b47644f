//! The dense layer, once for a single sample and once for a batch.
//!
//! Every sum runs in index order and starts with a plain product: `z = w₀·x₀`, then one fused
//! multiply-add per further term. The batch kernels put their lanes across samples or across outputs,
//! never along a sum, so both forms give the same bits.
//!
//! A batch lies as rows of samples, `[feature][sample]`.

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

dispatch!(
    /// A batch of `samples` through one layer.
    pub fn forward_batch(weight: &[f64], bias: &[f64], x: &[f64], z: &mut [f64], samples: usize) = forward_batch_body
);

#[inline(always)]
fn forward_batch_body(weight: &[f64], bias: &[f64], x: &[f64], z: &mut [f64], samples: usize) {
    let inputs = x.len() / samples;
    for (j, row) in z.chunks_exact_mut(samples).enumerate() {
        let weight = &weight[j * inputs..][..inputs];
        for s in 0..samples {
            row[s] = weight[0] * x[s];
        }
        for i in 1..inputs {
            let (w, x) = (weight[i], &x[i * samples..][..samples]);
            for s in 0..samples {
                row[s] = math::fma(w, x[s], row[s]);
            }
        }
        for z in row {
            *z += bias[j];
        }
    }
}

dispatch!(
    /// A batch back through one layer.
    pub fn backward_batch(weight: &[f64], delta: &[f64], grad_x: &mut [f64], samples: usize) = backward_batch_body
);

#[inline(always)]
fn backward_batch_body(weight: &[f64], delta: &[f64], grad_x: &mut [f64], samples: usize) {
    let (inputs, neurons) = (grad_x.len() / samples, delta.len() / samples);
    for (i, row) in grad_x.chunks_exact_mut(samples).enumerate() {
        for s in 0..samples {
            row[s] = weight[i] * delta[s];
        }
        for j in 1..neurons {
            let (w, delta) = (weight[j * inputs + i], &delta[j * samples..][..samples]);
            for s in 0..samples {
                row[s] = math::fma(w, delta[s], row[s]);
            }
        }
    }
}

dispatch!(
    /// The gradients of a batch, summed over its samples in order. `x_by_sample` is `[sample][feature]`.
    pub fn gradient_batch(delta: &[f64], x_by_sample: &[f64], weight: &mut [f64], bias: &mut [f64], samples: usize) = gradient_batch_body
);

#[inline(always)]
fn gradient_batch_body(delta: &[f64], x_by_sample: &[f64], weight: &mut [f64], bias: &mut [f64], samples: usize) {
    let inputs = x_by_sample.len() / samples;
    for (j, row) in weight.chunks_exact_mut(inputs).enumerate() {
        let delta = &delta[j * samples..][..samples];
        bias[j] = delta[0];
        for i in 0..inputs {
            row[i] = delta[0] * x_by_sample[i];
        }
        for s in 1..samples {
            bias[j] += delta[s];
            let (d, x) = (delta[s], &x_by_sample[s * inputs..][..inputs]);
            for i in 0..inputs {
                row[i] = math::fma(d, x[i], row[i]);
            }
        }
    }
}

/// The same numbers with rows and columns exchanged; `rows` is the number of rows of `from`.
pub fn transpose(from: &[f64], rows: usize, to: &mut Vec<f64>) {
    let columns = from.len() / rows;
    to.clear();
    to.reserve(from.len());
    for c in 0..columns {
        to.extend((0..rows).map(|r| from[r * columns + c]));
    }
}
