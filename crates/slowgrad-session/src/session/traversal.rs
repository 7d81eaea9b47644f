//! The order in which the keyboard selects the elements of a network.
//!
//! Inputs come first; then, neuron by neuron, the neuron, its incoming weights and its bias, if it has one. It must not
//! know what is drawn.

use slowgrad_engine::shape::Shape;
use slowgrad_timeline::scene::Target;

/// The element after another one, or before it, in a cycle. Without a start, the first or the last element.
pub fn next(shape: &Shape, from: Option<Target>, forward: bool) -> Target {
    let count = shape.inputs()
        + (0..shape.layers()).map(|layer| shape.size(layer) * elements_per_neuron(shape, layer)).sum::<usize>();
    let at = from.and_then(|target| index_of(shape, target));
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

/// The number of elements per neuron of a layer: itself, its weights and its bias, if it has one.
fn elements_per_neuron(shape: &Shape, layer: usize) -> usize {
    1 + shape.fan_in(layer) + usize::from(shape.has_biases(layer))
}

/// The index of an element in the order; the loss has none.
fn index_of(shape: &Shape, target: Target) -> Option<usize> {
    let start = |layer: usize, neuron: usize| {
        let before: usize = (0..layer).map(|layer| shape.size(layer) * elements_per_neuron(shape, layer)).sum();
        shape.inputs() + before + neuron * elements_per_neuron(shape, layer)
    };
    Some(match target {
        Target::Input(input) => input,
        Target::Neuron { layer, neuron } => start(layer, neuron),
        Target::Weight { layer, neuron, input } => start(layer, neuron) + 1 + input,
        Target::Bias { layer, neuron } => start(layer, neuron) + 1 + shape.fan_in(layer),
        Target::Loss => return None,
    })
}

/// The element with this index.
fn target(shape: &Shape, at: usize) -> Target {
    let Some(mut left) = at.checked_sub(shape.inputs()) else { return Target::Input(at) };
    for layer in 0..shape.layers() {
        let (per_neuron, size) = (elements_per_neuron(shape, layer), shape.size(layer));
        if left >= per_neuron * size {
            left -= per_neuron * size;
            continue;
        }
        let neuron = left / per_neuron;
        return match left % per_neuron {
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
    fn a_neuron_without_a_bias_has_none_to_select() {
        let shape = Shape::with_biases(1, [(2, false), (1, true)]);
        let (mut at, mut found) = (None, Vec::new());
        for _ in 0..9 {
            let target = next(&shape, at, true);
            assert!(target.exists_in(&shape) && !found.contains(&target), "{target:?}");
            found.push(target);
            at = Some(target);
        }
        assert_eq!(next(&shape, at, true), Target::Input(0));
    }

    #[test]
    fn each_element_is_visited_once_in_both_directions() {
        let shape = Shape::new(2, &[3, 1]);
        let count = 2 + 3 * 4 + 5;
        for forward in [true, false] {
            let mut visited = vec![next(&shape, None, forward)];
            for _ in 1..count {
                visited.push(next(&shape, visited.last().copied(), forward));
            }
            assert_eq!(next(&shape, visited.last().copied(), forward), visited[0]);
            visited.sort_by_key(|target| index_of(&shape, *target));
            visited.dedup();
            assert_eq!(visited.len(), count);
        }
        assert_eq!(next(&shape, Some(Target::Input(1)), true), Target::Neuron { layer: 0, neuron: 0 });
        assert_eq!(next(&shape, None, false), Target::Bias { layer: 1, neuron: 0 });
    }
}
