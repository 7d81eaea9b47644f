//! The camera over a network, as numbers that can be stored, compared and animated.
//!
//! It must not know a screen or a pointer; the renderer maps positions and finds elements under the pointer.

use super::{Bounds, Point, Target};

/// Limits of the zoom, in points per world unit.
pub const ZOOM_RANGE: std::ops::RangeInclusive<f32> = 0.01..=160.0;
/// Fitting does not enlarge a small network beyond this zoom.
const MAX_FIT_ZOOM: f32 = 3.0;
/// The margin around a fitted network, as a share of the shorter side of the area.
const FIT_MARGIN_SHARE: f32 = 0.04;
/// Limits of that margin.
const FIT_MARGIN_PTS: std::ops::RangeInclusive<f32> = 6.0..=40.0;

/// The position of the camera and the selection. Sizes and distances on screen are in points.
#[derive(Debug, Clone, PartialEq)]
pub struct View {
    /// The world position in the middle of the drawing area.
    pub center: Point,
    /// Points per world unit.
    pub zoom: f32,
    /// Whether the view follows the bounds of the scene. Panning or zooming ends this.
    pub auto_fit: bool,
    /// The selected element.
    pub selected: Option<Target>,
}

impl Default for View {
    fn default() -> Self {
        Self { center: [0.0, 0.0], zoom: 1.0, auto_fit: true, selected: None }
    }
}

impl View {
    /// Shows all of `bounds`, with a margin, in an area of `size` points. Does not change `auto_fit`.
    pub fn fit(&mut self, bounds: Bounds, size: impl Into<[f32; 2]>) {
        let [width, height] = size.into();
        let margin = (width.min(height) * FIT_MARGIN_SHARE).clamp(*FIT_MARGIN_PTS.start(), *FIT_MARGIN_PTS.end());
        let room = [width, height].map(|side| (side - 2.0 * margin).max(1.0));
        let ([left, top], [right, bottom]) = (bounds.min, bounds.max);
        self.center = [left.midpoint(right), top.midpoint(bottom)];
        let zoom = (room[0] / (right - left).max(1.0)).min(room[1] / (bottom - top).max(1.0));
        self.zoom = limited(zoom.min(MAX_FIT_ZOOM));
    }

    /// Follows the bounds of the scene again.
    pub fn refit(&mut self) {
        self.auto_fit = true;
    }

    /// Drags the network by a distance on screen.
    pub fn pan(&mut self, distance: impl Into<[f32; 2]>) {
        let [right, down] = distance.into();
        self.auto_fit = false;
        self.center = [self.center[0] - right / self.zoom, self.center[1] - down / self.zoom];
    }

    /// Moves the camera by a distance on screen, to the right and down.
    pub fn shift(&mut self, [right, down]: [f32; 2]) {
        self.pan([-right, -down]);
    }

    /// Zooms about the middle of the area.
    pub fn zoom_by(&mut self, factor: f32) {
        self.auto_fit = false;
        self.zoom = limited(self.zoom * factor);
    }

    /// Zooms so that the point at `offset` from the middle of the area keeps its world position.
    pub fn zoom_about(&mut self, offset: impl Into<[f32; 2]>, factor: f32) {
        let offset = offset.into();
        let before = self.world_at(offset);
        self.zoom_by(factor);
        let after = self.world_at(offset);
        self.center = [0, 1].map(|axis| self.center[axis] + before[axis] - after[axis]);
    }

    /// The world position of a point at `offset` from the middle of the area.
    pub fn world_at(&self, offset: impl Into<[f32; 2]>) -> Point {
        let offset = offset.into();
        [0, 1].map(|axis| self.center[axis] + offset[axis] / self.zoom)
    }

    /// The distance on screen of a world position from the middle of the area. Inverse of [`View::world_at`].
    pub fn offset_of(&self, position: Point) -> [f32; 2] {
        [0, 1].map(|axis| (position[axis] - self.center[axis]) * self.zoom)
    }
}

fn limited(zoom: f32) -> f32 {
    zoom.clamp(*ZOOM_RANGE.start(), *ZOOM_RANGE.end())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZE_PTS: [f32; 2] = [800.0, 600.0];
    const WORLD: Bounds = Bounds { min: [-200.0, -100.0], max: [600.0, 300.0] };

    fn fitted() -> View {
        let mut view = View::default();
        view.fit(WORLD, SIZE_PTS);
        view
    }

    #[test]
    fn fitted_bounds_are_within_the_area() {
        let view = fitted();
        for corner in [WORLD.min, WORLD.max] {
            let [x, y] = view.offset_of(corner);
            assert!(x.abs() <= 400.0 && y.abs() <= 300.0, "{corner:?} is at {x}, {y}");
        }
        assert!(view.auto_fit);
    }

    #[test]
    fn screen_and_world_positions_are_inverse() {
        let view = fitted();
        for position in [[0.0, 0.0], [123.0, -45.0], [600.0, 300.0]] {
            let [x, y] = view.world_at(view.offset_of(position));
            assert!((x - position[0]).hypot(y - position[1]) < 1e-3);
        }
    }

    #[test]
    fn zooming_keeps_the_position_under_the_pointer() {
        let mut view = fitted();
        let pointer = [200.0, -150.0];
        let before = view.world_at(pointer);
        view.zoom_about(pointer, 1.7);
        let after = view.world_at(pointer);
        assert!((after[0] - before[0]).hypot(after[1] - before[1]) < 1e-3);
        assert!(!view.auto_fit);
        view.refit();
        assert!(view.auto_fit);
    }

    #[test]
    fn dragging_the_network_moves_the_camera_the_other_way() {
        let (mut panned, mut shifted) = (fitted(), fitted());
        panned.pan([30.0, -20.0]);
        shifted.shift([-30.0, 20.0]);
        assert_eq!(panned, shifted);
        assert!(panned.center[0] < fitted().center[0] && panned.center[1] > fitted().center[1]);
    }
}
