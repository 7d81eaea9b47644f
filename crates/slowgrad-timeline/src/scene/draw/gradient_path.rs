//! The way from the loss to what is selected: the edges along which a gradient comes back to it, or the network answers
//! for it.
//!
//! It must not know how it is lit.

use super::Stage;
use crate::scene::Target;

/// How bright an edge of the way is.
pub(crate) const GLOW: f32 = 0.5;

impl Stage<'_> {
    /// Whether what is selected acts on the loss through this edge, and the loss's gradient comes back through it to
    /// what is selected. Where no gradient arrives nothing is lit but what is selected itself.
    pub(crate) fn is_on_way(&self, layer: usize, neuron: usize, input: usize) -> bool {
        let flows = || {
            let delta = |layer: usize, neuron: usize| self.known.recorded().layers[layer].delta[neuron];
            self.known.old_and_new(layer, neuron, Some(input)).0 * delta(layer, neuron) != 0.0
        };
        // Behind the next layer every neuron is on a way, if anything comes through it.
        let is_passed = |at: usize| layer == at + 1 || self.known.recorded().layers[layer - 1].delta[input] != 0.0;
        match self.options.selected {
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

    /// Whether a gradient comes back from the loss to this output on the way to what is selected.
    pub(crate) fn comes_from_output(&self, output: usize) -> bool {
        let last = self.known.step.shape.layers() - 1;
        let delta = self.known.recorded().layers[last].delta[output];
        match self.options.selected {
            Some(
                Target::Weight { layer, neuron, .. }
                | Target::Bias { layer, neuron }
                | Target::Neuron { layer, neuron },
            ) => delta != 0.0 && (layer < last || neuron == output),
            Some(Target::Input(_)) => true,
            Some(Target::Loss) | None => false,
        }
    }
}
