//! Where on its edge the number of each weight stands, so that one sees at once whose it is: apart from the other
//! numbers, and where no other edge passes behind it.
//!
//! It must not know what the numbers are, nor time.

use super::{ON_EDGE, Stage, legible};
use crate::scene::SceneOptions;
use crate::scene::layout::{Density, Layout};
use crate::scene::{Bounds, Point, Target};
use slowgrad_engine::shape::Shape;

/// A layer with more weights than this has no numbers on its edges,
const MOST: usize = 16;
/// unless it is looked at from so close by that no more edges than this are in view.
const MOST_SEEN: usize = 48;
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
pub(crate) fn digits(options: &SceneOptions) -> usize {
    if legible(ON_EDGE, options) > 1.25 * ON_EDGE { options.digits.min(2) } else { options.digits }
}

/// For each layer the places `[neuron][input]` of its numbers; empty for layers that have none. Of a layer that is seen
/// from close by those weights have one whose edges are in view, if these are not too many.
pub(crate) fn spots(shape: &Shape, layout: &Layout, options: &SceneOptions) -> Vec<Vec<Option<Point>>> {
    (0..shape.layers()).map(|layer| of_layer(shape, layout, layer, options).unwrap_or_default()).collect()
}

fn of_layer(shape: &Shape, layout: &Layout, layer: usize, options: &SceneOptions) -> Option<Vec<Option<Point>>> {
    if layout.matrix(layer).is_some() {
        return None;
    }
    let (size, fan_in) = (shape.size(layer), shape.fan_in(layer));
    let is_roomy = [layer, layer + 1].iter().all(|&column| layout.density(column) == Density::Roomy);
    if options.view.is_none() && (!is_roomy || size * fan_in > MOST) {
        return None;
    }
    let discs = |flat: usize| [Stage::source(layer, flat % fan_in), Target::Neuron { layer, neuron: flat / fan_in }];
    let ends = |flat: usize| {
        let [from, to] = discs(flat).map(|disc| layout.position(disc));
        (from, to)
    };
    let is_seen = |flat: &usize| options.view.is_none_or(|view| passes(ends(*flat), view));
    let most = if options.view.is_some() { MOST_SEEN } else { MOST };
    let seen: Vec<usize> = (0..size * fan_in).filter(is_seen).take(most + 1).collect();
    if seen.len() > most {
        return None;
    }
    // As wide as the widest number that a weight is likely to have.
    let letters = legible(ON_EDGE, options);
    let half = [(0.55 * 0.5 * (digits(options) as f32 + 4.5) + 0.36) * letters, 0.74 * letters];
    let longest = seen.iter().map(|&flat| ends(flat)).map(|(from, to)| to[0] - from[0]).fold(0.0, f32::max);
    if 2.0 * half[0] > 0.7 * longest {
        return None;
    }
    let room = |flat: usize, share: f32| around(along(ends(flat), share), half);
    // From close by within the view, and off both discs.
    let fits = |flat: usize, share: f32| {
        let Some(view) = options.view else { return true };
        let room = room(flat, share);
        let is_off = |disc: Target| !around(layout.position(disc), [layout.radius(disc); 2]).overlaps(room);
        contains(view, room) && discs(flat).into_iter().all(is_off)
    };
    let crossed = |flat: usize, share: f32| {
        let room = room(flat, share);
        seen.iter().filter(|&&other| other != flat && passes(ends(other), room)).count() as f32
    };
    let shares: Vec<Vec<(f32, f32)>> = seen
        .iter()
        .map(|&flat| {
            // Of an edge that is partly out of view only the rest counts.
            let (start, end) = options.view.and_then(|view| within(ends(flat), view)).unwrap_or((0.0, 1.0));
            let shares = SHARES.into_iter().map(|share| start + (end - start) * share);
            let shares = shares.filter(|&share| fits(flat, share));
            shares.map(|share| (share, crossed(flat, share) + PULL * (share - USUAL).abs())).collect()
        })
        .collect();
    // One after the other, and again, now that all others have a place.
    let mut taken: Vec<Option<(f32, Bounds)>> = vec![None; seen.len()];
    for nth in (0..PASSES).flat_map(|_| 0..seen.len()) {
        taken[nth] = None;
        let cost = |(share, alone): (f32, f32)| {
            let room = room(seen[nth], share);
            let covered = taken.iter().flatten().filter(|(_, other)| room.overlaps(*other)).count();
            COVERED * covered as f32 + alone
        };
        let best = shares[nth].iter().min_by(|a, b| cost(**a).total_cmp(&cost(**b)));
        taken[nth] = best.map(|&(share, _)| (share, room(seen[nth], share)));
    }
    let mut spots = vec![None; size * fan_in];
    for (&flat, taken) in seen.iter().zip(&taken) {
        spots[flat] = taken.map(|(share, _)| along(ends(flat), share));
    }
    Some(spots)
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

/// Between which shares of its length a straight edge lies in a box.
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
                let fan_in = shape.fan_in(layer);
                let ends = |flat: usize| layout.edge(layer, flat / fan_in, flat % fan_in);
                for (flat, spot) in spots.iter().enumerate() {
                    let [x, y] = spot.expect("small layers have numbers");
                    let middle = Bounds { min: [x - 8.0, y - 4.0], max: [x + 8.0, y + 4.0] };
                    crossed += (0..spots.len()).filter(|&other| other != flat && passes(ends(other), middle)).count();
                }
            }
            assert_eq!(crossed, 0, "{inputs} {layers:?}");
        }
    }

    #[test]
    fn from_close_by_the_edges_in_view_have_their_numbers() {
        let shape = Shape::new(2, &[16, 16, 1]);
        let layout = Layout::within(&shape, [900.0, 600.0]);
        let numbers = |zoom: f32| {
            let [x, y] = layout.position(Target::Neuron { layer: 1, neuron: 3 });
            let view = Bounds { min: [x - 450.0 / zoom, y - 300.0 / zoom], max: [x + 450.0 / zoom, y + 300.0 / zoom] };
            let options = SceneOptions { zoom, view: Some(view), ..SceneOptions::default() };
            let spots: Vec<Point> = spots(&shape, &layout, &options)[1].iter().flatten().copied().collect();
            assert!(spots.iter().all(|&place| contains(view, around(place, [0.0; 2]))), "{spots:?} in {view:?}");
            spots.len()
        };
        assert_eq!(numbers(1.0), 0, "of hundreds none is read");
        assert!(numbers(16.0) > 6);
    }
}
