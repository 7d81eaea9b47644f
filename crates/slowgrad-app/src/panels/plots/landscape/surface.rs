//! A camera around a box, and a shaded surface over a grid of heights.
//!
//! It must not know the meaning of the heights.

use egui::{Color32, Mesh, Pos2, Rect, Vec2};

/// The height of the box, relative to half its side.
const HEIGHT_SCALE: f32 = 1.15;
/// The density of the lines on the surface: one per this many cells of the finest grid.
const GRID_LINES: usize = 8;

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
    fn turned(&self, x: f32, y: f32) -> Vec2 {
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
        let mut way = 0.0;
        loop {
            let at = [x + way * towards.x, y + way * towards.y];
            let seen = height + way * rise;
            if at.iter().any(|x| x.abs() > 1.0) || seen > 1.0 {
                return false;
            }
            let above = if way == 0.0 { UNDER_TOLERANCE } else { BEHIND_TOLERANCE };
            if height_at(side, heights, at).is_some_and(|ground| ground > seen + above) {
                return true;
            }
            way += step;
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

/// The mesh of the surface, drawn from back to front. Points without a height leave a hole.
pub(super) fn surface_mesh(
    camera: &OrbitCamera,
    side: usize,
    heights: &[Option<f32>],
    color: impl Fn(f32) -> Color32,
    line: Color32,
) -> Mesh {
    let mut mesh = Mesh::default();
    let place = |nth: usize| 2.0 * nth as f32 / (side - 1) as f32 - 1.0;
    let height = |column: usize, row: usize| heights[row * side + column];
    for (i, height_here) in heights.iter().enumerate() {
        let (column, row) = (i % side, i / side);
        let here = height_here.unwrap_or(0.0);
        let at = camera.project([place(column), place(row), here]);
        let slope = |before: Option<f32>, after: Option<f32>| {
            HEIGHT_SCALE * (after.unwrap_or(here) - before.unwrap_or(here)) * 0.25 * (side - 1) as f32
        };
        let along_x = slope(height(column.saturating_sub(1), row), height((column + 1).min(side - 1), row));
        let along_y = slope(height(column, row.saturating_sub(1)), height(column, (row + 1).min(side - 1)));
        mesh.colored_vertex(at, shaded(color(here), camera.turned(-along_x, -along_y)));
    }
    let is_back_to_front = [camera.turned(1.0, 0.0).y > 0.0, camera.turned(0.0, 1.0).y > 0.0];
    let order = |axis: usize, nth: usize| if is_back_to_front[axis] { nth } else { side - 2 - nth };
    let every = ((side - 1) * GRID_LINES / 64).max(1);
    for row in (0..side - 1).map(|nth| order(1, nth)) {
        for column in (0..side - 1).map(|nth| order(0, nth)) {
            let corners = [(column, row), (column + 1, row), (column, row + 1), (column + 1, row + 1)];
            if corners.iter().any(|(column, row)| height(*column, *row).is_none()) {
                continue;
            }
            let [a, b, c, d] = corners.map(|(column, row)| (row * side + column) as u32);
            mesh.add_triangle(a, b, c);
            mesh.add_triangle(b, d, c);
            // A line is on the back edges of a cell, where cells drawn later do not cover half of it.
            let back_row = if is_back_to_front[1] { row } else { row + 1 };
            let back_column = if is_back_to_front[0] { column } else { column + 1 };
            let at = |column: usize, row: usize| mesh.vertices[row * side + column].pos;
            let along_row = (at(column, back_row), at(column + 1, back_row));
            let along_column = (at(back_column, row), at(back_column, row + 1));
            if back_row.is_multiple_of(every) {
                add_line(&mut mesh, along_row, line);
            }
            if back_column.is_multiple_of(every) {
                add_line(&mut mesh, along_column, line);
            }
        }
    }
    mesh
}

/// Shades a colour with a light from the upper left; the slope is that to the right and towards the viewer.
fn shaded(color: Color32, slope: Vec2) -> Color32 {
    let normal = [slope.x, slope.y, 1.0];
    let length = normal.iter().map(|part| part * part).sum::<f32>().sqrt();
    let light = [-0.45, -0.25, 0.857];
    let lit = normal.iter().zip(light).map(|(a, b)| a * b).sum::<f32>() / length;
    if lit > 0.857 {
        color.lerp_to_gamma(Color32::WHITE, (0.5 * (lit - 0.857)).min(0.12))
    } else {
        color.lerp_to_gamma(Color32::BLACK, (0.55 * (0.857 - lit)).min(0.5))
    }
}

fn add_line(mesh: &mut Mesh, (from, to): (Pos2, Pos2), color: Color32) {
    let across = (to - from).rot90().normalized() * 0.5;
    let first = mesh.vertices.len() as u32;
    for corner in [from - across, from + across, to - across, to + across] {
        mesh.colored_vertex(corner, color);
    }
    mesh.add_triangle(first, first + 1, first + 2);
    mesh.add_triangle(first + 1, first + 3, first + 2);
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
    fn a_ridge_hides_what_lies_behind_it_from_either_side() {
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
            assert!(!hides([0.2, 0.5 * sign, 1.0]), "it is higher than the wall");
            assert!(!hides([0.2, 0.0, 0.8]) && hides([0.2, 0.0, 0.4]), "on the wall, and in it");
            // From above, only points under the surface are hidden.
            let above = OrbitCamera::new((yaw, 1.45), area);
            assert!(!above.hides(side, &heights, [0.2, 0.5 * sign, 0.1]));
        }
        let holes = vec![None; side * side];
        assert!(!OrbitCamera::new((0.0, 0.3), area).hides(side, &holes, [0.2, 0.5, 0.1]));
    }

    #[test]
    fn what_is_nearer_is_drawn_later_and_holes_stay_open() {
        let area = Rect::from_min_size(Pos2::ZERO, Vec2::new(300.0, 300.0));
        let mut heights = vec![Some(0.0); 25];
        for yaw in [0.3, 2.0, 3.6, 5.5] {
            let camera = OrbitCamera::new((yaw, 0.7), area);
            let mesh = surface_mesh(&camera, 5, &heights, |_| Color32::GRAY, Color32::WHITE);
            let quads = mesh.indices.chunks(3).filter(|triangle| triangle.iter().all(|index| *index < 25));
            let low: Vec<f32> = quads
                .map(|triangle| triangle.iter().map(|index| mesh.vertices[*index as usize].pos.y).sum::<f32>())
                .collect();
            assert_eq!(low.len(), 32);
            // On a flat floor the front is lowest, and each row approaches the viewer.
            assert!(low.chunks(8).all(|row| row.first() < row.last()) && low.first() < low.last());
        }
        heights[12] = None;
        let camera = OrbitCamera::new((0.3, 0.7), area);
        let mesh = surface_mesh(&camera, 5, &heights, |_| Color32::GRAY, Color32::WHITE);
        assert!(mesh.indices.iter().all(|index| *index != 12));
    }
}
