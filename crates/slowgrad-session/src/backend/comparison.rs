//! A second run beside the first, from the same beginning and with the same edits, that differs in one thing.
//!
//! It is made anew whenever the first run is edited, so nothing that edits a run has to know of it, and it keeps in
//! step with the first. It must not know the window.

use super::slots;
use crate::backend::Backend;
use crate::backend::plots::SHOWN_SAMPLES;
use crate::backend::plots::predictions::{Detail, answers, maps};
use crate::protocol::{Answers, Difference, Knob, RivalInfo, Slot};
use slowgrad_engine::run::{Run, RunVersion};
use slowgrad_engine::setup::Setup;
use slowgrad_engine::spec::ParamValue;
use slowgrad_script::Sandbox;
use slowgrad_tape::Diagnostic;
use slowgrad_timeline::Timeline;
use slowgrad_timeline::picture::{Maps, Picture};
use slowgrad_timeline::words;
use std::sync::Arc;
use std::time::Duration;

/// A run beside another.
#[derive(Debug)]
pub(crate) struct Rival {
    difference: Difference,
    pub(crate) run: Run,
    /// What the other run was when this one was made.
    of: RunVersion,
    shown: Option<Shown>,
}

/// A step of it, and what its network computes before that.
#[derive(Debug)]
struct Shown {
    timeline: Arc<Timeline>,
    /// What the scenes of it have in common.
    picture: Arc<Picture>,
    maps: Option<Arc<Maps>>,
    /// Over the inputs, once that was asked for.
    answers: Option<Arc<Answers>>,
}

impl Rival {
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
        Ok(Self { run: run.variant(change)?, difference, of: run.version(), shown: None })
    }

    /// Takes a step, or goes back, towards where the other run is; answers whether it is there.
    pub(crate) fn keep_up(&mut self, step: u64) -> Result<bool, Box<Diagnostic>> {
        if self.run.step() < step {
            self.run.advance()?;
        } else if self.run.step() > step {
            self.run.seek(step)?;
        }
        Ok(self.run.step() == step)
    }

    /// What the window is told of it.
    pub(crate) fn info(&mut self, run: &Run, has_answers: bool) -> Result<RivalInfo, Box<Diagnostic>> {
        let is_here = self.run.step() == run.step();
        let shows = |shown: &Shown| shown.timeline.step().step == run.step() + 1;
        if is_here && !self.shown.as_ref().is_some_and(shows) {
            let timeline = Arc::new(Timeline::new(Arc::new(self.run.record()?)));
            let picture = Arc::new(Picture::new(&timeline));
            self.shown = Some(Shown { timeline, picture, maps: maps(&mut self.run).map(Arc::new), answers: None });
        }
        if let Some(shown) = self.shown.as_mut().filter(|shown| is_here && has_answers && shown.answers.is_none()) {
            shown.answers = answers(&mut self.run, SHOWN_SAMPLES, Detail::Fine).map(Arc::new);
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
            answers: shown.and_then(|shown| shown.answers.clone()).filter(|_| has_answers),
            step: self.run.step(),
            curve: self.run.curve().points().to_vec(),
        })
    }

    /// What tells the two runs apart, in words.
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
                Some(format!("{name} = {}", words::number(control.slider()?, 3)))
            });
            said.collect::<Vec<_>>().join(", ")
        };
        [said(&own_controls), said(&controls)]
    }
}

impl Backend {
    /// Begins a comparison, or ends it.
    pub(crate) fn compare(&mut self, difference: Option<Difference>) {
        self.rival = None;
        let (Some(difference), Some(opened)) = (difference, &self.opened) else { return };
        match Rival::new(&self.sandbox, difference, &opened.run) {
            Ok(rival) => self.rival = Some(rival),
            Err(problems) => self.end_comparison(problems.into_iter().next()),
        }
    }

    /// The comparison cannot go on.
    fn end_comparison(&mut self, problem: Option<Diagnostic>) {
        self.rival = None;
        let cause = problem.map(|problem| problem.message).unwrap_or_default();
        self.messages.push(format!("the comparison has ended: {cause}"));
    }

    /// Brings the second run to where the first one is, as far as time allows; answers whether it is there.
    pub(crate) fn keep_up(&mut self, length: Duration) -> bool {
        let Some(opened) = &self.opened else { return true };
        if let Some(rival) = &self.rival
            && rival.of != opened.run.version()
        {
            self.compare(Some(rival.difference.clone()));
        }
        let (Some(opened), Some(rival)) = (&self.opened, &mut self.rival) else { return true };
        let deadline = self.clock.deadline(length);
        loop {
            match rival.keep_up(opened.run.step()) {
                Ok(true) => return true,
                Ok(false) if !deadline.has_passed() => {}
                Ok(false) => return false,
                Err(problem) => {
                    self.end_comparison(Some(*problem));
                    return true;
                }
            }
        }
    }

    /// What the window is told of the comparison.
    pub(crate) fn rival_info(&mut self) -> Option<Arc<RivalInfo>> {
        let (Some(opened), Some(rival)) = (&self.opened, &mut self.rival) else { return None };
        match rival.info(&opened.run, self.drafts.has_answers()) {
            Ok(info) => Some(Arc::new(info)),
            Err(problem) => {
                self.end_comparison(Some(*problem));
                None
            }
        }
    }
}
