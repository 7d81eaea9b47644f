//! The function of every neuron over the range of the inputs, as small maps inside the discs.
//!
//! Maps belong to the parameters, not to a moment: they are computed once a step, elsewhere, and passed to scenes with
//! their options. This module must not know how the numbers are computed.

use super::context::SceneContext;
use super::{Bounds, Disc, Form, Heatmap, Ink, Levels, Patch, Point, Target};
use slowgrad_engine::shape::Shape;
use std::sync::Arc;

/// Maps of all inputs and neurons over one or two inputs.
#[derive(Debug, Clone, PartialEq)]
pub struct NeuronMaps {
    /// The range of each input.
    axes: Vec<[f64; 2]>,
    /// Numbers of discs in each column, the inputs first.
    sizes: Vec<usize>,
    /// Number of points along each axis.
    side: usize,
    levels: Arc<Levels>,
}

/// Maps in a row of the grid.
const MAPS_PER_ROW: usize = 32;
/// Networks with more discs have no maps.
const MAX_MAPS: usize = 1024;

impl NeuronMaps {
    /// Whether a network with this many inputs and discs has maps: one or two inputs, and not too many discs.
    pub fn fit(inputs: usize, discs: usize) -> bool {
        (1..=2).contains(&inputs) && discs <= MAX_MAPS
    }

    /// The points of the input plane at which the neurons are evaluated, as values of the inputs. With two inputs they are
    /// ordered row by row from the largest second input, so that it increases upwards.
    pub fn points(axes: &[[f64; 2]], side: usize) -> Vec<Vec<f64>> {
        let at = |[low, high]: [f64; 2], nth: usize| low + (high - low) * nth as f64 / (side.max(2) - 1) as f64;
        match axes {
            [x] => (0..side).map(|i| vec![at(*x, i)]).collect(),
            [x, y] => (0..side * side).map(|i| vec![at(*x, i % side), at(*y, side - 1 - i / side)]).collect(),
            _ => Vec::new(),
        }
    }

    /// The maps of a network with these `activations[layer][neuron][point]` at [`NeuronMaps::points`]; none if the network
    /// has too many inputs or discs.
    pub fn new(axes: Vec<[f64; 2]>, side: usize, activations: &[Vec<Vec<f64>>]) -> Option<Self> {
        let sizes: Vec<usize> = [axes.len()].into_iter().chain(activations.iter().map(Vec::len)).collect();
        let points = Self::points(&axes, side);
        let discs: usize = sizes.iter().sum();
        if !Self::fit(axes.len(), discs) || side == 0 {
            return None;
        }
        let rows = points.len() / side;
        let width = side * discs.min(MAPS_PER_ROW);
        let mut levels = vec![0; width * rows * discs.div_ceil(MAPS_PER_ROW)];
        let inputs = (0..axes.len()).map(|input| points.iter().map(|point| point[input]).collect::<Vec<f64>>());
        for (tile, values) in inputs.chain(activations.iter().flatten().cloned()).enumerate() {
            // A curve is scaled so that all of it is visible. Colours end at −1 and 1, as everywhere.
            let reach = if rows == 1 { values.iter().fold(1.0, |reach: f64, a| reach.max(a.abs())) } else { 1.0 };
            let (column, row) = (tile % MAPS_PER_ROW * side, tile / MAPS_PER_ROW * rows);
            for (i, a) in values.iter().enumerate().take(points.len()) {
                levels[(row + i / side) * width + column + i % side] = Levels::level(a / reach);
            }
        }
        let height = levels.len() / width;
        Some(Self { axes, sizes, side, levels: Arc::new(Levels { width, height, levels }) })
    }

    /// Whether an element of a network of this shape has a map.
    pub(super) fn has(&self, shape: &Shape, target: Target) -> bool {
        self.sizes == shape.sizes() && self.tile(target).is_some()
    }

    /// The region of a disc's map: first column, first row, number of columns, number of rows.
    fn tile(&self, target: Target) -> Option<[usize; 4]> {
        let (column, nth) = match target {
            Target::Input(input) => (0, input),
            Target::Neuron { layer, neuron } => (layer + 1, neuron),
            _ => return None,
        };
        if nth >= *self.sizes.get(column)? {
            return None;
        }
        let tile = self.sizes[..column].iter().sum::<usize>() + nth;
        let rows = if self.axes.len() == 1 { 1 } else { self.side };
        Some([tile % MAPS_PER_ROW * self.side, tile / MAPS_PER_ROW * rows, self.side, rows])
    }

    /// The position of a sample on the maps, as shares from the top left.
    fn share(&self, input: &[f64]) -> Option<Point> {
        let share = |axis: usize| {
            let [low, high] = self.axes[axis];
            let share = ((input.get(axis)? - low) / (high - low)) as f32;
            (0.0..=1.0).contains(&share).then_some(share)
        };
        Some(match self.axes.len() {
            1 => [share(0)?, 0.5],
            _ => [share(0)?, 1.0 - share(1)?],
        })
    }
}

/// The maps of all discs that have room for them.
pub(super) fn draw(context: &SceneContext, discs: &[Disc]) -> Option<Heatmap> {
    let maps = context.options.maps.as_ref()?;
    let sample = maps.share(&context.values.recorded().input);
    let patch = |disc: &Disc| {
        let ([x, y], radius) = (disc.center, disc.radius - disc.ring_width);
        let computed = disc.fill != Ink::Empty;
        Some(Patch {
            place: Bounds { min: [x - radius, y - radius], max: [x + radius, y + radius] },
            region: maps.tile(disc.target).filter(|_| context.has_map(disc.target))?,
            form: if maps.axes.len() == 1 { Form::Curve } else { Form::Plane },
            // Fainter until the neuron is computed for this sample.
            alpha: if computed { 1.0 } else { 0.45 },
            probe: sample.filter(|_| computed),
        })
    };
    let patches: Vec<Patch> = discs.iter().filter_map(patch).collect();
    let levels = Arc::clone(&maps.levels);
    (!patches.is_empty()).then_some(Heatmap { levels, ink: Ink::Value(0.0), layer: None, patches })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_disc_has_its_own_map() {
        let axes = vec![[-1.0, 1.0], [0.0, 4.0]];
        let points = NeuronMaps::points(&axes, 3);
        assert_eq!((points[0].as_slice(), points[8].as_slice()), (&[-1.0, 4.0][..], &[1.0, 0.0][..]));
        let neuron = |scale: f64| points.iter().map(|point| scale * point[0]).collect::<Vec<f64>>();
        let layers = vec![(0..40).map(|n| neuron(f64::from(n) / 40.0)).collect::<Vec<_>>(), vec![neuron(-1.0)]];
        let maps = NeuronMaps::new(axes, 3, &layers).expect("two inputs");
        let level = |target: Target, point: usize| {
            let [column, row, width, height] = maps.tile(target).expect("a map");
            assert_eq!((width, height), (3, 3));
            maps.levels.levels[(row + point / 3) * maps.levels.width + column + point % 3]
        };
        assert_eq!(level(Target::Input(0), 0), -127);
        for neuron in 0..40 {
            assert_eq!(level(Target::Neuron { layer: 0, neuron }, 2), Levels::level(neuron as f64 / 40.0));
        }
        assert_eq!(level(Target::Neuron { layer: 1, neuron: 0 }, 2), -127);
        assert_eq!(maps.tile(Target::Neuron { layer: 1, neuron: 1 }), None);
        assert_eq!(maps.share(&[0.0, 4.0]), Some([0.5, 0.0]));
        assert_eq!(maps.share(&[0.0, 5.0]), None);
    }

    #[test]
    fn a_curve_is_scaled_to_be_visible() {
        let maps = NeuronMaps::new(vec![[0.0, 1.0]], 2, &[vec![vec![4.0, -2.0]]]).expect("one input");
        let [column, row, ..] = maps.tile(Target::Neuron { layer: 0, neuron: 0 }).expect("a map");
        assert_eq!((row, maps.levels.levels[column], maps.levels.levels[column + 1]), (0, 127, Levels::level(-0.5)));
    }

    #[test]
    fn three_inputs_have_no_plane() {
        assert!(NeuronMaps::new(vec![[0.0, 1.0]; 3], 4, &[vec![Vec::new()]]).is_none());
        assert!(!NeuronMaps::fit(2, MAX_MAPS + 1));
    }
}
