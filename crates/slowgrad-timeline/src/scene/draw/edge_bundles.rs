//! Layers with more edges than can be followed on screen: the strongest edges are drawn one by one, and the weights into a
//! neuron, or out of one, are bundled in one line. At a large zoom every edge is drawn.
//!
//! The choice depends on the step and the zoom and must not know the moment, so that edges do not appear and disappear
//! while the step plays.

use super::{SceneContext, gradient_path, weight_ink};
use crate::scene::layout::toward;
use crate::scene::summary::{EdgeBundle, EdgeBundles};
use crate::scene::{Bounds, Edge, Point, Target};

/// Edges with a smaller distance in the middle between their columns cannot be told apart.
const MIN_DISTANCE_PTS: f32 = 2.0;
/// The distance that is left between the edges drawn one by one.
const BUNDLED_DISTANCE_PTS: f32 = 6.0;
/// Opacity of a bundle that is not current.
const BUNDLE_ALPHA: f32 = 0.35;

/// The number of a layer's edges that can be followed at the zoom of the scene.
pub(super) fn followable_edges(context: &SceneContext, layer: usize) -> usize {
    let all = context.values.step.shape.weights(layer).len();
    let [from, to] = [layer, layer + 1].map(|column| context.layout.extent(column));
    let height_pts = context.options.zoom * f32::midpoint(from.max[1] - from.min[1], to.max[1] - to.min[1]);
    if height_pts >= MIN_DISTANCE_PTS * all as f32 {
        all
    } else {
        ((height_pts / BUNDLED_DISTANCE_PTS) as usize).min(all)
    }
}

/// Draws the bundles of a layer. All lead through one knot between its columns. In a block of discs only the discs
/// closest to the knot have one.
pub(super) fn draw(context: &SceneContext, edges: &mut Vec<Edge>, layer: usize) {
    let Some(EdgeBundles { incoming, outgoing, .. }) = context.summary.edges(layer) else { return };
    let layout = context.layout;
    let [left, right] = [layer, layer + 1].map(|column| layout.extent(column));
    let [from, to] = [left, right].map(|Bounds { min, max }| f32::midpoint(min[1], max[1]));
    let knot = [f32::midpoint(left.max[0], right.min[0]), f32::midpoint(from, to)];
    let glow = context.progress.glow();
    // If all neurons of the layer are played, none of them is emphasized.
    let played = context.played.neurons().filter(|(at, neurons)| *at == layer && neurons.len() < incoming.len());
    let path_glow = |on_path: bool| on_path.then_some(gradient_path::PATH_GLOW);
    let rim = |target: Target| toward(layout.position(target), knot, layout.radius(target));
    for (input, bundle) in outgoing.iter().enumerate() {
        let target = Target::layer_input(layer, input);
        let (at, radius) = (layout.position(target), layout.radius(target));
        if at[0] + 1.5 * radius >= left.max[0] {
            let on_path =
                (0..incoming.len()).any(|neuron| gradient_path::contains_weight(context, layer, neuron, input));
            edges.push(line(bundle, target, (rim(target), knot), path_glow(on_path)));
        }
    }
    for (neuron, bundle) in incoming.iter().enumerate() {
        let target = Target::Neuron { layer, neuron };
        let (at, radius) = (layout.position(target), layout.radius(target));
        if at[0] - 1.5 * radius <= right.min[0] {
            let current = played.as_ref().is_some_and(|(_, neurons)| neurons.contains(&neuron));
            let on_path =
                (0..outgoing.len()).any(|input| gradient_path::contains_weight(context, layer, neuron, input));
            let glow = if current { Some(0.5 * glow) } else { path_glow(on_path) };
            edges.push(line(bundle, target, (knot, rim(target)), glow));
        }
    }
}

/// The line of a bundle, as wide as its weights are strong and in the colour of their sum. With a glow it is opaque.
pub(super) fn line(bundle: &EdgeBundle, target: Target, (from, to): (Point, Point), glow: Option<f32>) -> Edge {
    Edge {
        from,
        to,
        width: (0.8 + 4.0 * bundle.rms.min(1.0)) as f32,
        ink: weight_ink(bundle.sum),
        alpha: if glow.is_some() { 1.0 } else { BUNDLE_ALPHA },
        ghost_width: None,
        glow: glow.unwrap_or(0.0),
        frozen: false,
        target,
    }
}
