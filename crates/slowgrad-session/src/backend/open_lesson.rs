//! A lesson that is open, with its run and everything needed to make that run again.
//!
//! It must not know undo, replay or files.

use super::hot_reload::PendingSwap;
use crate::protocol::{Arrangement, LessonInfo, Made, Recipe, Texts};
use slowgrad_engine::condition::Condition;
use slowgrad_engine::data::Data;
use slowgrad_engine::run::{Run, RunRevision};
use slowgrad_engine::setup::Setup;
use slowgrad_engine::spec::LessonSpec;
use slowgrad_tape::Diagnostic;
use slowgrad_timeline::playback::cue;
use std::rc::Rc;
use std::sync::Arc;

/// The initial state of a run, with the description and the scripts that it was made from.
pub(crate) struct LessonStart {
    pub(crate) requested: Arc<LessonSpec>,
    pub(crate) setup: Setup,
    pub(crate) values: Vec<f64>,
    pub(crate) scripts: Arc<Texts>,
}

/// What a run is, apart from the numbers that replay restores.
#[derive(Clone)]
pub(crate) struct RunState {
    pub(crate) revision: RunRevision,
    start: Rc<LessonStart>,
    original_data: Arc<Data>,
    requested: Rc<[(u64, Arc<LessonSpec>)]>,
    initial_scripts: Arc<Texts>,
    changes: Arc<[Made]>,
    arrangement: Arrangement,
    pub(crate) seed: Option<u64>,
}

impl RunState {
    /// The recipe that makes this run again.
    pub(crate) fn recipe(&self) -> Recipe {
        Recipe {
            seed: self.seed,
            scripts: Arc::clone(&self.initial_scripts),
            changes: Arc::clone(&self.changes),
            arrangement: Arc::clone(&self.arrangement),
            step: self.revision.step() + 1,
            furthest: self.revision.furthest(),
            ghost: self.revision.abandoned_branch().cloned(),
        }
    }
}

/// A lesson with its run.
pub(crate) struct OpenLesson {
    pub(crate) info: Arc<LessonInfo>,
    pub(crate) run: Run,
    /// Samples that were edited by hand differ from these.
    original_data: Arc<Data>,
    /// The description in the lesson's file, and after how many steps it took over. Changes by hand are in the
    /// description of the run's set-up.
    requested: Rc<[(u64, Arc<LessonSpec>)]>,
    start: Rc<LessonStart>,
    /// The texts of the scripts when the run began.
    pub(crate) initial_scripts: Arc<Texts>,
    /// The changes since then, in order.
    pub(crate) changes: Arc<[Made]>,
    pub(crate) arrangement: Arrangement,
    pub(crate) warnings: Vec<Diagnostic>,
    /// The conditions of its cues.
    conditions: Vec<Condition>,
    /// A new version of its scripts that takes over when the step that is shown is over.
    pub(crate) pending: Option<PendingSwap>,
}

impl OpenLesson {
    /// A run from its initial state.
    pub(crate) fn new(
        info: LessonInfo,
        start: LessonStart,
        arrangement: Arrangement,
        warnings: Vec<Diagnostic>,
        conditions: Vec<Condition>,
    ) -> Self {
        Self {
            info: Arc::new(info),
            run: Run::new(start.setup.clone(), start.values.clone()),
            original_data: Arc::clone(&start.setup.train),
            requested: Rc::new([(0, Arc::clone(&start.requested))]),
            initial_scripts: Arc::clone(&start.scripts),
            start: Rc::new(start),
            changes: Arc::new([]),
            arrangement,
            warnings,
            conditions,
            pending: None,
        }
    }

    /// The description in the lesson's file at the run's present step.
    pub(crate) fn requested(&self) -> &Arc<LessonSpec> {
        let mut requested = self.requested.iter().rev();
        let before = requested.find(|(after, _)| *after <= self.run.step());
        before.map_or(&self.start.requested, |(_, requested)| requested)
    }

    /// Another description is in the lesson's file from the present step on.
    pub(crate) fn set_requested(&mut self, requested: Arc<LessonSpec>) {
        let after = self.run.step();
        let before = self.requested.iter().filter(|(known, _)| *known < after).cloned();
        self.requested = before.chain([(after, requested)]).collect();
    }

    /// The state that a reset starts from when the lesson cannot be read.
    #[cfg(test)]
    pub(crate) fn start(&self) -> &LessonStart {
        &self.start
    }

    /// Replaces the state that a reset starts from.
    pub(crate) fn set_start(&mut self, start: LessonStart) {
        self.start = Rc::new(start);
    }

    /// Begins again from the initial state, as the run of this number.
    pub(crate) fn restart(&mut self, number: u64) {
        let start = Rc::clone(&self.start);
        self.begin_run(number, start.setup.clone(), start.values.clone(), Arc::clone(&start.requested));
        self.initial_scripts = Arc::clone(&start.scripts);
        self.changes = Arc::new([]);
    }

    /// Begins another run of this number; scripts and changes stay those of the present one.
    pub(crate) fn begin_run(&mut self, number: u64, setup: Setup, values: Vec<f64>, requested: Arc<LessonSpec>) {
        self.info = Arc::new(LessonInfo { opened: number, ..(*self.info).clone() });
        self.original_data = Arc::clone(&setup.train);
        self.requested = Rc::new([(0, requested)]);
        self.run = Run::new(setup, values);
        self.pending = None;
    }

    /// Keeps in a new set-up what was changed by hand: edited samples, while the data is the same.
    pub(crate) fn keep_edited_samples(&self, setup: &mut Setup) {
        if *setup.train == *self.original_data {
            setup.train = Arc::clone(&self.run.setup().train);
        }
    }

    /// Uses the data of a set-up before samples are edited.
    pub(crate) fn set_original_data(&mut self, data: Arc<Data>) {
        self.original_data = data;
    }

    /// The condition of a cue; `None` when the lesson has fewer by now.
    pub(crate) fn condition(&self, cue::CueCondition(number): cue::CueCondition) -> Option<&Condition> {
        self.conditions.get(number)
    }

    /// Replaces the conditions of the cues.
    pub(crate) fn set_conditions(&mut self, conditions: Vec<Condition>) {
        self.conditions = conditions;
    }

    /// Replaces the changes, of which the last one was made after this many steps.
    pub(crate) fn set_changes(&mut self, changes: Vec<Made>, after: u64) {
        self.changes = changes.into();
        self.requested = self.requested.iter().filter(|(known, _)| *known <= after).cloned().collect();
    }

    /// The state of the run, for undo and session files.
    pub(crate) fn state(&self, seed: Option<u64>) -> RunState {
        RunState {
            revision: self.run.revision(),
            start: Rc::clone(&self.start),
            original_data: Arc::clone(&self.original_data),
            requested: Rc::clone(&self.requested),
            initial_scripts: Arc::clone(&self.initial_scripts),
            changes: Arc::clone(&self.changes),
            arrangement: Arc::clone(&self.arrangement),
            seed,
        }
    }

    /// Makes the run what it was, apart from its numbers, which a seek computes.
    pub(crate) fn restore(&mut self, state: RunState) {
        let RunState { revision, start, original_data, requested, initial_scripts, changes, arrangement, .. } = state;
        self.run.restore(&revision);
        self.start = start;
        self.original_data = original_data;
        self.requested = requested;
        self.initial_scripts = initial_scripts;
        self.changes = changes;
        self.arrangement = arrangement;
    }
}
