//! The interface of slowgrad without a platform: panels, plots, editor and actions over a [`slowgrad_session::Session`].
//!
//! The same app runs in a window, in a page and without any screen. It must not know windows, files, threads or a clock:
//! time comes in with each frame, and what only a platform can do goes through [`platform::Platform`].

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
