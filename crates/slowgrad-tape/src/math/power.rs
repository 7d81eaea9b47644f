//! General powers and the cube root.

use super::double::{ROUNDER, clamp, power_of_two, power_of_two_factors, two_product};
use super::exponential::Reduced;
use super::logarithm::ln_pair;

/// x raised to y, with the edge cases of IEEE 754 and C99 (annex F).
///
/// e^(y·ln|x|) with the logarithm and the product held as sums of two f64. The exponents a reader
/// would work out by hand are worked out that way, bit for bit: x⁰ = 1, x¹ = x, x² = x·x,
/// x³ = x·x·x, x⁴ = (x·x)·(x·x), x⁻¹ = 1/x, and x^½ = √x for x ≥ +0.
/// `NaN` for negative x with y not an integer; 1ʸ = 1 and x⁰ = 1 even where the other is `NaN`.
///
/// Measured: within 0.70 ulp, for the powers worked out by hand within the 2 ulp of their roundings.
#[inline(always)]
pub fn pow(x: f64, y: f64) -> f64 {
    let a = x.abs();
    // Any larger exponent overflows or underflows as well, unless a = 1.
    let exponent = clamp(y, -1e21, 1e21);
    let (h, l) = ln_pair(a);
    let (p, p_error) = two_product(exponent, h);
    let p_low = exponent.mul_add(l, p_error);
    let outside = p.abs() > 760.0;
    let p_low = if outside { 0.0 } else { p_low };
    let reduced = Reduced::new(clamp(p, -760.0, 760.0), p_low);
    let (first, second) = power_of_two_factors(reduced.shifted);
    let value = reduced.mantissa() * first * second;

    // Zero and infinite bases, infinite exponents.
    let grows = (a > 1.0) == (y > 0.0);
    let limit = if grows { f64::INFINITY } else { 0.0 };
    let at_limit = (a == 0.0) | (a == f64::INFINITY) | (y.abs() == f64::INFINITY);
    let value = if at_limit { limit } else { value };
    let value = if a == 1.0 { 1.0 } else { value };

    // Negative bases.
    let half = 0.5 * y;
    let integer = y.trunc() == y;
    let odd = integer & (half.trunc() != half);
    let negative = x.is_sign_negative();
    let value = if negative & odd { -value } else { value };
    let undefined = (x < 0.0) & !integer & (a != f64::INFINITY);
    let value = if undefined | x.is_nan() | y.is_nan() { f64::NAN } else { value };

    // Exponents with a definition of their own.
    let square = x * x;
    let value = if (y == 0.5) & (x > 0.0) { x.sqrt() } else { value };
    let value = if y == 1.0 { x } else { value };
    let value = if y == 2.0 { square } else { value };
    let value = if y == 3.0 { square * x } else { value };
    let value = if y == 4.0 { square * square } else { value };
    let value = if y == -1.0 { 1.0 / x } else { value };
    let value = if x.is_nan() { f64::NAN } else { value };
    if (y == 0.0) | (x == 1.0) { 1.0 } else { value }
}

/// Cube root.
///
/// Odd; cbrt(±0) = ±0, cbrt(±∞) = ±∞, `NaN` stays; exact for cubes. Two steps of Halley's method from
/// an estimate that divides the exponent by three, and one of Newton's with the residual in
/// extended precision.
///
/// Measured: within 0.51 ulp.
#[inline(always)]
pub fn cbrt(x: f64) -> f64 {
    const TWO_54: f64 = 18014398509481984.0;
    // A third of the bias, times the distance of 1.0's bit pattern, less the mean error of the
    // straight line through the logarithm.
    const ESTIMATE_BITS: u64 = 0x2a9f_7893_0000_0000;
    let a = x.abs();
    let subnormal = a < f64::MIN_POSITIVE;
    let bits = if subnormal { a * TWO_54 } else { a }.to_bits();
    // a = m·2^(3k) with m in [1, 8); 3072 keeps the division among positive numbers.
    let exponent = (bits >> 52) + 3072 - 1023;
    let third = exponent / 3;
    let m = f64::from_bits((bits & 0x000f_ffff_ffff_ffff) | ((1023 + exponent - 3 * third) << 52));
    let k = third as f64 - if subnormal { 1042.0 } else { 1024.0 };
    let mut t = f64::from_bits(m.to_bits() / 3 + ESTIMATE_BITS);
    for _ in 0..2 {
        let cube = t * t * t;
        t = t * (cube + 2.0 * m) / (2.0 * cube + m);
    }
    let (square, square_low) = two_product(t, t);
    let residual = (-square).mul_add(t, m) - square_low * t;
    let root = t + residual / (3.0 * square);
    let value = root * power_of_two(k + ROUNDER);
    let value = if (a == 0.0) | (a == f64::INFINITY) { a } else { value };
    if x.is_nan() { f64::NAN } else { value.copysign(x) }
}
