//! The error function of the exact GELU.

use super::double::{at_most, power_of_two};
use super::exponential::Reduced;

/// Error function, 2/√π · ∫₀ˣ e^(-t²) dt.
///
/// A polynomial below 1; beyond, 1 - e^(-x²)·g(x) with g smooth and fitted as g(x)·(1 + 2x) over
/// t = (x - 5/2) / (x + 5/2) (the mapping of M. Shepherd and J. Laframboise, "Chebyshev
/// approximation of (1 + 2x) exp(x²) erfc x", 1981). Odd; erf(±0) = ±0, erf(±∞) = ±1, `NaN` stays.
///
/// Measured: within 1.00 ulp.
#[inline(always)]
pub fn erf(x: f64) -> f64 {
    let a = at_most(x.abs(), 6.0);
    let z = a * a;
    let small_series = polynomial!(z;
        0.1283791670955126,
        -0.3761263890318375,
        0.11283791670954879,
        -0.026866170645076792,
        0.0052239776248180145,
        -0.000854832698083379,
        0.0001205533111164271,
        -1.4925595266831182e-05,
        1.6461000484121368e-06,
        -1.6350312701054695e-07,
        1.4659775274047436e-08,
        -1.1372848856791674e-09,
        5.957176147748911e-11,
    );
    let small = a.mul_add(small_series, a);
    let t = (a - 2.5) / (a + 2.5);
    let g = polynomial!(t;
        1.2648381843668615,
        -0.12235676308240442,
        -0.09902453957360136,
        0.15762991902325146,
        -0.10296705603863587,
        0.03276089326607039,
        0.0009318928203115225,
        -0.004382078247790418,
        0.000491865757126646,
        0.0006321225750830031,
        -8.847891763506954e-05,
        -0.00011350315933478201,
        6.269084929196549e-06,
        2.2580410685812957e-05,
        2.555675550650203e-06,
        -3.825120754709991e-06,
        -1.3076629471723966e-06,
    );
    let reduced = Reduced::new(-z, -a.mul_add(a, -z));
    let gauss = reduced.mantissa() * power_of_two(reduced.shifted);
    let large = 1.0 - gauss * (g / 2.0f64.mul_add(a, 1.0));
    let value = if a < 1.0 { small } else { large }.copysign(x);
    if x.is_nan() { f64::NAN } else { value }
}
