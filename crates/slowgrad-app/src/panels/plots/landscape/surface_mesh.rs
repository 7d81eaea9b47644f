//! A shaded surface over a grid of heights.
//!
//! It must not know the meaning of the heights.

use super::orbit_camera::{HEIGHT_SCALE, OrbitCamera};
use egui::{Color32, Mesh, Pos2, Vec2};

/// The density of the lines on the surface: one per this many cells of the finest grid.
const GRID_LINES: usize = 8;

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
    let back_to_front = [camera.turned(1.0, 0.0).y > 0.0, camera.turned(0.0, 1.0).y > 0.0];
    let order = |axis: usize, nth: usize| if back_to_front[axis] { nth } else { side - 2 - nth };
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
            let back_row = if back_to_front[1] { row } else { row + 1 };
            let back_column = if back_to_front[0] { column } else { column + 1 };
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
    use egui::Rect;

    #[test]
    fn the_surface_is_drawn_back_to_front_with_holes() {
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
