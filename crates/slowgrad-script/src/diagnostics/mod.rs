//! Diagnostics of scripts: analysis before a run, errors during a run, style warnings, and the wording they share.

pub(crate) mod analysis;
mod captured_loop_variable;
pub mod explain;
pub(crate) mod import_errors;
pub(crate) mod lints;
pub(crate) mod problem;
pub(crate) mod runtime_errors;
pub(crate) mod value_kind;
pub(crate) mod wording;
