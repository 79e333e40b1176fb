"""The loss over steps or seconds: raw points faint, the smoothed line bright, chance as a level."""

from __future__ import annotations

from eetui.core.curves.points import branch_points, loss_points, thinned, track_points
from eetui.core.curves.reading import Reading
from eetui.core.curves.y_range import loss_range
from eetui.core.run.snapshot import Snapshot
from eetui.tui import figures, ticks
from eetui.tui.plot import Chart, Label, Series
from eetui.tui.rows import Role
from eetui.tui.view import View, mark_labels, marks, x_ticks, y_label
from eetui.tui.widgets.chart_pane import ChartPane

HELD_OUT = "○"
BETWEEN_MARKERS = 8
"""Columns from one marker of the held-out line to the next, at the least."""
BETWEEN_NUMBERS = 14
"""The same for the numbers of the ghosts."""


class LossChart(ChartPane):
    """Nats. Once the loss has left chance (the loss of guessing) behind, the chart closes in on it
    and chance is a tag at the edge."""

    @property
    def is_alone(self) -> bool:
        """Whether no other chart names the marks."""
        return all(chart is self or not chart.display for chart in self.screen.query(ChartPane))

    def name_axes(self, view: View, read: Reading | None) -> None:
        latest = self.snapshot.held_out.latest if self.snapshot else None
        axis = f"x [@click=screen.switch_axis]{view.axis}[/]"
        less, more = "[@click=screen.smooth_less]", "[@click=screen.smooth_more]"
        amount = f"{view.smoothing:.2f}"
        if not self.has_bottom:
            title = f"loss {HELD_OUT} held out" if latest is not None else "loss, nats"
            smoothing = f"{less}smooth[/] {more}{amount}[/]"
            self.frame(title, [axis, self.scale_word, smoothing])
            return
        loss = f" {figures.nats(read.loss)} at step {figures.count(read.step)}" if read else ""
        held_out = read.held_out if read else latest
        title = f"loss{loss}, nats"
        if held_out is not None:
            title += f"   {HELD_OUT} held out {figures.nats(held_out)}"
        smoothing = f"{less}-[/] {more}+[/] {more}smoothing {amount}[/]"
        self.frame(title, [axis, self.scale_word, smoothing])

    def chart(self, snapshot: Snapshot, view: View, columns: int) -> Chart:
        curve, chance = snapshot.curve, snapshot.chance_loss
        x_axis = x_ticks(snapshot, view, columns)
        span = x_axis.span
        raw_x, raw = loss_points(curve, view.axis, 0.0, 2 * columns, span)
        x, y = loss_points(curve, view.axis, view.smoothing, 2 * columns, span)
        out_x, out = track_points(snapshot.held_out, view.axis, span)
        zoomed = view.window is not None
        ghosts = [
            branch_points(curve, g.curve, g.begun, view.axis, view.smoothing, 2 * columns, span)
            for g in snapshot.ghosts
        ]
        low, high = loss_range(
            (raw_x, raw), (out_x, out), chance, self.scale, zoomed=zoomed, ghosts=ghosts
        )
        y_axis = self._y_axis(low, high)
        series = [Series(a.tolist(), b.tolist(), Role.GHOST) for a, b in ghosts]
        series.append(Series(x.tolist(), y.tolist(), Role.LINE))
        if view.smoothing:
            series.insert(0, Series(raw_x.tolist(), raw.tolist(), Role.RAW, joined=False))
        if len(out):
            series.append(Series(out_x.tolist(), out.tolist(), Role.HELD_OUT))
            # told by more than its colour
            x, y = thinned((out_x, out), span, columns, BETWEEN_MARKERS)
            series.append(Series(x.tolist(), y.tolist(), Role.HELD_OUT, False, HELD_OUT))
        for ghost, line in zip(snapshot.ghosts, ghosts, strict=True):
            x, y = thinned(line, span, columns, BETWEEN_NUMBERS, ghost.number)
            series.append(Series(x.tolist(), y.tolist(), Role.GHOST, False, str(ghost.number)))
        names: tuple[Label, ...] = ()
        if snapshot.events and self.is_alone:
            names = mark_labels(snapshot, view.axis, x_axis, y_axis.lower, columns, -1)
        return Chart(
            x_axis,
            y_axis,
            log_y=self.scale == "log",
            series=tuple(series),
            level=chance if y_axis.lower <= chance <= y_axis.upper else None,
            marks=marks(snapshot, view.axis, x_axis),
            labels=(_chance(chance, x_axis, y_axis), *names),
        )

    def _y_axis(self, bottom: float, top: float) -> ticks.Ticks:
        count = max(self.content_size.height // 3, 2)
        if self.scale == "log":
            return ticks.logarithmic(max(bottom * 0.98, 1e-4), top * 1.02, count, y_label)
        return ticks.linear(bottom, top, count, y_label, fit=True)


def _chance(chance: float, x_axis: ticks.Ticks, y_axis: ticks.Ticks) -> Label:
    """The name of the level of chance; at the edge beyond which it lies, with an arrow to it."""
    y = min(max(chance, y_axis.lower), y_axis.upper)
    arrow = " ▲" if y < chance else " ▼" if y > chance else ""
    return Label(x_axis.upper, y, f" chance {chance:.3f}{arrow} ", Role.REFERENCE, "right")
