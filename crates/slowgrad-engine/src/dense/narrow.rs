//! Gradients of layers with too few inputs to fill a vector, and of biases. Several sums run side by side, which hides
//! the latency of an addition.

use super::matrix::Matrix;
use slowgrad_tape::math;

/// Minimum number of inputs with which a layer's gradients fill vectors.
const MIN_WIDE_INPUTS: usize = 5;

/// Whether the gradients of a layer with this many inputs are computed without the inputs as `[sample][feature]`.
pub fn is_narrow(inputs: usize) -> bool {
    inputs < MIN_WIDE_INPUTS
}

/// The mean gradients of the biases, if there are any, and of `inputs` weights for each of these neurons.
#[inline(always)]
pub(super) fn narrow_gradients(
    delta: Matrix<'_>,
    x: Matrix<'_>,
    weight: &mut [f64],
    bias: &mut [f64],
    inputs: usize,
    neurons: usize,
    samples: usize,
) {
    let mut j = 0;
    while j < neurons {
        let bias = bias.get_mut(j..).unwrap_or_default();
        let layer = NarrowLayer { delta, x, weight: &mut weight[j * inputs..], bias, inputs, j, samples };
        j += match (neurons - j, inputs) {
            // More biases at once would be gathered into a vector, which takes longer.
            (2.., 0) => layer.neurons::<2, 0>(),
            (4.., 2..) => layer.neurons::<4, 2>(),
            (4.., 1) => layer.neurons::<4, 1>(),
            (2.., 4..) => layer.neurons::<2, 4>(),
            (2.., 2..) => layer.neurons::<2, 2>(),
            (2.., 1) => layer.neurons::<2, 1>(),
            (_, 0) => layer.neurons::<1, 0>(),
            (_, 4..) => layer.neurons::<1, 4>(),
            (_, 2..) => layer.neurons::<1, 2>(),
            (_, 1) => layer.neurons::<1, 1>(),
        };
    }
}

/// The gradients of some neurons of a layer, from the j-th on.
struct NarrowLayer<'a> {
    delta: Matrix<'a>,
    x: Matrix<'a>,
    weight: &'a mut [f64],
    bias: &'a mut [f64],
    inputs: usize,
    j: usize,
    samples: usize,
}

impl NarrowLayer<'_> {
    /// Computes the gradients of `J` neurons, `I` weights of each at a time. Returns `J`.
    #[inline(always)]
    fn neurons<const J: usize, const I: usize>(self) -> usize {
        let NarrowLayer { delta, x, weight, bias, inputs, j, samples } = self;
        let delta = rows::<J>(delta, j, samples);
        sums::<J, I, true>(delta, x, weight, bias, inputs, 0, samples);
        let mut i = I;
        while I > 0 && i + I <= inputs {
            sums::<J, I, false>(delta, x, weight, bias, inputs, i, samples);
            i += I;
        }
        while i < inputs {
            sums::<J, 1, false>(delta, x, weight, bias, inputs, i, samples);
            i += 1;
        }
        J
    }
}

/// `weight[r][i + c] = Σₛ delta[r][s]·x[i + c][s] / samples`, and the same sums for the biases if `BIAS`; they are dropped
/// where `bias` is empty, which is faster than code of its own for layers without biases. Written with loops, since a
/// closure would not be compiled for the vector unit.
#[allow(clippy::needless_range_loop, reason = "the rows are counted as in the formula")]
#[inline(always)]
fn sums<const J: usize, const I: usize, const BIAS: bool>(
    delta: [&[f64]; J],
    x: Matrix<'_>,
    weight: &mut [f64],
    bias: &mut [f64],
    inputs: usize,
    i: usize,
    samples: usize,
) {
    let x = rows::<I>(x, i, samples);
    let (mut sum, mut biases) = ([[0.0; I]; J], [0.0; J]);
    for r in 0..J {
        biases[r] = delta[r][0];
        for c in 0..I {
            sum[r][c] = delta[r][0] * x[c][0];
        }
    }
    for s in 1..samples {
        for r in 0..J {
            if BIAS {
                biases[r] += delta[r][s];
            }
            for c in 0..I {
                sum[r][c] = math::fma(delta[r][s], x[c][s], sum[r][c]);
            }
        }
    }
    // All divisions together, so that they form few vectors.
    for r in 0..J {
        biases[r] /= samples as f64;
        for c in 0..I {
            sum[r][c] /= samples as f64;
        }
    }
    for r in 0..J {
        if BIAS && let Some(bias) = bias.get_mut(r) {
            *bias = biases[r];
        }
        for c in 0..I {
            weight[r * inputs + i + c] = sum[r][c];
        }
    }
}

/// `R` rows from `first` on.
#[inline(always)]
fn rows<const R: usize>(matrix: Matrix<'_>, first: usize, samples: usize) -> [&[f64]; R] {
    let mut rows: [&[f64]; R] = [&[]; R];
    for (r, row) in rows.iter_mut().enumerate() {
        *row = &matrix.numbers[(first + r) * matrix.stride..][..samples];
    }
    rows
}
