//! A slowgrad session without a window: the lesson that is performed, the run that is trained, what was done to it, and
//! the file that restores it all.
//!
//! A [`Session`] sends [`Command`]s over a [`Link`] to a [`Backend`], which owns the scripts and the run and answers with
//! [`Snapshot`]s. This crate must not know windows, egui, graphics, files, threads or a clock: time, bytes and the number
//! of threads are handed in.

mod backend;
mod clock;
mod file;
mod protocol;
mod session;
pub mod shipped;
#[cfg(any(test, feature = "testing"))]
pub mod testing;

pub use backend::link::{BackendStopped, InlineBackend, Link, is_idle};
pub use backend::plots::predictions::{maps, range};
pub use backend::slots::{layers, sign};
pub use backend::thread_count::Pace;
pub use backend::{Backend, Machine};
pub use clock::{Clock, Deadline};
pub use file::{Bookmark, DrawerTab, FormatError, OpenPanels, OpenPlots, SessionFile, lesson_name};
pub use protocol::*;
pub use session::{Editable, NextFrame, Notice, RunAction, RunStart, Session, event_at};
pub use session::{traversal, visible_range};
