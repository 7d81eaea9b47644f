//! Hot reload of files while a lesson runs: a new version takes effect at the end of a step, and a broken one has no
//! effect.
//!
//! Each save is planned first, without side effects, and then applied. It must not know the source of files; callers
//! pass bytes.

use super::lesson_run::{LessonRun, When};
use super::open_lesson::{LessonStart, OpenLesson, Swap};
use super::rebase::{rebased, same_run};
use super::script_files::Scripts;
use super::script_versions::{self, has_extension, still_uses};
use super::slots::plugins;
use crate::protocol::{LessonInfo, ScriptTexts, Slot};
use slowgrad_engine::condition::Condition;
use slowgrad_engine::setup::Setup;
use slowgrad_engine::spec::LessonSpec;
use slowgrad_script::Lesson;
use slowgrad_tape::Diagnostic;
use slowgrad_timeline::playback::cue::Cue;
use std::collections::BTreeSet;
use std::sync::Arc;

/// The parts of a lesson that do not affect its run: title, cues and their conditions.
struct CueUpdate {
    title: String,
    cues: Vec<Cue>,
    conditions: Vec<Condition>,
    warnings: Vec<Diagnostic>,
    combination: Option<Diagnostic>,
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
    /// A file of data or initial weights.
    Data,
    /// The lesson's own file, or a file that may repair a broken lesson.
    Lesson,
    /// A plugin or an imported script.
    Script,
}

/// The effect of a saved file on the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ReloadEffect {
    /// The run continues as before.
    None,
    /// The run continues with another set-up, now or from the next step.
    Swap,
    /// A new run started.
    Restart,
}

/// Reloads a file that was added, changed or deleted (`None`).
pub(crate) fn reload(
    lesson_run: &mut LessonRun,
    root: &str,
    path: &str,
    bytes: Option<Vec<u8>>,
    when: When,
) -> ReloadEffect {
    // The editor reports its saves at once, and the file watcher reports them again.
    let unchanged = |(from, known): (String, Arc<[u8]>)| from == root && bytes.as_deref() == Some(&known[..]);
    if lesson_run.scripts.sandbox().file(path).is_some_and(unchanged) {
        return ReloadEffect::None;
    }
    if bytes.is_none() && lesson_run.open.is_some() && is_lesson(lesson_run, path) {
        return lesson_deleted(lesson_run, root, path);
    }
    let used = lesson_run.scripts.sandbox().files().iter().any(|used| used == path);
    lesson_run.scripts.replace(root, path, bytes.map(Arc::from));
    if lesson_run.open.is_none() {
        let lesson = lesson_run.scripts.lesson_path().to_owned();
        return if lesson_run.open(&lesson) { ReloadEffect::Restart } else { ReloadEffect::None };
    }
    let file_use = if used && (has_extension(path, "json") || has_extension(path, "safetensors")) {
        FileUse::Data
    } else if path == lesson_run.scripts.lesson_path() || !lesson_run.report.scripts_are_fine() {
        FileUse::Lesson
    } else if used {
        FileUse::Script
    } else {
        FileUse::None
    };
    if file_use == FileUse::None {
        return ReloadEffect::None;
    }
    let read = lesson_run.scripts.read_lesson();
    let Some(open) = &lesson_run.open else { return ReloadEffect::None };
    let plan = plan_reload(open, &lesson_run.scripts, lesson_run.seed(), (path, file_use), read);
    apply_reload(lesson_run, plan, path, when)
}

/// Takes note that the file of the open lesson was deleted. Its text stays in the library, so that the lesson can be
/// reset, saved and changed as before.
fn lesson_deleted(lesson_run: &mut LessonRun, root: &str, path: &str) -> ReloadEffect {
    if lesson_run.scripts.sandbox().file(path).is_some_and(|(from, _)| from == root) {
        lesson_run.report.message(format!("{path} was deleted; the last version keeps running"));
    } else {
        lesson_run.scripts.replace(root, path, None);
    }
    ReloadEffect::None
}

/// Applies the plan for a saved file.
fn apply_reload(lesson_run: &mut LessonRun, plan: ReloadPlan, path: &str, when: When) -> ReloadEffect {
    let ReloadPlan { cue_update, start, run } = plan;
    update_cues(lesson_run, cue_update);
    let started = set_start(lesson_run, start);
    match run {
        RunPlan::Keep => {
            if started {
                lesson_run.report.message(format!("{path} was saved: the next Reset draws the weights with it"));
            }
        }
        RunPlan::Broken(problems) => drop(lesson_run.report.accept::<()>(Err(problems))),
        RunPlan::Restart(lesson) => {
            lesson_run.report.accept(Ok(()));
            lesson_run.report.message(format!("{path} was saved: the run restarts"));
            lesson_run.report.mark_reloaded();
            lesson_run.begin(*lesson);
            return ReloadEffect::Restart;
        }
        RunPlan::Swap(swap) => {
            let same = |open: &OpenLesson| open.run.setup().trains_like(&swap.setup);
            let effect =
                if lesson_run.open.as_ref().is_some_and(same) { ReloadEffect::None } else { ReloadEffect::Swap };
            if started
                && uses(&lesson_run.scripts, &swap.requested, Slot::Initializer, path)
                && !is_lesson(lesson_run, path)
            {
                lesson_run.report.message(format!("{path} was saved: the next Reset draws the weights with it"));
            }
            lesson_run.schedule_swap(*swap, when);
            if when == When::AfterStep {
                lesson_run.report.clear_run_problem();
                lesson_run.report.message(format!("{path} was saved and is in use from the next step"));
            } else if lesson_run.report.scripts_are_fine() {
                lesson_run.report.message(format!("{path} was saved and is in use"));
            }
            return effect;
        }
    }
    ReloadEffect::None
}

fn is_lesson(lesson_run: &LessonRun, path: &str) -> bool {
    path == lesson_run.scripts.lesson_path()
}

/// Replaces the cues of the lesson.
fn update_cues(lesson_run: &mut LessonRun, cue_update: Option<CueUpdate>) {
    let Some(CueUpdate { title, cues, conditions, warnings, combination }) = cue_update else { return };
    let Some(open) = &lesson_run.open else { return };
    let differs = open.info.cues != cues || open.info.title != title;
    let cue_version = if differs { lesson_run.next_cue_version() } else { 0 };
    let Some(open) = &mut lesson_run.open else { return };
    (open.warnings, open.combination) = (warnings, combination);
    open.set_conditions(conditions);
    lesson_run.report.set_condition_problem(None);
    if differs {
        open.info = Arc::new(LessonInfo { title, cues, cue_version, ..(*open.info).clone() });
    }
}

/// Replaces the initial state for the next reset; returns false when scripts have problems.
fn set_start(lesson_run: &mut LessonRun, start: Option<(Arc<LessonSpec>, StartResult)>) -> bool {
    let Some((requested, start)) = start else { return false };
    let Some((setup, values)) = lesson_run.report.accept(start) else { return false };
    let scripts = Arc::new(lesson_run.scripts.new_texts(&ScriptTexts::new(), &[]));
    let data_files = lesson_run.scripts.data_files();
    if let Some(open) = &mut lesson_run.open {
        open.set_start(LessonStart { requested, setup, values, scripts, data_files });
    }
    true
}

/// Continues the run with the present scripts; returns false when they have problems.
pub(crate) fn use_present_scripts(lesson_run: &mut LessonRun) -> bool {
    let read = lesson_run.scripts.read_lesson();
    let Some(open) = &lesson_run.open else { return false };
    let ReloadPlan { cue_update, start, run } =
        plan_reload(open, &lesson_run.scripts, lesson_run.seed(), ("", FileUse::Script), read);
    update_cues(lesson_run, cue_update);
    set_start(lesson_run, start);
    match run {
        RunPlan::Swap(swap) => {
            lesson_run.schedule_swap(*swap, When::Now);
            lesson_run.report.scripts_are_fine()
        }
        RunPlan::Broken(problems) => {
            lesson_run.report.accept::<()>(Err(problems));
            false
        }
        RunPlan::Keep | RunPlan::Restart(_) => false,
    }
}

/// The scripts whose text has changed since the run last loaded them.
pub(crate) fn changed_scripts(lesson_run: &LessonRun) -> BTreeSet<String> {
    let Some(open) = &lesson_run.open else { return BTreeSet::new() };
    script_versions::changed_scripts(lesson_run.scripts.sandbox(), &open.initial_scripts, &open.changes)
}

/// Continues a run that used other versions of its scripts with the present ones; returns the changed scripts.
pub(crate) fn update_to_present_scripts(lesson_run: &mut LessonRun, when: When) -> Vec<String> {
    let mut changed = changed_scripts(lesson_run);
    let Some(open) = &lesson_run.open else { return Vec::new() };
    let lesson_path = lesson_run.scripts.lesson_path();
    changed.retain(|path| still_uses(lesson_run.scripts.sandbox(), lesson_path, &open.run.setup().spec, path));
    if changed.is_empty() {
        return Vec::new();
    }
    // If the lesson has problems now, they are reported, and the run continues with the previous version.
    let read = lesson_run.scripts.read_lesson();
    let Some(lesson) = lesson_run.report.accept(read) else { return changed.into_iter().collect() };
    let Some(open) = &lesson_run.open else { return Vec::new() };
    if !same_run(open.requested(), &lesson.spec) {
        changed.remove(lesson_run.scripts.lesson_path());
        let path = lesson_run.scripts.lesson_path();
        lesson_run.report.message(format!("{path} has changed since: Reset to start the current version"));
    }
    let ReloadPlan { cue_update, start, run } =
        plan_reload(open, &lesson_run.scripts, lesson_run.seed(), ("", FileUse::Script), Ok(lesson));
    update_cues(lesson_run, cue_update);
    set_start(lesson_run, start);
    if !changed.is_empty() {
        match run {
            RunPlan::Swap(swap) => lesson_run.schedule_swap(*swap, when),
            RunPlan::Broken(problems) => drop(lesson_run.report.accept::<()>(Err(problems))),
            RunPlan::Keep | RunPlan::Restart(_) => {}
        }
    }
    changed.into_iter().collect()
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
            let Lesson { spec, cues, conditions, setup, parameters, warnings, combination, .. } = lesson;
            let cue_update = CueUpdate { title: spec.title.clone(), cues, conditions, warnings, combination };
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
