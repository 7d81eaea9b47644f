//! The loss landscape: the mean loss over the training data while two parameters are varied and all others
//! stay as they are.
//!
//! It is computed from a coarse grid to a fine one, a few samples at a time, so that a command never waits for
//! it, and thrown away when the parameters that stay are no longer those. It must not know the window.

use crate::protocol::{PathPoint, Surface};
use slowgrad_engine::parameter_path::{ParameterPath, PlanePoint};
use slowgrad_engine::run::Run;
use slowgrad_engine::setup::Setup;
use slowgrad_engine::shape::Shape;
use slowgrad_engine::train::{Evaluation, Workspace};
use std::rc::Rc;
use std::sync::Arc;

/// Intervals along each side of the finest grid.
const INTERVALS: usize = 64;
/// Between the places of the coarsest grid lie so many of the finest.
const COARSEST: usize = 16;
/// Grids this coarse say too little to be shown.
const SHOWN_FROM: usize = 8;
/// While training goes on, a grid of this spacing is as fine as it gets before the next one begins.
const FINE_ENOUGH: usize = 4;
/// After so many places where a script fails the rest is not tried.
const MOST_FAILURES: usize = 64;
/// The least reach to each side.
const REACH: f64 = 0.5;

fn place([low, high]: [f64; 2], nth: usize) -> f64 {
    low + (high - low) * (nth as f64 / INTERVALS as f64)
}

/// The way that two parameters of a network of this shape took; what it was before and after it had another shape is
/// no part of that.
pub(super) fn path(trail: &ParameterPath, shape: &Shape, axes: [usize; 2]) -> Vec<PathPoint> {
    let point =
        |point: PlanePoint| PathPoint { step: point.step, at: point.at, loss: point.losses.map(|(train, _)| train) };
    trail.project(shape, axes).into_iter().map(point).collect()
}

/// A surface that is being computed.
#[derive(Debug)]
pub(super) struct Job {
    setup: Rc<Setup>,
    values: Vec<f64>,
    surface: Surface,
    /// The finest grid; what is not computed yet is no number.
    cells: Vec<f64>,
    loss: Option<f64>,
    spacing: usize,
    next: usize,
    evaluation: Evaluation,
    failures: usize,
    shown: Option<Arc<Surface>>,
}

impl Job {
    /// A surface around the parameters that a run has now.
    pub(super) fn new(run: &Run, axes: [usize; 2], range: [[f64; 2]; 2], is_chosen: bool) -> Self {
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
                is_chosen,
                side,
                losses: Vec::new(),
                present,
                loss: f64::NAN,
                is_final: false,
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

    /// The best surface so far.
    pub(super) fn surface(&self) -> Option<&Arc<Surface>> {
        self.shown.as_ref()
    }

    pub(super) fn is_over(&self) -> bool {
        self.spacing == 0
    }

    /// Whether it is as fine as it gets while training goes on.
    pub(super) fn is_fine_enough(&self) -> bool {
        self.spacing < FINE_ENOUGH
    }

    /// Whether it is over these parameters of a network of this shape.
    pub(super) fn is_over_axes(&self, shape: &Shape, axes: [usize; 2]) -> bool {
        self.surface.axes == axes && *self.setup.shape == *shape
    }

    /// Whether it reaches as far as was asked for, by somebody or by nobody.
    pub(super) fn reaches(&self, asked: Option<[[f64; 2]; 2]>) -> bool {
        asked.map_or(!self.surface.is_chosen, |asked| self.surface.is_chosen && self.surface.range == asked)
    }

    /// The range, where nobody chose it.
    pub(super) fn own_range(&self) -> Option<[[f64; 2]; 2]> {
        (!self.surface.is_chosen).then_some(self.surface.range)
    }

    /// Computes a few samples' losses at one place.
    pub(super) fn go_on(&mut self, work: &mut Workspace) {
        if self.is_over() {
            return;
        }
        // The moment itself comes before all places around it.
        let around = self.loss.map(|_| self.next);
        let [a, b] = self.surface.axes;
        let at = around.map_or(self.surface.present, |cell| self.values_at(cell));
        (self.values[a], self.values[b]) = (at[0], at[1]);
        let data = &self.setup.train;
        let loss = match self.evaluation.advance(&self.setup, &self.values, data, work) {
            Ok(()) if !self.evaluation.is_done(data) => return,
            Ok(()) => self.evaluation.mean().unwrap_or(f64::NAN),
            Err(_) => {
                self.failures += 1;
                f64::NAN
            }
        };
        self.evaluation = Evaluation::default();
        match around {
            None => self.loss = Some(loss),
            Some(cell) => {
                self.cells[cell] = loss;
                self.next = cell + 1;
            }
        }
        self.settle();
    }

    fn values_at(&self, cell: usize) -> [f64; 2] {
        let side = INTERVALS + 1;
        [place(self.surface.range[0], cell % side), place(self.surface.range[1], cell / side)]
    }

    /// Goes to the next place of this grid, or to the next grid.
    fn settle(&mut self) {
        let side = INTERVALS + 1;
        let is_on = |cell: usize, spacing: usize| {
            (cell % side).is_multiple_of(spacing) && (cell / side).is_multiple_of(spacing)
        };
        let is_known = |cell: usize, spacing: usize| spacing < COARSEST && is_on(cell, 2 * spacing);
        loop {
            let spacing = self.spacing;
            let next = (self.next..side * side).find(|cell| is_on(*cell, spacing) && !is_known(*cell, spacing));
            if let Some(next) = next.filter(|_| self.failures < MOST_FAILURES) {
                self.next = next;
                return;
            }
            // A grid that scripts gave up on is shown as far as it got.
            self.spacing = if self.failures < MOST_FAILURES { spacing / 2 } else { 0 };
            if spacing <= SHOWN_FROM || self.is_over() {
                self.show(spacing);
            }
            if self.is_over() {
                return;
            }
            self.next = 0;
        }
    }

    fn show(&mut self, spacing: usize) {
        let all = INTERVALS + 1;
        let side = INTERVALS / spacing + 1;
        let losses = (0..side * side).map(|i| self.cells[(i / side) * spacing * all + (i % side) * spacing]).collect();
        self.shown = Some(Arc::new(Surface {
            side,
            losses,
            loss: self.loss.unwrap_or(f64::NAN),
            is_final: self.is_over(),
            ..self.surface.clone()
        }));
    }
}

/// The two weights that changed most between the start of a run and `after`; biases only when there are no two weights.
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
            let is_more =
                |than: Option<(f64, usize)>| than.is_none_or(|(less, _)| index.is_some_and(|(by, _)| by > less));
            if is_more(first) {
                (first, second) = (index, first);
            } else if is_more(second) {
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

/// The range of a parameter that holds all these values with room around them. It moves and grows in jumps, so that
/// the picture stands still while training goes on; `before` is kept as long as it fits.
pub(super) fn range(values: impl Iterator<Item = f64>, before: Option<[f64; 2]>) -> [f64; 2] {
    let values = values.filter(|value| value.is_finite());
    let (low, high) = values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), x| (low.min(x), high.max(x)));
    if low > high {
        return before.unwrap_or([-REACH, REACH]);
    }
    if let Some([least, most]) = before
        && least + 0.05 * (most - least) <= low
        && high <= most - 0.05 * (most - least)
        && (high - low).max(1.2 * REACH) >= 0.3 * (most - least)
    {
        return [least, most];
    }
    let needed = (0.75 * (high - low)).max(REACH);
    let mut reach = REACH;
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
    fn a_range_holds_all_values_and_stands_still_while_it_does() {
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
        assert_eq!(range(std::iter::empty(), None), [-REACH, REACH]);
    }
}
