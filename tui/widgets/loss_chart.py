"""The loss over steps or seconds: raw points faint, the smoothed line bright, chance as a level."""

from __future__ import annotations

from eetui.core.curves.points import event_positions, loss_points
from eetui.core.run.snapshot import Snapshot
from eetui.tui import ticks
from eetui.tui.plot import Chart, Label, Role, Series
from eetui.tui.widgets.chart_pane import (
    ChartPane,
    View,
    later_half,
    mark_labels,
    x_ticks,
    y_label,
)

HELD_OUT = Role.SERIES_1
"""The loss on documents that are kept from training."""

LEAST_SPAN = 1.0
"""Nats below chance that are always on the axis, so that it seldom has to move."""


class LossChart(ChartPane):
    """Nats, with chance (the loss of guessing) as the line that learning leaves behind."""

    @property
    def is_alone(self) -> bool:
        """Whether no other chart names the marks."""
        return all(chart is self or not chart.display for chart in self.screen.query(ChartPane))

    def chart(self, snapshot: Snapshot, view: View, columns: int) -> Chart:
        self.border_title = "loss, nats"
        self.border_subtitle = (
            f"x {view.axis}   y {self.scale}   + - 0 smoothing {view.smoothing:.2f}".rstrip()
        )
        raw_x, raw = loss_points(snapshot.curve, view.axis, 0.0, 2 * columns)
        x, y = loss_points(snapshot.curve, view.axis, view.smoothing, 2 * columns)
        chance = snapshot.chance_loss
        top = max(chance * 1.02, float(y.max(initial=0.0)))
        bottom = min(chance - LEAST_SPAN, float(raw.min(initial=chance)))
        if self.scale == "close" and len(raw):
            bottom, top = later_half(raw)
        x_axis = x_ticks(snapshot, view.axis, columns)
        y_axis = self._y_axis(bottom, top)
        series = (
            Series(raw_x.tolist(), raw.tolist(), Role.RAW, joined=False),
            Series(x.tolist(), y.tolist(), Role.LINE),
        )
        held = snapshot.held_out
        held_x = held.steps if view.axis == "steps" else held.seconds
        held_out = (Series(held_x.tolist(), held.values.tolist(), HELD_OUT),) * bool(len(held_x))
        in_view = y_axis.lower <= chance <= y_axis.upper
        guessing = f" chance {chance:.3f} "
        return Chart(
            x_axis,
            y_axis,
            log_y=self.scale == "log",
            series=(*(series if view.smoothing else series[1:]), *held_out),
            level=chance if in_view else None,
            marks=tuple(event_positions(snapshot.events, view.axis)),
            labels=(
                *(
                    Label(float(held_x[-1]), value, " held out ", HELD_OUT, "right", -1)
                    for value in held.values[-1:].tolist()
                    if y_axis.lower <= value <= y_axis.upper
                ),
                *([Label(x_axis.upper, chance, guessing, Role.REFERENCE, "right")] * in_view),
                *(
                    mark_labels(snapshot, view.axis, x_axis, y_axis.lower, columns, -1)
                    if self.is_alone
                    else ()
                ),
            ),
        )

    def _y_axis(self, bottom: float, top: float) -> ticks.Ticks:
        count = max(self.content_size.height // 3, 2)

        def label(value: float) -> str:
            return y_label(f"{value:.2f}")

        if self.scale == "log":
            return ticks.logarithmic(bottom * 0.98, top * 1.02, count, label)
        return ticks.linear(bottom, top, count, label, fit=True)
