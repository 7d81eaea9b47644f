//! A second run beside the first, with the same start and the same edits, that differs in one setting.
//!
//! It is made again whenever the first run is edited, so code that edits a run does not know it, and it keeps in step
//! with the first. It must not know the window.

use super::lesson_run::LessonRun;
use super::plots::SHOWN_SAMPLES;
use super::plots::predictions::{Detail, answers};
use super::shown_step::ShownStep;
use super::slots;
use crate::clock::Deadline;
use crate::protocol::{Answers, Difference, Knob, RivalInfo, Slot};
use slowgrad_engine::run::{Run, RunVersion};
use slowgrad_engine::setup::Setup;
use slowgrad_engine::spec::ParamValue;
use slowgrad_script::Sandbox;
use slowgrad_tape::Diagnostic;
use slowgrad_timeline::number_format;
use std::sync::Arc;

/// A second run.
#[derive(Debug)]
struct ComparisonRun {
    difference: Difference,
    run: Run,
    /// The version of the first run that this one was made from.
    made_from: RunVersion,
    shown: Option<ShownStep>,
    /// The predictions before the step that is shown, once they were requested.
    predictions: Option<Arc<Answers>>,
}

impl ComparisonRun {
    fn new(sandbox: &Sandbox, difference: Difference, run: &Run) -> Result<Self, Vec<Diagnostic>> {
        let slot = difference.slot;
        let change = |setup: &Setup| -> Result<Setup, Vec<Diagnostic>> {
            let mut spec = (*setup.spec).clone();
            let mut plugin = difference.plugin.clone();
            // All that is not named is the same: the learning rate, and the other controls of the same plugin.
            if slot == Slot::Optimizer {
                let rate = ParamValue::Number(setup.optimizer.learning_rate());
                plugin.params.entry("lr".to_owned()).or_insert(rate);
            }
            if let Some(same) = slots::plugins(&mut spec, slot).first().filter(|same| same.name == plugin.name) {
                plugin.params = same.params.clone().into_iter().chain(plugin.params).collect();
            }
            let changed = sandbox.patch(&mut spec, &slot.patch(plugin))?;
            // What was edited by hand is edited for both.
            Ok(Setup {
                train: Arc::clone(&setup.train),
                test: Arc::clone(&setup.test),
                frozen: Arc::clone(&setup.frozen),
                ..changed
            })
        };
        Ok(Self { run: run.variant(change)?, difference, made_from: run.version(), shown: None, predictions: None })
    }

    /// Takes a step forwards, or goes back, towards a number of steps; returns whether it is there.
    fn approach(&mut self, step: u64) -> Result<bool, Box<Diagnostic>> {
        if self.run.step() < step {
            self.run.advance()?;
        } else if self.run.step() > step {
            self.run.seek(step)?;
        }
        Ok(self.run.step() == step)
    }

    /// The comparison for a snapshot.
    fn info(&mut self, run: &Run, has_predictions: bool) -> Result<RivalInfo, Box<Diagnostic>> {
        let is_here = self.run.step() == run.step();
        let shows = |shown: &ShownStep| shown.number() == run.step() + 1;
        if is_here && !self.shown.as_ref().is_some_and(shows) {
            self.shown = Some(ShownStep::record(&mut self.run)?);
            self.predictions = None;
        }
        if is_here && has_predictions && self.predictions.is_none() {
            self.predictions = answers(&mut self.run, SHOWN_SAMPLES, Detail::Fine).map(Arc::new);
        }
        let shown = self.shown.as_ref().filter(|shown| is_here && shows(shown));
        let [mine, theirs] = self.names(run);
        Ok(RivalInfo {
            difference: self.difference.clone(),
            mine,
            theirs,
            timeline: shown.map(|shown| Arc::clone(&shown.timeline)),
            picture: shown.map(|shown| Arc::clone(&shown.picture)),
            maps: shown.and_then(|shown| shown.maps.clone()),
            answers: self.predictions.clone().filter(|_| shown.is_some() && has_predictions),
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
        let ((mine, own_controls), (theirs, controls)) = (named(run.setup()), named(self.run.setup()));
        if mine != theirs {
            return [mine, theirs];
        }
        // The same plugin with other values.
        let said = |controls: &[Knob]| {
            let controls = controls.iter().map(|knob| &knob.control);
            let named = controls.filter(|control| self.difference.plugin.params.contains_key(&control.name));
            let said = named.filter_map(|control| {
                let name = slots::sign(&control.name);
                Some(format!("{name} = {}", number_format::number(control.slider()?, 3)))
            });
            said.collect::<Vec<_>>().join(", ")
        };
        [said(&own_controls), said(&controls)]
    }
}

/// The comparison, while there is one.
#[derive(Debug, Default)]
pub(crate) struct Comparison(Option<ComparisonRun>);

impl Comparison {
    /// Begins a comparison, or ends it (`None`).
    pub(crate) fn set(&mut self, difference: Option<Difference>, lesson: &mut LessonRun) {
        self.0 = None;
        let (Some(difference), Some(open)) = (difference, &lesson.open) else { return };
        match ComparisonRun::new(lesson.scripts.sandbox(), difference, &open.run) {
            Ok(second) => self.0 = Some(second),
            Err(problems) => self.end(problems.into_iter().next(), lesson),
        }
    }

    /// The comparison cannot continue.
    fn end(&mut self, problem: Option<Diagnostic>, lesson: &mut LessonRun) {
        self.0 = None;
        let cause = problem.map(|problem| problem.message).unwrap_or_default();
        lesson.report.message(format!("the comparison has ended: {cause}"));
    }

    /// Whether there is a second run.
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

    /// Brings the second run to the step of the first, as far as time allows; returns whether it is there.
    pub(crate) fn catch_up(&mut self, lesson: &mut LessonRun, deadline: Deadline) -> bool {
        let Some(open) = &lesson.open else { return true };
        if let Some(second) = &self.0
            && second.made_from != open.run.version()
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

    /// The comparison for a snapshot, with predictions if these are plotted.
    pub(crate) fn info(&mut self, lesson: &mut LessonRun, has_predictions: bool) -> Option<Arc<RivalInfo>> {
        let (Some(open), Some(second)) = (&lesson.open, &mut self.0) else { return None };
        match second.info(&open.run, has_predictions) {
            Ok(info) => Some(Arc::new(info)),
            Err(problem) => {
                self.end(Some(*problem), lesson);
                None
            }
        }
    }
}
