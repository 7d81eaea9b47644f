#!/usr/bin/env python3
"""Counts the instructions of a training step, which do not depend on the load of the machine.

    python3 crates/slowgrad/benches/instructions.py --check     # fails if a count has grown by more than 2 %
    python3 crates/slowgrad/benches/instructions.py --write     # writes the current counts to instructions.json

slowgrad's part of the benchmark `training` runs under callgrind, with a number of steps and with twice that number. The
difference excludes the start of the program. Valgrind does not support AVX-512, so the AVX2 code is counted. Compilers
generate different instructions, so counts are compared only with those of the same compiler. Needs valgrind;
`--program` names a benchmark that is already built.
"""

import argparse
import json
import re
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parents[2]
COUNTS = HERE / "instructions.json"
# Enough steps that variations of the start do not matter, but not more than a few seconds under callgrind.
STEPS = {"w1": 10_000, "w1-exp": 10_000, "w2": 4_000, "w2-other": 4_000, "w3": 20}
TOLERANCE = 0.02


def compiler():
    lines = subprocess.run(["rustc", "-vV"], cwd=REPOSITORY, check=True, stdout=subprocess.PIPE, text=True).stdout
    fields = dict(line.split(": ", 1) for line in lines.splitlines() if ": " in line)
    return f"{lines.splitlines()[0]}, {fields['host']}"


def built():
    command = ["cargo", "bench", "--locked", "-p", "slowgrad", "--bench", "training", "--no-run", "--message-format=json"]
    lines = subprocess.run(command, cwd=REPOSITORY, check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines()
    messages = [json.loads(line) for line in lines if line.startswith("{")]
    return [m["executable"] for m in messages if m.get("executable") and m["target"]["name"] == "training"][-1]


def instructions(program, lesson, steps):
    command = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", program, lesson, "--steps", str(steps)]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)
    collected = re.search(r"Collected : (\d+)", done.stderr)
    if done.returncode != 0 or collected is None:
        sys.exit(f"{' '.join(command)} failed:\n{done.stderr}")
    return int(collected.group(1))


def counted(program):
    counts = {}
    for lesson, steps in STEPS.items():
        once, twice = (instructions(program, lesson, n * steps) for n in (1, 2))
        counts[lesson] = round((twice - once) / steps)
        print(f"{lesson:9} {counts[lesson]:>10} instructions per step", flush=True)
    return counts


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    mode = arguments.add_mutually_exclusive_group(required=True)
    mode.add_argument("--check", action="store_true")
    mode.add_argument("--write", action="store_true")
    arguments.add_argument("--program", help="a benchmark that is already built")
    arguments = arguments.parse_args()
    saved = json.loads(COUNTS.read_text()) if COUNTS.exists() else {}
    if arguments.check and saved.get("compiler") != compiler():
        print(f"the counts are from {saved.get('compiler')}, this is {compiler()}: nothing to compare; use --write")
        return
    counts = counted(arguments.program or built())
    if arguments.write:
        report = {"compiler": compiler(), "vector_unit": "avx2", "instructions_per_step": counts}
        COUNTS.write_text(json.dumps(report, indent=2) + "\n")
        return
    grown = False
    for lesson, count in counts.items():
        before = saved["instructions_per_step"].get(lesson)
        if before is None:
            sys.exit(f"{lesson} has no saved count: use --write")
        change = count / before - 1.0
        grown |= change > TOLERANCE
        if abs(change) > TOLERANCE:
            print(f"{lesson}: {before} → {count} instructions per step, {change:+.1%}")
    if grown:
        sys.exit("a step takes more instructions than before; if this is intended, use --write")
    print("no count has grown")


if __name__ == "__main__":
    main()
