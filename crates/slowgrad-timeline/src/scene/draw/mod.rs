//! Drawing: the second of the two phases of making scenes. Each file draws one kind of element, or the movements of one
//! phase.
//!
//! Drawing reads a [`SceneContext`] and adds to the parts of a [`SceneDraft`]. It must not know pixels or fonts. Numbers
//! at rest come from the computed values; moving numbers belong to the events being played.

pub(super) mod backward;
mod disc_labels;
mod edge_bundles;
pub(super) mod forward;
mod gradient_path;
pub(super) mod headline;
pub(super) mod highlight;
mod layer_edges;
pub(super) mod loss;
mod moving_numbers;
pub(super) mod network;
pub(super) mod update;
pub(super) mod weight_labels;
mod weight_matrix;

use super::context::SceneContext;
use super::label_placement::LabelPlacement;
use super::{Disc, Edge, Heatmap, Ink, Math, Pulse};
use crate::explain::words;

/// A scene under construction.
#[derive(Debug, Default)]
pub(super) struct SceneDraft {
    pub(super) edges: Vec<Edge>,
    pub(super) matrices: Vec<Heatmap>,
    pub(super) discs: Vec<Disc>,
    pub(super) pulses: Vec<Pulse>,
    pub(super) labels: LabelPlacement,
}

/// Shown before the number of a frozen parameter: two lines, like its edge.
const LOCK: &str = "‖ ";

/// `name = number`.
fn equation(name: Math, number: String) -> Math {
    Math::row([name, Math::text(" = "), Math::text(number)])
}

/// ∂L/∂ a value, on one line.
fn slope(by: Math) -> Math {
    slope_of("L", by)
}

/// ∂of/∂ a value, on one line.
fn slope_of(of: &str, by: Math) -> Math {
    Math::row([Math::text(format!("∂{of}/∂")), by])
}

/// The colour of an activation, a pre-activation or an input.
fn value_ink(x: f64) -> Ink {
    Ink::Value(words::level(x))
}

/// The colour of a weight or a bias.
fn weight_ink(x: f64) -> Ink {
    Ink::Weight(words::level(x))
}

/// The colour of a gradient. Most gradients are far below 1 and would all look like 0, so the level is the root.
fn gradient_ink(x: f64) -> Ink {
    Ink::Gradient(root_level(x))
}

/// The colour of a change of a parameter. The level is the root, as for gradients.
fn update_ink(x: f64) -> Ink {
    Ink::Update(root_level(x))
}

fn root_level(x: f64) -> f32 {
    words::level(x.signum() * x.abs().sqrt())
}
