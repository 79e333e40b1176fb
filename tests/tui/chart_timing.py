"""Milliseconds of processor time a frame of a chart: `python tests/tui/chart_timing.py`.

First a chart of fixed points; then the two charts of the screen on a run of 3,000 chunks, points,
smoothing and quartiles included, and the cursor that lies over them.

Where textual-plotext is installed (with the plotext 5 it needs, so in an environment of its own)
it is timed instead, on the same points, size, ticks and lines.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from pathlib import Path
from statistics import median
from time import thread_time
from typing import Any

import numpy as np
from textual.app import App, ComposeResult
from textual.widget import Widget

sys.path.insert(0, str(Path(__file__).parents[2]))

FRAMES = 200
SIZE = (80, 15)
POINTS = 142
MARKS = (1500.0, 2200.0)
CHANCE = 3.296
TEXTUAL_PLOTEXT = "textual-plotext's way."

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

        def name_axes(self, view: Any, read: Any) -> None: ...

        def next_frame(self) -> None:
            self._snapshot = self._snapshot or object()  # type: ignore[assignment]
            self.redraw()

else:

    class Timed(PlotextPlot):  # type: ignore[misc, no-redef]
        __doc__ = TEXTUAL_PLOTEXT

        def next_frame(self) -> None:
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
    """Of the chart of fixed points."""
    app = TimingApp()
    async with app.run_test(size=SIZE) as pilot:
        await pilot.pause()
        chart: Any = app.query_one(Timed)
        return timed(chart, chart.next_frame)


def timed(chart: Widget, frame: Callable[[], object]) -> float:
    """Median milliseconds from new data to the lines that Textual puts on the screen."""
    times = []
    for _ in range(FRAMES):
        start = thread_time()
        frame()
        chart.refresh()
        chart.render_lines(chart.size.region)
        times.append(1e3 * (thread_time() - start))
    return median(times)


async def measure_screen() -> None:
    """Of the charts of the screen at 120x40."""
    from eetui.core.curves.history import History
    from eetui.tui.app import EetuiApp
    from eetui.tui.view import View
    from tests.support.scripted import ScriptedSession, snapshot

    history, rng = History(), np.random.default_rng(0)
    for i in range(3000):
        losses = (2 + np.exp(-i / 300) + rng.normal(0, 0.2, 100)).astype(np.float32)
        history.add(100 * (i + 1), losses, int(1e7 * rng.lognormal(0, 0.1)))
    curve = history.curve()
    now = snapshot(300_000, curve=curve, seconds=history.seconds)
    async with EetuiApp(ScriptedSession(now)).run_test(size=(120, 40)) as pilot:
        await pilot.pause()
        for name in ("loss", "pace"):
            chart: Any = pilot.app.screen.query_one(f"#{name}")
            size = f"{chart.content_size.width}x{chart.content_size.height}"
            print(f"the chart of the {name}: {timed(chart, chart.redraw):.1f} ms a frame ({size})")
        places = iter(range(1000, 10**6, 1000))
        look: Any = lambda: chart.look(View(cursor=float(next(places))))  # noqa: E731
        print(f"the cursor on the chart of the pace: {timed(chart, look):.1f} ms")
    times = []
    for _ in range(FRAMES):
        start = thread_time()
        history.curve()
        times.append(1e3 * (thread_time() - start))
    print(f"the curve of a snapshot: {median(times):.2f} ms")


if __name__ == "__main__":
    print(f"{Timed.__doc__} {asyncio.run(measure()):.1f} ms a frame ({SIZE[0]}x{SIZE[1]})")
    if Timed.__doc__ != TEXTUAL_PLOTEXT:
        asyncio.run(measure_screen())
