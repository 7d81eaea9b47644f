//! The open lesson: its run, and the data that reproduces the run.
//!
//! It must not know undo, replay or files.

use crate::protocol::{Arrangement, LessonInfo, Recipe, RecordedChange, ScriptTexts, UsedFile};
use slowgrad_engine::condition::Condition;
use slowgrad_engine::data::Data;
use slowgrad_engine::run::{Run, RunRevision};
use slowgrad_engine::setup::Setup;
use slowgrad_engine::spec::LessonSpec;
use slowgrad_tape::Diagnostic;
use slowgrad_timeline::playback::cue;
use std::rc::Rc;
use std::sync::Arc;

/// The initial state of a run, with its description and scripts.
pub(crate) struct LessonStart {
    pub(crate) requested: Arc<LessonSpec>,
    pub(crate) setup: Setup,
    pub(crate) values: Vec<f64>,
    pub(crate) scripts: Arc<ScriptTexts>,
    /// The files of data and initial weights.
    pub(crate) data_files: Arc<[UsedFile]>,
}

/// A set-up that takes effect at the end of a step.
pub(crate) struct PendingSwap {
    /// The number of completed steps at which it takes effect.
    pub(crate) after: u64,
    pub(crate) swap: Swap,
}

/// A new set-up for the run.
pub(crate) struct Swap {
    /// The description in the lesson's file.
    pub(crate) requested: Arc<LessonSpec>,
    /// The run's description when the set-up was assembled.
    pub(crate) based_on: Arc<LessonSpec>,
    /// The version of the scripts that it was assembled from.
    pub(crate) scripts_version: u64,
    pub(crate) setup: Setup,
}

/// The state of a run without the numbers, which replay recomputes.
#[derive(Clone)]
pub(crate) struct RunState {
    pub(crate) revision: RunRevision,
    start: Rc<LessonStart>,
    original_data: Arc<Data>,
    requested: Rc<[(u64, Arc<LessonSpec>)]>,
    initial_scripts: Arc<ScriptTexts>,
    changes: Arc<[RecordedChange]>,
    arrangement: Arrangement,
    pub(crate) seed: Option<u64>,
}

impl RunState {
    /// The recipe that reproduces this run.
    pub(crate) fn recipe(&self) -> Recipe {
        Recipe {
            seed: self.seed,
            scripts: Arc::clone(&self.initial_scripts),
            changes: Arc::clone(&self.changes),
            arrangement: Arc::clone(&self.arrangement),
            step: self.revision.step() + 1,
            furthest: self.revision.furthest(),
            abandoned_branch: self.revision.abandoned_branch().cloned(),
        }
    }
}

/// A lesson and its run.
pub(crate) struct OpenLesson {
    pub(crate) info: Arc<LessonInfo>,
    pub(crate) run: Run,
    /// The training data without edits by hand.
    original_data: Arc<Data>,
    /// The descriptions in the lesson's file, with the number of completed steps at which each took effect. Changes by
    /// hand are in the description of the run's set-up.
    requested: Rc<[(u64, Arc<LessonSpec>)]>,
    start: Rc<LessonStart>,
    /// The texts of the scripts when the run began.
    pub(crate) initial_scripts: Arc<ScriptTexts>,
    /// The changes since the run began, in order.
    pub(crate) changes: Arc<[RecordedChange]>,
    pub(crate) arrangement: Arrangement,
    pub(crate) warnings: Vec<Diagnostic>,
    /// The warning about the output and the loss that the lesson names.
    pub(crate) combination: Option<Diagnostic>,
    /// The conditions of the cues.
    conditions: Vec<Condition>,
    /// A new version of the scripts that takes effect at the end of the shown step.
    pub(crate) pending: Option<PendingSwap>,
}

impl OpenLesson {
    /// Starts a run from its initial state.
    pub(crate) fn new(
        info: LessonInfo,
        start: LessonStart,
        arrangement: Arrangement,
        (warnings, combination): (Vec<Diagnostic>, Option<Diagnostic>),
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
            combination,
            conditions,
            pending: None,
        }
    }

    /// The description in the lesson's file at the run's present step.
    pub(crate) fn requested(&self) -> &Arc<LessonSpec> {
        let mut requested = self.requested.iter().rev();
        let current = requested.find(|(after, _)| *after <= self.run.step());
        current.map_or(&self.start.requested, |(_, requested)| requested)
    }

    /// Replaces the description in the lesson's file from the present step on.
    pub(crate) fn set_requested(&mut self, requested: Arc<LessonSpec>) {
        let after = self.run.step();
        let before = self.requested.iter().filter(|(known, _)| *known < after).cloned();
        self.requested = before.chain([(after, requested)]).collect();
    }

    /// The initial state for a reset when the lesson cannot be read.
    pub(crate) fn start(&self) -> &LessonStart {
        &self.start
    }

    /// Replaces the initial state for a reset.
    pub(crate) fn set_start(&mut self, start: LessonStart) {
        self.start = Rc::new(start);
    }

    /// Restarts from the initial state, as the run with this number.
    pub(crate) fn restart(&mut self, number: u64) {
        let start = Rc::clone(&self.start);
        self.begin_run(number, start.setup.clone(), start.values.clone(), Arc::clone(&start.requested));
        self.initial_scripts = Arc::clone(&start.scripts);
        self.changes = Arc::new([]);
    }

    /// Starts a run with this number; scripts and changes are those of the present one.
    pub(crate) fn begin_run(&mut self, number: u64, setup: Setup, values: Vec<f64>, requested: Arc<LessonSpec>) {
        self.info = Arc::new(LessonInfo { run_number: number, ..(*self.info).clone() });
        self.original_data = Arc::clone(&setup.train);
        self.requested = Rc::new([(0, requested)]);
        self.run = Run::new(setup, values);
        self.pending = None;
    }

    /// Copies edited samples into a new set-up, if the data is otherwise the same.
    pub(crate) fn keep_edited_samples(&self, setup: &mut Setup) {
        if *setup.train == *self.original_data {
            setup.train = Arc::clone(&self.run.setup().train);
        }
    }

    /// Replaces the training data without edits.
    pub(crate) fn set_original_data(&mut self, data: Arc<Data>) {
        self.original_data = data;
    }

    /// The condition of a cue; `None` when the lesson no longer has it.
    pub(crate) fn condition(&self, cue::CueCondition(number): cue::CueCondition) -> Option<&Condition> {
        self.conditions.get(number)
    }

    /// Replaces the conditions of the cues.
    pub(crate) fn set_conditions(&mut self, conditions: Vec<Condition>) {
        self.conditions = conditions;
    }

    /// Replaces the changes; the last one was made after this many steps.
    pub(crate) fn set_changes(&mut self, changes: Vec<RecordedChange>, after: u64) {
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

    /// Restores a state. The caller seeks to recompute its numbers.
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
