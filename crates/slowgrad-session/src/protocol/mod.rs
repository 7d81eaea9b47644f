//! The messages between a session and its backend: one closed enum of commands, and snapshots that never change.
//!
//! Nothing in here holds a script or a run, so every message can cross threads. It must not know how anything is
//! computed or drawn.

mod change;
mod command;
mod plots;
mod recipe;
mod snapshot;

pub use change::{Arrangement, Change, Difference, Slot};
pub use command::Command;
pub use plots::{
    ActivationAt, Answers, CurvePoint, FunctionCurve, Histogram, Landscape, LandscapeAsk, LayerHistograms, LossAt,
    LossesAt, PathPoint, Plots, Surface, Wanted,
};
pub use recipe::{Made, Past, Pasts, Recipe, Saved, Texts};
pub use snapshot::{
    Checked, Choice, Curves, DataInfo, Knob, LessonInfo, RivalInfo, SetupInfo, SlotInfo, Snapshot, UsedFile,
};
