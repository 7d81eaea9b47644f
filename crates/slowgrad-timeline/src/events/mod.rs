//! A training step as events.

pub(crate) mod cell_plan;
