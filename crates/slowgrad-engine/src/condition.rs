//! Conditions of a lesson on parameters or on training: traced functions that return 1 for true and 0 for false.
//!
//! A condition is traced like any other function, so it is evaluated for thousands of parameters, or after each step,
//! without running its script each time. This module must not know what the result is used for.

use crate::evaluation::Scores;
use crate::plugin::SharedFunction;
use crate::record::RecordedStep;
use crate::run::Run;
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
    /// completed step, the number of completed epochs, and the scores after the last epoch: the accuracy over the training
    /// data, the mean loss and the accuracy over the test data.
    pub const INPUTS: [&'static str; 6] = ["loss", "step", "epoch", "accuracy", "test_loss", "test_accuracy"];
}

/// Ends training when a condition holds.
#[derive(Debug, Clone)]
pub struct StopCondition {
    condition: TrainingCondition,
    /// The losses of the last steps, at most one epoch's.
    losses: VecDeque<f64>,
    /// The scores after the last epoch.
    scores: Option<Scores>,
}

impl StopCondition {
    /// Starts without any losses.
    pub fn new(condition: TrainingCondition) -> Self {
        Self { condition, losses: VecDeque::new(), scores: None }
    }

    /// Adds the loss of the last completed step of a run and returns whether the condition holds. It never holds before
    /// every sample has been seen once, since the loss of a single batch is too noisy. Scores are computed once an epoch.
    ///
    /// # Errors
    /// The diagnostic of a failing script.
    pub fn is_reached(&mut self, run: &mut Run, loss: f64) -> Result<bool, Box<Diagnostic>> {
        let (step, steps) = (run.step(), run.setup().steps_per_epoch());
        self.losses.push_back(loss);
        while self.losses.len() as u64 > steps {
            self.losses.pop_front();
        }
        if (self.losses.len() as u64) < steps {
            return Ok(false);
        }
        let scores = match self.scores.filter(|_| !step.is_multiple_of(steps)) {
            Some(scores) => scores,
            None => *self.scores.insert(run.evaluate()?.scores()),
        };
        let mean = self.losses.iter().sum::<f64>() / steps as f64;
        let unknown = |score: Option<f64>| score.unwrap_or(f64::NAN);
        let (train, test) = (scores.train, scores.test);
        let inputs = [
            mean,
            step as f64,
            (step / steps) as f64,
            unknown(train.accuracy),
            unknown(test.map(|test| test.loss)),
            unknown(test.and_then(|test| test.accuracy)),
        ];
        let call = self.condition.0.borrow_mut().call(&inputs)?;
        Ok(call.output(0) != 0.0)
    }
}
