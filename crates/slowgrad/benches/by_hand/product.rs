//! Matrix products in register tiles.

use super::{LANES, Vector};
use pulp::{Simd, WithSimd};
use slowgrad_tape::isa::{self, Isa};
use slowgrad_tape::math;

/// `out[r][l] = (Σₜ a[r·row + t·term] · b[t][l] + bias[r]) · scale`.
pub(crate) struct Product<'a> {
    pub(crate) a: &'a [f64],
    pub(crate) row: usize,
    pub(crate) term: usize,
    pub(crate) terms: usize,
    pub(crate) b: &'a [f64],
    pub(crate) stride: usize,
    /// One number per row, or empty.
    pub(crate) bias: &'a [f64],
    pub(crate) scale: f64,
}

/// A small product, inlined into the step.
#[inline(always)]
pub(crate) fn small(product: &Product<'_>, out: &mut [f64], stride: usize, rows: usize, lanes: usize) {
    let mut lane = 0;
    while lane + 4 * LANES <= lanes {
        columns::<4, 4>(product, out, stride, rows, lane);
        lane += 4 * LANES;
    }
    while lane + 2 * LANES <= lanes {
        columns::<4, 2>(product, out, stride, rows, lane);
        lane += 2 * LANES;
    }
    while lane < lanes {
        columns::<1, 1>(product, out, stride, rows, lane);
        lane += LANES;
    }
}

#[inline(always)]
fn columns<const R: usize, const C: usize>(
    product: &Product<'_>,
    out: &mut [f64],
    stride: usize,
    rows: usize,
    lane: usize,
) {
    let mut r = 0;
    while r + R <= rows {
        tile::<R, C>(product, out, stride, r, lane);
        r += R;
    }
    while R > 2 && r + 2 <= rows {
        tile::<2, C>(product, out, stride, r, lane);
        r += 2;
    }
    while r < rows {
        tile::<1, C>(product, out, stride, r, lane);
        r += 1;
    }
}

#[inline(always)]
fn tile<const R: usize, const C: usize>(product: &Product<'_>, out: &mut [f64], stride: usize, r0: usize, lane: usize) {
    let mut sums = [[[0.0; LANES]; C]; R];
    for t in 0..product.terms {
        let mut b: [Vector; C] = [[0.0; LANES]; C];
        b.copy_from_slice(&product.b[t * product.stride + lane..][..C * LANES].as_chunks::<LANES>().0[..C]);
        for r in 0..R {
            let a = product.a[(r0 + r) * product.row + t * product.term];
            for c in 0..C {
                for i in 0..LANES {
                    sums[r][c][i] = math::fma(a, b[c][i], sums[r][c][i]);
                }
            }
        }
    }
    for r in 0..R {
        let bias = if product.bias.is_empty() { 0.0 } else { product.bias[r0 + r] };
        let into = &mut out[(r0 + r) * stride + lane..][..C * LANES].as_chunks_mut::<LANES>().0[..C];
        for c in 0..C {
            for i in 0..LANES {
                into[c][i] = (sums[r][c][i] + bias) * product.scale;
            }
        }
    }
}

/// A large product, with explicit vectors, and with blocks of terms whose part of `b` stays in the L1 cache. The number
/// of lanes is a multiple of the vector length.
pub(crate) fn large(product: &Product<'_>, out: &mut [f64], stride: usize, rows: usize, lanes: usize) {
    let job = LargeProduct { product, out, stride, rows, lanes };
    #[cfg(target_arch = "x86_64")]
    {
        use pulp::x86::{V3, V4};
        match (isa::current(), V4::try_new(), V3::try_new()) {
            (Isa::Avx512, Some(unit), _) => return Simd::vectorize(unit, job),
            (Isa::Avx2, _, Some(unit)) => return Simd::vectorize(unit, job),
            _ => {}
        }
    }
    Simd::vectorize(pulp::Scalar, job);
}

struct LargeProduct<'a> {
    product: &'a Product<'a>,
    out: &'a mut [f64],
    stride: usize,
    rows: usize,
    lanes: usize,
}

/// The number of terms in a block.
const BLOCK_TERMS: usize = 128;

impl WithSimd for LargeProduct<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        let n = S::F64_LANES;
        let mut lane = 0;
        while n >= 8 && lane + 4 * n <= self.lanes {
            self.columns::<S, 6, 4>(simd, lane);
            lane += 4 * n;
        }
        while n == 4 && lane + 3 * n <= self.lanes {
            self.columns::<S, 4, 3>(simd, lane);
            lane += 3 * n;
        }
        while lane + 2 * n <= self.lanes {
            self.columns::<S, 4, 2>(simd, lane);
            lane += 2 * n;
        }
        while lane < self.lanes {
            self.columns::<S, 4, 1>(simd, lane);
            lane += n;
        }
    }
}

impl LargeProduct<'_> {
    #[inline(always)]
    fn columns<S: Simd, const R: usize, const C: usize>(&mut self, simd: S, lane: usize) {
        for start in (0..self.product.terms).step_by(BLOCK_TERMS) {
            let end = self.product.terms.min(start + BLOCK_TERMS);
            let mut r = 0;
            while r + R <= self.rows {
                self.tile::<S, R, C>(simd, r, lane, start, end);
                r += R;
            }
            while r + 2 <= self.rows {
                self.tile::<S, 2, C>(simd, r, lane, start, end);
                r += 2;
            }
            while r < self.rows {
                self.tile::<S, 1, C>(simd, r, lane, start, end);
                r += 1;
            }
        }
    }

    #[inline(always)]
    fn tile<S: Simd, const R: usize, const C: usize>(
        &mut self,
        simd: S,
        r0: usize,
        lane: usize,
        start: usize,
        end: usize,
    ) {
        let Product { a, row, term, terms, b, stride, bias, scale } = *self.product;
        let width = C * S::F64_LANES;
        let mut sums = [[simd.splat_f64s(0.0); C]; R];
        if start > 0 {
            for r in 0..R {
                let (before, _) = S::as_simd_f64s(&self.out[(r0 + r) * self.stride + lane..][..width]);
                sums[r].copy_from_slice(before);
            }
        }
        let mut a_at = [0; R];
        for r in 0..R {
            a_at[r] = (r0 + r) * row + start * term;
        }
        let mut b_at = start * stride + lane;
        for _ in start..end {
            let (vectors, _) = S::as_simd_f64s(&b[b_at..][..width]);
            let mut b = [simd.splat_f64s(0.0); C];
            b.copy_from_slice(vectors);
            for r in 0..R {
                let a = simd.splat_f64s(a[a_at[r]]);
                for c in 0..C {
                    sums[r][c] = simd.mul_add_f64s(a, b[c], sums[r][c]);
                }
                a_at[r] += term;
            }
            b_at += stride;
        }
        for r in 0..R {
            if end == terms {
                let bias = simd.splat_f64s(if bias.is_empty() { 0.0 } else { bias[r0 + r] });
                let scale = simd.splat_f64s(scale);
                for c in 0..C {
                    sums[r][c] = simd.mul_f64s(simd.add_f64s(sums[r][c], bias), scale);
                }
            }
            let (into, _) = S::as_mut_simd_f64s(&mut self.out[(r0 + r) * self.stride + lane..][..width]);
            into.copy_from_slice(&sums[r]);
        }
    }
}
