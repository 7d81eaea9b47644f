//! To be written.
mod common;
