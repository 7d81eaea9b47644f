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
  * both sides of every kink are taken, so that each branch is tested,
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
    # the custom ones, see SCRIPTS
    "mish": F.mish,
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
    # on probabilities, not on logits
    "categorical_cross_entropy": lambda o, t: -(t * torch.log(o)).sum(-1).mean(),
    # custom, see SCRIPTS; ln cosh d = |d| + softplus(-2|d|) - ln 2, which F.softplus knows
    "log_cosh": lambda o, t: ((o - t).abs() + F.softplus(-2.0 * (o - t).abs()) - math.log(2.0)).mean(-1).mean(),
}

# Signed distance to the kink of a piecewise plugin, over all values met while training.
KINKS = {
    "relu": lambda z: z,
    "relu_if": lambda z: z,
    "leaky_relu": lambda z, slope=0.01: z,
    "mae": lambda o, t: o - t,
    "huber": lambda o, t, delta=1.0: (o - t).abs() - delta,
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


def make_optimizer(name, parameters, lr, **c):
    o = torch.optim
    if name == "sgd":
        return o.SGD(parameters, lr=lr, foreach=False, **c)
    if name in ("momentum", "nesterov"):
        mu = c.pop("momentum", 0.9)
        return o.SGD(parameters, lr=lr, momentum=mu, nesterov=name == "nesterov", foreach=False, **c)
    if name == "adam":
        betas = (c.pop("beta1", 0.9), c.pop("beta2", 0.999))
        return o.Adam(parameters, lr=lr, betas=betas, eps=c.pop("epsilon", 1e-8), foreach=False, **c)
    if name == "rmsprop":
        return o.RMSprop(parameters, lr=lr, alpha=c.pop("alpha", 0.99), eps=1e-8, foreach=False, **c)
    if name == "adamw":
        betas = (c.pop("beta1", 0.9), c.pop("beta2", 0.999))
        decay = c.pop("decay", 0.01)
        return o.AdamW(parameters, lr=lr, betas=betas, eps=c.pop("epsilon", 1e-8), weight_decay=decay, foreach=False, **c)
    if name == "clipped_sgd":
        return ClippedSgd(parameters, lr=lr, **c)
    raise KeyError(f"no optimizer {name!r}")


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


def case(name, layers, activation, output, loss, optimizer, lr, data, batch, seed, initial=None):
    """A plugin is a name, or a map of its name and the controls that leave their defaults."""
    samples_ = dataset(data)
    spec = {
        "name": name,
        "layers": layers,
        "activation": activation,
        "output": output,
        "loss": loss,
        "optimizer": {"name": optimizer} if isinstance(optimizer, str) else optimizer,
        "params": {"lr": lr},
        "data": samples_,
        "batch": len(samples_) if batch == "full" else batch,
        "steps": LOSS_STEPS[-1],
        "initial": initial or initial_parameters(layers, seed),
    }
    scripts = {}
    for plugin in (activation, output, loss, optimizer):
        plugin = plugin_name(plugin)
        if plugin in SCRIPTS:
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

        self.loss_before = self.loss(inputs, targets).item()
        self.losses = []
        for step in range(spec["steps"]):
            x, t = batches[step % len(batches)]
            if reverse:
                x, t = x.flip(0), t.flip(0)
            stepper.zero_grad()
            loss = self.loss(x, t)
            loss.backward()
            stepper.step()
            self.losses.append(loss.item())
        if hasattr(stepper, "kinks"):
            self.kinks[optimizer["name"]] = stepper.kinks
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

    def watch(self, plugin, *values):
        name = plugin_name(plugin)
        if name in KINKS:
            distance = KINKS[name](*(v.detach() for v in values), **controls(plugin))
            self.kinks.setdefault(name, []).extend(distance.flatten().tolist())

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
    for name, values in run.kinks.items():
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
