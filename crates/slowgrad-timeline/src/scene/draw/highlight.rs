//! Dims everything in a scene that the lesson does not highlight. It must not know the reason for a highlight.

use crate::scene::summary::HighlightCache;
use crate::scene::{Disc, Edge, Heatmap, Scene, Target};
use slowgrad_engine::shape::Shape;
use std::sync::Arc;

/// The remaining strength of a dimmed edge.
const DIM_EDGE: f32 = 0.12;
/// The remaining strength of a dimmed disc.
const DIM_DISC: f32 = 0.22;
/// The remaining strength of a dimmed label.
const DIM_LABEL: f32 = 0.38;
/// The minimum opacity of a highlighted edge.
const MIN_HIGHLIGHTED_ALPHA: f32 = 0.85;

/// Dims everything but the highlighted parameters, given by flat index, and their neurons and inputs.
pub(in crate::scene) fn dim(scene: &mut Scene, shape: &Shape, parameters: &Arc<[bool]>, cache: &HighlightCache) {
    let highlight = cache.get(shape, parameters);
    let is_highlighted = |target: Target| highlight.contains(shape, target);
    for edge in scene.edges.iter_mut().filter(|edge| edge.alpha > 0.0) {
        dim_edge(edge, is_highlighted(edge.target));
    }
    for matrix in &mut scene.matrices {
        if let Some(layer) = matrix.layer {
            matrix.levels = highlight.dimmed(shape, layer, &matrix.levels);
        }
    }
    for label in &mut scene.labels {
        if label.target.is_some_and(|target| !is_highlighted(target)) {
            label.alpha *= DIM_LABEL;
        }
    }
    for disc in scene.discs.iter_mut().filter(|disc| !is_highlighted(disc.target)) {
        dim_disc(disc, scene.maps.as_mut());
    }
}

fn dim_edge(edge: &mut Edge, highlighted: bool) {
    if highlighted {
        edge.alpha = edge.alpha.max(MIN_HIGHLIGHTED_ALPHA);
    } else {
        edge.alpha *= DIM_EDGE;
        edge.glow *= DIM_EDGE;
        edge.ghost_width = None;
    }
}

/// Dims a disc with the map that is drawn into it.
fn dim_disc(disc: &mut Disc, maps: Option<&mut Heatmap>) {
    disc.alpha *= DIM_DISC;
    disc.glow *= DIM_DISC;
    let [x, y] = disc.center;
    for patch in maps.into_iter().flat_map(|maps| &mut maps.patches) {
        let ([left, top], [right, bottom]) = (patch.place.min, patch.place.max);
        if left < x && x < right && top < y && y < bottom {
            patch.alpha *= DIM_DISC;
        }
    }
}
