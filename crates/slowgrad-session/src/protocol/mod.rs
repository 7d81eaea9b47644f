//! The messages between a session and its backend: a closed enum of commands, and immutable snapshots.
//!
//! No message holds a script or a run, so every message can cross threads. It must not know how anything is computed or
//! drawn.

mod change;
mod command;
mod plots;
mod recipe;
mod snapshot;

pub use change::{Arrangement, Change, Difference, Slot};
pub use command::BackendCommand;
pub use plots::{
    ActivationAt, CurvePoint, FunctionCurve, Histogram, Landscape, LandscapeRequest, LayerHistograms, LossAt,
    PathPoint, PlotRequest, Plots, Predictions, ScoresAtStep, StepEvaluation, Surface,
};
pub use recipe::{Recipe, RecordedChange, SavedRun, ScriptTexts, UndoEntry, UndoHistory};
pub use snapshot::{
    CheckOutcome, Choice, ComparisonInfo, Curves, DataInfo, LessonInfo, PluginControl, SetupInfo, SlotInfo, Snapshot,
    UsedFile,
};
