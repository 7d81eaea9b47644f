#!/usr/bin/env python3
"""Measures the window: the time to the first frame, and the processor time of a paused window.

    cargo build --release && python3 crates/slowgrad/benches/window.py [PROGRAM] [--times 5]

Needs Linux, Xvfb and xdotool. Xvfb renders in software, so a graphics card is faster. The program opens the welcome
lesson with an empty home folder.
"""

import argparse
import json
import os
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[3]
PAUSED_SECONDS = 5.0
TIMEOUT_SECONDS = 60.0


def until(condition, answer):
    """Polls until `answer` returns a value."""
    deadline = time.monotonic() + TIMEOUT_SECONDS
    while time.monotonic() < deadline:
        if (found := answer()) is not None:
            return found
        time.sleep(0.001)
    raise SystemExit(f"timed out waiting until {condition}")


class Display:
    def __enter__(self):
        read, write = os.pipe()
        command = ["Xvfb", "-displayfd", str(write), "-screen", "0", "1280x720x24", "-nolisten", "tcp"]
        self.server = subprocess.Popen(command, pass_fds=[write], stderr=subprocess.DEVNULL)
        os.close(write)
        with os.fdopen(read) as output:
            self.name = f":{output.readline().strip()}"
        return self

    def __exit__(self, *_):
        self.server.terminate()
        self.server.wait()


class Window:
    def __init__(self, program, display, home):
        self.log = Path(home, "events.jsonl")
        here = {name: home for name in ["HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME", "XDG_RUNTIME_DIR"]}
        self.environment = {**os.environ, **here, "DISPLAY": display.name, "WINIT_X11_SCALE_FACTOR": "1"}
        self.environment.pop("WAYLAND_DISPLAY", None)
        command = [program, "welcome", "--size", "1280x720", "--log-events", str(self.log)]
        self.began = time.monotonic()
        self.process = subprocess.Popen(command, env=self.environment, stdout=subprocess.DEVNULL)

    def lines(self):
        if not self.log.exists():
            return []
        return [json.loads(line) for line in self.log.read_text().splitlines(keepends=True) if line.endswith("\n")]

    def last(self, fits=lambda line: True):
        lines = self.lines()
        return lines[-1] if lines and fits(lines[-1]) else None

    def since_start(self, condition, fits):
        until(condition, lambda: next((line for line in self.lines() if fits(line)), None))
        return time.monotonic() - self.began

    def key(self, name):
        found = ["xdotool", "search", "--onlyvisible", "--name", "slowgrad"]
        window = subprocess.run(found, env=self.environment, check=True, stdout=subprocess.PIPE, text=True).stdout.split()[0]
        for command in [["windowfocus", "--sync", window], ["key", name]]:
            subprocess.run(["xdotool", *command], env=self.environment, check=True)

    def cpu_seconds(self):
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def peak_memory(self):
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return next(int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith("VmHWM:"))

    def end(self):
        self.process.kill()
        self.process.wait()


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("program", nargs="?", default=str(REPOSITORY / "target/release/slowgrad"))
    arguments.add_argument("--times", type=int, default=5)
    arguments = arguments.parse_args()
    first, with_lesson = [], []
    with Display() as display:
        for nth in range(arguments.times):
            with tempfile.TemporaryDirectory() as home:
                window = Window(arguments.program, display, home)
                try:
                    first.append(window.since_start("the first frame", lambda line: True))
                    with_lesson.append(window.since_start("the lesson is shown", lambda line: line["step"] == 1))
                    if nth == arguments.times - 1:
                        paused(window)
                finally:
                    window.end()
    for what, times in [("first frame", first), ("first frame with the lesson", with_lesson)]:
        print(f"{what:30} {1000 * min(times):7.0f} ms after the start, median {1000 * statistics.median(times):.0f}")


def paused(window):
    until("it plays", lambda: window.last(lambda line: line["playing"]))
    window.key("space")
    until("it is paused", lambda: window.last(lambda line: not line["playing"]))
    # Waits for animations to end.
    time.sleep(2.0)
    frames, cpu = window.last()["frames"], window.cpu_seconds()
    time.sleep(PAUSED_SECONDS)
    cpu = window.cpu_seconds() - cpu
    quiet = window.last()["frames"] == frames
    # The log has the number of frames only with the next change, which this key causes.
    window.key("g")
    logged = until("the key takes effect", lambda: window.last(lambda line: line["frames"] > frames))["frames"]
    print(f"{'paused for 5 s':30} {1000 * cpu:7.0f} ms of processor time, {'nothing' if quiet else 'something'} changed")
    print(f"{'':30} {logged - frames - 1:7} frames from the last change to the effect of a key")
    print(f"{'peak memory':30} {window.peak_memory():7.0f} MiB")


if __name__ == "__main__":
    main()
