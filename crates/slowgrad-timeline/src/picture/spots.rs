//! Where on its edge the number of each weight stands, so that one sees at once whose it is: apart from the other
//! numbers, and where no other edge passes behind it.
//!
//! It must not know what the numbers are, nor time.

use super::SceneOptions;
use super::stage::{ON_EDGE, legible};
use crate::layout::{Density, Layout};
use crate::scene::{Bounds, Point, Target};
use slowgrad_engine::shape::Shape;

/// A layer with more weights than this has no numbers on its edges.
const MOST: usize = 16;
/// Shares of an edge where a number may stand.
const SHARES: [f32; 13] = [0.26, 0.3, 0.34, 0.38, 0.42, 0.46, 0.5, 0.54, 0.58, 0.62, 0.66, 0.7, 0.74];
/// Where it stands by itself, and what it is worth to stand there, compared with an edge that passes behind it.
const USUAL: f32 = 0.36;
const PULL: f32 = 6.0;
/// Numbers that cover each other are worse than any crossing.
const COVERED: f32 = 100.0;
/// How often each looks for a better place.
const PASSES: usize = 3;

/// How many digits the numbers of weights have: fewer where letters have to be larger than usual to be read.
pub(super) fn digits(options: &SceneOptions) -> usize {
    if legible(ON_EDGE, options) > 1.25 * ON_EDGE { options.digits.min(2) } else { options.digits }
}

/// For each layer the places `[neuron][input]` of its numbers; nothing for layers that have none.
pub(super) fn spots(shape: &Shape, layout: &Layout, options: &SceneOptions) -> Vec<Option<Vec<Point>>> {
    (0..shape.layers()).map(|layer| of_layer(shape, layout, layer, options)).collect()
}

fn of_layer(shape: &Shape, layout: &Layout, layer: usize, options: &SceneOptions) -> Option<Vec<Point>> {
    let (size, fan_in) = (shape.size(layer), shape.fan_in(layer));
    let is_roomy = [layer, layer + 1].iter().all(|&column| layout.density(column) == Density::Roomy);
    if !is_roomy || size * fan_in > MOST {
        return None;
    }
    let source = |input: usize| {
        layout.position(
            layer.checked_sub(1).map_or(Target::Input(input), |layer| Target::Neuron { layer, neuron: input }),
        )
    };
    let ends: Vec<(Point, Point)> = (0..size * fan_in)
        .map(|flat| (source(flat % fan_in), layout.position(Target::Neuron { layer, neuron: flat / fan_in })))
        .collect();
    // As wide as the widest number that a weight is likely to have.
    let letters = legible(ON_EDGE, options);
    let half = [(0.55 * 0.5 * (digits(options) as f32 + 4.5) + 0.36) * letters, 0.74 * letters];
    let longest = ends.iter().map(|(from, to)| to[0] - from[0]).fold(0.0, f32::max);
    if 2.0 * half[0] > 0.7 * longest {
        return None;
    }
    let at = |flat: usize, share: f32| {
        let (from, to) = ends[flat];
        [0, 1].map(|axis| from[axis] + (to[axis] - from[axis]) * share)
    };
    let room = |flat: usize, share: f32| {
        let [x, y] = at(flat, share);
        Bounds { min: [x - half[0], y - half[1]], max: [x + half[0], y + half[1]] }
    };
    let crossed = |flat: usize, share: f32| {
        let room = room(flat, share);
        ends.iter().enumerate().filter(|(other, edge)| *other != flat && passes(**edge, room)).count() as f32
    };
    let alone: Vec<[f32; SHARES.len()]> =
        (0..ends.len()).map(|flat| SHARES.map(|share| crossed(flat, share) + PULL * (share - USUAL).abs())).collect();
    // One after the other, and again, now that all others have a place.
    let mut taken: Vec<Option<Bounds>> = vec![None; ends.len()];
    let mut spots = vec![[0.0; 2]; ends.len()];
    for flat in (0..PASSES).flat_map(|_| 0..ends.len()) {
        taken[flat] = None;
        let cost = |nth: usize| {
            let room = room(flat, SHARES[nth]);
            let covered = taken.iter().flatten().filter(|other| room.overlaps(**other)).count();
            COVERED * covered as f32 + alone[flat][nth]
        };
        let best = (0..SHARES.len()).min_by(|a, b| cost(*a).total_cmp(&cost(*b))).unwrap_or_default();
        taken[flat] = Some(room(flat, SHARES[best]));
        spots[flat] = at(flat, SHARES[best]);
    }
    Some(spots)
}

/// Whether a straight edge passes through a box.
fn passes((from, to): (Point, Point), room: Bounds) -> bool {
    let (mut start, mut end) = (0.0_f32, 1.0_f32);
    for axis in 0..2 {
        let along = to[axis] - from[axis];
        let (near, far) = (room.min[axis] - from[axis], room.max[axis] - from[axis]);
        if along.abs() < 1e-6 {
            if near > 0.0 || far < 0.0 {
                return false;
            }
            continue;
        }
        let (a, b) = (near / along, far / along);
        start = start.max(a.min(b));
        end = end.min(a.max(b));
    }
    start < end
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_edge_passes_through_what_lies_on_its_way() {
        let room = Bounds { min: [-1.0, -1.0], max: [1.0, 1.0] };
        assert!(passes(([-5.0, 0.0], [5.0, 0.5]), room));
        assert!(!passes(([-5.0, 2.0], [5.0, 2.0]), room));
        assert!(!passes(([-5.0, -5.0], [-2.0, -2.0]), room), "it ends before");
        assert!(!passes(([-5.0, 0.0], [0.0, 5.0]), room), "it passes the corner");
    }

    #[test]
    fn no_other_edge_passes_behind_a_number_where_that_can_be() {
        for (inputs, layers) in [(2, vec![3, 1]), (2, vec![4, 2, 1])] {
            let shape = Shape::new(inputs, &layers);
            let layout = Layout::within(&shape, [900.0, 600.0]);
            let spots = spots(&shape, &layout, &SceneOptions::default());
            let mut crossed = 0;
            for (layer, spots) in spots.iter().enumerate() {
                let spots = spots.as_ref().expect("small layers have numbers");
                let fan_in = shape.fan_in(layer);
                let ends = |flat: usize| layout.edge(layer, flat / fan_in, flat % fan_in);
                for (flat, &[x, y]) in spots.iter().enumerate() {
                    let middle = Bounds { min: [x - 8.0, y - 4.0], max: [x + 8.0, y + 4.0] };
                    crossed += (0..spots.len()).filter(|&other| other != flat && passes(ends(other), middle)).count();
                }
            }
            assert_eq!(crossed, 0, "{inputs} {layers:?}");
        }
    }
}
