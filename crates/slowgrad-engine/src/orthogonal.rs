//! Random orthogonal matrices, for orthogonal initialization (Saxe, McClelland and Ganguli 2014, "Exact solutions to
//! the nonlinear dynamics of learning in deep linear neural networks").
//!
//! Householder's QR decomposition of a matrix of normal numbers, with the signs that make the result uniformly
//! distributed (Mezzadri 2007, "How to generate random matrices from the classical compact groups"). Every sum runs in
//! index order with plain products, so a seed gives the same matrix on every machine.

use crate::rng::Rng;

/// A random matrix of `rows` × `columns`, row by row. Its columns are orthonormal, or its rows if there are fewer rows.
///
/// Before each pass over a vector, `spend` receives its length and may abort.
///
/// # Errors
/// The error of `spend`.
pub fn orthogonal<E>(
    rng: &mut Rng,
    rows: usize,
    columns: usize,
    mut spend: impl FnMut(usize) -> Result<(), E>,
) -> Result<Vec<Vec<f64>>, E> {
    let (long, short) = (rows.max(columns), rows.min(columns));
    let mut drawn = Vec::with_capacity(short);
    for _ in 0..short {
        spend(long)?;
        drawn.push((0..long).map(|_| rng.normal(0.0, 1.0)).collect::<Vec<f64>>());
    }
    // Each column becomes the Householder vector that clears it below the diagonal.
    let mut signs = Vec::with_capacity(short);
    for k in 0..short {
        spend(long)?;
        let (done, rest) = drawn.split_at_mut(k + 1);
        let v = &mut done[k][k..];
        let diagonal = if v[0] > 0.0 { -dot(v, v).sqrt() } else { dot(v, v).sqrt() };
        v[0] -= diagonal;
        signs.push(if diagonal < 0.0 { -1.0 } else { 1.0 });
        for column in rest {
            spend(2 * (long - k))?;
            reflect(v, &mut column[k..]);
        }
    }
    // Q is the product of the reflections: in reverse order, they are applied to the columns of the identity.
    let mut q = vec![vec![0.0; long]; short];
    for k in (0..short).rev() {
        q[k][k] = 1.0;
        for column in &mut q[k..] {
            spend(2 * (long - k))?;
            reflect(&drawn[k][k..], &mut column[k..]);
        }
    }
    for (column, sign) in q.iter_mut().zip(signs) {
        for x in column {
            *x *= sign;
        }
    }
    if rows < columns {
        return Ok(q);
    }
    Ok((0..rows).map(|row| q.iter().map(|column| column[row]).collect()).collect())
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    let mut sum = 0.0;
    for (x, y) in a.iter().zip(b) {
        sum += x * y;
    }
    sum
}

/// x − v · 2(v·x)/(v·v). A zero vector v leaves x unchanged.
fn reflect(v: &[f64], x: &mut [f64]) {
    let square = dot(v, v);
    if square > 0.0 {
        let along = 2.0 * dot(v, x) / square;
        for (x, v) in x.iter_mut().zip(v) {
            *x -= along * v;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Purpose;

    fn drawn(seed: u64, rows: usize, columns: usize) -> Vec<Vec<f64>> {
        let mut rng = Rng::new(seed, Purpose::Weights);
        orthogonal(&mut rng, rows, columns, |_| Ok::<(), ()>(())).expect("no abort")
    }

    #[test]
    fn the_fewer_of_rows_and_columns_are_orthonormal() {
        for (rows, columns) in [(1, 1), (5, 5), (9, 4), (4, 9), (1, 7), (7, 1)] {
            let matrix = drawn(3, rows, columns);
            assert_eq!((matrix.len(), matrix[0].len()), (rows, columns));
            let column = |j: usize| matrix.iter().map(|row| row[j]).collect::<Vec<f64>>();
            let short = rows.min(columns);
            let vector = |i: usize| if rows < columns { matrix[i].clone() } else { column(i) };
            for i in 0..short {
                for j in 0..short {
                    let expected = if i == j { 1.0 } else { 0.0 };
                    assert!((dot(&vector(i), &vector(j)) - expected).abs() < 1e-14, "{rows}×{columns}: {i}, {j}");
                }
            }
        }
    }

    #[test]
    fn the_distribution_is_uniform() {
        // Half of all uniformly distributed 2×2 matrices are rotations, and every entry has mean 0 and variance 1/2.
        let all: Vec<_> = (0..4000).map(|seed| drawn(seed, 2, 2)).collect();
        let mean = |of: &dyn Fn(&Vec<Vec<f64>>) -> f64| all.iter().map(of).sum::<f64>() / all.len() as f64;
        for (i, j) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
            assert!(mean(&|q| q[i][j]).abs() < 0.05, "{i}, {j}");
            assert!((mean(&|q| q[i][j] * q[i][j]) - 0.5).abs() < 0.03, "{i}, {j}");
        }
        assert!(mean(&|q| q[0][0] * q[1][1] - q[0][1] * q[1][0]).abs() < 0.06);
    }

    #[test]
    fn the_caller_can_abort_the_work() {
        let mut rng = Rng::new(1, Purpose::Weights);
        let mut left = 10_000_i64;
        let refused = orthogonal(&mut rng, 500, 400, |numbers| {
            left -= numbers as i64;
            if left < 0 { Err("too much") } else { Ok(()) }
        });
        assert_eq!(refused, Err("too much"));
    }
}
