//! The one definition of every elementary function.
//!
//! The platform's own `exp` or `tanh` differs in the last bits from system to system and from
//! compiler to compiler, so a value computed with it could not be promised to anybody else. The
//! functions here use nothing but operations IEEE 754 rounds correctly (add, multiply, divide,
//! square root, fused multiply-add) and integer arithmetic on bit patterns, each written down in
//! a fixed order. They therefore give the same bits on every machine, in every build profile and
//! with every vector unit; `NaN` is always the one bit pattern of [`f64::NAN`].
//!
//! All but the reduction of huge angles and [`atan2`] are free of branches: a case distinction
//! computes both sides and selects. A plain loop such as
//! `for (o, &v) in out.iter_mut().zip(x) { *o = tanh(v) }` inside a function compiled for a vector
//! unit turns into vector instructions, and a single call runs the same operations as a lane of
//! that loop. Only [`sin`] and [`cos`] leave the straight line for angles beyond
//! [`TRIG_FAST_LIMIT`]; a block of angles known to be smaller may use [`sin_fast`] and
//! [`cos_fast`], which return the same bits and vectorise.
//!
//! The accuracies quoted are the largest errors seen, in units in the last place (ulp) of the
//! true value, over dense random samples and edge cases against mpmath. Polynomials are near
//! minimax fits made in 400-bit arithmetic, see `tests/data/make_math_reference.py`.
//!
//! This module must not know operations, traces or derivatives.
#![allow(clippy::inline_always, reason = "a lane loop vectorises only what is inlined into it")]
#![allow(
    clippy::unreadable_literal,
    clippy::excessive_precision,
    reason = "coefficients and bit patterns are copied by machine, not read digit by digit"
)]
#![allow(clippy::suboptimal_flops, reason = "where a product and a sum are rounded separately this is meant")]
#![allow(clippy::needless_bitwise_bool, reason = "a lazy operator is a branch, and a branch is no lane operation")]

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
