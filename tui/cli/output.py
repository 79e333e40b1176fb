"""How the command line speaks: data to stdout, messages to stderr."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from io import TextIOWrapper
from shutil import get_terminal_size
from typing import Any

from eetui.core.text import visible

JSON = "Print one JSON object."
PLAIN_WIDTH = 100
"""Columns of a line that goes to no terminal."""
GAP = 2
LONGEST_MESSAGE = 1000
"""Characters of a sentence on stderr."""


def prepare_streams() -> None:
    """Make printing safe: a closed stream goes nowhere, and what cannot be encoded is replaced."""
    for number, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        stream = getattr(sys, name)
        if stream is None:  # else the next file that is opened would get its number
            nowhere = os.open(os.devnull, os.O_RDWR)
            if nowhere != number:
                os.dup2(nowhere, number)
                os.close(nowhere)
            setattr(sys, name, open(number, mode, encoding="utf-8", closefd=False))  # noqa: SIM115
        elif name == "stdout" and isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")


def complain(message: str) -> None:
    """One sentence on stderr, however long what it quotes."""
    words = [visible(word) for word in message.split()]
    text = visible(" ".join(words), LONGEST_MESSAGE)
    if text and text[-1] not in ".!?…":
        text += "."
    with suppress(OSError):  # there is nowhere else to complain
        print(f"eetui: {text}", file=sys.stderr, flush=True)


def print_text(text: str) -> None:
    """A line on stdout, whatever is in it."""
    print(visible(text, None))


def print_columns(texts: Sequence[str], least_width: int) -> None:
    """Texts side by side, in lines as wide as the terminal; whatever is in them."""
    from rich.cells import cell_len, set_cell_size  # much less than all of Rich to load

    shown = [visible(text, None) for text in texts]
    width = max([least_width, *map(cell_len, shown)]) + GAP
    room = get_terminal_size().columns if sys.stdout.isatty() else PLAIN_WIDTH
    n = max((room + GAP) // width, 1)
    for i in range(0, len(shown), n):
        print("".join(set_cell_size(text, width) for text in shown[i : i + n]).rstrip())


def print_json(value: Any) -> None:
    """One JSON object on stdout, on one line; NaN and infinity are no JSON, so they are refused."""
    print(json.dumps(value, allow_nan=False))


def is_interactive() -> bool:
    """Whether a person sits at both ends; a stream that was closed from the start is None.

    The screen is drawn on stderr, so that one counts as well.
    """
    streams = (sys.stdin, sys.stdout, sys.stderr)
    return all(stream is not None and stream.isatty() for stream in streams)
