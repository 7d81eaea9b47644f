//! How a run is made again by replaying its changes. Replay is exact, so a recipe holds no weights.

use super::{Arrangement, Change};
use slowgrad_engine::run::LossCurve;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Texts of scripts, by their paths.
pub type Texts = BTreeMap<String, Arc<str>>;

/// Something that was done, and the number of steps that were done before.
#[derive(Debug, Clone, PartialEq)]
pub struct Made {
    pub after: u64,
    /// What scripts said by then, as far as that had changed since what was done before.
    pub scripts: Texts,
    /// What was changed by hand; nothing where only the scripts took over.
    pub change: Option<Change>,
}

/// How a run is made again. Replay is exact, so that what was done is all that there is to know.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Recipe {
    /// The seed that a person asked for instead of the lesson's.
    pub seed: Option<u64>,
    /// What scripts said when the run began. Those that are not named say what they say now.
    pub scripts: Arc<Texts>,
    /// What was done to make the run what it is, in that order.
    pub changes: Arc<[Made]>,
    pub arrangement: Arrangement,
    /// The step that was shown, from 1.
    pub step: u64,
    /// How many steps were trained.
    pub furthest: u64,
    /// The losses of the branch that the last edit in the past left behind.
    pub ghost: Option<Arc<LossCurve>>,
}

/// A run to go back to, or on to.
#[derive(Debug, Clone, PartialEq)]
pub struct Past {
    /// The change, in words, that lies between.
    pub words: String,
    pub recipe: Recipe,
}

/// All that can be undone and done again; what comes next is the last of its list.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Pasts {
    pub undo: Vec<Past>,
    pub redo: Vec<Past>,
}

/// A run as it was saved.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Saved {
    pub lesson: String,
    pub recipe: Recipe,
    pub pasts: Arc<Pasts>,
}
