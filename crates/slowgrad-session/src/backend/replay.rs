//! Making a run again, step by step and change by change, each with the scripts of its time: one that was saved, or
//! one that could be undone when it was saved.
//!
//! It must not know session files: a run comes in as plain data.

use crate::backend::Backend;
use crate::backend::undo::Kept;
use crate::protocol::{LessonInfo, Recipe, Saved, Texts};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A file of the library: its root and its path.
type At = (String, String);

/// A run that is on its way.
pub(crate) struct Replay {
    /// What it will be.
    recipe: Recipe,
    /// So many of its changes are made.
    done: usize,
    /// The files that say at the moment what they said once, as they are by now.
    files: BTreeMap<At, Option<Arc<[u8]>>>,
    /// What was saved in the meantime, and whether it may take over at once.
    waiting: Vec<(At, Option<Vec<u8>>, bool)>,
    /// What the window knows of the lesson, which it need not learn again.
    info: Arc<LessonInfo>,
    /// Scripts that have changed since take over at the step that is shown, and not after it.
    at_once: bool,
}

impl Replay {
    pub(crate) fn recipe(&self) -> &Recipe {
        &self.recipe
    }

    /// What a file says by now that says at the moment what it said once.
    pub(crate) fn now(&self, root: &str, path: &str) -> Option<&Arc<[u8]>> {
        self.files.get(&(root.to_owned(), path.to_owned()))?.as_ref()
    }
}

impl Backend {
    /// Opens a lesson and begins to make it what it was when it was saved.
    pub(crate) fn restore(&mut self, saved: Saved) {
        let Saved { lesson, recipe, pasts } = saved;
        let mut files = BTreeMap::new();
        self.put(&recipe.scripts, &lesson, &mut files);
        self.seed = recipe.seed;
        self.open(&lesson);
        let Some(opened) = self.opened.as_mut().filter(|opened| opened.info.path == lesson) else {
            return self.put_back(files);
        };
        opened.arrangement = Arc::clone(&recipe.arrangement);
        let info = Arc::clone(&opened.info);
        self.history.recall(&pasts);
        self.replay = Some(Replay { recipe, done: 0, files, waiting: Vec::new(), info, at_once: false });
    }

    /// Begins to make a run of the lesson that is open again.
    pub(crate) fn make_again(&mut self, recipe: Recipe) {
        let Some(info) = self.opened.as_ref().map(|opened| Arc::clone(&opened.info)) else { return };
        let mut files = BTreeMap::new();
        self.put(&recipe.scripts, &info.path, &mut files);
        self.seed = recipe.seed;
        let Some(lesson) = self.read() else { return self.put_back(files) };
        self.begin(lesson);
        if let Some(opened) = &mut self.opened {
            opened.arrangement = Arc::clone(&recipe.arrangement);
            opened.info = Arc::clone(&info);
        }
        self.replay = Some(Replay { recipe, done: 0, files, waiting: Vec::new(), info, at_once: true });
    }

    /// Goes on with making a run again: one step or one change.
    pub(crate) fn replay(&mut self) {
        let (Some(mut replay), Some(opened)) = (self.replay.take(), &mut self.opened) else { return };
        let next = replay.recipe.changes.get(replay.done).cloned();
        let to = next.as_ref().map_or(replay.recipe.furthest, |made| made.after);
        if opened.run.step() < to {
            match opened.run.advance() {
                Ok(_) => self.replay = Some(replay),
                Err(problem) => {
                    self.get_stuck(*problem);
                    self.end_replay(replay);
                }
            }
            return;
        }
        let Some(made) = next else {
            let step = replay.recipe.step.max(1);
            let ghost = replay.recipe.ghost.clone();
            self.seek(step);
            if let Some(opened) = &mut self.opened {
                opened.run.set_abandoned_branch(ghost);
            }
            return self.end_replay(replay);
        };
        let lesson = replay.info.path.clone();
        self.put(&made.scripts, &lesson, &mut replay.files);
        // What it did when it was made for the first time need not be said again.
        let said = self.messages.len();
        let is_made = self.seek(made.after + 1)
            && match &made.change {
                Some(change) => self.fits(change).is_ok() && self.make(change),
                None => self.take_over(),
            };
        self.messages.truncate(said);
        if let Some(opened) = &mut self.opened {
            opened.info = Arc::new(LessonInfo { opened: replay.info.opened, ..(*opened.info).clone() });
        }
        if is_made {
            replay.done += 1;
            self.replay = Some(replay);
        } else {
            let why = "a change in this session no longer fits its lesson; it and all later changes are left out";
            self.messages.push(why.into());
            self.end_replay(replay);
        }
    }

    /// What is on its way stops where it is; answers whether anything was.
    pub(crate) fn stop_replay(&mut self) -> bool {
        let Some(replay) = self.replay.take() else { return false };
        self.end_replay(replay);
        true
    }

    /// What is on its way is not wanted any more, since another run is taken up: answers what it would have been.
    pub(crate) fn drop_replay(&mut self) -> Option<Kept> {
        let replay = self.replay.take()?;
        self.put_back(replay.files);
        for ((root, path), bytes, _) in replay.waiting {
            self.replace(&root, &path, bytes.map(Arc::from));
        }
        Some(Kept::Told(replay.recipe))
    }

    /// A run was made again, as far as that went: from here on it goes on with the scripts as they are.
    fn end_replay(&mut self, replay: Replay) {
        let Replay { recipe, done, files, waiting, at_once, .. } = replay;
        let Some(opened) = &mut self.opened else { return };
        opened.changes = if done == recipe.changes.len() { recipe.changes } else { recipe.changes[..done].into() };
        if !recipe.scripts.is_empty() {
            opened.began_with = recipe.scripts;
        }
        self.put_back(files);
        let said = self.messages.len();
        let changed = self.catch_up(at_once).join(", ");
        if self.pending.is_some() {
            self.messages.truncate(said);
            self.messages.push(format!("{changed} has changed since: the current version runs from the next step"));
        }
        for ((root, path), bytes, at_once) in waiting {
            self.reload(&root, &path, bytes, at_once);
        }
    }

    /// Another version of a file has come: answers whether it waits until a run is made again.
    pub(crate) fn waits(&mut self, root: &str, path: &str, bytes: Option<&Vec<u8>>, at_once: bool) -> bool {
        let Some(replay) = &mut self.replay else { return false };
        replay.waiting.push(((root.to_owned(), path.to_owned()), bytes.cloned(), at_once));
        true
    }

    /// Scripts say what they said once; those that are gone come back beside the lesson. Keeps what they say now.
    fn put(&mut self, texts: &Texts, lesson: &str, files: &mut BTreeMap<At, Option<Arc<[u8]>>>) {
        for (path, text) in texts {
            let (root, now) = match self.sandbox.file(path) {
                Some((_, now)) if *now == *text.as_bytes() => continue,
                Some((root, now)) => (root, Some(now)),
                None => match self.sandbox.file(lesson) {
                    Some((root, _)) => (root, None),
                    None => continue,
                },
            };
            self.sandbox.replace(&root, path, Some(text.as_bytes().into()));
            files.entry((root, path.clone())).or_insert(now);
        }
    }

    /// Files say again what they say now.
    fn put_back(&mut self, files: BTreeMap<At, Option<Arc<[u8]>>>) {
        for ((root, path), bytes) in files {
            self.replace(&root, &path, bytes);
        }
    }
}
