//! Products of matrices: a tile of sums is held in registers, and the terms are gone over in stretches that stay in the
//! nearest cache.

use super::{FEW_SAMPLES, Matrix, MatrixMut, Rows};
use crate::work_sharing::{JOBS_A_THREAD, share};
use pulp::{Simd, WithSimd};
use std::ops::Range;

/// `out[r][l] = Σₜ a[r][t] · b[t][l]`, for all `rows` r and all `lanes` l; where a is `TURNED`, of `a[t][r]`.
#[derive(Clone, Copy)]
pub(super) struct Sums<'a, B, const TURNED: bool> {
    pub(super) a: Matrix<'a>,
    pub(super) terms: usize,
    pub(super) b: B,
    pub(super) rows: usize,
    pub(super) lanes: usize,
}

/// What happens to a finished sum.
#[derive(Clone, Copy)]
pub(super) enum Last<'a> {
    Keep,
    /// Adds one number a row.
    Add(&'a [f64]),
    /// Divides all by one number.
    Divide(f64),
}

/// Terms of one stretch: with the widest tile, its part of `b` takes half of a small first cache.
const STRETCH: usize = 64;
/// Rows of a tile: with so many, a vector of `b` is used often enough, and all sums still have registers.
const TALL: usize = 6;
/// Rows of a tile that is one vector wide.
const TALLEST: usize = 8;
/// Rows of the tiles for what is left; two of them are better than a tall one and two single rows.
const SHORT: usize = 4;

/// Multiplications that are worth a thread: some microseconds.
pub(super) const WORTH_A_THREAD: usize = 1 << 17;

#[inline(always)]
pub(super) fn run<S: Simd, B: Rows + Sync, const TURNED: bool>(
    simd: S,
    sums: &Sums<'_, B, TURNED>,
    out: MatrixMut<'_>,
    last: Last<'_>,
    threads: usize,
) {
    if sums.lanes <= FEW_SAMPLES && out.stride == sums.lanes && !matches!(last, Last::Divide(_)) {
        return Job::<_, TURNED, true> { sums, out, last }.with_simd(simd);
    }
    let threads = if threads < 2 { 1 } else { threads.min(sums.rows * sums.terms * sums.lanes / WORTH_A_THREAD) };
    if threads > 1 {
        return run_shared(simd, sums, out.numbers, out.stride, last, threads);
    }
    // Apart, so that the step of a small network stays small itself: compiled into it, it was much slower.
    simd.vectorize(Job::<_, TURNED, false> { sums, out, last });
}

/// By several threads, each some rows at a time.
#[inline(never)]
fn run_shared<S: Simd, B: Rows + Sync, const TURNED: bool>(
    simd: S,
    sums: &Sums<'_, B, TURNED>,
    out: &mut [f64],
    stride: usize,
    last: Last<'_>,
    threads: usize,
) {
    let tall = sums.rows.div_ceil(threads * JOBS_A_THREAD).next_multiple_of(SHORT);
    let parts = out.chunks_mut(tall * stride).take(sums.rows.div_ceil(tall)).enumerate();
    share(threads, parts, |(part, numbers)| {
        let first = part * tall;
        let rows = tall.min(sums.rows - first);
        let from = first * if TURNED { 1 } else { sums.a.stride };
        let a = Matrix { numbers: &sums.a.numbers[from..], ..sums.a };
        let sums = Sums { a, rows, ..*sums };
        let last = match last {
            Last::Add(bias) => Last::Add(&bias[first..]),
            other => other,
        };
        simd.vectorize(Job::<_, TURNED, false> { sums: &sums, out: MatrixMut { numbers, stride }, last });
    });
}

/// All sums, where the rows of the result may lie so `CLOSE` together that vectors end in the next one.
struct Job<'a, B, const TURNED: bool, const CLOSE: bool> {
    sums: &'a Sums<'a, B, TURNED>,
    out: MatrixMut<'a>,
    last: Last<'a>,
}

impl<B: Rows, const TURNED: bool, const CLOSE: bool> WithSimd for Job<'_, B, TURNED, CLOSE> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        let lanes = self.sums.lanes;
        if CLOSE {
            // As many vectors as the most samples need: other numbers of them would be more code than they save time.
            return match S::F64_LANES {
                8.. => self.columns::<S, 2, true>(simd, 0, 2 * S::F64_LANES),
                4.. => self.columns::<S, 3, true>(simd, 0, 3 * S::F64_LANES),
                2.. => self.columns::<S, 6, true>(simd, 0, 6 * S::F64_LANES),
                // Without vectors there is nothing to fill.
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

impl<B: Rows, const TURNED: bool, const CLOSE: bool> Job<'_, B, TURNED, CLOSE> {
    /// All sums of `C` vectors of lanes from a lane on, whole ones or, where there is but one, a part of it.
    #[inline(always)]
    fn columns<S: Simd, const C: usize, const WHOLE: bool>(&mut self, simd: S, lane: usize, lanes: usize) {
        let (rows, terms) = (self.sums.rows, self.sums.terms);
        // What lies beyond a row that is close to the next is lost, so sums over few samples are made in one go.
        let stretch = if CLOSE { terms } else { STRETCH };
        let mut start = 0;
        while start < terms {
            let terms = start..terms.min(start + stretch);
            start += stretch;
            let mut row = 0;
            // Sums that are few do not hide the time that one addition takes.
            while !CLOSE && C == 1 && row + TALLEST <= rows {
                self.tile::<S, TALLEST, C, WHOLE>(simd, row, lane, lanes, terms.clone());
                row += TALLEST;
            }
            // Few samples come with few neurons.
            while !CLOSE && row + TALL <= rows && row + 2 * SHORT != rows {
                self.tile::<S, TALL, C, WHOLE>(simd, row, lane, lanes, terms.clone());
                row += TALL;
            }
            while row + SHORT <= rows {
                self.tile::<S, SHORT, C, WHOLE>(simd, row, lane, lanes, terms.clone());
                row += SHORT;
            }
            while row < rows {
                self.tile::<S, 1, C, WHOLE>(simd, row, lane, lanes, terms.clone());
                row += 1;
            }
        }
    }

    /// `R` rows of `C` vectors of sums, over one stretch of the terms.
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
        let Sums { a, terms, b, .. } = *self.sums;
        let mut a = Factors::<R, TURNED>::new(a, row, start..end);
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
            match self.last {
                Last::Add(bias) if end == terms => {
                    let bias = simd.splat_f64s(bias[row + r]);
                    store::<S, C, WHOLE>(simd, into, sum[r].map(|sum| simd.add_f64s(sum, bias)));
                }
                Last::Divide(by) if end == terms => {
                    let by = simd.splat_f64s(by);
                    store::<S, C, WHOLE>(simd, into, sum[r].map(|sum| simd.div_f64s(sum, by)));
                }
                _ => store::<S, C, WHOLE>(simd, into, sum[r]),
            }
        }
    }
}

/// The factors of `R` rows, over one stretch of the terms.
struct Factors<'a, const R: usize, const TURNED: bool> {
    a: Matrix<'a>,
    /// Where the next ones are.
    at: [usize; R],
    /// Rows that are cut to the stretch, so that it need not be asked for each term whether there are so many.
    cut: [&'a [f64]; R],
}

impl<'a, const R: usize, const TURNED: bool> Factors<'a, R, TURNED> {
    /// Only where large layers spend their time: for fewer rows, cutting takes longer than it saves.
    const ARE_CUT: bool = R == TALL && !TURNED;

    #[allow(clippy::needless_range_loop, reason = "the rows are counted as in the formula")]
    #[inline(always)]
    fn new(a: Matrix<'a>, row: usize, terms: Range<usize>) -> Self {
        let (apart, term) = if TURNED { (1, a.stride) } else { (a.stride, 1) };
        let mut made = Self { a, at: [0; R], cut: [&[]; R] };
        for r in 0..R {
            made.at[r] = (row + r) * apart + terms.start * term;
            if Self::ARE_CUT {
                made.cut[r] = &a.numbers[made.at[r]..][..terms.len()];
            }
        }
        made
    }

    /// Those of the t-th term of the stretch; the terms are asked for one after the other.
    #[allow(clippy::needless_range_loop, reason = "as above")]
    #[inline(always)]
    fn of_term(&mut self, t: usize) -> [f64; R] {
        let mut factors = [0.0; R];
        for r in 0..R {
            if Self::ARE_CUT {
                factors[r] = self.cut[r][t];
            } else {
                factors[r] = self.a.numbers[self.at[r]];
                self.at[r] += if TURNED { self.a.stride } else { 1 };
            }
        }
        factors
    }
}

/// Numbers as vectors, whole ones or a part of one.
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
