"""How long a start takes: to be run by hand, with the native engine built.

    python -m tests.e2e.start_time --core 1 --tries 11

Commands without a screen, by the wall clock and by the CPU clock of the process; then the screen in
a terminal of 120x40, by the wall clock: until its frame is drawn, and until it shows a step's time.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median
from time import monotonic

from tests.e2e.conftest import Start, environment

COMMANDS = (("--version",), ("train", "--steps", "1"))
FRAME = "padding skip"
LOSS = "us/step"
"""Words of the first frame, and of one that shows a step."""


def spent_by_children() -> float:
    """CPU seconds of all processes that were waited for."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def command_times(command: list[str], env: dict[str, str]) -> tuple[float, float]:
    """Seconds by the wall clock and by the CPU clock."""
    cpu, wall = spent_by_children(), monotonic()
    subprocess.run(command, env=env, capture_output=True, check=True)
    return monotonic() - wall, spent_by_children() - cpu


def screen_times(start: Start) -> tuple[float, float]:
    """Seconds until the first frame and until the first loss."""
    began = monotonic()
    terminal = start("--engine", "native")
    seen = []
    for words in (FRAME, LOSS):
        terminal.wait_for_text(words)
        seen.append(terminal.read_at - began)
    terminal.press("q")
    terminal.wait_for_end()
    return seen[0], seen[1]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--core", default="1", help="runs the program; others read the terminal")
    parser.add_argument("--tries", type=int, default=11)
    options = parser.parse_args()
    pinned = ["taskset", "-c", options.core]
    with tempfile.TemporaryDirectory() as folder:
        env = environment(Path(folder))
        start = Start(env, before=pinned)
        seen: dict[str, list[tuple[float, float]]] = {}
        for _ in range(options.tries):
            for arguments in COMMANDS:
                command = [*pinned, sys.executable, "-m", "eetui.tui", *arguments]
                seen.setdefault(" ".join(arguments), []).append(command_times(command, env))
            seen.setdefault("screen", []).append(screen_times(start))
    for name, pairs in seen.items():
        words = ("first frame", "first loss") if name == "screen" else ("wall", "cpu")
        figures = (
            f"{word} {median(each):.3f} s (least {min(each):.3f})"
            for word, each in zip(words, zip(*pairs, strict=True), strict=True)
        )
        print(f"{name:<18} {'  '.join(figures)}")


if __name__ == "__main__":
    main()
