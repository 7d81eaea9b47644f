//! From mark to mark with the keyboard: all parts of a network in one order.
//!
//! First the inputs, then neuron by neuron: the neuron, the weights into it, its bias. It must not know what is
//! drawn.

use slowgrad_engine::shape::Shape;
use slowgrad_timeline::scene::Target;

/// The part after a part, or before it; from nothing to the first or the last.
pub fn next(shape: &Shape, from: Option<Target>, forward: bool) -> Target {
    let count = shape.inputs() + (0..shape.layers()).map(|layer| shape.size(layer) * room(shape, layer)).sum::<usize>();
    let at = from.and_then(|target| place(shape, target));
    target(
        shape,
        match (at, forward) {
            (None, true) => 0,
            (None, false) => count - 1,
            (Some(at), true) => (at + 1) % count,
            (Some(at), false) => (at + count - 1) % count,
        },
    )
}

/// Whether a network of this shape has a part.
pub fn is_part(shape: &Shape, target: Target) -> bool {
    let is_neuron = |layer: usize, neuron: usize| layer < shape.layers() && neuron < shape.size(layer);
    match target {
        Target::Input(input) => input < shape.inputs(),
        Target::Neuron { layer, neuron } | Target::Bias { layer, neuron } => is_neuron(layer, neuron),
        Target::Weight { layer, neuron, input } => is_neuron(layer, neuron) && input < shape.fan_in(layer),
        Target::Loss => true,
    }
}

/// Parts that belong to a neuron of a layer: itself, its weights, its bias.
fn room(shape: &Shape, layer: usize) -> usize {
    shape.fan_in(layer) + 2
}

fn place(shape: &Shape, target: Target) -> Option<usize> {
    let start = |layer: usize, neuron: usize| {
        let before: usize = (0..layer).map(|layer| shape.size(layer) * room(shape, layer)).sum();
        shape.inputs() + before + neuron * room(shape, layer)
    };
    Some(match target {
        Target::Input(input) => input,
        Target::Neuron { layer, neuron } => start(layer, neuron),
        Target::Weight { layer, neuron, input } => start(layer, neuron) + 1 + input,
        Target::Bias { layer, neuron } => start(layer, neuron) + 1 + shape.fan_in(layer),
        Target::Loss => return None,
    })
}

fn target(shape: &Shape, at: usize) -> Target {
    let Some(mut left) = at.checked_sub(shape.inputs()) else { return Target::Input(at) };
    for layer in 0..shape.layers() {
        let (room, size) = (room(shape, layer), shape.size(layer));
        if left >= room * size {
            left -= room * size;
            continue;
        }
        let neuron = left / room;
        return match left % room {
            0 => Target::Neuron { layer, neuron },
            nth if nth <= shape.fan_in(layer) => Target::Weight { layer, neuron, input: nth - 1 },
            _ => Target::Bias { layer, neuron },
        };
    }
    Target::Loss
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_is_met_once_both_ways() {
        let shape = Shape::new(2, &[3, 1]);
        let count = 2 + 3 * 4 + 5;
        for forward in [true, false] {
            let mut met = vec![next(&shape, None, forward)];
            for _ in 1..count {
                met.push(next(&shape, met.last().copied(), forward));
            }
            assert_eq!(next(&shape, met.last().copied(), forward), met[0]);
            met.sort_by_key(|target| place(&shape, *target));
            met.dedup();
            assert_eq!(met.len(), count);
        }
        assert_eq!(next(&shape, Some(Target::Input(1)), true), Target::Neuron { layer: 0, neuron: 0 });
        assert_eq!(next(&shape, None, false), Target::Bias { layer: 1, neuron: 0 });
    }
}
