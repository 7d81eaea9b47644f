//! Files that change while a lesson runs: the new version takes over at a step's boundary, and a broken one changes
//! nothing.
//!
//! A save leads to one plan, which changes nothing, and one application of that plan. It must not know where files come
//! from; they are handed in as bytes.

use super::lesson_run::LessonRun;
use super::open_lesson::{LessonStart, OpenLesson};
use super::script_files::Scripts;
use super::script_versions::{changed_scripts, has_extension, still_uses};
use super::slots::plugins;
use crate::protocol::{LessonInfo, Slot, Texts};
use slowgrad_engine::condition::Condition;
use slowgrad_engine::setup::Setup;
use slowgrad_engine::spec::{LayerSpec, LessonSpec};
use slowgrad_script::Lesson;
use slowgrad_tape::Diagnostic;
use slowgrad_timeline::playback::cue::Cue;
use std::sync::Arc;

/// When a new version takes over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum When {
    /// The present step may be computed again.
    Now,
    /// When the step that is shown is over.
    AfterStep,
}

/// A set-up that takes over at the end of a step.
pub(crate) struct PendingSwap {
    /// The number of steps after which it takes over.
    pub(crate) after: u64,
    swap: Swap,
}

/// Another set-up for the run.
struct Swap {
    /// The description in the lesson's file.
    requested: Arc<LessonSpec>,
    /// The run's description when the set-up was assembled.
    based_on: Arc<LessonSpec>,
    /// The version of the scripts that it was assembled from.
    scripts_version: u64,
    setup: Setup,
}

/// The part of a lesson that concerns its performance and not its run.
struct Performance {
    title: String,
    cues: Vec<Cue>,
    conditions: Vec<Condition>,
    warnings: Vec<Diagnostic>,
}

/// A set-up and its initial parameters, or the problems of the scripts.
type Start = Result<(Setup, Vec<f64>), Vec<Diagnostic>>;

/// The consequences of a save for the lesson that is open.
struct ReloadPlan {
    /// The lesson's file was read: what it performs.
    performance: Option<Performance>,
    /// The state that the next reset starts from.
    start: Option<(Arc<LessonSpec>, Start)>,
    run: RunPlan,
}

/// The consequences of a save for the run.
enum RunPlan {
    /// The run continues unchanged.
    Keep,
    /// A script has problems; the run continues with the last version.
    Broken(Vec<Diagnostic>),
    /// The lesson describes another run.
    Restart(Box<Lesson>),
    /// The run continues with another set-up.
    Swap(Box<Swap>),
}

/// What a file is to the lesson that is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum FileUse {
    /// Not used, or it does not matter.
    None,
    /// The lesson's own file, which is gone.
    LessonGone,
    /// A file of data or weights, which a run begins with.
    Data,
    /// The lesson's own file, or one that a broken lesson may have waited for.
    Lesson,
    /// A plugin or an imported script.
    Script,
}

impl LessonRun {
    /// A file was added, changed or removed (`None`).
    ///
    /// Returns whether another run began, with which nothing can be undone.
    pub(crate) fn reload(&mut self, root: &str, path: &str, bytes: Option<Vec<u8>>, when: When) -> bool {
        // The editor reports its saves at once, and the watcher a little later.
        let is_known = |(from, known): (String, Arc<[u8]>)| from == root && bytes.as_deref() == Some(&known[..]);
        if self.scripts.sandbox().file(path).is_some_and(is_known) {
            return false;
        }
        let gone = bytes.is_none();
        let used = self.scripts.sandbox().files().iter().any(|used| used == path);
        self.scripts.replace(root, path, bytes.map(Arc::from));
        if self.open.is_none() {
            let lesson = self.scripts.lesson_path().to_owned();
            return self.open(&lesson);
        }
        let file_use = if path == self.scripts.lesson_path() && gone {
            FileUse::LessonGone
        } else if used && (has_extension(path, "json") || has_extension(path, "safetensors")) {
            FileUse::Data
        } else if path == self.scripts.lesson_path() || !self.report.scripts_are_fine() {
            FileUse::Lesson
        } else if used {
            FileUse::Script
        } else {
            FileUse::None
        };
        match file_use {
            FileUse::None => return false,
            FileUse::LessonGone => {
                self.report.message(format!("{path} was deleted; the last version keeps running"));
                return false;
            }
            FileUse::Data | FileUse::Lesson | FileUse::Script => {}
        }
        let read = self.scripts.read_lesson();
        let Some(open) = &self.open else { return false };
        let plan = plan_reload(open, &self.scripts, self.seed(), (path, file_use), read);
        self.apply_reload(plan, path, when)
    }

    /// Applies the plan for a file that was saved; returns whether another run began.
    fn apply_reload(&mut self, plan: ReloadPlan, path: &str, when: When) -> bool {
        let ReloadPlan { performance, start, run } = plan;
        self.set_performance(performance);
        let started = self.set_start(start);
        match run {
            RunPlan::Keep => {
                if started {
                    self.report.message(format!("{path} was saved: the next Reset draws the weights with it"));
                }
            }
            RunPlan::Broken(problems) => drop(self.report.accept::<()>(Err(problems))),
            RunPlan::Restart(lesson) => {
                self.report.accept(Ok(()));
                self.report.message(format!("{path} was saved: the run restarts"));
                self.report.mark_reloaded();
                self.begin(*lesson);
                return true;
            }
            RunPlan::Swap(swap) => {
                if started && uses(&self.scripts, &swap.requested, Slot::Initializer, path) && !self.is_lesson(path) {
                    self.report.message(format!("{path} was saved: the next Reset draws the weights with it"));
                }
                self.schedule_swap(*swap, when);
                if when == When::AfterStep {
                    self.report.clear_run_problem();
                    self.report.message(format!("{path} was saved and is in use from the next step"));
                } else if self.report.scripts_are_fine() {
                    self.report.message(format!("{path} was saved and is in use"));
                }
            }
        }
        false
    }

    fn is_lesson(&self, path: &str) -> bool {
        path == self.scripts.lesson_path()
    }

    /// The lesson performs what its file describes now.
    fn set_performance(&mut self, performance: Option<Performance>) {
        let Some(Performance { title, cues, conditions, warnings }) = performance else { return };
        let Some(open) = &self.open else { return };
        let differs = open.info.cues != cues || open.info.title != title;
        let edition = if differs { self.next_cue_version() } else { 0 };
        let Some(open) = &mut self.open else { return };
        open.warnings = warnings;
        open.set_conditions(conditions);
        self.report.set_condition_problem(None);
        if differs {
            open.info = Arc::new(LessonInfo { title, cues, edition, ..(*open.info).clone() });
        }
    }

    /// The next reset starts from the files as they are; returns false when scripts have problems.
    fn set_start(&mut self, start: Option<(Arc<LessonSpec>, Start)>) -> bool {
        let Some((requested, start)) = start else { return false };
        let Some((setup, values)) = self.report.accept(start) else { return false };
        let scripts = Arc::new(self.scripts.new_texts(&Texts::new(), &[]));
        if let Some(open) = &mut self.open {
            open.set_start(LessonStart { requested, setup, values, scripts });
        }
        true
    }

    /// A set-up takes over now or when the step that is shown is over.
    fn schedule_swap(&mut self, swap: Swap, when: When) {
        self.report.accept(Ok(()));
        self.report.mark_reloaded();
        if let Some(open) = &mut self.open {
            open.pending = Some(PendingSwap { after: open.run.step() + 1, swap });
        }
        if when == When::Now {
            self.apply_pending_swap();
        }
    }

    /// A pending set-up takes over if its step is over.
    pub(crate) fn apply_due_swap(&mut self) {
        let due = |open: &OpenLesson| open.pending.as_ref().is_some_and(|pending| open.run.step() >= pending.after);
        if self.open.as_ref().is_some_and(due) {
            self.apply_pending_swap();
        }
    }

    /// A pending set-up takes over.
    pub(crate) fn apply_pending_swap(&mut self) {
        let Some(open) = &mut self.open else { return };
        let Some(PendingSwap { swap: Swap { requested, based_on, scripts_version, setup }, .. }) = open.pending.take()
        else {
            return;
        };
        // Changes by hand stay, also those made in the meantime; scripts may have changed as well.
        let now = &open.run.setup().spec;
        let made = if *now == based_on && scripts_version == self.scripts.version() {
            Ok(setup)
        } else {
            self.scripts.sandbox().assemble(&rebased(now, open.requested(), &requested))
        };
        if self.set_setup(made)
            && let Some(open) = &mut self.open
        {
            let after = open.run.step();
            open.set_requested(requested);
            super::undo::record_change(open, &self.scripts, after, None, false);
        }
    }

    /// Whether a new version of the scripts waits for the end of a step.
    pub(crate) fn has_pending_swap(&self) -> bool {
        self.open.as_ref().is_some_and(|open| open.pending.is_some())
    }

    /// The run continues with the scripts as they are; returns false when they have problems.
    pub(crate) fn take_over_scripts(&mut self) -> bool {
        let read = self.scripts.read_lesson();
        let Some(open) = &self.open else { return false };
        let ReloadPlan { performance, start, run } =
            plan_reload(open, &self.scripts, self.seed(), ("", FileUse::Script), read);
        self.set_performance(performance);
        self.set_start(start);
        match run {
            RunPlan::Swap(swap) => {
                self.schedule_swap(*swap, When::Now);
                self.report.scripts_are_fine()
            }
            RunPlan::Broken(problems) => {
                self.report.accept::<()>(Err(problems));
                false
            }
            RunPlan::Keep | RunPlan::Restart(_) => false,
        }
    }

    /// The scripts of the run whose text has changed since the run last loaded them.
    pub(crate) fn changed_scripts(&self) -> std::collections::BTreeSet<String> {
        let changed = |open: &OpenLesson| changed_scripts(self.scripts.sandbox(), &open.initial_scripts, &open.changes);
        self.open.as_ref().map(changed).unwrap_or_default()
    }

    /// A run that was made with other versions of its scripts continues with the present ones; returns which have
    /// changed.
    pub(crate) fn catch_up_with_scripts(&mut self, when: When) -> Vec<String> {
        let mut changed = self.changed_scripts();
        let Some(open) = &self.open else { return Vec::new() };
        let lesson_path = self.scripts.lesson_path();
        changed.retain(|path| still_uses(self.scripts.sandbox(), lesson_path, &open.run.setup().spec, path));
        if changed.is_empty() {
            return Vec::new();
        }
        // A lesson that has a problem now reports it, and the version before continues.
        let read = self.scripts.read_lesson();
        let Some(lesson) = self.report.accept(read) else { return changed.into_iter().collect() };
        let Some(open) = &self.open else { return Vec::new() };
        if !same_run(open.requested(), &lesson.spec) {
            changed.remove(self.scripts.lesson_path());
            let path = self.scripts.lesson_path();
            self.report.message(format!("{path} has changed since: Reset to start the current version"));
        }
        let ReloadPlan { performance, start, run } =
            plan_reload(open, &self.scripts, self.seed(), ("", FileUse::Script), Ok(lesson));
        self.set_performance(performance);
        self.set_start(start);
        if !changed.is_empty() {
            match run {
                RunPlan::Swap(swap) => self.schedule_swap(*swap, when),
                RunPlan::Broken(problems) => drop(self.report.accept::<()>(Err(problems))),
                RunPlan::Keep | RunPlan::Restart(_) => {}
            }
        }
        changed.into_iter().collect()
    }
}

/// Plans the consequences of a file that was saved, after the lesson was read with the new file. Nothing changes.
///
/// Each set-up is assembled at most once: the lesson's own serves the next reset and the run wherever it fits.
fn plan_reload(
    open: &OpenLesson,
    scripts: &Scripts,
    seed: Option<u64>,
    (path, file_use): (&str, FileUse),
    read: Result<Lesson, Vec<Diagnostic>>,
) -> ReloadPlan {
    let before = open.requested();
    let mut assembled: Vec<(LessonSpec, Setup)> = Vec::new();
    let mut lesson_start: Option<(LessonSpec, Setup, Vec<f64>)> = None;
    let (requested, performance) = match read {
        Err(problems) if file_use != FileUse::Script => {
            return ReloadPlan { performance: None, start: None, run: RunPlan::Broken(problems) };
        }
        Ok(lesson) if file_use == FileUse::Data || !same_run(before, &lesson.spec) => {
            if file_use != FileUse::Script {
                let run = RunPlan::Restart(Box::new(lesson));
                return ReloadPlan { performance: None, start: None, run };
            }
            // A plugin was saved, and the lesson's file describes another run, which begins with a reset.
            (Arc::clone(before), None)
        }
        Ok(lesson) => {
            let Lesson { spec, cues, conditions, setup, parameters, warnings, .. } = lesson;
            let performance = Performance { title: spec.title.clone(), cues, conditions, warnings };
            assembled.push((spec.clone(), setup.clone()));
            lesson_start = Some((spec.clone(), setup, parameters));
            (Arc::new(spec), Some(performance))
        }
        // The lesson cannot be read, but perhaps the run does not need what is broken.
        Err(_) => (Arc::clone(before), None),
    };
    let seeded = LessonSpec { seed: seed.unwrap_or(requested.seed), ..(*requested).clone() };
    let start = match lesson_start {
        Some((spec, setup, parameters)) if spec == seeded => Ok((setup, parameters)),
        _ => scripts.start(&seeded),
    };
    if let Ok((setup, _)) = &start {
        assembled.push((seeded, setup.clone()));
    }
    let uses = |slot| uses(scripts, &requested, slot, path);
    let only_initial_weights = uses(Slot::Initializer)
        && path != scripts.lesson_path()
        && !Slot::ALL.into_iter().any(|slot| slot != Slot::Initializer && uses(slot));
    let run = if only_initial_weights {
        RunPlan::Keep
    } else {
        let based_on = Arc::clone(&open.run.setup().spec);
        let spec = rebased(&based_on, before, &requested);
        let made = assembled.into_iter().find(|(known, _)| *known == spec);
        match made.map_or_else(|| scripts.sandbox().assemble(&spec), |(_, setup)| Ok(setup)) {
            Ok(setup) => {
                let scripts_version = scripts.version();
                RunPlan::Swap(Box::new(Swap { requested: Arc::clone(&requested), based_on, scripts_version, setup }))
            }
            Err(problems) => RunPlan::Broken(problems),
        }
    };
    ReloadPlan { performance, start: Some((requested, start)), run }
}

/// Whether a file is that of the plugin in a slot.
fn uses(scripts: &Scripts, spec: &LessonSpec, slot: Slot, path: &str) -> bool {
    let mut spec = spec.clone();
    let named = plugins(&mut spec, slot);
    named.iter().any(|plugin| scripts.sandbox().path_of(slot.kind(), &plugin.name).is_some_and(|used| used == path))
}

/// A description that goes along with its file: what the file itself changed, changes.
fn rebased(now: &LessonSpec, was: &LessonSpec, asked: &LessonSpec) -> LessonSpec {
    fn pick<T: Clone + PartialEq>(now: &T, was: &T, asked: &T) -> T {
        if was == asked { now.clone() } else { asked.clone() }
    }
    LessonSpec {
        title: asked.title.clone(),
        layers: layers(&now.layers, &was.layers, &asked.layers),
        loss: pick(&now.loss, &was.loss, &asked.loss),
        regularizer: pick(&now.regularizer, &was.regularizer, &asked.regularizer),
        optimizer: pick(&now.optimizer, &was.optimizer, &asked.optimizer),
        schedule: pick(&now.schedule, &was.schedule, &asked.schedule),
        batch: pick(&now.batch, &was.batch, &asked.batch),
        shuffle: pick(&now.shuffle, &was.shuffle, &asked.shuffle),
        ..now.clone()
    }
}

/// The layers of a run whose file changed: as many and as large as they are now, with the activations that the file
/// changed.
fn layers(now: &[LayerSpec], was: &[LayerSpec], asked: &[LayerSpec]) -> Vec<LayerSpec> {
    if was == asked {
        return now.to_vec();
    }
    let sizes = |layers: &[LayerSpec]| layers.iter().map(|layer| layer.size).collect::<Vec<_>>();
    if sizes(now) == sizes(asked) {
        // A layer that the file did not change keeps the activation that it was given by hand.
        let changed = |nth: usize| was.get(nth) != asked.get(nth);
        return (0..asked.len()).map(|nth| if changed(nth) { asked[nth].clone() } else { now[nth].clone() }).collect();
    }
    // Where layers came or went, hidden layers go by the first and the output by the last.
    let activation = |layers: &[LayerSpec], is_last: bool| {
        let layer = if is_last { layers.last() } else { layers.first() };
        layer.map(|layer| layer.activation.clone())
    };
    let mut layers = now.to_vec();
    let last = layers.len().saturating_sub(1);
    for (nth, layer) in layers.iter_mut().enumerate() {
        let (old, new) = (activation(was, nth == last), activation(asked, nth == last));
        if old != new
            && let Some(new) = new
        {
            layer.activation = new;
        }
    }
    layers
}

/// Whether a run of one description can go on with the other.
fn same_run(a: &LessonSpec, b: &LessonSpec) -> bool {
    let sizes = |spec: &LessonSpec| spec.layers.iter().map(|layer| layer.size).collect::<Vec<_>>();
    a.inputs == b.inputs
        && sizes(a) == sizes(b)
        && a.data == b.data
        && a.count == b.count
        && a.noise.to_bits() == b.noise.to_bits()
        && a.test_fraction.to_bits() == b.test_fraction.to_bits()
        && a.seed == b.seed
        && a.weights == b.weights
        && a.initializer == b.initializer
}
