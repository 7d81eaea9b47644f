//! Every operation of a training step as an addressable event, the playhead, and the scene as plain data.
//!
//! This crate must not know Rhai, wgpu, egui, files or the clock. A [`Timeline`] turns a recorded step into
//! events that are computed when asked for; [`words`] says each in symbols, numbers and a sentence; a scene
//! is a pure function of a timeline and a moment.

pub mod cue;
pub mod event;
mod events;
mod expression;
mod formula;
pub mod granularity;
pub mod inspect;
mod origin;
pub mod parameters;
pub mod perform;
pub mod playhead;
pub mod print;
pub mod scene;
pub mod timeline;
pub mod words;

pub use timeline::Timeline;
