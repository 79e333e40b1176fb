"""How the command line speaks: data to stdout, messages to stderr."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console

JSON = "Print one JSON object."
PLAIN_WIDTH = 100


def complain(message: str) -> None:
    """One sentence on stderr."""
    text = " ".join(message.split())
    if text and text[-1] not in ".!?":
        text += "."
    print(f"eetui: {text}", file=sys.stderr, flush=True)


def print_json(value: Any) -> None:
    """One JSON object on stdout, on one line; NaN and infinity are no JSON, so they are refused."""
    print(json.dumps(value, ensure_ascii=False, allow_nan=False))


def messages() -> Console:
    """The console on stderr."""
    from rich.console import Console

    return Console(stderr=True)


def data() -> Console:
    """The console on stdout; without a terminal it writes plain text of a fixed width."""
    from rich.console import Console

    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = PLAIN_WIDTH
    return console


def is_interactive() -> bool:
    """Whether a person sits at both ends; a stream that was closed from the start is None.

    The screen is drawn on stderr, so that one counts as well.
    """
    streams = (sys.stdin, sys.stdout, sys.stderr)
    return all(stream is not None and stream.isatty() for stream in streams)
