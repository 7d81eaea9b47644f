//! Conditions of a lesson on parameters or on training: traced functions that return 1 for true and 0 for false.
//!
//! A condition is traced like any other function, so it is evaluated for thousands of parameters, or after each step,
//! without running its script each time. This module must not know what the result is used for.

use crate::plugin::SharedFunction;
use crate::record::RecordedStep;
use crate::setup::Setup;
use slowgrad_tape::Diagnostic;
use std::collections::VecDeque;

/// A condition of a lesson.
#[derive(Debug, Clone)]
pub enum Condition {
    /// A condition on parameters.
    Parameter(ParameterCondition),
    /// A condition on training.
    Training(TrainingCondition),
}

/// A condition on each parameter of a step. Inputs: [`ParameterCondition::INPUTS`], and for weights also
/// [`ParameterCondition::INPUT`].
#[derive(Debug, Clone)]
pub struct ParameterCondition {
    /// The function for weights.
    pub weights: SharedFunction,
    /// The function for biases.
    pub biases: SharedFunction,
}

impl ParameterCondition {
    /// The names of the inputs, in order: the parameter's value before the step, its gradient, its change in the step,
    /// its layer and its neuron, both from 0.
    pub const INPUTS: [&'static str; 5] = ["value", "grad", "change", "layer", "neuron"];
    /// The name of the last input, which only weights have: the layer's input that the weight multiplies, from 0.
    pub const INPUT: &'static str = "input";

    /// Evaluates the condition for every parameter of a step, flat.
    ///
    /// # Errors
    /// The diagnostic of a failing script.
    pub fn evaluate(&self, step: &RecordedStep) -> Result<Vec<bool>, Box<Diagnostic>> {
        let (before, after) = (&step.before.values, &step.after.values);
        let mut inputs = Vec::with_capacity(Self::INPUTS.len() + 1);
        (0..before.len())
            .map(|index| {
                let at = step.shape.parameter(index);
                inputs.clear();
                inputs.extend([before[index], step.grads[index], after[index] - before[index]]);
                inputs.extend([at.layer as f64, at.neuron as f64]);
                inputs.extend(at.input.map(|input| input as f64));
                let function = if at.input.is_some() { &self.weights } else { &self.biases };
                Ok(function.borrow_mut().call(&inputs)?.output(0) != 0.0)
            })
            .collect()
    }
}

/// A condition on training, evaluated after each step. Inputs: [`TrainingCondition::INPUTS`].
#[derive(Debug, Clone)]
pub struct TrainingCondition(pub SharedFunction);

impl TrainingCondition {
    /// The names of the inputs, in order: the mean loss of the last steps (as many as an epoch has), the number of the
    /// completed step, and the number of completed epochs.
    pub const INPUTS: [&'static str; 3] = ["loss", "step", "epoch"];
}

/// Ends training when a condition holds.
#[derive(Debug, Clone)]
pub struct StopCondition {
    condition: TrainingCondition,
    /// The losses of the last steps, at most one epoch's.
    losses: VecDeque<f64>,
}

impl StopCondition {
    /// Starts without any losses.
    pub fn new(condition: TrainingCondition) -> Self {
        Self { condition, losses: VecDeque::new() }
    }

    /// Adds the loss of a completed step (from 1) and returns whether the condition holds. It never holds before every
    /// sample has been seen once, since the loss of a single batch is too noisy.
    ///
    /// # Errors
    /// The diagnostic of a failing script.
    pub fn is_reached(&mut self, setup: &Setup, step: u64, loss: f64) -> Result<bool, Box<Diagnostic>> {
        let steps = setup.steps_per_epoch();
        self.losses.push_back(loss);
        while self.losses.len() as u64 > steps {
            self.losses.pop_front();
        }
        if (self.losses.len() as u64) < steps {
            return Ok(false);
        }
        let mean = self.losses.iter().sum::<f64>() / steps as f64;
        let call = self.condition.0.borrow_mut().call(&[mean, step as f64, (step / steps) as f64])?;
        Ok(call.output(0) != 0.0)
    }
}
