#!/usr/bin/env python3
"""Instructions of a training step, which are the same however busy the machine is.

    python3 crates/slowgrad/benches/instructions.py --check     # fails where a count has grown by more than 2 %
    python3 crates/slowgrad/benches/instructions.py --write     # takes over the counts of now

slowgrad's side of the benchmark `training` runs under callgrind with some steps and with twice as many; the difference is
theirs alone, and what starting takes is not in it. Valgrind has no AVX-512, so this is the AVX2 path. Another compiler
makes other instructions: counts are compared only when it is the one that they were written with. Needs valgrind;
`--program` names a benchmark that is built already.
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
# Steps that are many against what differs from start to start, and few enough for some seconds.
STEPS = {"w1": 10_000, "w1-exp": 10_000, "w2": 4_000, "w2-other": 4_000, "w3": 20}
TOLERANCE = 0.02


def compiler():
    lines = subprocess.run(["rustc", "-vV"], cwd=REPOSITORY, check=True, stdout=subprocess.PIPE, text=True).stdout
    told = dict(line.split(": ", 1) for line in lines.splitlines() if ": " in line)
    return f"{lines.splitlines()[0]}, {told['host']}"


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
        print(f"{lesson:9} {counts[lesson]:>10} instructions a step", flush=True)
    return counts


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    what = arguments.add_mutually_exclusive_group(required=True)
    what.add_argument("--check", action="store_true")
    what.add_argument("--write", action="store_true")
    arguments.add_argument("--program", help="a benchmark that is built already")
    arguments = arguments.parse_args()
    known = json.loads(COUNTS.read_text()) if COUNTS.exists() else {}
    if arguments.check and known.get("compiler") != compiler():
        print(f"written with {known.get('compiler')}, and this is {compiler()}: nothing to compare; use --write")
        return
    counts = counted(arguments.program or built())
    if arguments.write:
        told = {"compiler": compiler(), "vector_unit": "avx2", "instructions_per_step": counts}
        COUNTS.write_text(json.dumps(told, indent=2) + "\n")
        return
    grown = False
    for lesson, count in counts.items():
        before = known["instructions_per_step"].get(lesson)
        if before is None:
            sys.exit(f"{lesson} has not been counted before: use --write")
        change = count / before - 1.0
        grown |= change > TOLERANCE
        if abs(change) > TOLERANCE:
            print(f"{lesson}: {before} → {count} instructions a step, {change:+.1%}")
    if grown:
        sys.exit("a step takes more instructions than before; if that is meant, take them over with --write")
    print("no count has grown")


if __name__ == "__main__":
    main()
