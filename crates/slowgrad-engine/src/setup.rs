//! Everything about training except the parameters themselves.
//!
//! A set-up is cheap to clone: its functions are shared, so that history can keep the set-up of every
//! stretch of a run.

use crate::data::Data;
use crate::plugin::{Activation, Loss, Optimizer, PluginInfo, Regularizer, Schedule};
use crate::rng::{Purpose, Rng};
use crate::shape::Shape;
use crate::spec::LessonSpec;
use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

/// What a network is trained with.
#[derive(Debug, Clone)]
pub struct Setup {
    /// What was asked for: the description that this is made from, so that going back in a run goes back to
    /// the description of that time as well.
    pub spec: Arc<LessonSpec>,
    /// The network's shape.
    pub shape: Arc<Shape>,
    /// One activation a layer.
    pub activations: Vec<Activation>,
    /// The loss.
    pub loss: Loss,
    /// What is added to the loss for each weight, if anything.
    pub regularizer: Option<Regularizer>,
    /// The optimizer.
    pub optimizer: Optimizer,
    /// What the learning rate is multiplied by, if by anything.
    pub schedule: Option<Schedule>,
    /// What the run's initial weights were drawn by, when the lesson does not give them.
    pub initializer: PluginInfo,
    /// What made the samples, when it was a plugin.
    pub dataset: Option<PluginInfo>,
    /// The samples to learn from.
    pub train: Arc<Data>,
    /// The samples kept for testing; may be empty.
    pub test: Arc<Data>,
    /// Samples a step.
    pub batch: usize,
    /// Whether each epoch has its own order.
    pub shuffle: bool,
    /// Everything random comes from it.
    pub seed: u64,
    /// Parameters (flat indices) that a person holds fast: they have gradients, and no update moves them or what
    /// the optimizer remembers of them.
    pub frozen: Arc<BTreeSet<usize>>,
}

impl Setup {
    /// Number of steps in an epoch; a short last batch is a step of its own.
    pub fn steps_per_epoch(&self) -> u64 {
        self.train.len().div_ceil(self.batch.max(1)).max(1) as u64
    }

    /// The epoch of a step (counted from 1), from 0.
    pub fn epoch(&self, step: u64) -> u64 {
        (step - 1) / self.steps_per_epoch()
    }

    /// The samples of a step (counted from 1), in order. `order` keeps the order of the epoch drawn last.
    pub fn samples<'o>(&self, step: u64, order: &'o mut EpochOrder) -> &'o [usize] {
        let len = self.train.len();
        if order.drawn != Some((self.seed, self.shuffle, len, self.batch)) || !order.steps.contains(&step) {
            let steps = self.steps_per_epoch();
            let epoch = (step - 1) / steps;
            order.drawn = Some((self.seed, self.shuffle, len, self.batch));
            order.steps = epoch * steps + 1..(epoch + 1) * steps + 1;
            order.samples.clear();
            order.samples.extend(0..len);
            // Without shuffling all epochs have the order of the data.
            if self.shuffle {
                Rng::new(self.seed, Purpose::Order { epoch }).shuffle(&mut order.samples);
            }
        }
        let start = (step - order.steps.start) as usize * self.batch;
        &order.samples[start..len.min(start + self.batch)]
    }
}

/// The order of one epoch's samples, so that it is not drawn anew for each of its steps.
#[derive(Debug, Clone, Default)]
pub struct EpochOrder {
    /// Seed, shuffling, number of samples and batch that it was drawn for.
    drawn: Option<(u64, bool, usize, usize)>,
    /// The steps of the epoch.
    steps: Range<u64>,
    samples: Vec<usize>,
}
