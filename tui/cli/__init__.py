"""The command line: `eetui` and its commands train, sample, bench, ladder, race and doctor."""

from __future__ import annotations

from collections.abc import Sequence

INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program and give its exit code; an interruption is quiet from the first import on."""
    try:
        from eetui.tui.cli.program import run

        return run(arguments)
    except KeyboardInterrupt:
        return INTERRUPTED
