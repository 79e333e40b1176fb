"""The row above the keys: what undo and redo would do."""

from __future__ import annotations

from textual import events
from textual.content import Content

from eetui.core.run.snapshot import Snapshot
from eetui.core.text import visible
from eetui.tui import figures
from eetui.tui.widgets.pane import MUTED, LinesPane

NAMED = 24
"""Columns for the name of a change."""


class TimelineBar(LinesPane):
    """One row that is always there; its words can be clicked."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._snapshot: Snapshot | None = None

    def update(self, snapshot: Snapshot) -> None:
        """Show the row for `snapshot`."""
        self._snapshot = snapshot
        width = self.content_size.width
        words = _offers(snapshot)
        gap = " " * max(width - words.cell_length, 0)
        self.show([Content(gap) + words])

    def on_resize(self, _event: events.Resize) -> None:
        if self._snapshot is not None:
            self.update(self._snapshot)


def _offers(snapshot: Snapshot) -> Content:
    """The keys that take back and make again, each with what it would do."""
    offers = [
        Content.from_markup(
            f"[@click=screen.{word}][reverse] {key} [/reverse] [{MUTED}]{word} $what[/][/]",
            what=figures.clip(visible(what, None), NAMED),
        )
        for key, word, what in (("u", "undo", snapshot.undo), ("U", "redo", snapshot.redo))
        if what
    ]
    return Content("  ").join(offers)
