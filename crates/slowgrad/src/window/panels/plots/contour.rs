//! Lines of one height over a grid of numbers.

/// The pieces of the line at a level, in units of the grid. Between two neighbouring places the line crosses where
/// a straight edge would.
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
                // A saddle: the middle decides which corners belong together.
                [a, b, c, d] => {
                    let is_low = heights.iter().sum::<f64>() / 4.0 < level;
                    if is_low == (heights[0] < level) {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bowls_lines_are_circles() {
        let side = 41;
        let values: Vec<f64> = (0..side * side)
            .map(|i| {
                let (x, y) = ((i % side) as f64 - 20.0, (i / side) as f64 - 20.0);
                x * x + y * y
            })
            .collect();
        let pieces = segments(side, &values, 144.0);
        assert!(pieces.len() > 60);
        for [x, y] in pieces.into_iter().flatten() {
            let radius = ((x - 20.0) * (x - 20.0) + (y - 20.0) * (y - 20.0)).sqrt();
            assert!((radius - 12.0).abs() < 0.03, "{radius}");
        }
    }

    #[test]
    fn saddles_are_parted_and_gaps_have_no_line() {
        let saddle = [1.0, -1.0, -1.0, 1.0];
        assert_eq!(segments(2, &saddle, 0.0).len(), 2);
        assert!(segments(2, &[1.0, f64::NAN, -1.0, 1.0], 0.0).is_empty());
        assert!(segments(2, &[1.0; 4], 0.0).is_empty());
    }
}
