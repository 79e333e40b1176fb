"""How long a start takes: to be run by hand, with the native engine built.

    python -m tests.e2e.start_time --tries 11
    python -m tests.e2e.start_time --tries 11 --core 1

Commands without a screen, and then the screen in a terminal of 120x40: until its frame is drawn,
and until the header shows the loss of a step. By the wall clock, and by the CPU clock of all
threads of the process. What the terminal gets is looked at afterwards, so that this takes nothing
from the start. The first try writes the bytecode of Python and is not counted.
"""

from __future__ import annotations

import argparse
import os
import re
import resource
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median
from time import clock_gettime, monotonic
from typing import NamedTuple

import pexpect
import pyte

from tests.e2e.conftest import COLUMNS, ROWS, Start, environment

COMMANDS = (("--version",), ("train", "--steps", "1"))
WATCHED_SECONDS = 1.0
"""The terminal is read for so long before what it got is looked at."""


class Duration(NamedTuple):
    """Seconds by the wall clock and by the CPU clock."""

    wall: float
    cpu: float


class Written(NamedTuple):
    """What the program wrote, and when."""

    text: str
    at: Duration


def has_frame(rows: list[str]) -> bool:
    """Whether there are the toggles and the row of keys, which is drawn last."""
    return "quit" in rows[-1] and any("padding skip" in row for row in rows)


def has_loss(rows: list[str]) -> bool:
    """Whether the header has a figure under the word "loss"."""
    end = rows[0].find(" loss ") + len(" loss")
    return has_frame(rows) and re.search(r"\d\.\d", rows[1][end - 6 : end]) is not None


def spent_by_children() -> float:
    """CPU seconds of all processes that were waited for."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def spent_by(pid: int) -> float:
    """CPU seconds of a process that runs, by the number that Linux gives its clock."""
    return clock_gettime(~pid << 3 | 2)


def command_time(command: list[str], env: dict[str, str]) -> Duration:
    """How long a command takes."""
    cpu, wall = spent_by_children(), monotonic()
    subprocess.run(command, env=env, capture_output=True, check=True)
    return Duration(monotonic() - wall, spent_by_children() - cpu)


def screen_times(start: Start) -> tuple[Duration, Duration]:
    """How long it takes to the first frame and to the first loss."""
    began = monotonic()
    terminal = start("--engine", "native")
    process = terminal.process
    written: list[Written] = []
    found = None
    while found is None:
        until = monotonic() + WATCHED_SECONDS
        while (left := until - monotonic()) > 0:
            try:
                text = process.read_nonblocking(size=65536, timeout=left)
            except pexpect.TIMEOUT:
                break
            written.append(Written(text, Duration(monotonic() - began, spent_by(process.pid))))
        found = shown(written)
    terminal.press("q")
    terminal.wait_for_end()
    return found


def shown(written: list[Written]) -> tuple[Duration, Duration] | None:
    """When the first frame was there, and the first loss; None if they are not yet."""
    screen = pyte.Screen(COLUMNS, ROWS)
    stream = pyte.Stream(screen)
    frame = None
    for text, at in written:
        stream.feed(text)
        if frame is None and has_frame(screen.display):
            frame = at
        if frame is not None and has_loss(screen.display):
            return frame, at
    return None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--core", help="runs the program; others read the terminal")
    parser.add_argument("--tries", type=int, default=11)
    options = parser.parse_args()
    before = ["taskset", "-c", options.core] if options.core else []
    seen: dict[str, list[Duration]] = {}
    with tempfile.TemporaryDirectory() as folder:
        env = environment(Path(folder))
        env.pop("PYTHONDONTWRITEBYTECODE", None)  # or every start would compile the whole program
        start = Start(env, before)
        for _ in range(1 + options.tries):
            for arguments in COMMANDS:
                command = [*before, sys.executable, "-m", "eetui.tui", *arguments]
                seen.setdefault(" ".join(arguments), []).append(command_time(command, env))
            for name, time in zip(("first frame", "first loss"), screen_times(start), strict=True):
                seen.setdefault(name, []).append(time)
    print(f"load {os.getloadavg()[0]:.1f}")
    for name, times in seen.items():
        figures = (
            f"{clock} {median(each):.3f} s (least {min(each):.3f})"
            for clock, each in zip(Duration._fields, zip(*times[1:], strict=True), strict=True)
        )
        print(f"{name:<18} {'  '.join(figures)}")


if __name__ == "__main__":
    main()
