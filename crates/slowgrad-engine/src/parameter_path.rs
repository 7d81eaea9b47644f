//! The way that the parameters took: all of them as they were after a bounded number of past steps.
//!
//! Whatever is drawn of the past over the parameters is read here, so that it is made of the numbers that the run
//! had, not of ones in between. The losses of a point are computed when somebody asks, since most never do. Of a large
//! network few points have all parameters; of two that somebody looks at more are kept from then on, and whenever a past
//! step is passed again. It must not know how a run gets from one step to the next.

use crate::setup::Setup;
use crate::shape::Shape;
use crate::train::{Evaluation, Workspace};
use slowgrad_tape::Diagnostic;
use std::rc::Rc;
use std::sync::Arc;

/// The mean loss over the training data, and over the test data when there is any, without any penalty.
pub type Losses = (f64, Option<f64>);

/// One point of a trail.
#[derive(Debug, Clone)]
pub struct TrailPoint {
    /// Number of steps done.
    pub step: u64,
    /// The network's shape at that time.
    pub shape: Arc<Shape>,
    /// The parameters after these steps, flat.
    pub values: Vec<f64>,
    /// The losses there, once they were asked for; not a number where a script failed.
    pub losses: Option<Losses>,
}

/// Two parameters at a moment of the past.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct WayPoint {
    /// Number of steps done.
    pub step: u64,
    /// Their values after these steps.
    pub at: [f64; 2],
    /// The losses there, where all parameters are known and somebody asked for them.
    pub losses: Option<Losses>,
}

/// Two parameters that are looked at, after past steps.
#[derive(Debug, Clone)]
struct Watched {
    shape: Arc<Shape>,
    axes: [usize; 2],
    density: u32,
    /// In order of the steps.
    points: Vec<(u64, [f64; 2])>,
}

impl Watched {
    fn push(&mut self, step: u64, shape: &Shape, values: &[f64]) {
        if *self.shape != *shape || !is_kept(step, self.density) {
            return;
        }
        // A past step that is passed again has the numbers that it had.
        if let Err(at) = self.points.binary_search_by_key(&step, |point| point.0) {
            self.points.insert(at, (step, self.axes.map(|axis| values[axis])));
        }
        while self.points.len() > Trail::MOST && self.density > 0 {
            self.density -= 1;
            self.points.retain(|point| is_kept(point.0, self.density));
        }
    }
}

/// A point whose losses are being computed.
#[derive(Debug, Clone, Copy)]
struct Asked {
    step: u64,
    train: Option<f64>,
    evaluation: Evaluation,
}

/// Parameters of past steps in bounded memory. The first steps go farthest, so points lie the closer the earlier they
/// are: past a limit, every second one is dropped wherever they lie closest for their step.
#[derive(Debug)]
pub struct Trail {
    /// Between a step and twice that step lie 2 to this power points, or one for each step.
    density: u32,
    points: Vec<TrailPoint>,
    watched: Option<Watched>,
    asked: Option<Asked>,
    /// Belongs to the shape that was evaluated last.
    work: Workspace,
    worked: Option<Arc<Shape>>,
}

impl Default for Trail {
    fn default() -> Self {
        Self {
            density: Self::DENSEST,
            points: Vec::new(),
            watched: None,
            asked: None,
            work: Workspace::default(),
            worked: None,
        }
    }
}

impl Clone for Trail {
    fn clone(&self) -> Self {
        Self { density: self.density, points: self.points.clone(), watched: self.watched.clone(), ..Self::default() }
    }
}

impl Trail {
    /// More points are not seen in a picture.
    const MOST: usize = 1024;
    /// Their numbers take no more bytes than this, unless two points do.
    const BYTES: usize = 16 << 20;
    const DENSEST: u32 = 10;

    /// A trail that begins with these parameters.
    pub(crate) fn new(shape: &Arc<Shape>, values: &[f64]) -> Self {
        let mut trail = Self::default();
        trail.push(0, shape, values);
        trail
    }

    /// The points in order of their steps; that of the start is always there.
    pub fn points(&self) -> &[TrailPoint] {
        &self.points
    }

    /// Somebody looks at two parameters (flat indices) of a network of this shape: their numbers are kept at more steps
    /// than those of all.
    pub(crate) fn watch(&mut self, shape: &Arc<Shape>, axes: [usize; 2]) {
        if !self.watched.as_ref().is_some_and(|watched| watched.axes == axes && watched.shape == *shape) {
            let points = Vec::with_capacity(Self::MOST + 1);
            self.watched = Some(Watched { shape: Arc::clone(shape), axes, density: Self::DENSEST, points });
        }
    }

    /// The way that two parameters (flat indices) of a network of this shape took.
    pub fn way(&self, shape: &Shape, axes: [usize; 2]) -> Vec<WayPoint> {
        let whole = self.points.iter().filter(|point| *point.shape == *shape);
        let mut way: Vec<WayPoint> = whole
            .map(|point| WayPoint { step: point.step, at: axes.map(|axis| point.values[axis]), losses: point.losses })
            .collect();
        let watched = self.watched.as_ref().filter(|watched| watched.axes == axes && *watched.shape == *shape);
        let between: Vec<WayPoint> = watched
            .into_iter()
            .flat_map(|watched| &watched.points)
            .filter(|(step, _)| way.binary_search_by_key(step, |point| point.step).is_err())
            .map(|&(step, at)| WayPoint { step, at, losses: None })
            .collect();
        way.extend(between);
        way.sort_by_key(|point| point.step);
        way
    }

    /// The parameters after so many steps; steps that are known stay as they are.
    pub(crate) fn push(&mut self, step: u64, shape: &Arc<Shape>, values: &[f64]) {
        if let Some(watched) = &mut self.watched {
            watched.push(step, shape, values);
        }
        let is_known = self.points.last().is_some_and(|last| last.step >= step);
        if is_known || !is_kept(step, self.density) {
            return;
        }
        self.points.push(TrailPoint { step, shape: Arc::clone(shape), values: values.to_vec(), losses: None });
        let most = (Self::BYTES / (8 * values.len().max(1))).clamp(2, Self::MOST);
        while self.points.len() > most && self.density > 0 {
            self.density -= 1;
            let density = self.density;
            self.retain(|step| is_kept(step, density));
        }
        // Of the largest networks there is the start, and the last of what follows.
        while self.points.len() > most {
            let second = self.points[1].step;
            self.retain(|step| step != second);
        }
    }

    /// The parameters after so many steps are others from now on, and what came after is forgotten.
    pub(crate) fn cut(&mut self, step: u64, shape: &Arc<Shape>, values: &[f64]) {
        self.forget(step);
        self.push(step, shape, values);
    }

    /// Forgets the points from a step on.
    pub(crate) fn forget(&mut self, step: u64) {
        self.retain(|known| known < step);
        if let Some(watched) = &mut self.watched {
            watched.points.retain(|point| point.0 < step);
        }
    }

    fn retain(&mut self, keep: impl Fn(u64) -> bool) {
        self.points.retain(|point| keep(point.step));
        self.asked = self.asked.filter(|asked| keep(asked.step));
    }

    /// The point whose losses come next: a few all along the way first, then those between them.
    fn next(&self) -> Option<u64> {
        let ends = [self.points.len().checked_sub(1), Some(0)].into_iter().flatten();
        let along = [64, 16, 4, 1].into_iter().flat_map(|every| (0..self.points.len()).step_by(every));
        ends.chain(along).map(|at| &self.points[at]).find(|point| point.losses.is_none()).map(|point| point.step)
    }

    /// The step whose losses are computed by the next [`Trail::go_on`]; nothing when all are known.
    pub(crate) fn wanted(&self) -> Option<u64> {
        self.asked.map(|asked| asked.step).or_else(|| self.next())
    }

    /// Computes a few more samples' losses at the wanted step, with the set-up of that time.
    pub(crate) fn go_on(&mut self, setup: &Rc<Setup>) -> Result<(), Box<Diagnostic>> {
        let Some(step) = self.wanted() else { return Ok(()) };
        let Some(point) = self.points.iter_mut().find(|point| point.step == step) else { return Ok(()) };
        if self.worked.as_ref() != Some(&setup.shape) {
            (self.work, self.worked) = (Workspace::default(), Some(Arc::clone(&setup.shape)));
        }
        let mut asked = self.asked.take().unwrap_or(Asked { step, train: None, evaluation: Evaluation::default() });
        let data = if asked.train.is_none() { &setup.train } else { &setup.test };
        if let Err(problem) = asked.evaluation.go_on(setup, &point.values, data, &mut self.work) {
            point.losses = Some((f64::NAN, None));
            return Err(problem);
        }
        if asked.evaluation.is_over(data) {
            let mean = asked.evaluation.mean();
            if let Some(train) = asked.train {
                point.losses = Some((train, mean));
                return Ok(());
            }
            asked.train = Some(mean.unwrap_or(f64::NAN));
            asked.evaluation = Evaluation::default();
        }
        self.asked = Some(asked);
        Ok(())
    }
}

/// Whether a step is among those that are kept.
fn is_kept(step: u64, density: u32) -> bool {
    let octave = step.checked_ilog2().unwrap_or(0);
    step.is_multiple_of(1 << octave.saturating_sub(density))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(inputs: usize) -> Arc<Shape> {
        Arc::new(Shape::new(inputs, &[1]))
    }

    fn steps(trail: &Trail) -> Vec<u64> {
        trail.points().iter().map(|point| point.step).collect()
    }

    #[test]
    fn it_stays_bounded_and_true() {
        let shape = shape(1);
        let mut trail = Trail::new(&shape, &[0.0, 0.0]);
        for step in 1..=100_000 {
            trail.push(step, &shape, &[step as f64, -(step as f64)]);
        }
        let len = trail.points().len();
        assert!(len <= Trail::MOST && len > Trail::MOST / 4, "{len}");
        assert_eq!(trail.points()[0].step, 0);
        assert!(trail.points().iter().all(|point| point.values == [point.step as f64, -(point.step as f64)]));
        let steps = steps(&trail);
        assert!((0..64).all(|step| steps.contains(&step)), "the first steps are all there");
        let mut gaps = steps.windows(2);
        assert!(gaps.all(|pair| pair[1] - pair[0] <= (pair[0] / 32).max(1)), "no gap is wide for its step");
        assert!(*steps.last().expect("a point") > 98_000);
    }

    #[test]
    fn large_networks_have_few_points() {
        let values = vec![0.0; 1 << 20];
        let shape = shape((1 << 20) - 1);
        let mut trail = Trail::new(&shape, &values);
        for step in 1..20 {
            trail.push(step, &shape, &values);
        }
        assert!(trail.points().len() <= 2, "{}", trail.points().len());
    }

    #[test]
    fn two_parameters_that_are_looked_at_have_a_dense_way_also_in_large_networks() {
        let shape = shape((1 << 18) - 1);
        let mut values = vec![0.0; 1 << 18];
        let mut trail = Trail::new(&shape, &values);
        let mut go = |trail: &mut Trail, steps: std::ops::RangeInclusive<u64>| {
            for step in steps {
                (values[7], values[9]) = (step as f64, -(step as f64));
                trail.push(step, &shape, &values);
            }
        };
        go(&mut trail, 1..=50);
        assert!(trail.way(&shape, [7, 9]).len() <= 8);
        trail.watch(&shape, [7, 9]);
        go(&mut trail, 51..=200);
        let way = trail.way(&shape, [7, 9]);
        assert!(way.iter().all(|point| point.at == [point.step as f64, -(point.step as f64)]));
        assert!((51..=200).all(|step| way.iter().any(|point| point.step == step)), "each step from then on");
        assert!(way.is_sorted_by(|a, b| a.step < b.step));
        // Steps that are passed again fill the gaps, and a branch forgets what it left.
        go(&mut trail, 20..=30);
        assert!((20..=30).all(|step| trail.way(&shape, [7, 9]).iter().any(|point| point.step == step)));
        trail.forget(100);
        assert_eq!(trail.way(&shape, [7, 9]).last().map(|point| point.step), Some(99));
        // Others are known where all are.
        assert!(trail.way(&shape, [7, 8]).len() <= 8);
        trail.watch(&shape, [7, 9]);
        go(&mut trail, 100..=20_000);
        assert!(trail.way(&shape, [7, 9]).len() <= Trail::MOST + 8);
    }

    #[test]
    fn another_way_begins_where_it_is_cut_also_with_another_shape() {
        let (one, two) = (shape(0), shape(1));
        let mut trail = Trail::new(&one, &[0.0]);
        (1..=5).for_each(|step| trail.push(step, &one, &[1.0]));
        // Replayed steps are no new ones.
        trail.push(3, &one, &[9.0]);
        trail.cut(3, &two, &[2.0, 7.0]);
        trail.push(4, &two, &[2.5, 7.0]);
        assert_eq!(steps(&trail), [0, 1, 2, 3, 4]);
        let values: Vec<f64> = trail.points().iter().map(|point| point.values[0]).collect();
        assert_eq!(values, [0.0, 1.0, 1.0, 2.0, 2.5]);
        assert_eq!(trail.points().iter().filter(|point| point.shape == two).count(), 2);
    }

    #[test]
    fn both_ends_are_asked_for_first_and_then_all() {
        let shape = shape(0);
        let mut trail = Trail::new(&shape, &[0.0]);
        (1..=200).for_each(|step| trail.push(step, &shape, &[1.0]));
        let mut order = Vec::new();
        while let Some(step) = trail.wanted() {
            let point = trail.points.iter_mut().find(|point| point.step == step).expect("a point");
            point.losses = Some((0.0, None));
            order.push(step);
        }
        assert_eq!(order[..6], [200, 0, 64, 128, 192, 16]);
        assert_eq!(order.len(), 201);
    }
}
