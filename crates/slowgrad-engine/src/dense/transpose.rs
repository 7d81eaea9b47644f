//! Rows as columns.

use super::product::WORTH_A_THREAD;
use super::{Rows, vectorize};
use crate::work_sharing::{JOBS_A_THREAD, share};
use pulp::{Simd, WithSimd};

/// The first `columns` columns of rows as rows, close together in `to`.
pub fn transpose(from: impl Rows + Sync, columns: usize, to: &mut [f64], threads: usize) {
    let rows = to.len() / columns;
    // Moving a number takes about as long as multiplying a few.
    let threads = threads.min(32 * to.len() / WORTH_A_THREAD).max(1);
    let wide = columns.div_ceil(threads * JOBS_A_THREAD).next_multiple_of(BLOCK);
    share(threads, to.chunks_mut(wide * rows).enumerate(), |(part, to)| {
        vectorize(Turn { from, first: part * wide, rows, to });
    });
}

/// So many rows, from a column on, as columns.
struct Turn<'a, R> {
    from: R,
    first: usize,
    rows: usize,
    to: &'a mut [f64],
}

/// Rows and columns that are turned at once.
const BLOCK: usize = 8;

impl<R: Rows> WithSimd for Turn<'_, R> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Self { from, first, rows, to } = self;
        let columns = to.len() / rows;
        let (whole_rows, whole_columns) = (rows / BLOCK * BLOCK, columns / BLOCK * BLOCK);
        for row in (0..whole_rows).step_by(BLOCK) {
            for column in (0..whole_columns).step_by(BLOCK) {
                let mut block = [[0.0; BLOCK]; BLOCK];
                for (r, block) in block.iter_mut().enumerate() {
                    block.copy_from_slice(&from.numbers()[from.start(row + r) + first + column..][..BLOCK]);
                }
                for c in 0..BLOCK {
                    let mut turned = [0.0; BLOCK];
                    for r in 0..BLOCK {
                        turned[r] = block[r][c];
                    }
                    to[(column + c) * rows + row..][..BLOCK].copy_from_slice(&turned);
                }
            }
        }
        for row in 0..rows {
            let left = if row < whole_rows { whole_columns } else { 0 };
            for column in left..columns {
                to[column * rows + row] = from.numbers()[from.start(row) + first + column];
            }
        }
    }
}
