//! The only definition of every elementary function.
//!
//! The platform's `exp` or `tanh` differs in the last bits between systems and compilers, so its results are not
//! reproducible. The functions here use only operations that IEEE 754 rounds correctly (add, multiply, divide, square
//! root, fused multiply-add) and integer arithmetic on bit patterns, in a fixed order. They therefore give the same
//! bits on every machine, in every build profile and with every vector unit; `NaN` is always the bit pattern of
//! [`f64::NAN`].
//!
//! All except [`atan2`] and the reduction of huge angles are free of branches: a case distinction computes both sides
//! and selects. A plain loop such as `for (o, &v) in out.iter_mut().zip(x) { *o = tanh(v) }` in a function compiled for
//! a vector unit becomes vector instructions, and a single call runs the same operations as a lane of that loop. Only
//! [`sin`] and [`cos`] branch for angles beyond [`TRIG_FAST_LIMIT`]; for smaller angles, [`sin_fast`] and [`cos_fast`]
//! return the same bits and vectorise.
//!
//! The quoted accuracies are the largest errors measured, in units in the last place (ulp) of the exact value, over
//! dense random samples and edge cases against mpmath. Polynomials are near-minimax fits computed in 400-bit
//! arithmetic; see `tests/data/make_math_reference.py`.
//!
//! This module must not know operations, traces or derivatives.
#![allow(clippy::inline_always, reason = "a lane loop vectorises only what is inlined into it")]
#![allow(
    clippy::unreadable_literal,
    clippy::excessive_precision,
    reason = "coefficients and bit patterns are copied by machine, not read digit by digit"
)]
#![allow(clippy::suboptimal_flops, reason = "a product and a sum that are rounded separately are intended")]
#![allow(clippy::needless_bitwise_bool, reason = "lazy operators branch, which does not vectorise")]

/// `Σ cₖ zᵏ` for the coefficients in ascending order, by Horner's rule with fused multiply-adds.
macro_rules! polynomial {
    ($z:expr; $c:expr $(,)?) => { $c };
    ($z:expr; $c:expr, $($rest:expr),+ $(,)?) => {
        f64::mul_add(polynomial!($z; $($rest),+), $z, $c)
    };
}

mod double;
mod error_function;
mod exponential;
mod inverse;
mod logarithm;
mod power;
mod trigonometric;

pub use error_function::erf;
pub use exponential::{cosh, exp, sigmoid, sinh, tanh};
pub use inverse::{acos, asin, atan, atan2};
pub use logarithm::{ln, log2, log10, softplus};
pub use power::{cbrt, pow};
pub use trigonometric::{TRIG_FAST_LIMIT, cos, cos_fast, sin, sin_fast, tan};

/// Fused multiply-add `a·b + c`, rounded once.
///
/// Correctly rounded everywhere: one instruction inside functions compiled with the `fma` target
/// feature (or on machines that always have it), a library routine with the same result elsewhere.
#[inline(always)]
pub fn fma(a: f64, b: f64, c: f64) -> f64 {
    a.mul_add(b, c)
}
