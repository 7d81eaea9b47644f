//! The learning rate of a step: the optimizer's, times the schedule's factor.
//!
//! One call of one function per step, shared by full-speed training and recording. This module must not know parameters
//! or gradients.

use crate::plugin::Schedule;
use crate::setup::Setup;
use slowgrad_tape::{Call, Diagnostic, Trace};
use std::sync::Arc;

/// A schedule's call in a step.
#[derive(Debug, Clone)]
pub struct RecordedRate {
    /// The name of the schedule.
    pub schedule: String,
    /// The inputs of its call.
    pub inputs: Vec<f64>,
    /// The trace of its call.
    pub trace: Arc<Trace>,
    /// The optimizer's learning rate.
    pub base: f64,
    /// The schedule's factor.
    pub factor: f64,
    /// base × factor, rounded once: the learning rate of the step.
    pub lr: f64,
}

/// Calls the schedule for a step (from 1). `None` if there is no schedule.
///
/// # Errors
/// The diagnostic of a failing script.
pub fn scheduled(setup: &Setup, step: u64) -> Result<Option<RecordedRate>, Box<Diagnostic>> {
    let Some(schedule) = &setup.schedule else { return Ok(None) };
    let inputs: Vec<f64> = inputs(setup, schedule, step).collect();
    let call: Call = schedule.function.borrow_mut().call(&inputs)?;
    let (base, factor) = (setup.optimizer.learning_rate(), call.output(0));
    let schedule = schedule.info.name.clone();
    Ok(Some(RecordedRate { schedule, inputs, trace: call.trace, base, factor, lr: base * factor }))
}

/// The schedule's inputs: the step, its context, its sliders.
pub(crate) fn inputs(setup: &Setup, schedule: &Schedule, step: u64) -> impl Iterator<Item = f64> {
    let own = [step as f64, setup.epoch(step) as f64, setup.steps_per_epoch() as f64];
    own.into_iter().chain(schedule.info.each_slider())
}

/// The learning rate that the optimizer receives.
pub(crate) fn effective(setup: &Setup, scheduled: Option<&RecordedRate>) -> f64 {
    scheduled.map_or_else(|| setup.optimizer.learning_rate(), |rate| rate.lr)
}
