//! The one closed enum of requests to the backend. It must not know how they are executed.

use super::{Change, Difference, PlotRequest, SavedRun};
use slowgrad_timeline::playback::cue::CueCondition;

/// A request to the backend.
#[derive(Debug, Clone, PartialEq)]
pub enum BackendCommand {
    /// Opens a lesson by its path in the library.
    Open(String),
    /// Shows a step, from 1; trains or goes back as needed.
    Seek(u64),
    /// Trains this many more steps at full speed and shows the next one.
    Train(u64),
    /// Trains until a condition holds, and shows the next step.
    TrainUntil {
        /// A condition of the lesson.
        until: CueCondition,
        /// The limit of the number of steps.
        max_steps: u64,
    },
    /// Highlights the parameters for which a condition of the lesson holds; `None` removes the highlight.
    Highlight(Option<CueCondition>),
    /// Trains without limit (`true`), or stops all training (`false`).
    FullSpeed(bool),
    /// Makes a change that can be undone.
    Change {
        /// The step before which the change is made, and which is then shown; `None` for the present step.
        step: Option<u64>,
        /// The change.
        change: Change,
    },
    /// Ends the current change: further changes of the same number are undone separately.
    Seal,
    /// Undoes the last change.
    Undo,
    /// Redoes the change that was undone last.
    Redo,
    /// Opens a lesson and restores its saved run.
    Restore(Box<SavedRun>),
    /// Reloads a file that changed on disk.
    ReloadFile {
        /// The name of the library root that contains the file.
        root: String,
        /// The path in the library.
        path: String,
        /// The new contents; `None` when the file was deleted.
        bytes: Option<Vec<u8>>,
        /// Whether the present step may be recomputed; otherwise the file takes effect with the next step.
        at_once: bool,
    },
    /// Drops the loss curve of the branch that the last edit in the past abandoned.
    DropAbandonedBranch,
    /// Replaces the set of open plots.
    ShowPlots(Box<PlotRequest>),
    /// Starts or ends the evaluation of the shown step over all data.
    Evaluate(bool),
    /// Starts a comparison with a second run that differs in one setting, or ends it (`None`).
    Compare(Option<Difference>),
    /// Checks a script; the run is not affected.
    Check {
        /// The path of the script in the library.
        path: String,
        /// The text to check, which need not be saved.
        text: String,
    },
}

impl From<String> for BackendCommand {
    fn from(lesson: String) -> Self {
        BackendCommand::Open(lesson)
    }
}

impl From<&str> for BackendCommand {
    fn from(lesson: &str) -> Self {
        BackendCommand::Open(lesson.to_owned())
    }
}

impl From<Change> for BackendCommand {
    fn from(change: Change) -> Self {
        BackendCommand::Change { step: None, change }
    }
}
