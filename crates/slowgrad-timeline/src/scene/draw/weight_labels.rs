//! Positions of the numbers of weights on their edges, so that each number clearly belongs to one edge: apart from other
//! numbers, and where no other edge passes behind it.
//!
//! It must not know the numbers or a moment.

use crate::scene::layout::{Density, Layout};
use crate::scene::text_size::{PARAMETER_SIZE_WORLD, legible};
use crate::scene::{Bounds, CHARACTER_WIDTH, Point, SceneOptions, Target};
use slowgrad_engine::shape::Shape;

/// A layer with more weights has no numbers on its edges if all of it is visible.
const MAX_LABELS: usize = 16;
/// A layer with more visible edges has no numbers if only a part of it is visible.
const MAX_VISIBLE_LABELS: usize = 48;
/// Candidate positions, as shares of an edge.
const SHARES: [f32; 13] = [0.26, 0.3, 0.34, 0.38, 0.42, 0.46, 0.5, 0.54, 0.58, 0.62, 0.66, 0.7, 0.74];
/// The preferred position.
const PREFERRED_SHARE: f32 = 0.36;
/// The cost of the distance from the preferred position, for a whole edge. An edge behind the number costs 1.
const DISTANCE_COST: f32 = 6.0;
/// The cost of each number that is covered: worse than any crossing.
const OVERLAP_COST: f32 = 100.0;
/// The number of times that every label looks for a better position.
const PASSES: usize = 3;

/// The number of digits of weights: fewer if the text has to be larger than usual to be legible.
pub(super) fn weight_digits(options: &SceneOptions) -> usize {
    let enlarged = legible(PARAMETER_SIZE_WORLD, options) > 1.25 * PARAMETER_SIZE_WORLD;
    if enlarged { options.digits.min(2) } else { options.digits }
}

/// The positions of the numbers of weights.
#[derive(Debug)]
pub(in crate::scene) struct WeightLabels {
    /// For each layer `[neuron][input]`; empty for layers without numbers.
    layers: Vec<Vec<Option<Point>>>,
}

impl WeightLabels {
    /// Places the numbers of all layers. If only a part of the world is visible, the weights whose edges are visible have
    /// a number, unless they are too many.
    pub(in crate::scene) fn place(shape: &Shape, layout: &Layout, options: &SceneOptions) -> Self {
        let place = |layer: usize| place_layer(shape, layout, layer, options).unwrap_or_default();
        Self { layers: (0..shape.layers()).map(place).collect() }
    }

    /// The position of a weight's number, if the weight has one. `flat` is `neuron * fan_in + input`.
    pub(super) fn position(&self, layer: usize, flat: usize) -> Option<Point> {
        self.layers[layer].get(flat).copied().flatten()
    }
}

fn place_layer(shape: &Shape, layout: &Layout, layer: usize, options: &SceneOptions) -> Option<Vec<Option<Point>>> {
    if layout.matrix(layer).is_some() {
        return None;
    }
    let (size, fan_in) = (shape.size(layer), shape.fan_in(layer));
    let roomy = [layer, layer + 1].iter().all(|&column| layout.density(column) == Density::Roomy);
    if options.visible.is_none() && (!roomy || size * fan_in > MAX_LABELS) {
        return None;
    }
    let discs =
        |flat: usize| [Target::layer_input(layer, flat % fan_in), Target::Neuron { layer, neuron: flat / fan_in }];
    let ends = |flat: usize| {
        let [from, to] = discs(flat).map(|disc| layout.position(disc));
        (from, to)
    };
    let is_visible = |flat: &usize| options.visible.is_none_or(|visible| passes(ends(*flat), visible));
    let max = if options.visible.is_some() { MAX_VISIBLE_LABELS } else { MAX_LABELS };
    let visible: Vec<usize> = (0..size * fan_in).filter(is_visible).take(max + 1).collect();
    if visible.len() > max {
        return None;
    }
    // As wide as the widest number that a weight is likely to have.
    let text_size = legible(PARAMETER_SIZE_WORLD, options);
    let half = [(CHARACTER_WIDTH * 0.5 * (weight_digits(options) as f32 + 4.5) + 0.36) * text_size, 0.74 * text_size];
    let longest = visible.iter().map(|&flat| ends(flat)).map(|(from, to)| to[0] - from[0]).fold(0.0, f32::max);
    if 2.0 * half[0] > 0.7 * longest {
        return None;
    }
    let room = |flat: usize, share: f32| around(along(ends(flat), share), half);
    // If only a part is visible, numbers are within that part and off both discs.
    let fits = |flat: usize, share: f32| {
        let Some(visible) = options.visible else { return true };
        let room = room(flat, share);
        let is_off = |disc: Target| !around(layout.position(disc), [layout.radius(disc); 2]).overlaps(room);
        contains(visible, room) && discs(flat).into_iter().all(is_off)
    };
    let crossings = |flat: usize, share: f32| {
        let room = room(flat, share);
        visible.iter().filter(|&&other| other != flat && passes(ends(other), room)).count() as f32
    };
    // For each visible edge its candidates with their cost before overlaps.
    let candidates: Vec<Vec<(f32, f32)>> = visible
        .iter()
        .map(|&flat| {
            // Only the visible part of an edge counts.
            let (start, end) = options.visible.and_then(|visible| within(ends(flat), visible)).unwrap_or((0.0, 1.0));
            let shares = SHARES.into_iter().map(|share| start + (end - start) * share);
            let shares = shares.filter(|&share| fits(flat, share));
            let cost = |share: f32| crossings(flat, share) + DISTANCE_COST * (share - PREFERRED_SHARE).abs();
            shares.map(|share| (share, cost(share))).collect()
        })
        .collect();
    // One label after the other takes its best position; further passes know the positions of all others.
    let mut placed: Vec<Option<(f32, Bounds)>> = vec![None; visible.len()];
    for nth in (0..PASSES).flat_map(|_| 0..visible.len()) {
        placed[nth] = None;
        let cost = |(share, alone): (f32, f32)| {
            let room = room(visible[nth], share);
            let covered = placed.iter().flatten().filter(|(_, other)| room.overlaps(*other)).count();
            OVERLAP_COST * covered as f32 + alone
        };
        let best = candidates[nth].iter().min_by(|a, b| cost(**a).total_cmp(&cost(**b)));
        placed[nth] = best.map(|&(share, _)| (share, room(visible[nth], share)));
    }
    let mut positions = vec![None; size * fan_in];
    for (&flat, placed) in visible.iter().zip(&placed) {
        positions[flat] = placed.map(|(share, _)| along(ends(flat), share));
    }
    Some(positions)
}

fn along((from, to): (Point, Point), share: f32) -> Point {
    [0, 1].map(|axis| from[axis] + (to[axis] - from[axis]) * share)
}

fn around([x, y]: Point, half: Point) -> Bounds {
    Bounds { min: [x - half[0], y - half[1]], max: [x + half[0], y + half[1]] }
}

fn contains(outer: Bounds, inner: Bounds) -> bool {
    (0..2).all(|axis| outer.min[axis] <= inner.min[axis] && inner.max[axis] <= outer.max[axis])
}

/// Whether a straight edge passes through a box.
fn passes(edge: (Point, Point), room: Bounds) -> bool {
    within(edge, room).is_some()
}

/// The part of a straight edge within a box, as shares of its length.
fn within((from, to): (Point, Point), room: Bounds) -> Option<(f32, f32)> {
    let (mut start, mut end) = (0.0_f32, 1.0_f32);
    for axis in 0..2 {
        let along = to[axis] - from[axis];
        let (near, far) = (room.min[axis] - from[axis], room.max[axis] - from[axis]);
        if along.abs() < 1e-6 {
            if near > 0.0 || far < 0.0 {
                return None;
            }
            continue;
        }
        let (a, b) = (near / along, far / along);
        start = start.max(a.min(b));
        end = end.min(a.max(b));
    }
    (start < end).then_some((start, end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_edge_passes_through_boxes_on_its_line() {
        let room = Bounds { min: [-1.0, -1.0], max: [1.0, 1.0] };
        assert!(passes(([-5.0, 0.0], [5.0, 0.5]), room));
        assert!(!passes(([-5.0, 2.0], [5.0, 2.0]), room));
        assert!(!passes(([-5.0, -5.0], [-2.0, -2.0]), room), "it ends before");
        assert!(!passes(([-5.0, 0.0], [0.0, 5.0]), room), "it passes the corner");
    }

    #[test]
    fn no_other_edge_passes_behind_a_number() {
        for (inputs, layers) in [(2, vec![3, 1]), (2, vec![4, 2, 1])] {
            let shape = Shape::new(inputs, &layers);
            let layout = Layout::within(&shape, [900.0, 600.0]);
            let labels = WeightLabels::place(&shape, &layout, &SceneOptions::default());
            let mut crossed = 0;
            for (layer, positions) in labels.layers.iter().enumerate() {
                let fan_in = shape.fan_in(layer);
                let ends = |flat: usize| layout.edge(layer, flat / fan_in, flat % fan_in);
                for (flat, position) in positions.iter().enumerate() {
                    let [x, y] = position.expect("small layers have numbers");
                    let middle = Bounds { min: [x - 8.0, y - 4.0], max: [x + 8.0, y + 4.0] };
                    let others = (0..positions.len()).filter(|&other| other != flat);
                    crossed += others.filter(|&other| passes(ends(other), middle)).count();
                }
            }
            assert_eq!(crossed, 0, "{inputs} {layers:?}");
        }
    }

    #[test]
    fn at_a_large_zoom_the_visible_edges_have_numbers() {
        let shape = Shape::new(2, &[16, 16, 1]);
        let layout = Layout::within(&shape, [900.0, 600.0]);
        let numbers = |zoom: f32| {
            let [x, y] = layout.position(Target::Neuron { layer: 1, neuron: 3 });
            let visible =
                Bounds { min: [x - 450.0 / zoom, y - 300.0 / zoom], max: [x + 450.0 / zoom, y + 300.0 / zoom] };
            let options = SceneOptions { zoom, visible: Some(visible), ..SceneOptions::default() };
            let labels = WeightLabels::place(&shape, &layout, &options);
            let positions: Vec<Point> = labels.layers[1].iter().flatten().copied().collect();
            let inside = |&position: &Point| contains(visible, around(position, [0.0; 2]));
            assert!(positions.iter().all(inside), "{positions:?} in {visible:?}");
            positions.len()
        };
        assert_eq!(numbers(1.0), 0, "hundreds of numbers cannot be read");
        assert!(numbers(16.0) > 6);
    }
}
