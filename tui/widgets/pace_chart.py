"""Microseconds a step over the same x axis as the loss: where the toggles leave their stairs."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from eetui.core.curves.points import event_positions, us_points
from eetui.core.run.snapshot import Snapshot
from eetui.tui import figures, ticks
from eetui.tui.plot import Chart, Role, Series
from eetui.tui.widgets.chart_pane import (
    ChartPane,
    View,
    later_half,
    mark_labels,
    x_ticks,
    y_label,
)

EMPTY = np.array([20.0, 100.0])


class PaceChart(ChartPane):
    """Logarithmic at first, so that twice as slow is the same step up anywhere."""

    def chart(self, snapshot: Snapshot, view: View, columns: int) -> Chart:
        self.border_title = "us/step"
        self.border_subtitle = f"y {self.scale}"
        x, y = us_points(snapshot.curve, view.axis, 0.0, 2 * columns)
        x_axis = x_ticks(snapshot, view.axis, columns)
        y_axis = self._y_axis(y if len(y) else EMPTY)
        return Chart(
            x_axis,
            y_axis,
            log_y=self.scale == "log",
            series=(Series(x.tolist(), y.tolist(), Role.LINE),),
            marks=tuple(event_positions(snapshot.events, view.axis)),
            labels=mark_labels(snapshot, view.axis, x_axis, y_axis.upper, columns),
        )

    def _y_axis(self, y: NDArray[np.float64]) -> ticks.Ticks:
        bottom, top = float(y.min()), float(y.max())
        count = max(self.content_size.height // 2, 2)

        def label(value: float) -> str:
            return y_label(figures.count(value))

        if self.scale == "log":
            return ticks.logarithmic(max(bottom * 0.75, 1e-2), top * 1.9, count, label)
        if self.scale == "close":
            return ticks.linear(*later_half(y), count, label, fit=True)
        return ticks.linear(0.0, top * 1.1, count, label, fit=True)
