"""The loss of all contestants against their seconds of training, with the threshold."""

from __future__ import annotations

from textual import events

from eetui.core.curves.labels import spread
from eetui.core.curves.log_points import Points, loss_points
from eetui.core.curves.y_range import race_range
from eetui.core.race.league import League
from eetui.tui import figures, standings, ticks
from eetui.tui.plot import AXIS_ROWS, Chart, Label, Series, draw
from eetui.tui.rows import SERIES, Role, Row
from eetui.tui.widgets.canvas import Canvas

Y_LABELS = 5
LEGEND_WIDTH = 18
"""Columns of a letter and a name, right of the ends of the lines."""
SHORTEST = 1e-4
"""The logarithmic axis begins here (seconds) or later."""
SMOOTH_DOCUMENTS = 32
"""A point is the mean loss of at least this many documents."""


class RaceChart(Canvas):
    """Each line has its contestant's letter at its end and where it passes the threshold.

    The line of the selected contestant is bright and drawn above the others.
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.log_x = True
        self.close_up = False
        self._league: League | None = None
        self._selected = ""

    def update(self, league: League, selected: str) -> None:
        """Show a league, and one of its contestants above the others."""
        self._league, self._selected = league, selected
        self.redraw()

    def switch_axis(self) -> None:
        """The x axis logarithmic or linear."""
        self.log_x = not self.log_x
        self.redraw()

    def switch_scale(self) -> None:
        """The y axis with all losses, or close up on the last ones."""
        self.close_up = not self.close_up
        self.redraw()

    def on_resize(self, _event: events.Resize) -> None:
        self.redraw()

    def redraw(self) -> None:
        """Draw now, if there is something to draw and it fits."""
        width, height = self.content_size
        league = self._league
        if league is None or width < LEGEND_WIDTH + 30 or height < 5:
            return
        axes = f"x {'logarithmic' if self.log_x else 'linear'}"
        axes += f"   y {'close up' if self.close_up else 'all'}"
        self.border_title = f"loss against seconds of training   {axes}"
        plot_width = width - LEGEND_WIDTH
        curves = {
            s.name: loss_points(s.curve, 2 * plot_width, -(-SMOOTH_DOCUMENTS // s.batch))
            for s in league.standings
            if s.steps
        }
        chart = self._chart(league, curves, plot_width - Y_LABELS, height)
        rows = draw(chart, plot_width, height)
        self.put(self._with_legend(rows, league, curves, chart))

    def _chart(self, league: League, curves: dict[str, Points], columns: int, rows: int) -> Chart:
        plan, letters = league.plan, standings.marks(league)
        x_axis = self._x_axis(league, curves, columns)
        y_axis = self._y_axis(league, curves, rows)
        low, high = y_axis.lower, y_axis.upper
        series, labels = [], []
        if low <= plan.threshold <= high:
            words = f" threshold {plan.threshold:g} "
            labels.append(Label(x_axis.lower, plan.threshold, words, Role.REFERENCE))
        for s in sorted(league.standings, key=lambda s: s.name == self._selected):
            if s.name not in curves:
                continue
            role = self._role(league, s.name)
            points = [
                (x, y)
                for x, y in zip(*(axis.tolist() for axis in curves[s.name]), strict=True)
                if x >= x_axis.lower and low <= y <= high
            ]
            if points:
                xs, ys = zip(*points, strict=True)
                series.append(Series(xs, ys, role))
                labels.append(Label(xs[-1], ys[-1], letters[s.name], role, "right"))
            if s.reached is not None:
                labels.append(Label(s.reached, plan.threshold, letters[s.name], role))
        return Chart(
            x_axis,
            y_axis,
            log_x=self.log_x,
            series=tuple(series),
            level=plan.threshold,
            labels=tuple(labels),
        )

    def _x_axis(self, league: League, curves: dict[str, Points], columns: int) -> ticks.Ticks:
        """Up to the planned end or further; a logarithmic axis starts where the first line does."""
        lasts = [float(x[-1]) for x, _ in curves.values()]
        last = max([*lasts, league.plan.seconds or 0.0, 10 * SHORTEST])
        count = max(columns // 9, 2)
        if not self.log_x:
            return ticks.linear(0.0, last, count, figures.seconds)
        first = min((float(x[0]) for x, _ in curves.values()), default=SHORTEST)
        lower = max(ticks.decade(first), SHORTEST)
        return ticks.logarithmic(lower, last, count, lambda at, _: figures.duration(at))

    def _y_axis(self, league: League, curves: dict[str, Points], rows: int) -> ticks.Ticks:
        losses = [y for _, y in curves.values()]
        low, high = race_range(losses, league.plan.threshold, close_up=self.close_up)

        def label(value: float, decimals: int) -> str:
            return f"{value:.{max(decimals, 1)}f} ".rjust(Y_LABELS)

        return ticks.linear(low, high, max(rows // 3, 2), label)

    def _role(self, league: League, name: str) -> Role:
        names = [s.name for s in league.standings]
        return Role.LINE if name == self._selected else SERIES[names.index(name) % len(SERIES)]

    def _with_legend(
        self, rows: list[Row], league: League, curves: dict[str, Points], chart: Chart
    ) -> list[Row]:
        """The rows, each followed by the name of the line that ends there."""
        ends = {name: float(y[-1]) for name, (_, y) in curves.items()}
        names = sorted(ends, key=lambda name: (name != self._selected, ends[name]))
        letters, n_rows = standings.marks(league), len(rows) - AXIS_ROWS
        axis = chart.y_axis
        wanted = [
            (axis.upper - ends[name]) / (axis.upper - axis.lower) * (n_rows - 1) for name in names
        ]
        labels: dict[int, Row] = {}
        for name, row in zip(names, spread(wanted, n_rows), strict=True):
            if row is not None:
                words = f" {letters[name]} {name}".ljust(LEGEND_WIDTH)
                labels[row] = [(words, self._role(league, name))]
        blank: Row = [(" " * LEGEND_WIDTH, Role.BLANK)]
        return [row + labels.get(i, blank) for i, row in enumerate(rows)]
