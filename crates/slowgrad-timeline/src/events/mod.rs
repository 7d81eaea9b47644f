//! A training step as a sequence of events: what each operation computes, and where its numbers came from.
//!
//! It must not know how a number or a formula is written, nor how anything is drawn or played.

mod call_origins;
mod cell_plan;
mod compute;
mod event;
mod granularity;
mod node_names;
mod not_finite;
pub(crate) mod origin;
mod timeline;
mod update_inputs;

pub(crate) use call_origins::{CallOrigins, CellScript, ChainTerm};
pub(crate) use cell_plan::{CellOperation, CellPlan};
pub use event::{Address, Cell, Event, EventKind, NamedValue, Phase};
pub use granularity::Granularity;
pub(crate) use node_names::{name_of, named};
pub(crate) use origin::Origins;
pub use timeline::Timeline;
pub(crate) use update_inputs::{UpdateInput, UpdateInputs};
