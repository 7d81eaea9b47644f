//! The path of the parameters: all of them after a bounded number of past steps.
//!
//! Pictures of the past read their numbers here, so they show numbers that training had, not interpolated ones. Scores
//! are computed on demand, since most paths are never drawn. For a large network only few points with all parameters
//! fit into memory; two watched parameters are stored for more steps, from the time they are first watched and whenever
//! a past step is replayed. This module must not know how a run gets from one step to the next.

use crate::evaluation::{Evaluation, Score, Scores};
use crate::setup::Setup;
use crate::shape::Shape;
use crate::train::Workspace;
use slowgrad_tape::Diagnostic;
use std::rc::Rc;
use std::sync::Arc;

/// All parameters at one step of the path.
#[derive(Debug, Clone)]
pub struct ParameterPoint {
    /// Number of completed steps.
    pub step: u64,
    /// The network's shape at that time.
    pub shape: Arc<Shape>,
    /// The parameters after that step, flat.
    pub values: Vec<f64>,
    /// The scores at that point, once computed; the loss is NaN if a script failed.
    pub scores: Option<Scores>,
}

/// Two parameters at one step of the path.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PlanePoint {
    /// Number of completed steps.
    pub step: u64,
    /// Their values after that step.
    pub at: [f64; 2],
    /// The scores at that point, if all parameters are stored for it and the scores have been computed.
    pub scores: Option<Scores>,
}

/// The path of two watched parameters.
#[derive(Debug, Clone)]
struct WatchedPair {
    shape: Arc<Shape>,
    axes: [usize; 2],
    density: u32,
    /// Step and values, in order of the steps.
    points: Vec<(u64, [f64; 2])>,
}

impl WatchedPair {
    fn push(&mut self, step: u64, shape: &Shape, values: &[f64]) {
        if *self.shape != *shape || !is_sampled(step, self.density) {
            return;
        }
        // A replayed step has the same numbers as before.
        if let Err(at) = self.points.binary_search_by_key(&step, |point| point.0) {
            self.points.insert(at, (step, self.axes.map(|axis| values[axis])));
        }
        while self.points.len() > ParameterPath::MAX_POINTS && self.density > 0 {
            self.density -= 1;
            self.points.retain(|point| is_sampled(point.0, self.density));
        }
    }
}

/// A point whose scores are being computed.
#[derive(Debug, Clone)]
struct PendingScores {
    step: u64,
    train: Option<Score>,
    evaluation: Evaluation,
}

/// Parameters of past steps in bounded memory.
///
/// The first steps change the parameters most, so points are closer together the earlier they are: beyond a limit,
/// every second point is dropped where points are closest relative to their step.
#[derive(Debug)]
pub struct ParameterPath {
    /// Between a step and twice that step are 2^density points, or one for each step.
    density: u32,
    points: Vec<ParameterPoint>,
    watched: Option<WatchedPair>,
    pending: Option<PendingScores>,
    /// Workspace for the scores; belongs to `work_shape`.
    work: Workspace,
    work_shape: Option<Arc<Shape>>,
}

impl Default for ParameterPath {
    fn default() -> Self {
        Self {
            density: Self::MAX_DENSITY,
            points: Vec::new(),
            watched: None,
            pending: None,
            work: Workspace::default(),
            work_shape: None,
        }
    }
}

impl Clone for ParameterPath {
    fn clone(&self) -> Self {
        Self { density: self.density, points: self.points.clone(), watched: self.watched.clone(), ..Self::default() }
    }
}

impl ParameterPath {
    /// Maximum number of points. A picture does not show more.
    const MAX_POINTS: usize = 1024;
    /// Maximum memory of all points, unless two points exceed it.
    const MAX_BYTES: usize = 16 << 20;
    const MAX_DENSITY: u32 = 10;

    /// A path that starts with these parameters.
    pub(crate) fn new(step: u64, shape: &Arc<Shape>, values: &[f64]) -> Self {
        let mut path = Self::default();
        path.push(step, shape, values);
        path
    }

    /// The points in order of their steps; the first is the start.
    pub fn points(&self) -> &[ParameterPoint] {
        &self.points
    }

    /// Watches two parameters (flat indices) of a network of this shape: stores their values at more steps than those
    /// of all parameters.
    pub(crate) fn watch(&mut self, shape: &Arc<Shape>, axes: [usize; 2]) {
        if !self.watched.as_ref().is_some_and(|watched| watched.axes == axes && watched.shape == *shape) {
            let points = Vec::with_capacity(Self::MAX_POINTS + 1);
            self.watched = Some(WatchedPair { shape: Arc::clone(shape), axes, density: Self::MAX_DENSITY, points });
        }
    }

    /// The path of two parameters (flat indices), in order of the steps, where the network has this shape.
    pub fn project(&self, shape: &Shape, axes: [usize; 2]) -> Vec<PlanePoint> {
        let whole = self.points.iter().filter(|point| *point.shape == *shape);
        let mut projected: Vec<PlanePoint> = whole
            .map(|point| PlanePoint { step: point.step, at: axes.map(|axis| point.values[axis]), scores: point.scores })
            .collect();
        let watched = self.watched.as_ref().filter(|watched| watched.axes == axes && *watched.shape == *shape);
        let between: Vec<PlanePoint> = watched
            .into_iter()
            .flat_map(|watched| &watched.points)
            .filter(|(step, _)| projected.binary_search_by_key(step, |point| point.step).is_err())
            .map(|&(step, at)| PlanePoint { step, at, scores: None })
            .collect();
        projected.extend(between);
        projected.sort_by_key(|point| point.step);
        projected
    }

    /// Adds the parameters after a step. Steps that are already stored do not change.
    pub(crate) fn push(&mut self, step: u64, shape: &Arc<Shape>, values: &[f64]) {
        if let Some(watched) = &mut self.watched {
            watched.push(step, shape, values);
        }
        let known = self.points.last().is_some_and(|last| last.step >= step);
        if known || !is_sampled(step, self.density) {
            return;
        }
        self.points.push(ParameterPoint { step, shape: Arc::clone(shape), values: values.to_vec(), scores: None });
        self.drop_excess_points();
    }

    /// Adds the points of a path that ends before or at the first point after the start.
    pub(crate) fn insert_earlier(&mut self, earlier: ParameterPath) {
        let later = std::mem::replace(&mut self.points, earlier.points);
        let last = self.points.last().map(|point| point.step);
        self.points.extend(later.into_iter().filter(|point| Some(point.step) > last));
        self.density = self.density.min(earlier.density);
        let density = self.density;
        self.retain(|step| is_sampled(step, density));
        self.drop_excess_points();
    }

    fn drop_excess_points(&mut self) {
        let parameters = self.points.last().map_or(1, |point| point.values.len().max(1));
        let max_points = (Self::MAX_BYTES / (8 * parameters)).clamp(2, Self::MAX_POINTS);
        while self.points.len() > max_points && self.density > 0 {
            self.density -= 1;
            let density = self.density;
            self.retain(|step| is_sampled(step, density));
        }
        // For the largest networks only the start and the latest points remain.
        while self.points.len() > max_points {
            let second = self.points[1].step;
            self.retain(|step| step != second);
        }
    }

    /// Replaces the parameters after a step and drops all later points.
    pub(crate) fn replace_from(&mut self, step: u64, shape: &Arc<Shape>, values: &[f64]) {
        self.truncate(step);
        self.push(step, shape, values);
    }

    /// Drops the points from a step on.
    pub(crate) fn truncate(&mut self, step: u64) {
        self.retain(|known| known < step);
        if let Some(watched) = &mut self.watched {
            watched.points.retain(|point| point.0 < step);
        }
    }

    fn retain(&mut self, keep: impl Fn(u64) -> bool) {
        self.points.retain(|point| keep(point.step));
        self.pending = self.pending.take().filter(|pending| keep(pending.step));
    }

    /// The step of the next point without scores: both ends first, then a few points all along the path, then those in
    /// between.
    fn next_without_scores(&self) -> Option<u64> {
        let ends = [self.points.len().checked_sub(1), Some(0)].into_iter().flatten();
        let along = [64, 16, 4, 1].into_iter().flat_map(|every| (0..self.points.len()).step_by(every));
        ends.chain(along).map(|at| &self.points[at]).find(|point| point.scores.is_none()).map(|point| point.step)
    }

    /// The step whose scores the next [`ParameterPath::evaluate`] continues; `None` if all are computed.
    pub(crate) fn next_step(&self) -> Option<u64> {
        self.pending.as_ref().map(|pending| pending.step).or_else(|| self.next_without_scores())
    }

    /// Computes the scores of one more block of samples at [`next_step`](Self::next_step), with the setup of that step.
    pub(crate) fn evaluate(&mut self, setup: &Rc<Setup>) -> Result<(), Box<Diagnostic>> {
        let Some(step) = self.next_step() else { return Ok(()) };
        let Some(point) = self.points.iter_mut().find(|point| point.step == step) else { return Ok(()) };
        if self.work_shape.as_ref() != Some(&setup.shape) {
            (self.work, self.work_shape) = (Workspace::default(), Some(Arc::clone(&setup.shape)));
        }
        let new = || PendingScores { step, train: None, evaluation: Evaluation::with_classes(setup) };
        let mut pending = self.pending.take().unwrap_or_else(new);
        let data = if pending.train.is_none() { &setup.train } else { &setup.test };
        const UNKNOWN: Score = Score { loss: f64::NAN, accuracy: None };
        if let Err(problem) = pending.evaluation.advance(setup, &point.values, data, &mut self.work) {
            point.scores = Some(Scores { train: UNKNOWN, test: None });
            return Err(problem);
        }
        if pending.evaluation.is_done(data) {
            let score = pending.evaluation.score();
            if let Some(train) = pending.train {
                point.scores = Some(Scores { train, test: score });
                return Ok(());
            }
            pending.train = Some(score.unwrap_or(UNKNOWN));
            pending.evaluation = Evaluation::with_classes(setup);
        }
        self.pending = Some(pending);
        Ok(())
    }
}

/// Whether a path of this density stores a step.
fn is_sampled(step: u64, density: u32) -> bool {
    let octave = step.checked_ilog2().unwrap_or(0);
    step.is_multiple_of(1 << octave.saturating_sub(density))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(inputs: usize) -> Arc<Shape> {
        Arc::new(Shape::new(inputs, &[1]))
    }

    fn steps(path: &ParameterPath) -> Vec<u64> {
        path.points().iter().map(|point| point.step).collect()
    }

    #[test]
    fn a_path_is_bounded_and_exact() {
        let shape = shape(1);
        let mut path = ParameterPath::new(0, &shape, &[0.0, 0.0]);
        for step in 1..=100_000 {
            path.push(step, &shape, &[step as f64, -(step as f64)]);
        }
        let len = path.points().len();
        assert!(len <= ParameterPath::MAX_POINTS && len > ParameterPath::MAX_POINTS / 4, "{len}");
        assert_eq!(path.points()[0].step, 0);
        assert!(path.points().iter().all(|point| point.values == [point.step as f64, -(point.step as f64)]));
        let steps = steps(&path);
        assert!((0..64).all(|step| steps.contains(&step)), "the first steps are all there");
        let mut gaps = steps.windows(2);
        assert!(gaps.all(|pair| pair[1] - pair[0] <= (pair[0] / 32).max(1)), "no gap is wide for its step");
        assert!(*steps.last().expect("a point") > 98_000);
    }

    #[test]
    fn large_networks_have_few_points() {
        let values = vec![0.0; 1 << 20];
        let shape = shape((1 << 20) - 1);
        let mut path = ParameterPath::new(0, &shape, &values);
        for step in 1..20 {
            path.push(step, &shape, &values);
        }
        assert!(path.points().len() <= 2, "{}", path.points().len());
    }

    #[test]
    fn two_watched_parameters_have_a_dense_path_even_in_large_networks() {
        let shape = shape((1 << 18) - 1);
        let mut values = vec![0.0; 1 << 18];
        let mut path = ParameterPath::new(0, &shape, &values);
        let mut add_steps = |path: &mut ParameterPath, steps: std::ops::RangeInclusive<u64>| {
            for step in steps {
                (values[7], values[9]) = (step as f64, -(step as f64));
                path.push(step, &shape, &values);
            }
        };
        add_steps(&mut path, 1..=50);
        assert!(path.project(&shape, [7, 9]).len() <= 8);
        path.watch(&shape, [7, 9]);
        add_steps(&mut path, 51..=200);
        let projected = path.project(&shape, [7, 9]);
        assert!(projected.iter().all(|point| point.at == [point.step as f64, -(point.step as f64)]));
        assert!((51..=200).all(|step| projected.iter().any(|point| point.step == step)), "each step from then on");
        assert!(projected.is_sorted_by(|a, b| a.step < b.step));
        // Replayed steps fill gaps, and truncation drops later ones.
        add_steps(&mut path, 20..=30);
        assert!((20..=30).all(|step| path.project(&shape, [7, 9]).iter().any(|point| point.step == step)));
        path.truncate(100);
        assert_eq!(path.project(&shape, [7, 9]).last().map(|point| point.step), Some(99));
        // Other parameters are known only where all are stored.
        assert!(path.project(&shape, [7, 8]).len() <= 8);
        path.watch(&shape, [7, 9]);
        add_steps(&mut path, 100..=20_000);
        assert!(path.project(&shape, [7, 9]).len() <= ParameterPath::MAX_POINTS + 8);
    }

    #[test]
    fn a_path_can_be_replaced_from_a_step_with_another_shape() {
        let (one, two) = (shape(0), shape(1));
        let mut path = ParameterPath::new(0, &one, &[0.0]);
        (1..=5).for_each(|step| path.push(step, &one, &[1.0]));
        // Replayed steps are not stored again.
        path.push(3, &one, &[9.0]);
        path.replace_from(3, &two, &[2.0, 7.0]);
        path.push(4, &two, &[2.5, 7.0]);
        assert_eq!(steps(&path), [0, 1, 2, 3, 4]);
        let values: Vec<f64> = path.points().iter().map(|point| point.values[0]).collect();
        assert_eq!(values, [0.0, 1.0, 1.0, 2.0, 2.5]);
        assert_eq!(path.points().iter().filter(|point| point.shape == two).count(), 2);
    }

    #[test]
    fn scores_start_at_both_ends() {
        let shape = shape(0);
        let mut path = ParameterPath::new(0, &shape, &[0.0]);
        (1..=200).for_each(|step| path.push(step, &shape, &[1.0]));
        let mut order = Vec::new();
        while let Some(step) = path.next_step() {
            let point = path.points.iter_mut().find(|point| point.step == step).expect("a point");
            point.scores = Some(Scores { train: Score { loss: 0.0, accuracy: None }, test: None });
            order.push(step);
        }
        assert_eq!(order[..6], [200, 0, 64, 128, 192, 16]);
        assert_eq!(order.len(), 201);
    }
}
