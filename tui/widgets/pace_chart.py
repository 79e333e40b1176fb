"""Microseconds a step over the same x axis as the loss: where the toggles leave their stairs."""

from __future__ import annotations

from eetui.core.curves.points import Band, us_band
from eetui.core.curves.raster import Area
from eetui.core.curves.reading import Reading
from eetui.core.curves.y_range import pace_range
from eetui.core.run.snapshot import Snapshot
from eetui.tui import ticks
from eetui.tui.plot import Chart, Series
from eetui.tui.rows import Role
from eetui.tui.view import View, mark_labels, marks, us_said, x_ticks, y_label
from eetui.tui.widgets.chart_pane import ChartPane


class PaceChart(ChartPane):
    """A line of medians in a band of quartiles.

    Logarithmic at first, so that twice as slow is the same step up anywhere.
    """

    def name_axes(self, view: View, read: Reading | None) -> None:
        title = " ".join(us_said(read)) if read else "us/step, median and quartiles"
        self.frame(title, [self.scale_word])

    def chart(self, snapshot: Snapshot, view: View, columns: int) -> Chart:
        x_axis = x_ticks(snapshot, view, columns)
        band = us_band(snapshot.curve, view.axis, 2 * columns, x_axis.span)
        y_axis = self._y_axis(band, zoomed=view.window is not None)
        return Chart(
            x_axis,
            y_axis,
            log_y=self.scale == "log",
            series=(Series(band.x.tolist(), band.median.tolist(), Role.LINE),),
            marks=marks(snapshot, view.axis, x_axis),
            labels=mark_labels(snapshot, view.axis, x_axis, y_axis.upper, columns),
            shade=Area(band.x, band.low, band.high) if len(band.x) else None,
        )

    def _y_axis(self, band: Band, zoomed: bool) -> ticks.Ticks:
        low, high = pace_range(band, self.scale, zoomed=zoomed)
        count = max(self.content_size.height // 2, 2)
        if self.scale == "log":
            return ticks.logarithmic(low, high, count, y_label)
        return ticks.linear(low, high, count, y_label, fit=True)
