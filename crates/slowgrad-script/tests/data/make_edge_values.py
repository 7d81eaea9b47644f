#!/usr/bin/env python3
"""Writes the reference values that tests/edges.rs holds the shipped plugins to.

Every activation, loss, penalty and update is computed from its definition with mpmath, with far more digits than f64
has and without overflow, at 0, the least subnormal number, powers of ten and the largest number, of both signs. The
results are correctly rounded to f64. Gradients come from dual numbers, with PyTorch's conventions at kinks.

    python3 make_edge_values.py      # rewrites edge_values.jsonl

Needs mpmath. A line holds the kind and name of a plugin, its controls, the inputs (for an update: w, grad, the state in
the order of its names, the step), the values (for an update: the new w and state) and the gradient of the first value.
Infinite numbers are texts. PyTorch's scripts in tests/reference are an independent source for usual inputs.
"""

import json
import math
from fractions import Fraction
from pathlib import Path

import mpmath
from mpmath import mp, mpf

mp.dps = 400
LEAST = 5e-324
LARGEST = 1.7976931348623157e308
SIZES = [LEAST, 1e-300, 1e-155, 1e-20, 1e-8, 1e-3, 1.0, 10.0, 40.0, 710.0, 750.0, 1e3, 1e20, 1e154, 1e155, 1e300, LARGEST]
EVERYWHERE = [0.0] + [sign * size for size in SIZES for sign in (1.0, -1.0)]
POSITIVE = [0.0] + SIZES
SHARES = [0.0, LEAST, 1e-300, 1e-100, 1e-40, 1e-20, 1e-13, 1e-8, 0.25, 0.5, 0.75, 1.0 - 2.0**-30, 1.0 - 2.0**-53, 1.0]


def rounded(x):
    """The nearest f64, ties to even, with overflow and gradual underflow."""
    sign, man, exponent, bits = mpf(x)._mpf_
    if not man:
        return 0.0
    top = exponent + bits
    if top > 1025:
        return -math.inf if sign else math.inf
    if top < -1080:
        return -0.0 if sign else 0.0
    try:
        return float(Fraction(-man if sign else man) * Fraction(2) ** exponent)
    except OverflowError:
        return -math.inf if sign else math.inf


class Dual:
    """A number with its derivatives by the inputs."""

    def __init__(self, value, parts):
        self.value, self.parts = mpf(value), parts

    def map(self, value, slope):
        return Dual(value, [slope * part for part in self.parts])

    def lift(self, other):
        return other if isinstance(other, Dual) else Dual(other, [mpf(0)] * len(self.parts))

    def __add__(self, other):
        other = self.lift(other)
        return Dual(self.value + other.value, [a + b for a, b in zip(self.parts, other.parts)])

    def __neg__(self):
        return self.map(-self.value, -1)

    def __mul__(self, other):
        other = self.lift(other)
        parts = [a * other.value + b * self.value for a, b in zip(self.parts, other.parts)]
        return Dual(self.value * other.value, parts)

    def __sub__(self, other):
        return self + -self.lift(other)

    def __rsub__(self, other):
        return self.lift(other) - self

    def __truediv__(self, other):
        other = self.lift(other)
        return self * other.map(1 / other.value, -1 / other.value**2)

    def __rtruediv__(self, other):
        return self.lift(other) / self

    __radd__, __rmul__ = __add__, __mul__


def exp(x):
    value = mpmath.exp(x.value)
    return x.map(value, value)


def expm1(x):
    return x.map(mpmath.expm1(x.value), mpmath.exp(x.value))


def ln(x):
    return x.map(mpmath.log(x.value), 1 / x.value)


def tanh(x):
    value = mpmath.tanh(x.value)
    return x.map(value, mpmath.sech(x.value) ** 2)


def logistic(x):
    return 1 / (1 + mpmath.exp(-x))


def sigmoid(x):
    return x.map(logistic(x.value), logistic(x.value) * logistic(-x.value))


def softplus(x):
    value = x.value + mpmath.log1p(mpmath.exp(-x.value)) if x.value > 0 else mpmath.log1p(mpmath.exp(x.value))
    return x.map(value, logistic(x.value))


def chance(x):
    """The normal distribution function."""
    if abs(x.value) > 1000:
        return x.map(1 if x.value > 0 else 0, 0)
    density = mpmath.exp(-x.value**2 / 2) / mpmath.sqrt(2 * mpmath.pi)
    return x.map(mpmath.erfc(-x.value / mpmath.sqrt(2)) / 2, density)


def absolute(x):
    return x.map(abs(x.value), mpmath.sign(x.value))


def square(x):
    return x * x


def constant(x, value):
    return x.map(value, 0)


def total(terms):
    terms = list(terms)
    return sum(terms[1:], terms[0])


# The controls' defaults; sliders of the scripts are f64, so the decimal numbers are read as f64, too.
SELU_ALPHA, SELU_SCALE = mpf(1.6732632423543772), mpf(1.0507009873554805)


def on_sides(z, left, right):
    return right(z) if z.value > 0 else left(z)


ACTIVATIONS = {
    "celu": lambda z: on_sides(z, expm1, lambda z: z),
    "elu": lambda z: on_sides(z, expm1, lambda z: z),
    "gelu": lambda z: z * chance(z),
    "gelu_tanh": lambda z: z * 0.5 * (1 + tanh(mpmath.sqrt(2 / mpmath.pi) * (z + mpf(0.044715) * z * z * z))),
    "hardswish": lambda z: constant(z, 0) if z.value <= -3 else z * (z + 3) / 6 if z.value < 3 else z,
    "hardtanh": lambda z: z if -1 < z.value < 1 else constant(z, mpmath.sign(z.value)),
    "identity": lambda z: z,
    "leaky_relu": lambda z: on_sides(z, lambda z: z * mpf(0.01), lambda z: z),
    "mish": lambda z: z * tanh(softplus(z)),
    "prelu": lambda z: on_sides(z, lambda z: z * 0.25, lambda z: z),
    "relu": lambda z: on_sides(z, lambda z: constant(z, 0), lambda z: z),
    "relu6": lambda z: constant(z, 0) if z.value <= 0 else z if z.value < 6 else constant(z, 6),
    "selu": lambda z: SELU_SCALE * on_sides(z, lambda z: SELU_ALPHA * expm1(z), lambda z: z),
    "sigmoid": sigmoid,
    "silu": lambda z: z * sigmoid(z),
    "softplus": softplus,
    "softsign": lambda z: z / (1 + absolute(z)),
    "tanh": tanh,
}


def shifted(z):
    """The inputs minus the largest, and the logarithm of the sum of their exponentials."""
    largest = max(x.value for x in z)
    below = [x - largest for x in z]
    return below, ln(total(exp(x) for x in below))


def log_softmax(z):
    below, log_total = shifted(z)
    return [x - log_total for x in below]


LAYERS = {"log_softmax": log_softmax, "softmax": lambda z: [exp(x) for x in log_softmax(z)]}


def mean(terms):
    terms = list(terms)
    return total(terms) / len(terms)


def bounded_ln(x, steep):
    """The logarithm, at least −100. Below `steep` the slope is 1e12."""
    value = max(mpmath.log(x.value), mpf(-100)) if x.value > 0 else mpf(-100)
    return x.map(value, 1 / x.value if x.value >= steep else mpf(1e12))


def surprise(o, t, steep=mpf(1e-12)):
    return -(t * bounded_ln(o, steep) + (1 - t) * bounded_ln(1 - o, steep))


def focal(o, t, gamma=2, alpha=0.25):
    doubt = 1 - (t * o + (1 - t) * (1 - o))
    share = alpha * t + (1 - alpha) * (1 - t)
    return share * doubt * doubt * surprise(o, t)


def gaussian(o, t):
    half = len(o) // 2
    terms = []
    for mean_of, log_variance, target in zip(o[:half], o[half:], t):
        d = mean_of - target
        terms.append((log_variance + d * d * exp(-log_variance)) * 0.5)
    return mean(terms)


def huber(o, t):
    d = absolute(o - t)
    return square(d) * 0.5 if d.value <= 1 else d - 0.5


def hinge(o, t):
    missing = 1 - t * o
    return missing if missing.value > 0 else constant(missing, 0)


def quantile(o, t, q=mpf(0.9)):
    short = t - o
    if short.value == 0:
        return short * (q - 0.5)
    return short * (q if short.value > 0 else q - 1)


def selected(o, t, term):
    """The sum over the outputs whose target is not 0."""
    return total([constant(o[0], 0)] + [term(o, t) for o, t in zip(o, t) if t != 0])


def kl(o, t):
    return selected(o, t, lambda o, t: t * (mpmath.log(t) - o))


def cross_entropy(o, t):
    below, log_total = shifted(o)
    return selected(below, t, lambda x, t: t * (log_total - x))


def each(term):
    return lambda o, t: mean(term(o, t) for o, t in zip(o, t))


def log_cosh(o, t):
    d = absolute(o - t)
    return d + softplus(-2 * d) - mpmath.log(2)


REAL = [([o], [t]) for o in EVERYWHERE for t in (0.0, 1.0, -1.0)]
CERTAIN = [([o], [t]) for o in SHARES for t in (0.0, 1.0, 0.25)]
DISTRIBUTIONS = [([p, 1.0 - p], t) for p in SHARES for t in ([1.0, 0.0], [0.0, 1.0], [0.25, 0.75])]
LOGS = [([-size, -1.0], t) for size in POSITIVE for t in ([1.0, 0.0], [0.0, 1.0], [0.25, 0.75])]
VECTORS = [v for x in EVERYWHERE for v in ([x, -x, 0.0], [x, x, x], [x, 1.0, 2.0])]
# The difference of two logits is the first operation of the loss, so it has to be a number.
LOGITS = [(v, t) for v in VECTORS if max(v) - min(v) <= LARGEST for t in ([1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.25, 0.25, 0.5])]

# name -> (controls, function, points)
LOSSES = [
    ("binary_cross_entropy", {}, each(surprise), CERTAIN),
    ("binary_cross_entropy_with_logits", {}, each(lambda o, t: t * softplus(-o) + (1 - t) * softplus(o)), [([o], [t]) for o in EVERYWHERE for t in (0.0, 1.0, 0.25)]),
    ("categorical_cross_entropy", {}, lambda o, t: selected(o, t, lambda o, t: -t * bounded_ln(o, mpmath.exp(-100))), DISTRIBUTIONS),
    ("cross_entropy_with_logits", {}, cross_entropy, LOGITS),
    ("focal", {}, each(focal), CERTAIN),
    ("gaussian_nll", {}, gaussian, [([m, s], [t, 0.0]) for m in (0.0, 1.0, 3.0, 1e-155, 1e155, -1e300) for t in (0.0, 1.0) for s in EVERYWHERE]),
    ("half_squared_error", {}, lambda o, t: total(square(a - b) for a, b in zip(o, t)) * 0.5, REAL),
    ("hinge", {}, each(hinge), REAL),
    ("huber", {}, each(huber), REAL),
    ("kl_divergence", {}, kl, LOGS),
    ("kl_divergence", {"log_target": True}, lambda o, t: total(mpmath.exp(t) * (t - o) for o, t in zip(o, t)), [([-size, -1.0], [t, -0.5]) for size in POSITIVE for t in (0.0, -0.5, -800.0, -LARGEST)]),
    ("log_cosh", {}, each(log_cosh), REAL),
    ("mae", {}, each(lambda o, t: absolute(o - t)), REAL),
    ("mse", {}, each(lambda o, t: square(o - t)), REAL),
    ("nll", {}, lambda o, t: selected(o, t, lambda o, t: -t * o), LOGS),
    ("poisson_nll", {}, each(lambda o, t: exp(o) - t * o), [([o], [t]) for o in EVERYWHERE for t in (0.0, 1.0, 7.0)]),
    ("poisson_nll", {"log_input": False}, each(lambda o, t: o - t * ln(o + mpf(1e-8))), [([o], [t]) for o in POSITIVE for t in (0.0, 1.0, 7.0)]),
    ("quantile", {}, each(quantile), REAL),
    ("smooth_l1", {}, each(huber), REAL),
    ("squared_hinge", {}, each(lambda o, t: square(hinge(o, t))), REAL),
]

STRENGTH = mpf(0.01)
PENALTIES = {
    "elastic": lambda w: STRENGTH * (absolute(w) * 0.5 + square(w) * 0.25),
    "l1": lambda w: STRENGTH * absolute(w),
    "l2": lambda w: STRENGTH * square(w) * 0.5,
}


# The updates. A state field is an f64, so `stored` rounds what is assigned to it.
# ±∞ can be in a field: 1e155 squared is beyond the largest number.
def stored(x):
    return mpf(rounded(x)) if mpmath.isfinite(x) else x


sqrt = mpmath.sqrt
ONE = mpf(1)


def adadelta(w, g, s, step, lr=ONE, rho=mpf(0.9), eps=mpf(1e-6)):
    sq = stored(rho * s["square"] + (1 - rho) * g * g)
    by = sqrt(s["square_of_steps"] + eps) / sqrt(sq + eps) * g
    return w - lr * by, {"square": sq, "square_of_steps": stored(rho * s["square_of_steps"] + (1 - rho) * by * by)}


def adagrad(w, g, s, step, lr=mpf(0.01), eps=mpf(1e-10)):
    sum_of = stored(s["sum"] + g * g)
    return w - lr * g / (sqrt(sum_of) + eps), {"sum": sum_of}


def moments(g, s, beta1=mpf(0.9), beta2=mpf(0.999)):
    return stored(beta1 * s["m"] + (1 - beta1) * g), stored(beta2 * s["v"] + (1 - beta2) * g * g)


def adam(w, g, s, step, lr=mpf(0.001), decay=mpf(0), largest=False, beta1=mpf(0.9), beta2=mpf(0.999), eps=mpf(1e-8)):
    m, v = moments(g, s)
    state = {"m": m, "v": v}
    if largest:
        v = max(s["largest_v"], v)
        state["largest_v"] = v
    root = sqrt(v) / sqrt(1 - beta2**step) + eps
    return w * (1 - lr * decay) - lr / (1 - beta1**step) * m / root, state


def lion(w, g, s, step, lr=mpf(0.0001), beta1=mpf(0.9), beta2=mpf(0.99)):
    return w - lr * mpmath.sign(beta1 * s["m"] + (1 - beta1) * g), {"m": stored(beta2 * s["m"] + (1 - beta2) * g)}


def momentum(w, g, s, step, lr=mpf(0.1), mu=mpf(0.9), ahead=False):
    velocity = stored(mu * s["velocity"] + g)
    return w - lr * (g + mu * velocity if ahead else velocity), {"velocity": velocity}


def nadam(w, g, s, step, lr=mpf(0.002), beta1=mpf(0.9), beta2=mpf(0.999), eps=mpf(1e-8), decay=mpf(0.004)):
    mixture = lambda at: beta1 * (1 - mpf(0.5) * mpf(0.96) ** (at * decay))
    mu, following = mixture(step), mixture(step + 1)
    product = stored(s["product"] * mu)
    m, v = moments(g, s)
    now = (1 - mu) * g / (1 - product)
    then = following * m / (1 - product * following)
    return w - lr * (now + then) / (sqrt(v / (1 - beta2**step)) + eps), {"m": m, "v": v, "product": product}


def radam(w, g, s, step, lr=mpf(0.001), beta1=mpf(0.9), beta2=mpf(0.999), eps=mpf(1e-8)):
    m, v = moments(g, s)
    mean_of, most = m / (1 - beta1**step), 2 / (1 - beta2) - 1
    known = most - 2 * step * beta2**step / (1 - beta2**step)
    if known > 5:
        rectified = sqrt((known - 4) * (known - 2) * most / ((most - 4) * (most - 2) * known))
        mean_of = mean_of * rectified * sqrt(1 - beta2**step) / (sqrt(v) + eps)
    return w - lr * mean_of, {"m": m, "v": v}


def rmsprop(w, g, s, step, lr=mpf(0.01), alpha=mpf(0.99), eps=mpf(1e-8), centered=False):
    sq = stored(alpha * s["square"] + (1 - alpha) * g * g)
    mean_of = stored(alpha * s["mean"] + (1 - alpha) * g) if centered else s["mean"]
    variance = max(sq - mean_of * mean_of, mpf(0))
    return w - lr * g / (sqrt(variance) + eps), {"square": sq, "mean": mean_of, "velocity": s["velocity"]}


def rprop(w, g, s, step, lr=mpf(0.01)):
    size = lr if s["size"] == 0 else s["size"]
    agreement, before = g * s["before"], g
    if agreement > 0:
        size = size * mpf(1.2)
    elif agreement < 0:
        size, before = size * mpf(0.5), mpf(0)
    size = stored(min(max(size, mpf(0.000001)), mpf(50)))
    return w - mpmath.sign(before) * size, {"before": before, "size": size}


def descend(w, g, s, step, lr=mpf(0.1), of=lambda g: g):
    return w - lr * of(g), {}


by_norm = lambda g: min(1 / (abs(g) + mpf(0.000001)), ONE) * g
zeros = lambda *names: {name: mpf(0) for name in names}
UPDATES = [
    ("adadelta", {}, adadelta, zeros("square", "square_of_steps")),
    ("adagrad", {}, adagrad, zeros("sum")),
    ("adam", {}, adam, zeros("m", "v")),
    ("adamw", {}, lambda *a: adam(*a, decay=mpf(0.01)), zeros("m", "v")),
    ("amsgrad", {}, lambda *a: adam(*a, largest=True), zeros("m", "v", "largest_v")),
    ("lion", {}, lion, zeros("m")),
    ("momentum", {}, momentum, zeros("velocity")),
    ("nadam", {}, nadam, {**zeros("m", "v"), "product": ONE}),
    ("nesterov", {}, lambda *a: momentum(*a, ahead=True), zeros("velocity")),
    ("radam", {}, radam, zeros("m", "v")),
    ("rmsprop", {}, rmsprop, zeros("square", "mean", "velocity")),
    ("rmsprop", {"centered": True}, lambda *a: rmsprop(*a, centered=True), zeros("square", "mean", "velocity")),
    ("rprop", {}, rprop, zeros("before", "size")),
    ("sgd", {}, descend, {}),
    ("sgd_clip_norm", {}, lambda *a: descend(*a, of=by_norm), {}),
    ("sgd_clip_value", {}, lambda *a: descend(*a, of=lambda g: min(max(g, -ONE), ONE)), {}),
]


def lars(w, g, s, step, lr=ONE, trust=mpf(0.02), mu=mpf(0.9), decay=mpf(0.0001)):
    """A layer with one weight and one bias, whose norms are absolute values."""
    (w, bias), (g, slope) = w, g
    rate = lr * trust * abs(w) / (abs(g) + decay * abs(w)) if w and g else lr
    velocity = stored(mu * s["velocity"][0] + rate * (g + decay * w))
    of_bias = stored(mu * s["velocity"][1] + lr * slope)
    return (w - velocity, bias - of_bias), {"velocity": (velocity, of_bias)}


# The gradients of the first steps, as factors.
SIGNS = [1.0, -1.0, -1.0, 1.0, 1.0, 1.0, 1.0]


def duals(numbers):
    return [Dual(x, [mpf(i == j) for j in range(len(numbers))]) for i, x in enumerate(numbers)]


def row(kind, name, controls, inputs, values, grads=()):
    def numbers(found):
        found = [rounded(x) if mpmath.isfinite(x) else float(x) for x in found]
        return [x if math.isfinite(x) else str(x) for x in found]

    made = {"kind": kind, "name": name, "inputs": numbers(map(mpf, inputs)), "values": numbers(values)}
    if controls:
        made["controls"] = controls
    if grads:
        made["grads"] = numbers(grads)
    return json.dumps(made, separators=(",", ":"), allow_nan=False)


def rows():
    for name, function in ACTIVATIONS.items():
        for z in EVERYWHERE:
            found = function(*duals([z]))
            yield row("activations", name, {}, [z], [found.value], found.parts)
    for name, function in LAYERS.items():
        for z in VECTORS:
            found = function(duals(z))
            yield row("activations", name, {}, z, [x.value for x in found], found[0].parts)
    for name, controls, function, points in LOSSES:
        for output, target in points:
            found = function(duals(output), [mpf(t) for t in target])
            yield row("losses", name, controls, output + target, [found.value], found.parts)
    for name, function in PENALTIES.items():
        for w in EVERYWHERE:
            found = function(*duals([w]))
            yield row("regularizers", name, {}, [w], [found.value], found.parts)
    for name, controls, function, start in UPDATES:
        # A weight of usual size for some steps, and one step of a huge one.
        for w, signs in ((0.5, SIGNS), (-1e155, SIGNS[:1])):
            for size in POSITIVE:
                at, state = mpf(w), dict(start)
                for step, sign in enumerate(signs, 1):
                    # 0.1 times the least number is rounded to 0, so that lion's direction is lost.
                    g = mpf(sign * (1e-320 if name == "lion" and size == LEAST else size))
                    names = sorted(state)
                    inputs = [at, g, *(state[field] for field in names), step]
                    at, state = function(at, g, state, mpf(step))
                    yield row("optimizers", name, controls, inputs, [at, *(state[field] for field in names)])
                    at = stored(at)
    for w, signs in ((0.5, SIGNS), (-1e155, SIGNS[:1]), (0.0, SIGNS[:1])):
        for size in POSITIVE:
            at, state = (mpf(w), mpf(0.25)), {"velocity": (mpf(0), mpf(0))}
            for step, sign in enumerate(signs, 1):
                g = (mpf(sign * size), mpf(-sign * size))
                inputs = [*at, *g, *state["velocity"], step]
                at, state = lars(at, g, state, mpf(step))
                yield row("optimizers", "lars", {}, inputs, [*at, *state["velocity"]])
                at = tuple(map(stored, at))


if __name__ == "__main__":
    lines = list(rows())
    Path(__file__).with_name("edge_values.jsonl").write_text("\n".join(lines) + "\n")
    print(f"{len(lines)} rows")
