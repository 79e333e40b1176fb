"""A chart drawn by plotext into rows of text whose parts carry roles in place of colours.

plotext is told a palette number for each role; its output is cut at the colour codes and the
numbers are read back as roles. So the theme decides every colour, and a change of theme costs no
new drawing.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache
from math import log10
from types import ModuleType
from typing import Any

from eetui.core.curves.raster import Area, braille
from eetui.tui import overlay
from eetui.tui.rows import Role, Row
from eetui.tui.ticks import Ticks

AXIS_ROWS = 2
"""Rows under the canvas: the x axis and its labels."""

_FIRST_COLOUR = 16  # below it are the terminal's own sixteen colours, which have names in plotext
_ROLES = {_FIRST_COLOUR + role: role for role in Role}
_CODE = re.compile(r"\x1b\[([0-9;]*)m")
_FOREGROUND = re.compile(r"38;5;(\d+)")


@dataclass(frozen=True, slots=True)
class Series:
    """Points [n] on the plane of the axes; `joined` draws a line through them.

    marker is the character of a point, or 'braille' for a dot.
    """

    x: Sequence[float]
    y: Sequence[float]
    role: Role
    joined: bool = True
    marker: str = "braille"


@dataclass(frozen=True, slots=True)
class Label:
    """A word on the canvas, `below` rows under y; `anchor` is its end at x: 'left' or 'right'."""

    x: float
    y: float
    text: str
    role: Role
    anchor: str = "left"
    below: int = 0


@dataclass(frozen=True, slots=True)
class Chart:
    """All that is on a chart. `level` is a horizontal reference line, `marks` vertical ones;
    `shade` lies under the lines."""

    x_axis: Ticks
    y_axis: Ticks
    log_x: bool = False
    log_y: bool = False
    series: tuple[Series, ...] = ()
    level: float | None = None
    marks: tuple[float, ...] = ()
    labels: tuple[Label, ...] = field(default=())
    shade: Area | None = None


class _NoManual(ModuleType):
    """In place of plotext's manual: to load that takes 75 ms, three times as long as the rest."""

    def __getattr__(self, name: str) -> None:
        return None


@cache
def _plotext() -> Any:
    sys.modules.setdefault("plotext._doc.doc", _NoManual("plotext._doc.doc"))
    import plotext

    plotext.terminal.limit(False, False)
    return plotext


def _pixel(role: Role) -> Any:
    return _plotext().pixel(_FIRST_COLOUR + role)


def draw(chart: Chart, width: int, height: int) -> list[Row]:
    """`height` rows, `width` cells each."""
    plotext = _plotext()
    figure = plotext.figure
    # plotext's own log scale forgets the limits where ticks are given, so the plane is log already
    x: Callable[[float], float] = _log10 if chart.log_x else float
    y: Callable[[float], float] = _log10 if chart.log_y else float
    figure.clear.data()
    figure.clear.settings()
    figure.plot_size(width, height)
    figure.canvas("default")
    figure.axes(False)
    figure.axes(True, axis="x", side="lower", pixel=_pixel(Role.FRAME))
    _set_ruler(figure.ruler("x", "lower"), chart.x_axis, x)
    _set_ruler(figure.ruler("y", "left"), chart.y_axis, y)
    for mark in chart.marks:
        figure.line(x(mark), "vertical", pixel=_pixel(Role.MARK), style="dotted")
    if chart.level is not None:
        figure.line(y(chart.level), "horizontal", pixel=_pixel(Role.REFERENCE), style="dotted")
    for series in chart.series:
        marker = plotext.marker(series.marker, _pixel(series.role))
        signal = figure.signal([x(v) for v in series.x], [y(v) for v in series.y], marker=marker)
        figure.draw(signal.lines(True) if series.joined else signal)
    row = (y(chart.y_axis.upper) - y(chart.y_axis.lower)) / max(height - AXIS_ROWS - 1, 1)
    for label in chart.labels:
        text = plotext.colorize(label.text).fill(_pixel(label.role))
        place = y(label.y) - label.below * row
        figure.draw(figure.text(x(label.x), place, text, alignment=label.anchor))
    drawn = [_row(line) for line in figure.build().string().splitlines()]
    return drawn if chart.shade is None else _shaded(drawn, chart, chart.shade, width)


def y_labels_width(chart: Chart) -> int:
    """Columns that the labels of the y axis take, left of the canvas."""
    return max((len(label) for label in chart.y_axis.labels), default=0)


def _shaded(drawn: list[Row], chart: Chart, shade: Area, width: int) -> list[Row]:
    left, rows = y_labels_width(chart), len(drawn) - AXIS_ROWS
    spans = chart.x_axis.span, chart.y_axis.span
    cells = braille(shade, *spans, width - left, rows, log_y=chart.log_y)
    shaded = [overlay.under(drawn[i], left, cells[i], Role.BAND) for i in range(rows)]
    return [*shaded, *drawn[rows:]]


def _log10(value: float) -> float:
    return log10(max(value, 1e-12))


def _set_ruler(ruler: Any, ticks: Ticks, scale: Callable[[float], float]) -> None:
    ruler.lim(scale(ticks.lower), scale(ticks.upper))
    ruler.ticks([scale(p) for p in ticks.positions], list(ticks.labels))
    ruler.pixel(_pixel(Role.TICK))


def _row(line: str) -> Row:
    """Cut a line of plotext's output at its colour codes."""
    row: Row = []
    role = Role.BLANK
    pieces = _CODE.split(line)
    for i, piece in enumerate(pieces):
        if i % 2:
            if found := _FOREGROUND.search(piece):
                role = _ROLES.get(int(found[1]), Role.BLANK)
            elif piece in ("", "0"):
                role = Role.BLANK
        elif piece:
            row.append((piece, role))
    return row
