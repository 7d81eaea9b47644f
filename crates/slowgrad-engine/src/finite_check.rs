//! Finds the first step of a run with a loss or a parameter that is not finite.
//!
//! The loss is looked at after each step, where it costs nothing. A parameter can become NaN or infinite while the loss
//! stays finite: a comparison in an activation may pass over a NaN, and tanh(∞) is 1. All parameters are therefore looked
//! at every few steps and at the end, which takes less than a hundredth of the training. What the check finds is exact all
//! the same: it repeats the steps since the last good model one by one. It must not know scripts or messages.

use crate::model::Model;
use crate::run::Run;
use crate::setup::Setup;
use crate::train::{self, Objective, Workspace};
use slowgrad_tape::Diagnostic;
use std::rc::Rc;

/// A number that is not finite.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum NotFinite {
    /// The mean loss of the batch.
    Loss(f64),
    /// The sum of the penalties.
    Penalty(f64),
    /// A parameter after the update.
    Parameter {
        /// Its flat index.
        index: usize,
        /// Its value.
        value: f64,
    },
}

/// The first step with a number that is not finite.
#[derive(Debug, Clone, PartialEq)]
pub struct BrokenStep {
    /// The step, from 1.
    pub step: u64,
    /// The number.
    pub number: NotFinite,
    /// Parameters and optimizer state before the step.
    pub before: Model,
}

/// Checks a run without edits while it trains.
#[derive(Debug)]
pub struct FiniteCheck {
    /// A model whose parameters are finite, and the number of steps completed with it.
    good: Model,
    good_step: u64,
}

impl FiniteCheck {
    /// Steps between two looks at the parameters.
    const STEPS_PER_LOOK: u64 = 16;
    /// Steps between two copies of the model. A multiple of [`Self::STEPS_PER_LOOK`].
    const STEPS_PER_COPY: u64 = 256;

    /// A check of the steps that follow. The present parameters must be finite.
    pub fn new(run: &Run) -> Self {
        Self { good: run.model().clone(), good_step: run.step() }
    }

    /// Checks the step that the run has completed. `objective` is its result, `is_last` looks at the parameters in any case.
    /// Returns the first broken step, which may be an earlier one.
    ///
    /// # Errors
    /// The diagnostic of a script that fails while steps are repeated.
    pub fn check(
        &mut self,
        run: &Run,
        objective: Objective,
        is_last: bool,
        threads: usize,
    ) -> Result<Option<BrokenStep>, Box<Diagnostic>> {
        let step = run.step();
        let is_good = in_objective(objective).is_none();
        if is_good && !is_last && !step.is_multiple_of(Self::STEPS_PER_LOOK) {
            return Ok(None);
        }
        let values = &run.model().values;
        if !is_good || !all_finite(values) {
            return self.first_broken(run.shared_setup(), step, threads);
        }
        if step.is_multiple_of(Self::STEPS_PER_COPY) {
            self.good.values.clone_from(values);
            self.good.state.clone_from(&run.model().state);
            self.good_step = step;
        }
        Ok(None)
    }

    /// Repeats the steps from the last good model up to `last`.
    fn first_broken(
        &self,
        setup: &Rc<Setup>,
        last: u64,
        threads: usize,
    ) -> Result<Option<BrokenStep>, Box<Diagnostic>> {
        let (mut model, mut before) = (self.good.clone(), self.good.clone());
        let mut work = Workspace::default();
        work.set_threads(threads);
        for step in self.good_step + 1..=last {
            before.values.clone_from(&model.values);
            before.state.clone_from(&model.state);
            let objective = train::step(setup, &mut model, step, &mut work)?;
            if let Some(number) = in_objective(objective).or_else(|| in_parameters(&model.values)) {
                return Ok(Some(BrokenStep { step, number, before }));
            }
        }
        Ok(None)
    }
}

fn in_objective(Objective { loss, penalty }: Objective) -> Option<NotFinite> {
    if !loss.is_finite() {
        return Some(NotFinite::Loss(loss));
    }
    penalty.filter(|penalty| !penalty.is_finite()).map(NotFinite::Penalty)
}

fn in_parameters(values: &[f64]) -> Option<NotFinite> {
    let index = values.iter().position(|value| !value.is_finite())?;
    Some(NotFinite::Parameter { index, value: values[index] })
}

/// Whether all numbers are finite, block by block: within a block there is no early exit, so that it runs in vectors.
fn all_finite(values: &[f64]) -> bool {
    const BLOCK: usize = 256;
    values.chunks(BLOCK).all(|block| block.iter().fold(true, |finite, value| finite & value.is_finite()))
}
