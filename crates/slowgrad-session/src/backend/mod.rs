//! The backend of a session: it owns the scripts and the run, executes commands and returns snapshots.
//!
//! Each component owns its state and receives its dependencies as arguments; this file alone knows all components and
//! their order. It must not know threads, files or the window.

mod change;
mod combination;
mod comparison;
mod evaluator;
mod hot_reload;
mod lesson_run;
pub(crate) mod link;
mod open_lesson;
pub(crate) mod plots;
mod rebase;
mod recorded_changes;
mod replay;
mod report;
mod reshape;
pub(crate) mod restored_run;
mod script_files;
mod script_versions;
mod shown_step;
pub(crate) mod slots;
#[cfg(test)]
mod stress_tests;
#[cfg(test)]
mod tests;
pub(crate) mod thread_count;
mod training;
mod undo;

use crate::clock::Clock;
use crate::protocol::{BackendCommand, Change, Curves, Plots, Recipe, SavedRun, Snapshot, StepEvaluation};
use combination::CombinationWarning;
use comparison::Comparison;
use evaluator::Evaluator;
use hot_reload::ReloadEffect;
use lesson_run::{LessonRun, When};
use plots::{PlotJobs, RunContext};
use replay::{Progress, Replay, WaitingFile};
use script_files::Scripts;
use shown_step::StepDisplay;
use slowgrad_engine::condition::{Condition, StopCondition};
use slowgrad_engine::run::{Proof, Run};
use slowgrad_script::{Library, Limits, TableProgress};
use slowgrad_timeline::playback::cue;
use std::sync::Arc;
use std::time::Duration;
use undo::{UndoStack, UndoState};

/// The length of a slice of training between two commands.
const TRAINING_SLICE: Duration = Duration::from_millis(10);
/// The length of a slice of plot computation between two commands.
const PLOT_SLICE: Duration = Duration::from_millis(5);
/// The length of a slice of plot computation during training.
const PLOT_SLICE_WHILE_TRAINING: Duration = Duration::from_millis(2);
/// The time for which a snapshot waits for the evaluation of its step.
const EVALUATION_SLICE: Duration = Duration::from_millis(2);
/// The length of a slice of the recomputation that proves the stored numbers of a session.
const PROOF_SLICE: Duration = Duration::from_millis(10);
/// The shortest interval between snapshots during training.
const SNAPSHOT_INTERVAL: Duration = Duration::from_millis(33);
/// The shortest interval between snapshots while only stored numbers are proved.
const PROOF_SNAPSHOT_INTERVAL: Duration = Duration::from_secs(1);
/// The longest time for which a command waits until a session with stored numbers is restored.
const MAX_RESTORE_WAIT: Duration = Duration::from_secs(2);
/// The time after which the viewer is told that a replay takes long.
const LONG_REPLAY: Duration = Duration::from_secs(1);

/// The resources of a backend.
#[derive(Debug, Clone, Copy)]
pub struct Machine {
    /// The clock that limits slices of work.
    pub clock: Clock,
    /// The number of threads that training may use.
    pub max_threads: usize,
}

/// The time for which a snapshot waits for the second run of a comparison.
const COMPARISON_TIMEOUT: Duration = Duration::from_millis(30);
/// The limit of training steps between two reads of the clock. A read takes about as long as a fraction of a small step.
const MAX_STEPS_PER_CLOCK_READ: u32 = 64;

/// The backend: a lesson, its run, and the components that change or display them.
pub struct Backend {
    lesson: LessonRun,
    undo: UndoStack,
    /// A replay in progress.
    replay: Option<Replay>,
    /// The time at which the viewer is told that the replay takes long.
    long_replay_at: Option<Duration>,
    display: StepDisplay,
    plots: PlotJobs,
    evaluator: Evaluator,
    comparison: Comparison,
    combination: CombinationWarning,
    clock: Clock,
    /// The time of the next snapshot during training.
    snapshot_due: Duration,
    /// The number of commands executed.
    handled: u64,
}

impl Backend {
    /// Creates a backend without a lesson. Its scripts run within these limits.
    pub fn new(library: Library, limits: Limits, machine: Machine) -> Self {
        Self {
            lesson: LessonRun::new(Scripts::new(library, limits), machine.max_threads),
            undo: UndoStack::default(),
            replay: None,
            long_replay_at: None,
            display: StepDisplay::default(),
            plots: PlotJobs::default(),
            evaluator: Evaluator::default(),
            comparison: Comparison::default(),
            combination: CombinationWarning::default(),
            clock: machine.clock,
            snapshot_due: Duration::ZERO,
            handled: 0,
        }
    }

    /// Sets what is told while a table is read, which may take seconds.
    pub fn set_table_progress(&mut self, progress: TableProgress) {
        self.lesson.scripts.set_table_progress(progress);
    }

    pub(crate) fn clock(&self) -> Clock {
        self.clock
    }

    /// Whether training or computation is in progress.
    pub fn is_busy(&self) -> bool {
        self.is_training() || self.is_computing_plots() || self.proof().is_some()
    }

    /// Executes commands, trains or computes plots for a slice of time, and returns a snapshot when one is due.
    ///
    /// All commands are executed before the snapshot, so that a slider that moves faster than steps are recorded does
    /// not lag behind. While a snapshot is `unread`, training sends no further ones: a window that is hidden reads none,
    /// and each holds a recorded step.
    pub fn turn(&mut self, commands: impl IntoIterator<Item = BackendCommand>, unread: bool) -> Option<Snapshot> {
        let mut executed = false;
        for command in commands {
            self.execute(command);
            executed = true;
        }
        let was_training = self.is_training();
        if was_training {
            self.train(TRAINING_SLICE);
        }
        let was_computing = self.is_computing_plots();
        // Commands get a snapshot at once; slow plots follow with later snapshots.
        if was_computing && !executed {
            self.compute_plots(if was_training { PLOT_SLICE_WHILE_TRAINING } else { PLOT_SLICE });
        }
        let proving = !executed && !was_training && !was_computing && self.proof().is_some();
        if proving {
            self.prove(PROOF_SLICE);
        }
        let ended = (was_training && !self.is_training())
            || (was_computing && !self.is_computing_plots())
            || (proving && self.proof().is_none());
        let began = self.clock.now();
        if !executed && !ended && (unread || began < self.snapshot_due) {
            return None;
        }
        let snapshot = self.snapshot();
        // Throttles expensive snapshots, so that most of the time is spent training.
        let now = self.clock.now();
        let interval = if proving { PROOF_SNAPSHOT_INTERVAL } else { SNAPSHOT_INTERVAL };
        self.snapshot_due = now + 3 * now.saturating_sub(began) + interval;
        Some(snapshot)
    }

    /// Executes a command.
    fn execute(&mut self, command: BackendCommand) {
        self.handled += 1;
        // Commands that only affect the display do not end a replay; undo and redo replace it.
        let continues_replay = matches!(
            command,
            BackendCommand::ReloadFile { .. }
                | BackendCommand::Check { .. }
                | BackendCommand::Seal
                | BackendCommand::ShowPlots(_)
                | BackendCommand::Evaluate(_)
                | BackendCommand::Highlight(_)
                | BackendCommand::Undo
                | BackendCommand::Redo
        );
        if !continues_replay {
            self.interrupt_replay();
        }
        match command {
            BackendCommand::Open(path) => {
                self.lesson.set_seed(None);
                self.comparison = Comparison::default();
                self.open(&path);
            }
            BackendCommand::Seek(step) => self.seek(step),
            BackendCommand::Train(steps) => self.lesson.training.add_steps(steps),
            BackendCommand::TrainUntil { until, max_steps } => self.train_until(until, max_steps),
            BackendCommand::Highlight(condition) => self.display.set_highlight(condition, &mut self.lesson),
            BackendCommand::FullSpeed(on) => self.lesson.training.set_full_speed(on),
            BackendCommand::Change { step, change } => self.change(step, change),
            BackendCommand::Seal => self.undo.seal(),
            BackendCommand::Undo => self.undo(),
            BackendCommand::Redo => self.redo(),
            BackendCommand::Restore(saved) => self.restore(*saved),
            BackendCommand::ReloadFile { root, path, bytes, at_once } => {
                self.reload(WaitingFile { root, path, bytes, at_once });
            }
            BackendCommand::DropAbandonedBranch => {
                if let Some(open) = &mut self.lesson.open {
                    open.run.set_abandoned_branch(None);
                }
            }
            BackendCommand::ShowPlots(plots) => self.plots.set_request(*plots),
            BackendCommand::Evaluate(on) => self.evaluator.set_wanted(on),
            BackendCommand::Compare(difference) => self.comparison.set(difference, &mut self.lesson),
            BackendCommand::Check { path, text } => self.lesson.scripts.check(path, text),
        }
    }

    /// Opens a lesson; if that fails, the present one stays open.
    fn open(&mut self, path: &str) {
        if self.lesson.open(path) {
            self.undo.clear();
        }
    }

    /// Shows a step. Steps before the stored numbers of a session are computed first.
    fn seek(&mut self, step: u64) {
        let unknown = self.proof().is_some_and(|(_, stored)| step <= stored);
        self.lesson.seek(step);
        if unknown && self.lesson.training.is_requested() {
            let text =
                format!("the session file stores one step only; step {step} is computed from the start of the run");
            self.lesson.report.message(text);
        }
    }

    /// Ends a replay because of a command. With stored numbers the little that is left is done first.
    fn interrupt_replay(&mut self) {
        let deadline = self.clock.deadline(MAX_RESTORE_WAIT);
        while self.replay.as_ref().is_some_and(Replay::has_state) && !deadline.has_passed() {
            self.advance_replay();
        }
        let Some(replay) = self.replay.take() else { return };
        let unfinished = replay.has_state();
        self.end_replay(replay);
        if unfinished {
            // No step was computed.
            self.lesson.restart();
            self.undo.clear();
        }
        self.lesson.report.message("the run was only partly restored");
    }

    /// Continues a replay by one step or change.
    fn advance_replay(&mut self) {
        let Some(replay) = self.replay.take() else { return };
        let steps = replay.steps_left(&self.lesson);
        if steps > 0 && self.long_replay_at.is_some_and(|at| self.clock.now() >= at) {
            self.long_replay_at = None;
            let text = format!("computing {steps} more steps of this session, which stores no weights; Space stops it");
            self.lesson.report.message(text);
        }
        let lesson = replay.lesson().to_owned();
        match replay.advance(&mut self.lesson) {
            Progress::Running(replay) => self.replay = Some(replay),
            Progress::Ended(waiting) => self.reload_all(waiting),
            Progress::Unusable(recipe, waiting) => {
                let text = "the numbers in the session file do not fit its lesson, so all steps are computed again";
                self.lesson.report.message(text);
                self.replay = Replay::of_lesson(&mut self.lesson, &lesson, *recipe, None);
                self.reload_all(waiting);
            }
        }
    }

    /// The number of steps that were computed to prove the stored numbers of a session, and of all steps before them.
    fn proof(&self) -> Option<(u64, u64)> {
        self.lesson.open.as_ref().filter(|_| self.replay.is_none())?.run.proof_progress()
    }

    /// Computes steps before the stored numbers of a session for a slice of time, and reports a difference.
    fn prove(&mut self, slice: Duration) {
        let threads = self.lesson.training.threads();
        let Some(open) = &mut self.lesson.open else { return };
        let deadline = self.clock.deadline(slice);
        let mut steps = 1;
        let found = loop {
            let read = self.clock.now();
            match open.run.prove(steps, threads) {
                Ok(Proof::Running) if !deadline.has_passed() => {}
                found => break found,
            }
            let quick = self.clock.now().saturating_sub(read) < slice / 16;
            steps = if quick { (2 * steps).min(MAX_STEPS_PER_CLOCK_READ) } else { 1 };
        };
        self.lesson.scripts.discard_printed();
        match found {
            Ok(Proof::Done | Proof::Running | Proof::Same) => {}
            Ok(Proof::Differs(step)) => self.lesson.report.message(format!(
                "the steps of this session have other results now, from step {step} on: its data has changed, or another \
                 version of slowgrad saved it; the stored numbers stay in use"
            )),
            Err(problem) => self.lesson.report.message(format!(
                "the steps of this session cannot be computed again ({}); the stored numbers stay in use",
                problem.message
            )),
        }
    }

    /// Trains until a condition of the lesson holds, at most this many steps.
    fn train_until(&mut self, condition: cue::CueCondition, max_steps: u64) {
        self.lesson.training.stop();
        self.lesson.report.set_condition_problem(None);
        let condition = self.lesson.open.as_ref().and_then(|open| open.condition(condition));
        if let Some(Condition::Training(condition)) = condition.cloned() {
            self.lesson.training.train_until(StopCondition::new(condition), max_steps);
        }
    }

    /// Makes a change that can be undone, before a step or before the present one.
    fn change(&mut self, step: Option<u64>, change: Change) {
        if step.is_some_and(|step| !self.lesson.seek(step)) {
            return;
        }
        if let Err(why) = change::check_fits(&self.lesson, &change) {
            return self.lesson.report.message(why);
        }
        if let Some(state) = self.undo.cancel(&self.lesson, &change) {
            // The number has its initial value again, so nothing has changed.
            return self.go_to(state);
        }
        let Some(open) = &self.lesson.open else { return };
        let after = open.run.step();
        let drops_scripts = recorded_changes::drops_scripts(open, after, &change);
        let new = self.undo.begin(&self.lesson, &change);
        if !change::apply(&mut self.lesson, &change) {
            return;
        }
        let continues = new.continues;
        self.undo.add(new);
        if let Some(open) = &mut self.lesson.open {
            recorded_changes::record_change(open, &self.lesson.scripts, after, Some(change), continues);
        }
        if drops_scripts {
            hot_reload::use_present_scripts(&mut self.lesson);
        }
    }

    fn undo(&mut self) {
        self.lesson.apply_pending_swap();
        let Some(point) = self.undo.pop_undo() else { return self.lesson.report.message("nothing to undo") };
        self.lesson.report.message(format!("undone: {}", point.name));
        let left = self.leave().map(|state| point.opposite(state));
        self.undo.push_redo(left);
        self.go_to(point.state);
    }

    fn redo(&mut self) {
        self.lesson.apply_pending_swap();
        let Some(point) = self.undo.pop_redo() else { return self.lesson.report.message("nothing to redo") };
        self.lesson.report.message(format!("redone: {}", point.name));
        let left = self.leave().map(|state| point.opposite(state));
        self.undo.push_undo(left);
        self.go_to(point.state);
    }

    /// Leaves the present run, or cancels the replay; returns the state for undo or redo.
    fn leave(&mut self) -> Option<UndoState> {
        match self.replay.take() {
            Some(replay) => Some(replay.abandon(&mut self.lesson)),
            None => undo::live_state(&self.lesson),
        }
    }

    /// Restores a state of the run.
    fn go_to(&mut self, state: UndoState) {
        let state = match state {
            UndoState::Saved(recipe) => {
                self.replay = Replay::of_open_lesson(&mut self.lesson, recipe);
                return;
            }
            UndoState::Live(state) => *state,
        };
        let Some(open) = &mut self.lesson.open else { return };
        let (step, seed) = (state.revision.step(), state.seed);
        open.restore(state);
        self.lesson.set_seed(seed);
        self.lesson.report.clear_run_problem();
        if hot_reload::changed_scripts(&self.lesson).is_empty() {
            self.lesson.seek(step + 1);
            return;
        }
        // Only the editor undoes scripts: the run continues with their present versions.
        let Some(open) = &mut self.lesson.open else { return };
        let reached = open.run.seek(step);
        self.lesson.training.stop();
        self.lesson.mark_stale();
        match reached {
            Ok(()) => drop(hot_reload::update_to_present_scripts(&mut self.lesson, When::Now)),
            Err(problem) => self.lesson.step_failed(*problem),
        }
    }

    /// Opens a lesson and starts the replay of its saved run.
    fn restore(&mut self, saved: SavedRun) {
        let SavedRun { lesson, recipe, undo_history, state } = saved;
        self.replay = Replay::of_lesson(&mut self.lesson, &lesson, recipe, state);
        self.long_replay_at = Some(self.clock.now() + LONG_REPLAY);
        if self.replay.is_some() {
            self.undo.clear();
            self.undo.load(&undo_history);
        }
    }

    /// Reloads a saved file, or queues it until the replay has ended.
    fn reload(&mut self, file: WaitingFile) {
        if let Some(replay) = &mut self.replay {
            return replay.add_waiting(file);
        }
        let WaitingFile { root, path, bytes, at_once } = file;
        let now = at_once || !self.display.shows_present_step(&self.lesson) || self.is_training();
        let when = if now { When::Now } else { When::AfterStep };
        let before = undo::live_state(&self.lesson);
        match hot_reload::reload(&mut self.lesson, &root, &path, bytes, when) {
            ReloadEffect::None => {}
            ReloadEffect::Swap => self.undo.add_save(before, &path),
            ReloadEffect::Restart => self.undo.clear(),
        }
    }

    /// Reloads files that were saved during a replay.
    fn reload_all(&mut self, files: Vec<WaitingFile>) {
        for file in files {
            self.reload(file);
        }
    }

    /// Ends a replay at its present step, and reloads the files that were saved during it.
    fn end_replay(&mut self, replay: Replay) {
        let waiting = replay.end(&mut self.lesson);
        self.reload_all(waiting);
    }

    /// Whether training or a replay is in progress.
    fn is_training(&self) -> bool {
        self.lesson.open.is_some() && (self.lesson.training.is_requested() || self.replay.is_some())
    }

    /// Trains for a slice of time.
    fn train(&mut self, slice: Duration) {
        let slice = self.lesson.training.slice(slice);
        let began = self.clock.now();
        let deadline = self.clock.deadline(slice);
        let (mut trained, mut alone) = (0, true);
        let mut steps = 1;
        while !deadline.has_passed() && self.is_training() {
            if self.replay.is_some() {
                self.advance_replay();
                alone = false;
                continue;
            }
            // The second run of a comparison catches up first.
            if !self.comparison.catch_up(&mut self.lesson, deadline) {
                alone = false;
                break;
            }
            let read = self.clock.now();
            if self.comparison.is_active() {
                (steps, alone) = (1, false);
            }
            for _ in 0..steps {
                self.lesson.apply_due_swap();
                if !self.lesson.training.is_requested() {
                    break;
                }
                if self.lesson.train_step() {
                    trained += 1;
                }
            }
            let quick = self.clock.now().saturating_sub(read) < slice / 16;
            steps = if quick { (2 * steps).min(MAX_STEPS_PER_CLOCK_READ) } else { 1 };
        }
        if alone {
            self.lesson.training.record_speed(trained, self.clock, began);
        }
        self.comparison.catch_up(&mut self.lesson, self.clock.deadline(slice));
        self.lesson.mark_stale();
    }

    /// Whether plots or the evaluation are incomplete, or the second run of a comparison is behind.
    fn is_computing_plots(&self) -> bool {
        let Some(open) = &self.lesson.open else { return false };
        let second = self.comparison.run();
        let behind = second.is_some_and(|second| second.step() != open.run.step());
        let runs: Vec<&Run> = [Some(&open.run), second].into_iter().flatten().collect();
        behind || self.evaluator.has_work() || self.plots.has_work(&runs, self.is_training())
    }

    /// Computes the evaluation and plots for a slice of time.
    fn compute_plots(&mut self, slice: Duration) {
        let training = self.is_training();
        self.evaluator.compute(self.clock.deadline(slice));
        self.lesson.scripts.discard_printed();
        if !self.comparison.catch_up(&mut self.lesson, self.clock.deadline(slice)) {
            return;
        }
        let Some(open) = &mut self.lesson.open else { return };
        let mut runs: Vec<&mut Run> = [Some(&mut open.run), self.comparison.run_mut()].into_iter().flatten().collect();
        self.plots.compute(&mut runs, training, self.clock.deadline(slice));
        self.lesson.scripts.discard_printed();
    }

    /// The data of the open plots for the shown step.
    fn plots(&mut self) -> Plots {
        let training = self.is_training();
        let (Some(open), Some(shown)) = (&mut self.lesson.open, self.display.step()) else { return Plots::default() };
        let context = RunContext { run_number: open.info.run_number, training };
        self.plots.update(&mut open.run, self.comparison.run_mut(), &shown.timeline, &context);
        self.lesson.scripts.discard_printed();
        self.plots.plots(&open.run, self.comparison.run())
    }

    /// The evaluation of the shown step if that is quick, else the last one.
    fn evaluation(&mut self) -> Option<Arc<StepEvaluation>> {
        let training = self.is_training();
        let open = self.lesson.open.as_ref()?;
        let run_number = open.info.run_number;
        self.evaluator.update(&open.run, run_number, training);
        if self.evaluator.has_work() {
            self.evaluator.compute(self.clock.deadline(EVALUATION_SLICE));
            self.lesson.scripts.discard_printed();
        }
        self.evaluator.evaluation(run_number).cloned()
    }

    /// The recipe of the present run, or of the replay in progress.
    fn recipe(&self) -> Recipe {
        match (&self.replay, &self.lesson.open) {
            (Some(replay), _) => replay.recipe().clone(),
            (None, Some(open)) => open.state(self.lesson.seed()).recipe(),
            (None, None) => Recipe::default(),
        }
    }

    /// The present state.
    fn snapshot(&mut self) -> Snapshot {
        if self.lesson.take_stale() {
            self.display.update(&mut self.lesson);
        }
        self.comparison.catch_up(&mut self.lesson, self.clock.deadline(COMPARISON_TIMEOUT));
        let comparison = self.comparison.info(&mut self.lesson, self.plots.shows_predictions());
        let plots = self.plots();
        let evaluation = self.evaluation();
        let spec = self.lesson.open.as_ref().map(|open| Arc::clone(&open.run.setup().spec));
        let replay = self.replay.as_ref();
        let contents_now = |root: &str, path: &str| replay?.present_text(root, path).cloned();
        let files = self.lesson.scripts.used_files(spec.as_deref(), contents_now);
        let (recipe, undo_history) = (self.recipe(), self.undo.plain());
        let (undo, redo) = self.undo.names();
        let (training, computing_plots) = (self.is_training(), self.is_computing_plots());
        let proof = self.proof();
        let combination = self.combination.update(&self.lesson);
        let LessonRun { scripts, open, report, .. } = &mut self.lesson;
        let open = open.as_ref();
        let warnings = open.into_iter().flat_map(|open| &open.warnings);
        let problems = report.problems().chain(&combination).chain(warnings).cloned().collect();
        let curves = |run: &Run| Curves {
            present: run.curve().points().to_vec(),
            abandoned_branch: run.abandoned_branch().cloned(),
        };
        let shown = self.display.step();
        Snapshot {
            handled: self.handled,
            training,
            proof,
            computing_plots,
            lesson: open.map(|open| Arc::clone(&open.info)),
            lessons: Arc::clone(scripts.lessons()),
            setup: open.map(|open| Arc::new(slots::setup_info(open.run.setup(), scripts.choices()))),
            data: self.display.data().cloned(),
            maps: shown.and_then(|shown| shown.maps.clone()),
            highlighted: self.display.highlighted().cloned(),
            plots,
            evaluation,
            comparison,
            timeline: shown.map(|shown| Arc::clone(&shown.timeline)),
            summary: shown.map(|shown| Arc::clone(&shown.summary)),
            furthest: open.map_or(0, |open| open.run.furthest()),
            recipe,
            undo_history,
            undo,
            redo,
            curves: Arc::new(open.map(|open| curves(&open.run)).unwrap_or_default()),
            console: Arc::clone(scripts.console()),
            problems,
            files,
            data_files: open.map(|open| Arc::clone(&open.start().data_files)).unwrap_or_default(),
            plugins: Arc::clone(scripts.plugins()),
            checked: scripts.checked().cloned(),
            stuck: report.take_stuck(),
            messages: report.take_messages(),
            reloaded: report.take_reloaded(),
        }
    }
}
