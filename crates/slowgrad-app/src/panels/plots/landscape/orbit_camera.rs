//! A camera that orbits a box with a surface in it.
//!
//! It must not know the meaning of the heights.

use egui::{Pos2, Rect, Vec2};

/// The height of the box, relative to half its side.
pub(super) const HEIGHT_SCALE: f32 = 1.15;

/// The camera. The box reaches from −1 to 1 along both sides and from 0 to 1 in height.
#[derive(Debug, Clone, Copy)]
pub(super) struct OrbitCamera {
    yaw: Vec2,
    pitch: Vec2,
    center: Pos2,
    scale: f32,
}

impl OrbitCamera {
    /// A camera that shows the whole box within an area at any rotation.
    pub(super) fn new((yaw, pitch): (f32, f32), area: Rect) -> Self {
        let (yaw, pitch) = (Vec2::angled(yaw), Vec2::angled(pitch));
        // The floor of the box rotates within a circle.
        let wide = 2.0 * std::f32::consts::SQRT_2;
        let high = wide * pitch.y + HEIGHT_SCALE * pitch.x;
        // Space for names and numbers.
        let room = area.shrink2(Vec2::new(34.0, 16.0));
        let scale = (room.width() / wide).min(room.height() / high).max(1.0);
        let center = room.center() + Vec2::new(0.0, 0.5 * scale * HEIGHT_SCALE * pitch.x);
        Self { yaw, pitch, center, scale }
    }

    /// Rotates by the yaw: to the right, and towards the viewer.
    pub(super) fn turned(&self, x: f32, y: f32) -> Vec2 {
        // The second axis points away from the viewer, as on a map.
        let y = -y;
        Vec2::new(x * self.yaw.x - y * self.yaw.y, x * self.yaw.y + y * self.yaw.x)
    }

    /// The screen position of a point in the box.
    pub(super) fn project(&self, [x, y, height]: [f32; 3]) -> Pos2 {
        let turned = self.turned(x, y);
        let up = HEIGHT_SCALE * height * self.pitch.x;
        self.center + self.scale * Vec2::new(turned.x, turned.y * self.pitch.y - up)
    }
}

/// The heights by which the surface must exceed a point to hide it: at the point, and between the point and the viewer.
const UNDER_TOLERANCE: f32 = 0.03;
const BEHIND_TOLERANCE: f32 = 0.01;

impl OrbitCamera {
    /// Whether the surface hides a point of the box from the viewer.
    pub(super) fn hides(&self, side: usize, heights: &[Option<f32>], [x, y, height]: [f32; 3]) -> bool {
        // The points behind one screen position are on a line that rises towards the viewer.
        let towards = Vec2::new(self.yaw.y, -self.yaw.x);
        let rise = self.pitch.y / (HEIGHT_SCALE * self.pitch.x.max(1e-3));
        let step = 1.4 / (side - 1) as f32;
        let mut distance = 0.0;
        loop {
            let at = [x + distance * towards.x, y + distance * towards.y];
            let seen = height + distance * rise;
            if at.iter().any(|x| x.abs() > 1.0) || seen > 1.0 {
                return false;
            }
            let above = if distance == 0.0 { UNDER_TOLERANCE } else { BEHIND_TOLERANCE };
            if height_at(side, heights, at).is_some_and(|surface| surface > seen + above) {
                return true;
            }
            distance += step;
        }
    }
}

/// The interpolated height of the surface, or `None` in a hole.
fn height_at(side: usize, heights: &[Option<f32>], at: [f32; 2]) -> Option<f32> {
    let places = at.map(|x| ((x + 1.0) * 0.5 * (side - 1) as f32).clamp(0.0, (side - 1) as f32));
    let [column, row] = places.map(|place| (place as usize).min(side - 2));
    let [x, y] = [places[0] - column as f32, places[1] - row as f32];
    let corner = |column: usize, row: usize| heights[row * side + column];
    let low = egui::lerp(corner(column, row)?..=corner(column + 1, row)?, x);
    let high = egui::lerp(corner(column, row + 1)?..=corner(column + 1, row + 1)?, x);
    Some(egui::lerp(low..=high, y))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_box_stays_within_its_area_however_it_is_turned() {
        let area = Rect::from_min_size(Pos2::new(30.0, 40.0), Vec2::new(320.0, 210.0));
        for yaw in 0..32 {
            for pitch in [0.12, 0.6, 1.45] {
                let camera = OrbitCamera::new((yaw as f32 * 0.2, pitch), area);
                for (x, y, height) in (0..8).map(|i| (i % 2, i / 2 % 2, i / 4)) {
                    let corner = camera.project([2.0 * x as f32 - 1.0, 2.0 * y as f32 - 1.0, height as f32]);
                    assert!(area.contains(corner), "{corner:?} at {yaw} {pitch}");
                }
            }
        }
    }

    #[test]
    fn a_ridge_hides_points_behind_it() {
        let area = Rect::from_min_size(Pos2::ZERO, Vec2::new(300.0, 300.0));
        // A wall through the middle, along the first axis.
        let side = 33_usize;
        let heights: Vec<Option<f32>> =
            (0..side * side).map(|i| Some(if (i / side).abs_diff(16) < 2 { 0.8 } else { 0.0 })).collect();
        // The second axis points away from the viewer; half a turn reverses it.
        for (yaw, sign) in [(0.0, 1.0), (std::f32::consts::PI, -1.0)] {
            let camera = OrbitCamera::new((yaw, 0.3), area);
            let hides = |at| camera.hides(side, &heights, at);
            assert!(hides([0.2, 0.5 * sign, 0.1]) && !hides([0.2, -0.5 * sign, 0.1]), "{yaw}");
            assert!(!hides([0.2, 0.5 * sign, 1.0]), "the point is above the wall");
            assert!(!hides([0.2, 0.0, 0.8]) && hides([0.2, 0.0, 0.4]), "on the wall and inside it");
            // From above, only points under the surface are hidden.
            let above = OrbitCamera::new((yaw, 1.45), area);
            assert!(!above.hides(side, &heights, [0.2, 0.5 * sign, 0.1]));
        }
        let holes = vec![None; side * side];
        assert!(!OrbitCamera::new((0.0, 0.3), area).hides(side, &holes, [0.2, 0.5, 0.1]));
    }
}
