"""What the two charts share: when to draw, the x axis, and looking closer with keys or mouse."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from time import monotonic
from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.timer import Timer

from eetui.core.curves import window
from eetui.core.curves.points import Span, place, step_at
from eetui.core.curves.reading import Reading, reading
from eetui.core.curves.y_range import SCALES, Scale
from eetui.core.run.snapshot import Snapshot
from eetui.tui import figures, overlay, ticks
from eetui.tui.plot import AXIS_ROWS, Chart, draw
from eetui.tui.rows import Role, Row
from eetui.tui.view import LABEL_WIDTH, View, said, settings_of
from eetui.tui.widgets.canvas import Canvas

SECONDS_BETWEEN_DRAWINGS = 0.25
SECONDS_BETWEEN_LOOKS = 0.05
"""While one zooms or drags: what is asked for is seen sooner than what has only grown."""
CLOSER = 0.8
PAN = 0.1
"""The share of what is seen that a key moves it by."""


class ChartPane(Canvas, can_focus=True):
    """Draws at most four times a second, and only when there is something new.

    The cursor lies over the drawing, so it follows the mouse without a new one.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left", "read(-1)", "earlier", show=False),
        Binding("right", "read(1)", "later", show=False),
        Binding("home", "read(-10000)", "first", show=False),
        Binding("end", "read(10000)", "last", show=False),
        Binding("ctrl+up,ctrl+right", "zoom(True)", "closer", show=False),
        Binding("ctrl+down,ctrl+left", "zoom(False)", "further", show=False),
        Binding("shift+left", "pan(-1)", "pan left", show=False),
        Binding("shift+right", "pan(1)", "pan right", show=False),
    ]

    class Looked(Message):
        """All charts are to be seen in this view."""

        def __init__(self, view: View) -> None:
            super().__init__()
            self.view = view

    def __init__(self, *, id: str | None = None, scale: Scale = "close") -> None:
        super().__init__(id=id)
        self.scale = scale
        self._view = View()
        self._snapshot: Snapshot | None = None
        self._drawn_at = 0.0
        self._due: Timer | None = None
        self._drawn: list[Row] = []
        self._framed: tuple[object, ...] = ()
        self._x_axis: ticks.Ticks | None = None
        self._dragged_from: tuple[int, Span] | None = None

    def chart(self, snapshot: Snapshot, view: View, columns: int) -> Chart:
        """What is to be drawn; `columns` is the room between the y labels and the edge."""
        raise NotImplementedError

    def name_axes(self, view: View, read: Reading | None) -> None:
        """Say on the frame what the axes are, and the chart's own figure under the cursor."""
        raise NotImplementedError

    def frame(self, title: str, axes: Sequence[str]) -> None:
        """Write a title and the words of the axes on the frame's edges, if they are other ones."""
        words = (title, *axes, self.has_bottom)
        if words == self._framed:
            return
        self._framed = words
        if self.has_bottom:
            self.border_title, self.border_subtitle = title, "   ".join(axes)
        else:
            self.border_title, self.border_subtitle = "  ".join([title, *axes]), ""

    @property
    def has_bottom(self) -> bool:
        """Whether the frame has a lower edge; else all words share the upper one."""
        return bool(self.styles.border_bottom[0])

    @property
    def scale_word(self) -> str:
        """The scale of the y axis; a click changes it."""
        return f"y [@click=switch_scale]{self.scale}[/]"

    @property
    def snapshot(self) -> Snapshot | None:
        """What is shown, or soon."""
        return self._snapshot

    @property
    def is_settled(self) -> bool:
        """Whether what is on the screen is the latest."""
        return self._due is None

    @property
    def columns(self) -> int:
        """Cells between the y labels and the edge."""
        return self.content_size.width - LABEL_WIDTH

    def update(self, snapshot: Snapshot) -> None:
        """Show the curve of `snapshot`, soon."""
        before, self._snapshot = self._snapshot, snapshot
        if before is None or not _same_run(before, snapshot):
            self._draw_soon(SECONDS_BETWEEN_DRAWINGS)
            if self._due is not None and self._view.cursor is None:
                self.name_axes(self._view, None)  # its figure is that of the header

    def look(self, view: View) -> None:
        """Show another view: a cursor that moved at once, anything else as soon as it is drawn."""
        before, self._view = self._view, view
        if before == view:
            return
        if replace(before, cursor=view.cursor) == view:
            self._point()
        else:
            self._draw_soon(SECONDS_BETWEEN_LOOKS)

    def switch_scale(self) -> None:
        """Change to the next scale of the y axis."""
        self.scale = SCALES[(SCALES.index(self.scale) + 1) % len(SCALES)]
        self.redraw()

    def action_switch_scale(self) -> None:
        self.switch_scale()

    def _draw_soon(self, apart: float) -> None:
        wait = self._drawn_at + apart - monotonic()
        if wait <= 0:
            self.redraw()
        elif self._due is None:
            self._due = self.set_timer(wait, self.redraw)

    def redraw(self) -> None:
        """Draw now, if there is anything and room for it."""
        if self._due is not None:
            self._due.stop()
            self._due = None
        width, height = self.content_size
        if self._snapshot is None or self.columns <= 10 or height < 4:
            return
        self._drawn_at = monotonic()
        chart = self.chart(self._snapshot, self._view, self.columns)
        self._drawn, self._x_axis = draw(chart, width, height), chart.x_axis
        self._point()

    def on_resize(self, _event: events.Resize) -> None:
        if self._drawn:
            self.redraw()
        else:  # the first frame does not wait for the charts
            self.call_after_refresh(self.redraw)

    def _show(self, view: View) -> None:
        """Show another view here, so that the next key goes on from it, and on all charts."""
        self.look(view)
        self.post_message(self.Looked(view))

    # -- the cursor -------------------------------------------------------------------------

    def _point(self) -> None:
        """Lay the cursor and what it reads over the drawing."""
        snapshot, x_axis, view = self._snapshot, self._x_axis, self._view
        if snapshot is None or x_axis is None:
            return
        read = None
        if view.cursor is not None:
            low, high = (step_at(snapshot.curve, view.axis, x) for x in x_axis.span)
            reach = (high - low) / max(self.columns, 1)
            read = reading(
                snapshot.curve,
                snapshot.held_out,
                snapshot.events,
                view.cursor,
                view.smoothing,
                reach,
            )
        self.name_axes(view, read)
        if read is None:
            self.put(self._drawn)
            return
        x = read.step if view.axis == "steps" else read.seconds
        column = self._column(x, x_axis)
        rows = self._drawn
        if 0 <= column < self.columns:
            at, canvas = LABEL_WIDTH + column, len(rows) - AXIS_ROWS
            rows = [overlay.over(r, at, "│", Role.CURSOR) for r in rows[:canvas]] + rows[canvas:]
        self.put(self._with_reading(rows, read, snapshot, column))

    def _with_reading(
        self, rows: list[Row], read: Reading, snapshot: Snapshot, column: int
    ) -> list[Row]:
        """All figures at the cursor, beside it; on the uppermost of the charts only."""
        if next((c for c in self.screen.query(ChartPane) if c.display), None) is not self:
            return rows
        room = max(self.columns // 2 - 4, 20)
        lines = figures.wrapped(said(read), room)
        lines += figures.wrapped(settings_of(snapshot, read), room)
        lines = lines[: max(len(rows) - AXIS_ROWS - 1, 1)]
        width = max(map(len, lines)) + 2
        at = LABEL_WIDTH + (self.columns - width if column < self.columns // 2 else 0)
        covered = [
            overlay.over(row, at, f" {line}".ljust(width), Role.READING)
            for row, line in zip(rows, lines, strict=False)
        ]
        return covered + rows[len(lines) :]

    def _column(self, x: float, x_axis: ticks.Ticks) -> int:
        share = (x - x_axis.lower) / (x_axis.upper - x_axis.lower)
        return round(share * (self.columns - 1))

    def _x(self, column: int, x_axis: ticks.Ticks) -> float:
        share = column / max(self.columns - 1, 1)
        return x_axis.lower + share * (x_axis.upper - x_axis.lower)

    def _cursor_column(self) -> int:
        """Where the cursor is, in the middle if there is none."""
        cursor, snapshot, x_axis = self._view.cursor, self._snapshot, self._x_axis
        if cursor is None or snapshot is None or x_axis is None:
            return self.columns // 2
        x = place(snapshot.curve, self._view.axis, cursor)
        return min(max(self._column(x, x_axis), 0), self.columns - 1)

    def action_read(self, columns: int) -> None:
        """Move the cursor, stopping at the edges; the first key puts it in the middle."""
        step = columns if self._view.cursor is not None or abs(columns) > 1 else 0
        self._read(min(max(self._cursor_column() + step, 0), self.columns - 1))

    def _read(self, column: int) -> None:
        if self._snapshot is None or self._x_axis is None:
            return
        x = self._x(column, self._x_axis)
        step = step_at(self._snapshot.curve, self._view.axis, x)
        self._show(replace(self._view, cursor=step))

    def _read_no_more(self) -> None:
        if self._view.cursor is not None:
            self._show(replace(self._view, cursor=None))

    def on_blur(self) -> None:
        self._read_no_more()

    def on_leave(self) -> None:
        self._read_no_more()

    # -- zooming and panning ----------------------------------------------------------------

    def action_zoom(self, closer: bool) -> None:
        """Look closer at the cursor, or at the middle; or from further away."""
        self._zoom(self._cursor_column(), closer)

    def _zoom(self, column: int, closer: bool) -> None:
        if self._snapshot is None or self._x_axis is None:
            return
        factor = CLOSER if closer else 1 / CLOSER
        at = self._x(column, self._x_axis)
        seen = window.zoomed(self._span(), at, factor, self._snapshot.curve, self._view.axis)
        self._see(seen)

    def action_pan(self, direction: int) -> None:
        """Move what is seen sideways by a tenth of it."""
        if self._view.window is not None:
            self._pan(self._span(), direction * PAN)

    def _span(self) -> Span:
        """What is to be seen of the x axis, also where it has not been drawn yet."""
        assert self._snapshot is not None
        assert self._x_axis is not None
        if self._view.window is None:
            return self._x_axis.span
        curve, axis = self._snapshot.curve, self._view.axis
        low, high = (place(curve, axis, step) for step in self._view.window)
        return low, high

    def _pan(self, span: Span, share: float) -> None:
        if self._snapshot is not None and self._view.window is not None:
            by = share * (span[1] - span[0])
            self._see(window.panned(span, by, self._snapshot.curve, self._view.axis))

    def _see(self, span: Span | None) -> None:
        """Show this part of the x axis on all charts."""
        assert self._snapshot is not None
        seen = None
        if span is not None:
            low, high = (step_at(self._snapshot.curve, self._view.axis, x) for x in span)
            seen = (low, high)
        self._show(replace(self._view, window=seen))

    # -- the mouse --------------------------------------------------------------------------

    def _column_under(self, event: events.MouseEvent) -> int | None:
        """The column of the canvas that the mouse is on."""
        offset = event.get_content_offset(self)
        if offset is None or not 0 <= offset.x - LABEL_WIDTH < self.columns:
            return None
        return offset.x - LABEL_WIDTH

    def on_mouse_down(self, event: events.MouseDown) -> None:
        column = self._column_under(event)
        if column is not None and self._x_axis is not None:
            self._dragged_from = event.screen_x, self._span()
            self.capture_mouse()

    def on_mouse_up(self) -> None:
        self._dragged_from = None
        self.release_mouse()

    def on_mouse_move(self, event: events.MouseMove) -> None:
        if self._dragged_from is not None:
            start, span = self._dragged_from
            self._pan(span, (start - event.screen_x) / max(self.columns, 1))
            return
        column = self._column_under(event)
        if column is not None:
            self._read(column)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        self._on_wheel(event, closer=True)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        self._on_wheel(event, closer=False)

    def _on_wheel(self, event: events.MouseEvent, closer: bool) -> None:
        column = self._column_under(event)
        if column is not None:
            event.stop()
            self._zoom(column, closer)


def _same_run(a: Snapshot, b: Snapshot) -> bool:
    """Whether nothing that a chart shows differs."""
    last = (c.curve.steps[-1] if len(c.curve.steps) else -1 for c in (a, b))
    held_out = {c.held_out.latest for c in (a, b)}
    ghosts = {tuple((ghost.number, ghost.step) for ghost in c.ghosts) for c in (a, b)}
    if len(ghosts) > 1:
        return False
    return a.step == b.step and a.events == b.events and len({*last}) == len(held_out) == 1
