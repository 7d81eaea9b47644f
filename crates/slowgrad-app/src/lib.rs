//! The interface of slowgrad without a platform: panels, plots, editor and actions over a
//! [`slowgrad_session::Session`].
//!
//! The same app runs in a window, in a web page and without a screen. It must not know windows, files, threads or a
//! clock: each frame brings its time, and [`platform::Platform`] does what only a platform can do.

pub mod actions;
mod camera_animation;
mod editor;
pub mod headless;
mod panels;
pub mod platform;
pub mod settings;
mod state;
#[cfg(test)]
mod tests;
mod ui;
mod visible_state;

pub use panels::presenter_notes::{PresenterNotes, presenter_notes_ui};
pub use state::App;
pub use visible_state::visible_state;
