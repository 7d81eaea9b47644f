//! What a network achieves on data: the mean loss, the accuracy, and which classes it takes for which.
//!
//! All of it comes from one forward pass over the data, in blocks of samples, so that callers need not block for long.
//! Whether targets are classes is read from the targets themselves. This module must not know training or names of classes.

use crate::data::{Data, split};
use crate::io_names::IoNames;
use crate::setup::Setup;
use crate::train::{Workspace, block_samples};
use slowgrad_tape::Diagnostic;
use std::rc::Rc;

/// The largest number of samples in a block.
const BLOCK_SAMPLES: usize = 256;
/// The maximum number of classes for which predictions are counted class by class.
const MAX_CONFUSION_CLASSES: usize = 100;

/// The mean loss and the accuracy over a data set.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Score {
    /// The mean loss, without penalties.
    pub loss: f64,
    /// The fraction of samples whose class was predicted; `None` if the targets are not classes.
    pub accuracy: Option<f64>,
}

/// The scores over the training data, and over the test data if there is any.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scores {
    /// The score over the training data.
    pub train: Score,
    /// The score over the test data.
    pub test: Option<Score>,
}

/// How targets name classes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum ClassTargets {
    /// One output for each class: the target is 1 for the sample's class and 0 for the others. The predicted class is
    /// that of the largest output.
    OneHot {
        /// The number of classes.
        classes: usize,
    },
    /// One output with two different targets. The predicted class is the one whose target would give the lower loss; so
    /// the threshold is right for probabilities, for logits, and for targets such as ±1.
    TwoValues {
        /// The targets of both classes, the lower one first.
        values: [f64; 2],
    },
}

impl ClassTargets {
    /// The classes of the training and test data; `None` if the targets are not classes.
    pub fn of(train: &Data, test: &Data) -> Option<Self> {
        let targets = || [train, test].into_iter().flat_map(|data| (0..data.len()).map(|sample| data.target(sample)));
        let outputs = targets().next()?.len();
        if outputs > 1 {
            let are_one_hot = targets().all(|target| split::class_of(target).is_some());
            return are_one_hot.then_some(Self::OneHot { classes: outputs });
        }
        let first = targets().next()?[0];
        let second = targets().map(|target| target[0]).find(|target| *target != first)?;
        let values = [first.min(second), first.max(second)];
        targets().all(|target| values.contains(&target[0])).then_some(Self::TwoValues { values })
    }

    /// The number of classes.
    pub fn count(self) -> usize {
        match self {
            Self::OneHot { classes } => classes,
            Self::TwoValues { .. } => 2,
        }
    }

    /// The name of a class: that of its output, its number, or its target.
    pub fn name(self, class: usize, names: &IoNames) -> String {
        match self {
            Self::OneHot { .. } => names.output(class).map_or_else(|| class.to_string(), str::to_owned),
            Self::TwoValues { values } => values[class].to_string(),
        }
    }

    /// The class of a target, from 0.
    fn class(self, target: &[f64]) -> Option<usize> {
        match self {
            Self::OneHot { .. } => split::class_of(target),
            Self::TwoValues { values } => values.iter().position(|value| *value == target[0]),
        }
    }
}

/// How often each class was predicted for the samples of each class.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Confusion {
    classes: usize,
    /// `[class][predicted class]`.
    counts: Vec<u64>,
    /// The samples of each class without a prediction, because an output is not a number.
    undecided: Vec<u64>,
}

impl Confusion {
    fn new(classes: usize) -> Self {
        Self { classes, counts: vec![0; classes * classes], undecided: vec![0; classes] }
    }

    /// The number of classes.
    pub fn classes(&self) -> usize {
        self.classes
    }

    /// The number of samples of a class for which another one, or the same, was predicted.
    pub fn count(&self, class: usize, predicted: usize) -> u64 {
        self.counts[class * self.classes + predicted]
    }

    /// The number of samples of a class without a prediction, because an output is not a number.
    pub fn undecided(&self, class: usize) -> u64 {
        self.undecided[class]
    }

    /// The number of samples of a class.
    pub fn samples(&self, class: usize) -> u64 {
        let row = &self.counts[class * self.classes..][..self.classes];
        row.iter().sum::<u64>() + self.undecided[class]
    }

    fn add(&mut self, class: usize, predicted: Option<usize>) {
        match predicted {
            Some(predicted) => self.counts[class * self.classes + predicted] += 1,
            None => self.undecided[class] += 1,
        }
    }
}

/// An evaluation in progress. The default computes the loss alone.
#[derive(Debug, Clone, Default)]
pub struct Evaluation {
    samples: usize,
    sum: f64,
    classes: Option<ClassTargets>,
    correct: usize,
    confusion: Option<Confusion>,
}

impl Evaluation {
    /// An evaluation that also counts classes, if the targets of the setup are classes.
    pub fn with_classes(setup: &Setup) -> Self {
        let classes = ClassTargets::of(&setup.train, &setup.test);
        let few = classes.map(ClassTargets::count).filter(|count| *count <= MAX_CONFUSION_CLASSES);
        Self { classes, confusion: few.map(Confusion::new), ..Self::default() }
    }

    /// Whether all samples have been evaluated.
    pub fn is_done(&self, data: &Data) -> bool {
        self.samples >= data.len()
    }

    /// Evaluates the next block of samples.
    ///
    /// # Errors
    /// The diagnostic of a failing script.
    pub fn advance(
        &mut self,
        setup: &Rc<Setup>,
        values: &[f64],
        data: &Data,
        work: &mut Workspace,
    ) -> Result<(), Box<Diagnostic>> {
        let block = BLOCK_SAMPLES.min(block_samples(setup));
        let samples = self.samples..data.len().min(self.samples + block);
        if samples.is_empty() {
            return Ok(());
        }
        let first = samples.start;
        self.samples = samples.end;
        let mut block = work.evaluate(setup, values, data, samples)?;
        // Blocks only bound the memory; the sum runs in the order of the samples.
        self.sum = block.losses().iter().fold(self.sum, |sum, loss| sum + loss);
        let Some(classes) = self.classes else { return Ok(()) };
        let len = block.losses().len();
        let predicted: Vec<Option<usize>> = match classes {
            ClassTargets::OneHot { classes } => {
                (0..len).map(|sample| largest((0..classes).map(|class| block.output(class)[sample]))).collect()
            }
            ClassTargets::TwoValues { values: [low, high] } => {
                let low = block.losses_at(setup, low)?.to_vec();
                let high = block.losses_at(setup, high)?;
                low.iter().zip(high).map(|(low, high)| least(*low, *high)).collect()
            }
        };
        for (sample, predicted) in (first..).zip(predicted) {
            let Some(class) = classes.class(data.target(sample)) else { continue };
            self.correct += usize::from(predicted == Some(class));
            if let Some(confusion) = &mut self.confusion {
                confusion.add(class, predicted);
            }
        }
        Ok(())
    }

    /// The score over the samples evaluated so far; `None` if there are none.
    pub fn score(&self) -> Option<Score> {
        (self.samples > 0).then(|| Score {
            loss: self.sum / self.samples as f64,
            accuracy: self.classes.map(|_| self.correct as f64 / self.samples as f64),
        })
    }

    /// How the targets name classes; `None` if they are not classes.
    pub fn classes(&self) -> Option<ClassTargets> {
        self.classes
    }

    /// The predictions class by class; `None` if the targets are not classes, or are too many.
    pub fn confusion(&self) -> Option<&Confusion> {
        self.confusion.as_ref()
    }
}

/// The first of the largest numbers; `None` if one is not a number.
fn largest(numbers: impl Iterator<Item = f64>) -> Option<usize> {
    let mut best = None;
    for (at, number) in numbers.enumerate() {
        if number.is_nan() {
            return None;
        }
        if best.is_none_or(|(_, largest)| number > largest) {
            best = Some((at, number));
        }
    }
    best.map(|(at, _)| at)
}

/// The class with the lower loss, the first one if both are equal; `None` if one is not a number.
fn least(first: f64, second: f64) -> Option<usize> {
    if first.is_nan() || second.is_nan() { None } else { Some(usize::from(second < first)) }
}

/// Complete evaluations over the training data, and over the test data if there is any.
#[derive(Debug, Clone)]
pub struct Evaluated {
    /// The evaluation of the training data.
    pub train: Evaluation,
    /// The evaluation of the test data, which may have no samples.
    pub test: Evaluation,
}

impl Evaluated {
    /// Evaluates parameters on all data of a setup.
    ///
    /// # Errors
    /// The diagnostic of a failing script.
    pub fn new(setup: &Rc<Setup>, values: &[f64], work: &mut Workspace) -> Result<Self, Box<Diagnostic>> {
        let mut evaluate = |data: &Data| {
            let mut evaluation = Evaluation::with_classes(setup);
            while !evaluation.is_done(data) {
                evaluation.advance(setup, values, data, work)?;
            }
            Ok::<_, Box<Diagnostic>>(evaluation)
        };
        Ok(Self { train: evaluate(&setup.train)?, test: evaluate(&setup.test)? })
    }

    /// The scores. The training loss is NaN without training data.
    pub fn scores(&self) -> Scores {
        let train = self.train.score().unwrap_or(Score { loss: f64::NAN, accuracy: None });
        Scores { train, test: self.test.score() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::Sample;

    fn data(targets: &[&[f64]]) -> Data {
        let samples: Vec<Sample> =
            targets.iter().map(|target| Sample { input: vec![0.0], target: target.to_vec() }).collect();
        Data::new(&samples, 1, targets[0].len()).expect("data")
    }

    #[test]
    fn classes_are_read_from_the_targets() {
        let none = Data::default();
        let of = |targets: &[&[f64]]| ClassTargets::of(&data(targets), &none);
        assert_eq!(of(&[&[0.0, 1.0], &[1.0, 0.0]]), Some(ClassTargets::OneHot { classes: 2 }));
        assert_eq!(of(&[&[0.0, 1.0], &[0.0, 0.0]]), None);
        assert_eq!(of(&[&[1.0, 1.0], &[0.0, 1.0]]), None);
        assert_eq!(of(&[&[0.5, 0.5]]), None);
        assert_eq!(of(&[&[1.0], &[-1.0], &[1.0]]), Some(ClassTargets::TwoValues { values: [-1.0, 1.0] }));
        assert_eq!(of(&[&[1.0], &[1.0]]), None, "one value is no choice");
        assert_eq!(of(&[&[1.0], &[2.0], &[3.0]]), None);
        // The test data has a further value.
        assert_eq!(ClassTargets::of(&data(&[&[0.0], &[1.0]]), &data(&[&[0.5]])), None);
        assert_eq!(ClassTargets::of(&none, &none), None);
    }

    #[test]
    fn a_prediction_is_the_first_largest_output_or_none() {
        let largest = |numbers: &[f64]| largest(numbers.iter().copied());
        assert_eq!(largest(&[0.1, 0.7, 0.2]), Some(1));
        assert_eq!(largest(&[0.5, 0.5]), Some(0));
        assert_eq!(largest(&[-1e300, f64::NEG_INFINITY]), Some(0));
        assert_eq!(largest(&[f64::INFINITY, f64::NAN]), None);
        assert_eq!((least(0.2, 0.1), least(0.1, 0.1), least(f64::NAN, 0.0)), (Some(1), Some(0), None));
    }

    #[test]
    fn confusion_counts_every_sample_once() {
        let mut confusion = Confusion::new(2);
        confusion.add(0, Some(1));
        confusion.add(1, Some(1));
        confusion.add(1, None);
        assert_eq!((confusion.count(0, 1), confusion.count(1, 1), confusion.count(0, 0)), (1, 1, 0));
        assert_eq!((confusion.samples(0), confusion.samples(1), confusion.undecided(1)), (1, 2, 1));
    }
}
