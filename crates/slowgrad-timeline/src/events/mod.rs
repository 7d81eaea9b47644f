//! A training step as a sequence of events: what each operation computes, and where its numbers came from.
//!
//! It must not know how a number or a formula is written, nor how anything is drawn or played.

pub(crate) mod cell_plan;
mod event;
mod granularity;
pub(crate) mod origin;
pub(crate) mod timeline;

pub(crate) use cell_plan::{CellOperation, CellPlan};
pub use event::{Address, Cell, Event, EventKind, Named, Phase};
pub use granularity::Granularity;
pub(crate) use origin::Origins;
pub use timeline::Timeline;
pub(crate) use timeline::{name_of, named};
