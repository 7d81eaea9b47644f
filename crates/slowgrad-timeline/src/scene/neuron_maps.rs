//! What every neuron computes over the range of the inputs: small maps inside the discs.
//!
//! They belong to the parameters, not to a moment: whoever trains computes them once a step and hands them in
//! with the options of a scene. It must not know how the numbers were computed.

use crate::scene::draw::Stage;
use crate::scene::{Bounds, Field, Form, Ink, Levels, Patch, Point, Target};
use std::sync::Arc;

/// Maps of all inputs and neurons over one or two inputs.
#[derive(Debug, Clone, PartialEq)]
pub struct Maps {
    /// The range of each input.
    axes: Vec<[f64; 2]>,
    /// Numbers of discs, the inputs first.
    sizes: Vec<usize>,
    /// Places along each axis.
    side: usize,
    levels: Arc<Levels>,
}

/// Maps that stand beside each other in the grid.
const IN_A_ROW: usize = 32;
/// Of more discs than this none has a map.
const MOST: usize = 1024;

impl Maps {
    /// Whether a network with this many inputs and discs has maps.
    pub fn fit(inputs: usize, discs: usize) -> bool {
        (1..=2).contains(&inputs) && discs <= MOST
    }

    /// The places of the input plane at which the neurons are asked: with two inputs row by row from the largest
    /// second input, so that up is more.
    pub fn places(axes: &[[f64; 2]], side: usize) -> Vec<Vec<f64>> {
        let at = |[low, high]: [f64; 2], nth: usize| low + (high - low) * nth as f64 / (side.max(2) - 1) as f64;
        match axes {
            [x] => (0..side).map(|i| vec![at(*x, i)]).collect(),
            [x, y] => (0..side * side).map(|i| vec![at(*x, i % side), at(*y, side - 1 - i / side)]).collect(),
            _ => Vec::new(),
        }
    }

    /// The maps of a network whose neurons answer `activations[layer][neuron][place]` at [`Maps::places`]; nothing
    /// when there cannot be any.
    pub fn new(axes: Vec<[f64; 2]>, side: usize, activations: &[Vec<Vec<f64>>]) -> Option<Self> {
        let sizes: Vec<usize> = [axes.len()].into_iter().chain(activations.iter().map(Vec::len)).collect();
        let places = Self::places(&axes, side);
        let discs: usize = sizes.iter().sum();
        if !Self::fit(axes.len(), discs) || side == 0 {
            return None;
        }
        let rows = places.len() / side;
        let width = side * discs.min(IN_A_ROW);
        let mut levels = vec![0; width * rows * discs.div_ceil(IN_A_ROW)];
        let inputs = (0..axes.len()).map(|input| places.iter().map(|place| place[input]).collect::<Vec<f64>>());
        for (tile, answers) in inputs.chain(activations.iter().flatten().cloned()).enumerate() {
            // A curve that leaves −1 … 1 is shown whole; colours end there, as everywhere.
            let reach = if rows == 1 { answers.iter().fold(1.0, |reach: f64, a| reach.max(a.abs())) } else { 1.0 };
            let (column, row) = (tile % IN_A_ROW * side, tile / IN_A_ROW * rows);
            for (i, a) in answers.iter().enumerate().take(places.len()) {
                levels[(row + i / side) * width + column + i % side] = Levels::level(a / reach);
            }
        }
        let height = levels.len() / width;
        Some(Self { axes, sizes, side, levels: Arc::new(Levels { width, height, levels }) })
    }

    /// First column and row of a disc's map, then their numbers.
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
        Some([tile % IN_A_ROW * self.side, tile / IN_A_ROW * rows, self.side, rows])
    }

    /// Where an input stands on the maps, as shares from the left top.
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

impl Stage<'_> {
    /// Whether a disc is drawn with its map.
    pub(crate) fn has_map(&self, target: Target) -> bool {
        let room = self.layout.radius(target) * self.options.zoom;
        let maps = self.options.maps.as_ref().filter(|_| room >= LEAST_ROOM);
        maps.is_some_and(|maps| maps.sizes == self.known.step.shape.sizes() && maps.tile(target).is_some())
    }

    /// The maps of all discs that have room for them.
    pub(crate) fn maps(&self) -> Option<Field> {
        let maps = self.options.maps.as_ref()?;
        let probe = maps.share(&self.known.recorded().input);
        let patch = |disc: &crate::scene::Disc| {
            let ([x, y], radius) = (disc.center, disc.radius - disc.ring_width);
            Some(Patch {
                place: Bounds { min: [x - radius, y - radius], max: [x + radius, y + radius] },
                source: maps.tile(disc.target).filter(|_| self.has_map(disc.target))?,
                form: if maps.axes.len() == 1 { Form::Curve } else { Form::Plane },
                // Where nothing has been computed yet, it is what could be.
                alpha: if disc.fill == Ink::Empty { 0.45 } else { 1.0 },
                probe: probe.filter(|_| disc.fill != Ink::Empty),
            })
        };
        let patches: Vec<Patch> = self.canvas.discs.iter().filter_map(patch).collect();
        (!patches.is_empty()).then(|| Field {
            levels: Arc::clone(&maps.levels),
            ink: Ink::Value(0.0),
            layer: None,
            patches,
        })
    }
}

/// A disc of a smaller radius on screen, in points, has no room for a map.
const LEAST_ROOM: f32 = 9.0;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_disc_has_a_map_of_its_own_numbers() {
        let axes = vec![[-1.0, 1.0], [0.0, 4.0]];
        let places = Maps::places(&axes, 3);
        assert_eq!((places[0].as_slice(), places[8].as_slice()), (&[-1.0, 4.0][..], &[1.0, 0.0][..]));
        let neuron = |scale: f64| places.iter().map(|place| scale * place[0]).collect::<Vec<f64>>();
        let layers = vec![(0..40).map(|n| neuron(f64::from(n) / 40.0)).collect::<Vec<_>>(), vec![neuron(-1.0)]];
        let maps = Maps::new(axes, 3, &layers).expect("two inputs");
        let level = |target: Target, place: usize| {
            let [column, row, width, height] = maps.tile(target).expect("a map");
            assert_eq!((width, height), (3, 3));
            maps.levels.levels[(row + place / 3) * maps.levels.width + column + place % 3]
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
    fn a_curve_is_shown_whole() {
        let maps = Maps::new(vec![[0.0, 1.0]], 2, &[vec![vec![4.0, -2.0]]]).expect("one input");
        let [column, row, ..] = maps.tile(Target::Neuron { layer: 0, neuron: 0 }).expect("a map");
        assert_eq!((row, maps.levels.levels[column], maps.levels.levels[column + 1]), (0, 127, Levels::level(-0.5)));
    }

    #[test]
    fn three_inputs_have_no_plane() {
        assert!(Maps::new(vec![[0.0, 1.0]; 3], 4, &[vec![Vec::new()]]).is_none());
        assert!(!Maps::fit(2, MOST + 1));
    }
}
