//! Products of matrices, in tiles that stay in registers.

use super::{L, V};
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
    /// One number a row, or none at all.
    pub(crate) bias: &'a [f64],
    pub(crate) scale: f64,
}

/// For few numbers: compiled into the step.
#[inline(always)]
pub(crate) fn small(product: &Product<'_>, out: &mut [f64], stride: usize, rows: usize, lanes: usize) {
    let mut lane = 0;
    while lane + 4 * L <= lanes {
        columns::<4, 4>(product, out, stride, rows, lane);
        lane += 4 * L;
    }
    while lane + 2 * L <= lanes {
        columns::<4, 2>(product, out, stride, rows, lane);
        lane += 2 * L;
    }
    while lane < lanes {
        columns::<1, 1>(product, out, stride, rows, lane);
        lane += L;
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
    let mut sums = [[[0.0; L]; C]; R];
    for t in 0..product.terms {
        let mut b: [V; C] = [[0.0; L]; C];
        b.copy_from_slice(&product.b[t * product.stride + lane..][..C * L].as_chunks::<L>().0[..C]);
        for r in 0..R {
            let a = product.a[(r0 + r) * product.row + t * product.term];
            for c in 0..C {
                for i in 0..L {
                    sums[r][c][i] = math::fma(a, b[c][i], sums[r][c][i]);
                }
            }
        }
    }
    for r in 0..R {
        let bias = if product.bias.is_empty() { 0.0 } else { product.bias[r0 + r] };
        let into = &mut out[(r0 + r) * stride + lane..][..C * L].as_chunks_mut::<L>().0[..C];
        for c in 0..C {
            for i in 0..L {
                into[c][i] = (sums[r][c][i] + bias) * product.scale;
            }
        }
    }
}

/// For many numbers: vectors by hand, and terms in stretches whose part of `b` stays in the first cache. The lanes are
/// whole vectors.
pub(crate) fn large(product: &Product<'_>, out: &mut [f64], stride: usize, rows: usize, lanes: usize) {
    let job = Large { product, out, stride, rows, lanes };
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

struct Large<'a> {
    product: &'a Product<'a>,
    out: &'a mut [f64],
    stride: usize,
    rows: usize,
    lanes: usize,
}

/// Terms of one stretch.
const STRETCH: usize = 128;

impl WithSimd for Large<'_> {
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

impl Large<'_> {
    #[inline(always)]
    fn columns<S: Simd, const R: usize, const C: usize>(&mut self, simd: S, lane: usize) {
        for start in (0..self.product.terms).step_by(STRETCH) {
            let end = self.product.terms.min(start + STRETCH);
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
