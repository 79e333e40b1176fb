"""Microseconds a step over the same x axis as the loss: where the toggles leave their stairs."""

from __future__ import annotations

from eetui.core.charts import event_positions, us_points
from eetui.core.snapshot import Snapshot
from eetui.tui import figures, ticks
from eetui.tui.plot import Chart, Role, Series
from eetui.tui.widgets.chart_pane import ChartPane, View, mark_labels, x_ticks, y_label


class PaceChart(ChartPane):
    """Logarithmic at first, so that twice as slow is the same step up anywhere."""

    def chart(self, snapshot: Snapshot, view: View, columns: int) -> Chart:
        self.border_title = "us/step"
        self.border_subtitle = f"y {'log' if self.log_y else 'linear'}"
        x, y = us_points(snapshot.curve, view.axis, 0.0, 2 * columns)
        x_axis = x_ticks(snapshot, view.axis, columns)
        y_axis = self._y_axis(float(y.min(initial=1e9)), float(y.max(initial=0.0)))
        return Chart(
            x_axis,
            y_axis,
            log_y=self.log_y,
            series=(Series(x.tolist(), y.tolist(), Role.LINE),),
            marks=tuple(event_positions(snapshot.events, view.axis)),
            labels=mark_labels(snapshot, view.axis, x_axis, y_axis.upper, columns),
        )

    def _y_axis(self, bottom: float, top: float) -> ticks.Ticks:
        if bottom > top:
            bottom, top = 10.0, 100.0
        count = max(self.content_size.height // 2, 2)

        def label(value: float) -> str:
            return y_label(figures.count(value))

        if self.log_y:
            return ticks.logarithmic(max(bottom * 0.7, 1e-2), top * 1.4, count, label)
        return ticks.linear(0.0, top * 1.1, count, label, fit=True)
