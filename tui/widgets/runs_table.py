"""The runs of the store: a row for each, under the heads of their groups."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from time import time
from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.message import Message

from eetui.core.store.listing import Group, ListedRun, Order
from eetui.core.store.run_record import Summary
from eetui.tui import figures
from eetui.tui.sparks import age, sparkline
from eetui.tui.widgets.pane import DIM, MUTED, LinesPane, Part, line

NAME_WIDTH = 24
SPARK_WIDTH = 18
LEAST_FOR_SPARKS = 96
COLUMNS: tuple[tuple[Order, int, int], ...] = (
    ("loss", 8, 0),
    ("held out", 10, 0),
    ("step", 9, 0),
    ("us/step", 9, 86),
    ("age", 8, 0),
)
"""Heading, width, and the smallest width of the pane that shows the column."""
STATUS_STYLES = {"running": "$text-success", "diverged": "$text-error", "failed": "$text-error"}
STALE_SECONDS = 10.0
"""A run that says it runs and has not written for so long was cut off."""


class RunsTable(LinesPane, can_focus=True):
    """Keeps the cursor on its run, whatever is sorted, filtered or written meanwhile."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("pageup", "move(-10)", "page up", show=False),
        Binding("pagedown", "move(10)", "page down", show=False),
        Binding("home", "move(-100000)", "first", show=False),
        Binding("end", "move(100000)", "last", show=False),
    ]

    class Selected(Message):
        """The cursor has moved."""

    class Sorted(Message):
        """A heading was clicked."""

        def __init__(self, order: Order) -> None:
            super().__init__()
            self.order = order

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._rows: Sequence[ListedRun] = ()
        self._marks: Mapping[str, tuple[str, str]] = {}
        self._order: Order = "age"
        self._cursor = 0

    @property
    def selected(self) -> Summary | None:
        """The run under the cursor; None on a group's head or in an empty list."""
        return self._rows[self._cursor].run if self._rows else None

    @property
    def group(self) -> Group | None:
        """The group under the cursor, or None on a run."""
        return self._rows[self._cursor].group if self._rows else None

    def update(
        self, rows: Sequence[ListedRun], marks: Mapping[str, tuple[str, str]], order: Order
    ) -> None:
        """Show these rows; marks: the character and style of each run that is ticked, by id."""
        before = self._rows[self._cursor] if self._rows else None
        self._rows, self._marks, self._order = rows, marks, order
        self._cursor = _place(rows, before, self._cursor)
        self._draw()

    def action_move(self, rows: int) -> None:
        """Move the cursor, stopping at the ends."""
        self._select(self._cursor + rows)

    def _select(self, row: int) -> None:
        if self._rows:
            self._cursor = max(0, min(row, len(self._rows) - 1))
            self._draw()
            self.post_message(self.Selected())

    def on_resize(self, _event: events.Resize) -> None:
        self._draw()

    def on_click(self, event: events.Click) -> None:
        offset = event.get_content_offset(self)
        if offset is None:
            return
        if offset.y == 0:
            if order := self._heading(offset.x):
                self.post_message(self.Sorted(order))
        elif self._first + offset.y - 1 < len(self._rows):
            self._select(self._first + offset.y - 1)

    def on_mouse_scroll_down(self) -> None:
        self.action_move(1)

    def on_mouse_scroll_up(self) -> None:
        self.action_move(-1)

    def _heading(self, x: int) -> Order | None:
        edge = NAME_WIDTH + 4
        if x < edge:
            return "name"
        edge += self._spark_width
        for word, width, least in COLUMNS:
            if self.content_size.width >= least:
                edge += width
                if x < edge:
                    return "loss" if x < edge - width else word
        return "status"

    @property
    def _first(self) -> int:
        """The row at the top: 0, unless the list is too long and the cursor is further down."""
        room = max(self.content_size.height - 1, 1)
        return max(0, min(self._cursor - room // 2, len(self._rows) - room))

    @property
    def _spark_width(self) -> int:
        """Cells of the little curve, which 80 columns have no room for."""
        return SPARK_WIDTH if self.content_size.width >= LEAST_FOR_SPARKS else 0

    def _draw(self) -> None:
        width, height = self.content_size
        if not width:
            return
        columns = [(word, w) for word, w, least in COLUMNS if width >= least]
        lines = [self._header(columns)]
        first, now = self._first, time()
        for i, row in enumerate(self._rows[first : first + height - 1], start=first):
            chosen = i == self._cursor
            parts: list[Part] = [("▸ " if chosen else "  ", "$primary"), "  " * row.depth]
            if row.group is not None:
                key, value = row.group.path[-1]
                parts += [(f"{key} {value}", "bold $primary"), (f"   {row.group.count}", MUTED)]
            elif row.run is not None:
                parts += self._cells(row.run, 2 * row.depth, columns, now)
            drawn = line(*parts)
            if len(drawn.plain) > width:
                drawn = drawn[: width - 1].append("…")
            drawn = drawn.append(" " * (width - len(drawn.plain)))
            lines.append(drawn.stylize("on $panel") if chosen else drawn)
        if not self._rows:
            lines.append(line(("  no run is like that", MUTED)))
        self.show(lines)

    def _header(self, columns: Sequence[tuple[str, int]]) -> Content:
        def word(text: str) -> str:
            return f"▾{text}" if text == self._order else text

        cells = "".join(word(text).rjust(width) for text, width in columns)
        names = f"    {word('name')}".ljust(NAME_WIDTH + 4)
        names += "loss curve".ljust(SPARK_WIDTH)[: self._spark_width]
        return line((f"{names}{cells}  {word('status')}", MUTED))

    def _cells(
        self, run: Summary, indent: int, columns: Sequence[tuple[str, int]], now: float
    ) -> list[Part]:
        texts = {
            "loss": figures.nats(run.loss),
            "held out": figures.nats(run.held_out_loss),
            "step": figures.step(run.step),
            "us/step": figures.microseconds(run.us_per_step),
            "age": age(now - run.updated),
        }
        cut_off = run.status == "running" and now - run.updated > STALE_SECONDS
        status = "cut off" if cut_off else run.status
        name = figures.clip(f"{run.name}{'  ' + run.note if run.note else ''}", NAME_WIDTH - indent)
        return [
            self._marks.get(run.id, ("·", DIM)),
            ("*" if run.pinned else " ", "$text-warning"),
            (name.ljust(NAME_WIDTH - indent), "$foreground"),
            (sparkline(run.sparks).ljust(SPARK_WIDTH)[: self._spark_width], "$secondary"),
            *((texts[word].rjust(w), "$foreground") for word, w in columns),
            (f"  {status}", STATUS_STYLES.get(status, MUTED)),
        ]


def _place(rows: Sequence[ListedRun], before: ListedRun | None, cursor: int) -> int:
    """Where what was under the cursor is now, or the nearest place to it."""
    for i, row in enumerate(rows):
        if before is None:
            break
        if row.run is not None and before.run is not None and row.run.id == before.run.id:
            return i
        if row.group is not None and row.group == before.group:
            return i
    return max(0, min(cursor, len(rows) - 1))
