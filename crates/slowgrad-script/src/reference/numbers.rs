//! Operators, functions and constants of numbers.

use super::Row;

pub(super) const OPERATORS: &[Row] = &[
    (
        "+",
        &["x + y -> Scalar", "text + any -> text", "array + array -> array", "map + map -> map"],
        "The sum. Between texts, arrays or maps it joins them.",
        "0.5 + 2.0  // 2.5\n[1, 2] + [3]  // [1, 2, 3]",
    ),
    (
        "-",
        &["x - y -> Scalar", "-x -> Scalar"],
        "The difference; before one number, its negation. It binds tighter than `**`: `-x ** 2` is `(-x) ** 2`.",
        "0.5 - 2.0  // -1.5\n-(3.0 ** 2)  // -9.0",
    ),
    ("*", &["x * y -> Scalar"], "The product.", "0.5 * 3.0  // 1.5"),
    (
        "/",
        &["x / y -> Scalar"],
        "The quotient. Between whole numbers it is cut off to a whole number.",
        "1.0 / 4.0  // 0.25\n1 / 4  // 0",
    ),
    ("%", &["x % y -> Scalar"], "The remainder, with the sign of x.", "5.5 % 2.0  // 1.5\n-5.5 % 2.0  // -1.5"),
    ("**", &["x ** y -> Scalar"], "The power.", "2.0 ** 3.0  // 8.0\n9.0 ** 0.5  // 3.0"),
    (
        "+=",
        &["x += y -> ()"],
        "Adds to a variable or a field; `-=`, `*=`, `/=`, `%=` and `**=` do what they say.",
        "let a = 1.0;\na += 2.5;\na  // 3.5",
    ),
    (
        "==",
        &["x == y -> bool"],
        "Whether both are the same, bit for bit. With a Scalar the answer chooses the path of the trace.",
        "2.0 == 2  // true",
    ),
    ("!=", &["x != y -> bool"], "Whether they differ.", "2.0 != 2.5  // true"),
    ("<", &["x < y -> bool"], "Whether x is less than y.", "1.0 < 2.0  // true"),
    ("<=", &["x <= y -> bool"], "Whether x is at most y.", "2.0 <= 2.0  // true"),
    (">", &["x > y -> bool"], "Whether x is greater than y.", "1.0 > 2.0  // false"),
    (">=", &["x >= y -> bool"], "Whether x is at least y.", "2.0 >= 2.0  // true"),
    (
        "&&",
        &["bool && bool -> bool"],
        "And. The right side is not looked at when the left is false.",
        "1.0 < 2.0 && 2.0 < 3.0  // true",
    ),
    (
        "||",
        &["bool || bool -> bool"],
        "Or. The right side is not looked at when the left is true.",
        "1.0 > 2.0 || 2.0 < 3.0  // true",
    ),
    ("!", &["!bool -> bool"], "Not.", "!(1.0 > 2.0)  // true"),
    (
        "in",
        &["any in array -> bool", "text in map -> bool", "int in range -> bool"],
        "Whether something is in something.",
        "3 in [1, 2, 3]  // true\n\"a\" in #{ a: 1 }  // true",
    ),
    (
        "..",
        &["int..int -> range", "int..=int -> range"],
        "Whole numbers up to the second, without it; with `..=` including it.",
        "let sum = 0;\nfor i in 1..=4 { sum += i; }\nsum  // 10",
    ),
    ("&", &["int & int -> int", "bool & bool -> bool"], "Bits that are set in both.", "6 & 3  // 2"),
    ("|", &["int | int -> int", "bool | bool -> bool"], "Bits that are set in one of them.", "6 | 3  // 7"),
    (
        "^",
        &["int ^ int -> int", "bool ^ bool -> bool"],
        "Bits that are set in exactly one. It is not the power, which is `**`.",
        "6 ^ 3  // 5",
    ),
    ("<<", &["int << int -> int"], "Bits moved to the left.", "1 << 4  // 16"),
    (">>", &["int >> int -> int"], "Bits moved to the right.", "16 >> 4  // 1"),
];

pub(super) const NUMBERS: &[Row] = &[
    ("exp", &["exp(x: Scalar) -> Scalar"], "e to the power of x.", "exp(1.0)  // 2.71828182845904…"),
    (
        "ln",
        &["ln(x: Scalar) -> Scalar"],
        "The natural logarithm; −∞ at 0, NaN below.",
        "ln(2.0)  // 0.693147180559945…",
    ),
    ("log10", &["log10(x: Scalar) -> Scalar"], "The logarithm to base 10.", "log10(1000.0)  // 3.0"),
    ("log2", &["log2(x: Scalar) -> Scalar"], "The logarithm to base 2.", "log2(8.0)  // 3.0"),
    (
        "sqrt",
        &["sqrt(x: Scalar) -> Scalar"],
        "The square root; NaN below 0. Its derivative is infinite at 0.",
        "sqrt(9.0)  // 3.0",
    ),
    ("cbrt", &["cbrt(x: Scalar) -> Scalar"], "The cube root, of negative numbers too.", "cbrt(-8.0)  // -2.0"),
    ("pow", &["pow(x: Scalar, y: Scalar) -> Scalar"], "x to the power of y, as `x ** y`.", "pow(2.0, 10.0)  // 1024.0"),
    ("abs", &["abs(x: Scalar) -> Scalar"], "The absolute value.", "abs(-2.5)  // 2.5"),
    ("sign", &["sign(x: Scalar) -> Scalar"], "−1, 0 or 1.", "sign(-2.5)  // -1.0"),
    (
        "min",
        &["min(x: Scalar, y: Scalar) -> Scalar", "min(list: array) -> Scalar"],
        "The smaller of two numbers, or the smallest of an array.",
        "min(1.0, 2.0)  // 1.0\nmin([3.0, 1.0, 2.0])  // 1.0",
    ),
    (
        "max",
        &["max(x: Scalar, y: Scalar) -> Scalar", "max(list: array) -> Scalar"],
        "The larger of two numbers, or the largest of an array.",
        "max(1.0, 2.0)  // 2.0\nmax([3.0, 1.0, 2.0])  // 3.0",
    ),
    (
        "clamp",
        &["clamp(x: Scalar, low: Scalar, high: Scalar) -> Scalar"],
        "x held between low and high.",
        "clamp(3.0, 0.0, 1.0)  // 1.0\nclamp(-3.0, 0.0, 1.0)  // 0.0",
    ),
    ("floor", &["floor(x: Scalar) -> Scalar"], "The next whole number below.", "floor(-1.5)  // -2.0"),
    ("ceil", &["ceil(x: Scalar) -> Scalar"], "The next whole number above.", "ceil(1.2)  // 2.0"),
    (
        "round",
        &["round(x: Scalar) -> Scalar"],
        "The nearest whole number, halves away from zero.",
        "round(2.5)  // 3.0",
    ),
    ("sin", &["sin(x: Scalar) -> Scalar"], "The sine, of radians.", "sin(0.5)  // 0.479425538604203"),
    ("cos", &["cos(x: Scalar) -> Scalar"], "The cosine, of radians.", "cos(0.0)  // 1.0"),
    ("tan", &["tan(x: Scalar) -> Scalar"], "The tangent, of radians.", "tan(0.5)  // 0.54630248984379…"),
    ("asin", &["asin(x: Scalar) -> Scalar"], "The arc sine; NaN outside −1 to 1.", "asin(1.0)  // 1.57079632679489…"),
    ("acos", &["acos(x: Scalar) -> Scalar"], "The arc cosine; NaN outside −1 to 1.", "acos(1.0)  // 0.0"),
    ("atan", &["atan(x: Scalar) -> Scalar"], "The arc tangent.", "atan(1.0)  // 0.78539816339744…"),
    (
        "atan2",
        &["atan2(y: Scalar, x: Scalar) -> Scalar"],
        "The angle of the point (x, y), from −π to π.",
        "atan2(1.0, -1.0)  // 2.35619449019234…",
    ),
    ("sinh", &["sinh(x: Scalar) -> Scalar"], "The hyperbolic sine.", "sinh(1.0)  // 1.1752011936438…"),
    ("cosh", &["cosh(x: Scalar) -> Scalar"], "The hyperbolic cosine.", "cosh(0.0)  // 1.0"),
    ("tanh", &["tanh(x: Scalar) -> Scalar"], "The hyperbolic tangent.", "tanh(0.5)  // 0.462117157260009…"),
    ("sigmoid", &["sigmoid(x: Scalar) -> Scalar"], "1 / (1 + e^−x).", "sigmoid(0.0)  // 0.5"),
    (
        "softplus",
        &["softplus(x: Scalar) -> Scalar"],
        "ln(1 + e^x), without overflow.",
        "softplus(0.0)  // 0.693147180559945…",
    ),
    ("erf", &["erf(x: Scalar) -> Scalar"], "The error function.", "erf(1.0)  // 0.84270079294971…"),
    (
        "stop_gradient",
        &["stop_gradient(x: Scalar) -> Scalar"],
        "x itself, but a constant to the chain rule: no gradient flows through it.",
        "stop_gradient(2.0) * 3.0  // 6.0",
    ),
    (
        "value",
        &["value(x: Scalar) -> number"],
        "x as a plain number, for printing. A function that uses it cannot be replayed: its script runs each time.",
        "value(2.5)  // 2.5",
    ),
    ("is_nan", &["is_nan(x: Scalar) -> bool"], "Whether x is not a number, such as 0/0.", "is_nan(0.0 / 0.0)  // true"),
    (
        "is_finite",
        &["is_finite(x: Scalar) -> bool"],
        "Whether x is neither infinite nor NaN.",
        "is_finite(1.0 / 0.0)  // false",
    ),
    ("is_infinite", &["is_infinite(x: Scalar) -> bool"], "Whether x is ∞ or −∞.", "is_infinite(1.0 / 0.0)  // true"),
];

pub(super) const CONSTANTS: &[Row] = &[
    (
        "PI",
        &["PI -> number", "PI() -> number"],
        "The ratio of a circle's circumference to its diameter.",
        "PI  // 3.141592653589793",
    ),
    ("E", &["E -> number", "E() -> number"], "The base of the natural logarithm.", "E  // 2.718281828459045"),
];

/// What a derivative is at a place where a function has a corner or a jump.
pub(super) struct Kink {
    pub(super) function: &'static str,
    pub(super) place: &'static str,
    pub(super) derivative: &'static str,
    /// The same as a function of x, with the place and the number, for the test.
    #[cfg_attr(not(test), allow(dead_code, reason = "the test holds the words to the tape"))]
    pub(super) tried: (&'static str, f64, f64),
}

pub(super) const KINKS: &[Kink] = &[
    Kink { function: "abs(x)", place: "x = 0", derivative: "0", tried: ("abs(z)", 0.0, 0.0) },
    Kink {
        function: "sign(x), floor(x), ceil(x), round(x)",
        place: "everywhere",
        derivative: "0",
        tried: ("sign(z) + floor(z) + ceil(z) + round(z)", 1.0, 0.0),
    },
    Kink {
        function: "max(x, y), min(x, y)",
        place: "x = y",
        derivative: "½ for each",
        tried: ("max(z, 1.0)", 1.0, 0.5),
    },
    Kink {
        function: "clamp(x, low, high)",
        place: "x = low, x = high",
        derivative: "1 for x",
        tried: ("clamp(z, 1.0, 2.0)", 1.0, 1.0),
    },
    Kink {
        function: "if x > 0.0 { x } else { 0.0 }",
        place: "x = 0",
        derivative: "that of the branch taken, here 0",
        tried: ("if z > 0.0 { z } else { 0.0 }", 0.0, 0.0),
    },
    Kink { function: "x ** y", place: "y = 0", derivative: "0 for x, even at x = 0", tried: ("z ** 0.0", 0.0, 0.0) },
    Kink { function: "x ** y", place: "x = 0, y ≥ 0", derivative: "0 for y", tried: ("0.0 ** z", 2.0, 0.0) },
    Kink { function: "norm(list)", place: "all are 0", derivative: "0", tried: ("[z, 0.0].norm()", 0.0, 0.0) },
    Kink { function: "x % y", place: "where it jumps", derivative: "1 for x", tried: ("z % 1.0", 2.0, 1.0) },
];
