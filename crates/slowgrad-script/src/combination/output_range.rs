//! The numbers that an output gives, found by trying it.

use super::pair::{Pair, Tried, far};
use super::{SampleTarget, number};

/// Sizes of pre-activations. From 800 on, exponentials overflow.
const SIZES: [f64; 7] = [0.1, 1.0, 5.0, 20.0, 50.0, 100.0, 800.0];
/// How far a sum of probabilities may be from 1, for each of them.
const MAX_SUM_ERROR: f64 = 1e-9;
/// A target is in reach if the output comes this close to it, relative to its size above 1.
const REACH: f64 = 1e-3;

/// The range of an output.
#[derive(Debug)]
pub(super) struct OutputRange {
    /// The smallest and the largest number for pre-activations of a usual size.
    pub(super) low: f64,
    pub(super) high: f64,
    /// The same, for pre-activations far beyond the targets.
    reach: (f64, f64),
    /// Whether the outputs of the layer are at least 0 and always add up to 1.
    pub(super) sums_to_one: bool,
    /// Whether the outputs are the logarithms of such numbers.
    pub(super) log_probabilities: bool,
    /// Outputs for pre-activations of moderate size.
    pub(super) samples: Vec<Vec<f64>>,
}

impl OutputRange {
    /// `None` if the output gives a number that is not finite.
    pub(super) fn of(pair: &Pair, targets: &[SampleTarget]) -> Tried<Option<Self>> {
        let mut range = Self {
            low: f64::INFINITY,
            high: f64::NEG_INFINITY,
            reach: (f64::INFINITY, f64::NEG_INFINITY),
            sums_to_one: true,
            log_probabilities: true,
            samples: Vec::new(),
        };
        let widest = targets.iter().map(|target| far(&target.values)).fold(far(&[]), f64::max);
        let close = |sum: f64| (sum - 1.0).abs() <= MAX_SUM_ERROR * pair.width as f64;
        for size in SIZES {
            for direction in pair.directions() {
                let z: Vec<f64> = direction.iter().map(|x| size * x).collect();
                let output = pair.outputs(&z)?;
                if output.iter().any(|x| !x.is_finite()) {
                    return Ok(None);
                }
                for &x in &output {
                    (range.low, range.high) = (range.low.min(x), range.high.max(x));
                }
                range.sums_to_one &= close(output.iter().sum());
                range.log_probabilities &= close(output.iter().map(|&x| slowgrad_tape::math::exp(x)).sum());
                if size <= 5.0 {
                    range.samples.push(output);
                }
            }
        }
        range.sums_to_one &= range.low >= 0.0;
        range.reach = (range.low, range.high);
        for direction in pair.directions() {
            let z: Vec<f64> = direction.iter().map(|x| widest * x).collect();
            for x in pair.outputs(&z)?.into_iter().filter(|x| !x.is_nan()) {
                range.reach = (range.reach.0.min(x), range.reach.1.max(x));
            }
        }
        Ok(Some(range))
    }

    pub(super) fn is_constant(&self) -> bool {
        self.low == self.high
    }

    pub(super) fn is_within(&self, low: f64, high: f64) -> bool {
        self.low >= low && self.high <= high
    }

    /// Whether the output has no bound on either side.
    pub(super) fn is_unbounded(&self) -> bool {
        !is_bound(self.low, self.reach.0) && !is_bound(self.high, self.reach.1)
    }

    /// Whether an output comes close to this target.
    pub(super) fn reaches(&self, target: f64) -> bool {
        let near = REACH * target.abs().max(1.0);
        (self.reach.0 - near..=self.reach.1 + near).contains(&target)
    }

    /// `numbers from 0 to 1`
    pub(super) fn describe(&self) -> String {
        match (is_bound(self.low, self.reach.0), is_bound(self.high, self.reach.1)) {
            (true, true) => format!("numbers from {} to {}", number(self.low), number(self.high)),
            (true, false) => format!("numbers from {} up", number(self.low)),
            (false, true) => format!("numbers up to {}", number(self.high)),
            (false, false) => "any number".to_owned(),
        }
    }
}

/// Whether the output ends at `bound`: pre-activations far beyond give hardly more, namely `farthest`.
fn is_bound(bound: f64, farthest: f64) -> bool {
    (farthest - bound).abs() <= 0.01 * bound.abs().max(0.1)
}
