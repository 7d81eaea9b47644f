//! Draws a scene: into a window or into a picture, with the same pixels.
//!
//! Below the program this is the only crate that names the graphics library. It holds no domain types but
//! the plain data of [`slowgrad_timeline::scene`]; it must not know scripts, training or clocks. Colours
//! come from a [`Theme`], the network is drawn by instanced pipelines inside egui's pass ([`network_ui`]),
//! formulas are set by [`math`], and [`stage_ui`] composes a still of everything.

mod camera;
mod device;
mod egui_pass;
#[cfg(test)]
mod empty_scene;
pub mod math;
mod network;
mod offscreen;
mod panels;
mod pipelines;
mod script;
mod still_layout;
mod surface;
pub mod theme;

pub use camera::View;
pub use device::RenderError;
pub use math::{MathResponse, math_ui};
pub use network::{NetworkResponse, label_rects, legend_ui, network_ui};
pub use offscreen::{Offscreen, Picture};
pub use panels::{comparison_ui, formula_ui, inspector_ui};
pub use script::script_ui;
pub use still_layout::{PhaseMark, Stage, stage_room, stage_ui, stage_zoom};
pub use surface::{Painted, WindowRenderer};
pub use theme::{Ramp, Theme};
