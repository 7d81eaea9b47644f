//! The view of the network on a screen: conversions between world and screen, and hit testing. It is plain geometry, which
//! is tested without a screen.
//!
//! This module must not know how anything is drawn. World positions are `glam` vectors and screen positions (in
//! points) are egui types, so that the compiler tells them apart.

use egui::{Pos2, Rect};
use glam::Vec2;
use slowgrad_timeline::scene::{Bounds, Heatmap, Point, Scene, Target, View};

/// Smallest width of an edge for hit testing.
const MIN_EDGE_HIT_WIDTH_PTS: f32 = 8.0;
/// Smallest radius of a disc for hit testing.
const MIN_DISC_HIT_RADIUS_PTS: f32 = 6.0;

/// A view in a drawing area of the screen: positions, zooming at the pointer, and hit testing.
pub trait ScreenView {
    /// The screen position of a world position, for a network drawn in `area` (points).
    fn to_screen(&self, area: Rect, point: Point) -> Pos2;

    /// The world position of a screen position, for a network drawn in `area` (points).
    fn to_world(&self, area: Rect, pos: Pos2) -> Point;

    /// Zooms around the screen position `pos`.
    fn zoom_at(&mut self, area: Rect, pos: Pos2, factor: f32);

    /// The visible part of the world, for a network drawn in `area` (points).
    fn bounds(&self, area: Rect) -> Bounds;

    /// The element at a screen position. Discs take precedence over labels of weights and biases, these over cells of
    /// matrices, these over edges. Among discs and among edges the nearest one wins.
    fn hit(&self, area: Rect, scene: &Scene, pos: Pos2) -> Option<Target>;
}

impl ScreenView for View {
    fn to_screen(&self, area: Rect, point: Point) -> Pos2 {
        let from_center = (Vec2::from(point) - Vec2::from(self.center)) * self.zoom;
        area.center() + egui::vec2(from_center.x, from_center.y)
    }

    fn to_world(&self, area: Rect, pos: Pos2) -> Point {
        (Vec2::from(self.center) + screen_vec(pos - area.center()) / self.zoom).into()
    }

    fn zoom_at(&mut self, area: Rect, pos: Pos2, factor: f32) {
        self.zoom_about(pos - area.center(), factor);
    }

    fn bounds(&self, area: Rect) -> Bounds {
        Bounds { min: self.to_world(area, area.min), max: self.to_world(area, area.max) }
    }

    fn hit(&self, area: Rect, scene: &Scene, pos: Pos2) -> Option<Target> {
        let at = Vec2::from(self.to_world(area, pos));
        let disc = scene
            .discs
            .iter()
            .map(|disc| {
                (
                    (Vec2::from(disc.center) - at).length(),
                    disc.radius.max(MIN_DISC_HIT_RADIUS_PTS / self.zoom),
                    disc.target,
                )
            })
            .filter(|(distance, radius, _)| distance <= radius)
            .min_by(|a, b| a.0.total_cmp(&b.0));
        if let Some((_, _, target)) = disc {
            return Some(target);
        }
        let inside =
            |bounds: Bounds| (0..2).all(|axis| (bounds.min[axis]..bounds.max[axis]).contains(&at.to_array()[axis]));
        let parameter_label = scene.labels.iter().find(|label| {
            matches!(label.target, Some(Target::Weight { .. } | Target::Bias { .. })) && inside(label.room())
        });
        if let Some(label) = parameter_label {
            return label.target;
        }
        if let Some(cell) = scene.matrices.iter().find_map(|field| cell(field, at)) {
            return Some(cell);
        }
        scene
            .edges
            .iter()
            .filter(|edge| edge.alpha > 0.0)
            .map(|edge| {
                let tolerance = (edge.width / 2.0).max(MIN_EDGE_HIT_WIDTH_PTS / 2.0 / self.zoom);
                (distance_to_segment(at, edge.from.into(), edge.to.into()), tolerance, edge.target)
            })
            .filter(|(distance, tolerance, _)| distance <= tolerance)
            .min_by(|a, b| a.0.total_cmp(&b.0))
            .map(|(_, _, target)| target)
    }
}

/// The weight whose cell contains a world position.
fn cell(field: &Heatmap, at: Vec2) -> Option<Target> {
    let (layer, patch) = (field.layer?, field.patches.first()?);
    let (min, max) = (Vec2::from(patch.place.min), Vec2::from(patch.place.max));
    let share = (at - min) / (max - min);
    let nth = |share: f32, count: usize| (0.0..1.0).contains(&share).then_some((share * count as f32) as usize);
    let input = nth(share.x, patch.region[2])?;
    Some(Target::Weight { layer, neuron: nth(share.y, patch.region[3])?, input })
}

/// Converts a distance on screen to a `glam` vector, still in points.
fn screen_vec(delta: egui::Vec2) -> Vec2 {
    Vec2::new(delta.x, delta.y)
}

/// Distance from a point to a line segment.
fn distance_to_segment(at: Vec2, from: Vec2, to: Vec2) -> f32 {
    let along = to - from;
    let length_squared = along.length_squared();
    let share = if length_squared > 0.0 { ((at - from).dot(along) / length_squared).clamp(0.0, 1.0) } else { 0.0 };
    (at - from - along * share).length()
}

#[cfg(test)]
mod tests {
    use super::*;
    use egui::Vec2;
    use slowgrad_timeline::scene::{Disc, Edge, Form, Ink, Levels, Patch};
    use std::sync::Arc;

    const AREA: Rect = Rect { min: Pos2::new(100.0, 50.0), max: Pos2::new(900.0, 650.0) };

    fn view() -> View {
        let mut view = View::default();
        view.fit(Bounds { min: [-200.0, -100.0], max: [600.0, 300.0] }, AREA.size());
        view
    }

    fn scene() -> Scene {
        let weight = |neuron| Target::Weight { layer: 0, neuron, input: 0 };
        let mut scene = crate::empty_scene::empty_scene();
        scene.discs = vec![Disc {
            center: [0.0, 0.0],
            radius: 20.0,
            fill: Ink::Value(0.5),
            ring: Ink::Faint,
            ring_width: 2.0,
            glow: 0.0,
            alpha: 1.0,
            target: Target::Input(0),
        }];
        scene.edges = [(0, 0.0), (1, 200.0)]
            .into_iter()
            .map(|(neuron, y)| Edge {
                from: [20.0, 0.0],
                to: [300.0, y],
                width: 2.0,
                ink: Ink::Weight(1.0),
                alpha: 1.0,
                ghost_width: None,
                glow: 0.0,
                frozen: false,
                target: weight(neuron),
            })
            .collect();
        scene
    }

    #[test]
    fn fitted_bounds_are_inside_the_area() {
        let view = view();
        assert!(AREA.contains(view.to_screen(AREA, [-200.0, -100.0])));
        assert!(AREA.contains(view.to_screen(AREA, [600.0, 300.0])));
        assert!(view.auto_fit);
    }

    #[test]
    fn screen_and_world_conversions_are_inverse() {
        let view = view();
        for point in [[0.0, 0.0], [123.0, -45.0], [600.0, 300.0]] {
            let back = view.to_world(AREA, view.to_screen(AREA, point));
            assert!((Vec2::from(back) - Vec2::from(point)).length() < 1e-3);
        }
    }

    #[test]
    fn zooming_keeps_the_position_under_the_pointer() {
        let mut view = view();
        let pos = Pos2::new(700.0, 200.0);
        let before = view.to_world(AREA, pos);
        view.zoom_at(AREA, pos, 1.7);
        assert!((Vec2::from(view.to_world(AREA, pos)) - Vec2::from(before)).length() < 1e-3);
        assert!(!view.auto_fit);
        view.refit();
        assert!(view.auto_fit);
    }

    #[test]
    fn cells_of_a_matrix_hit_their_weights() {
        let mut scene = crate::empty_scene::empty_scene();
        scene.matrices = vec![Heatmap {
            levels: Arc::new(Levels { width: 4, height: 2, levels: vec![0; 8] }),
            ink: Ink::Weight(0.0),
            layer: Some(3),
            patches: vec![Patch {
                place: Bounds { min: [0.0, 0.0], max: [40.0, 40.0] },
                region: [0, 0, 4, 2],
                form: Form::Cells,
                alpha: 1.0,
                probe: None,
            }],
        }];
        let view = view();
        let at = |place: Point| view.hit(AREA, &scene, view.to_screen(AREA, place));
        assert_eq!(at([5.0, 5.0]), Some(Target::Weight { layer: 3, neuron: 0, input: 0 }));
        assert_eq!(at([35.0, 25.0]), Some(Target::Weight { layer: 3, neuron: 1, input: 3 }));
        assert_eq!(at([41.0, 25.0]), None);
    }

    #[test]
    fn discs_take_precedence_over_edges_and_edges_have_tolerance() {
        let (view, scene) = (view(), scene());
        let at = |place: Point, off: Vec2| view.hit(AREA, &scene, view.to_screen(AREA, place) + off);
        assert_eq!(at([0.0, 0.0], Vec2::ZERO), Some(Target::Input(0)));
        assert_eq!(at([20.0, 0.0], Vec2::new(-1.0, 0.0)), Some(Target::Input(0)));
        assert_eq!(at([280.0, 0.0], Vec2::new(0.0, 3.5)), Some(Target::Weight { layer: 0, neuron: 0, input: 0 }));
        assert_eq!(at([160.0, 100.0], Vec2::new(0.0, -3.0)), Some(Target::Weight { layer: 0, neuron: 1, input: 0 }));
        assert_eq!(at([280.0, 0.0], Vec2::new(0.0, 30.0)), None);
    }
}
