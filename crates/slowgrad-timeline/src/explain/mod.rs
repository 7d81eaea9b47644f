//! Events and elements of the network in symbols, numbers and sentences.
//!
//! It must not know where anything is drawn, nor any particular activation, loss or optimizer: formulas, slopes and rules
//! are read from the recorded scripts.

pub(crate) mod expression;
pub(crate) mod formula;
mod inspect;
pub mod parameter_table;
mod script_mark;
pub(crate) mod symbols;
pub mod words;
pub mod worked_example;

pub use inspect::inspect;
pub use script_mark::script_mark;
