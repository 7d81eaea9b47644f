//! Replaying a recipe step by step and change by change, with the scripts of each time. A session file has recipes of its
//! run and of the runs that undo and redo return to.
//!
//! With the stored numbers of the shown step, the changes are made without training in between; the engine computes the
//! steps later and compares them. It must not know the file format: a recipe is plain data.

use super::lesson_run::{LessonRun, When};
use super::script_files::Scripts;
use super::undo::UndoState;
use super::{change, hot_reload};
use crate::protocol::{LessonInfo, Recipe, RecordedChange, ScriptTexts};
use slowgrad_engine::run::StoredState;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A file of the library: its root and its path.
type FileKey = (String, String);

/// A new version of a file that is reloaded after the replay.
pub(crate) struct WaitingFile {
    pub(crate) root: String,
    pub(crate) path: String,
    pub(crate) bytes: Option<Vec<u8>>,
    /// Whether the present step may be recomputed.
    pub(crate) at_once: bool,
}

/// The scripts that have earlier texts during the replay, with their present contents.
#[derive(Default)]
struct ReplacedFiles(BTreeMap<FileKey, Option<Arc<[u8]>>>);

impl ReplacedFiles {
    /// Replaces the texts of scripts; deleted scripts reappear beside the lesson.
    fn replace(&mut self, scripts: &mut Scripts, texts: &ScriptTexts, lesson: &str) {
        for (path, text) in texts {
            let (root, now) = match scripts.sandbox().file(path) {
                Some((_, now)) if *now == *text.as_bytes() => continue,
                Some((root, now)) => (root, Some(now)),
                None => match scripts.sandbox().file(lesson) {
                    Some((root, _)) => (root, None),
                    None => continue,
                },
            };
            scripts.replace_for_replay(&root, path, text);
            self.0.entry((root, path.clone())).or_insert(now);
        }
    }

    /// Restores the present contents of all scripts.
    fn put_back(self, scripts: &mut Scripts) {
        for ((root, path), bytes) in self.0 {
            scripts.replace(&root, &path, bytes);
        }
    }
}

/// A replay in progress.
pub(crate) struct Replay {
    /// The run to reproduce.
    recipe: Recipe,
    /// The stored numbers of the shown step: no step is trained.
    state: Option<Arc<StoredState>>,
    /// The number of changes applied so far.
    done: usize,
    replaced: ReplacedFiles,
    waiting: Vec<WaitingFile>,
    /// The lesson of the session, whose number the run keeps.
    info: Arc<LessonInfo>,
    /// When scripts that have changed since the save take effect.
    when: When,
}

/// The state of a replay after one step or change.
pub(crate) enum Progress {
    /// The replay continues.
    Running(Replay),
    /// The replay has ended; these files were saved during it.
    Ended(Vec<WaitingFile>),
    /// The stored numbers do not fit the run, which has to be replayed from its start; these files were saved meanwhile.
    Unusable(Box<Recipe>, Vec<WaitingFile>),
}

impl Replay {
    /// Opens a lesson and starts the replay of its run; `None` when the lesson cannot be opened.
    pub(crate) fn of_lesson(
        lesson_run: &mut LessonRun,
        lesson: &str,
        recipe: Recipe,
        state: Option<Arc<StoredState>>,
    ) -> Option<Self> {
        let mut replaced = ReplacedFiles::default();
        replaced.replace(&mut lesson_run.scripts, &recipe.scripts, lesson);
        lesson_run.set_seed(recipe.seed);
        lesson_run.open(lesson);
        let Some(open) = lesson_run.open.as_mut().filter(|open| open.info.path == lesson) else {
            replaced.put_back(&mut lesson_run.scripts);
            return None;
        };
        open.arrangement = Arc::clone(&recipe.arrangement);
        let info = Arc::clone(&open.info);
        Some(Self { recipe, state, done: 0, replaced, waiting: Vec::new(), info, when: When::AfterStep })
    }

    /// Starts the replay of a run of the open lesson; `None` when its scripts of that time cannot be read.
    pub(crate) fn of_open_lesson(lesson_run: &mut LessonRun, recipe: Recipe) -> Option<Self> {
        let info = lesson_run.open.as_ref().map(|open| Arc::clone(&open.info))?;
        let mut replaced = ReplacedFiles::default();
        replaced.replace(&mut lesson_run.scripts, &recipe.scripts, &info.path);
        lesson_run.set_seed(recipe.seed);
        let Some(lesson) = lesson_run.read_lesson() else {
            replaced.put_back(&mut lesson_run.scripts);
            return None;
        };
        lesson_run.begin(lesson);
        if let Some(open) = &mut lesson_run.open {
            open.arrangement = Arc::clone(&recipe.arrangement);
            open.info = Arc::clone(&info);
        }
        Some(Self { recipe, state: None, done: 0, replaced, waiting: Vec::new(), info, when: When::Now })
    }

    /// The run to reproduce.
    pub(crate) fn recipe(&self) -> &Recipe {
        &self.recipe
    }

    /// The present contents of a script that has an earlier text during the replay.
    pub(crate) fn present_text(&self, root: &str, path: &str) -> Option<&Arc<[u8]>> {
        self.replaced.0.get(&(root.to_owned(), path.to_owned()))?.as_ref()
    }

    /// Queues a saved file until the replay has ended.
    pub(crate) fn add_waiting(&mut self, file: WaitingFile) {
        self.waiting.push(file);
    }

    /// Whether the stored numbers of the shown step replace training, so that the replay takes little time.
    pub(crate) fn has_state(&self) -> bool {
        self.state.is_some()
    }

    /// The path of the lesson in the library.
    pub(crate) fn lesson(&self) -> &str {
        &self.info.path
    }

    /// The number of steps that are left to train.
    pub(crate) fn steps_left(&self, lesson_run: &LessonRun) -> u64 {
        let step = lesson_run.open.as_ref().map_or(0, |open| open.run.step());
        if self.has_state() { 0 } else { self.recipe.furthest.saturating_sub(step) }
    }

    /// Trains one step or applies one change.
    pub(crate) fn advance(mut self, lesson_run: &mut LessonRun) -> Progress {
        let Some(open) = &mut lesson_run.open else { return Progress::Ended(Vec::new()) };
        let next = self.recipe.changes.get(self.done).cloned();
        let to = next.as_ref().map_or(self.recipe.furthest, |recorded| recorded.after);
        if self.has_state() {
            open.run.skip_to(to);
        } else if open.run.step() < to {
            return match open.run.advance() {
                Ok(_) => Progress::Running(self),
                Err(problem) => {
                    lesson_run.step_failed(*problem);
                    Progress::Ended(self.end(lesson_run))
                }
            };
        }
        let Some(recorded) = next else { return self.finish(lesson_run) };
        if self.apply(lesson_run, &recorded) {
            self.done += 1;
            return Progress::Running(self);
        }
        if self.has_state() {
            return self.unusable(lesson_run);
        }
        let why = "a change in this session no longer fits its lesson; it and all later changes are left out";
        lesson_run.report.message(why);
        Progress::Ended(self.end(lesson_run))
    }

    /// Applies a change at the present step; returns whether it fits.
    fn apply(&mut self, lesson_run: &mut LessonRun, recorded: &RecordedChange) -> bool {
        self.replaced.replace(&mut lesson_run.scripts, &recorded.scripts, &self.info.path);
        // Drops messages, which were shown when the change was made.
        let messages = lesson_run.report.message_count();
        let applied = lesson_run.seek(recorded.after + 1)
            && match &recorded.change {
                Some(change) => change::check_fits(lesson_run, change).is_ok() && change::apply(lesson_run, change),
                None => hot_reload::use_present_scripts(lesson_run),
            };
        lesson_run.report.discard_messages_after(messages);
        if let Some(open) = &mut lesson_run.open {
            open.info = Arc::new(LessonInfo { run_number: self.info.run_number, ..(*open.info).clone() });
        }
        applied
    }

    /// Shows the step of the recipe after all changes.
    fn finish(mut self, lesson_run: &mut LessonRun) -> Progress {
        let step = self.recipe.step.max(1);
        match (self.state.take(), &mut lesson_run.open) {
            (Some(state), Some(open)) => {
                let stored = Arc::unwrap_or_clone(state);
                if open.run.restore_state(step - 1, self.recipe.furthest, stored).is_err() {
                    return self.unusable(lesson_run);
                }
                lesson_run.mark_stale();
            }
            _ => drop(lesson_run.seek(step)),
        }
        if let Some(open) = &mut lesson_run.open {
            open.run.set_abandoned_branch(self.recipe.abandoned_branch.clone());
        }
        Progress::Ended(self.end(lesson_run))
    }

    /// Gives up the stored numbers.
    fn unusable(self, lesson_run: &mut LessonRun) -> Progress {
        self.replaced.put_back(&mut lesson_run.scripts);
        Progress::Unusable(Box::new(self.recipe), self.waiting)
    }

    /// Ends the replay at its present step; the run continues with the present scripts. Returns the files that were
    /// saved during the replay.
    pub(crate) fn end(self, lesson_run: &mut LessonRun) -> Vec<WaitingFile> {
        let Self { recipe, done, replaced, waiting, when, .. } = self;
        let Some(open) = &mut lesson_run.open else { return Vec::new() };
        open.changes = if done == recipe.changes.len() { recipe.changes } else { recipe.changes[..done].into() };
        if !recipe.scripts.is_empty() {
            open.initial_scripts = recipe.scripts;
        }
        replaced.put_back(&mut lesson_run.scripts);
        let messages = lesson_run.report.message_count();
        let changed = hot_reload::update_to_present_scripts(lesson_run, when).join(", ");
        if lesson_run.has_pending_swap() {
            lesson_run.report.discard_messages_after(messages);
            let text = format!("{changed} has changed since: the current version runs from the next step");
            lesson_run.report.message(text);
        }
        waiting
    }

    /// Cancels the replay in favour of another run; returns the run to reproduce.
    pub(crate) fn abandon(self, lesson_run: &mut LessonRun) -> UndoState {
        self.replaced.put_back(&mut lesson_run.scripts);
        for WaitingFile { root, path, bytes, .. } in self.waiting {
            lesson_run.scripts.replace(&root, &path, bytes.map(Arc::from));
        }
        UndoState::Saved(self.recipe)
    }
}
