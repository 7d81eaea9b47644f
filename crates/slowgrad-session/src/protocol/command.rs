//! The one closed enum of requests to the backend. It must not know how any of them is carried out.

use super::{Change, Difference, Saved, Wanted};
use slowgrad_timeline::playback::cue::CueCondition;

/// Everything that the window can ask for.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    /// Opens a lesson of the library, by its path there.
    Open(String),
    /// Shows a step (from 1), training or going back as needed.
    Seek(u64),
    /// Trains so many steps at full speed and shows the one after them.
    Train(u64),
    /// The same until a condition of the lesson holds, at most so many steps.
    TrainUntil { until: CueCondition, most: u64 },
    /// Lets the parameters stand out of which a condition of the lesson holds.
    Highlight(Option<CueCondition>),
    /// Trains without end, or stops all training.
    FullSpeed(bool),
    /// Makes a change that can be undone: before a step, which is shown then, or before the present one.
    Change { step: Option<u64>, change: Change },
    /// What was changed so far is done: the next change is one to undo by itself.
    Seal,
    /// Goes back to before the last change.
    Undo,
    /// Goes on to where the last change was undone.
    Redo,
    /// Opens a lesson and makes it what it was when it was saved.
    Restore(Box<Saved>),
    /// A file on disk changed; `None` when it is gone.
    ReloadFile {
        root: String,
        path: String,
        bytes: Option<Vec<u8>>,
        /// Whether the present step may be computed anew; else the change waits for the next one.
        at_once: bool,
    },
    /// Forgets the loss curve that an edit left behind.
    DropGhost,
    /// Which plots are open: these are computed, and no others.
    Show(Box<Wanted>),
    /// Lets a second run go along that differs in one thing; nothing ends it.
    Compare(Option<Difference>),
    /// Checks a script with this text, which may not be saved yet; nothing that runs changes.
    Check { path: String, text: String },
}

impl From<String> for Command {
    fn from(lesson: String) -> Self {
        Command::Open(lesson)
    }
}

impl From<&str> for Command {
    fn from(lesson: &str) -> Self {
        Command::Open(lesson.to_owned())
    }
}

impl From<Change> for Command {
    fn from(change: Change) -> Self {
        Command::Change { step: None, change }
    }
}
