//! The evaluation of the shown step's parameters over all data, in slices of time between commands.
//!
//! It runs only while something shows its numbers. It must not know where they are shown.

use crate::clock::Deadline;
use crate::protocol::StepEvaluation;
use slowgrad_engine::evaluation::{Evaluated, Evaluation};
use slowgrad_engine::run::{Run, RunVersion};
use slowgrad_engine::setup::Setup;
use slowgrad_engine::train::Workspace;
use std::rc::Rc;
use std::sync::Arc;

/// The parameters that are evaluated: the run, its version, and the number of completed steps.
type EvaluatedState = (u64, RunVersion, u64);

/// An evaluation in progress.
struct EvaluationJob {
    state: EvaluatedState,
    setup: Rc<Setup>,
    values: Vec<f64>,
    train: Evaluation,
    test: Evaluation,
    work: Workspace,
}

impl EvaluationJob {
    fn new(state: EvaluatedState, run: &Run) -> Self {
        let setup = Rc::new(run.setup().clone());
        Self {
            state,
            values: run.model().values.clone(),
            train: Evaluation::with_classes(&setup),
            test: Evaluation::with_classes(&setup),
            work: Workspace::default(),
            setup,
        }
    }

    fn is_done(&self) -> bool {
        self.train.is_done(&self.setup.train) && self.test.is_done(&self.setup.test)
    }

    /// Evaluates a block of samples; returns whether the scripts worked.
    fn advance(&mut self) -> bool {
        let Self { setup, values, train, test, work, .. } = self;
        let (evaluation, data) = if train.is_done(&setup.train) { (test, &setup.test) } else { (train, &setup.train) };
        evaluation.advance(setup, values, data, work).is_ok()
    }
}

/// Evaluates the present parameters of a run while that is wanted.
#[derive(Default)]
pub(super) struct Evaluator {
    is_wanted: bool,
    job: Option<EvaluationJob>,
    /// The parameters whose evaluation failed, so that it is not repeated.
    failed: Option<EvaluatedState>,
    done: Option<(EvaluatedState, Arc<StepEvaluation>)>,
}

impl Evaluator {
    /// Starts or ends evaluation.
    pub(super) fn set_wanted(&mut self, is_wanted: bool) {
        self.is_wanted = is_wanted;
        if !is_wanted {
            *self = Self::default();
        }
    }

    /// Whether an evaluation is in progress.
    pub(super) fn has_work(&self) -> bool {
        self.job.is_some()
    }

    /// Starts the evaluation of the present parameters, unless they are known. While training, the evaluation of earlier
    /// parameters is finished first.
    pub(super) fn update(&mut self, run: &Run, run_number: u64, training: bool) {
        if !self.is_wanted {
            return;
        }
        let state = (run_number, run.version(), run.step());
        let known = [self.job.as_ref().map(|job| job.state), self.done.as_ref().map(|done| done.0), self.failed];
        if known.contains(&Some(state)) || (training && self.job.is_some()) {
            return;
        }
        self.job = Some(EvaluationJob::new(state, run));
    }

    /// Evaluates until everything is done or the deadline passes.
    pub(super) fn compute(&mut self, deadline: Deadline) {
        while let Some(job) = &mut self.job {
            if !job.advance() {
                self.failed = Some(job.state);
                self.job = None;
                return;
            }
            if let Some(EvaluationJob { state, train, test, .. }) = self.job.take_if(|job| job.is_done()) {
                let evaluation = StepEvaluation { steps: state.2, evaluated: Evaluated { train, test } };
                self.done = Some((state, Arc::new(evaluation)));
            }
            if deadline.has_passed() {
                return;
            }
        }
    }

    /// The last complete evaluation of this run.
    pub(super) fn evaluation(&self, run_number: u64) -> Option<&Arc<StepEvaluation>> {
        self.done.as_ref().filter(|((number, ..), _)| *number == run_number).map(|(_, evaluation)| evaluation)
    }
}
