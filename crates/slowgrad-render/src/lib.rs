//! Renders a scene with wgpu: into a window or into an image, with the same pixels.
//!
//! This is the only crate below the program that names the graphics library. It must not know scripts, training, clocks,
//! files, threads or a window library, so that it also runs in a web page: opening a device and reading pixels back are
//! `async`, and the caller chooses how to wait.
//!
//! The input is the plain data of [`slowgrad_timeline::scene`]. Colours come from a [`Theme`]. [`network_ui`] draws the
//! network with instanced pipelines inside egui's render pass, [`math`] lays out formulas, and [`still_ui`] composes a
//! still. [`WindowRenderer`] presents to a window, [`Offscreen`] renders images.
//!
//! Three units occur: *world* units of a scene, *points* of the interface, and *pixels* of the target.

mod device;
mod egui_pass;
#[cfg(test)]
mod empty_scene;
pub mod fallback_fonts;
mod fonts;
pub mod math;
mod network;
mod offscreen;
mod panels;
mod phases;
mod pipelines;
mod screen_view;
mod script;
mod still_layout;
mod surface;
pub mod text_order;
pub mod theme;

pub use device::RenderError;
pub use math::{MathResponse, math_ui};
pub use network::{NetworkResponse, label_rects, legend_ui, network_ui};
pub use offscreen::{Offscreen, RgbaImage};
pub use panels::{comparison_ui, formula_ui, inspector_ui};
pub use phases::{phase_ink, phase_marks};
pub use screen_view::ScreenView;
pub use script::script_ui;
pub use still_layout::{PhaseMark, StillContent, still_network_size, still_ui, still_zoom};
pub use surface::{FrameOutcome, WindowRenderer};
pub use theme::{Ramp, Theme};
