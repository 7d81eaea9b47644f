//! Hot reload of files while a lesson runs: a new version takes effect at the end of a step, and a broken one has no
//! effect.
//!
//! Each save is planned first, without side effects, and then applied. It must not know the source of files; callers
//! pass bytes.

use super::lesson_run::LessonRun;
use super::open_lesson::{LessonStart, OpenLesson};
use super::script_files::Scripts;
use super::script_versions::{changed_scripts, has_extension, still_uses};
use super::slots::plugins;
use crate::protocol::{LessonInfo, ScriptTexts, Slot};
use slowgrad_engine::condition::Condition;
use slowgrad_engine::setup::Setup;
use slowgrad_engine::spec::{LayerSpec, LessonSpec};
use slowgrad_script::Lesson;
use slowgrad_tape::Diagnostic;
use slowgrad_timeline::playback::cue::Cue;
use std::sync::Arc;

/// The time at which a new version takes effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum When {
    /// At once; the present step is recomputed.
    Now,
    /// At the end of the shown step.
    AfterStep,
}

/// A set-up that takes effect at the end of a step.
pub(crate) struct PendingSwap {
    /// The number of completed steps at which it takes effect.
    pub(crate) after: u64,
    swap: Swap,
}

/// A new set-up for the run.
struct Swap {
    /// The description in the lesson's file.
    requested: Arc<LessonSpec>,
    /// The run's description when the set-up was assembled.
    based_on: Arc<LessonSpec>,
    /// The version of the scripts that it was assembled from.
    scripts_version: u64,
    setup: Setup,
}

/// The parts of a lesson that do not affect its run: title, cues and their conditions.
struct CueUpdate {
    title: String,
    cues: Vec<Cue>,
    conditions: Vec<Condition>,
    warnings: Vec<Diagnostic>,
}

/// A set-up with its initial parameters, or the problems of the scripts.
type StartResult = Result<(Setup, Vec<f64>), Vec<Diagnostic>>;

/// The effects of a save on the open lesson.
struct ReloadPlan {
    /// The new cues, if the lesson's file could be read.
    cue_update: Option<CueUpdate>,
    /// The initial state for the next reset.
    start: Option<(Arc<LessonSpec>, StartResult)>,
    run: RunPlan,
}

/// The effect of a save on the run.
enum RunPlan {
    /// The run continues unchanged.
    Keep,
    /// A script has problems; the run continues with the previous version.
    Broken(Vec<Diagnostic>),
    /// The lesson describes a different run, which starts.
    Restart(Box<Lesson>),
    /// The run continues with a new set-up.
    Swap(Box<Swap>),
}

/// The role of a file in the open lesson.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum FileUse {
    /// Not used, or irrelevant.
    None,
    /// The lesson's own file, which was deleted.
    LessonGone,
    /// A file of data or initial weights.
    Data,
    /// The lesson's own file, or a file that may repair a broken lesson.
    Lesson,
    /// A plugin or an imported script.
    Script,
}

impl LessonRun {
    /// Reloads a file that was added, changed or deleted (`None`).
    ///
    /// Returns whether a new run started, which discards undo and redo.
    pub(crate) fn reload(&mut self, root: &str, path: &str, bytes: Option<Vec<u8>>, when: When) -> bool {
        // The editor reports its saves at once, and the file watcher reports them again.
        let unchanged = |(from, known): (String, Arc<[u8]>)| from == root && bytes.as_deref() == Some(&known[..]);
        if self.scripts.sandbox().file(path).is_some_and(unchanged) {
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

    /// Applies the plan for a saved file; returns whether a new run started.
    fn apply_reload(&mut self, plan: ReloadPlan, path: &str, when: When) -> bool {
        let ReloadPlan { cue_update, start, run } = plan;
        self.update_cues(cue_update);
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

    /// Replaces the cues of the lesson.
    fn update_cues(&mut self, cue_update: Option<CueUpdate>) {
        let Some(CueUpdate { title, cues, conditions, warnings }) = cue_update else { return };
        let Some(open) = &self.open else { return };
        let differs = open.info.cues != cues || open.info.title != title;
        let cue_version = if differs { self.next_cue_version() } else { 0 };
        let Some(open) = &mut self.open else { return };
        open.warnings = warnings;
        open.set_conditions(conditions);
        self.report.set_condition_problem(None);
        if differs {
            open.info = Arc::new(LessonInfo { title, cues, cue_version, ..(*open.info).clone() });
        }
    }

    /// Replaces the initial state for the next reset; returns false when scripts have problems.
    fn set_start(&mut self, start: Option<(Arc<LessonSpec>, StartResult)>) -> bool {
        let Some((requested, start)) = start else { return false };
        let Some((setup, values)) = self.report.accept(start) else { return false };
        let scripts = Arc::new(self.scripts.new_texts(&ScriptTexts::new(), &[]));
        if let Some(open) = &mut self.open {
            open.set_start(LessonStart { requested, setup, values, scripts });
        }
        true
    }

    /// Schedules a set-up, which takes effect now or at the end of the shown step.
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
            super::undo::record_change(open, &self.scripts, after, None, false);
        }
    }

    /// Whether a new version of the scripts takes effect at the end of the shown step.
    pub(crate) fn has_pending_swap(&self) -> bool {
        self.open.as_ref().is_some_and(|open| open.pending.is_some())
    }

    /// Continues the run with the present scripts; returns false when they have problems.
    pub(crate) fn use_present_scripts(&mut self) -> bool {
        let read = self.scripts.read_lesson();
        let Some(open) = &self.open else { return false };
        let ReloadPlan { cue_update, start, run } =
            plan_reload(open, &self.scripts, self.seed(), ("", FileUse::Script), read);
        self.update_cues(cue_update);
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

    /// The scripts whose text has changed since the run last loaded them.
    pub(crate) fn changed_scripts(&self) -> std::collections::BTreeSet<String> {
        let changed = |open: &OpenLesson| changed_scripts(self.scripts.sandbox(), &open.initial_scripts, &open.changes);
        self.open.as_ref().map(changed).unwrap_or_default()
    }

    /// Continues a run that used other versions of its scripts with the present ones; returns the changed scripts.
    pub(crate) fn update_to_present_scripts(&mut self, when: When) -> Vec<String> {
        let mut changed = self.changed_scripts();
        let Some(open) = &self.open else { return Vec::new() };
        let lesson_path = self.scripts.lesson_path();
        changed.retain(|path| still_uses(self.scripts.sandbox(), lesson_path, &open.run.setup().spec, path));
        if changed.is_empty() {
            return Vec::new();
        }
        // If the lesson has problems now, they are reported, and the run continues with the previous version.
        let read = self.scripts.read_lesson();
        let Some(lesson) = self.report.accept(read) else { return changed.into_iter().collect() };
        let Some(open) = &self.open else { return Vec::new() };
        if !same_run(open.requested(), &lesson.spec) {
            changed.remove(self.scripts.lesson_path());
            let path = self.scripts.lesson_path();
            self.report.message(format!("{path} has changed since: Reset to start the current version"));
        }
        let ReloadPlan { cue_update, start, run } =
            plan_reload(open, &self.scripts, self.seed(), ("", FileUse::Script), Ok(lesson));
        self.update_cues(cue_update);
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

/// Plans the effects of a saved file, after the lesson was read with it. Has no side effects.
///
/// Each set-up is assembled at most once: the lesson's own is reused for the next reset and for the run where it fits.
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
    let (requested, cue_update) = match read {
        Err(problems) if file_use != FileUse::Script => {
            return ReloadPlan { cue_update: None, start: None, run: RunPlan::Broken(problems) };
        }
        Ok(lesson) if file_use == FileUse::Data || !same_run(before, &lesson.spec) => {
            if file_use != FileUse::Script {
                let run = RunPlan::Restart(Box::new(lesson));
                return ReloadPlan { cue_update: None, start: None, run };
            }
            // A plugin was saved, but the lesson's file describes a different run, which only a reset starts.
            (Arc::clone(before), None)
        }
        Ok(lesson) => {
            let Lesson { spec, cues, conditions, setup, parameters, warnings, .. } = lesson;
            let cue_update = CueUpdate { title: spec.title.clone(), cues, conditions, warnings };
            assembled.push((spec.clone(), setup.clone()));
            lesson_start = Some((spec.clone(), setup, parameters));
            (Arc::new(spec), Some(cue_update))
        }
        // The lesson cannot be read, but the run may not need the broken part.
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
        let reused = assembled.into_iter().find(|(assembled, _)| *assembled == spec);
        match reused.map_or_else(|| scripts.sandbox().assemble(&spec), |(_, setup)| Ok(setup)) {
            Ok(setup) => {
                let scripts_version = scripts.version();
                RunPlan::Swap(Box::new(Swap { requested: Arc::clone(&requested), based_on, scripts_version, setup }))
            }
            Err(problems) => RunPlan::Broken(problems),
        }
    };
    ReloadPlan { cue_update, start: Some((requested, start)), run }
}

/// Whether a file contains the plugin in a slot.
fn uses(scripts: &Scripts, spec: &LessonSpec, slot: Slot, path: &str) -> bool {
    let mut spec = spec.clone();
    let named = plugins(&mut spec, slot);
    named.iter().any(|plugin| scripts.sandbox().path_of(slot.kind(), &plugin.name).is_some_and(|used| used == path))
}

/// Rebases the edits in `now` from the file's previous description `was` onto its new one: fields that the file changed
/// are taken from the file, all others from `now`.
fn rebased(now: &LessonSpec, was: &LessonSpec, requested: &LessonSpec) -> LessonSpec {
    fn pick<T: Clone + PartialEq>(now: &T, was: &T, requested: &T) -> T {
        if was == requested { now.clone() } else { requested.clone() }
    }
    LessonSpec {
        title: requested.title.clone(),
        layers: layers(&now.layers, &was.layers, &requested.layers),
        loss: pick(&now.loss, &was.loss, &requested.loss),
        regularizer: pick(&now.regularizer, &was.regularizer, &requested.regularizer),
        optimizer: pick(&now.optimizer, &was.optimizer, &requested.optimizer),
        schedule: pick(&now.schedule, &was.schedule, &requested.schedule),
        batch: pick(&now.batch, &was.batch, &requested.batch),
        shuffle: pick(&now.shuffle, &was.shuffle, &requested.shuffle),
        ..now.clone()
    }
}

/// The layers of a run whose file changed: the present number and sizes, with the activations that the file changed.
fn layers(now: &[LayerSpec], was: &[LayerSpec], requested: &[LayerSpec]) -> Vec<LayerSpec> {
    if was == requested {
        return now.to_vec();
    }
    let sizes = |layers: &[LayerSpec]| layers.iter().map(|layer| layer.size).collect::<Vec<_>>();
    if sizes(now) == sizes(requested) {
        // A layer that the file did not change keeps an activation set by hand.
        let changed = |nth: usize| was.get(nth) != requested.get(nth);
        return (0..requested.len())
            .map(|nth| if changed(nth) { requested[nth].clone() } else { now[nth].clone() })
            .collect();
    }
    // When the number of layers differs, hidden layers follow the first layer and the output follows the last.
    let activation = |layers: &[LayerSpec], last: bool| {
        let layer = if last { layers.last() } else { layers.first() };
        layer.map(|layer| layer.activation.clone())
    };
    let mut layers = now.to_vec();
    let last = layers.len().saturating_sub(1);
    for (nth, layer) in layers.iter_mut().enumerate() {
        let (old, new) = (activation(was, nth == last), activation(requested, nth == last));
        if old != new
            && let Some(new) = new
        {
            layer.activation = new;
        }
    }
    layers
}

/// Whether a run of one description can continue with the other.
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
