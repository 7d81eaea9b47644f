//! The products of a batch have the bits of its samples one at a time, for shapes that end within tiles, vectors and
//! blocks.

use proptest::prelude::*;
use pulp::{Simd, WithSimd};
use slowgrad_engine::dense::{self, Matrix, MatrixMut, ROW_PADDING, SelectedRows, Weights};
use slowgrad_tape::isa;

/// The three products of one layer.
struct Products<'a> {
    weight: Weights<'a>,
    bias: &'a [f64],
    /// The inputs, `[sample][feature]`, in the order of the batch.
    data: SelectedRows<'a>,
    /// `[neuron][sample]`.
    delta: Matrix<'a>,
    /// Whether the gradients get the inputs by sample or have to transpose them.
    by_sample: bool,
    threads: usize,
    z: Vec<f64>,
    grad_x: Vec<f64>,
    weight_grads: Vec<f64>,
    bias_grads: Vec<f64>,
}

impl WithSimd for &mut Products<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Products { weight, bias, data, delta, by_sample, threads, z, grad_x, weight_grads, bias_grads } = self;
        let (weight, data, delta, threads) = (*weight, *data, *delta, *threads);
        let (samples, stride) = (data.rows.len(), delta.stride);
        let mut x = vec![0.0; weight.inputs * stride + ROW_PADDING];
        dense::transpose(data, weight.inputs, &mut x[..weight.inputs * stride], threads);
        let x = Matrix { numbers: &x, stride };
        dense::forward_batch(simd, weight, bias, x, MatrixMut { numbers: z, stride }, stride, threads);
        dense::backward_batch(simd, weight, delta, MatrixMut { numbers: grad_x, stride }, stride, threads);
        let (by_sample, transposed, inputs) = (by_sample.then_some(data), &mut Vec::new(), weight.inputs);
        dense::gradient_batch(
            simd,
            delta,
            x,
            by_sample,
            transposed,
            weight_grads,
            bias_grads,
            inputs,
            samples,
            threads,
        );
    }
}

fn bits(numbers: &[f64]) -> Vec<u64> {
    numbers.iter().map(|number| number.to_bits()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(160))]

    #[test]
    fn a_batch_has_the_bits_of_its_samples(
        outputs in prop_oneof![1_usize..15, 16_usize..40],
        inputs in prop_oneof![1_usize..20, 60_usize..140],
        samples in prop_oneof![1_usize..20, 30_usize..75],
        by_sample in any::<bool>(),
        threads in 1_usize..4,
        seed in 0_u32..1_000,
    ) {
        // Numbers whose products are rounded. Some are zeros of both signs, and some are lost when added to others.
        let numbers = |count: usize, which: u32| -> Vec<f64> {
            let number = |at: usize| {
                let x = ((at as f64 + f64::from(seed * 7 + which)) * 0.618_034).fract() - 0.5;
                if at % 7 == 3 { 0.0 * x } else if at % 11 == 5 { x * 1e9 } else { x }
            };
            (0..count).map(number).collect()
        };
        let (weight, bias) = (numbers(outputs * inputs, 1), numbers(outputs, 2));
        let all = numbers((samples + 5) * inputs, 3);
        let rows: Vec<usize> = (0..samples).map(|sample| (sample * 3 + seed as usize) % (samples + 5)).collect();
        let stride = dense::row_stride(samples);
        let mut delta = numbers(outputs * stride + ROW_PADDING, 4);
        for row in 0..outputs {
            // Padding repeats the last sample of the batch.
            let last = delta[row * stride + samples - 1];
            delta[row * stride + samples..][..stride - samples].fill(last);
        }

        // One sample at a time.
        let (mut z, mut grad_x) = (vec![vec![0.0; outputs]; samples], vec![vec![0.0; inputs]; samples]);
        let (mut weight_grads, mut bias_grads) = (vec![0.0; outputs * inputs], vec![0.0; outputs]);
        for (sample, &row) in rows.iter().enumerate() {
            let x = &all[row * inputs..][..inputs];
            let own: Vec<f64> = (0..outputs).map(|neuron| delta[neuron * stride + sample]).collect();
            dense::forward_one(&weight, &bias, x, &mut z[sample]);
            dense::backward_one(&weight, &own, &mut grad_x[sample]);
            dense::gradient_one(&own, x, &mut weight_grads, &mut bias_grads, sample == 0);
        }
        let mean = |sums: Vec<f64>| sums.into_iter().map(|sum| sum / samples as f64).collect::<Vec<_>>();
        let (weight_grads, bias_grads) = (mean(weight_grads), mean(bias_grads));

        for unit in isa::available() {
            isa::force(unit);
            let mut products = Products {
                weight: Weights { numbers: &weight, inputs, outputs },
                bias: &bias,
                data: SelectedRows { from: Matrix { numbers: &all, stride: inputs }, rows: &rows },
                delta: Matrix { numbers: &delta, stride },
                by_sample,
                threads,
                z: vec![0.0; outputs * stride + ROW_PADDING],
                grad_x: vec![0.0; inputs * stride + ROW_PADDING],
                weight_grads: vec![0.0; outputs * inputs],
                bias_grads: vec![0.0; outputs],
            };
            dense::vectorize(&mut products);
            for sample in 0..samples {
                let of_sample = |rows: &[f64], count: usize| -> Vec<f64> {
                    (0..count).map(|row| rows[row * stride + sample]).collect()
                };
                prop_assert_eq!(bits(&of_sample(&products.z, outputs)), bits(&z[sample]), "z on {:?}", unit);
                prop_assert_eq!(bits(&of_sample(&products.grad_x, inputs)), bits(&grad_x[sample]), "∂L/∂x on {:?}", unit);
            }
            prop_assert_eq!(bits(&products.weight_grads), bits(&weight_grads), "weights on {:?}", unit);
            prop_assert_eq!(bits(&products.bias_grads), bits(&bias_grads), "biases on {:?}", unit);
        }
    }
}
