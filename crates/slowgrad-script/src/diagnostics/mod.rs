//! What is wrong with a script, in plain words: before it runs, while it runs, and style warnings.

pub(crate) mod analysis;
pub mod explain;
pub(crate) mod import_errors;
pub(crate) mod lints;
pub(crate) mod problem;
pub(crate) mod runtime_errors;
pub(crate) mod value_kind;
pub(crate) mod wording;
