//! What a lesson asks of parameters or of training: a traced function whose result is 1 for yes and 0 for no.
//!
//! A condition is asked like any other function, so that what a script says is asked of thousands of parameters, or
//! after each step, without running the script each time. It must not know what the answer is for.

use crate::plugin::Shared;
use crate::record::RecordedStep;
use crate::setup::Setup;
use slowgrad_tape::Diagnostic;
use std::collections::VecDeque;

/// A condition of a lesson.
#[derive(Debug, Clone)]
pub enum Condition {
    /// Asked of parameters.
    OfParameter(OfParameter),
    /// Asked of training.
    OfTraining(OfTraining),
}

/// Asked of each parameter of a step. Inputs: those of [`OfParameter::INPUTS`], and of weights the input as well.
#[derive(Debug, Clone)]
pub struct OfParameter {
    /// Asked of weights.
    pub weights: Shared,
    /// Asked of biases.
    pub biases: Shared,
}

impl OfParameter {
    /// What is known of a parameter, in the order of the function's inputs: its value before the step, its gradient, by
    /// how much the step changes it, and where it is, from 0.
    pub const INPUTS: [&'static str; 5] = ["value", "grad", "change", "layer", "neuron"];
    /// What only weights have, as the last input.
    pub const INPUT: &'static str = "input";

    /// The answer for every parameter of a step, flat.
    pub fn ask(&self, step: &RecordedStep) -> Result<Vec<bool>, Box<Diagnostic>> {
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

/// Asked after each step of training. Inputs: those of [`OfTraining::INPUTS`].
#[derive(Debug, Clone)]
pub struct OfTraining(pub Shared);

impl OfTraining {
    /// What is known of training, in the order of the function's inputs: the mean loss of the last epoch's steps, the
    /// number of the step just done, and the epochs that are over.
    pub const INPUTS: [&'static str; 3] = ["loss", "step", "epoch"];
}

/// Training until a condition holds.
#[derive(Debug, Clone)]
pub struct Until {
    condition: OfTraining,
    /// The losses of the last steps, as many as an epoch has.
    losses: VecDeque<f64>,
}

impl Until {
    /// Nothing has been trained yet.
    pub fn new(condition: OfTraining) -> Self {
        Self { condition, losses: VecDeque::new() }
    }

    /// Takes in the loss of a step that was trained, and answers whether the condition holds now. Before every sample
    /// has been seen once there is no loss to judge by, and it does not: one lucky sample tells nothing.
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
