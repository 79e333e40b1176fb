"""What the two charts share: when to draw, and the x axis."""

from __future__ import annotations

from dataclasses import dataclass
from time import monotonic
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray
from textual import events
from textual.timer import Timer

from eetui.core.curves.points import Axis, event_positions
from eetui.core.run.snapshot import Snapshot
from eetui.tui import figures, ticks
from eetui.tui.plot import Chart, Label, Role, draw
from eetui.tui.widgets.canvas import Canvas

SECONDS_BETWEEN_DRAWINGS = 0.25
LABEL_WIDTH = 7
"""The y labels of both charts have one width, so that their x axes and marks stand in line."""


SHORTEST: dict[Axis, float] = {"steps": 10.0, "seconds": 0.01}
"""Where the x axis ends at the least."""


@dataclass(frozen=True, slots=True)
class View:
    """How both charts are looked at; a key makes a new one."""

    axis: Axis = "steps"
    smoothing: float = 0.6


Scale = Literal["linear", "log", "close"]
SCALES: tuple[Scale, ...] = get_args(Scale)
"""The y axis: with all that was, logarithmic, or close up on the later half of the run."""


class ChartPane(Canvas, can_focus=True):
    """Draws at most four times a second, and only when there is something new."""

    def __init__(self, *, id: str | None = None, scale: Scale = "linear") -> None:
        super().__init__(id=id)
        self.scale = scale
        self._view = View()
        self._snapshot: Snapshot | None = None
        self._drawn_at = 0.0
        self._due: Timer | None = None

    def chart(self, snapshot: Snapshot, view: View, columns: int) -> Chart:
        """What is to be drawn; `columns` is the room between the y labels and the edge."""
        raise NotImplementedError

    @property
    def is_settled(self) -> bool:
        """Whether what is on the screen is the latest."""
        return self._due is None

    def update(self, snapshot: Snapshot) -> None:
        """Show the curve of `snapshot`, soon."""
        before, self._snapshot = self._snapshot, snapshot
        if before is not None and _same_run(before, snapshot):
            return
        if self._due is None:
            wait = self._drawn_at + SECONDS_BETWEEN_DRAWINGS - monotonic()
            self._due = self.set_timer(max(wait, 0.001), self.redraw)

    def look(self, view: View) -> None:
        """Draw at once in another view."""
        self._view = view
        self.redraw()

    def switch_scale(self) -> None:
        """Change to the next scale of the y axis."""
        self.scale = SCALES[(SCALES.index(self.scale) + 1) % len(SCALES)]
        self.redraw()

    def redraw(self) -> None:
        """Draw now, if there is anything and room for it."""
        if self._due is not None:
            self._due.stop()
            self._due = None
        width, height = self.content_size
        if self._snapshot is None or width <= LABEL_WIDTH + 10 or height < 4:
            return
        self._drawn_at = monotonic()
        chart = self.chart(self._snapshot, self._view, width - LABEL_WIDTH)
        self.put(draw(chart, width, height))

    def on_resize(self, _event: events.Resize) -> None:
        self.redraw()


def _same_run(a: Snapshot, b: Snapshot) -> bool:
    """Whether nothing that a chart shows differs."""
    last = (c.curve.steps[-1] if len(c.curve.steps) else -1 for c in (a, b))
    return a.step == b.step and a.events == b.events and len({*last}) == 1


def x_ticks(snapshot: Snapshot, axis: Axis, columns: int) -> ticks.Ticks:
    """The x axis of both charts: from the beginning to a round number past the end."""
    curve = snapshot.curve
    values = curve.steps if axis == "steps" else curve.seconds
    last = float(values[-1]) if len(values) else 0.0
    label = figures.count if axis == "steps" else figures.seconds
    return ticks.linear(0.0, max(last, SHORTEST[axis]), max(columns // 14, 2), label, fit=True)


def y_label(text: str) -> str:
    """A label of the y axis at its fixed width."""
    if len(text) >= LABEL_WIDTH:
        text = f"{float(text.replace(',', '')):.0e}".replace("e+0", "e")
    return f"{text.rjust(LABEL_WIDTH - 1)} "


def mark_labels(
    snapshot: Snapshot, axis: Axis, x_axis: ticks.Ticks, y: float, columns: int, down: int = 1
) -> tuple[Label, ...]:
    """The words of the marks, in two rows from y on, down or up (-1), the latest first.

    A word stands right of its mark, else left of it; where it would cover another it is left out.
    """
    per_column = (x_axis.upper - x_axis.lower) / max(columns, 1)
    taken: list[list[tuple[float, float]]] = [[(x_axis.upper, float("inf"))] for _ in range(2)]
    labels = []
    positions = event_positions(snapshot.events, axis)
    for event, x in reversed(list(zip(snapshot.events, positions, strict=True))):
        text = f" {event.label} "
        room = len(text) * per_column
        for row, start in ((row, start) for row in range(2) for start in (x, x - room)):
            free = all(start + room <= a or start >= b for a, b in taken[row])
            if free and start >= x_axis.lower:
                taken[row].append((start, start + room))
                anchor = "left" if start == x else "right"
                labels.append(Label(x, y, text, Role.MARK, anchor, down * row))
                break
    return tuple(labels)


def later_half(y: NDArray[np.float64]) -> tuple[float, float]:
    """Where the later half of a curve lies, with a margin; y [n >= 1]."""
    later = y[len(y) // 2 :]
    low, high = float(later.min()), float(later.max())
    margin = 0.15 * (high - low) + 0.005 * abs(high)
    return low - margin, high + margin
