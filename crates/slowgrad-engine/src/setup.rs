//! Everything about training except the parameters themselves.
//!
//! A setup is cheap to clone, because its functions are shared; so a run's history can store every setup that it had.

use crate::data::Data;
use crate::io_names::IoNames;
use crate::plugin::{Activation, Loss, Optimizer, PluginInfo, Regularizer, Schedule, SharedFunction};
use crate::rng::{Purpose, Rng};
use crate::shape::Shape;
use crate::spec::LessonSpec;
use std::collections::BTreeSet;
use std::ops::Range;
use std::rc::Rc;
use std::sync::Arc;

/// The setup of training.
#[derive(Debug, Clone)]
pub struct Setup {
    /// The description that this setup is made from. Restoring a past step also restores its description.
    pub spec: Arc<LessonSpec>,
    /// The network's shape.
    pub shape: Arc<Shape>,
    /// One activation per layer.
    pub activations: Vec<Activation>,
    /// The loss.
    pub loss: Loss,
    /// The penalty on each weight, if any.
    pub regularizer: Option<Regularizer>,
    /// The optimizer.
    pub optimizer: Optimizer,
    /// The factor of the learning rate, if any.
    pub schedule: Option<Schedule>,
    /// The initializer of the run's weights. Not used if the lesson gives the weights.
    pub initializer: PluginInfo,
    /// The dataset plugin that made the samples, if it was one.
    pub dataset: Option<PluginInfo>,
    /// The names of inputs and outputs, from the lesson and its data.
    pub io_names: Arc<IoNames>,
    /// The training data.
    pub train: Arc<Data>,
    /// The test data; may be empty.
    pub test: Arc<Data>,
    /// Samples per step.
    pub batch: usize,
    /// Whether each epoch has an order of its own.
    pub shuffle: bool,
    /// The seed of all random numbers.
    pub seed: u64,
    /// Flat indices of frozen parameters. They have gradients, but updates change neither their values nor their
    /// optimizer state.
    pub frozen: Arc<BTreeSet<usize>>,
}

impl Setup {
    /// Whether both setups are certain to train with the same bits: the same description apart from the title, the same
    /// functions, the same data.
    pub fn trains_like(&self, other: &Setup) -> bool {
        let same = |a: &SharedFunction, b: &SharedFunction| Rc::ptr_eq(a, b);
        let optional = |a: Option<&SharedFunction>, b: Option<&SharedFunction>| match (a, b) {
            (Some(a), Some(b)) => same(a, b),
            (a, b) => a.is_none() && b.is_none(),
        };
        let Self { activations, loss, regularizer, optimizer, schedule, .. } = self;
        *self.spec == LessonSpec { title: self.spec.title.clone(), ..(*other.spec).clone() }
            && activations.iter().zip(&other.activations).all(|(a, b)| same(&a.function, &b.function))
            && same(&loss.function, &other.loss.function)
            && optional(
                regularizer.as_ref().map(|plugin| &plugin.function),
                other.regularizer.as_ref().map(|plugin| &plugin.function),
            )
            && optimizer.rule.is_same(&other.optimizer.rule)
            && optional(
                schedule.as_ref().map(|plugin| &plugin.function),
                other.schedule.as_ref().map(|plugin| &plugin.function),
            )
            && self.train == other.train
            && self.test == other.test
    }

    /// Number of steps in an epoch. A short last batch is a step of its own.
    pub fn steps_per_epoch(&self) -> u64 {
        self.train.len().div_ceil(self.batch.max(1)).max(1) as u64
    }

    /// The epoch, from 0, of a step (from 1).
    pub fn epoch(&self, step: u64) -> u64 {
        (step - 1) / self.steps_per_epoch()
    }

    /// The indices of the samples of a step (from 1), in order. `order` caches the order of the last epoch.
    pub fn samples<'o>(&self, step: u64, order: &'o mut EpochOrder) -> &'o [usize] {
        let len = self.train.len();
        if order.drawn_for != Some((self.seed, self.shuffle, len, self.batch)) || !order.steps.contains(&step) {
            let steps = self.steps_per_epoch();
            let epoch = (step - 1) / steps;
            order.drawn_for = Some((self.seed, self.shuffle, len, self.batch));
            order.steps = epoch * steps + 1..(epoch + 1) * steps + 1;
            order.samples.clear();
            order.samples.extend(0..len);
            // Without shuffling, each epoch has the order of the data.
            if self.shuffle {
                Rng::new(self.seed, Purpose::Order { epoch }).shuffle(&mut order.samples);
            }
        }
        let start = (step - order.steps.start) as usize * self.batch;
        &order.samples[start..len.min(start + self.batch)]
    }
}

/// A cache of one epoch's order, so that it is not drawn again for each step.
#[derive(Debug, Clone, Default)]
pub struct EpochOrder {
    /// The seed, shuffling, number of samples and batch size that it was drawn for.
    drawn_for: Option<(u64, bool, usize, usize)>,
    /// The steps of the epoch.
    steps: Range<u64>,
    samples: Vec<usize>,
}
