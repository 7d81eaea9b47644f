//! How a run is reproduced: by replaying its changes. Replay is exact, so a recipe stores no weights. A saved run may
//! have the numbers of its shown step as well, so that it is shown before it is replayed.

use super::{Arrangement, Change};
use slowgrad_engine::run::{LossCurve, StoredState};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The texts of scripts, by their paths in the library.
pub type ScriptTexts = BTreeMap<String, Arc<str>>;

/// A change of a run, with the step at which it was made.
#[derive(Debug, Clone, PartialEq)]
pub struct RecordedChange {
    /// The number of steps that were completed before the change.
    pub after: u64,
    /// The scripts whose texts differ from those at the previous change.
    pub scripts: ScriptTexts,
    /// The change made by hand; `None` when only new versions of scripts took effect.
    pub change: Option<Change>,
}

/// Everything needed to reproduce a run exactly.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Recipe {
    /// The seed chosen instead of the lesson's.
    pub seed: Option<u64>,
    /// The texts of scripts when the run began. Other scripts have their present texts.
    pub scripts: Arc<ScriptTexts>,
    /// The changes of the run, in order.
    pub changes: Arc<[RecordedChange]>,
    /// The discs that were moved by hand.
    pub arrangement: Arrangement,
    /// The step that is shown, from 1.
    pub step: u64,
    /// The number of steps that were trained.
    pub furthest: u64,
    /// The losses of the branch that the last edit in the past abandoned.
    pub abandoned_branch: Option<Arc<LossCurve>>,
}

/// A run that undo or redo returns to.
#[derive(Debug, Clone, PartialEq)]
pub struct UndoEntry {
    /// The name of the change that is undone or redone.
    pub name: String,
    /// The run to return to.
    pub recipe: Recipe,
}

/// All changes that can be undone and redone. The next one is the last of its list.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct UndoHistory {
    /// The changes that can be undone.
    pub undo: Vec<UndoEntry>,
    /// The changes that can be redone.
    pub redo: Vec<UndoEntry>,
}

/// A run to restore from a session file.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SavedRun {
    /// The path of the lesson in the library.
    pub lesson: String,
    /// The run.
    pub recipe: Recipe,
    /// The changes that can be undone and redone in it.
    pub undo_history: Arc<UndoHistory>,
    /// The numbers of the shown step, if they are known; otherwise the run is replayed first.
    pub state: Option<Arc<StoredState>>,
}
