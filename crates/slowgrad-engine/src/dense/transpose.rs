//! Transposition of matrices.

use super::matrix::Rows;
use super::product::MIN_MULTIPLICATIONS_PER_THREAD;
use super::vectorize::vectorize;
use crate::work_sharing::{JOBS_PER_THREAD, run_jobs};
use pulp::{Simd, WithSimd};

/// Transposes the first `columns` columns of `from` into `to`, as rows without gaps: `to[column][row] =
/// from[row][column]`. The number of rows follows from the length of `to`. Uses at most `threads` threads.
pub fn transpose(from: impl Rows + Sync, columns: usize, to: &mut [f64], threads: usize) {
    let rows = to.len() / columns;
    // Moving a number takes about as long as 32 multiplications.
    let threads = threads.min(32 * to.len() / MIN_MULTIPLICATIONS_PER_THREAD).max(1);
    let columns_per_job = columns.div_ceil(threads * JOBS_PER_THREAD).next_multiple_of(BLOCK);
    run_jobs(threads, to.chunks_mut(columns_per_job * rows).enumerate(), |(job, to)| {
        vectorize(TransposeJob { from, first: job * columns_per_job, rows, to });
    });
}

/// The transposition of some columns, from `first` on.
struct TransposeJob<'a, R> {
    from: R,
    first: usize,
    rows: usize,
    to: &'a mut [f64],
}

/// Rows and columns of a block that is transposed in registers.
const BLOCK: usize = 8;

impl<R: Rows> WithSimd for TransposeJob<'_, R> {
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
                    let mut transposed = [0.0; BLOCK];
                    for r in 0..BLOCK {
                        transposed[r] = block[r][c];
                    }
                    to[(column + c) * rows + row..][..BLOCK].copy_from_slice(&transposed);
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
