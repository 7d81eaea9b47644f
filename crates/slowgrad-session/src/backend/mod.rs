//! The backend of a session: it owns the scripts and the run, executes commands and answers with snapshots.
//!
//! Each component owns its state and is handed what it needs; this file alone knows all of them and the order in which
//! they work. It must not know threads, files or the window.

mod change;
mod comparison;
mod hot_reload;
mod lesson_run;
pub(crate) mod link;
mod open_lesson;
pub(crate) mod plots;
mod replay;
mod report;
mod reshape;
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
use crate::protocol::{Change, Command, Curves, Plots, Recipe, Saved, Snapshot};
use comparison::Comparison;
use hot_reload::When;
use lesson_run::LessonRun;
use plots::{Drafts, Moment};
use replay::{Progress, Replay, WaitingFile};
use script_files::Scripts;
use shown_step::Display;
use slowgrad_engine::condition::{Condition, StopCondition};
use slowgrad_engine::run::Run;
use slowgrad_script::{Library, Limits};
use slowgrad_timeline::playback::cue;
use std::sync::Arc;
use std::time::Duration;
use undo::{UndoPoint, UndoStack, UndoState};

/// How long training goes on before the next command is looked at.
const TRAINING_SLICE: Duration = Duration::from_millis(10);
/// How long plots are computed before the next command is looked at.
const PLOT_SLICE: Duration = Duration::from_millis(5);
/// The same while training goes on.
const PLOT_SLICE_WHILE_TRAINING: Duration = Duration::from_millis(2);
/// Snapshots of a training run come at most this often.
const SNAPSHOT_INTERVAL: Duration = Duration::from_millis(33);

/// The machine that a backend works on.
#[derive(Debug, Clone, Copy)]
pub struct Machine {
    /// Tells how long something takes.
    pub clock: Clock,
    /// The number of threads that training may use.
    pub max_threads: usize,
}

/// A snapshot waits this long for the second run of a comparison.
const COMPARISON_TIMEOUT: Duration = Duration::from_millis(30);
/// The most steps of training between two looks at the clock, which take as long as a part of a small step.
const MAX_STEPS_PER_CLOCK_READ: u32 = 64;

/// A lesson with its run, and everything that can be asked of it.
pub struct Backend {
    lesson: LessonRun,
    undo: UndoStack,
    /// A run that is being made again.
    replay: Option<Replay>,
    display: Display,
    plots: Drafts,
    comparison: Comparison,
    clock: Clock,
    /// When the next snapshot of a training run is due.
    snapshot_due: Duration,
    /// The number of commands executed.
    handled: u64,
}

impl Backend {
    /// A backend without a lesson, whose scripts run within these limits.
    pub fn new(library: Library, limits: Limits, machine: Machine) -> Self {
        Self {
            lesson: LessonRun::new(Scripts::new(library, limits), machine.max_threads),
            undo: UndoStack::default(),
            replay: None,
            display: Display::default(),
            plots: Drafts::default(),
            comparison: Comparison::default(),
            clock: machine.clock,
            snapshot_due: Duration::ZERO,
            handled: 0,
        }
    }

    pub(crate) fn clock(&self) -> Clock {
        self.clock
    }

    /// Whether something is being trained or computed.
    pub fn is_busy(&self) -> bool {
        self.is_training() || self.is_computing_plots()
    }

    /// Executes commands, trains or computes plots for a slice of time, and returns a snapshot when one is due.
    ///
    /// All commands are executed before the next snapshot: a slider that is dragged faster than a step can be recorded
    /// must not lag behind.
    pub fn turn(&mut self, commands: impl IntoIterator<Item = Command>) -> Option<Snapshot> {
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
        // A command is answered at once; plots that take long to compute follow with later snapshots.
        if was_computing && !executed {
            self.compute_plots(if was_training { PLOT_SLICE_WHILE_TRAINING } else { PLOT_SLICE });
        }
        let ended = (was_training && !self.is_training()) || (was_computing && !self.is_computing_plots());
        let began = self.clock.now();
        if !executed && !ended && began < self.snapshot_due {
            return None;
        }
        let snapshot = self.snapshot();
        // Throttles expensive snapshots, so that most of the time is spent training.
        let now = self.clock.now();
        self.snapshot_due = now + 3 * now.saturating_sub(began) + SNAPSHOT_INTERVAL;
        Some(snapshot)
    }

    /// Executes a command.
    fn execute(&mut self, command: Command) {
        self.handled += 1;
        // Commands that only affect the display do not end a replay; undo and redo replace it.
        let leaves_replay = matches!(
            command,
            Command::ReloadFile { .. }
                | Command::Check { .. }
                | Command::Seal
                | Command::Show(_)
                | Command::Highlight(_)
                | Command::Undo
                | Command::Redo
        );
        if !leaves_replay && let Some(replay) = self.replay.take() {
            self.end_replay(replay);
            self.lesson.report.message("the run was only partly restored");
        }
        match command {
            Command::Open(path) => {
                self.lesson.set_seed(None);
                self.comparison = Comparison::default();
                self.open(&path);
            }
            Command::Seek(step) => drop(self.lesson.seek(step)),
            Command::Train(steps) => self.lesson.training.add_steps(steps),
            Command::TrainUntil { until, most } => self.train_until(until, most),
            Command::Highlight(condition) => self.display.set_highlight(condition, &mut self.lesson),
            Command::FullSpeed(on) => self.lesson.training.set_full_speed(on),
            Command::Change { step, change } => self.change(step, change),
            Command::Seal => self.undo.seal(),
            Command::Undo => self.undo(),
            Command::Redo => self.redo(),
            Command::Restore(saved) => self.restore(*saved),
            Command::ReloadFile { root, path, bytes, at_once } => {
                self.reload(WaitingFile { root, path, bytes, at_once });
            }
            Command::DropGhost => {
                if let Some(open) = &mut self.lesson.open {
                    open.run.set_abandoned_branch(None);
                }
            }
            Command::Show(plots) => self.plots.want(*plots),
            Command::Compare(difference) => self.comparison.set(difference, &mut self.lesson),
            Command::Check { path, text } => self.lesson.scripts.check(path, text),
        }
    }

    /// Opens a lesson; when that fails the one before continues.
    fn open(&mut self, path: &str) {
        if self.lesson.open(path) {
            self.undo.clear();
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
        if let Err(why) = self.lesson.fits(&change) {
            return self.lesson.report.message(why);
        }
        if let Some(state) = self.undo.take_back(&self.lesson, &change) {
            // The number is back where it was: nothing has happened.
            return self.go_to(state);
        }
        let Some(open) = &self.lesson.open else { return };
        let after = open.run.step();
        let drops_scripts = undo::drops_scripts(open, after, &change);
        let new = self.undo.begin(&self.lesson, &change);
        if !change::apply(&mut self.lesson, &change) {
            return;
        }
        let continues = new.continues;
        self.undo.add(new, &change);
        if let Some(open) = &mut self.lesson.open {
            undo::record_change(open, &self.lesson.scripts, after, Some(change), continues);
        }
        if drops_scripts {
            self.lesson.take_over_scripts();
        }
    }

    fn undo(&mut self) {
        self.lesson.apply_pending_swap();
        let Some(point) = self.undo.pop_undo() else { return self.lesson.report.message("nothing to undo") };
        self.lesson.report.message(format!("undone: {}", point.name));
        let left = self.leave().map(|state| point.opposite(state));
        self.undo.push_redo(left);
        self.go_to_point(point);
    }

    fn redo(&mut self) {
        self.lesson.apply_pending_swap();
        let Some(point) = self.undo.pop_redo() else { return self.lesson.report.message("nothing to redo") };
        self.lesson.report.message(format!("redone: {}", point.name));
        let left = self.leave().map(|state| point.opposite(state));
        self.undo.push_undo(left);
        self.go_to_point(point);
    }

    /// The state of the run, or the one that a replay is making.
    fn leave(&mut self) -> Option<UndoState> {
        match self.replay.take() {
            Some(replay) => Some(replay.abandon(&mut self.lesson)),
            None => undo::live_state(&self.lesson),
        }
    }

    fn go_to_point(&mut self, point: UndoPoint) {
        self.go_to(point.state);
    }

    /// Makes the run what it was.
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
        if self.lesson.changed_scripts().is_empty() {
            self.lesson.seek(step + 1);
            return;
        }
        // Scripts are undone in the editor alone: from here on the present versions run.
        let Some(open) = &mut self.lesson.open else { return };
        let reached = open.run.seek(step);
        self.lesson.training.stop();
        self.lesson.mark_stale();
        match reached {
            Ok(()) => drop(self.lesson.catch_up_with_scripts(When::Now)),
            Err(problem) => self.lesson.step_failed(*problem),
        }
    }

    /// Opens a lesson and begins to make its run what it was when it was saved.
    fn restore(&mut self, saved: Saved) {
        let Saved { lesson, recipe, pasts } = saved;
        self.replay = Replay::of_lesson(&mut self.lesson, &lesson, recipe);
        if self.replay.is_some() {
            self.undo.clear();
            self.undo.load(&pasts);
        }
    }

    /// A file was saved: it takes over, or waits until a replay has ended.
    fn reload(&mut self, file: WaitingFile) {
        if let Some(replay) = &mut self.replay {
            return replay.add_waiting(file);
        }
        let WaitingFile { root, path, bytes, at_once } = file;
        let now = at_once || !self.display.shows_present_step(&self.lesson) || self.is_training();
        if self.lesson.reload(&root, &path, bytes, if now { When::Now } else { When::AfterStep }) {
            self.undo.clear();
        }
    }

    /// Ends a replay where it is, and takes the files that were saved meanwhile.
    fn end_replay(&mut self, replay: Replay) {
        for file in replay.end(&mut self.lesson) {
            self.reload(file);
        }
    }

    /// Whether there is training to do.
    fn is_training(&self) -> bool {
        self.lesson.open.is_some() && (self.lesson.training.is_requested() || self.replay.is_some())
    }

    /// Trains for a while.
    fn train(&mut self, slice: Duration) {
        let slice = self.lesson.training.slice(slice);
        let began = self.clock.now();
        let deadline = self.clock.deadline(slice);
        let (mut trained, mut alone) = (0, true);
        let mut steps = 1;
        while !deadline.has_passed() && self.is_training() {
            if let Some(replay) = self.replay.take() {
                match replay.advance(&mut self.lesson) {
                    Progress::Running(replay) => self.replay = Some(replay),
                    Progress::Ended(waiting) => waiting.into_iter().for_each(|file| self.reload(file)),
                }
                alone = false;
                continue;
            }
            // The run waits for the second run of a comparison.
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
            let quick = self.clock.now() - read < slice / 16;
            steps = if quick { (2 * steps).min(MAX_STEPS_PER_CLOCK_READ) } else { 1 };
        }
        if alone {
            self.lesson.training.record_speed(trained, self.clock, began);
        }
        self.comparison.catch_up(&mut self.lesson, self.clock.deadline(slice));
        self.lesson.mark_stale();
    }

    /// Whether plots are being computed, or the second run of a comparison catches up.
    fn is_computing_plots(&self) -> bool {
        let Some(open) = &self.lesson.open else { return false };
        let second = self.comparison.run();
        let behind = second.is_some_and(|second| second.step() != open.run.step());
        let runs: Vec<&Run> = [Some(&open.run), second].into_iter().flatten().collect();
        behind || self.plots.is_drafting(&runs, self.is_training())
    }

    /// Computes plots for a while.
    fn compute_plots(&mut self, slice: Duration) {
        let hurry = self.is_training();
        if !self.comparison.catch_up(&mut self.lesson, self.clock.deadline(slice)) {
            return;
        }
        let Some(open) = &mut self.lesson.open else { return };
        let mut runs: Vec<&mut Run> = [Some(&mut open.run), self.comparison.run_mut()].into_iter().flatten().collect();
        self.plots.go_on(&mut runs, hurry, self.clock.deadline(slice));
        self.lesson.scripts.discard_printed();
    }

    /// The open plots of the step that is shown.
    fn plots(&mut self) -> Plots {
        let hurry = self.is_training();
        let (Some(open), Some(shown)) = (&mut self.lesson.open, self.display.step()) else { return Plots::default() };
        let moment = Moment { opened: open.info.opened, hurry };
        self.plots.renew(&mut open.run, self.comparison.run_mut(), &shown.timeline, &moment);
        self.lesson.scripts.discard_printed();
        self.plots.plots(&open.run, self.comparison.run())
    }

    /// The recipe of the present run, or of the one that a replay is making.
    fn recipe(&self) -> Recipe {
        match (&self.replay, &self.lesson.open) {
            (Some(replay), _) => replay.recipe().clone(),
            (None, Some(open)) => open.state(self.lesson.seed()).recipe(),
            (None, None) => Recipe::default(),
        }
    }

    /// The state at this moment, with the present step.
    fn snapshot(&mut self) -> Snapshot {
        if self.lesson.take_stale() {
            self.display.update(&mut self.lesson);
        }
        self.comparison.catch_up(&mut self.lesson, self.clock.deadline(COMPARISON_TIMEOUT));
        let rival = self.comparison.info(&mut self.lesson, self.plots.has_answers());
        let plots = self.plots();
        let spec = self.lesson.open.as_ref().map(|open| Arc::clone(&open.run.setup().spec));
        let files = self.lesson.scripts.used_files(spec.as_deref(), self.replay.as_ref());
        let (recipe, pasts) = (self.recipe(), self.undo.plain());
        let (undo, redo) = self.undo.names();
        let (training, drafting) = (self.is_training(), self.is_computing_plots());
        let LessonRun { scripts, open, report, .. } = &mut self.lesson;
        let open = open.as_ref();
        let warnings = open.into_iter().flat_map(|open| &open.warnings);
        let problems = report.problems().chain(warnings).cloned().collect();
        let curves =
            |run: &Run| Curves { present: run.curve().points().to_vec(), ghost: run.abandoned_branch().cloned() };
        let shown = self.display.step();
        Snapshot {
            handled: self.handled,
            training,
            drafting,
            lesson: open.map(|open| Arc::clone(&open.info)),
            lessons: Arc::clone(scripts.lessons()),
            setup: open.map(|open| Arc::new(slots::setup_info(open.run.setup(), scripts.choices()))),
            data: self.display.data().cloned(),
            maps: shown.and_then(|shown| shown.maps.clone()),
            lit: self.display.highlighted().cloned(),
            plots,
            rival,
            timeline: shown.map(|shown| Arc::clone(&shown.timeline)),
            picture: shown.map(|shown| Arc::clone(&shown.picture)),
            furthest: open.map_or(0, |open| open.run.furthest()),
            recipe,
            pasts,
            undo,
            redo,
            curves: Arc::new(open.map(|open| curves(&open.run)).unwrap_or_default()),
            console: Arc::clone(scripts.console()),
            problems,
            files,
            plugins: Arc::clone(scripts.plugins()),
            checked: scripts.checked().cloned(),
            stuck: report.take_stuck(),
            messages: report.take_messages(),
            reloaded: report.take_reloaded(),
        }
    }
}
