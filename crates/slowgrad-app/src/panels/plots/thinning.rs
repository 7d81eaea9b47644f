//! Curves with fewer points than pixels, in which no peak is lost.
//!
//! It must not know how a curve is drawn.

use slowgrad_engine::run::LossPoint;

/// The points of a curve, at most about `max_points` of them. Of each part of a longer curve its lowest and its highest
/// point remain, and the last point always does. Losses that are not finite are left out.
pub(crate) fn thinned(curve: &[LossPoint], max_points: usize) -> Vec<[f64; 2]> {
    let at = |point: &LossPoint| [point.step as f64, point.loss];
    let finite = |point: &&LossPoint| point.loss.is_finite();
    if curve.len() <= max_points {
        return curve.iter().filter(finite).map(at).collect();
    }
    let part = (2 * curve.len()).div_ceil(max_points).max(2);
    let mut points = Vec::with_capacity(max_points + 2);
    for part in curve.chunks(part) {
        let ends = part.iter().filter(finite).fold(None, |ends: Option<[&LossPoint; 2]>, point| {
            let [lowest, highest] = ends.unwrap_or([point; 2]);
            let lowest = if point.loss < lowest.loss { point } else { lowest };
            Some([lowest, if point.loss > highest.loss { point } else { highest }])
        });
        let Some(mut ends) = ends else { continue };
        ends.sort_by_key(|point| point.step);
        points.push(at(ends[0]));
        if ends[1].step != ends[0].step {
            points.push(at(ends[1]));
        }
    }
    let last = curve.last().filter(finite).map(at);
    points.extend(last.filter(|last| points.last() != Some(last)));
    points
}

#[cfg(test)]
mod tests {
    use super::*;

    fn curve(losses: impl IntoIterator<Item = f64>) -> Vec<LossPoint> {
        (1..).zip(losses).map(|(step, loss)| LossPoint { step, loss }).collect()
    }

    #[test]
    fn peaks_and_the_last_point_remain() {
        let mut losses = vec![1.0; 10_000];
        (losses[1234], losses[7777], losses[9999]) = (50.0, -3.0, 0.5);
        let points = thinned(&curve(losses), 600);
        assert!(points.len() <= 602, "{}", points.len());
        for expected in [[1235.0, 50.0], [7778.0, -3.0], [10_000.0, 0.5]] {
            assert!(points.contains(&expected), "{expected:?}");
        }
        assert!(points.is_sorted_by(|a, b| a[0] < b[0]));
    }

    #[test]
    fn short_curves_are_whole_and_only_finite_losses_are_drawn() {
        let losses = [1.0, f64::NAN, 0.5, f64::INFINITY];
        assert_eq!(thinned(&curve(losses), 600), [[1.0, 1.0], [3.0, 0.5]]);
        let long = (0..5000).map(|n| if n < 4000 { 1.0 } else { f64::NAN });
        let points = thinned(&curve(long), 100);
        assert!(points.len() <= 102 && points.iter().all(|point| point[1] == 1.0));
    }
}
