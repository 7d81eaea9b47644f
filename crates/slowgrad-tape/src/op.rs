//! The scalar operations, each with symbol, value and derivative rule in one row.
//!
//! Operations are a plain enum, so a trace can be stored, printed, compared and animated. The table below is the only
//! definition of each operation. Derivatives at kinks follow PyTorch.

use crate::math;
use serde::{Deserialize, Serialize};

/// The notation of an operation in a formula.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Notation {
    /// A leaf: an input or a constant, shown by its name or number.
    Leaf,
    /// Between two operands. The number is the operator's precedence; higher binds tighter.
    Infix(&'static str, u8),
    /// A quotient.
    Fraction,
    /// The first operand to the power of the second.
    Power,
    /// Before its operand.
    Prefix(&'static str),
    /// Vertical bars around its operand.
    Bars,
    /// `name(operand, …)`.
    Call(&'static str),
}

/// Generates the enum, the scalar rules and the lane loops from one table. A row has the name, the notation, the
/// operands and the value, then for each operand its derivative as text and as an expression. `y` is the result.
macro_rules! operations {
    ($( $(#[$doc:meta])* $name:ident $notation:expr, |$a:ident, $b:ident, $c:ident, $y:ident| $value:expr;
        $( $text:literal = $rule:expr ),* ; )*) => {
        /// A scalar operation.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum Op {
            /// An input of the function.
            Input,
            /// A number in the script, or one computed without traced values.
            Constant,
            $( $(#[$doc])* $name, )*
        }

        impl Op {
            /// Every operation except the leaves.
            pub const ALL: &'static [Op] = &[$(Op::$name),*];

            /// Number of operands, 0 to 3.
            pub fn arity(self) -> usize {
                match self {
                    Op::Input | Op::Constant => 0,
                    $( Op::$name => <[&str]>::len(&[$($text),*]), )*
                }
            }

            /// The notation in a formula.
            pub fn notation(self) -> Notation {
                match self {
                    Op::Input | Op::Constant => Notation::Leaf,
                    $( Op::$name => $notation, )*
                }
            }

            /// The value for operands `a`, `b`, `c`. Operands beyond the arity are ignored; a leaf returns `a`.
            #[inline(always)]
            pub fn value(self, a: f64, b: f64, c: f64) -> f64 {
                match self {
                    Op::Input | Op::Constant => a,
                    $( Op::$name => { let ($a, $b, $c) = (a, b, c); let _ = ($a, $b, $c); $value } )*
                }
            }

            /// The local derivative ∂y/∂operand at operands `a`, `b`, `c` and result `y`. `operand` is the index, from
            /// 0.
            #[inline(always)]
            pub fn derivative(self, operand: usize, a: f64, b: f64, c: f64, y: f64) -> f64 {
                match self {
                    Op::Input | Op::Constant => 0.0,
                    $( Op::$name => {
                        let ($a, $b, $c, $y) = (a, b, c, y);
                        let _ = ($a, $b, $c, $y);
                        let mut _nth = 0;
                        $( if operand == _nth { return $rule; } _nth += 1; )*
                        0.0
                    } )*
                }
            }

            /// The derivative rule as text over the operands `a`, `b`, `c` and the result `y`.
            pub fn derivative_text(self, operand: usize) -> &'static str {
                match self {
                    Op::Input | Op::Constant => "0",
                    $( Op::$name => [$($text),*].get(operand).copied().unwrap_or("0"), )*
                }
            }

            /// `y[i] = value(a[i], b[i], c[i])` for every lane.
            #[inline(always)]
            pub(crate) fn value_lanes(self, a: &[f64], b: &[f64], c: &[f64], y: &mut [f64]) {
                let n = y.len();
                let (a, b, c) = (&a[..n], &b[..n], &c[..n]);
                match self {
                    Op::Input | Op::Constant => y.copy_from_slice(a),
                    $( Op::$name => for i in 0..n {
                        let ($a, $b, $c) = (a[i], b[i], c[i]);
                        let _ = ($a, $b, $c);
                        y[i] = $value;
                    } )*
                }
            }

            /// `out[i] = upstream[i] · derivative(operand, a[i], b[i], c[i], y[i])` for every lane.
            #[allow(clippy::too_many_arguments, reason = "the operands of the chain rule")]
            #[allow(clippy::neg_multiply, reason = "a derivative of −1 is a factor like any other")]
            #[inline(always)]
            pub(crate) fn chain_lanes(
                self, operand: usize, a: &[f64], b: &[f64], c: &[f64], y: &[f64], upstream: &[f64], out: &mut [f64],
            ) {
                let n = out.len();
                let (a, b, c, y, upstream) = (&a[..n], &b[..n], &c[..n], &y[..n], &upstream[..n]);
                match self {
                    Op::Input | Op::Constant => out.fill(0.0),
                    $( Op::$name => {
                        let mut _nth = 0;
                        $( if operand == _nth {
                            for i in 0..n {
                                let ($a, $b, $c, $y) = (a[i], b[i], c[i], y[i]);
                                let _ = ($a, $b, $c, $y);
                                out[i] = upstream[i] * $rule;
                            }
                            return;
                        } _nth += 1; )*
                    } )*
                }
            }
        }
    };
}

use Notation::{Bars, Call, Fraction, Infix, Power, Prefix};

operations! {
    /// Sum.
    Add Infix("+", 1), |a, b, c, y| a + b; "1" = 1.0, "1" = 1.0;
    /// Difference.
    Sub Infix("−", 1), |a, b, c, y| a - b; "1" = 1.0, "−1" = -1.0;
    /// Product.
    Mul Infix("·", 2), |a, b, c, y| a * b; "b" = b, "a" = a;
    /// Quotient.
    Div Fraction, |a, b, c, y| a / b; "1 / b" = 1.0 / b, "−y / b" = -y / b;
    /// Remainder with the sign of the dividend.
    Rem Infix("mod", 2), |a, b, c, y| a % b; "1" = 1.0, "−trunc(a / b)" = -(a / b).trunc();
    /// Power.
    Pow Power, |a, b, c, y| math::pow(a, b);
        "b · a^(b − 1)" = power_base_derivative(a, b), "y · ln(a)" = power_exponent_derivative(a, b, y);
    /// Negation.
    Neg Prefix("−"), |a, b, c, y| -a; "−1" = -1.0;
    /// eᵃ.
    Exp Call("exp"), |a, b, c, y| math::exp(a); "y" = y;
    /// Natural logarithm.
    Ln Call("ln"), |a, b, c, y| math::ln(a); "1 / a" = 1.0 / a;
    /// Logarithm to base 10.
    Log10 Call("log10"), |a, b, c, y| math::log10(a); "1 / (a · ln 10)" = 1.0 / (a * std::f64::consts::LN_10);
    /// Logarithm to base 2.
    Log2 Call("log2"), |a, b, c, y| math::log2(a); "1 / (a · ln 2)" = 1.0 / (a * std::f64::consts::LN_2);
    /// Square root.
    Sqrt Call("sqrt"), |a, b, c, y| a.sqrt(); "1 / (2 · y)" = 1.0 / (2.0 * y);
    /// Cube root.
    Cbrt Call("cbrt"), |a, b, c, y| math::cbrt(a); "1 / (3 · y²)" = 1.0 / (3.0 * (y * y));
    /// Absolute value.
    Abs Bars, |a, b, c, y| a.abs(); "sign(a)" = sign(a);
    /// −1, 0 or 1.
    Sign Call("sign"), |a, b, c, y| sign(a); "0" = 0.0;
    /// The smaller operand; NaN when either is.
    Min Call("min"), |a, b, c, y| smaller(a, b); "1 if a < b, ½ if equal, else 0" = share(a < b, a == b), "1 if b < a, ½ if equal, else 0" = share(b < a, a == b);
    /// The larger operand; NaN when either is.
    Max Call("max"), |a, b, c, y| larger(a, b); "1 if a > b, ½ if equal, else 0" = share(a > b, a == b), "1 if b > a, ½ if equal, else 0" = share(b > a, a == b);
    /// The first operand, limited to the interval from the second to the third.
    Clamp Call("clamp"), |a, b, c, y| smaller(larger(a, b), c);
        "1 if b ≤ a ≤ c, else 0" = if a >= b && a <= c { 1.0 } else { 0.0 },
        "1 if a < b < c, else 0" = if a < b && b < c { 1.0 } else { 0.0 },
        "1 if a > c or b ≥ c, else 0" = if a > c || b >= c { 1.0 } else { 0.0 };
    /// Rounds towards −∞.
    Floor Call("floor"), |a, b, c, y| a.floor(); "0" = 0.0;
    /// Rounds towards +∞.
    Ceil Call("ceil"), |a, b, c, y| a.ceil(); "0" = 0.0;
    /// Rounds to the nearest integer, halves away from zero.
    Round Call("round"), |a, b, c, y| a.round(); "0" = 0.0;
    /// Sine.
    Sin Call("sin"), |a, b, c, y| math::sin(a); "cos(a)" = math::cos(a);
    /// Cosine.
    Cos Call("cos"), |a, b, c, y| math::cos(a); "−sin(a)" = -math::sin(a);
    /// Tangent.
    Tan Call("tan"), |a, b, c, y| math::tan(a); "1 + y²" = 1.0 + y * y;
    /// Arc sine.
    Asin Call("asin"), |a, b, c, y| math::asin(a); "1 / √(1 − a²)" = 1.0 / (1.0 - a * a).sqrt();
    /// Arc cosine.
    Acos Call("acos"), |a, b, c, y| math::acos(a); "−1 / √(1 − a²)" = -1.0 / (1.0 - a * a).sqrt();
    /// Arc tangent.
    Atan Call("atan"), |a, b, c, y| math::atan(a); "1 / (1 + a²)" = 1.0 / (1.0 + a * a);
    /// Angle of the point (b, a), in radians.
    Atan2 Call("atan2"), |a, b, c, y| math::atan2(a, b); "b / (a² + b²)" = b / (a * a + b * b), "−a / (a² + b²)" = -a / (a * a + b * b);
    /// Hyperbolic sine.
    Sinh Call("sinh"), |a, b, c, y| math::sinh(a); "cosh(a)" = math::cosh(a);
    /// Hyperbolic cosine.
    Cosh Call("cosh"), |a, b, c, y| math::cosh(a); "sinh(a)" = math::sinh(a);
    /// Hyperbolic tangent.
    Tanh Call("tanh"), |a, b, c, y| math::tanh(a); "1 − y²" = 1.0 - y * y;
    /// 1 / (1 + e^−a).
    Sigmoid Call("sigmoid"), |a, b, c, y| math::sigmoid(a); "y · (1 − y)" = y * (1.0 - y);
    /// ln(1 + e^a).
    Softplus Call("softplus"), |a, b, c, y| math::softplus(a); "sigmoid(a)" = math::sigmoid(a);
    /// The error function.
    Erf Call("erf"), |a, b, c, y| math::erf(a); "2 / √π · exp(−a²)" = std::f64::consts::FRAC_2_SQRT_PI * math::exp(-(a * a));
    /// The operand itself, treated as a constant by the chain rule.
    StopGradient Call("stop_gradient"), |a, b, c, y| a; "0" = 0.0;
}

impl Op {
    /// The name in files and in the JSON trace, such as `mul`.
    pub fn name(self) -> String {
        let debug = format!("{self:?}");
        let mut name = String::with_capacity(debug.len() + 2);
        for (i, ch) in debug.chars().enumerate() {
            if ch.is_ascii_uppercase() && i > 0 {
                name.push('_');
            }
            name.push(ch.to_ascii_lowercase());
        }
        name
    }
}

#[inline(always)]
fn sign(a: f64) -> f64 {
    if a > 0.0 {
        1.0
    } else if a < 0.0 {
        -1.0
    } else {
        // Preserves the sign of zero, and NaN.
        a
    }
}

#[inline(always)]
fn smaller(a: f64, b: f64) -> f64 {
    if a < b || a.is_nan() { a } else { b }
}

#[inline(always)]
fn larger(a: f64, b: f64) -> f64 {
    if a > b || a.is_nan() { a } else { b }
}

/// The derivative of `min` or `max` with respect to one operand: 1 for the selected operand, ½ for each if they are
/// equal.
#[inline(always)]
fn share(won: bool, equal: bool) -> f64 {
    if won {
        1.0
    } else if equal {
        0.5
    } else {
        0.0
    }
}

/// b · a^(b−1), and 0 for b = 0, where a^−1 may be infinite (as in PyTorch).
#[inline(always)]
fn power_base_derivative(a: f64, b: f64) -> f64 {
    if b == 0.0 { 0.0 } else { b * math::pow(a, b - 1.0) }
}

/// y · ln a, and 0 at a = 0 for b ≥ 0, where 0 · ln 0 has the limit 0 (as in PyTorch).
#[inline(always)]
fn power_exponent_derivative(a: f64, b: f64, y: f64) -> f64 {
    if a == 0.0 && b >= 0.0 { 0.0 } else { y * math::ln(a) }
}
