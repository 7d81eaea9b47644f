//! Reference entries for operators, functions of numbers and constants.

use super::TableRow;

pub(super) const OPERATORS: &[TableRow] = &[
    (
        "+",
        &["x + y -> Scalar", "text + any -> text", "array + array -> array", "map + map -> map"],
        "The sum. Texts, arrays and maps are joined.",
        "0.5 + 2.0  // 2.5\n[1, 2] + [3]  // [1, 2, 3]",
    ),
    (
        "-",
        &["x - y -> Scalar", "-x -> Scalar"],
        "The difference, or the negation of a single number. Negation binds tighter than `**`: `-x ** 2` is `(-x) ** 2`.",
        "0.5 - 2.0  // -1.5\n-(3.0 ** 2)  // -9.0",
    ),
    ("*", &["x * y -> Scalar"], "The product.", "0.5 * 3.0  // 1.5"),
    (
        "/",
        &["x / y -> Scalar"],
        "The quotient. The quotient of two whole numbers is truncated to a whole number.",
        "1.0 / 4.0  // 0.25\n1 / 4  // 0",
    ),
    ("%", &["x % y -> Scalar"], "The remainder, with the sign of x.", "5.5 % 2.0  // 1.5\n-5.5 % 2.0  // -1.5"),
    ("**", &["x ** y -> Scalar"], "The power.", "2.0 ** 3.0  // 8.0\n9.0 ** 0.5  // 3.0"),
    (
        "+=",
        &["x += y -> ()"],
        "Adds to a variable or a field; `-=`, `*=`, `/=`, `%=` and `**=` work in the same way.",
        "let a = 1.0;\na += 2.5;\na  // 3.5",
    ),
    (
        "==",
        &["x == y -> bool"],
        "Whether both are equal, compared exactly. With a Scalar, the result selects the path of the trace.",
        "2.0 == 2  // true",
    ),
    ("!=", &["x != y -> bool"], "Whether both differ.", "2.0 != 2.5  // true"),
    ("<", &["x < y -> bool"], "Whether x is less than y.", "1.0 < 2.0  // true"),
    ("<=", &["x <= y -> bool"], "Whether x is at most y.", "2.0 <= 2.0  // true"),
    (">", &["x > y -> bool"], "Whether x is greater than y.", "1.0 > 2.0  // false"),
    (">=", &["x >= y -> bool"], "Whether x is at least y.", "2.0 >= 2.0  // true"),
    (
        "&&",
        &["bool && bool -> bool"],
        "Logical and. The right side is not evaluated if the left side is false.",
        "1.0 < 2.0 && 2.0 < 3.0  // true",
    ),
    (
        "||",
        &["bool || bool -> bool"],
        "Logical or. The right side is not evaluated if the left side is true.",
        "1.0 > 2.0 || 2.0 < 3.0  // true",
    ),
    ("!", &["!bool -> bool"], "Logical not.", "!(1.0 > 2.0)  // true"),
    (
        "in",
        &["any in array -> bool", "text in map -> bool", "int in range -> bool"],
        "Whether an array contains an element, a map a key, or a range a number.",
        "3 in [1, 2, 3]  // true\n\"a\" in #{ a: 1 }  // true",
    ),
    (
        "..",
        &["int..int -> range", "int..=int -> range"],
        "The whole numbers from the first up to the second, excluding it; `..=` includes it.",
        "let sum = 0;\nfor i in 1..=4 { sum += i; }\nsum  // 10",
    ),
    ("&", &["int & int -> int", "bool & bool -> bool"], "The bits that are set in both.", "6 & 3  // 2"),
    ("|", &["int | int -> int", "bool | bool -> bool"], "The bits that are set in at least one.", "6 | 3  // 7"),
    (
        "^",
        &["int ^ int -> int", "bool ^ bool -> bool"],
        "The bits that are set in exactly one. This is not the power, which is `**`.",
        "6 ^ 3  // 5",
    ),
    ("<<", &["int << int -> int"], "The bits shifted to the left.", "1 << 4  // 16"),
    (">>", &["int >> int -> int"], "The bits shifted to the right.", "16 >> 4  // 1"),
];

pub(super) const NUMBERS: &[TableRow] = &[
    ("exp", &["exp(x: Scalar) -> Scalar"], "e to the power of x.", "exp(1.0)  // 2.71828182845904…"),
    (
        "ln",
        &["ln(x: Scalar) -> Scalar"],
        "The natural logarithm; −∞ at 0, NaN below 0.",
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
    ("cbrt", &["cbrt(x: Scalar) -> Scalar"], "The cube root, also of negative numbers.", "cbrt(-8.0)  // -2.0"),
    (
        "pow",
        &["pow(x: Scalar, y: Scalar) -> Scalar"],
        "x to the power of y, the same as `x ** y`.",
        "pow(2.0, 10.0)  // 1024.0",
    ),
    ("abs", &["abs(x: Scalar) -> Scalar"], "The absolute value.", "abs(-2.5)  // 2.5"),
    ("sign", &["sign(x: Scalar) -> Scalar"], "The sign of x: −1, 0 or 1.", "sign(-2.5)  // -1.0"),
    (
        "min",
        &["min(x: Scalar, y: Scalar) -> Scalar", "min(list: array) -> Scalar"],
        "The smaller of two numbers, or the smallest element of an array.",
        "min(1.0, 2.0)  // 1.0\nmin([3.0, 1.0, 2.0])  // 1.0",
    ),
    (
        "max",
        &["max(x: Scalar, y: Scalar) -> Scalar", "max(list: array) -> Scalar"],
        "The larger of two numbers, or the largest element of an array.",
        "max(1.0, 2.0)  // 2.0\nmax([3.0, 1.0, 2.0])  // 3.0",
    ),
    (
        "clamp",
        &["clamp(x: Scalar, low: Scalar, high: Scalar) -> Scalar"],
        "x limited to the range from low to high.",
        "clamp(3.0, 0.0, 1.0)  // 1.0\nclamp(-3.0, 0.0, 1.0)  // 0.0",
    ),
    ("floor", &["floor(x: Scalar) -> Scalar"], "The largest whole number ≤ x.", "floor(-1.5)  // -2.0"),
    ("ceil", &["ceil(x: Scalar) -> Scalar"], "The smallest whole number ≥ x.", "ceil(1.2)  // 2.0"),
    (
        "round",
        &["round(x: Scalar) -> Scalar"],
        "The nearest whole number; halves are rounded away from zero.",
        "round(2.5)  // 3.0",
    ),
    ("sin", &["sin(x: Scalar) -> Scalar"], "The sine of an angle in radians.", "sin(0.5)  // 0.479425538604203"),
    ("cos", &["cos(x: Scalar) -> Scalar"], "The cosine of an angle in radians.", "cos(0.0)  // 1.0"),
    ("tan", &["tan(x: Scalar) -> Scalar"], "The tangent of an angle in radians.", "tan(0.5)  // 0.54630248984379…"),
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
        "x as a constant for the chain rule: no gradient flows through it.",
        "stop_gradient(2.0) * 3.0  // 6.0",
    ),
    (
        "value",
        &["value(x: Scalar) -> number"],
        "x as a plain number, for printing. The trace of a function that uses it cannot be replayed: its script runs each time.",
        "value(2.5)  // 2.5",
    ),
    (
        "is_nan",
        &["is_nan(x: Scalar) -> bool"],
        "Whether x is NaN (not a number), such as 0/0.",
        "is_nan(0.0 / 0.0)  // true",
    ),
    (
        "is_finite",
        &["is_finite(x: Scalar) -> bool"],
        "Whether x is neither infinite nor NaN.",
        "is_finite(1.0 / 0.0)  // false",
    ),
    ("is_infinite", &["is_infinite(x: Scalar) -> bool"], "Whether x is ∞ or −∞.", "is_infinite(1.0 / 0.0)  // true"),
];

pub(super) const CONSTANTS: &[TableRow] = &[
    (
        "PI",
        &["PI -> number", "PI() -> number"],
        "The ratio of a circle's circumference to its diameter.",
        "PI  // 3.141592653589793",
    ),
    ("E", &["E -> number", "E() -> number"], "The base of the natural logarithm.", "E  // 2.718281828459045"),
];

/// The derivative at a point where a function has a corner or a jump.
pub(super) struct Kink {
    pub(super) function: &'static str,
    pub(super) point: &'static str,
    pub(super) derivative: &'static str,
    /// The function body, the point and the expected derivative, for the test.
    #[cfg_attr(not(test), allow(dead_code, reason = "only the test evaluates it"))]
    pub(super) test_case: (&'static str, f64, f64),
}

pub(super) const KINKS: &[Kink] = &[
    Kink { function: "abs(x)", point: "x = 0", derivative: "0", test_case: ("abs(z)", 0.0, 0.0) },
    Kink {
        function: "sign(x), floor(x), ceil(x), round(x)",
        point: "everywhere",
        derivative: "0",
        test_case: ("sign(z) + floor(z) + ceil(z) + round(z)", 1.0, 0.0),
    },
    Kink {
        function: "max(x, y), min(x, y)",
        point: "x = y",
        derivative: "½ for each",
        test_case: ("max(z, 1.0)", 1.0, 0.5),
    },
    Kink {
        function: "clamp(x, low, high)",
        point: "x = low, x = high",
        derivative: "1 for x",
        test_case: ("clamp(z, 1.0, 2.0)", 1.0, 1.0),
    },
    Kink {
        function: "if x > 0.0 { x } else { 0.0 }",
        point: "x = 0",
        derivative: "that of the branch taken, here 0",
        test_case: ("if z > 0.0 { z } else { 0.0 }", 0.0, 0.0),
    },
    Kink {
        function: "x ** y",
        point: "y = 0",
        derivative: "0 for x, even at x = 0",
        test_case: ("z ** 0.0", 0.0, 0.0),
    },
    Kink { function: "x ** y", point: "x = 0, y ≥ 0", derivative: "0 for y", test_case: ("0.0 ** z", 2.0, 0.0) },
    Kink {
        function: "norm(list)",
        point: "all elements are 0",
        derivative: "0",
        test_case: ("[z, 0.0].norm()", 0.0, 0.0),
    },
    Kink { function: "x % y", point: "where it jumps", derivative: "1 for x", test_case: ("z % 1.0", 2.0, 1.0) },
];
