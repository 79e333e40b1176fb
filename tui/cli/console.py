"""Tables, columns and progress in a terminal; what they show is text and never markup."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.text import Text

from eetui.core.text import visible, visible_lines
from eetui.tui.cli.output import PLAIN_WIDTH


class PlainConsole(Console):
    """A console for which text is text: no markup, and nothing in it moves a cursor."""

    def __init__(self, *, stderr: bool = False) -> None:
        super().__init__(stderr=stderr, markup=False, emoji=False, highlight=False)

    def render_str(self, text: str, **options: Any) -> Text:
        """A text in its cell, column or line."""
        return super().render_str(visible_lines(text), **options)


def data() -> PlainConsole:
    """The console on stdout; without a terminal it writes plain text of a fixed width."""
    console = PlainConsole()
    if not console.is_terminal:
        console.width = PLAIN_WIDTH
    return console


@contextmanager
def waiting(*, quiet: bool = False) -> Iterator[Callable[[str], None] | None]:
    """Tell on stderr, if that is a terminal, what is under way; gives what tells it."""
    console = PlainConsole(stderr=True)
    if quiet or not console.is_terminal:
        yield None
        return
    with console.status(Text("starting")) as status:
        yield lambda words: status.update(Text(visible(words)))
