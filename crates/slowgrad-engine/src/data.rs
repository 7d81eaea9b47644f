//! Samples: validation, splitting, and reading from CSV.

use crate::rng::{Purpose, Rng};
use crate::spec::Sample;

/// Samples as flat rows, all with the same number of inputs and of targets.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Data {
    inputs: Vec<f64>,
    targets: Vec<f64>,
    inputs_per_sample: usize,
    outputs: usize,
}

/// An error in data.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
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
    /// A CSV file lacks a column.
    #[error("there is no column «{column}»; the columns are {columns}")]
    Column {
        /// The name of the column.
        column: String,
        /// The columns of the file.
        columns: String,
    },
    /// A field of a CSV file is not a number.
    #[error("line {line}: «{text}» in column «{column}» is not a number")]
    Number {
        /// Line of the file, from 1.
        line: u64,
        /// The name of the column.
        column: String,
        /// The field's text.
        text: String,
    },
    /// A target column of text has too many classes.
    #[error("column «{column}» has more than {MAX_CLASSES} different words, such as «{word}»")]
    Classes {
        /// The name of the column.
        column: String,
        /// One of its texts.
        word: String,
    },
    /// The text is not CSV.
    #[error("not a CSV file: {0}")]
    Csv(String),
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
}

/// Splits samples into training and test data. Shuffles them once with the seed, unless the test data is empty.
pub fn split(mut samples: Vec<Sample>, test_fraction: f64, seed: u64) -> (Vec<Sample>, Vec<Sample>) {
    let test_len = (samples.len() as f64 * test_fraction.clamp(0.0, 1.0)).round() as usize;
    if test_len == 0 {
        return (samples, Vec::new());
    }
    Rng::new(seed, Purpose::Split).shuffle(&mut samples);
    let test = samples.split_off(samples.len() - test_len);
    (samples, test)
}

/// Maximum number of classes in a target column of text.
const MAX_CLASSES: usize = 1_000;

/// Reads samples from CSV text with a header line. A target column of text becomes one-hot classes in the order of
/// their first appearance.
///
/// # Errors
/// [`DataError::Column`] for a missing column, [`DataError::Number`] for an input that is not a finite number,
/// [`DataError::Classes`] for too many classes, [`DataError::Csv`] for text that is not CSV.
pub fn read_csv(text: &str, inputs: &[String], target: &str) -> Result<Vec<Sample>, DataError> {
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).comment(Some(b'#')).from_reader(text.as_bytes());
    let broken = |error: csv::Error| DataError::Csv(error.to_string());
    let header = reader.headers().map_err(broken)?.clone();
    let column = |name: &str| {
        header.iter().position(|have| have == name).ok_or_else(|| DataError::Column {
            column: name.to_owned(),
            columns: header.iter().collect::<Vec<_>>().join(", "),
        })
    };
    let columns: Vec<usize> = inputs.iter().map(|name| column(name)).collect::<Result<_, _>>()?;
    let target_column = column(target)?;
    let mut rows = Vec::new();
    for record in reader.records() {
        let record = record.map_err(broken)?;
        let line = record.position().map_or(0, csv::Position::line);
        let mut input = Vec::with_capacity(columns.len());
        for (&at, name) in columns.iter().zip(inputs) {
            let text = record.get(at).unwrap_or("");
            let number = text.parse::<f64>().ok().filter(|x| x.is_finite());
            input.push(number.ok_or_else(|| DataError::Number {
                line,
                column: name.clone(),
                text: text.to_owned(),
            })?);
        }
        rows.push((input, record.get(target_column).unwrap_or("").to_owned()));
    }
    let numbers: Option<Vec<f64>> = rows.iter().map(|(_, t)| t.parse().ok().filter(|x: &f64| x.is_finite())).collect();
    let mut classes: Vec<&str> = Vec::new();
    for (_, word) in rows.iter().filter(|_| numbers.is_none()) {
        if !classes.contains(&word.as_str()) {
            classes.push(word);
        }
        if classes.len() > MAX_CLASSES {
            let odd = rows.iter().map(|(_, word)| word).find(|word| word.parse::<f64>().is_err()).unwrap_or(word);
            return Err(DataError::Classes { column: target.to_owned(), word: odd.clone() });
        }
    }
    let one_hot = |word: &str| classes.iter().map(|class| if *class == word { 1.0 } else { 0.0 }).collect();
    let targets: Vec<Vec<f64>> = match numbers {
        Some(numbers) => numbers.into_iter().map(|x| vec![x]).collect(),
        None => rows.iter().map(|(_, word)| one_hot(word)).collect(),
    };
    Ok(rows.iter().zip(targets).map(|((input, _), target)| Sample { input: input.clone(), target }).collect())
}
