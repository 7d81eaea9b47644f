//! The losses of a run's steps in bounded memory, in which no peak is lost.

/// One point of the loss curve.
#[derive(Debug, Clone, Copy)]
pub struct LossPoint {
    /// The step, from 1.
    pub step: u64,
    /// The mean loss over the step's batch, before its update and without any penalty.
    pub loss: f64,
}

impl PartialEq for LossPoint {
    /// Compares bit patterns, so that NaN equals NaN.
    fn eq(&self, other: &Self) -> bool {
        (self.step, self.loss.to_bits()) == (other.step, other.loss.to_bits())
    }
}

/// A loss curve in bounded memory. Steps are grouped into blocks; of each block the lowest and the highest loss remain, and
/// the last point always does. Blocks get longer when there are too many points.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct LossCurve {
    points: Vec<LossPoint>,
    /// The number of steps in a block, a power of two.
    block: u64,
}

impl LossCurve {
    const MAX_POINTS: usize = 8192;

    /// A curve from stored points, which must be in order of their steps.
    pub fn from_points(points: Vec<LossPoint>) -> Self {
        // Each block has about two points.
        let span = points.last().map_or(0, |last| last.step - points[0].step);
        let block = 1 << (2 * span / points.len().max(1) as u64).checked_ilog2().unwrap_or(0);
        Self { points, block }
    }

    /// The points in order of their steps.
    pub fn points(&self) -> &[LossPoint] {
        &self.points
    }

    /// Adds the loss of the next step. Steps before the last point are known.
    pub(super) fn push(&mut self, point: LossPoint) {
        self.block = self.block.max(1);
        if let Some(last) = self.points.last() {
            if last.step >= point.step {
                return;
            }
            // Now the last point remains only as an end of its block.
            let block = self.block_of(last);
            let others = self.points.iter().rev().take_while(|point| self.block_of(point) == block).count();
            if others > 2 {
                let from = self.points.len() - others;
                let kept = ends(&self.points[from..]);
                self.points[from] = self.points[from + kept[0]];
                self.points[from + 1] = self.points[from + kept[1]];
                self.points.truncate(from + 2);
            }
        }
        self.points.push(point);
        while self.points.len() > Self::MAX_POINTS {
            self.block *= 2;
            self.compact();
        }
    }

    pub(super) fn truncate(&mut self, step: u64) {
        self.points.retain(|point| point.step <= step);
    }

    /// Drops the points before a step.
    pub(super) fn drop_before(&mut self, step: u64) {
        self.points.retain(|point| point.step >= step);
    }

    fn block_of(&self, point: &LossPoint) -> u64 {
        (point.step - 1) / self.block
    }

    /// Keeps the ends of each block.
    fn compact(&mut self) {
        let Some(last) = self.points.pop() else { return };
        let (mut from, mut kept) = (0, 0);
        while from < self.points.len() {
            let block = self.block_of(&self.points[from]);
            let len = self.points[from..].iter().take_while(|point| self.block_of(point) == block).count();
            let ends = ends(&self.points[from..from + len]);
            for end in &ends[..len.min(2)] {
                self.points[kept] = self.points[from + end];
                kept += 1;
            }
            from += len;
        }
        self.points.truncate(kept);
        self.points.push(last);
    }
}

/// The indices of the lowest and the highest loss, in order. A loss that is not a number is the highest. Two points are both
/// ends, so that no step is lost early.
fn ends(points: &[LossPoint]) -> [usize; 2] {
    if points.len() <= 2 {
        return [0, 1];
    }
    let height = |at: &usize| if points[*at].loss.is_nan() { f64::INFINITY } else { points[*at].loss };
    let all = || 0..points.len();
    let by_height = |a: &usize, b: &usize| height(a).total_cmp(&height(b));
    let lowest = all().min_by(by_height).unwrap_or(0);
    // If all losses are equal the last point is the other end.
    let highest = all().filter(|at| *at != lowest).max_by(by_height).unwrap_or(0);
    [lowest.min(highest), lowest.max(highest)]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn curve(losses: impl IntoIterator<Item = f64>) -> LossCurve {
        let mut curve = LossCurve::default();
        for (step, loss) in (1..).zip(losses) {
            curve.push(LossPoint { step, loss });
        }
        curve
    }

    #[test]
    fn short_curves_are_whole_and_long_ones_keep_their_peaks() {
        let whole = curve((0..8000).map(f64::from));
        assert_eq!(whole.points().len(), 8000);
        let steps = 300_000;
        // A loss that depends on the sample: every 256th step has another one.
        let losses = (0..steps).map(|at| match at {
            123_456 => 99.0,
            234_567 => -1.0,
            200_001 => f64::NAN,
            _ if at % 256 == 0 => 5.0,
            _ => 1.0 + f64::from(at % 7),
        });
        let long = curve(losses);
        let points = long.points();
        assert!((2000..=LossCurve::MAX_POINTS).contains(&points.len()), "{}", points.len());
        assert!(points.is_sorted_by(|a, b| a.step < b.step));
        let at = |step: u64| points.iter().any(|point| point.step == step);
        assert!(at(123_457) && at(234_568) && at(200_002) && at(u64::from(steps as u32)));
        // Everywhere the curve reaches from the lowest to the highest loss.
        for part in points.chunks(64).filter(|part| part.len() == 64) {
            let (low, high) =
                part.iter().fold((f64::MAX, f64::MIN), |(low, high), p| (low.min(p.loss), high.max(p.loss)));
            assert!(low <= 1.0 && high >= 7.0, "{low} to {high}");
        }
    }

    #[test]
    fn a_curve_continues_after_its_points_are_stored_or_cut() {
        let losses = |from: u64, to: u64| (from..=to).map(|step| LossPoint { step, loss: (step * 7919 % 1000) as f64 });
        let whole = {
            let mut curve = LossCurve::default();
            losses(1, 60_000).for_each(|point| curve.push(point));
            curve
        };
        let mut stored = LossCurve::default();
        losses(1, 30_000).for_each(|point| stored.push(point));
        let mut stored = LossCurve::from_points(stored.points().to_vec());
        losses(30_001, 60_000).for_each(|point| stored.push(point));
        assert_eq!(stored, whole);
        let mut cut = whole.clone();
        cut.truncate(20_000);
        assert!(cut.points().last().is_some_and(|last| last.step > 19_900 && last.step <= 20_000));
        losses(19_000, 60_000).for_each(|point| cut.push(point));
        assert_eq!(cut.points().last(), whole.points().last());
        assert!(cut.points().is_sorted_by(|a, b| a.step < b.step));
    }
}
