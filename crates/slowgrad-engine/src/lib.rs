//! Networks, data, training steps that are recorded or run at full speed, and exact history.
//!
//! This crate must not know Rhai, files, graphics or the clock. It is handed functions that were traced
//! elsewhere ([`slowgrad_tape::Function`]) and does one thing with them: training, in the order of
//! operations that the crate's modules write down, so that a step that is watched and a step that is
//! not give the same bits.

pub mod condition;
pub mod data;
pub mod dense;
pub mod model;
pub mod norms;
pub mod orthogonal;
pub mod parameter_path;
pub mod plugin;
pub mod rate;
pub mod record;
pub mod rng;
pub mod run;
pub mod setup;
pub mod shape;
pub mod spec;
pub mod structure;
pub mod train;
mod update;
pub mod weights;
mod work_sharing;
