#!/usr/bin/env python3
r"""Compares slowgrad with NumPy, PyTorch and hand-written Rust: the same three workloads, in turn, in one run.

    python3 -m venv peers && peers/bin/pip install -r crates/slowgrad/benches/requirements.txt
    peers/bin/python crates/slowgrad/benches/peers.py [--rounds 5] [--seconds 1] [--isa avx2] \
        [--numpy-kernel Haswell] [--playground nn.js]

The peers train each workload in turn, in several rounds, and the best rate of each counts. Other load affects all of
them, so only the ratios are meaningful. All use float64 and one thread. slowgrad and PyTorch compute the value of the loss
in each step; NumPy and the hand-written Rust compute only its derivative. By default NumPy's OpenBLAS chooses its kernel,
whose name is printed. `--isa` selects the vector unit of slowgrad and the hand-written Rust, and `--numpy-kernel` the
kernel of NumPy: Haswell is AVX2.

`--playground` adds, for w1, the engine of the TensorFlow Playground under Node, and slowgrad with a script that runs for
each number. It needs the Playground's `src/nn.ts` as a module:

    npx -p typescript tsc --strict false --target es2017 --module es2022 --outDir . playground/src/nn.ts
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

# These variables make OpenBLAS use another kernel than the one it would choose, which would distort the comparison. NumPy
# reads them when it is loaded, so this process restarts itself without them, or with the requested kernel.
KERNEL_VARIABLES = ["OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE"]
requested = sys.argv[sys.argv.index("--numpy-kernel") + 1 :][:1] if "--numpy-kernel" in sys.argv else []
kernel_environment = dict(zip(KERNEL_VARIABLES, requested))
if any(os.environ.get(name) != kernel_environment.get(name) for name in KERNEL_VARIABLES):
    environment = {name: value for name, value in os.environ.items() if name not in KERNEL_VARIABLES}
    os.execve(sys.executable, [sys.executable, *sys.argv], {**environment, **kernel_environment})
for name in ["OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"]:
    os.environ[name] = "1"

import numpy as np  # noqa: E402

try:
    import threadpoolctl
except ImportError:
    threadpoolctl = None
try:
    import torch
except (ImportError, OSError):
    torch = None

REPOSITORY = Path(__file__).resolve().parents[3]

# name: sizes, hidden activation, output, momentum, batch, samples; the learning rate is 0.03 throughout.
WORKLOADS = {
    "w1": ([2, 4, 2, 1], "tanh", "tanh", 0.0, 10, 250),
    "w2": ([2, 8, 8, 8, 1], "relu", "tanh", 0.9, 32, 256),
    "w3": ([784, 128, 64, 10], "tanh", "softmax", 0.9, 64, 192),
}
RATE = 0.03
EACH_NUMBER = "slowgrad, a script that runs for each number"


def data(sizes, samples):
    """Random data of the shape of the lesson's. The time of a step does not depend on the values."""
    random = np.random.default_rng(1)
    if sizes[-1] == 1:
        x = random.uniform(-5.0, 5.0, (samples, sizes[0]))
        return x, np.where(np.hypot(x[:, 0], x[:, 1]) < 2.5, 1.0, -1.0)[:, None]
    label = np.arange(samples) % sizes[-1]
    patterns = random.uniform(0.0, 1.0, (sizes[-1], sizes[0]))
    x = np.where(random.uniform(size=(samples, sizes[0])) < 0.1, random.uniform(size=(samples, sizes[0])), patterns[label])
    return x, np.eye(sizes[-1])[label]


def initial(sizes):
    random = np.random.default_rng(2)
    bound = lambda i, o: np.sqrt(6.0 / (i + o))
    return [random.uniform(-1.0, 1.0, (i, o)) * bound(i, o) for i, o in zip(sizes, sizes[1:])]


class Numpy:
    """Written by hand; no loop over samples, results written in place where that is faster."""

    def __init__(self, sizes, hidden, output, momentum, batch, samples):
        self.x, self.y = data(sizes, samples)
        self.w = initial(sizes)
        self.b = [np.zeros(o) for o in sizes[1:]]
        self.vw = [np.zeros_like(w) for w in self.w]
        self.vb = [np.zeros_like(b) for b in self.b]
        self.gw = [np.zeros_like(w) for w in self.w]
        self.hidden, self.output, self.momentum, self.batch = hidden, output, momentum, batch
        self.at = 0

    def step(self):
        batch, at = self.batch, self.at
        a = [self.x[at : at + batch]]
        y = self.y[at : at + batch]
        self.at = (at + batch) % len(self.x)
        last = len(self.w) - 1
        for l, (w, b) in enumerate(zip(self.w, self.b)):
            z = a[-1] @ w
            z += b
            kind = self.output if l == last else self.hidden
            if kind == "tanh":
                np.tanh(z, out=z)
            elif kind == "relu":
                np.maximum(z, 0.0, out=z)
            else:
                z -= z.max(axis=1, keepdims=True)
                np.exp(z, out=z)
                z /= z.sum(axis=1, keepdims=True)
            a.append(z)
        d = a[-1] - y
        if self.output == "tanh":
            d *= 1.0 - a[-1] * a[-1]
        for l in range(last, -1, -1):
            g = np.matmul(a[l].T, d, out=self.gw[l])
            g /= batch
            gb = d.sum(axis=0) / batch
            if l > 0:
                d = d @ self.w[l].T
                d *= 1.0 - a[l] * a[l] if self.hidden == "tanh" else a[l] > 0.0
            if self.momentum:
                self.vw[l] *= self.momentum
                self.vw[l] += g
                self.vb[l] *= self.momentum
                self.vb[l] += gb
                g, gb = self.vw[l], self.vb[l]
            self.w[l] -= RATE * g
            self.b[l] -= RATE * gb


class Torch:
    """Typical eager PyTorch, with its own loss and optimizer."""

    def __init__(self, sizes, hidden, output, momentum, batch, samples):
        x, y = data(sizes, samples)
        self.x, self.y = torch.from_numpy(x), torch.from_numpy(y)
        layers = []
        for l, (i, o) in enumerate(zip(sizes, sizes[1:])):
            layers.append(torch.nn.Linear(i, o, dtype=torch.float64))
            is_last = l == len(sizes) - 2
            if not is_last or output == "tanh":
                layers.append(torch.nn.ReLU() if not is_last and hidden == "relu" else torch.nn.Tanh())
        self.net = torch.nn.Sequential(*layers)
        self.loss = torch.nn.CrossEntropyLoss() if output == "softmax" else lambda a, y: 0.5 * ((a - y) ** 2).mean()
        self.optimizer = torch.optim.SGD(self.net.parameters(), lr=RATE, momentum=momentum)
        self.batch, self.at = batch, 0

    def step(self):
        x, y = self.x[self.at : self.at + self.batch], self.y[self.at : self.at + self.batch]
        self.at = (self.at + self.batch) % len(self.x)
        self.optimizer.zero_grad()
        self.loss(self.net(x), y).backward()
        self.optimizer.step()


# The Playground's network, data and training of a batch, as on its page; the fastest of many short rounds.
PLAYGROUND = """
import {pathToFileURL} from "node:url";
const [file, seconds] = process.argv.slice(-2);
const nn = await import(pathToFileURL(file).href);
const net = nn.buildNetwork([2, 4, 2, 1], nn.Activations.TANH, nn.Activations.TANH, null, ["x", "y"]);
const xs = Array.from({length: 250}, () => [Math.random() * 10 - 5, Math.random() * 10 - 5]);
const ys = xs.map(x => Math.hypot(...x) < 2.5 ? 1 : -1);
let at = 0;
function step() {
  for (let s = 0; s < 10; s++) {
    nn.forwardProp(net, xs[at]);
    nn.backProp(net, ys[at], nn.Errors.SQUARE);
    at = (at + 1) % xs.length;
  }
  nn.updateWeights(net, 0.03, 0);
}
for (let i = 0; i < 20000; i++) step();
let best = 0;
for (const end = performance.now() + 1000 * seconds; performance.now() < end;) {
  const began = performance.now();
  for (let i = 0; i < 300; i++) step();
  best = Math.max(best, 3e6 / (performance.now() - began));
}
console.log(JSON.stringify(best));
"""


def playground(file, seconds):
    """Samples per second of the Playground's engine."""
    with tempfile.TemporaryDirectory() as folder:
        # Node recognizes a module by the extension.
        module, script = Path(folder) / "nn.mjs", Path(folder) / "train.mjs"
        module.write_bytes(file.read_bytes())
        script.write_text(PLAYGROUND)
        command = ["node", script, module, str(seconds)]
        return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)


def rate(peer, seconds):
    """Samples per second in the fastest of many short rounds."""
    began = time.perf_counter()
    for _ in range(3):
        peer.step()
    steps = max(1, int(0.002 / ((time.perf_counter() - began) / 3)))
    best, deadline = 0.0, time.perf_counter() + seconds
    while time.perf_counter() < deadline:
        began = time.perf_counter()
        for _ in range(steps):
            peer.step()
        best = max(best, steps * peer.batch / (time.perf_counter() - began))
    return best


def kernel():
    if threadpoolctl is None:
        return "unknown without threadpoolctl"
    pools = threadpoolctl.threadpool_info()
    return ", ".join(f"{p['internal_api']} {p.get('architecture', '')}" for p in pools if p["user_api"] == "blas")


def built():
    """Builds slowgrad and the benchmark, and returns the paths of the programs."""
    cargo = ["cargo", "build", "--release", "--locked", "-p", "slowgrad", "--bin", "slowgrad", "--message-format=json"]
    bench = ["cargo", "bench", "--locked", "-p", "slowgrad", "--bench", "training", "--no-run", "--message-format=json"]
    programs = []
    for command, target in [(cargo, "slowgrad"), (bench, "training")]:
        lines = subprocess.run(command, cwd=REPOSITORY, check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines()
        messages = [json.loads(line) for line in lines if line.startswith("{")]
        found = [m["executable"] for m in messages if m.get("executable") and m["target"]["name"] == target]
        programs.append(found[-1])
    return programs


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--rounds", type=int, default=5)
    arguments.add_argument("--seconds", type=float, default=1.0, help="per peer and round")
    arguments.add_argument("--isa", help="portable, avx2 or avx512, for slowgrad and hand-written Rust")
    arguments.add_argument("--numpy-kernel", help="for example Haswell [default: chosen by OpenBLAS]")
    arguments.add_argument("--playground", type=Path, help="the engine of the TensorFlow Playground as a module")
    arguments = arguments.parse_args()
    slowgrad, by_hand = built()
    environment = {**os.environ, **({"SLOWGRAD_ISA": arguments.isa} if arguments.isa else {})}

    def run_json(command):
        output = subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE, text=True).stdout
        return json.loads(output)

    if torch is not None:
        torch.set_num_threads(1)
    best = {}
    unit = ""

    def record(name, workload, value):
        best[workload, name] = max(best.get((workload, name), 0.0), value)

    makers = {"numpy": Numpy, **({"PyTorch": Torch} if torch is not None else {})}
    peers = {(w, name): make(*shape) for w, shape in WORKLOADS.items() for name, make in makers.items()}
    for _ in range(arguments.rounds):
        for workload in WORKLOADS:
            report = run_json([by_hand, workload, "--json", "--seconds", str(3 * arguments.seconds)])
            unit = report["vector_unit"]
            for name, value in report["rates"].items():
                record(name.split(", ", 1)[1], workload, value)
            rows = run_json([slowgrad, "bench", workload, "--json"])["rows"]
            record("slowgrad bench", workload, rows[0]["value"])
            for name in makers:
                record(name, workload, rate(peers[workload, name], arguments.seconds))
        if arguments.playground is not None:
            rows = run_json([slowgrad, "bench", "w1-value", "--json"])["rows"]
            record(EACH_NUMBER, "w1", rows[0]["value"])
            record("the Playground's engine", "w1", playground(arguments.playground, arguments.seconds))

    print(f"float64, one thread; slowgrad and hand-written Rust: {unit}; NumPy {np.__version__}: {kernel()}")
    version = torch.__version__ if torch is not None else "is not installed"
    print(f"PyTorch {version}; only slowgrad and PyTorch compute the value of the loss in each step")
    print()
    print("| | " + " | ".join(f"{w}, k samples/s | slowgrad is" for w in WORKLOADS) + " |")
    print("| --- |" + " ---: | ---: |" * len(WORKLOADS))
    names = ["slowgrad", "slowgrad bench", "slowgrad with two threads", "by hand", "by hand, shapes at compile time", *makers]
    if arguments.playground is not None:
        names += [EACH_NUMBER, "the Playground's engine"]
    for name in names:
        cells = []
        for workload in WORKLOADS:
            value = best.get((workload, name))
            ours = best[workload, "slowgrad"]
            shown = "" if value is None else f"{value / 1e3:.0f}"
            times = "" if value is None or name.startswith("slowgrad") else f"{ours / value:.2f} ×"
            cells.append(f"{shown} | {times}")
        print(f"| {name} | " + " | ".join(cells) + " |")
    if arguments.playground is not None:
        share = best["w1", EACH_NUMBER] / best["w1", "the Playground's engine"]
        print(f"\n{EACH_NUMBER} is {share:.3f} × the Playground's engine")


if __name__ == "__main__":
    main()
