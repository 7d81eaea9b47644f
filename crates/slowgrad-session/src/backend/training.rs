//! The training that is requested: its remaining steps, its number of threads and the condition that ends it.
//!
//! It must not know scripts or the computation of a step.

use super::thread_count::ThreadTuner;
use crate::clock::Clock;
use slowgrad_engine::condition::StopCondition;
use slowgrad_engine::run::Run;
use slowgrad_tape::Diagnostic;
use std::time::Duration;

/// The training that is requested and not completed.
#[derive(Debug)]
pub(crate) struct Training {
    tuner: ThreadTuner,
    full_speed: bool,
    steps_left: u64,
    until: Option<StopCondition>,
}

impl Training {
    /// No training is requested yet. Later at most this many threads are used.
    pub(crate) fn new(max_threads: usize) -> Self {
        Self { tuner: ThreadTuner::new(max_threads), full_speed: false, steps_left: 0, until: None }
    }

    /// Whether steps remain to be trained.
    pub(crate) fn is_requested(&self) -> bool {
        self.full_speed || self.steps_left > 0
    }

    /// Ends all training.
    pub(crate) fn stop(&mut self) {
        self.until = None;
        self.full_speed = false;
        self.steps_left = 0;
    }

    /// Trains without limit, or ends all training.
    pub(crate) fn set_full_speed(&mut self, on: bool) {
        self.stop();
        self.full_speed = on;
    }

    /// Adds this many steps and drops the condition.
    pub(crate) fn add_steps(&mut self, steps: u64) {
        self.until = None;
        self.steps_left = self.steps_left.saturating_add(steps);
    }

    /// Trains exactly this many steps from now on.
    pub(crate) fn set_steps(&mut self, steps: u64) {
        self.steps_left = steps;
    }

    /// Trains until a condition holds, at most this many steps.
    pub(crate) fn train_until(&mut self, condition: StopCondition, max_steps: u64) {
        self.stop();
        self.until = Some(condition);
        self.steps_left = max_steps;
    }

    /// The number of threads for the next steps.
    pub(crate) fn threads(&self) -> usize {
        self.tuner.threads()
    }

    /// The length of the next slice of training. Trials of another number of threads are short.
    pub(crate) fn slice(&self, usual: Duration) -> Duration {
        self.tuner.slice(usual)
    }

    /// Records the speed of this many steps, which alone took the time since `began`.
    pub(crate) fn record_speed(&mut self, steps: u64, clock: Clock, began: Duration) {
        self.tuner.record(steps, clock.now().saturating_sub(began));
    }

    /// Counts a trained step with its loss, and ends training when its condition holds.
    ///
    /// # Errors
    ///
    /// When the script of the condition fails; training has then ended.
    pub(crate) fn step_done(&mut self, run: &mut Run, loss: f64) -> Result<(), Box<Diagnostic>> {
        self.steps_left = self.steps_left.saturating_sub(1);
        let Some(until) = &mut self.until else { return Ok(()) };
        match until.is_reached(run, loss) {
            Ok(false) => Ok(()),
            Ok(true) => {
                self.stop();
                Ok(())
            }
            Err(problem) => {
                self.stop();
                Err(problem)
            }
        }
    }
}
