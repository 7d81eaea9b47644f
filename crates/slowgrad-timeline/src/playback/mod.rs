//! How a step and a lesson play: the playhead, the cues of a lesson, and what performs them.
//!
//! It must not know a clock: elapsed time is an argument.

pub mod cue;
pub mod performer;
pub mod placeholders;
pub mod playhead;
