//! A second run beside the first, with the same initial state and the same edits, that differs in one setting.
//!
//! It is rebuilt whenever the first run is edited, so code that edits a run need not know it. It follows the first run
//! step by step. It must not know the window.

use super::lesson_run::LessonRun;
use super::plots::SHOWN_SAMPLES;
use super::plots::predictions::{Detail, predict_over_inputs};
use super::shown_step::ShownStep;
use super::slots;
use crate::clock::Deadline;
use crate::protocol::{ComparisonInfo, Difference, PluginControl, Predictions, Slot};
use slowgrad_engine::run::{Run, RunVersion};
use slowgrad_engine::setup::Setup;
use slowgrad_engine::spec::ParamValue;
use slowgrad_script::Sandbox;
use slowgrad_tape::Diagnostic;
use slowgrad_timeline::number_format;
use std::sync::Arc;

/// The second run of a comparison.
#[derive(Debug)]
struct ComparisonRun {
    difference: Difference,
    run: Run,
    /// The version of the first run that this one was built from.
    based_on: RunVersion,
    shown: Option<ShownStep>,
    /// The predictions before the shown step, once they are requested.
    predictions: Option<Arc<Predictions>>,
}

impl ComparisonRun {
    fn new(sandbox: &Sandbox, difference: Difference, run: &Run) -> Result<Self, Vec<Diagnostic>> {
        let slot = difference.slot;
        let change = |setup: &Setup| -> Result<Setup, Vec<Diagnostic>> {
            let mut spec = (*setup.spec).clone();
            let mut plugin = difference.plugin.clone();
            // Settings that the difference does not name are equal: the learning rate, other controls of the plugin.
            if slot == Slot::Optimizer {
                let rate = ParamValue::Number(setup.optimizer.learning_rate());
                plugin.params.entry("lr".to_owned()).or_insert(rate);
            }
            if let Some(same) = slots::plugins(&mut spec, slot).first().filter(|same| same.name == plugin.name) {
                plugin.params = same.params.clone().into_iter().chain(plugin.params).collect();
            }
            let changed = sandbox.patch(&mut spec, &slot.patch(plugin))?;
            // Edits by hand apply to both runs.
            Ok(Setup {
                train: Arc::clone(&setup.train),
                test: Arc::clone(&setup.test),
                frozen: Arc::clone(&setup.frozen),
                ..changed
            })
        };
        Ok(Self { run: run.variant(change)?, difference, based_on: run.version(), shown: None, predictions: None })
    }

    /// Trains one step or goes back towards a number of completed steps; returns whether it is reached.
    fn approach(&mut self, step: u64) -> Result<bool, Box<Diagnostic>> {
        if self.run.step() < step {
            self.run.advance()?;
        } else if self.run.step() > step {
            self.run.seek(step)?;
        }
        Ok(self.run.step() == step)
    }

    /// The data for a snapshot.
    fn info(&mut self, run: &Run, with_predictions: bool) -> Result<ComparisonInfo, Box<Diagnostic>> {
        let same_step = self.run.step() == run.step();
        let shows = |shown: &ShownStep| shown.number() == run.step() + 1;
        if same_step && !self.shown.as_ref().is_some_and(shows) {
            self.shown = Some(ShownStep::record(&mut self.run)?);
            self.predictions = None;
        }
        if same_step && with_predictions && self.predictions.is_none() {
            self.predictions = predict_over_inputs(&mut self.run, SHOWN_SAMPLES, Detail::Fine).map(Arc::new);
        }
        let shown = self.shown.as_ref().filter(|shown| same_step && shows(shown));
        let [baseline_setting, comparison_setting] = self.names(run);
        Ok(ComparisonInfo {
            difference: self.difference.clone(),
            baseline_setting,
            comparison_setting,
            timeline: shown.map(|shown| Arc::clone(&shown.timeline)),
            summary: shown.map(|shown| Arc::clone(&shown.summary)),
            maps: shown.and_then(|shown| shown.maps.clone()),
            predictions: self.predictions.clone().filter(|_| shown.is_some() && with_predictions),
            step: self.run.step(),
            curve: self.run.curve().points().to_vec(),
        })
    }

    /// The setting in which the two runs differ: of the first and of the second.
    fn names(&self, run: &Run) -> [String; 2] {
        let slot = self.difference.slot;
        let named = |setup: &Setup| {
            let info = slots::plugged(setup, slot);
            info.map(|info| (info.name, info.controls)).unwrap_or_default()
        };
        let ((baseline_setting, own_controls), (comparison_setting, controls)) =
            (named(run.setup()), named(self.run.setup()));
        if baseline_setting != comparison_setting {
            return [baseline_setting, comparison_setting];
        }
        // The same plugin with different controls.
        let describe = |controls: &[PluginControl]| {
            let controls = controls.iter().map(|info| &info.control);
            let named = controls.filter(|control| self.difference.plugin.params.contains_key(&control.name));
            let settings = named.filter_map(|control| {
                let name = slots::control_symbol(&control.name);
                Some(format!("{name} = {}", number_format::number(control.slider()?, 3)))
            });
            settings.collect::<Vec<_>>().join(", ")
        };
        [describe(&own_controls), describe(&controls)]
    }
}

/// The second run, while a comparison is active.
#[derive(Debug, Default)]
pub(crate) struct Comparison(Option<ComparisonRun>);

impl Comparison {
    /// Starts a comparison, or ends it (`None`).
    pub(crate) fn set(&mut self, difference: Option<Difference>, lesson: &mut LessonRun) {
        self.0 = None;
        let (Some(difference), Some(open)) = (difference, &lesson.open) else { return };
        match ComparisonRun::new(lesson.scripts.sandbox(), difference, &open.run) {
            Ok(second) => self.0 = Some(second),
            Err(problems) => self.end(problems.into_iter().next(), lesson),
        }
    }

    /// Ends a comparison that cannot continue, with a message.
    fn end(&mut self, problem: Option<Diagnostic>, lesson: &mut LessonRun) {
        self.0 = None;
        let cause = problem.map(|problem| problem.message).unwrap_or_default();
        lesson.report.message(format!("the comparison has ended: {cause}"));
    }

    /// Whether a comparison is active.
    pub(crate) fn is_active(&self) -> bool {
        self.0.is_some()
    }

    /// The second run.
    pub(crate) fn run(&self) -> Option<&Run> {
        self.0.as_ref().map(|second| &second.run)
    }

    /// The second run.
    pub(crate) fn run_mut(&mut self) -> Option<&mut Run> {
        self.0.as_mut().map(|second| &mut second.run)
    }

    /// Moves the second run towards the step of the first until the deadline; returns whether it is reached.
    pub(crate) fn catch_up(&mut self, lesson: &mut LessonRun, deadline: Deadline) -> bool {
        let Some(open) = &lesson.open else { return true };
        if let Some(second) = &self.0
            && second.based_on != open.run.version()
        {
            let difference = second.difference.clone();
            self.set(Some(difference), lesson);
        }
        let (Some(open), Some(second)) = (&lesson.open, &mut self.0) else { return true };
        let step = open.run.step();
        loop {
            match second.approach(step) {
                Ok(true) => return true,
                Ok(false) if !deadline.has_passed() => {}
                Ok(false) => return false,
                Err(problem) => {
                    self.end(Some(*problem), lesson);
                    return true;
                }
            }
        }
    }

    /// The data for a snapshot, with predictions if their plot is open.
    pub(crate) fn info(&mut self, lesson: &mut LessonRun, with_predictions: bool) -> Option<Arc<ComparisonInfo>> {
        let (Some(open), Some(second)) = (&lesson.open, &mut self.0) else { return None };
        match second.info(&open.run, with_predictions) {
            Ok(info) => Some(Arc::new(info)),
            Err(problem) => {
                self.end(Some(*problem), lesson);
                None
            }
        }
    }
}
