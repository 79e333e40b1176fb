"""Loss against seconds of training: what every point had on its way, and the front of them."""

from __future__ import annotations

from textual import events

from eetui.core.sweep.progress import FrontPoint, SweepProgress, front, places
from eetui.tui import figures, ticks
from eetui.tui.plot import Chart, Label, Series, draw
from eetui.tui.rows import Role
from eetui.tui.widgets.canvas import Canvas

Y_LABELS = 6
SHORTEST = 1e-4
TALLEST = 0.6
"""Nats above the lowest loss that are shown."""


class FrontChart(Canvas):
    """Every place that was measured is a dot, the front is a line; ◆ marks the chosen point."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.front: list[FrontPoint] = []
        self._progress: SweepProgress | None = None
        self._selected: int | None = None

    def update(self, progress: SweepProgress, selected: int | None) -> None:
        """Show a sweep with one of its points."""
        self._progress, self._selected = progress, selected
        self.front = front(progress.points)
        self.redraw()

    def after(self, selected: int | None) -> int | None:
        """The point that comes next on the front, round and round."""
        numbers = [*dict.fromkeys(place.point for place in self.front)]
        if not numbers:
            return None
        here = numbers.index(selected) if selected in numbers else -1
        return numbers[(here + 1) % len(numbers)]

    def on_resize(self, _event: events.Resize) -> None:
        self.redraw()

    def redraw(self) -> None:
        """Draw now, if it fits."""
        width, height = self.content_size
        if self._progress is None or width < 24 or height < 5:
            return
        self.border_title = "the front   held-out loss by seconds of training"
        if not self.front:
            self.put([[("  No run has come to its end yet.", Role.TICK)]])
            return
        every = [place for point in self._progress.points for place in places(point)]
        lowest = self.front[-1].loss
        shown = [place for place in every if place.loss <= lowest + TALLEST]
        last = max(place.seconds for place in shown)
        first = max(min(place.seconds for place in shown), SHORTEST)
        x_axis = ticks.logarithmic(
            first * 0.9, max(last * 1.1, first * 2), max(width // 10, 2),
            lambda at, _: figures.duration(at),
        )  # fmt: skip
        y_axis = ticks.linear(
            lowest - 0.02, max(place.loss for place in shown) + 0.02, max(height // 3, 2), _nats
        )
        line = [place for place in self.front if place.loss <= lowest + TALLEST]
        series = [
            Series(*_xy(shown), Role.REFERENCE, joined=False),
            Series(*_xy(line), Role.LINE),
        ]
        labels = [Label(p.seconds, p.loss, "●", Role.LINE, "center") for p in line]
        labels += [
            Label(p.seconds, p.loss, "◆", Role.MARK, "center")
            for p in shown
            if p.point == self._selected
        ]
        chart = Chart(x_axis, y_axis, log_x=True, series=tuple(series), labels=tuple(labels))
        self.put(draw(chart, width, height))


def _xy(found: list[FrontPoint]) -> tuple[list[float], list[float]]:
    return [place.seconds for place in found], [place.loss for place in found]


def _nats(value: float, decimals: int) -> str:
    return f"{value:.{max(decimals, 2)}f} ".rjust(Y_LABELS)
