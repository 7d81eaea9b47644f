//! The elementary functions against a high-precision reference, their edge cases and invariants, and equality of the
//! bits of a lane and of a single call.

#![allow(clippy::unreadable_literal, reason = "numbers next to a boundary are copied by machine")]

use slowgrad_tape::math::{
    TRIG_FAST_LIMIT, acos, asin, atan, atan2, cbrt, cos, cos_fast, cosh, erf, exp, fma, ln, log2, log10, pow, sigmoid,
    sin, sin_fast, sinh, softplus, tan, tanh,
};
use std::f64::consts::{FRAC_PI_2, FRAC_PI_4, PI};

type Unary = fn(f64) -> f64;
type Binary = fn(f64, f64) -> f64;

/// Every function of one argument with its error bound in ulp.
const UNARY: [(&str, Unary, f64); 17] = [
    ("exp", exp, 1.0),
    ("ln", ln, 1.0),
    ("log2", log2, 0.75),
    ("log10", log10, 0.75),
    ("sin", sin, 1.0),
    ("cos", cos, 1.0),
    ("tan", tan, 1.0),
    ("asin", asin, 0.75),
    ("acos", acos, 0.75),
    ("atan", atan, 0.75),
    ("sinh", sinh, 1.0),
    ("cosh", cosh, 1.0),
    ("tanh", tanh, 0.75),
    ("sigmoid", sigmoid, 1.0),
    ("softplus", softplus, 1.0),
    ("erf", erf, 1.0),
    ("cbrt", cbrt, 0.75),
];

/// Every function of two arguments with its error bound in ulp.
const BINARY: [(&str, Binary, f64); 2] = [("pow", pow, 0.75), ("atan2", atan2, 0.75)];

/// Compares bits, those of `NaN` too.
#[track_caller]
fn assert_bits(got: f64, expected: f64) {
    assert_eq!(got.to_bits(), expected.to_bits(), "got {got:e}, expected {expected:e}");
}

fn bits(field: &str) -> f64 {
    f64::from_bits(u64::from_str_radix(field, 16).expect("sixteen hexadecimal digits"))
}

/// Distance in ulp of `got` from the exact value, which is `nearest` plus `rest` ulp of it.
fn error_ulp(got: f64, nearest: f64, rest: f64) -> f64 {
    if got.to_bits() == nearest.to_bits() {
        return rest.abs();
    }
    if !got.is_finite() || !nearest.is_finite() || got.is_sign_negative() != nearest.is_sign_negative() {
        return f64::INFINITY;
    }
    let steps = got.to_bits() as i64 - nearest.to_bits() as i64;
    let outwards = if nearest < 0.0 { -rest } else { rest };
    (steps as f64 - outwards).abs()
}

#[test]
fn values_stay_within_their_error_bounds() {
    let reference = include_str!("data/math_reference.csv");
    let mut checked = 0;
    let mut worst: Vec<(&str, f64, f64)> = UNARY.iter().map(|&(name, _, bound)| (name, bound, 0.0)).collect();
    worst.extend(BINARY.iter().map(|&(name, _, bound)| (name, bound, 0.0)));
    for line in reference.lines().skip(1) {
        let fields: Vec<&str> = line.split(',').collect();
        let [name, x, y, nearest, rest] = fields[..] else { panic!("five columns: {line}") };
        let got = if let Some((_, function, _)) = UNARY.iter().find(|entry| entry.0 == name) {
            function(bits(x))
        } else {
            let entry = BINARY.iter().find(|entry| entry.0 == name);
            let (_, function, _) = entry.expect("a function of the kernel");
            function(bits(x), bits(y))
        };
        let error = error_ulp(got, bits(nearest), rest.parse().expect("a number"));
        let entry = worst.iter_mut().find(|entry| entry.0 == name).expect("listed");
        // x·x·x and (x·x)·(x·x) are documented as such, with their roundings.
        let by_hand = name == "pow" && [3.0, 4.0].contains(&bits(y));
        let bound = if by_hand { 2.0 } else { entry.1 };
        assert!(error <= bound, "{name}: {error} ulp from the truth, got {got:e}: {line}");
        entry.2 = error.max(entry.2);
        checked += 1;
    }
    assert!(checked > 3500, "only {checked} reference values");
    for (name, _, error) in worst {
        assert!(error > 0.0, "{name} has no reference values");
    }
}

#[test]
fn nan_is_always_the_same_nan() {
    let others = [f64::NAN, -f64::NAN, f64::from_bits(0x7ff4_0000_dead_beef)];
    for nan in others {
        for (_, function, _) in UNARY {
            assert_bits(function(nan), f64::NAN);
        }
        for (_, function, _) in BINARY {
            assert_bits(function(nan, 2.0), f64::NAN);
            assert_bits(function(2.0, nan), f64::NAN);
        }
        assert_bits(sin_fast(nan), f64::NAN);
        assert_bits(cos_fast(nan), f64::NAN);
    }
    for x in [f64::INFINITY, f64::NEG_INFINITY] {
        for function in [sin, cos, tan, asin, acos] {
            assert_bits(function(x), f64::NAN);
        }
    }
    for function in [ln, log2, log10] {
        for x in [-1.0, -5e-324, f64::NEG_INFINITY] {
            assert_bits(function(x), f64::NAN);
        }
    }
    for x in [1.0000000000000002, -1.0000000000000002, 1e300] {
        assert_bits(asin(x), f64::NAN);
        assert_bits(acos(x), f64::NAN);
    }
}

#[test]
fn infinities_and_zeros() {
    let inf = f64::INFINITY;
    assert_bits(exp(inf), inf);
    assert_bits(exp(-inf), 0.0);
    assert_bits(exp(0.0), 1.0);
    assert_bits(exp(-0.0), 1.0);
    assert_bits(exp(1000.0), inf);
    assert_bits(exp(-1000.0), 0.0);
    for function in [ln, log2, log10] {
        assert_bits(function(0.0), -inf);
        assert_bits(function(-0.0), -inf);
        assert_bits(function(inf), inf);
        assert_bits(function(1.0), 0.0);
    }
    // Odd functions keep the sign of zero.
    for function in [sin, sin_fast, tan, asin, atan, sinh, tanh, erf, cbrt] {
        assert_bits(function(0.0), 0.0);
        assert_bits(function(-0.0), -0.0);
    }
    for function in [cos, cos_fast, cosh] {
        assert_bits(function(0.0), 1.0);
        assert_bits(function(-0.0), 1.0);
    }
    for (function, limit) in [(tanh as Unary, 1.0), (erf, 1.0), (atan, FRAC_PI_2), (sinh, inf), (cbrt, inf)] {
        assert_bits(function(inf), limit);
        assert_bits(function(-inf), -limit);
    }
    assert_bits(tanh(1e-300), 1e-300);
    assert_bits(tanh(5e-324), 5e-324);
    assert_bits(tanh(1000.0), 1.0);
    assert_bits(cosh(-inf), inf);
    assert_bits(sigmoid(inf), 1.0);
    assert_bits(sigmoid(-inf), 0.0);
    assert_bits(sigmoid(0.0), 0.5);
    assert_bits(sigmoid(-0.0), 0.5);
    assert_bits(sigmoid(-700.0), exp(-700.0));
    assert_bits(softplus(inf), inf);
    assert_bits(softplus(-inf), 0.0);
    assert_bits(softplus(-700.0), exp(-700.0));
    assert_bits(softplus(40.0), 40.0);
    assert_bits(acos(1.0), 0.0);
    assert_bits(acos(-1.0), PI);
    assert_bits(asin(1.0), FRAC_PI_2);
}

#[test]
fn exact_results_are_exact() {
    for k in -1074..=1023 {
        assert_bits(log2(pow(2.0, f64::from(k))), f64::from(k));
    }
    let mut ten = 1.0;
    for k in 0..=22 {
        assert_bits(log10(ten), f64::from(k));
        ten *= 10.0;
    }
    for k in 1..=1000 {
        let k = f64::from(k);
        assert_bits(cbrt(k * k * k), k);
        assert_bits(cbrt(-k * k * k), -k);
    }
}

#[test]
fn power_follows_ieee_754() {
    let inf = f64::INFINITY;
    for base in [f64::NAN, 0.0, -0.0, 1.0, -3.5, inf, -inf] {
        assert_bits(pow(base, 0.0), 1.0);
        assert_bits(pow(base, -0.0), 1.0);
    }
    for exponent in [f64::NAN, inf, -inf, 0.3, 1e300] {
        assert_bits(pow(1.0, exponent), 1.0);
    }
    assert_bits(pow(-1.0, inf), 1.0);
    assert_bits(pow(-1.0, -inf), 1.0);
    assert_bits(pow(-1.0, 1e300), 1.0);
    assert_bits(pow(-1.0, 9007199254740991.0), -1.0);
    assert_bits(pow(-1.0, 9007199254740992.0), 1.0);
    for (base, exponent, expected) in [
        (0.0, -3.0, inf),
        (-0.0, -3.0, -inf),
        (-0.0, -2.0, inf),
        (-0.0, -0.5, inf),
        (-0.0, -inf, inf),
        (0.0, 3.0, 0.0),
        (-0.0, 3.0, -0.0),
        (-0.0, 2.0, 0.0),
        (-0.0, 0.5, 0.0),
        (0.0, inf, 0.0),
        (0.5, inf, 0.0),
        (0.5, -inf, inf),
        (-0.5, -inf, inf),
        (2.0, inf, inf),
        (2.0, -inf, 0.0),
        (-2.0, inf, inf),
        (-inf, -3.0, -0.0),
        (-inf, -2.0, 0.0),
        (-inf, 3.0, -inf),
        (-inf, 2.0, inf),
        (-inf, 0.5, inf),
        (-inf, -0.5, 0.0),
        (inf, -1.0, 0.0),
        (-inf, -1.0, -0.0),
        (inf, 0.1, inf),
        (inf, -0.1, 0.0),
        (2.0, 1024.0, inf),
        (2.0, -1080.0, 0.0),
        (-2.0, 1025.0, -inf),
        (-2.0, -1081.0, -0.0),
        (2.0, 1e308, inf),
        (0.9999999999999999, 1e308, 0.0),
    ] {
        assert_bits(pow(base, exponent), expected);
    }
    for (base, exponent) in [(-2.0, 0.5), (-2.0, 1.5), (-5e-324, 0.1), (-1e300, -2.5)] {
        assert_bits(pow(base, exponent), f64::NAN);
    }
}

#[test]
fn atan2_follows_c99() {
    let inf = f64::INFINITY;
    for (y, x, expected) in [
        (0.0, 0.0, 0.0),
        (-0.0, 0.0, -0.0),
        (0.0, -0.0, PI),
        (-0.0, -0.0, -PI),
        (0.0, 2.0, 0.0),
        (-0.0, 2.0, -0.0),
        (0.0, -2.0, PI),
        (-0.0, -2.0, -PI),
        (1.0, 0.0, FRAC_PI_2),
        (-1.0, -0.0, -FRAC_PI_2),
        (1.0, inf, 0.0),
        (-1.0, inf, -0.0),
        (1.0, -inf, PI),
        (-1.0, -inf, -PI),
        (inf, 3.0, FRAC_PI_2),
        (-inf, -3.0, -FRAC_PI_2),
        (inf, inf, FRAC_PI_4),
        (inf, -inf, 3.0 * FRAC_PI_4),
        (-inf, inf, -FRAC_PI_4),
        (-inf, -inf, -3.0 * FRAC_PI_4),
    ] {
        assert_bits(atan2(y, x), expected);
    }
}

/// `SplitMix64` (Steele, Lea and Flood, 2014): enough to spread test arguments.
struct Bits(u64);

impl Bits {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Uniform in [0, 1).
    fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / 9007199254740992.0
    }
}

/// 10,000 arguments: moderate ones, wide ones, any bit pattern, and the edges.
fn arguments() -> Vec<f64> {
    let mut random = Bits(7);
    let edges = [0.0, -0.0, 1.0, -1.0, f64::INFINITY, f64::NEG_INFINITY, f64::NAN, 5e-324, -5e-324];
    (0..10_000)
        .map(|index| match index % 5 {
            0 => 8.0 * random.unit() - 4.0,
            1 => 100.0 * random.unit() - 50.0,
            2 => 2000.0 * random.unit() - 1000.0,
            3 => f64::from_bits(random.next()),
            _ if index % 100 == 99 => edges[index / 100 % edges.len()],
            _ => (2.0 * random.unit() - 1.0) * TRIG_FAST_LIMIT,
        })
        .collect()
}

#[test]
fn powers_a_reader_works_out_by_hand() {
    let canonical = |value: f64| if value.is_nan() { f64::NAN } else { value };
    for x in arguments() {
        assert_bits(pow(x, 0.0), 1.0);
        assert_bits(pow(x, 1.0), canonical(x));
        assert_bits(pow(x, 2.0), canonical(x * x));
        assert_bits(pow(x, 3.0), canonical(x * x * x));
        assert_bits(pow(x, 4.0), canonical((x * x) * (x * x)));
        assert_bits(pow(x, -1.0), canonical(1.0 / x));
        if x.is_sign_positive() {
            assert_bits(pow(x, 0.5), canonical(x.sqrt()));
        }
    }
}

#[test]
fn symmetries_and_ranges() {
    for x in arguments().into_iter().filter(|x| !x.is_nan()) {
        for function in [sin, tan, atan, asin, sinh, tanh, erf, cbrt] {
            let (right, left) = (function(x), function(-x));
            if right.is_nan() {
                assert_bits(left, f64::NAN);
            } else {
                assert_bits(left, -right);
            }
        }
        for function in [cos, cosh] {
            assert_bits(function(-x), function(x));
        }
        assert!((0.0..=1.0).contains(&sigmoid(x)), "sigmoid({x:e})");
        assert!((-1.0..=1.0).contains(&tanh(x)), "tanh({x:e})");
        assert!((-1.0..=1.0).contains(&erf(x)), "erf({x:e})");
        assert!(exp(x) >= 0.0, "exp({x:e})");
        assert!(softplus(x) >= 0.0 && softplus(x) >= x, "softplus({x:e})");
        assert!(cosh(x) >= 1.0, "cosh({x:e})");
        if x.is_finite() {
            assert!((-1.0..=1.0).contains(&sin(x)), "sin({x:e})");
            assert!((-1.0..=1.0).contains(&cos(x)), "cos({x:e})");
        }
        if x.abs() <= TRIG_FAST_LIMIT {
            assert_bits(sin_fast(x), sin(x));
            assert_bits(cos_fast(x), cos(x));
        }
    }
}

#[test]
fn fused_multiply_add_rounds_once() {
    let x = 1.0 + f64::EPSILON;
    assert_bits(fma(x, x, -(x * x)), f64::EPSILON * f64::EPSILON);
    assert_bits(fma(1e300, 1e300, f64::NEG_INFINITY), f64::NEG_INFINITY);
    assert_bits(fma(5e-324, 0.5, 5e-324), 1e-323);
}

/// Name and lane loop of each function.
type LaneLoops = Vec<(&'static str, fn(&[f64], &mut [f64]))>;

/// A loop over lanes, compiled with these attributes.
macro_rules! lane_loop {
    ($function:ident, [$($attribute:meta),*]) => {
        $(#[$attribute])*
        fn $function(x: &[f64], out: &mut [f64]) {
            for (out, &x) in out.iter_mut().zip(x) {
                *out = slowgrad_tape::math::$function(x);
            }
        }
    };
}

/// A module with the loops of all functions, compiled with these attributes.
macro_rules! lane_loops {
    ($module:ident, $attributes:tt) => {
        lane_loops!(
            $module, $attributes, exp, ln, log2, log10, sin, cos, sin_fast, cos_fast, tan, asin,
            acos, atan, sinh, cosh, tanh, sigmoid, softplus, erf, cbrt
        );
    };
    ($module:ident, $attributes:tt, $($function:ident),+) => {
        mod $module {
            $(lane_loop!($function, $attributes);)+

            #[allow(unsafe_code, reason = "the processor must have the features")]
            #[allow(unused_unsafe, reason = "the plain loops are safe to call")]
            pub(super) fn all() -> super::LaneLoops {
                // SAFETY: `loops_for_this_processor` uses a module only if its features exist.
                vec![$((stringify!($function), |x, out| unsafe { $function(x, out) })),+]
            }
        }
    };
}

lane_loops!(plain, []);
#[cfg(target_arch = "x86_64")]
lane_loops!(avx2, [target_feature(enable = "avx2,fma")]);
#[cfg(target_arch = "x86_64")]
lane_loops!(avx512, [target_feature(enable = "avx512f,avx512dq,avx512vl,fma")]);

fn loops_for_this_processor() -> Vec<(&'static str, LaneLoops)> {
    let plain = ("plain", plain::all());
    #[cfg(target_arch = "x86_64")]
    {
        let mut sets = vec![plain];
        if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
            sets.push(("avx2", avx2::all()));
            if is_x86_feature_detected!("avx512f")
                && is_x86_feature_detected!("avx512dq")
                && is_x86_feature_detected!("avx512vl")
            {
                sets.push(("avx512", avx512::all()));
            }
        }
        sets
    }
    #[cfg(not(target_arch = "x86_64"))]
    vec![plain]
}

fn pow_lanes(x: &[f64], y: &[f64], out: &mut [f64]) {
    for ((out, &x), &y) in out.iter_mut().zip(x).zip(y) {
        *out = pow(x, y);
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
fn pow_lanes_avx2(x: &[f64], y: &[f64], out: &mut [f64]) {
    for ((out, &x), &y) in out.iter_mut().zip(x).zip(y) {
        *out = pow(x, y);
    }
}

#[test]
fn powers_in_lanes_have_the_bits_of_single_calls() {
    let x = arguments();
    let mut y = x.clone();
    y.rotate_left(1237);
    let single: Vec<u64> = x.iter().zip(&y).map(|(&x, &y)| one_power(x, y).to_bits()).collect();
    let mut out = vec![0.0; x.len()];
    pow_lanes(&x, &y, &mut out);
    assert!(out.iter().map(|v| v.to_bits()).eq(single.iter().copied()));
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
        #[allow(unsafe_code, reason = "the processor must have the features")]
        // SAFETY: both features exist on this processor.
        unsafe {
            pow_lanes_avx2(&x, &y, &mut out);
        }
        assert!(out.iter().map(|v| v.to_bits()).eq(single.iter().copied()));
    }
}

#[inline(never)]
fn one_power(x: f64, y: f64) -> f64 {
    pow(x, y)
}

#[test]
fn a_lane_and_a_single_call_give_the_same_bits() {
    let x = arguments();
    for (set, loops) in loops_for_this_processor() {
        for (name, lanes) in loops {
            let mut out = vec![0.0; x.len()];
            lanes(&x, &mut out);
            let function = match name {
                // Results beyond the limit are unspecified, but equal.
                "sin_fast" => sin_fast,
                "cos_fast" => cos_fast,
                _ => UNARY.iter().find(|entry| entry.0 == name).expect("listed").1,
            };
            for (&x, &lane) in x.iter().zip(&out) {
                let single = std::hint::black_box(function)(x);
                assert_eq!(lane.to_bits(), single.to_bits(), "{set} {name}({x:e}): {lane:e}, {single:e}");
            }
        }
    }
}
