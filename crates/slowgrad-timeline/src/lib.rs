//! Every operation of a training step as an addressable event, the playhead, and the scene as plain data.
//!
//! This crate must not know Rhai, wgpu, egui, files or the clock. A [`Timeline`] turns a recorded step into
//! events that are computed when asked for; [`explain`] says each in symbols, numbers and a sentence; a scene
//! is a pure function of a timeline and a moment.

pub mod events;
pub mod explain;
pub mod number_format;
pub mod playback;
pub mod scene;

pub use events::Timeline;
