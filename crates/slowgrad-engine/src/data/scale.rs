//! Missing inputs and the scale of inputs. Both are computed on the training data alone.

use super::Data;
use crate::spec::Scale;

/// The means of columns over the training data, without missing values.
fn means(train: &mut Data) -> Vec<f64> {
    let width = train.inputs_per_sample;
    let (mut sums, mut counts) = (vec![0.0; width], vec![0_usize; width]);
    for row in train.input_rows() {
        for (column, &x) in row.iter().enumerate().filter(|(_, x)| !x.is_nan()) {
            sums[column] += x;
            counts[column] += 1;
        }
    }
    sums.iter().zip(counts).map(|(sum, count)| sum / count as f64).collect()
}

/// Replaces missing inputs, which are NaN, by the mean of their column over the training data. Returns the number of rows
/// and of values that were filled.
///
/// # Errors
/// The index of an input that has no finite mean over the training data.
pub(super) fn fill_missing(train: &mut Data, test: &mut Data) -> Result<(usize, usize), usize> {
    let means = means(train);
    let (mut rows, mut values) = (0, 0);
    for row in train.input_rows().chain(test.input_rows()) {
        let before = values;
        for (column, x) in row.iter_mut().enumerate().filter(|(_, x)| x.is_nan()) {
            if !means[column].is_finite() {
                return Err(column);
            }
            *x = means[column];
            values += 1;
        }
        rows += usize::from(values > before);
    }
    Ok((rows, values))
}

/// The scale of one input: `(value − offset) / divisor`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct InputScale {
    /// The input, from 0.
    pub input: usize,
    /// The mean or the minimum over the training data.
    pub offset: f64,
    /// The standard deviation or the range over the training data; 1 for an input with one value only.
    pub divisor: f64,
}

/// Scales these inputs, with parameters computed on the training data. The standard deviation divides by the number of
/// samples.
///
/// # Errors
/// The index of an input whose numbers are too large to be scaled.
pub(super) fn scale(
    train: &mut Data,
    test: &mut Data,
    scale: Scale,
    inputs: &[usize],
) -> Result<Vec<InputScale>, usize> {
    let width = train.inputs_per_sample;
    let samples = train.len() as f64;
    let (offsets, mut divisors) = match scale {
        Scale::Standard => {
            let means = means(train);
            let mut squares = vec![0.0; width];
            for row in train.input_rows() {
                for ((square, x), mean) in squares.iter_mut().zip(row).zip(&means) {
                    *square += (*x - mean) * (*x - mean);
                }
            }
            (means, squares.iter().map(|square| (square / samples).sqrt()).collect::<Vec<f64>>())
        }
        Scale::MinMax => {
            let (mut low, mut high) = (vec![f64::INFINITY; width], vec![f64::NEG_INFINITY; width]);
            for row in train.input_rows() {
                for ((low, high), x) in low.iter_mut().zip(&mut high).zip(row) {
                    (*low, *high) = (low.min(*x), high.max(*x));
                }
            }
            let ranges = low.iter().zip(high).map(|(low, high)| high - low).collect();
            (low, ranges)
        }
    };
    // An input with one value only becomes 0.
    for divisor in divisors.iter_mut().filter(|divisor| **divisor == 0.0) {
        *divisor = 1.0;
    }
    if let Some(large) = inputs.iter().find(|input| !(offsets[**input].is_finite() && divisors[**input].is_finite())) {
        return Err(*large);
    }
    for row in train.input_rows().chain(test.input_rows()) {
        for &input in inputs {
            row[input] = (row[input] - offsets[input]) / divisors[input];
            if !row[input].is_finite() {
                return Err(input);
            }
        }
    }
    Ok(inputs.iter().map(|&input| InputScale { input, offset: offsets[input], divisor: divisors[input] }).collect())
}
