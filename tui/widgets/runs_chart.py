"""The loss of several runs over each other: by steps, by seconds or by samples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import get_args

from textual import events

from eetui.core.curves.labels import spread
from eetui.core.curves.y_range import runs_range
from eetui.core.store.listing import XAxis, smoothed, summary_of, x_of
from eetui.core.store.run_record import Curves, Summary
from eetui.tui import figures, ticks
from eetui.tui.plot import AXIS_ROWS, Chart, Label, Series, draw
from eetui.tui.rows import Role, Row
from eetui.tui.widgets.canvas import Canvas

AXES: tuple[XAxis, ...] = get_args(XAxis)
Y_LABELS = 6
LEGEND_WIDTH = 22
SMOOTHING = 9
"""Points of a curve whose mean is drawn."""
CLOSE_SHARE = 0.5
"""Close up, the later half of the curves fills the chart."""


@dataclass(frozen=True, slots=True)
class Line:
    """A run on the chart, with the character and the role that are its own."""

    run: Summary
    curves: Curves
    mark: str
    role: Role


class RunsChart(Canvas, can_focus=True):
    """A line a run, its mark and its name at the end; the held-out losses if so wished."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.axis: XAxis = "steps"
        self.close_up = True
        self.held_out = False
        self._lines: Sequence[Line] = ()

    def update(self, lines: Sequence[Line]) -> None:
        """Show these runs."""
        self._lines = lines
        self.redraw()

    def switch_axis(self) -> None:
        """Steps, seconds, samples and round again."""
        self.axis = AXES[(AXES.index(self.axis) + 1) % len(AXES)]
        self.redraw()

    def switch_scale(self) -> None:
        """Everything, or close up on the later half."""
        self.close_up = not self.close_up
        self.redraw()

    def switch_loss(self) -> None:
        """The training loss or the held-out loss."""
        self.held_out = not self.held_out
        self.redraw()

    def on_resize(self, _event: events.Resize) -> None:
        self.redraw()

    def redraw(self) -> None:
        """Draw now, if it fits."""
        width, height = self.content_size
        if width < LEGEND_WIDTH + 30 or height < 5:
            return
        what = "held-out loss" if self.held_out else "loss"
        self.border_title = (
            f"{what} by {self.axis}   {'close up' if self.close_up else 'all of it'}"
        )
        self.border_subtitle = self._about()
        drawn = [(line, *self._points(line)) for line in self._lines]
        drawn = [(line, x, y) for line, x, y in drawn if len(x)]
        if not drawn:
            self.put([[("  Nothing of this run was trained yet.", Role.TICK)]])
            return
        chart = self._chart(drawn, width - LEGEND_WIDTH - Y_LABELS, height)
        rows = draw(chart, width - LEGEND_WIDTH, height)
        self.put(_with_legend(rows, drawn, chart))

    def _about(self) -> str:
        """Minimum, mean and maximum of the one run, if it is one."""
        found = summary_of(self._lines[0].curves) if len(self._lines) == 1 else None
        if found is None:
            return ""
        low, mean, high = map(figures.nats, found)
        return f"min {low}   mean {mean}   max {high}"

    def _points(self, line: Line) -> tuple[list[float], list[float]]:
        curves = line.curves
        if self.held_out:
            x, y = x_of(line.run, curves.held_out, self.axis), curves.held_out.values
        else:
            x, y = x_of(line.run, curves.loss, self.axis), smoothed(curves.loss.loss, SMOOTHING)
        return x.tolist(), y.tolist()

    def _chart(
        self, drawn: Sequence[tuple[Line, list[float], list[float]]], columns: int, rows: int
    ) -> Chart:
        label = figures.seconds if self.axis == "seconds" else _count
        last = max(x[-1] for _, x, _ in drawn)
        x_axis = ticks.linear(0.0, last, max(columns // 12, 2), label)
        low, high = runs_range([y for _, _, y in drawn], close_up=self.close_up)
        y_axis = ticks.linear(low, high, max(rows // 3, 2), _nats)
        series, labels = [], []
        for line, x, y in drawn:
            inside = [(a, b) for a, b in zip(x, y, strict=True) if b <= y_axis.upper]
            if inside:
                xs, ys = zip(*inside, strict=True)
                series.append(Series(xs, ys, line.role))
                labels.append(Label(xs[-1], ys[-1], line.mark, line.role, "right"))
        return Chart(x_axis, y_axis, series=tuple(series), labels=tuple(labels))


def _count(value: float, _decimals: int) -> str:
    return figures.step(round(value))


def _nats(value: float, decimals: int) -> str:
    return f"{value:.{max(decimals, 2)}f} ".rjust(Y_LABELS)


def _with_legend(
    rows: list[Row], drawn: Sequence[tuple[Line, list[float], list[float]]], chart: Chart
) -> list[Row]:
    """The rows, each followed by the name of the line that ends there."""
    n_rows, axis = len(rows) - AXIS_ROWS, chart.y_axis
    ends = sorted(drawn, key=lambda each: each[2][-1], reverse=True)
    scale = (n_rows - 1) / (axis.upper - axis.lower)
    wanted = [(axis.upper - y[-1]) * scale for _, _, y in ends]
    labels: dict[int, Row] = {}
    for (line, _, y), row in zip(ends, spread(wanted, n_rows), strict=True):
        if row is not None:
            name = figures.clip(line.run.name, LEGEND_WIDTH - 10)
            words = f" {line.mark} {figures.nats(y[-1])} {name}".ljust(LEGEND_WIDTH)
            labels[row] = [(words, line.role)]
    blank: Row = [(" " * LEGEND_WIDTH, Role.BLANK)]
    return [row + labels.get(i, blank) for i, row in enumerate(rows)]
