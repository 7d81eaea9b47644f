//! Sine, cosine, tangent.
//!
//! x = q·π/2 + r with |r| ≤ π/4 held as a sum of two f64. Up to [`TRIG_FAST_LIMIT`] the reduction
//! subtracts π/2 in three parts (Cody and Waite); beyond, it multiplies by the required window of the
//! binary digits of 2/π in integers (M. Payne and R. Hanek, "Radian reduction for trigonometric
//! functions", 1983), so sin(1e300) is as good as sin(1).

use std::f64::consts::{FRAC_2_PI, FRAC_PI_2};

use super::double::{ROUNDER, divide_rounded, fast_two_sum, two_product, two_sum};

/// Largest |x| that [`sin_fast`] and [`cos_fast`] accept: 10⁵.
pub const TRIG_FAST_LIMIT: f64 = 1e5;

/// π/2 less its nearest f64.
const HALF_PI_LOW: f64 = 6.123233995736766e-17;

/// An angle less its whole quarter turns.
#[derive(Clone, Copy)]
struct Angle {
    /// Number of quarter turns; only the last two bits count.
    quarter: u64,
    r: f64,
    r_low: f64,
}

/// Reduction for |x| ≤ [`TRIG_FAST_LIMIT`].
#[inline(always)]
fn reduce(x: f64) -> Angle {
    // 36 and 35 bits, so that products with the 17 bits of n are exact, and the rest.
    const PART_1: f64 = 1.5707963267923333;
    const PART_2: f64 = 2.5633441515839558e-12;
    const PART_3: f64 = 1.0562999066987428e-23;
    let shifted = x.mul_add(FRAC_2_PI, ROUNDER);
    let n = shifted - ROUNDER;
    let near = (-n).mul_add(PART_1, x);
    let second = n * PART_2;
    let high = near - second;
    let low = (-n).mul_add(PART_3, (near - high) - second);
    let (r, r_low) = fast_two_sum(high, low);
    Angle { quarter: shifted.to_bits(), r, r_low }
}

/// 64 zero bits, then the first 1280 binary digits of 2/π after the point.
const TWO_OVER_PI_DIGITS: [u64; 21] = [
    0,
    0xa2f9836e4e441529,
    0xfc2757d1f534ddc0,
    0xdb6295993c439041,
    0xfe5163abdebbc561,
    0xb7246e3a424dd2e0,
    0x06492eea09d1921c,
    0xfe1deb1cb129a73e,
    0xe88235f52ebb4484,
    0xe99c7026b45f7e41,
    0x3991d639835339f4,
    0x9c845f8bbdf9283b,
    0x1ff897ffde05980f,
    0xef2f118b5a0a6d1f,
    0x6d367ecf27cb09b7,
    0x4f463f669e5fea2d,
    0x7527bac7ebe5f17b,
    0x3d0739f78a5292ea,
    0x6bfb5fb11f8d5d08,
    0x56033046fc7b6bab,
    0xf0cfbc209af4361d,
];

/// Reduction for finite |x| > [`TRIG_FAST_LIMIT`].
#[cold]
#[inline(never)]
fn reduce_huge(x: f64) -> Angle {
    let bits = x.to_bits();
    let mantissa = u128::from((bits & 0x000f_ffff_ffff_ffff) | 0x0010_0000_0000_0000);
    // |x| = mantissa·2^exponent. Digits of 2/π worth 4 or more after that scaling add whole turns
    // and are left out: the window starts right behind them.
    let exponent = ((bits >> 52) & 0x7ff) as usize - 1023;
    let start = exponent + 64 - 52 - 2;
    let (word, shift) = (start / 64, start % 64);
    let digits = |index: usize| {
        let pair =
            (u128::from(TWO_OVER_PI_DIGITS[word + index]) << 64) | u128::from(TWO_OVER_PI_DIGITS[word + index + 1]);
        (pair << shift) >> 64
    };
    // product = mantissa·window modulo 2^256, in units of 2^-254 quarter turns.
    let mut product = [0u64; 4];
    let mut carry = 0u128;
    for index in (0..4).rev() {
        let sum = mantissa * digits(index) + carry;
        product[index] = sum as u64;
        carry = sum >> 64;
    }
    let top = (u128::from(product[0]) << 64) | u128::from(product[1]);
    let bottom = (u128::from(product[2]) << 64) | u128::from(product[3]);
    let mut quarter = (top >> 126) as u64;
    // The fraction of a quarter turn, as 256 bits; from one half on, count back from the next.
    let mut high = (top << 2) | (bottom >> 126);
    let mut low = bottom << 2;
    let backwards = high >> 127 == 1;
    if backwards {
        quarter = quarter.wrapping_add(1);
        high = if low == 0 { high.wrapping_neg() } else { !high };
        low = low.wrapping_neg();
    }
    let zeros = high.leading_zeros();
    let leading = (high << zeros) | low.checked_shr(128 - zeros).unwrap_or(0);
    let scale = f64::from_bits((1023 - u64::from(zeros)) << 52);
    // 2⁻⁵³ and 2⁻¹⁰⁶.
    let h = (leading >> 75) as f64 * 1.1102230246251565e-16 * scale;
    let l = ((leading << 53) >> 75) as f64 * 1.232595164407831e-32 * scale;
    let (r, r_error) = two_product(h, FRAC_PI_2);
    let (r, r_low) = fast_two_sum(r, r_error + h.mul_add(HALF_PI_LOW, l * FRAC_PI_2));
    let negative = x.is_sign_negative();
    let quarter = if negative { quarter.wrapping_neg() } else { quarter };
    let sign = if negative == backwards { 1.0 } else { -1.0 };
    Angle { quarter, r: sign * r, r_low: sign * r_low }
}

/// sin(r + r_low) as r plus the value returned.
#[inline(always)]
fn sine_tail(angle: Angle) -> f64 {
    let Angle { r, r_low, .. } = angle;
    let z = r * r;
    let series = polynomial!(z;
        -0.16666666666666666,
        0.008333333333333331,
        -0.0001984126984126506,
        2.7557319219335453e-06,
        -2.5052106231157904e-08,
        1.605853141458901e-10,
        -7.586685070091267e-13,
    );
    (z * r).mul_add(series, (-0.5 * z).mul_add(r_low, r_low))
}

/// cos(r + r_low) as a sum of two, not normalised.
#[inline(always)]
fn cosine_parts(angle: Angle) -> (f64, f64) {
    let Angle { r, r_low, .. } = angle;
    let z = r * r;
    let half = 0.5 * z;
    let head = 1.0 - half;
    let series = polynomial!(z;
        0.041666666666666664,
        -0.0013888888888887395,
        2.4801587298763433e-05,
        -2.7557317270560326e-07,
        2.0876146024689747e-09,
        -1.1382614868556325e-11,
    );
    (head, (z * z).mul_add(series, (-r).mul_add(r_low, (1.0 - head) - half)))
}

/// The sine of an angle plus a number of quarter turns.
#[inline(always)]
fn sine_of(angle: Angle, quarter_turns: u64) -> f64 {
    let sine = angle.r + sine_tail(angle);
    let (head, tail) = cosine_parts(angle);
    let quarter = angle.quarter.wrapping_add(quarter_turns);
    let value = if quarter & 1 == 0 { sine } else { head + tail };
    f64::from_bits(value.to_bits() ^ ((quarter & 2) << 62))
}

/// The reduction for every finite x.
#[inline(always)]
fn reduce_any(x: f64) -> Angle {
    if x.abs() <= TRIG_FAST_LIMIT { reduce(x) } else { reduce_huge(x) }
}

/// Sine for |x| ≤ [`TRIG_FAST_LIMIT`]: the bits of [`sin`] without its branch.
///
/// For larger x the result is meaningless; for `NaN` it is `NaN`.
#[inline(always)]
pub fn sin_fast(x: f64) -> f64 {
    let value = sine_of(reduce(x), 0);
    let value = if x == 0.0 { x } else { value };
    if x.is_nan() { f64::NAN } else { value }
}

/// Cosine for |x| ≤ [`TRIG_FAST_LIMIT`]: the bits of [`cos`] without its branch.
///
/// For larger x the result is meaningless; for `NaN` it is `NaN`.
#[inline(always)]
pub fn cos_fast(x: f64) -> f64 {
    let value = sine_of(reduce(x), 1);
    if x.is_nan() { f64::NAN } else { value }
}

/// Sine of an angle in radians.
///
/// Odd; sin(±0) = ±0, `NaN` for ±∞ and `NaN`.
///
/// Measured: within 0.74 ulp, for huge angles too.
#[inline(always)]
pub fn sin(x: f64) -> f64 {
    if x.abs() <= TRIG_FAST_LIMIT { sin_fast(x) } else { sine_of_huge(x, 0) }
}

/// Cosine of an angle in radians.
///
/// Even; cos(±0) = 1, `NaN` for ±∞ and `NaN`.
///
/// Measured: within 0.74 ulp, for huge angles too.
#[inline(always)]
pub fn cos(x: f64) -> f64 {
    if x.abs() <= TRIG_FAST_LIMIT { cos_fast(x) } else { sine_of_huge(x, 1) }
}

#[cold]
#[inline(never)]
fn sine_of_huge(x: f64, quarter_turns: u64) -> f64 {
    if x.is_finite() { sine_of(reduce_huge(x), quarter_turns) } else { f64::NAN }
}

/// Tangent of an angle in radians: sine over cosine, both held as sums of two f64.
///
/// Odd; tan(±0) = ±0, `NaN` for ±∞ and `NaN`.
///
/// Measured: within 0.86 ulp.
#[inline(always)]
pub fn tan(x: f64) -> f64 {
    if !x.is_finite() {
        return f64::NAN;
    }
    let angle = reduce_any(x);
    let sine = fast_two_sum(angle.r, sine_tail(angle));
    let (head, tail) = cosine_parts(angle);
    let cosine = two_sum(head, tail);
    let even = angle.quarter & 1 == 0;
    let numerator = if even { sine } else { (-cosine.0, -cosine.1) };
    let denominator = if even { cosine } else { sine };
    let value = divide_rounded(numerator, denominator);
    if x == 0.0 { x } else { value }
}
