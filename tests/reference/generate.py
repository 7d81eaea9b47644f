#!/usr/bin/env python3
"""Reference numbers for slowgrad, computed by PyTorch in float64.

How to run (only to add or change a case; building, testing and CI never need torch,
they read the committed files):

    python3 -m venv venv && venv/bin/pip install torch numpy safetensors
    venv/bin/python tests/reference/generate.py                # writes the data files beside this script
    venv/bin/python tests/reference/generate.py --list         # shows the cases
    venv/bin/python tests/reference/generate.py --compare      # recomputes, shows the distance to the committed numbers
    venv/bin/python tests/reference/generate.py --check-file WEIGHTS.safetensors [--same-as OTHER.safetensors]
                                                # loads a file slowgrad wrote into torch.nn.Sequential, prints OK

README.md in this folder describes the format. Everything is seeded: the same torch on the same
kind of machine writes the same bytes.

A case is a small spec (see CASES). It is only written when it is a fair test, that is when
  * rounding does not decide the outcome: initial weights perturbed by 1e-13 (relative), and
    batches summed in reverse order, change every final parameter by less than 1e-11 (relative),
  * no value ever comes closer than 1e-7 to a kink (relu at 0, mae at o = t, huber at delta, ...),
  * both sides of every kink are taken, so that each branch is tested; so are both of every max and branch of an
    optimizer that a value may sit on (amsgrad's largest v, rprop's limit),
  * training lowers the loss over the whole data set, and every parameter moves.
"""

import argparse
import json
import math
import random
import sys
from pathlib import Path

try:
    import safetensors
    import safetensors.torch
    import torch
    import torch.nn.functional as F
except ImportError as missing:
    sys.exit(f"generate.py: {missing}; pip install torch numpy safetensors (the committed files need neither)")

HERE = Path(__file__).resolve().parent
LOSS_STEPS = [1, 2, 10, 100, 200]
PERTURBATION = 1e-13
STABLE = 1e-11
KINK_MARGIN = 1e-7


# ---------------------------------------------------------------------------------------------
# Plugins. Each is the torch computation; controls arrive as keywords, their defaults stand here.
# ---------------------------------------------------------------------------------------------

ACTIVATIONS = {
    "identity": lambda z: z,
    "relu": F.relu,
    "leaky_relu": lambda z, slope=0.01: F.leaky_relu(z, slope),
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    # F.softplus becomes the identity above its threshold; the default of 20 costs 2e-9 there.
    "softplus": lambda z: F.softplus(z, threshold=40.0),
    "softmax": lambda z: torch.softmax(z, dim=-1),
    "log_softmax": lambda z: torch.log_softmax(z, dim=-1),
    "elu": lambda z, alpha=1.0: F.elu(z, alpha),
    "selu": F.selu,
    "celu": lambda z, alpha=1.0: F.celu(z, alpha),
    "gelu": F.gelu,
    "gelu_tanh": lambda z: F.gelu(z, approximate="tanh"),
    "silu": F.silu,
    "mish": F.mish,
    "softsign": F.softsign,
    "hardtanh": lambda z, low=-1.0, high=1.0: F.hardtanh(z, low, high),
    "hardswish": F.hardswish,
    "relu6": F.relu6,
    "prelu": lambda z, slope=0.25: F.prelu(z, torch.tensor(slope, dtype=torch.float64)),
    # the custom ones, see SCRIPTS
    "swish": lambda z, beta=1.0: z * torch.sigmoid(beta * z),
    "relu_if": F.relu,
    "softmax_by_hand": lambda z: torch.softmax(z, dim=-1),
}

# The loss of one sample is a mean or a sum over its components (last dimension),
# the loss of a batch the mean over its samples.
LOSSES = {
    "mse": lambda o, t: F.mse_loss(o, t, reduction="none").mean(-1).mean(),
    "half_squared_error": lambda o, t: (0.5 * (o - t) ** 2).sum(-1).mean(),
    "mae": lambda o, t: F.l1_loss(o, t, reduction="none").mean(-1).mean(),
    "huber": lambda o, t, delta=1.0: F.huber_loss(o, t, reduction="none", delta=delta).mean(-1).mean(),
    # torch keeps each ln at -100 or above
    "binary_cross_entropy": lambda o, t: F.binary_cross_entropy(o, t, reduction="none").mean(-1).mean(),
    "binary_cross_entropy_with_logits": lambda o, t: F.binary_cross_entropy_with_logits(o, t, reduction="none").mean(-1).mean(),
    "cross_entropy_with_logits": lambda o, t: F.cross_entropy(o, t),
    # on probabilities, not on logits
    "categorical_cross_entropy": lambda o, t: -(t * torch.log(o)).sum(-1).mean(),
    # ln cosh d = |d| + softplus(-2|d|) - ln 2, which F.softplus knows
    "log_cosh": lambda o, t: ((o - t).abs() + F.softplus(-2.0 * (o - t).abs()) - math.log(2.0)).mean(-1).mean(),
    "smooth_l1": lambda o, t, beta=1.0: F.smooth_l1_loss(o, t, reduction="none", beta=beta).mean(-1).mean(),
    # torch has no hinge of two classes; these are the definitions
    "hinge": lambda o, t: F.relu(1.0 - t * o).mean(-1).mean(),
    "squared_hinge": lambda o, t: (F.relu(1.0 - t * o) ** 2).mean(-1).mean(),
    "focal": lambda o, t, gamma=2.0, alpha=0.25: focal(o, t, gamma, alpha).mean(-1).mean(),
    "kl_divergence": lambda o, t, log_target=False: F.kl_div(o, t, reduction="batchmean", log_target=log_target),
    "nll": lambda o, t: F.nll_loss(o, t.argmax(-1)),
    "poisson_nll": lambda o, t, log_input=True, epsilon=1e-8: F.poisson_nll_loss(
        o, t, log_input=log_input, eps=epsilon, reduction="none"
    ).mean(-1).mean(),
    "gaussian_nll": lambda o, t: gaussian_nll(o, t).mean(-1).mean(),
    "quantile": lambda o, t, quantile=0.9: torch.maximum(quantile * (t - o), (quantile - 1.0) * (t - o)).mean(-1).mean(),
}


def focal(p, t, gamma, alpha):
    """torchvision.ops.sigmoid_focal_loss, from its line that has the probabilities on."""
    surprise = F.binary_cross_entropy(p, t, reduction="none")
    p_t = p * t + (1 - p) * (1 - t)
    return (alpha * t + (1 - alpha) * (1 - t)) * surprise * ((1 - p_t) ** gamma)


def gaussian_nll(o, t):
    """The outputs are means, then logarithms of variances; only the first half of the targets counts."""
    mean, log_variance = o.chunk(2, dim=-1)
    return F.gaussian_nll_loss(mean, t.chunk(2, dim=-1)[0], log_variance.exp(), eps=1e-12, reduction="none")


# Added to a batch's mean loss, over the weights and not the biases.
REGULARIZERS = {
    "l1": lambda w, strength=0.01: strength * w.abs().sum(),
    "l2": lambda w, strength=0.01: 0.5 * strength * w.square().sum(),
    "elastic": lambda w, strength=0.01, ratio=0.5: strength
    * (ratio * w.abs().sum() + 0.5 * (1.0 - ratio) * w.square().sum()),
}

# Signed distance to the kink of a piecewise plugin, over all values met while training; by name when there
# are several.
KINKS = {
    "relu": lambda z: z,
    "relu_if": lambda z: z,
    "leaky_relu": lambda z, slope=0.01: z,
    "mae": lambda o, t: o - t,
    "huber": lambda o, t, delta=1.0: (o - t).abs() - delta,
    "elu": lambda z, alpha=1.0: z,
    "selu": lambda z: z,
    "celu": lambda z, alpha=1.0: z,
    "hardtanh": lambda z, low=-1.0, high=1.0: {"low": z - low, "high": z - high},
    "hardswish": lambda z: {"low": z + 3.0, "high": z - 3.0},
    "relu6": lambda z: {"low": z, "high": z - 6.0},
    "prelu": lambda z, slope=0.25: z,
    "smooth_l1": lambda o, t, beta=1.0: (o - t).abs() - beta,
    "hinge": lambda o, t: 1.0 - t * o,
    "squared_hinge": lambda o, t: 1.0 - t * o,
    "quantile": lambda o, t, quantile=0.9: t - o,
    "l1": lambda w, strength=0.01: w,
    "elastic": lambda w, strength=0.01, ratio=0.5: w,
}


class ClippedSgd(torch.optim.Optimizer):
    """Plain SGD whose step is scaled down when the norm of all gradients exceeds `limit`."""

    def __init__(self, parameters, lr, limit=1.0):
        super().__init__(parameters, dict(lr=lr, limit=limit))
        self.kinks = []

    @torch.no_grad()
    def step(self):
        (group,) = self.param_groups
        # clip_grad_norm_ would add 1e-6 to the norm, the script does not.
        norm = math.sqrt(sum((p.grad**2).sum().item() for p in group["params"]))
        self.kinks.append(norm - group["limit"])
        scale = min(1.0, group["limit"] / norm)
        for p in group["params"]:
            p -= group["lr"] * scale * p.grad


class Clipped(torch.optim.SGD):
    """Plain SGD after one of torch's own functions that clip gradients."""

    def __init__(self, parameters, lr, clip, distance):
        super().__init__(parameters, lr=lr, foreach=False)
        self.clip, self.distance, self.kinks = clip, distance, []

    def step(self):
        (group,) = self.param_groups
        self.kinks.extend(self.distance([p.grad for p in group["params"]]))
        self.clip(group["params"])
        super().step()


def clipped_by_value(parameters, lr, clip_value=1.0):
    distance = lambda grads: [g.abs().sub(clip_value) for grad in grads for g in grad.flatten()]
    return Clipped(parameters, lr, lambda p: torch.nn.utils.clip_grad_value_(p, clip_value), distance)


def clipped_by_norm(parameters, lr, max_norm=1.0):
    distance = lambda grads: [torch.cat([grad.flatten() for grad in grads]).norm() + 1e-6 - max_norm]
    return Clipped(parameters, lr, lambda p: torch.nn.utils.clip_grad_norm_(p, max_norm), distance)


class Lion(torch.optim.Optimizer):
    """As the authors publish it (google/automl, lion_pytorch.py); torch has none."""

    def __init__(self, parameters, lr, betas, weight_decay):
        super().__init__(parameters, dict(lr=lr, betas=betas, weight_decay=weight_decay))
        self.kinks = []

    @torch.no_grad()
    def step(self):
        (group,) = self.param_groups
        beta1, beta2 = group["betas"]
        for p in group["params"]:
            p.data.mul_(1 - group["lr"] * group["weight_decay"])
            exp_avg = self.state[p].setdefault("exp_avg", torch.zeros_like(p))
            update = exp_avg * beta1 + p.grad * (1 - beta1)
            self.kinks.extend(update.flatten())
            p.add_(update.sign_(), alpha=-group["lr"])
            exp_avg.mul_(beta2).add_(p.grad, alpha=1 - beta2)


class Rprop(torch.optim.Rprop):
    """torch's own, watched."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.kinks, self.sides = [], {"rprop": []}

    def step(self):
        (group,) = self.param_groups
        for p in group["params"]:
            before = self.state[p].get("prev", torch.zeros_like(p))
            # the direction, and whether it is the one of before; a weight that was held back has no before
            self.kinks.extend(p.grad.flatten())
            self.sides["rprop"].extend((p.grad * before).sign().flatten())
        super().step()
        most = group["step_sizes"][1]
        if most < 50.0:  # torch's default is never reached
            sizes = torch.cat([self.state[p]["step_size"].flatten() for p in group["params"]])
            self.sides.setdefault("rprop at its most", []).extend((sizes == most) * 2.0 - 1.0)


class Amsgrad(torch.optim.Adam):
    """torch's own, watched: does the largest v rise, or is it of an earlier step?"""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, amsgrad=True, **kwargs)
        self.sides = {"amsgrad": []}

    def step(self):
        super().step()
        for state in self.state.values():
            rises = state["max_exp_avg_sq"] == state["exp_avg_sq"]
            self.sides["amsgrad"].extend(rises.flatten() * 2.0 - 1.0)


def make_optimizer(name, parameters, lr, **c):
    o = torch.optim
    betas = (c.pop("beta1", 0.9), c.pop("beta2", 0.99 if name == "lion" else 0.999))
    eps = {"eps": c.pop("epsilon")} if "epsilon" in c else {}
    if name == "sgd":
        return o.SGD(parameters, lr=lr, foreach=False, **c)
    if name in ("momentum", "nesterov"):
        mu = c.pop("momentum", 0.9)
        return o.SGD(parameters, lr=lr, momentum=mu, nesterov=name == "nesterov", foreach=False, **c)
    # What is not said here has torch's default, which the scripts have too.
    if name == "adam":
        return o.Adam(parameters, lr=lr, betas=betas, foreach=False, **eps)
    if name == "adamw":
        decay = {"weight_decay": c[key] for key in ("decay", "weight_decay") if key in c}
        return o.AdamW(parameters, lr=lr, betas=betas, foreach=False, **eps, **decay)
    if name == "amsgrad":
        return Amsgrad(parameters, lr=lr, betas=betas, foreach=False, **eps)
    if name == "nadam":
        return o.NAdam(parameters, lr=lr, betas=betas, foreach=False, **eps, **c)
    if name == "radam":
        return o.RAdam(parameters, lr=lr, betas=betas, foreach=False, **eps)
    if name == "rmsprop":
        return o.RMSprop(parameters, lr=lr, foreach=False, **eps, **c)
    if name == "adagrad":
        return o.Adagrad(parameters, lr=lr, foreach=False, **eps, **c)
    if name == "adadelta":
        return o.Adadelta(parameters, lr=lr, foreach=False, **eps, **c)
    if name == "lion":
        return Lion(parameters, lr=lr, betas=betas, weight_decay=c.get("weight_decay", 0.0))
    if name == "rprop":
        etas = (c.get("shrink", 0.5), c.get("grow", 1.2))
        sizes = (c.get("least", 1e-6), c.get("most", 50.0))
        return Rprop(parameters, lr=lr, etas=etas, step_sizes=sizes, foreach=False)
    if name == "sgd_clip_value":
        return clipped_by_value(parameters, lr=lr, **c)
    if name == "sgd_clip_norm":
        return clipped_by_norm(parameters, lr=lr, **c)
    if name == "clipped_sgd":
        return ClippedSgd(parameters, lr=lr, **c)
    raise KeyError(f"no optimizer {name!r}")


def make_schedule(name, optimizer, lr, count="steps", **c):
    """torch's schedule and whether it counts epochs; it is told after each step or after each epoch."""
    s = torch.optim.lr_scheduler
    made = {
        "step": lambda every=30.0, gamma=0.1: s.StepLR(optimizer, int(every), gamma),
        "exponential": lambda gamma=0.99: s.ExponentialLR(optimizer, gamma),
        "cosine": lambda length=200.0, least=0.0: s.CosineAnnealingLR(optimizer, int(length), least * lr),
        "warm_up": lambda start=1.0 / 3.0, length=5.0: s.LinearLR(optimizer, start, 1.0, int(length)),
        "one_cycle": lambda length=200.0, rise=0.3, div=25.0, final_div=1e4: s.OneCycleLR(
            optimizer, lr, int(length), pct_start=rise, div_factor=div, final_div_factor=final_div, cycle_momentum=False
        ),
    }[name](**c)
    return made, count == "epochs"


# ---------------------------------------------------------------------------------------------
# Custom plugins as a lesson author would write them. Torch's side of each is above: its own
# implementation where it has one, so the script's numbers are compared with an independent source.
# ---------------------------------------------------------------------------------------------

SCRIPTS = {
    "mish": ("activations", """\
/// z times the tanh of softplus(z)
fn activation(z) { z * tanh(ln(1.0 + exp(z))) }
"""),
    "swish": ("activations", """\
/// z times a sigmoid whose steepness is a control
fn params() { #{ beta: slider(1.0, 0.1, 10.0) } }
fn activation(z, p) { z / (1.0 + exp(-p.beta * z)) }
"""),
    "relu_if": ("activations", """\
/// relu, written as a branch
fn activation(z) {
    if z > 0.0 { z } else { 0.0 }
}
"""),
    "softmax_by_hand": ("activations", """\
/// exponentials divided by their sum
fn activation_layer(z) {
    let powers = z.map(|x| exp(x));
    let total = powers.sum();
    powers.map(|x| x / total)
}
"""),
    "log_cosh": ("losses", """\
/// mean of ln cosh of the error
fn loss(output, target) {
    let s = 0.0;
    for i in 0..output.len {
        s += ln(cosh(output[i] - target[i]));
    }
    s / output.len
}
"""),
    "rmsprop": ("optimizers", """\
/// divides by the root of a running mean of squared gradients
fn state() { #{ square: 0.0 } }
fn params() { #{ lr: log_slider(0.01, 0.00001, 1.0), alpha: slider(0.99, 0.0, 1.0) } }
fn update(w, grad, state, ctx) {
    state.square = ctx.alpha * state.square + (1.0 - ctx.alpha) * grad * grad;
    w - ctx.lr * grad / (sqrt(state.square) + 1e-8)
}
"""),
    "adamw": ("optimizers", """\
/// Adam with decoupled weight decay
fn state() { #{ m: 0.0, v: 0.0 } }
fn params() {
    #{
        lr: log_slider(0.001, 0.00001, 1.0),
        beta1: slider(0.9, 0.0, 1.0),
        beta2: slider(0.999, 0.0, 1.0),
        epsilon: log_slider(1e-8, 1e-12, 0.1),
        decay: slider(0.01, 0.0, 1.0),
    }
}
fn update(w, grad, state, ctx) {
    let shrunk = w - ctx.lr * ctx.decay * w;
    state.m = ctx.beta1 * state.m + (1.0 - ctx.beta1) * grad;
    state.v = ctx.beta2 * state.v + (1.0 - ctx.beta2) * grad * grad;
    let m = state.m / (1.0 - ctx.beta1 ** ctx.step);
    let v = state.v / (1.0 - ctx.beta2 ** ctx.step);
    shrunk - ctx.lr * m / (sqrt(v) + ctx.epsilon)
}
"""),
    "clipped_sgd": ("optimizers", """\
/// SGD with the gradient clipped by its global norm
fn params() { #{ lr: log_slider(0.1, 0.00001, 1.0), limit: slider(1.0, 0.0, 10.0) } }
fn update(w, grad, state, ctx) {
    let scale = 1.0;
    if ctx.grad_norm > ctx.limit {
        scale = ctx.limit / ctx.grad_norm;
    }
    w - ctx.lr * scale * grad
}
"""),
}


# ---------------------------------------------------------------------------------------------
# Data. Three decimals are enough, and keep the files readable.
# ---------------------------------------------------------------------------------------------


def samples(count, width, targets, seed, scale=1.0):
    """`count` points uniform in a cube, each with targets(x) -> list."""
    rng = random.Random(seed)
    made = []
    for _ in range(count):
        x = [round(rng.uniform(-scale, scale), 3) for _ in range(width)]
        made.append({"input": x, "target": [round(float(t), 3) for t in targets(x)]})
    return made


def one_hot(index, of):
    return [1.0 if i == index else 0.0 for i in range(of)]


def softened(scores):
    """Probabilities to three decimals that sum to one exactly as decimals."""
    powers = [math.exp(s) for s in scores]
    p = [round(v / sum(powers), 3) for v in powers]
    return p[:-1] + [round(1.0 - sum(p[:-1]), 3)]


def dataset(name):
    return {
        # the four corners twice, slightly apart: 8 samples
        "xor": lambda: [
            {"input": [a + d, b - d], "target": [float(a != b)]} for d in (0.0, 0.125) for a in (0, 1) for b in (0, 1)
        ],
        "wave": lambda: samples(12, 2, lambda x: [math.sin(2 * x[0]) * 0.6 + 0.3 * x[1]], 11),
        "plane": lambda: samples(10, 2, lambda x: [0.8 * x[0] - 0.5 * x[1] + 0.2], 12),
        "ring": lambda: samples(15, 2, lambda x: [float(x[0] ** 2 + x[1] ** 2 > 0.6)], 13),
        "three": lambda: samples(15, 3, lambda x: [x[0] * x[1], x[1] - 0.5 * x[2], math.cos(2 * x[2])], 14, 1.5),
        "classes": lambda: samples(18, 2, lambda x: one_hot(0 if x[0] > 0.2 else 1 if x[1] > 0 else 2, 3), 15),
        "soft_classes": lambda: samples(13, 2, lambda x: softened([x[0], x[1], 0.5 - x[0]]), 16, 1.5),
        "two_chances": lambda: samples(14, 3, lambda x: [0.5 + 0.4 * math.sin(x[0] + x[1]), 0.5 + 0.4 * x[2]], 17),
        "wide": lambda: samples(18, 5, lambda x: [x[0] * x[1] + x[2], math.tanh(x[3] - x[4])], 18),
        # inputs so far out that every part of hardswish and relu6 is met
        "far": lambda: samples(18, 2, lambda x: [0.4 * x[0] + math.sin(x[1])], 21, 6.0),
        "signs": lambda: samples(16, 2, lambda x: [1.0 if x[0] - 0.7 * x[1] > 0.1 else -1.0], 22),
        "log_classes": lambda: samples(13, 2, lambda x: [math.log(p) for p in softened([x[0], x[1], 0.5 - x[0]])], 16, 1.5),
        "counts": lambda: samples(14, 2, lambda x: [round(2.0 + 2.0 * x[0] - x[1] ** 2) if x[0] > -0.8 else 0.0], 23),
        # wanted numbers, then a zero for each
        "spread": lambda: samples(14, 2, lambda x: [x[0] + (x[1] if x[0] > 0 else 0.1 * x[1]), 0.0], 24),
        "two_spreads": lambda: samples(15, 3, lambda x: [x[0] * x[1], x[2] ** 2, 0.0, 0.0], 25),
        "outliers": lambda: samples(16, 2, lambda x: [x[0] - x[1] + (3.0 if x[0] > 0.6 else 0.0)], 19),
        # two inputs so large that the sigmoid is exactly 1: once right, once wrong, where ln(1 - o) is clamped
        "saturated": lambda: samples(8, 2, lambda x: [float(x[0] + x[1] > 0.1)], 20)
        + [{"input": [120.0, 90.0], "target": [1.0]}, {"input": [110.0, 100.0], "target": [0.0]}],
    }[name]()


def initial_parameters(layers, seed):
    """Uniform within Xavier's bound, biases within 0.3, four decimals; weight[out][in]."""
    rng = random.Random(seed)
    made = []
    for n_in, n_out in zip(layers, layers[1:]):
        bound = math.sqrt(6.0 / (n_in + n_out))
        weight = [[round(rng.uniform(-bound, bound), 4) for _ in range(n_in)] for _ in range(n_out)]
        bias = [round(rng.uniform(-0.3, 0.3), 4) for _ in range(n_out)]
        made.append({"weight": weight, "bias": bias})
    return made


# ---------------------------------------------------------------------------------------------
# The cases
# ---------------------------------------------------------------------------------------------


def case(name, layers, activation, output, loss, optimizer, lr, data, batch, seed, initial=None, **more):
    """A plugin is a name, or a map of its name and the controls that leave their defaults. `more` may have a
    regularizer and a schedule. Custom plugins are only in the cases whose name starts with script_."""
    samples_ = dataset(data)
    spec = {
        "name": name,
        "layers": layers,
        "activation": activation,
        "output": output,
        "loss": loss,
        "optimizer": {"name": optimizer} if isinstance(optimizer, str) else optimizer,
        **more,
        "params": {"lr": lr},
        "data": samples_,
        "batch": len(samples_) if batch == "full" else batch,
        "steps": LOSS_STEPS[-1],
        "initial": initial or initial_parameters(layers, seed),
    }
    scripts = {}
    for plugin in (activation, output, loss, optimizer):
        plugin = plugin_name(plugin)
        if name.startswith("script_") and plugin in SCRIPTS:
            folder, source = SCRIPTS[plugin]
            scripts[f"{folder}/{plugin}.rhai"] = source
    if scripts:
        spec["scripts"] = scripts
    return spec


def plugin_name(plugin):
    return plugin if isinstance(plugin, str) else plugin["name"]


def controls(plugin):
    return {} if isinstance(plugin, str) else {k: v for k, v in plugin.items() if k != "name"}


LEAKY = {"name": "leaky_relu", "slope": 0.2}
BCE = "binary_cross_entropy"
CCE = "categorical_cross_entropy"
HALF = "half_squared_error"


def all_cases():
    return [
        # name, layers, hidden, output, loss, optimizer, lr, data, batch, seed
        case("tanh_mse_sgd_each", [2, 3, 1], "tanh", "identity", "mse", "sgd", 0.05, "wave", 1, 101),
        case("tanh_mse_sgd_full", [2, 3, 1], "tanh", "identity", "mse", "sgd", 0.2, "wave", "full", 102),
        case("tanh_bce_momentum_xor", [2, 3, 1], "tanh", "sigmoid", BCE, "momentum", 0.1, "xor", "full", 103),
        case("tanh_cce_adam", [2, 4, 3], "tanh", "softmax", CCE, "adam", 0.02, "classes", 5, 104),
        case("tanh_mae_adam", [2, 3, 1], "tanh", "identity", "mae", "adam", 0.01, "wave", 5, 105),
        case("tanh_half_nesterov_deep", [2, 3, 3, 2, 1], "tanh", "tanh", HALF, "nesterov", 0.02, "wave", 5, 106),
        case("tanh_mse_adam_controls", [5, 8, 6, 2], "tanh", "identity", "mse",
             {"name": "adam", "beta1": 0.8, "beta2": 0.99, "epsilon": 1e-6}, 0.01, "wide", 4, 300),
        case("identity_mse_sgd", [2, 3, 1], "identity", "identity", "mse", "sgd", 0.05, "plane", 4, 300),
        case("identity_huber_adam", [3, 4, 3], "identity", "identity", "huber", "adam", 0.01, "three", 4, 109),
        case("no_hidden_cce_nesterov", [2, 3], "identity", "softmax", CCE, "nesterov", 0.1, "classes", "full", 110),
        case("no_hidden_mae_sgd", [2, 1], "tanh", "identity", "mae", "sgd", 0.01, "wave", "full", 111),
        case("relu_mse_sgd", [2, 4, 3, 1], "relu", "identity", "mse", "sgd", 0.05, "wave", 5, 305),
        case("relu_half_adam", [3, 4, 3], "relu", "identity", HALF, "adam", 0.01, "three", "full", 113),
        case("relu_cce_momentum", [2, 4, 3], "relu", "softmax", CCE, "momentum", 0.03, "classes", 7, 114),
        case("leaky_relu_mse_momentum", [2, 3, 1], "leaky_relu", "identity", "mse", "momentum", 0.02, "wave", "full", 115),
        case("leaky_relu_slope_mae_sgd", [2, 4, 3, 1], LEAKY, "identity", "mae", "sgd", 0.02, "wave", 5, 116),
        case("leaky_relu_slope_bce_nesterov", [3, 4, 2], LEAKY, "sigmoid", BCE, "nesterov", 0.05, "two_chances", 4, 117),
        case("sigmoid_mse_nesterov_each", [2, 3, 1], "sigmoid", "sigmoid", "mse", "nesterov", 0.3, "ring", 1, 300),
        case("sigmoid_bce_adam", [2, 4, 3, 1], "sigmoid", "sigmoid", BCE, "adam", 0.02, "ring", 4, 301),
        case("sigmoid_half_sgd", [3, 4, 3], "sigmoid", "identity", HALF, "sgd", 0.1, "three", 6, 120),
        case("sigmoid_huber_momentum_control", [2, 3, 1], "sigmoid", "identity", {"name": "huber", "delta": 0.4},
             {"name": "momentum", "momentum": 0.5}, 0.1, "outliers", 6, 121),
        case("softplus_mse_adam", [2, 3, 1], "softplus", "identity", "mse", "adam", 0.02, "outliers", "full", 122),
        case("softplus_huber_nesterov_control", [3, 4, 3], "softplus", "identity", "huber",
             {"name": "nesterov", "momentum": 0.7}, 0.03, "three", 4, 123),
        case("softplus_cce_sgd_soft", [2, 4, 3], "softplus", "softmax", CCE, "sgd", 0.2, "soft_classes", 5, 302),
        case("softmax_mse_sgd", [2, 4, 3], "tanh", "softmax", "mse", "sgd", 0.5, "soft_classes", 4, 125),
        case("tanh_output_mae_momentum", [2, 3, 1], "tanh", "tanh", "mae", "momentum", 0.005, "wave", 7, 126),
        case("tanh_bce_sgd_soft", [3, 4, 2], "tanh", "sigmoid", BCE, "sgd", 0.3, "two_chances", "full", 127),
        case("bce_saturated_sgd", [2, 1], "tanh", "sigmoid", BCE, "sgd", 0.1, "saturated", "full", 128,
             initial=[{"weight": [[0.5, 0.4]], "bias": [0.1]}]),
        # the rest of the library: activations
        case("elu_mse_sgd", [2, 4, 3, 1], "elu", "identity", "mse", "sgd", 0.05, "wave", 5, 401),
        case("elu_alpha_half_adam", [3, 4, 3], {"name": "elu", "alpha": 0.4}, "identity", HALF, "adam", 0.01, "three", 6, 402),
        case("selu_mse_momentum", [2, 4, 1], "selu", "identity", "mse", "momentum", 0.01, "wave", 5, 403),
        case("celu_mse_adam", [2, 4, 1], "celu", "identity", "mse", "adam", 0.01, "wave", 5, 404),
        # torch's derivative of celu rounds 1 / alpha to float32, so alpha is a power of two
        case("celu_alpha_bce_sgd", [3, 4, 2], {"name": "celu", "alpha": 0.25}, "sigmoid", BCE, "sgd", 0.1, "two_chances", 4, 500),
        case("gelu_mse_adam", [2, 4, 3, 1], "gelu", "identity", "mse", "adam", 0.01, "far", 6, 500),
        case("gelu_tanh_mse_adam", [2, 4, 3, 1], "gelu_tanh", "identity", "mse", "adam", 0.01, "far", 6, 500),
        case("silu_half_momentum", [3, 4, 3], "silu", "identity", HALF, "momentum", 0.02, "three", 6, 407),
        case("mish_mse_nesterov", [2, 4, 1], "mish", "identity", "mse", "nesterov", 0.005, "far", 6, 408),
        case("softsign_cce_adam", [2, 4, 3], "softsign", "softmax", CCE, "adam", 0.02, "classes", 6, 409),
        case("hardtanh_mse_sgd", [3, 5, 3], "hardtanh", "identity", "mse", "sgd", 0.05, "three", 6, 500),
        case("hardtanh_controls_mse_adam", [2, 5, 1], {"name": "hardtanh", "low": -0.3, "high": 0.6}, "identity", "mse",
             "adam", 0.01, "wave", 5, 411),
        case("hardswish_mse_adam", [2, 5, 1], "hardswish", "identity", "mse", "adam", 0.005, "far", 6, 501),
        case("relu6_mse_sgd", [2, 5, 1], "relu6", "identity", "mse", "sgd", 0.001, "far", 6, 503),
        case("prelu_mse_momentum", [2, 4, 1], "prelu", "identity", "mse", "momentum", 0.02, "wave", 5, 500),
        case("prelu_slope_half_sgd", [3, 4, 3], {"name": "prelu", "slope": -0.4}, "identity", HALF, "sgd", 0.02, "three", 6, 415),
        # losses
        case("log_cosh_adam", [3, 4, 3], "tanh", "identity", "log_cosh", "adam", 0.02, "three", 4, 420),
        case("smooth_l1_sgd", [2, 3, 1], "tanh", "identity", "smooth_l1", "sgd", 0.05, "outliers", 6, 500),
        case("smooth_l1_beta_momentum", [3, 4, 3], "tanh", "identity", {"name": "smooth_l1", "beta": 0.3}, "momentum", 0.02,
             "three", 6, 501),
        case("hinge_adam", [2, 4, 1], "tanh", "identity", "hinge", "adam", 0.01, "signs", 6, 500),
        case("squared_hinge_sgd", [2, 4, 1], "tanh", "identity", "squared_hinge", "sgd", 0.05, "signs", 6, 424),
        case("focal_adam", [2, 4, 1], "tanh", "sigmoid", "focal", "adam", 0.02, "ring", 4, 425),
        case("focal_controls_sgd", [3, 4, 2], "tanh", "sigmoid", {"name": "focal", "gamma": 0.7, "alpha": 0.6}, "sgd", 0.3,
             "two_chances", 4, 426),
        case("kl_divergence_sgd", [2, 4, 3], "tanh", "log_softmax", "kl_divergence", "sgd", 0.1, "soft_classes", 5, 427),
        case("kl_divergence_one_hot_adam", [2, 4, 3], "tanh", "log_softmax", "kl_divergence", "adam", 0.02, "classes", 5, 428),
        case("kl_divergence_log_target_adam", [2, 4, 3], "tanh", "log_softmax", {"name": "kl_divergence", "log_target": True},
             "adam", 0.01, "log_classes", 5, 501),
        case("nll_momentum", [2, 4, 3], "tanh", "log_softmax", "nll", "momentum", 0.05, "classes", 7, 503),
        case("poisson_nll_adam", [2, 4, 1], "tanh", "identity", "poisson_nll", "adam", 0.02, "counts", 5, 431),
        case("poisson_nll_mean_sgd", [2, 4, 1], "tanh", "softplus", {"name": "poisson_nll", "log_input": False, "epsilon": 1e-4},
             "sgd", 0.05, "counts", 5, 432),
        case("gaussian_nll_adam", [2, 4, 2], "tanh", "identity", "gaussian_nll", "adam", 0.01, "spread", 5, 433),
        case("gaussian_nll_two_sgd", [3, 4, 4], "tanh", "identity", "gaussian_nll", "sgd", 0.02, "two_spreads", 5, 501),
        case("quantile_adam", [2, 4, 1], "tanh", "identity", "quantile", "adam", 0.005, "wave", 5, 435),
        case("quantile_low_sgd", [3, 4, 3], "tanh", "identity", {"name": "quantile", "quantile": 0.25}, "sgd", 0.05, "three",
             4, 500),
        # optimizers
        case("rmsprop", [2, 3, 1], "tanh", "identity", "mse", "rmsprop", 0.005, "wave", 5, 440),
        case("rmsprop_controls", [2, 3, 1], "tanh", "identity", "mse",
             {"name": "rmsprop", "alpha": 0.9, "momentum": 0.7, "centered": True, "epsilon": 1e-3}, 0.002, "wave", 5, 441),
        case("adagrad", [2, 3, 1], "tanh", "identity", "mse", "adagrad", 0.05, "wave", 5, 442),
        case("adagrad_lr_decay", [3, 4, 3], "tanh", "identity", HALF, {"name": "adagrad", "lr_decay": 0.02, "epsilon": 1e-4}, 0.2,
             "three", 6, 500),
        case("adadelta", [2, 3, 1], "tanh", "identity", "mse", "adadelta", 1.0, "wave", 5, 444),
        case("adadelta_controls", [3, 4, 3], "tanh", "identity", HALF, {"name": "adadelta", "rho": 0.7, "epsilon": 1e-4}, 0.5,
             "three", 6, 445),
        case("adamw", [2, 4, 3, 1], "sigmoid", "sigmoid", BCE, "adamw", 0.02, "ring", 4, 446),
        case("adamw_controls", [2, 3, 1], "tanh", "identity", "mse",
             {"name": "adamw", "weight_decay": 0.3, "beta1": 0.8, "beta2": 0.95, "epsilon": 1e-5}, 0.01, "wave", 5, 447),
        case("nadam", [2, 3, 1], "tanh", "identity", "mse", "nadam", 0.01, "wave", 5, 448),
        case("nadam_controls", [3, 4, 3], "tanh", "identity", HALF,
             {"name": "nadam", "momentum_decay": 0.05, "beta1": 0.8, "beta2": 0.95, "epsilon": 1e-5}, 0.01, "three", 6, 501),
        case("amsgrad", [2, 3, 1], "tanh", "identity", "mse", "amsgrad", 0.01, "outliers", 6, 450),
        case("amsgrad_controls", [3, 4, 3], "tanh", "identity", HALF,
             {"name": "amsgrad", "beta1": 0.8, "beta2": 0.9, "epsilon": 1e-5}, 0.01, "three", 6, 451),
        case("radam", [2, 3, 1], "tanh", "identity", "mse", "radam", 0.02, "wave", 5, 452),
        case("radam_short_memory", [3, 4, 3], "tanh", "identity", HALF,
             {"name": "radam", "beta1": 0.8, "beta2": 0.9, "epsilon": 1e-4}, 0.01, "three", 6, 500),
        case("radam_never_sure", [2, 3, 1], "tanh", "identity", "mse", {"name": "radam", "beta2": 0.6}, 0.05, "wave", 5, 454),
        case("lion", [2, 3, 1], "tanh", "identity", "mse", "lion", 0.002, "wave", 5, 455),
        case("lion_controls", [3, 4, 3], "tanh", "identity", HALF,
             {"name": "lion", "beta1": 0.8, "beta2": 0.95, "weight_decay": 0.5}, 0.003, "three", 6, 456),
        case("rprop", [3, 4, 3], "tanh", "identity", "mse", "rprop", 0.01, "three", "full", 457),
        case("rprop_controls", [3, 4, 3], "tanh", "identity", HALF,
             {"name": "rprop", "shrink": 0.6, "grow": 1.1, "least": 1e-4, "most": 0.02}, 0.005, "three", "full", 458),
        case("sgd_clip_value", [2, 3, 1], "tanh", "identity", "mse", {"name": "sgd_clip_value", "clip_value": 0.1}, 0.1,
             "outliers", 6, 459),
        case("sgd_clip_norm", [2, 3, 1], "tanh", "identity", "mse", "sgd_clip_norm", 0.1, "outliers", 6, 460),
        case("sgd_clip_norm_low", [3, 4, 3], "tanh", "identity", HALF, {"name": "sgd_clip_norm", "max_norm": 0.6}, 0.1,
             "three", 6, 461),
        # regularizers
        case("l1_sgd", [2, 4, 1], "tanh", "identity", "mse", "sgd", 0.1, "wave", 5, 502, regularizer="l1"),
        case("l1_strength_adam", [3, 4, 3], "tanh", "identity", HALF, "adam", 0.003, "three", 6, 471,
             regularizer={"name": "l1", "strength": 0.03}),
        case("l2_momentum", [2, 4, 3, 1], "tanh", "identity", "mse", "momentum", 0.02, "wave", 5, 472, regularizer="l2"),
        case("l2_strength_adam", [2, 4, 3], "tanh", "softmax", CCE, "adam", 0.02, "classes", 5, 473,
             regularizer={"name": "l2", "strength": 0.1}),
        case("elastic_sgd", [2, 4, 1], "tanh", "identity", "mse", "sgd", 0.1, "wave", 5, 502, regularizer="elastic"),
        case("elastic_controls_clip_norm", [3, 4, 3], "tanh", "identity", HALF, "sgd_clip_norm", 0.1, "three", 6, 518,
             regularizer={"name": "elastic", "strength": 0.05, "ratio": 0.2}),
        # schedules
        case("step_sgd", [2, 3, 1], "tanh", "identity", "mse", "sgd", 0.2, "wave", 5, 480, schedule="step"),
        case("step_epochs_adam", [2, 3, 1], "tanh", "identity", "mse", "adam", 0.03, "wave", 5, 481,
             schedule={"name": "step", "every": 10.0, "gamma": 0.6, "count": "epochs"}),
        case("exponential_momentum", [2, 3, 1], "tanh", "identity", "mse", "momentum", 0.05, "wave", 5, 482,
             schedule="exponential"),
        case("exponential_epochs_adam", [3, 4, 3], "tanh", "identity", HALF, "adam", 0.02, "three", 6, 483,
             schedule={"name": "exponential", "gamma": 0.97, "count": "epochs"}),
        case("cosine_adam", [2, 3, 1], "tanh", "identity", "mse", "adam", 0.02, "wave", 5, 484, schedule="cosine"),
        case("cosine_waves_sgd", [3, 4, 3], "tanh", "identity", HALF, "sgd", 0.05, "three", 6, 485,
             schedule={"name": "cosine", "length": 60.0, "least": 0.1}),
        case("cosine_epochs_adam", [2, 3, 1], "tanh", "identity", "mse", "adam", 0.02, "wave", 5, 486,
             schedule={"name": "cosine", "length": 40.0, "least": 0.05, "count": "epochs"}),
        case("warm_up_adam", [2, 3, 1], "tanh", "identity", "mse", "adam", 0.02, "wave", 5, 487, schedule="warm_up"),
        case("warm_up_slow_sgd", [3, 4, 3], "tanh", "identity", HALF, "sgd", 0.05, "three", 6, 488,
             schedule={"name": "warm_up", "start": 0.1, "length": 80.0}),
        case("one_cycle_sgd", [2, 3, 1], "tanh", "identity", "mse", "sgd", 0.3, "wave", 5, 489, schedule="one_cycle"),
        case("one_cycle_controls_adam", [3, 4, 3], "tanh", "identity", HALF, "adam", 0.03, "three", 6, 490,
             schedule={"name": "one_cycle", "length": 230.0, "rise": 0.45, "div": 10.0, "final_div": 50.0}),
        # custom plugins
        case("script_mish_mse_adam", [2, 4, 3, 1], "mish", "identity", "mse", "adam", 0.01, "wave", 5, 300),
        case("script_swish_half_momentum", [2, 3, 1], {"name": "swish", "beta": 1.5}, "identity", HALF, "momentum", 0.02,
             "wave", "full", 202),
        case("script_relu_if_mse_sgd", [2, 4, 1], "relu_if", "identity", "mse", "sgd", 0.05, "wave", 5, 203),
        case("script_softmax_cce_momentum", [2, 3, 3], "tanh", "softmax_by_hand", CCE, "momentum", 0.05, "classes", 7, 204),
        case("script_log_cosh_nesterov", [3, 4, 3], "tanh", "identity", "log_cosh", "nesterov", 0.05, "three", 4, 205),
        case("script_rmsprop", [2, 3, 1], "tanh", "identity", "mse", "rmsprop", 0.005, "wave", 5, 206),
        case("script_adamw", [2, 4, 3, 1], "sigmoid", "sigmoid", BCE, {"name": "adamw", "decay": 0.1}, 0.02, "ring", 4, 207),
        case("script_clipped_sgd", [2, 3, 1], "tanh", "identity", "mse", {"name": "clipped_sgd", "limit": 1.5}, 0.1,
             "outliers", 6, 302),
        case("script_all_custom", [3, 4, 3, 3], {"name": "swish", "beta": 0.8}, "mish", "log_cosh",
             {"name": "rmsprop", "alpha": 0.9}, 0.002, "three", 6, 304),
    ]


# ---------------------------------------------------------------------------------------------
# Training
# ---------------------------------------------------------------------------------------------


class Run:
    """One training run of a case. `perturb` scales each initial value by 1 +- 1e-13,
    `reverse` turns the order of the samples within a batch round."""

    def __init__(self, spec, perturb=None, reverse=False):
        self.spec = spec
        self.kinks = {}  # plugin name -> list of signed distances
        signs = random.Random(perturb) if perturb is not None else None
        self.parameters = []
        for layer in spec["initial"]:
            for part in ("weight", "bias"):
                values = torch.tensor(layer[part], dtype=torch.float64)
                if signs:
                    flips = [signs.choice((-1.0, 1.0)) for _ in range(values.numel())]
                    values = values * (1.0 + PERTURBATION * torch.tensor(flips, dtype=torch.float64).reshape(values.shape))
                self.parameters.append(values.requires_grad_())

        inputs = torch.tensor([s["input"] for s in spec["data"]], dtype=torch.float64)
        targets = torch.tensor([s["target"] for s in spec["data"]], dtype=torch.float64)
        batch = spec["batch"]
        # in order; the epoch's last batch may be short and is a step of its own
        batches = list(zip(inputs.split(batch), targets.split(batch)))
        optimizer = spec["optimizer"]
        stepper = make_optimizer(optimizer["name"], self.parameters, spec["params"]["lr"], **controls(optimizer))

        scheduler, by_epoch = None, False
        if "schedule" in spec:
            schedule = spec["schedule"]
            scheduler, by_epoch = make_schedule(plugin_name(schedule), stepper, spec["params"]["lr"], **controls(schedule))

        self.loss_before = self.loss(inputs, targets).item()
        self.losses = []
        for step in range(spec["steps"]):
            x, t = batches[step % len(batches)]
            if reverse:
                x, t = x.flip(0), t.flip(0)
            stepper.zero_grad()
            loss = self.loss(x, t)
            (loss + self.penalty()).backward()
            stepper.step()
            if scheduler and (not by_epoch or step % len(batches) == len(batches) - 1):
                scheduler.step()
            self.losses.append(loss.item())
        if hasattr(stepper, "kinks"):
            self.kinks[optimizer["name"]] = [float(d) for d in stepper.kinks]
        self.sides = {name: [float(d) for d in sides] for name, sides in getattr(stepper, "sides", {}).items()}
        self.loss_after = self.loss(inputs, targets).item()

    def loss(self, x, target):
        spec = self.spec
        depth = len(spec["layers"]) - 1
        for i in range(depth):
            plugin = spec["output"] if i == depth - 1 else spec["activation"]
            z = F.linear(x, self.parameters[2 * i], self.parameters[2 * i + 1])
            self.watch(plugin, z)
            x = ACTIVATIONS[plugin_name(plugin)](z, **controls(plugin))
        self.watch(spec["loss"], x, target)
        return LOSSES[plugin_name(spec["loss"])](x, target, **controls(spec["loss"]))

    def penalty(self):
        if "regularizer" not in self.spec:
            return 0.0
        plugin, weights = self.spec["regularizer"], self.parameters[::2]
        for w in weights:
            self.watch(plugin, w)
        return sum(REGULARIZERS[plugin_name(plugin)](w, **controls(plugin)) for w in weights)

    def watch(self, plugin, *values):
        name = plugin_name(plugin)
        if name in KINKS:
            distances = KINKS[name](*(v.detach() for v in values), **controls(plugin))
            for which, distance in distances.items() if isinstance(distances, dict) else [("", distances)]:
                self.kinks.setdefault(f"{name} {which}".strip(), []).extend(distance.flatten().tolist())

    def final(self):
        flat = [p.detach().tolist() for p in self.parameters]
        return [{"weight": w, "bias": b} for w, b in zip(flat[::2], flat[1::2])]

    def distance(self, other):
        """Largest relative change of any single parameter."""
        return max(
            ((a - b).abs() / a.abs().clamp_min(1e-300)).max().item()
            for a, b in zip((p.detach() for p in self.parameters), (p.detach() for p in other.parameters))
        )


def examine(spec):
    """Runs a case; returns what is written, a line about it and a list of complaints."""
    run = Run(spec)
    perturbed = max(run.distance(Run(spec, perturb=seed)) for seed in range(4))
    reversed_ = run.distance(Run(spec, reverse=True))
    margin = min((abs(d) for values in run.kinks.values() for d in values), default=math.inf)

    complaints = []
    if not all(math.isfinite(v) for v in run.losses + [run.loss_after]):
        complaints.append("not finite")
    if not perturbed < STABLE:
        complaints.append(f"perturbation grows to {perturbed:.1e}")
    if not reversed_ < STABLE:
        complaints.append(f"order of summation changes {reversed_:.1e}")
    if not margin > KINK_MARGIN:
        complaints.append(f"{margin:.1e} from a kink")
    for name, values in (run.kinks | run.sides).items():
        low = sum(d < 0 for d in values) / len(values)
        if not 0.02 < low < 0.98:
            complaints.append(f"{name}: {low:.0%} on one side of the kink")
    if not run.loss_after < run.loss_before:
        complaints.append("the loss does not fall")
    for layer, (a, b) in enumerate(zip(spec["initial"], run.final())):
        for part in ("weight", "bias"):
            if bool((torch.tensor(a[part], dtype=torch.float64) == torch.tensor(b[part], dtype=torch.float64)).any()):
                complaints.append(f"a {part} of layer {layer} never moves")

    made = dict(spec, final=run.final(), losses=[run.losses[s - 1] for s in LOSS_STEPS])
    line = (
        f"{spec['name']:34} loss {run.loss_before:9.5f} -> {run.loss_after:9.5f}   perturbed {perturbed:.1e}"
        f"   reversed {reversed_:.1e}   kink {margin:.1e}"
    )
    return made, line, complaints


# ---------------------------------------------------------------------------------------------
# Points: values and derivatives of single functions, where training must not go: exactly on a kink, far out
# ---------------------------------------------------------------------------------------------

# Every kink of every activation is among them, with its neighbours.
ALONG = [-120.0, -40.0, -18.5, -6.0, -3.125, -3.0, -2.875, -1.0, -0.5, -0.25, -1e-3, -1e-9, 0.0]
ALONG += [1e-9, 1e-3, 0.25, 0.5, 0.75, 1.0, 2.875, 3.0, 3.125, 5.5, 6.0, 6.5, 18.5, 40.0, 120.0]
LAYER = [[0.0, 0.0, 0.0], [0.3, -1.2, 2.5], [-700.0, 0.0, 700.0], [50.0, 50.0, -1000.0], [-1e-9, 1e-9, 0.0]]
SEEDS = [0.7, -1.3, 0.4]  # upstream gradients of a layer's outputs

# Non-default controls that are worth a look.
VARIANTS = {
    "elu": [{"alpha": 0.4}], "celu": [{"alpha": 0.25}], "prelu": [{"slope": -0.5}], "leaky_relu": [{"slope": 0.2}],
    "hardtanh": [{"low": -0.25, "high": 0.5}], "huber": [{"delta": 0.5}], "smooth_l1": [{"beta": 0.25}],
    "focal": [{"gamma": 0.0, "alpha": 0.5}, {"gamma": 3.5, "alpha": 0.9}], "quantile": [{"quantile": 0.25}],
    "kl_divergence": [{"log_target": True}], "poisson_nll": [{"log_input": False, "epsilon": 1e-4}],
    "l1": [{"strength": 2.0}], "elastic": [{"ratio": 0.0}, {"ratio": 1.0}],
    "step": [{"every": 7.0, "gamma": 0.5}, {"every": 3.0, "gamma": 0.5, "count": "epochs"}],
    "exponential": [{"gamma": 0.9}, {"gamma": 0.9, "count": "epochs"}],
    "cosine": [{"length": 20.0, "least": 0.1}, {"length": 6.0, "count": "epochs"}],
    "warm_up": [{"start": 0.05, "length": 12.0}],
    "one_cycle": [{"length": 60.0, "rise": 0.5, "div": 5.0, "final_div": 20.0}],
}


def loss_points(name):
    """Pairs of outputs and targets that a loss is made for."""
    pairs = [([o], [t]) for t in (0.0, 1.0) for o in (1e-6, 0.125, 0.5, 0.9375, 1.0 - 2.0**-20)]
    if name in ("binary_cross_entropy", "focal"):
        return pairs + [([0.2, 0.7, 0.4], [0.0, 1.0, 0.3])]
    if name == "categorical_cross_entropy":
        return [([0.2, 0.7, 0.1], [0.0, 1.0, 0.0]), ([0.2, 0.7, 0.1], [0.25, 0.25, 0.5]), ([1e-20, 0.75, 0.25], [1.0, 0.0, 0.0])]
    if name == "cross_entropy_with_logits":
        logits = ([2.0, -1.0, 0.5], [-800.0, 700.0, 0.0], [1e300, -1e300, 0.0])
        return [(o, t) for o in logits for t in ([0.0, 1.0, 0.0], [1.0, 0.0, 0.0], [0.25, 0.25, 0.5])]
    if name in ("nll", "kl_divergence"):
        logs = [([-0.5, -1.5, -900.0], [0.0, 1.0, 0.0]), ([-1.0, -0.25, -3.0], [1.0, 0.0, 0.0])]
        return logs + ([([-0.5, -1.5, -3.0], [0.2, 0.5, 0.3])] if name == "kl_divergence" else [])
    if name == "gaussian_nll":
        return [([m, s], [t, 0.0]) for m, t in ((0.0, 0.0), (1.0, 3.5)) for s in (-8.0, -0.5, 0.0, 4.0)] + [
            ([0.5, -1.0, 0.25, 1.5], [0.0, 1.0, 0.0, 0.0])
        ]
    # on both sides of every kink, exactly on it, and far out
    ends = (-1.0, 1.0) if "hinge" in name else (0.0, 1.0, 3.0)
    outputs = [0.0, 0.25, 0.5, 1.0, 1.5, 2.0, 30.0] + ([] if name == "poisson_nll" else [-0.5, -1.0, -1.5, -800.0])
    return [([o], [t]) for t in ends for o in outputs] + [([0.5, 2.0, 1.0], [1.0, -1.0, 1.0])]


def measured(function, inputs, width, seeds):
    """Values and gradients of the first `width` inputs at each point."""
    values, grads = [], []
    for point in inputs:
        x = torch.tensor(point[:width], dtype=torch.float64, requires_grad=True)
        y = function(x, torch.tensor(point[width:], dtype=torch.float64)).reshape(-1)
        (y * torch.tensor(seeds, dtype=torch.float64)).sum().backward()
        values.append(y.tolist())
        grads.append(x.grad.tolist())
    return {"seeds": seeds, "inputs": inputs, "values": values, "grads": grads}


def all_points():
    made = []

    def add(kind, name, controls, **found):
        made.append({"kind": kind, "name": name, "controls": controls, **found})

    shipped = {path.stem for path in (HERE / "../../scripts/activations").glob("*.rhai")}
    for name in (n for n in ACTIVATIONS if n in shipped):
        layer = "softmax" in name
        for c in [{}] + VARIANTS.get(name, []):
            f = lambda z, _: ACTIVATIONS[name](z, **c)
            points, seeds = (LAYER, SEEDS) if layer else ([[z] for z in ALONG], [1.0])
            add("activations", name, c, **measured(f, points, len(points[0]), seeds))
    for name in LOSSES:
        for c in [{}] + VARIANTS.get(name, []):
            f = lambda o, t: LOSSES[name](o.unsqueeze(0), t.unsqueeze(0), **c)
            pairs = loss_points(name)
            for width in sorted({len(o) for o, _ in pairs}):
                points = [o + t for o, t in pairs if len(o) == width]
                add("losses", name, c, **measured(f, points, width, [1.0]))
    for name in REGULARIZERS:
        for c in [{}] + VARIANTS.get(name, []):
            f = lambda w, _: REGULARIZERS[name](w, **c)
            add("regularizers", name, c, **measured(f, [[w] for w in ALONG], 1, [1.0]))
    for name in ("step", "exponential", "cosine", "warm_up", "one_cycle"):
        for c in [{}] + VARIANTS.get(name, []):
            per_epoch, last = 4, int(c.get("length", 200.0)) if name == "one_cycle" else 130
            stepper = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
            schedule, by_epoch = make_schedule(name, stepper, 1.0, **c)
            inputs, values = [], []
            for step in range(last):
                inputs.append([step + 1.0, float(step // per_epoch), float(per_epoch)])
                values.append([stepper.param_groups[0]["lr"]])
                stepper.step()
                if not by_epoch or step % per_epoch == per_epoch - 1:
                    schedule.step()
            add("schedules", name, c, inputs=inputs, values=values)
    return made


# ---------------------------------------------------------------------------------------------
# Files
# ---------------------------------------------------------------------------------------------


def render(cases):
    """One key of a case per line: small, and a changed case is a readable diff. Floats are
    written by repr, the shortest text that reads back to the same bits."""
    text = [f'{{\n"torch": {json.dumps(torch.__version__)},\n"loss_steps": {json.dumps(LOSS_STEPS)},\n"cases": [\n']
    blocks = []
    for made in cases:
        lines = [f"{json.dumps(key)}: {json.dumps(value, allow_nan=False)}" for key, value in made.items()]
        blocks.append("{\n" + ",\n".join(lines) + "\n}")
    text.append(",\n".join(blocks))
    text.append("\n]\n}\n")
    return "".join(text)


def generate(folder, only):
    cases, failed = [], 0
    for spec in all_cases():
        if only and only not in spec["name"]:
            continue
        made, line, complaints = examine(spec)
        print(line, *(f"\n    REFUSED: {c}" for c in complaints), sep="")
        failed += bool(complaints)
        cases.append(made)
    if failed:
        sys.exit(f"{failed} of {len(cases)} cases refused, nothing written")
    if only:
        print("--only: nothing written")
        return
    text = render(cases)
    assert json.loads(text)["cases"] == cases, "does not read back to the same numbers"
    (folder / "torch.json").write_text(text)
    points = ",\n".join(json.dumps(point, allow_nan=False) for point in all_points())
    (folder / "points.json").write_text(f'{{\n"torch": {json.dumps(torch.__version__)},\n"points": [\n{points}\n]\n}}\n')
    write_sequential(folder)
    print(f"{len(cases)} cases, torch {torch.__version__}, torch.json {len(text)} bytes")


def compare(folder):
    """Recomputes every committed case and shows how far this torch is from the committed numbers."""
    committed = json.loads((folder / "torch.json").read_text())
    worst = 0.0
    for spec in committed["cases"]:
        run = Run(spec)
        for mine, theirs in zip(run.final(), spec["final"]):
            for part in ("weight", "bias"):
                a = torch.tensor(mine[part], dtype=torch.float64)
                b = torch.tensor(theirs[part], dtype=torch.float64)
                worst = max(worst, ((a - b).abs() / b.abs()).max().item())
    print(f"{len(committed['cases'])} cases made by torch {committed['torch']}, recomputed by torch {torch.__version__}: "
          f"largest relative difference {worst:.1e}")
    if not worst < STABLE:
        sys.exit(1)


def sequential(layers, dtype):
    """Linear, Tanh, Linear, ...: tensors are named 0.weight, 0.bias, 2.weight, 2.bias, ..."""
    modules = []
    for n_in, n_out in zip(layers, layers[1:]):
        modules += [torch.nn.Linear(n_in, n_out, dtype=dtype), torch.nn.Tanh()]
    return torch.nn.Sequential(*modules[:-1])


def write_sequential(folder):
    """The same small network saved by torch in float64 and float32, with its outputs. A reader
    converts float32 exactly, so the float32 outputs are those of its exact values in float64."""
    torch.manual_seed(7)
    net = sequential([2, 3, 1], torch.float64)
    inputs = [[0.0, 0.0], [0.5, -0.25], [-1.75, 2.5]]
    made = {"torch": torch.__version__, "layers": [2, 3, 1], "activation": "tanh", "output": "identity", "inputs": inputs}
    for key, file, dtype in (
        ("float64", "sequential.safetensors", torch.float64),
        ("float32", "sequential_f32.safetensors", torch.float32),
    ):
        state = {name: tensor.detach().to(dtype).contiguous() for name, tensor in net.state_dict().items()}
        (folder / file).write_bytes(safetensors.torch.save(state))
        exact = sequential([2, 3, 1], torch.float64)
        exact.load_state_dict({name: tensor.double() for name, tensor in state.items()})
        with torch.no_grad():
            outputs = exact(torch.tensor(inputs, dtype=torch.float64)).tolist()
        made[key] = {
            "file": file,
            "tensors": {name: tensor.double().tolist() for name, tensor in state.items()},
            "outputs": outputs,
        }
    (folder / "sequential.json").write_text(json.dumps(made, indent=1, allow_nan=False) + "\n")


def load(path):
    try:
        return safetensors.torch.load_file(path)
    except (OSError, safetensors.SafetensorError) as error:
        sys.exit(f"{path}: {error}")


def check_file(path, same_as):
    """Loads a weight file as a torch user would: strict names and shapes, one dtype."""
    tensors = load(path)
    weights = sorted((n for n in tensors if n.endswith(".weight")), key=lambda n: int(n.split(".")[0]))
    if not weights:
        sys.exit(f"{path}: no tensor named 0.weight, but {sorted(tensors)}")
    layers = [tensors[weights[0]].shape[1]] + [tensors[name].shape[0] for name in weights]
    dtype = tensors[weights[0]].dtype
    if any(t.dtype != dtype for t in tensors.values()):
        sys.exit(f"{path}: tensors of different types")
    net = sequential(layers, dtype)
    try:
        net.load_state_dict(tensors, strict=True)
    except RuntimeError as error:
        sys.exit(f"{path}: {error}")
    with torch.no_grad():
        output = net(torch.zeros(1, layers[0], dtype=dtype))
    if not bool(torch.isfinite(output).all()):
        sys.exit(f"{path}: the network's output is not finite: {output.tolist()}")
    if same_as:
        other = load(same_as)
        if sorted(other) != sorted(tensors):
            sys.exit(f"{path}: tensors {sorted(tensors)}, but {same_as} has {sorted(other)}")
        for name, tensor in tensors.items():
            if other[name].dtype != tensor.dtype or other[name].shape != tensor.shape or not torch.equal(
                other[name].view(torch.uint8), tensor.view(torch.uint8)
            ):
                sys.exit(f"{path}: {name} differs from {same_as}")
    print(f"OK: {'-'.join(map(str, layers))}, {str(dtype).removeprefix('torch.')}" + (f", same bits as {same_as}" if same_as else ""))


def main():
    parser = argparse.ArgumentParser(description="Reference numbers for slowgrad from PyTorch in float64.")
    parser.add_argument("--output", type=Path, default=HERE, metavar="DIR", help="folder of the data files (default: this one)")
    parser.add_argument("--only", metavar="TEXT", help="run the cases whose name contains TEXT, write nothing")
    parser.add_argument("--list", action="store_true", help="show the cases and stop")
    parser.add_argument("--compare", action="store_true", help="recompute the committed cases and show the difference")
    parser.add_argument("--check-file", type=Path, metavar="WEIGHTS", help="load a .safetensors file into torch.nn.Sequential")
    parser.add_argument("--same-as", type=Path, metavar="OTHER", help="with --check-file: require the same bits as OTHER")
    args = parser.parse_args()
    if args.same_as and not args.check_file:
        parser.error("--same-as goes with --check-file")

    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    torch.set_default_dtype(torch.float64)  # NAdam keeps its product of mu in the default type
    if args.check_file:
        check_file(args.check_file, args.same_as)
    elif args.list:
        for c in all_cases():
            parts = [plugin_name(c[k]) for k in ("activation", "output", "loss", "optimizer")]
            print(f"{c['name']:34} {'-'.join(map(str, c['layers'])):10} batch {c['batch']:2} of {len(c['data']):2}  {', '.join(parts)}")
    elif args.compare:
        compare(args.output)
    else:
        generate(args.output, args.only)


if __name__ == "__main__":
    main()
