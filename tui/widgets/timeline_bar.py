"""The row under the charts: the run's keyframes and changes, and what undo and redo would do."""

from __future__ import annotations

from math import expm1, log1p

from textual import events
from textual.content import Content
from textual.message import Message

from eetui.core.run.snapshot import Snapshot
from eetui.core.text import visible
from eetui.tui import figures
from eetui.tui.widgets.pane import MUTED, LinesPane, Part, line

NAMED = 24
"""Columns for the name of a change."""
SHORTEST = 8
"""Columns of a timeline at the least."""
KEYFRAME, CHANGE, HERE = "┴", "◆", "●"


class TimelineBar(LinesPane):
    """One row that is always there; its words and its steps can be clicked."""

    class Pointed(Message):
        """A step of the timeline was clicked."""

        def __init__(self, step: int) -> None:
            super().__init__()
            self.step = step

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._snapshot: Snapshot | None = None
        self._columns = 0

    def update(self, snapshot: Snapshot) -> None:
        """Show the row for `snapshot`."""
        self._snapshot = snapshot
        words = _offers(snapshot) if snapshot.visit is None else _visiting(snapshot)
        room = self.content_size.width - words.cell_length - 2
        self._columns = room if room >= SHORTEST else 0
        track = line(*_track(snapshot, self._columns))
        gap = " " * max(self.content_size.width - words.cell_length - self._columns, 0)
        self.show([track + Content(gap) + words])

    def on_resize(self, _event: events.Resize) -> None:
        if self._snapshot is not None:
            self.update(self._snapshot)

    def on_click(self, event: events.Click) -> None:
        offset = event.get_content_offset(self)
        if self._snapshot is not None and offset is not None and offset.x < self._columns:
            last = log1p(self._snapshot.step)
            step = round(expm1(offset.x / max(self._columns - 1, 1) * last))
            steps = self._snapshot.keyframes or (self._snapshot.step,)
            self.post_message(self.Pointed(min(max(step, steps[0]), self._snapshot.step)))


def _track(snapshot: Snapshot, columns: int) -> list[Part]:
    """Keyframes, changes and where one is, on a logarithmic line from step 0 to now."""
    if not columns:
        return []
    last = max(log1p(snapshot.step), 1e-9)

    def column(step: int) -> int:
        return min(round(log1p(step) / last * (columns - 1)), columns - 1)

    cells: list[tuple[str, str]] = [("─", "$panel")] * columns
    for step in snapshot.keyframes:
        cells[column(step)] = (KEYFRAME, MUTED)
    for event in snapshot.events:
        cells[column(event.step)] = (CHANGE, "$secondary")
    here = snapshot.step if snapshot.visit is None else snapshot.visit.step
    cells[column(here)] = (HERE, "bold $primary")
    return [*cells]


def _visiting(snapshot: Snapshot) -> Content:
    """Where one is, and the keys that lead on from there."""
    assert snapshot.visit is not None
    at = f"step {figures.count(snapshot.visit.step)} of {figures.count(snapshot.step)}"
    return Content("  ").join(
        [
            Content(at),
            Content.from_markup(
                f"[@click=screen.branch][reverse] enter [/reverse] [{MUTED}]branch[/][/]"
            ),
            Content.from_markup(
                f"[@click=screen.return_to_now][reverse] esc [/reverse] [{MUTED}]now[/][/]"
            ),
        ]
    )


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
