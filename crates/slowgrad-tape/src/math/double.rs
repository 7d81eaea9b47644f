//! Numbers held as an unevaluated sum of two f64, for the steps where 53 bits are not enough.
//!
//! Sources: Dekker, "A floating-point technique for extending the available precision" (1971);
//! Muller et al., "Handbook of Floating-Point Arithmetic", chapters 4 and 5.

/// 1.5·2⁵²: adding it rounds to an integer (ties to even), found in the low bits of the sum.
pub(super) const ROUNDER: f64 = 6755399441055744.0;
/// Bit pattern of 1.0.
const ONE_BITS: u64 = 0x3ff0_0000_0000_0000;

/// `a + b` as rounded sum and exact error; needs |a| ≥ |b| or a = 0.
#[inline(always)]
pub(super) fn fast_two_sum(a: f64, b: f64) -> (f64, f64) {
    let sum = a + b;
    (sum, b - (sum - a))
}

/// `a + b` as rounded sum and exact error, for any order of magnitude.
#[inline(always)]
pub(super) fn two_sum(a: f64, b: f64) -> (f64, f64) {
    let sum = a + b;
    let b_part = sum - a;
    let a_part = sum - b_part;
    (sum, (a - a_part) + (b - b_part))
}

/// `a·b` as rounded product and exact error.
#[inline(always)]
pub(super) fn two_product(a: f64, b: f64) -> (f64, f64) {
    let product = a * b;
    (product, a.mul_add(b, -product))
}

/// `(n + n_low) / (d + d_low)` as quotient and correction to it.
#[inline(always)]
pub(super) fn divide((n, n_low): (f64, f64), (d, d_low): (f64, f64)) -> (f64, f64) {
    let reciprocal = 1.0 / d;
    let quotient = n * reciprocal;
    let remainder = (-quotient).mul_add(d, n) + (-quotient).mul_add(d_low, n_low);
    (quotient, remainder * reciprocal)
}

/// As [`divide`], with quotient and correction added up: within 0.51 ulp.
#[inline(always)]
pub(super) fn divide_rounded((n, n_low): (f64, f64), (d, d_low): (f64, f64)) -> f64 {
    let reciprocal = 1.0 / d;
    let quotient = n * reciprocal;
    let remainder = (-quotient).mul_add(d, n) + (-quotient).mul_add(d_low, n_low);
    remainder.mul_add(reciprocal, quotient)
}

/// 2ⁿ for an integer n in [-1022, 1023] given as `n` + [`ROUNDER`].
#[inline(always)]
pub(super) fn power_of_two(shifted: f64) -> f64 {
    f64::from_bits((shifted.to_bits() << 52).wrapping_add(ONE_BITS))
}

/// 2ⁿ as a product of two factors, for an integer n in [-2044, 2046] given as `n` + [`ROUNDER`]:
/// multiplying by one after the other overflows and underflows where the product does, with a
/// single rounding.
#[inline(always)]
pub(super) fn power_of_two_factors(shifted: f64) -> (f64, f64) {
    // The low bits hold n in two's complement; half of it, rounded down, goes to the first factor.
    let bits = shifted.to_bits();
    let half = (bits << 51) & 0xfff0_0000_0000_0000;
    let rest = (bits << 52).wrapping_sub(half);
    (f64::from_bits(half.wrapping_add(ONE_BITS)), f64::from_bits(rest.wrapping_add(ONE_BITS)))
}

/// `x`, at most `high`; `NaN` stays.
#[inline(always)]
pub(super) fn at_most(x: f64, high: f64) -> f64 {
    if x > high { high } else { x }
}

/// `x` limited to [low, high]; `NaN` stays.
#[inline(always)]
pub(super) fn clamp(x: f64, low: f64, high: f64) -> f64 {
    let raised = if x < low { low } else { x };
    if raised > high { high } else { raised }
}
