//! Histograms of the parameters of a layer and of their gradients.
//!
//! Every number is counted once. Exact zeros are counted separately, since a gradient of zero differs in kind from a
//! small one. It must not know what the numbers mean.

use crate::protocol::{Histogram, LayerHistograms};
use slowgrad_engine::record::RecordedStep;
use slowgrad_tape::math;

/// The approximate lower and upper limits of the number of bars.
const BARS: [f64; 2] = [8.0, 32.0];

impl Histogram {
    /// Counts numbers in bars of a round width.
    pub(crate) fn of(numbers: &[f64]) -> Self {
        let finite = || numbers.iter().copied().filter(|number| number.is_finite());
        let (low, high) = finite().fold((0.0_f64, 0.0_f64), |(low, high), number| (low.min(number), high.max(number)));
        let strange = (numbers.len() - finite().count()) as u64;
        let zeros = finite().filter(|number| *number == 0.0).count() as u64;
        // Grows with the count so that bars are filled.
        let bars = (2.0 * math::pow(numbers.len() as f64, 0.4)).clamp(BARS[0], BARS[1]);
        let width = round_width(high / bars - low / bars);
        if width == 0.0 {
            return Self { zeros, strange, ..Self::default() };
        }
        let bar = |number: f64| (number / width).floor() as i64;
        let (first, last) = (bar(low), bar(high));
        let mut counts = vec![0; (last - first) as usize + 1];
        for number in finite().filter(|number| *number != 0.0) {
            counts[(bar(number) - first) as usize] += 1;
        }
        // The range always includes zero, so bars at the ends may be empty.
        let empty = counts.iter().take_while(|count| **count == 0).count();
        counts.drain(..empty);
        while counts.last() == Some(&0) {
            counts.pop();
        }
        Self { width, first: first + empty as i64, counts, zeros, strange }
    }
}

/// The smallest of 1, 2 and 5 times a power of ten that is at least `least`; 0 if `least` is not a positive finite number.
fn round_width(least: f64) -> f64 {
    if !(least.is_finite() && least > 0.0) {
        return 0.0;
    }
    let decade = math::pow(10.0, math::log10(least).floor());
    [1.0, 2.0, 5.0, 10.0].into_iter().map(|part| part * decade).find(|width| *width >= least).unwrap_or(least)
}

/// The histograms of each layer in a recorded step.
pub(crate) fn histograms(step: &RecordedStep) -> Vec<LayerHistograms> {
    let layer = |layer| {
        let range = step.shape.layer(layer);
        LayerHistograms {
            values: Histogram::of(&step.before.values[range.clone()]),
            grads: Histogram::of(&step.grads[range]),
        }
    };
    (0..step.shape.layers()).map(layer).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn total(histogram: &Histogram) -> u64 {
        histogram.counts.iter().sum::<u64>() + histogram.zeros + histogram.strange
    }

    #[test]
    fn each_number_is_counted_once_in_its_bar() {
        let numbers: Vec<f64> = (-500..700).map(|i| f64::from(i) * 0.003_7).chain([f64::NAN, f64::INFINITY]).collect();
        let histogram = Histogram::of(&numbers);
        assert_eq!(total(&histogram), numbers.len() as u64);
        assert_eq!((histogram.zeros, histogram.strange), (1, 2));
        assert!((12..=34).contains(&histogram.counts.len()), "{} bars", histogram.counts.len());
        for (k, count) in histogram.counts.iter().enumerate() {
            let low = (histogram.first + k as i64) as f64 * histogram.width;
            let within = |number: &&f64| {
                **number != 0.0 && (**number / histogram.width).floor() == (low / histogram.width).round()
            };
            assert_eq!(*count, numbers.iter().filter(within).count() as u64, "from {low}");
        }
    }

    #[test]
    fn no_bar_contains_both_signs() {
        let histogram = Histogram::of(&[-0.000_1, 0.000_1, 3.0, -2.0, 0.0, -0.0]);
        let below: u64 = histogram.counts[..(-histogram.first) as usize].iter().sum();
        assert_eq!((below, histogram.zeros, total(&histogram)), (2, 2, 6));
    }

    #[test]
    fn empty_input_and_zeros_have_no_bars() {
        assert_eq!(Histogram::of(&[]), Histogram::default());
        let zeros = Histogram::of(&[0.0; 7]);
        assert_eq!((zeros.counts.len(), zeros.zeros), (0, 7));
        assert_eq!(total(&Histogram::of(&[5.0; 3])), 3);
    }
}
