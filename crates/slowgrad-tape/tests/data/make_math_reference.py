#!/usr/bin/env python3
"""Writes the reference values that tests/math.rs holds the kernel of elementary functions to.

Every value is computed with mpmath far beyond f64 precision, so a reader can check the kernel
without trusting it. Columns: function, bits of the first argument, bits of the second (empty if
there is none), bits of the correctly rounded result, and the true value's distance from that result
in units in the last place, so that errors can be stated to a thousandth of such a unit.

    python3 make_math_reference.py                 # rewrites math_reference.csv
    python3 make_math_reference.py --points 20000 --output dense.csv
    python3 make_math_reference.py --coefficients  # prints the kernel's polynomials

Needs mpmath.
"""

import argparse
import csv
import math
import random
import struct
from pathlib import Path

import mpmath
from mpmath import mp, mpf

SMALLEST = 2.0**-1074
SMALLEST_NORMAL = 2.0**-1022
LARGEST = 1.7976931348623157e308


def to_bits(value):
    return f"{struct.unpack('<Q', struct.pack('<d', value))[0]:016x}"


def rounded(value):
    """The nearest f64 (ties to even, gradual underflow, overflow) and the rest in its ulps."""
    if value == 0:
        return 0.0, 0.0
    exponent = int(mpmath.floor(mpmath.log(abs(value), 2)))
    if mpf(2) ** exponent > abs(value):
        exponent -= 1
    quantum = mpf(2) ** max(exponent - 52, -1074)
    steps = mpmath.nint(value / quantum)
    if abs(steps * quantum) >= mpf(2) ** 1024:
        return math.copysign(math.inf, value), 0.0
    nearest = float(steps * quantum)
    return nearest, float(value / quantum - steps)


def neighbours(*centres):
    """Each centre and the f64 just below and above it."""
    found = []
    for centre in centres:
        found += [math.nextafter(centre, -math.inf), centre, math.nextafter(centre, math.inf)]
    return found


def signed(values):
    return [sign * value for value in values for sign in (1.0, -1.0)]


def uniform(rng, low, high):
    return lambda: rng.uniform(low, high)


def logarithmic(rng, low, high, both_signs=False):
    """Evenly spread exponents from 2^low to 2^high."""

    def draw():
        value = math.ldexp(rng.uniform(1.0, 2.0), rng.randint(low, high - 1))
        return -value if both_signs and rng.random() < 0.5 else value

    return draw


def cases(rng):
    """name -> (function, fixed arguments, sources of random arguments)."""
    tiny = [SMALLEST, 3 * SMALLEST, SMALLEST_NORMAL, 1e-300, 1e-100, 1e-20, 2.0**-53, 2.0**-27, 1e-5]
    near_zero = logarithmic(rng, -1074, 0, True)
    small = logarithmic(rng, -30, 1, True)
    ln2 = math.log(2)
    half_turns = [0.5 * math.pi * k for k in (1, 2, 3, 4, 5, 7, 11, 100, 1001, 12345, 63661)]
    angles = (
        signed(tiny)
        + neighbours(*half_turns, *(0.25 * math.pi * k for k in (1, 3, 5, 7)), 1e5)
        + [1e6, 1e10, 1e15, 1e16, 1e22, 1e100, 1e300, -1e300, LARGEST, 6381956970095103.0 * 2.0**797]
    )
    angle_sources = [
        uniform(rng, -7, 7),
        uniform(rng, -1e5, 1e5),
        small,
        logarithmic(rng, 16, 1023, True),
        lambda: math.nextafter(0.5 * math.pi * rng.randint(-60000, 60000), rng.choice([-1e9, 1e9])),
    ]
    positive = [SMALLEST, 5 * SMALLEST, SMALLEST_NORMAL, 1e-300, 0.1, 0.5, 1.5, 2.0, 3.0, 10.0, 1000.0, 1e15, 1e22, 2.0**100, LARGEST]
    positive += neighbours(1.0, math.sqrt(0.5), math.sqrt(2.0), SMALLEST_NORMAL)
    positive_sources = [
        logarithmic(rng, -1074, 1023),
        uniform(rng, 0.0, 4.0),
        uniform(rng, 0.7, 1.42),
        lambda: 1.0 + rng.choice([1, -1]) * math.ldexp(rng.uniform(1, 2), rng.randint(-50, -3)),
    ]
    unit = signed(tiny + neighbours(0.5) + [1.0, math.nextafter(1.0, 0.0), 1 - 1e-10, 0.75, 0.99])
    unit_sources = [
        uniform(rng, -1, 1),
        near_zero,
        lambda: rng.choice([1, -1]) * (1.0 - math.ldexp(rng.uniform(1, 2), rng.randint(-50, -3))),
        uniform(rng, -0.55, 0.55),
    ]
    exp_points = signed(tiny) + neighbours(*(k * ln2 / 2 for k in (-3, -2, -1, 1, 2, 3, 5, 40)))
    exp_points += [1.0, -1.0, 10.0, -10.0, 100.0, -100.0]
    underflow = neighbours(-708.3964185322641, -744.4400719213812, -745.1332191019412) + [-720.0, -740.0, -745.0]
    return {
        "exp": (
            mpmath.exp,
            exp_points + underflow + [-700.0] + neighbours(709.782712893384) + [709.5, 711.0],
            [uniform(rng, -1, 1), uniform(rng, -20, 20), uniform(rng, -745, 710), near_zero],
        ),
        "ln": (mpmath.log, positive, positive_sources),
        "log2": (lambda x: mpmath.log(x) / mpmath.log(2), positive, positive_sources),
        "log10": (lambda x: mpmath.log(x) / mpmath.log(10), positive, positive_sources),
        "sin": (mpmath.sin, angles, angle_sources),
        "cos": (mpmath.cos, angles, angle_sources),
        "tan": (mpmath.tan, angles, angle_sources),
        "asin": (mpmath.asin, unit, unit_sources),
        "acos": (mpmath.acos, unit, unit_sources),
        "atan": (
            mpmath.atan,
            signed(tiny + neighbours(1.0, math.tan(math.pi / 8), math.tan(3 * math.pi / 8)) + [1e5, 1e20, 1e300]),
            [uniform(rng, -5, 5), logarithmic(rng, -1074, 1023, True), logarithmic(rng, -20, 20, True)],
        ),
        "sinh": (
            mpmath.sinh,
            signed(tiny + [1.0, 22.0, 25.0, 700.0] + neighbours(710.4758600739439, 22.0, ln2 / 2)),
            [uniform(rng, -3, 3), uniform(rng, -30, 30), uniform(rng, -711, 711), near_zero],
        ),
        "cosh": (
            mpmath.cosh,
            signed(tiny + [1.0, 22.0, 25.0, 700.0] + neighbours(710.4758600739439, 22.0, ln2 / 2)),
            [uniform(rng, -3, 3), uniform(rng, -30, 30), uniform(rng, -711, 711), near_zero],
        ),
        "tanh": (
            mpmath.tanh,
            signed(tiny + [0.5, 1.0, 5.0, 19.0, 19.0615, 20.0, 25.0, 700.0] + neighbours(*(k * ln2 / 4 for k in (1, 3, 5, 7)))),
            [uniform(rng, -1, 1), uniform(rng, -4, 4), uniform(rng, -20, 20), near_zero, small],
        ),
        "sigmoid": (
            lambda x: 1 / (1 + mpmath.exp(-x)),
            exp_points + underflow + [36.0, 36.7, 37.5, 40.0, 700.0, 745.0, -36.0, -37.0, -700.0],
            [uniform(rng, -2, 2), uniform(rng, -8, 8), uniform(rng, -40, 40), uniform(rng, -746, 0), near_zero],
        ),
        "softplus": (
            lambda x: mpmath.log1p(mpmath.exp(x)),
            exp_points + underflow + [-0.8813735870195429, 0.8813735870195429, 36.0, 40.0, 700.0, 1e10, -36.0, -37.0, -700.0],
            [uniform(rng, -2, 2), uniform(rng, -8, 8), uniform(rng, -40, 40), uniform(rng, -746, 0), near_zero],
        ),
        "erf": (
            mpmath.erf,
            signed(tiny + neighbours(1.0) + [0.5, 0.99, 2.0, 3.0, 5.0, 5.9, 6.0, 7.0, 30.0, 1e10]),
            [uniform(rng, -1, 1), uniform(rng, -3, 3), uniform(rng, -6.5, 6.5), near_zero, uniform(rng, 0.9, 1.2)],
        ),
        "cbrt": (
            lambda x: mpmath.sign(x) * mpmath.cbrt(abs(x)),
            signed(tiny + [1.0, 8.0, 27.0, 1000.0, 1e30, 0.001, 0.125, LARGEST] + neighbours(1.0, 2.0, 4.0, 8.0)),
            [uniform(rng, -10, 10), logarithmic(rng, -1074, 1023, True), uniform(rng, 1, 8)],
        ),
    }


def power_points(rng, count):
    points = [(x, y) for x in (0.1, 0.9, 1.1, 2.0, 3.0, 10.0, 1e-10, 1e10) for y in (1.5, -0.5, 5.0, 7.0, -3.0, 1 / 3, 0.5, 2.0, 3.0, 4.0, -1.0)]
    points += [(-2.0, 3.0), (-2.0, 4.0), (-1.5, -5.0), (-10.0, 301.0), (-3.0, 2.0), (-7.0, 6.0)]
    points += [(math.nextafter(1.0, 2.0), 1e18), (math.nextafter(1.0, 0.0), 1e18), (1 + 1e-10, 5e12), (1 - 1e-10, 5e12)]
    points += [(2.0, -1074.0), (2.0, -1073.5), (2.0, 1023.5), (SMALLEST, 0.7), (SMALLEST, -0.9), (LARGEST, 0.99), (0.5, 1060.3)]
    points += [(2.0, 1e-300), (0.3, -1e-18), (10.0, -320.0), (10.0, 308.0), (7.0, -370.0)]
    while len(points) < count:
        kind = len(points) % 5
        if kind == 0:
            points.append((rng.uniform(0.0, 10.0), rng.uniform(-5, 5)))
        elif kind == 1:
            points.append((math.ldexp(rng.uniform(1, 2), rng.randint(-1000, 1000)), rng.uniform(-1.1, 1.1)))
        elif kind == 2:
            # The result anywhere in the range of f64.
            x = math.exp(rng.choice([1, -1]) * math.ldexp(rng.uniform(1, 2), rng.randint(-30, 8)))
            if x != 1.0:
                points.append((x, rng.uniform(-745, 709) / math.log(x)))
            else:
                points.append((rng.uniform(0.5, 2.0), rng.uniform(-700, 700)))
        elif kind == 3:
            points.append((-rng.uniform(0.1, 20.0), float(rng.randint(-50, 50))))
        else:
            points.append((rng.uniform(0.5, 2.0), rng.uniform(-1000, 1000)))
    return points


def angle_points(rng, count):
    values = [1.0, 2.0, 0.5, 1e-300, 1e300, SMALLEST, LARGEST, 1e-20]
    points = [(sy * y, sx * x) for y in values for x in values for sy, sx in ((1, 1), (-1, -1))]
    while len(points) < count:
        kind = len(points) % 4
        if kind == 0:
            points.append((rng.uniform(-5, 5), rng.uniform(-5, 5)))
        elif kind == 1:
            draw = logarithmic(rng, -1070, 1023, True)
            points.append((draw(), draw()))
        elif kind == 2:
            exponent = rng.randint(-1000, 900)
            points.append((math.ldexp(rng.uniform(-3, 3), exponent), math.ldexp(rng.uniform(-3, 3), exponent)))
        else:
            draw = logarithmic(rng, -60, 60, True)
            points.append((draw(), draw()))
    return points


def reference_rows(count):
    rng = random.Random(20240229)
    for name, (function, fixed, sources) in cases(rng).items():
        points = list(dict.fromkeys(fixed))
        index = 0
        while len(points) < count:
            points.append(sources[index % len(sources)]())
            index += 1
        for x in points:
            mp.prec = 1300 if name in ("sin", "cos", "tan") and abs(x) > 1e4 else 320
            # A tiny argument next to 1 needs more bits than the result.
            if name == "acos" and abs(x) < 1e-60:
                mp.prec = 1300
            value, rest = rounded(function(mpf(x)))
            yield name, to_bits(x), "", to_bits(value), f"{rest:.3f}"
    mp.prec = 320
    for x, y in power_points(rng, count):
        value, rest = rounded(mpf(x) ** mpf(y))
        yield "pow", to_bits(x), to_bits(y), to_bits(value), f"{rest:.3f}"
    for y, x in angle_points(rng, count):
        value, rest = rounded(mpmath.atan2(mpf(y), mpf(x)))
        if value == 0.0:
            value = math.copysign(value, y)
        yield "atan2", to_bits(y), to_bits(x), to_bits(value), f"{rest:.3f}"


def fit(function, low, high, degree):
    """Coefficients, ascending, of the interpolation in the Chebyshev points of [low, high]."""
    low, high, size = mpf(low), mpf(high), degree + 1
    angles = [mpmath.pi * (2 * k + 1) / (2 * size) for k in range(size)]
    centre, radius = (low + high) / 2, (high - low) / 2
    values = [function(centre + radius * mpmath.cos(a)) for a in angles]
    chebyshev = [2 * sum(v * mpmath.cos(j * a) for v, a in zip(values, angles)) / size for j in range(size)]
    chebyshev[0] /= 2
    basis = [[mpf(1)], [mpf(0), mpf(1)]]
    while len(basis) < size:
        following = [mpf(0)] + [2 * c for c in basis[-1]]
        for i, c in enumerate(basis[-2]):
            following[i] -= c
        basis.append(following)
    in_t = [mpf(0)] * size
    for weight, polynomial in zip(chebyshev, basis):
        for i, c in enumerate(polynomial):
            in_t[i] += weight * c
    in_x = [mpf(0)]
    for c in reversed(in_t):
        shifted = [mpf(0)] * (len(in_x) + 1)
        for i, value in enumerate(in_x):
            shifted[i + 1] += value / radius
            shifted[i] -= value * centre / radius
        shifted[0] += c
        in_x = shifted
    return [float(c) for c in in_x[:size]]


def coefficients():
    """The fits used in src/math, by the name of the function that holds them."""
    mp.prec = 400
    wider = mpf("1.0001")

    def of_square(function):
        return lambda z: function(mpmath.sqrt(z))

    def exp_rest(r):
        return (mpmath.expm1(r) - r - r * r / 2) / r**3 if abs(r) > mpf(10) ** -40 else mpf(1) / 6

    def artanh_rest(s):
        return (2 * mpmath.atanh(s) - 2 * s) / s**3

    def erfc_scaled(t):
        x = mpf(5) / 2 * (1 + t) / (1 - t)
        return mpmath.exp(x * x) * mpmath.erfc(x) * (1 + 2 * x)

    def mapped(x):
        return (mpf(x) - mpf(5) / 2) / (mpf(x) + mpf(5) / 2)

    r = mpmath.log(2) / 2 * wider
    s = ((mpmath.sqrt(2) - 1) / (mpmath.sqrt(2) + 1)) ** 2 * wider
    quarter = (mpmath.pi / 4 * wider) ** 2
    eighth = (mpmath.sqrt(2) - 1) ** 2 * wider
    return {
        "exp_series after 1/2": fit(exp_rest, -r, r, 9),
        "tanh": fit(of_square(lambda v: (mpmath.tanh(v) - v) / v**3), 0, (r / 2) ** 2, 5),
        "artanh_series": fit(of_square(artanh_rest), 0, s, 7),
        "ln_one_plus_pair": fit(of_square(lambda v: (artanh_rest(v) - mpf(2) / 3) / v**2), 0, s, 8),
        "sine_tail": fit(of_square(lambda v: (mpmath.sin(v) - v) / v**3), 0, quarter, 6),
        "cosine_parts": fit(of_square(lambda v: (mpmath.cos(v) - 1 + v * v / 2) / v**4), 0, quarter, 5),
        "arctangent_of_ratio": fit(of_square(lambda v: (mpmath.atan(v) - v) / v**3), 0, eighth, 11),
        "arcsine_series": fit(of_square(lambda v: (mpmath.asin(v) - v) / v**3), 0, mpf(1) / 4, 13),
        "erf, small": fit(of_square(lambda v: mpmath.erf(v) / v - 1), 0, 1, 12),
        "erf, large": fit(erfc_scaled, mapped("0.99"), mapped(6), 16),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--points", type=int, default=200, help="points per function")
    parser.add_argument("--output", type=Path, default=Path(__file__).with_name("math_reference.csv"))
    parser.add_argument("--coefficients", action="store_true", help="print the kernel's polynomials instead")
    arguments = parser.parse_args()
    if arguments.coefficients:
        for name, values in coefficients().items():
            print(name, *(repr(value) for value in values), sep="\n    ")
        return
    with arguments.output.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["function", "x_bits", "y_bits", "result_bits", "rest_ulp"])
        writer.writerows(reference_rows(arguments.points))


if __name__ == "__main__":
    main()
