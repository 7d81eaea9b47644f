//! Matrix products: a tile of sums is held in registers, and the terms are processed in blocks that stay in the L1
//! cache (Goto and van de Geijn, "Anatomy of High-Performance Matrix Multiplication", 2008).

use super::matrix::{MAX_PACKED_SAMPLES, Matrix, MatrixMut, Rows};
use crate::work_sharing::{JOBS_PER_THREAD, run_jobs};
use pulp::{Simd, WithSimd};
use std::ops::Range;

/// `out[r][l] = Σₜ a[r][t] · b[t][l]` for all `rows` r and `lanes` l; if `TRANSPOSED`, with `a[t][r]` for `a[r][t]`.
#[derive(Clone, Copy)]
pub(super) struct MatrixProduct<'a, B, const TRANSPOSED: bool> {
    pub(super) a: Matrix<'a>,
    pub(super) terms: usize,
    pub(super) b: B,
    pub(super) rows: usize,
    pub(super) lanes: usize,
}

/// The last operation on each finished sum.
#[derive(Clone, Copy)]
pub(super) enum Epilogue<'a> {
    Keep,
    /// Adds one number per row.
    Add(&'a [f64]),
    /// Divides all sums by one number.
    Divide(f64),
}

/// Terms of one block. With the widest tile, its part of `b` fills half of a 32 KiB L1 cache.
const BLOCK_TERMS: usize = 64;
/// Rows of a tile. Enough to reuse each vector of `b`, and few enough that all sums stay in registers.
const TILE_ROWS: usize = 6;
/// Rows of a tile that is one vector wide.
const NARROW_TILE_ROWS: usize = 8;
/// Rows of the tiles for the rest. Two of them are faster than a full tile and two single rows.
const SMALL_TILE_ROWS: usize = 4;

/// Minimum number of multiplications per thread: some microseconds of work.
pub(super) const MIN_MULTIPLICATIONS_PER_THREAD: usize = 1 << 17;

#[inline(always)]
pub(super) fn run<S: Simd, B: Rows + Sync, const TRANSPOSED: bool>(
    simd: S,
    product: &MatrixProduct<'_, B, TRANSPOSED>,
    out: MatrixMut<'_>,
    epilogue: Epilogue<'_>,
    threads: usize,
) {
    if product.lanes <= MAX_PACKED_SAMPLES && out.stride == product.lanes && !matches!(epilogue, Epilogue::Divide(_)) {
        return Job::<_, TRANSPOSED, true> { product, out, epilogue }.with_simd(simd);
    }
    let threads = if threads < 2 {
        1
    } else {
        threads.min(product.rows * product.terms * product.lanes / MIN_MULTIPLICATIONS_PER_THREAD)
    };
    if threads > 1 {
        return run_on_threads(simd, product, out.numbers, out.stride, epilogue, threads);
    }
    // A call of its own, so that the step of a small network stays small. Inlined into it, the step was much slower.
    simd.vectorize(Job::<_, TRANSPOSED, false> { product, out, epilogue });
}

/// Splits the rows into jobs for several threads.
#[inline(never)]
fn run_on_threads<S: Simd, B: Rows + Sync, const TRANSPOSED: bool>(
    simd: S,
    product: &MatrixProduct<'_, B, TRANSPOSED>,
    out: &mut [f64],
    stride: usize,
    epilogue: Epilogue<'_>,
    threads: usize,
) {
    let rows_per_job = product.rows.div_ceil(threads * JOBS_PER_THREAD).next_multiple_of(SMALL_TILE_ROWS);
    let jobs = out.chunks_mut(rows_per_job * stride).take(product.rows.div_ceil(rows_per_job)).enumerate();
    run_jobs(threads, jobs, |(job, numbers)| {
        let first = job * rows_per_job;
        let rows = rows_per_job.min(product.rows - first);
        let from = first * if TRANSPOSED { 1 } else { product.a.stride };
        let a = Matrix { numbers: &product.a.numbers[from..], ..product.a };
        let product = MatrixProduct { a, rows, ..*product };
        let epilogue = match epilogue {
            Epilogue::Add(bias) => Epilogue::Add(&bias[first..]),
            other => other,
        };
        simd.vectorize(Job::<_, TRANSPOSED, false> { product: &product, out: MatrixMut { numbers, stride }, epilogue });
    });
}

/// A whole product. If `PACKED`, the rows of the result have no gaps, and their last vectors extend into the next row.
struct Job<'a, B, const TRANSPOSED: bool, const PACKED: bool> {
    product: &'a MatrixProduct<'a, B, TRANSPOSED>,
    out: MatrixMut<'a>,
    epilogue: Epilogue<'a>,
}

impl<B: Rows, const TRANSPOSED: bool, const PACKED: bool> WithSimd for Job<'_, B, TRANSPOSED, PACKED> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        let lanes = self.product.lanes;
        if PACKED {
            // As many vectors as `MAX_PACKED_SAMPLES` needs. Further variants would cost more code than they save time.
            return match S::F64_LANES {
                8.. => self.columns::<S, 2, true>(simd, 0, 2 * S::F64_LANES),
                4.. => self.columns::<S, 3, true>(simd, 0, 3 * S::F64_LANES),
                2.. => self.columns::<S, 6, true>(simd, 0, 6 * S::F64_LANES),
                // A unit without vectors has no lanes to fill.
                _ => (0..lanes).for_each(|lane| self.columns::<S, 1, true>(simd, lane, 1)),
            };
        }
        let mut lane = 0;
        // A wide vector unit has registers for more sums.
        if S::F64_LANES >= 8 {
            while lane + 4 * S::F64_LANES <= lanes {
                self.columns::<S, 4, true>(simd, lane, 4 * S::F64_LANES);
                lane += 4 * S::F64_LANES;
            }
        }
        while lane + 2 * S::F64_LANES <= lanes {
            self.columns::<S, 2, true>(simd, lane, 2 * S::F64_LANES);
            lane += 2 * S::F64_LANES;
        }
        while lane + S::F64_LANES <= lanes {
            self.columns::<S, 1, true>(simd, lane, S::F64_LANES);
            lane += S::F64_LANES;
        }
        if lane < lanes {
            self.columns::<S, 1, false>(simd, lane, lanes - lane);
        }
    }
}

impl<B: Rows, const TRANSPOSED: bool, const PACKED: bool> Job<'_, B, TRANSPOSED, PACKED> {
    /// All rows of `C` vectors of sums from `lane` on; if not `WHOLE`, of one partial vector.
    #[inline(always)]
    fn columns<S: Simd, const C: usize, const WHOLE: bool>(&mut self, simd: S, lane: usize, lanes: usize) {
        let (rows, terms) = (self.product.rows, self.product.terms);
        // Packed rows overwrite partial sums beyond their end, so their sums cannot be split into blocks.
        let block = if PACKED { terms } else { BLOCK_TERMS };
        let mut start = 0;
        while start < terms {
            let terms = start..terms.min(start + block);
            start += block;
            let mut row = 0;
            // A narrow tile needs more rows to hide the latency of an addition.
            while !PACKED && C == 1 && row + NARROW_TILE_ROWS <= rows {
                self.tile::<S, NARROW_TILE_ROWS, C, WHOLE>(simd, row, lane, lanes, terms.clone());
                row += NARROW_TILE_ROWS;
            }
            // Few samples go with few neurons, so packed products skip the full tile.
            while !PACKED && row + TILE_ROWS <= rows && row + 2 * SMALL_TILE_ROWS != rows {
                self.tile::<S, TILE_ROWS, C, WHOLE>(simd, row, lane, lanes, terms.clone());
                row += TILE_ROWS;
            }
            while row + SMALL_TILE_ROWS <= rows {
                self.tile::<S, SMALL_TILE_ROWS, C, WHOLE>(simd, row, lane, lanes, terms.clone());
                row += SMALL_TILE_ROWS;
            }
            while row < rows {
                self.tile::<S, 1, C, WHOLE>(simd, row, lane, lanes, terms.clone());
                row += 1;
            }
        }
    }

    /// A tile of `R` rows and `C` vectors of sums, over one block of the terms.
    #[allow(clippy::needless_range_loop, reason = "the rows are counted as in the formula")]
    #[inline(always)]
    fn tile<S: Simd, const R: usize, const C: usize, const WHOLE: bool>(
        &mut self,
        simd: S,
        row: usize,
        lane: usize,
        lanes: usize,
        terms: Range<usize>,
    ) {
        let Range { start, end } = terms;
        let MatrixProduct { a, terms, b, .. } = *self.product;
        let mut a = Factors::<R, TRANSPOSED>::new(a, row, start..end);
        let mut sum = [[simd.splat_f64s(0.0); C]; R];
        let mut from = 0;
        if start == 0 {
            let b = load::<S, C, WHOLE>(simd, &b.numbers()[b.start(0) + lane..][..lanes]);
            let a = a.of_term(0);
            for r in 0..R {
                let a = simd.splat_f64s(a[r]);
                for c in 0..C {
                    sum[r][c] = simd.mul_f64s(a, b[c]);
                }
            }
            from = 1;
        } else {
            for r in 0..R {
                sum[r] = load::<S, C, WHOLE>(simd, &self.out.numbers[(row + r) * self.out.stride + lane..][..lanes]);
            }
        }
        for t in from..end - start {
            let b = load::<S, C, WHOLE>(simd, &b.numbers()[b.start(start + t) + lane..][..lanes]);
            let a = a.of_term(t);
            for r in 0..R {
                let a = simd.splat_f64s(a[r]);
                for c in 0..C {
                    sum[r][c] = simd.mul_add_f64s(a, b[c], sum[r][c]);
                }
            }
        }
        for r in 0..R {
            let into = &mut self.out.numbers[(row + r) * self.out.stride + lane..][..lanes];
            match self.epilogue {
                Epilogue::Add(bias) if end == terms => {
                    let bias = simd.splat_f64s(bias[row + r]);
                    store::<S, C, WHOLE>(simd, into, sum[r].map(|sum| simd.add_f64s(sum, bias)));
                }
                Epilogue::Divide(by) if end == terms => {
                    let by = simd.splat_f64s(by);
                    store::<S, C, WHOLE>(simd, into, sum[r].map(|sum| simd.div_f64s(sum, by)));
                }
                _ => store::<S, C, WHOLE>(simd, into, sum[r]),
            }
        }
    }
}

/// The factors `a` of `R` rows, over one block of the terms.
struct Factors<'a, const R: usize, const TRANSPOSED: bool> {
    a: Matrix<'a>,
    /// Indices of the next factors.
    at: [usize; R],
    /// Each row's slice for the block, which saves a bounds check per term.
    slices: [&'a [f64]; R],
}

impl<'a, const R: usize, const TRANSPOSED: bool> Factors<'a, R, TRANSPOSED> {
    /// Only for the tiles in which large layers spend their time: with fewer rows, slicing takes longer than it saves.
    const SLICED: bool = R == TILE_ROWS && !TRANSPOSED;

    #[allow(clippy::needless_range_loop, reason = "the rows are counted as in the formula")]
    #[inline(always)]
    fn new(a: Matrix<'a>, row: usize, terms: Range<usize>) -> Self {
        let (row_step, term_step) = if TRANSPOSED { (1, a.stride) } else { (a.stride, 1) };
        let mut factors = Self { a, at: [0; R], slices: [&[]; R] };
        for r in 0..R {
            factors.at[r] = (row + r) * row_step + terms.start * term_step;
            if Self::SLICED {
                factors.slices[r] = &a.numbers[factors.at[r]..][..terms.len()];
            }
        }
        factors
    }

    /// The factors of the t-th term of the block. Terms must be requested in order.
    #[allow(clippy::needless_range_loop, reason = "as above")]
    #[inline(always)]
    fn of_term(&mut self, t: usize) -> [f64; R] {
        let mut factors = [0.0; R];
        for r in 0..R {
            if Self::SLICED {
                factors[r] = self.slices[r][t];
            } else {
                factors[r] = self.a.numbers[self.at[r]];
                self.at[r] += if TRANSPOSED { self.a.stride } else { 1 };
            }
        }
        factors
    }
}

/// Loads `C` whole vectors, or one partial vector.
#[inline(always)]
fn load<S: Simd, const C: usize, const WHOLE: bool>(simd: S, numbers: &[f64]) -> [S::f64s; C] {
    if !WHOLE {
        return [simd.partial_load_f64s(numbers); C];
    }
    let (vectors, _) = S::as_simd_f64s(numbers);
    std::array::from_fn(|c| vectors[c])
}

#[inline(always)]
fn store<S: Simd, const C: usize, const WHOLE: bool>(simd: S, into: &mut [f64], vectors: [S::f64s; C]) {
    if !WHOLE {
        return simd.partial_store_f64s(into, vectors[0]);
    }
    let (into, _) = S::as_mut_simd_f64s(into);
    into.copy_from_slice(&vectors);
}
