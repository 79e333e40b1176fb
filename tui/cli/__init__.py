"""The command line: `eetui`, `eetui train`, `eetui sample`, `eetui bench` and `eetui doctor`."""

from eetui.tui.cli.program import main

__all__ = ["main"]
