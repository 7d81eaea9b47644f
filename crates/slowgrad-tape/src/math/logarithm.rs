//! Logarithms, and softplus, which is one.
//!
//! x = 2ᵏ·(1 + f) with 1 + f in [√½, √2), and ln(1 + f) = 2·artanh(s) with s = f / (2 + f), as in
//! W. J. Cody and W. Waite (1980). The even series of artanh needs few terms because |s| ≤ 0.172.

use std::f64::consts::{LOG2_E, LOG10_E};

use super::double::{at_most, fast_two_sum, power_of_two_factors, two_product};
use super::exponential::{LN_2_HIGH, LN_2_LOW, Reduced};

/// Bit pattern of √½.
const SQRT_HALF_BITS: u64 = 0x3fe6_a09e_667f_3bcd;
const ONE_BITS: u64 = 0x3ff0_0000_0000_0000;
const FRACTION_MASK: u64 = 0x000f_ffff_ffff_ffff;
/// Bit pattern of 2⁵²; an integer put into its low bits becomes 2⁵² plus that integer.
const TWO_52_BITS: u64 = 0x4330_0000_0000_0000;
const TWO_54: f64 = 18014398509481984.0;

/// (k, f) with x = 2ᵏ·(1 + f), for positive finite x; any values otherwise.
#[inline(always)]
fn split(x: f64) -> (f64, f64) {
    let subnormal = x < f64::MIN_POSITIVE;
    let scaled = if subnormal { x * TWO_54 } else { x };
    let shifted = scaled.to_bits().wrapping_add(ONE_BITS - SQRT_HALF_BITS);
    let bias = if subnormal { 4503599627371573.0 } else { 4503599627371519.0 };
    let k = f64::from_bits(TWO_52_BITS | (shifted >> 52)) - bias;
    let mantissa = f64::from_bits((shifted & FRACTION_MASK) + SQRT_HALF_BITS);
    (k, mantissa - 1.0)
}

/// (2·artanh(s) - 2s) / s as a function of z = s² for |s| ≤ 0.172.
#[inline(always)]
fn artanh_series(z: f64) -> f64 {
    z * polynomial!(z;
        0.6666666666666666,
        0.4000000000000088,
        0.2857142857080323,
        0.2222222239180047,
        0.18181795630884753,
        0.15386240205813478,
        0.13268759668560612,
        0.13086767009948175,
    )
}

/// `value`, the logarithm of x, replaced where x is not positive and finite.
#[inline(always)]
fn with_edges(x: f64, value: f64) -> f64 {
    let value = if x == f64::INFINITY { x } else { value };
    let value = if x == 0.0 { f64::NEG_INFINITY } else { value };
    if x >= 0.0 { value } else { f64::NAN }
}

/// Natural logarithm.
///
/// ln(±0) = -∞, ln(1) = +0, ln(∞) = ∞, `NaN` for negative numbers and `NaN`.
///
/// Measured: within 0.76 ulp.
#[inline(always)]
pub fn ln(x: f64) -> f64 {
    let (k, f) = split(x);
    let s = f / (2.0 + f);
    let half_square = 0.5 * f * f;
    let tail = s.mul_add(half_square + artanh_series(s * s), k * LN_2_LOW);
    with_edges(x, k.mul_add(LN_2_HIGH, f - (half_square - tail)))
}

/// ln(1 + f) as a sum of two with a relative error of about 2⁻⁶⁴, for 1 + f in [√½, √2).
#[inline(always)]
fn ln_one_plus_pair(f: f64) -> (f64, f64) {
    const TWO_THIRDS: f64 = 0.6666666666666666;
    const TWO_THIRDS_LOW: f64 = 3.700743415417188e-17;
    let (d, d_low) = fast_two_sum(2.0, f);
    let reciprocal = 1.0 / d;
    let s = f * reciprocal;
    let s_low = (-s).mul_add(d_low, (-s).mul_add(d, f)) * reciprocal;
    let (z, z_error) = two_product(s, s);
    let z_low = (2.0 * s).mul_add(s_low, z_error);
    // 2/3 + z·(2/5 + …)
    let rest = polynomial!(z;
        0.4,
        0.28571428571428564,
        0.2222222222222843,
        0.18181818179656925,
        0.15384615761170173,
        0.13333296534432942,
        0.11766813121034213,
        0.10456327269484514,
        0.107624244195648,
    );
    let (t, t_error) = two_product(z, rest);
    let (c, c_error) = fast_two_sum(TWO_THIRDS, t);
    let c_low = c_error + (TWO_THIRDS_LOW + z_low.mul_add(rest, t_error));
    let (cube, cube_error) = two_product(s, z);
    let cube_low = s_low.mul_add(z, s.mul_add(z_low, cube_error));
    let (p, p_error) = two_product(cube, c);
    let p_low = cube.mul_add(c_low, cube_low.mul_add(c, p_error));
    let (high, low) = fast_two_sum(2.0 * s, p);
    fast_two_sum(high, low + 2.0f64.mul_add(s_low, p_low))
}

/// ln x as a sum of two with a relative error of about 2⁻⁶⁴, for positive finite x.
#[inline(always)]
pub(super) fn ln_pair(x: f64) -> (f64, f64) {
    let (k, f) = split(x);
    let (h, l) = ln_one_plus_pair(f);
    let (high, low) = fast_two_sum(k * LN_2_HIGH, h);
    fast_two_sum(high, low + k.mul_add(LN_2_LOW, l))
}

/// Logarithm to base 2; exact for powers of two.
///
/// Edge cases as [`ln`].
///
/// Measured: within 0.51 ulp.
#[inline(always)]
pub fn log2(x: f64) -> f64 {
    const LOG2_E_LOW: f64 = 2.0355273740931033e-17;
    let (k, f) = split(x);
    let (h, l) = ln_one_plus_pair(f);
    let (p, p_error) = two_product(h, LOG2_E);
    let p_low = l.mul_add(LOG2_E, h.mul_add(LOG2_E_LOW, p_error));
    let (high, low) = fast_two_sum(k, p);
    with_edges(x, high + (low + p_low))
}

/// Logarithm to base 10; exact for powers of ten that f64 holds exactly.
///
/// Edge cases as [`ln`].
///
/// Measured: within 0.51 ulp.
#[inline(always)]
pub fn log10(x: f64) -> f64 {
    const LOG10_E_LOW: f64 = 1.098319650216765e-17;
    let (h, l) = ln_pair(x);
    let (p, p_error) = two_product(h, LOG10_E);
    let p_low = l.mul_add(LOG10_E, h.mul_add(LOG10_E_LOW, p_error));
    with_edges(x, p + p_low)
}

/// Smooth ramp ln(1 + eˣ).
///
/// Computed as max(x, 0) + ln(1 + e^(-|x|)), so it is eˣ far left, subnormal numbers included, and
/// x far right. softplus(-∞) = 0, softplus(∞) = ∞, `NaN` stays.
///
/// Measured: within 0.96 ulp.
#[inline(always)]
pub fn softplus(x: f64) -> f64 {
    let reduced = Reduced::exact(-at_most(x.abs(), 746.0));
    let (m, m_low) = reduced.mantissa_pair();
    let (first, second) = power_of_two_factors(reduced.shifted);
    let (e, e_low) = (m * first * second, m_low * first * second);
    // 1 + e = 2ᵏ·(1 + f), k = 0 or 1; f carries the rounding errors of e.
    let upper = e > 0.41421356237309503;
    let k = if upper { 1.0 } else { 0.0 };
    let scale = if upper { 0.5 } else { 1.0 };
    let shifted = e - k;
    let f = scale * shifted;
    let f_low = scale * ((e - (shifted + k)) + e_low);
    let s = f / (2.0 + f);
    let half_square = 0.5 * f * f;
    // ln(1 + f + f_low) = ln(1 + f) + f_low / (1 + f), and 1 / (1 + f) = 1 - 2s + 2s² - ….
    let correction = f_low * (2.0 * s).mul_add(s - 1.0, 1.0);
    let low = k.mul_add(LN_2_LOW, correction);
    let tail = s.mul_add(half_square + artanh_series(s * s), low);
    let logarithm = k.mul_add(LN_2_HIGH, f - (half_square - tail));
    let ramp = if x > 0.0 { x } else { 0.0 };
    let value = ramp + logarithm;
    if x.is_nan() { f64::NAN } else { value }
}
