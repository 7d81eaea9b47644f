//! Contour lines over a grid of numbers, by marching squares.

use std::collections::{HashMap, VecDeque};

/// The segments of the contour line at a level, in units of the grid. Crossings are interpolated linearly.
pub(super) fn segments(side: usize, values: &[f64], level: f64) -> Vec<[[f64; 2]; 2]> {
    let mut pieces = Vec::new();
    let value = |column: usize, row: usize| values[row * side + column];
    for row in 0..side - 1 {
        for column in 0..side - 1 {
            let corners = [(column, row), (column + 1, row), (column + 1, row + 1), (column, row + 1)];
            let heights = corners.map(|(column, row)| value(column, row));
            if !heights.iter().all(|height| height.is_finite()) {
                continue;
            }
            let mut crossings = Vec::with_capacity(4);
            for edge in 0..4 {
                let (a, b) = (heights[edge], heights[(edge + 1) % 4]);
                if (a < level) != (b < level) {
                    let share = (level - a) / (b - a);
                    let ((ax, ay), (bx, by)) = (corners[edge], corners[(edge + 1) % 4]);
                    let at = |a: usize, b: usize| a as f64 + share * (b as f64 - a as f64);
                    crossings.push([at(ax, bx), at(ay, by)]);
                }
            }
            match crossings[..] {
                [a, b] => pieces.push([a, b]),
                // A saddle: the mean decides which corners are connected.
                [a, b, c, d] => {
                    let low = heights.iter().sum::<f64>() / 4.0 < level;
                    if low == (heights[0] < level) {
                        pieces.extend([[a, b], [c, d]]);
                    } else {
                        pieces.extend([[a, d], [b, c]]);
                    }
                }
                _ => {}
            }
        }
    }
    pieces
}

/// Joins segments into lines, so that dashes continue across segments.
pub(super) fn chains(pieces: &[[[f64; 2]; 2]]) -> Vec<Vec<[f64; 2]>> {
    /// Both cells at an edge compute the same crossing up to rounding.
    const CROSSINGS_PER_UNIT: f64 = 1e6;
    let key = |place: [f64; 2]| place.map(|x| (x * CROSSINGS_PER_UNIT).round() as i64);
    let mut at: HashMap<[i64; 2], Vec<usize>> = HashMap::new();
    for (nth, piece) in pieces.iter().enumerate() {
        for end in piece {
            at.entry(key(*end)).or_default().push(nth);
        }
    }
    let mut used = vec![false; pieces.len()];
    let mut lines = Vec::new();
    for start in 0..pieces.len() {
        if std::mem::replace(&mut used[start], true) {
            continue;
        }
        let mut line = VecDeque::from(pieces[start]);
        for forward in [true, false] {
            while let Some(&end) = if forward { line.back() } else { line.front() }
                && let Some(&next) = at.get(&key(end)).and_then(|found| found.iter().find(|nth| !used[**nth]))
            {
                used[next] = true;
                let [a, b] = pieces[next];
                let other = if key(a) == key(end) { b } else { a };
                if forward {
                    line.push_back(other);
                } else {
                    line.push_front(other);
                }
            }
        }
        lines.push(line.into());
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIDE: usize = 41;

    /// The squared distance from a centre.
    fn bowl(middle: [f64; 2]) -> Vec<f64> {
        let square = |at: usize, middle: f64| (at as f64 - middle) * (at as f64 - middle);
        (0..SIDE * SIDE).map(|i| square(i % SIDE, middle[0]) + square(i / SIDE, middle[1])).collect()
    }

    #[test]
    fn pieces_of_a_circle_make_one_line() {
        let pieces = segments(SIDE, &bowl([20.0, 19.0]), 150.0);
        let lines = chains(&pieces);
        assert_eq!(lines.len(), 1);
        assert_eq!(lines[0].len(), pieces.len() + 1);
        let saddle = segments(2, &[1.0, -1.0, -1.0, 1.0], 0.0);
        assert_eq!(chains(&saddle).len(), 2);
        assert!(chains(&[]).is_empty());
    }

    #[test]
    fn contour_lines_of_a_bowl_are_circles() {
        let pieces = segments(SIDE, &bowl([20.0, 20.0]), 144.0);
        assert!(pieces.len() > 60);
        for [x, y] in pieces.into_iter().flatten() {
            let radius = ((x - 20.0) * (x - 20.0) + (y - 20.0) * (y - 20.0)).sqrt();
            assert!((radius - 12.0).abs() < 0.03, "{radius}");
        }
    }

    #[test]
    fn saddles_are_split_and_gaps_have_no_line() {
        let saddle = [1.0, -1.0, -1.0, 1.0];
        assert_eq!(segments(2, &saddle, 0.0).len(), 2);
        assert!(segments(2, &[1.0, f64::NAN, -1.0, 1.0], 0.0).is_empty());
        assert!(segments(2, &[1.0; 4], 0.0).is_empty());
    }
}
