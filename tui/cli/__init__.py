"""The command line: `eetui` and its commands."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Sequence
from contextlib import suppress

from eetui.tui import signals

YOUNG_OBJECTS = 300_000
"""New objects after which garbage is looked for: more than a start makes. What it loads stays, and
to look through it every 700 objects takes a tenth of a start."""
SHORTEST_SPIN = "4"
"""How long OpenBLAS's threads spin before they sleep: 2^4 ticks of the processor's clock and not
2^26, which is 50 ms on another core when NumPy is loaded, and again after each product."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program and give its exit code; a signal is quiet from the first import on.

    Without arguments it is this process's own program, and the last thing that the process does.
    """
    gc.set_threshold(YOUNG_OBJECTS, *gc.get_threshold()[1:])
    os.environ.setdefault("OPENBLAS_THREAD_TIMEOUT", SHORTEST_SPIN)  # read when NumPy is imported
    with signals.handled(at_last=arguments is None):
        try:
            code = _run(arguments)
        except signals.Interrupted as interruption:
            caught = interruption  # as long as it is there, it does not come again
            code = caught.exit_code
    if arguments is None:
        leave(code)
    return code


def _run(arguments: Sequence[str] | None) -> int:
    if list(sys.argv[1:] if arguments is None else arguments) == ["--version"]:
        with suppress(OSError):  # of a stream that takes nothing: explained below, as for all
            from eetui.core.version import version

            print(f"eetui {version()}", flush=True)
            return 0
    from eetui.tui.cli.invocation import run

    return run(arguments)


def leave(code: int) -> None:
    """End the process here and now: a thread may compile, or wait for what is gone."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            stream.flush()
    os._exit(code)
