//! The gradient path of the selection: the edges through which the loss's gradient flows back to the selected element.
//!
//! It must not know how the path is drawn.

use super::SceneContext;
use crate::scene::Target;

/// Strength of the halo of an edge on the path.
pub(super) const PATH_GLOW: f32 = 0.5;

/// Whether the selected element acts on the loss through a weight, and a gradient flows back through it. Without a
/// gradient only the selected element itself is on the path.
pub(super) fn contains_weight(context: &SceneContext, layer: usize, neuron: usize, input: usize) -> bool {
    let values = &context.values;
    let flows = || {
        let delta = values.recorded().layers[layer].delta[neuron];
        values.old_and_new(layer, neuron, Some(input)).0 * delta != 0.0
    };
    // From the second layer after the selection on, a path leads through every neuron that a gradient passes.
    let is_passed = |at: usize| layer == at + 1 || values.recorded().layers[layer - 1].delta[input] != 0.0;
    match context.options.selected {
        Some(Target::Weight { layer: at, neuron: to, input: from }) => {
            (layer, neuron, input) == (at, to, from)
                || (layer > at && (layer > at + 1 || input == to) && is_passed(at) && flows())
        }
        Some(Target::Bias { layer: at, neuron: to } | Target::Neuron { layer: at, neuron: to }) => {
            layer > at && (layer > at + 1 || input == to) && is_passed(at) && flows()
        }
        Some(Target::Input(from)) => layer > 0 || input == from,
        Some(Target::Loss) | None => false,
    }
}

/// Whether a gradient flows from the loss through an output to the selected element.
pub(super) fn contains_output(context: &SceneContext, output: usize) -> bool {
    let last = context.values.last_layer();
    let delta = context.values.recorded().layers[last].delta[output];
    match context.options.selected {
        Some(
            Target::Weight { layer, neuron, .. } | Target::Bias { layer, neuron } | Target::Neuron { layer, neuron },
        ) => delta != 0.0 && (layer < last || neuron == output),
        Some(Target::Input(_)) => true,
        Some(Target::Loss) | None => false,
    }
}
