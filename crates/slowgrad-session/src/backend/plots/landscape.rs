//! The loss landscape: the mean loss over the training data on a grid over two parameters, with all others fixed.
//!
//! The grid is refined from coarse to fine, a few samples at a time, so that no command waits for it. A change of the
//! fixed parameters discards it. It must not know the window.

use crate::protocol::{PathPoint, Surface};
use slowgrad_engine::evaluation::Evaluation;
use slowgrad_engine::parameter_path::{ParameterPath, PlanePoint};
use slowgrad_engine::run::Run;
use slowgrad_engine::setup::Setup;
use slowgrad_engine::shape::Shape;
use slowgrad_engine::train::Workspace;
use std::rc::Rc;
use std::sync::Arc;

/// Intervals along each side of the finest grid.
const INTERVALS: usize = 64;
/// The spacing of the coarsest grid, in intervals of the finest.
const COARSEST: usize = 16;
/// The spacing of the coarsest grid that is shown.
const SHOWN_FROM: usize = 8;
/// During training, a grid is replaced as soon as its spacing is below this.
const FINE_ENOUGH: usize = 4;
/// A landscape is abandoned after this many points where a script fails.
const MAX_FAILURES: usize = 64;
/// The least distance from the centre of a range to its ends.
const MIN_REACH: f64 = 0.5;

fn place([low, high]: [f64; 2], nth: usize) -> f64 {
    low + (high - low) * (nth as f64 / INTERVALS as f64)
}

/// The path of two parameters, restricted to the steps in which the network had this shape.
pub(super) fn path(path: &ParameterPath, shape: &Shape, axes: [usize; 2]) -> Vec<PathPoint> {
    let point = |point: PlanePoint| PathPoint {
        step: point.step,
        at: point.at,
        loss: point.scores.map(|scores| scores.train.loss),
    };
    path.project(shape, axes).into_iter().map(point).collect()
}

/// A surface that is being computed.
#[derive(Debug)]
pub(super) struct LandscapeJob {
    setup: Rc<Setup>,
    values: Vec<f64>,
    surface: Surface,
    /// The losses on the finest grid; NaN where they are not computed yet.
    cells: Vec<f64>,
    loss: Option<f64>,
    spacing: usize,
    next: usize,
    evaluation: Evaluation,
    failures: usize,
    shown: Option<Arc<Surface>>,
}

impl LandscapeJob {
    /// A surface around the present parameters of a run.
    pub(super) fn new(run: &Run, axes: [usize; 2], range: [[f64; 2]; 2], range_chosen: bool) -> Self {
        let values = run.model().values.clone();
        let present = axes.map(|axis| values[axis]);
        let side = INTERVALS + 1;
        let step = run.step() + 1;
        Self {
            setup: Rc::new(run.setup().clone()),
            surface: Surface {
                step,
                axes,
                range,
                range_chosen,
                side,
                losses: Vec::new(),
                present,
                loss: f64::NAN,
                complete: false,
            },
            values,
            cells: vec![f64::NAN; side * side],
            loss: None,
            spacing: COARSEST,
            next: 0,
            evaluation: Evaluation::default(),
            failures: 0,
            shown: None,
        }
    }

    /// The finest surface so far.
    pub(super) fn surface(&self) -> Option<&Arc<Surface>> {
        self.shown.as_ref()
    }

    fn is_complete(&self) -> bool {
        self.spacing == 0
    }

    /// Whether finer grids remain to be computed; during training a medium grid suffices.
    pub(super) fn has_work(&self, training: bool) -> bool {
        if training { !self.is_fine_enough() } else { !self.is_complete() }
    }

    /// Whether it is fine enough during training.
    pub(super) fn is_fine_enough(&self) -> bool {
        self.spacing < FINE_ENOUGH
    }

    /// Whether it varies these parameters of a network of this shape.
    pub(super) fn has_axes(&self, shape: &Shape, axes: [usize; 2]) -> bool {
        self.surface.axes == axes && *self.setup.shape == *shape
    }

    /// Whether it has the requested range, or a default range when none is requested.
    pub(super) fn has_range(&self, requested: Option<[[f64; 2]; 2]>) -> bool {
        let chosen = self.surface.range_chosen;
        requested.map_or(!chosen, |requested| chosen && self.surface.range == requested)
    }

    /// The range, if it is a default.
    pub(super) fn default_range(&self) -> Option<[[f64; 2]; 2]> {
        (!self.surface.range_chosen).then_some(self.surface.range)
    }

    /// Computes the losses of a few samples at one point.
    pub(super) fn advance(&mut self, work: &mut Workspace) {
        if self.is_complete() {
            return;
        }
        // The present point is computed before the grid.
        let cell = self.loss.map(|_| self.next);
        let [a, b] = self.surface.axes;
        let at = cell.map_or(self.surface.present, |cell| self.values_at(cell));
        (self.values[a], self.values[b]) = (at[0], at[1]);
        let data = &self.setup.train;
        let loss = match self.evaluation.advance(&self.setup, &self.values, data, work) {
            Ok(()) if !self.evaluation.is_done(data) => return,
            Ok(()) => self.evaluation.score().map_or(f64::NAN, |score| score.loss),
            Err(_) => {
                self.failures += 1;
                f64::NAN
            }
        };
        self.evaluation = Evaluation::default();
        match cell {
            None => self.loss = Some(loss),
            Some(cell) => {
                self.cells[cell] = loss;
                self.next = cell + 1;
            }
        }
        self.select_next();
    }

    fn values_at(&self, cell: usize) -> [f64; 2] {
        let side = INTERVALS + 1;
        [place(self.surface.range[0], cell % side), place(self.surface.range[1], cell / side)]
    }

    /// Advances to the next point of this grid, or to the next grid.
    fn select_next(&mut self) {
        let side = INTERVALS + 1;
        let on_grid = |cell: usize, spacing: usize| {
            (cell % side).is_multiple_of(spacing) && (cell / side).is_multiple_of(spacing)
        };
        let computed = |cell: usize, spacing: usize| spacing < COARSEST && on_grid(cell, 2 * spacing);
        loop {
            let spacing = self.spacing;
            let next = (self.next..side * side).find(|cell| on_grid(*cell, spacing) && !computed(*cell, spacing));
            if let Some(next) = next.filter(|_| self.failures < MAX_FAILURES) {
                self.next = next;
                return;
            }
            // A grid that is abandoned because scripts fail is shown incomplete.
            self.spacing = if self.failures < MAX_FAILURES { spacing / 2 } else { 0 };
            if spacing <= SHOWN_FROM || self.is_complete() {
                self.publish(spacing);
            }
            if self.is_complete() {
                return;
            }
            self.next = 0;
        }
    }

    fn publish(&mut self, spacing: usize) {
        let all = INTERVALS + 1;
        let side = INTERVALS / spacing + 1;
        let losses = (0..side * side).map(|i| self.cells[(i / side) * spacing * all + (i % side) * spacing]).collect();
        self.shown = Some(Arc::new(Surface {
            side,
            losses,
            loss: self.loss.unwrap_or(f64::NAN),
            complete: self.is_complete(),
            ..self.surface.clone()
        }));
    }
}

/// The flat indices of the two weights that differ most between the start of a run and `after`. Networks with fewer than
/// two weights use biases as well.
pub(super) fn most_changed(run: &Run, after: &[f64]) -> [usize; 2] {
    let shape = &run.setup().shape;
    let Some(start) = run.parameter_path().points().iter().find(|point| point.shape == *shape) else { return [0, 0] };
    let change = |index: usize| {
        let change = (after[index] - start.values[index]).abs();
        if change.is_nan() { 0.0 } else { change }
    };
    let most = |indices: &mut dyn Iterator<Item = usize>| {
        // The earlier parameter wins a tie.
        let (mut first, mut second) = (None, None);
        for index in indices {
            let index = Some((change(index), index));
            let exceeds =
                |than: Option<(f64, usize)>| than.is_none_or(|(less, _)| index.is_some_and(|(by, _)| by > less));
            if exceeds(first) {
                (first, second) = (index, first);
            } else if exceeds(second) {
                second = index;
            }
        }
        Some([first?.1, second?.1])
    };
    let weights = most(&mut (0..shape.layers()).flat_map(|layer| shape.weights(layer)));
    let mut axes = weights.or_else(|| most(&mut (0..shape.parameters()))).unwrap_or([0, 0]);
    axes.sort_unstable();
    axes
}

/// A range that contains these values with a margin. It keeps the range `before` as long as that fits, and otherwise
/// moves and grows in jumps, so that the axes are steady during training.
pub(super) fn range(values: impl Iterator<Item = f64>, before: Option<[f64; 2]>) -> [f64; 2] {
    let values = values.filter(|value| value.is_finite());
    let (low, high) = values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), x| (low.min(x), high.max(x)));
    if low > high {
        return before.unwrap_or([-MIN_REACH, MIN_REACH]);
    }
    if let Some([least, most]) = before
        && least + 0.05 * (most - least) <= low
        && high <= most - 0.05 * (most - least)
        && (high - low).max(1.2 * MIN_REACH) >= 0.3 * (most - least)
    {
        return [least, most];
    }
    let needed = (0.75 * (high - low)).max(MIN_REACH);
    let mut reach = MIN_REACH;
    while reach < needed {
        reach *= 1.5;
    }
    let quarter = 0.25 * reach;
    let middle = (f64::midpoint(low, high) / quarter).round() * quarter;
    [middle - reach, middle + reach]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_contains_all_values_and_moves_rarely() {
        let mut range_now = range([0.3].into_iter(), None);
        let mut moves = 0;
        for i in 0..400 {
            let end = 0.3 + 0.02 * f64::from(i);
            let next = range([0.3, end, f64::NAN].into_iter(), Some(range_now));
            assert!(next[0] < 0.3 && end < next[1], "{next:?} at {end}");
            moves += i32::from(next != range_now);
            range_now = next;
        }
        assert!((2..12).contains(&moves), "{moves} moves");
        assert_eq!(range(std::iter::empty(), None), [-MIN_REACH, MIN_REACH]);
    }
}
