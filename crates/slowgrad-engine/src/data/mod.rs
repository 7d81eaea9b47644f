//! Samples: validation, the split into training and test data, and tables that are read from files.

pub mod report;
pub mod scale;
pub mod split;
pub mod table;

use crate::spec::Sample;

/// Samples as flat rows, all with the same number of inputs and of targets.
#[derive(Debug, Clone, Default)]
pub struct Data {
    inputs: Vec<f64>,
    targets: Vec<f64>,
    inputs_per_sample: usize,
    outputs: usize,
}

impl PartialEq for Data {
    fn eq(&self, other: &Self) -> bool {
        // Large data is compared with itself whenever a set-up is assembled again.
        std::ptr::eq(self, other)
            || (self.inputs_per_sample, self.outputs) == (other.inputs_per_sample, other.outputs)
                && self.targets == other.targets
                && self.inputs == other.inputs
    }
}

/// An error in samples.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DataError {
    /// There are no samples.
    #[error("the data set is empty")]
    Empty,
    /// A sample's number of inputs or targets differs from the network's.
    #[error("sample {sample} has {found} {what}, but the network has {expected}")]
    Width {
        /// The sample, from 1.
        sample: usize,
        /// `inputs` or `targets`.
        what: &'static str,
        /// The sample's number.
        found: usize,
        /// The network's number.
        expected: usize,
    },
    /// A number is NaN or infinite.
    #[error("sample {sample} contains a number that is not finite")]
    NotFinite {
        /// The sample, from 1.
        sample: usize,
    },
}

impl Data {
    /// Validates samples against the network's numbers of inputs and outputs.
    ///
    /// # Errors
    /// [`DataError::Empty`] without samples, [`DataError::Width`] for a sample of another size,
    /// [`DataError::NotFinite`] for NaN and infinities.
    pub fn new(samples: &[Sample], inputs: usize, outputs: usize) -> Result<Self, DataError> {
        let mut data = Self { inputs: Vec::new(), targets: Vec::new(), inputs_per_sample: inputs, outputs };
        for (i, sample) in samples.iter().enumerate() {
            for (what, found, expected) in
                [("inputs", sample.input.len(), inputs), ("targets", sample.target.len(), outputs)]
            {
                if found != expected {
                    return Err(DataError::Width { sample: i + 1, what, found, expected });
                }
            }
            if !sample.input.iter().chain(&sample.target).all(|x| x.is_finite()) {
                return Err(DataError::NotFinite { sample: i + 1 });
            }
            data.inputs.extend_from_slice(&sample.input);
            data.targets.extend_from_slice(&sample.target);
        }
        if samples.is_empty() { Err(DataError::Empty) } else { Ok(data) }
    }

    /// Number of samples.
    pub fn len(&self) -> usize {
        self.targets.len().checked_div(self.outputs).unwrap_or(0)
    }

    /// All inputs, `[sample][input]`.
    pub fn inputs(&self) -> &[f64] {
        &self.inputs
    }

    /// All targets, `[sample][output]`.
    pub fn targets(&self) -> &[f64] {
        &self.targets
    }

    /// Number of targets of a sample.
    pub fn outputs(&self) -> usize {
        self.outputs
    }

    /// Whether there are no samples.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The inputs of a sample.
    pub fn input(&self, sample: usize) -> &[f64] {
        &self.inputs[sample * self.inputs_per_sample..][..self.inputs_per_sample]
    }

    /// The targets of a sample.
    pub fn target(&self, sample: usize) -> &[f64] {
        &self.targets[sample * self.outputs..][..self.outputs]
    }

    /// Sets one input of a sample.
    pub fn set_input(&mut self, sample: usize, input: usize, value: f64) {
        self.inputs[sample * self.inputs_per_sample + input] = value;
    }

    /// The rows of inputs, to change them.
    fn input_rows(&mut self) -> impl Iterator<Item = &mut [f64]> {
        self.inputs.chunks_exact_mut(self.inputs_per_sample.max(1))
    }

    /// Orders the samples as `order` lists them, and moves those from `at` on into new data. Moves rows in place, because
    /// the samples may take most of the memory.
    fn reordered_and_split(mut self, order: Vec<usize>, at: usize) -> (Self, Self) {
        permute_rows(&mut self.inputs, self.inputs_per_sample, order.clone());
        permute_rows(&mut self.targets, self.outputs, order);
        let rest = Self {
            inputs: self.inputs.split_off(at * self.inputs_per_sample),
            targets: self.targets.split_off(at * self.outputs),
            ..self
        };
        self.inputs.shrink_to_fit();
        (self, rest)
    }
}

/// Moves row `order[i]` to place `i`, for each `i`, by following the cycles of the permutation.
fn permute_rows(numbers: &mut [f64], width: usize, mut order: Vec<usize>) {
    let mut carried = vec![0.0; width];
    for start in 0..order.len() {
        if order[start] == start {
            continue;
        }
        carried.copy_from_slice(&numbers[start * width..][..width]);
        let mut to = start;
        loop {
            let from = std::mem::replace(&mut order[to], to);
            if from == start {
                break;
            }
            numbers.copy_within(from * width..(from + 1) * width, to * width);
            to = from;
        }
        numbers[to * width..][..width].copy_from_slice(&carried);
    }
}
