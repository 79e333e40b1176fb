"""How soon the screen answers a key on a core that others use: to be run by hand.

    python -m tests.e2e.key_latency --core 1 --busy 2
    python -m tests.e2e.key_latency --core 1 --busy 2 --d-model 16

The program is pinned to one core, where so many processes that never rest run as well. A key is
answered when the screen shows what it changed; the terminal is read on the other cores.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from time import monotonic

from tests.e2e.conftest import Start, Terminal, environment

HELP = "esc closes"
LIMIT_SECONDS = 0.1
REST_SECONDS = 0.3
"""Between two keys, as a person takes it."""


@contextmanager
def neighbours(core: str, n: int) -> Iterator[None]:
    """So many processes on the core that never rest."""
    command = ["taskset", "-c", core, sys.executable, "-c", "while True: pass"]
    started = [subprocess.Popen(command) for _ in range(n)]
    try:
        yield
    finally:
        for process in started:
            process.kill()
            process.wait()


def rest(terminal: Terminal) -> None:
    """Read on until the next key."""
    until = monotonic() + REST_SECONDS
    terminal.wait_for(lambda: monotonic() > until)


def latencies(terminal: Terminal, tries: int) -> dict[str, list[float]]:
    """Seconds from each key to the screen that shows what it does."""
    keys: list[tuple[str, str, Callable[[], bool]]] = [
        ("switch a toggle off", "p", lambda: "padding skip    ●" not in terminal.text),
        ("and on", "p", lambda: "padding skip    ○" not in terminal.text),
        ("pause", " ", lambda: "paused" in terminal.text),
        ("go on", " ", lambda: "paused" not in terminal.text),
        ("open the help", "?", lambda: HELP in terminal.text),
        ("close it", "\x1b", lambda: HELP not in terminal.text),
    ]
    seen: dict[str, list[float]] = {name: [] for name, *_ in keys}
    for _ in range(tries):
        for name, key, is_shown in keys:
            rest(terminal)
            start = monotonic()
            terminal.press(key)
            terminal.wait_for(is_shown)
            seen[name].append(terminal.read_at - start)
    return seen


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--core", default="0")
    parser.add_argument("--busy", type=int, default=2)
    parser.add_argument("--d-model", type=int, default=64)
    parser.add_argument("--tries", type=int, default=20)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        start = Start(environment(Path(folder)), before=["taskset", "-c", options.core])
        terminal = start("--d-model", str(options.d_model), "--steps", "100000000")
        terminal.wait_for_text("us/step")
        with neighbours(options.core, options.busy):
            seen = latencies(terminal, options.tries)
        terminal.process.close(force=True)
    for name, each in seen.items():
        in_time = sum(seconds <= LIMIT_SECONDS for seconds in each)
        print(
            f"{name:<20} median {1e3 * median(each):4.0f} ms, longest {1e3 * max(each):4.0f} ms, "
            f"{in_time} of {len(each)} within {1e3 * LIMIT_SECONDS:.0f} ms"
        )


if __name__ == "__main__":
    main()
