//! What a lesson's conditions answer: which parameters stand out, and when training is over.
//!
//! Cues name conditions by their numbers, and only the worker has them: a script runs on its thread alone. One that
//! fails is the author's problem; it lights nothing up and ends the training that asked it.

use crate::backend::Backend;
use slowgrad_engine::condition::{Condition, StopCondition};
use slowgrad_tape::Diagnostic;
use slowgrad_timeline::cue;
use std::sync::Arc;

/// The conditions that are asked now.
#[derive(Debug, Default)]
pub(crate) struct Conditions {
    highlight: Option<cue::Condition>,
    until: Option<StopCondition>,
    /// The answers for the step that is shown, flat.
    pub(crate) lit: Option<Arc<[bool]>>,
    /// What went wrong when one was asked.
    pub(crate) problem: Option<Diagnostic>,
}

impl Backend {
    fn condition(&self, cue::Condition(number): cue::Condition) -> Option<Condition> {
        // A lesson that was saved meanwhile may have fewer of them.
        self.opened.as_ref()?.conditions.get(number).cloned()
    }

    /// Lets the parameters stand out of which a condition holds, in this step and those to come.
    pub(crate) fn highlight(&mut self, condition: Option<cue::Condition>) {
        self.conditions.highlight = condition;
        self.conditions.problem = None;
        self.light();
    }

    /// Asks the condition about the step that is shown.
    pub(crate) fn light(&mut self) {
        self.conditions.lit = None;
        let condition = self.conditions.highlight.and_then(|condition| self.condition(condition));
        let (Some(Condition::Parameter(condition)), Some(shown)) = (condition, &self.shown) else { return };
        match condition.evaluate(shown.step()) {
            Ok(lit) => self.conditions.lit = Some(lit.into()),
            Err(problem) => {
                self.conditions.highlight = None;
                self.conditions.problem = Some(*problem);
            }
        }
        self.keep_printed();
    }

    /// Trains until a condition holds, or for so many steps.
    pub(crate) fn train_until(&mut self, condition: cue::Condition, most: u64) {
        self.stop_training();
        self.conditions.problem = None;
        if let Some(Condition::Training(condition)) = self.condition(condition) {
            self.conditions.until = Some(StopCondition::new(condition));
            self.train(most);
        }
    }

    /// No condition ends training.
    pub(crate) fn forget_until(&mut self) {
        self.conditions.until = None;
    }

    /// A step was trained with this loss; ends the training that was waiting for it.
    pub(crate) fn trained(&mut self, loss: f64) {
        let (Some(until), Some(opened)) = (&mut self.conditions.until, &self.opened) else { return };
        match until.is_reached(opened.run.setup(), opened.run.step(), loss) {
            Ok(false) => {}
            Ok(true) => self.stop_training(),
            Err(problem) => {
                self.conditions.problem = Some(*problem);
                self.stop_training();
            }
        }
    }
}
