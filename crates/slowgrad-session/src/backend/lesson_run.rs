//! The open lesson and the ingredients of its run: scripts, seed, requested training.
//!
//! It opens lessons, moves the run to a step and replaces its set-up, at once or at the end of a step. It must not know
//! undo, hot reload, replay, plots or the display.

use super::open_lesson::{LessonStart, OpenLesson, PendingSwap, Swap};
use super::rebase::rebased;
use super::recorded_changes::record_change;
use super::report::Report;
use super::script_files::Scripts;
use super::training::Training;
use crate::protocol::{LessonInfo, ScriptTexts};
use slowgrad_engine::record;
use slowgrad_engine::run::StateChange;
use slowgrad_engine::setup::Setup;
use slowgrad_engine::spec::LessonSpec;
use slowgrad_script::Lesson;
use slowgrad_tape::Diagnostic;
use std::sync::Arc;

/// The limit of multiplications in a seek before it is split into slices; about 50 ms of work.
const MAX_UNSLICED_WORK: u64 = 50_000_000;
/// The limit of steps in a seek before it is split into slices.
const MAX_UNSLICED_STEPS: u64 = 10_000;

/// The time at which a new version takes effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum When {
    /// At once; the present step is recomputed.
    Now,
    /// At the end of the shown step.
    AfterStep,
}

/// A lesson's run with its scripts, report and requested training.
pub(crate) struct LessonRun {
    pub(crate) scripts: Scripts,
    pub(crate) open: Option<OpenLesson>,
    pub(crate) report: Report,
    pub(crate) training: Training,
    /// The seed chosen instead of the lesson's.
    seed: Option<u64>,
    /// The number of runs started so far.
    runs: u64,
    /// The number of times that cues were read so far.
    cue_versions: u64,
    /// Whether the recording of the present step is stale.
    stale: bool,
}

impl LessonRun {
    /// A state without an open lesson.
    pub(crate) fn new(scripts: Scripts, max_threads: usize) -> Self {
        Self {
            scripts,
            open: None,
            report: Report::default(),
            training: Training::new(max_threads),
            seed: None,
            runs: 0,
            cue_versions: 0,
            stale: false,
        }
    }

    /// The number of the present run.
    pub(crate) fn number(&self) -> u64 {
        self.runs
    }

    /// The seed chosen instead of the lesson's.
    pub(crate) fn seed(&self) -> Option<u64> {
        self.seed
    }

    /// Sets the seed of later runs.
    pub(crate) fn set_seed(&mut self, seed: Option<u64>) {
        self.seed = seed;
    }

    /// Marks the recording of the present step as stale.
    pub(crate) fn mark_stale(&mut self) {
        self.stale = true;
    }

    /// Returns whether the recording of the present step is stale, and clears the mark.
    pub(crate) fn take_stale(&mut self) -> bool {
        std::mem::take(&mut self.stale)
    }

    /// A new version number for cues.
    pub(crate) fn next_cue_version(&mut self) -> u64 {
        self.cue_versions += 1;
        self.cue_versions
    }

    /// Opens a lesson; returns false when it cannot be read, and keeps the present one open.
    pub(crate) fn open(&mut self, path: &str) -> bool {
        self.scripts.set_lesson_path(path);
        match self.read_lesson() {
            Some(lesson) => {
                self.begin(lesson);
                true
            }
            None => {
                self.report.set_stuck(true);
                self.report.message(format!("{path} has a problem; see Problems"));
                // Plugins are searched beside the open lesson, not beside the one that failed.
                if let Some(open) = &self.open
                    && open.info.path != path
                {
                    self.scripts.restore_lesson_path(&open.info.path);
                }
                false
            }
        }
    }

    /// Reads the lesson's file.
    pub(crate) fn read_lesson(&mut self) -> Option<Lesson> {
        let read = self.scripts.read_lesson();
        self.report.accept(read)
    }

    /// The description with the chosen seed.
    pub(crate) fn seeded(&self, requested: &LessonSpec) -> LessonSpec {
        LessonSpec { seed: self.seed.unwrap_or(requested.seed), ..requested.clone() }
    }

    /// Starts a run of a lesson.
    pub(crate) fn begin(&mut self, lesson: Lesson) {
        let Lesson { path, spec: requested, cues, conditions, setup, parameters, warnings, combination, notes, .. } =
            lesson;
        for note in notes {
            self.report.message(note);
        }
        let seeded = self.seed.and_then(|_| {
            let start = self.scripts.start(&self.seeded(&requested));
            self.report.accept(start)
        });
        let (setup, values) = seeded.unwrap_or((setup, parameters));
        let scripts = Arc::new(self.scripts.new_texts(&ScriptTexts::new(), &[]));
        self.runs += 1;
        let cue_version = self.next_cue_version();
        let root = self.scripts.sandbox().file(&path).map(|(root, _)| root).unwrap_or_default();
        let info = LessonInfo { path, root, title: requested.title.clone(), cues, run_number: self.runs, cue_version };
        let before = self.open.take().filter(|before| before.info.path == info.path);
        let arrangement = before.map(|before| before.arrangement).unwrap_or_default();
        let data_files = self.scripts.data_files();
        let start = LessonStart { requested: Arc::new(requested), setup, values, scripts, data_files };
        self.open = Some(OpenLesson::new(info, start, arrangement, (warnings, combination), conditions));
        self.on_run_started();
    }

    /// Restarts the lesson from its initial weights, without the changes made by hand.
    pub(crate) fn restart(&mut self) {
        match self.read_lesson() {
            Some(lesson) => self.begin(lesson),
            None => {
                // Restarts the last version without problems.
                self.runs += 1;
                if let Some(open) = &mut self.open {
                    open.restart(self.runs);
                }
                self.on_run_started();
            }
        }
    }

    /// Starts a run of a description whose initializer or data set (`what`) differs; the seed and all other changes by
    /// hand are preserved. Returns false when its scripts have problems.
    pub(crate) fn begin_with(&mut self, spec: &LessonSpec, what: &str) -> bool {
        let start = self.scripts.start(spec);
        let Some((setup, values)) = self.report.accept(start) else { return false };
        self.runs += 1;
        let Some(open) = &mut self.open else { return false };
        let requested = Arc::clone(open.requested());
        open.begin_run(self.runs, setup, values, requested);
        self.report.message(format!("new {what}: the run restarts with the same seed"));
        self.on_run_started();
        true
    }

    fn on_run_started(&mut self) {
        self.report.clear_run_problem();
        self.report.set_condition_problem(None);
        self.training.stop();
        self.stale = true;
    }

    /// Reports a step that cannot be computed, and ends training.
    pub(crate) fn step_failed(&mut self, problem: Diagnostic) {
        self.report.step_failed(problem);
        self.training.stop();
    }

    /// Goes to a step (from 1) and ends all training; returns false when a step before it cannot be computed.
    pub(crate) fn seek(&mut self, step: u64) -> bool {
        self.training.stop();
        self.stale = true;
        let Some(open) = &self.open else { return false };
        // Few steps are trained at once; more are trained in slices, which another command can interrupt.
        let target = step.saturating_sub(1);
        let setup = open.run.setup();
        let work = (setup.shape.parameters() * setup.batch).max(1) as u64;
        let quick = (MAX_UNSLICED_WORK / work).clamp(1, MAX_UNSLICED_STEPS);
        let near = target.min(open.run.replay_start(target).saturating_add(quick));
        // A script that was saved while a step was shown takes effect after that step.
        let stops = open.pending.as_ref().map(|pending| pending.after).filter(|after| near >= *after);
        for done in stops.into_iter().chain([near]) {
            let Some(open) = &mut self.open else { return false };
            if let Err(problem) = open.run.seek(done) {
                self.step_failed(*problem);
                return false;
            }
            if Some(done) == stops {
                self.apply_due_swap();
            }
        }
        self.report.set_stuck(false);
        self.training.set_steps(target - near);
        true
    }

    /// Trains one step; returns false when it cannot be computed.
    pub(crate) fn train_step(&mut self) -> bool {
        let Some(open) = &mut self.open else { return false };
        open.run.set_threads(self.training.threads());
        match open.run.advance() {
            Ok(objective) => {
                if let Err(problem) = self.training.step_done(&mut open.run, objective.loss) {
                    self.report.set_condition_problem(Some(*problem));
                }
                true
            }
            Err(problem) => {
                self.step_failed(*problem);
                false
            }
        }
    }

    /// Replaces the set-up if the new one can compute the present step; returns false when it cannot. Reports the
    /// fields of the optimizer's state that were dropped and added.
    pub(crate) fn set_setup(&mut self, assembled: Result<Setup, Vec<Diagnostic>>) -> bool {
        let Some(mut setup) = self.report.accept(assembled) else { return false };
        let Some(open) = &mut self.open else { return false };
        let original_data = Arc::clone(&setup.train);
        open.keep_edited_samples(&mut setup);
        let now = open.run.setup();
        setup.frozen = Arc::clone(&now.frozen);
        let mut model = open.run.model().clone();
        model.migrate(&now.optimizer, &setup.optimizer);
        match record::record(&setup, &model, open.run.step() + 1) {
            Ok(_) => {
                let StateChange { dropped, added } = open.run.set_setup(setup);
                open.set_original_data(original_data);
                self.report.clear_run_problem();
                self.stale = true;
                for field in dropped {
                    self.report.message(format!("state field «{field}» dropped"));
                }
                for field in added {
                    self.report.message(format!("state field «{field}» starts at its initial value"));
                }
                true
            }
            Err(problem) => {
                self.report.accept::<()>(Err(vec![*problem]));
                false
            }
        }
    }

    /// Schedules a set-up, which takes effect now or at the end of the shown step.
    pub(crate) fn schedule_swap(&mut self, swap: Swap, when: When) {
        self.report.accept(Ok(()));
        self.report.mark_reloaded();
        if let Some(open) = &mut self.open {
            open.pending = Some(PendingSwap { after: open.run.step() + 1, swap });
        }
        if when == When::Now {
            self.apply_pending_swap();
        }
    }

    /// Applies the pending set-up if its step is completed.
    pub(crate) fn apply_due_swap(&mut self) {
        let due = |open: &OpenLesson| open.pending.as_ref().is_some_and(|pending| open.run.step() >= pending.after);
        if self.open.as_ref().is_some_and(due) {
            self.apply_pending_swap();
        }
    }

    /// Applies the pending set-up.
    pub(crate) fn apply_pending_swap(&mut self) {
        let Some(open) = &mut self.open else { return };
        let Some(PendingSwap { swap: Swap { requested, based_on, scripts_version, setup }, .. }) = open.pending.take()
        else {
            return;
        };
        // Preserves changes by hand, including those since the reload; scripts may have changed as well.
        let now = &open.run.setup().spec;
        let assembled = if *now == based_on && scripts_version == self.scripts.version() {
            Ok(setup)
        } else {
            self.scripts.sandbox().assemble(&rebased(now, open.requested(), &requested))
        };
        if self.set_setup(assembled)
            && let Some(open) = &mut self.open
        {
            let after = open.run.step();
            open.set_requested(requested);
            record_change(open, &self.scripts, after, None, false);
        }
    }

    /// Whether a new version of the scripts takes effect at the end of the shown step.
    pub(crate) fn has_pending_swap(&self) -> bool {
        self.open.as_ref().is_some_and(|open| open.pending.is_some())
    }
}
