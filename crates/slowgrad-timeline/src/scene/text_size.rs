//! The sizes of text in a scene, which stay legible at every zoom. It must not know what the text says.

use super::SceneOptions;
use super::layout::MIN_TEXT_SIZE_PTS;

/// Text size of names and numbers at rest.
pub(super) const TEXT_SIZE_WORLD: f32 = 15.0;
/// Text size of weights and biases.
pub(super) const PARAMETER_SIZE_WORLD: f32 = 13.5;
/// Text does not become larger than this on screen, at any zoom.
const MAX_TEXT_SIZE_PTS: f32 = 26.0;
/// The size in world units of text that has size `usual` where a world unit is a point. On screen it is never too small
/// to read, and does not grow beyond a limit.
pub(super) fn legible(usual: f32, options: &SceneOptions) -> f32 {
    let zoom = options.zoom.max(1e-3);
    // Numbers next to others may be a little smaller than words.
    let min = MIN_TEXT_SIZE_PTS * (usual / TEXT_SIZE_WORLD).clamp(0.9, 1.0);
    (usual * zoom).clamp(min, MAX_TEXT_SIZE_PTS) / zoom
}
