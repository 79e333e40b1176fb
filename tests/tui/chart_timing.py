"""Milliseconds a frame of a chart: `python tests/tui/chart_timing.py`.

Where textual-plotext is installed (with the plotext 5 it needs, so in an environment of its own)
it is timed instead, on the same points, size, ticks and lines.
"""

from __future__ import annotations

import asyncio
from statistics import median
from time import perf_counter
from typing import Any

import numpy as np
from textual.app import App, ComposeResult
from textual.widget import Widget

FRAMES = 200
SIZE = (80, 15)
POINTS = 142
MARKS = (1500.0, 2200.0)
CHANCE = 3.296

x = np.linspace(1, 5000, POINTS)
smooth = 2 + 1.3 * np.exp(-x / 600)
raw = smooth + np.random.default_rng(0).normal(0, 0.05, POINTS)

try:
    from textual_plotext import PlotextPlot
except ImportError:
    from eetui.tui.plot import Chart, Series
    from eetui.tui.rows import Role
    from eetui.tui.ticks import linear
    from eetui.tui.widgets.chart_pane import ChartPane

    class Timed(ChartPane):
        """The program's own way: plotext 6, its output cut into strips."""

        def chart(self, snapshot: Any, view: Any, columns: int) -> Chart:
            return Chart(
                linear(0, 5000, 5, lambda v, _: f"{v:,.0f}"),
                linear(1.9, 3.5, 4, lambda v, _: f"{v:6.2f} "),
                series=(
                    Series(x.tolist(), raw.tolist(), Role.RAW, joined=False),
                    Series(x.tolist(), smooth.tolist(), Role.LINE),
                ),
                level=CHANCE,
                marks=MARKS,
            )

        def frame(self) -> None:
            self._snapshot = self._snapshot or object()  # type: ignore[assignment]
            self.redraw()

else:

    class Timed(PlotextPlot):  # type: ignore[no-redef]
        """textual-plotext's way."""

        def frame(self) -> None:
            self.plt.clear_figure()
            self.plt.xlim(0, 5000)
            self.plt.ylim(1.9, 3.5)
            self.plt.xticks([0, 1000, 2000, 3000, 4000, 5000])
            self.plt.yticks([2, 2.5, 3, 3.5])
            self.plt.hline(CHANCE)
            for mark in MARKS:
                self.plt.vline(mark)
            self.plt.scatter(x.tolist(), raw.tolist(), marker="braille")
            self.plt.plot(x.tolist(), smooth.tolist(), marker="braille")
            self.refresh()
            self._render_content()


class TimingApp(App[None]):
    """One chart."""

    def compose(self) -> ComposeResult:
        yield Timed()


async def measure() -> float:
    """Median milliseconds from new data to the lines that Textual puts on the screen."""
    app = TimingApp()
    async with app.run_test(size=SIZE) as pilot:
        await pilot.pause()
        chart: Widget = app.query_one(Timed)
        times = []
        for _ in range(FRAMES):
            start = perf_counter()
            chart.frame()  # type: ignore[attr-defined]
            chart._styles_cache.clear()
            chart.render_lines(chart.size.region)
            times.append(1e3 * (perf_counter() - start))
    return median(times)


if __name__ == "__main__":
    print(f"{Timed.__doc__} {asyncio.run(measure()):.1f} ms a frame ({SIZE[0]}x{SIZE[1]})")
