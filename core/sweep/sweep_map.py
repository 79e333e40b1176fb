"""The map of a sweep: two settings, and the best figure that was found at each of their places."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import exp, log

from eetui.core.sweep.point import SweepPoint
from eetui.core.sweep.space import Dimension, Value, written

SHADES = 5


@dataclass(frozen=True, slots=True)
class MapCell:
    """A place: the lowest mean of its points and that point's number, None where none came to its
    end. shade: 0 for the best fifth of all places, to 4. running: points at work; lost: points that
    were given up."""

    mean: float | None = None
    point: int | None = None
    shade: int = 0
    running: int = 0
    lost: int = 0


@dataclass(frozen=True, slots=True)
class SweepMap:
    """x, y: the settings. columns, rows: what stands at their edges. cells: by row and column.
    Nothing lies between the places: each holds what was trained there and no more."""

    x: str
    y: str
    columns: tuple[str, ...]
    rows: tuple[str, ...]
    cells: tuple[tuple[MapCell, ...], ...]


def sweep_map(
    points: Sequence[SweepPoint], x: Dimension, y: Dimension | None, most: tuple[int, int]
) -> SweepMap:
    """A map with at most so many columns and rows; a range is parted into bins of equal width."""
    columns, column_of = _bins(x, most[0])
    rows, row_of = _bins(y, most[1]) if y is not None else (("",), lambda value: 0)
    places: dict[tuple[int, int], list[SweepPoint]] = {}
    for point in points:
        row = row_of(point.settings[y.key]) if y is not None else 0
        places.setdefault((row, column_of(point.settings[x.key])), []).append(point)
    best = {place: _best(found) for place, found in places.items()}
    means = sorted(p.mean for p in best.values() if p is not None and p.mean is not None)

    def cell(row: int, column: int) -> MapCell:
        found = places.get((row, column), [])
        running = sum(point.state == "running" for point in found)
        lost = sum(point.state not in ("running", "done") for point in found)
        top = best.get((row, column))
        if top is None or top.mean is None:
            return MapCell(running=running, lost=lost)
        shade = SHADES * means.index(top.mean) // len(means)
        return MapCell(top.mean, top.number, shade, running, lost)

    cells = tuple(tuple(cell(r, c) for c in range(len(columns))) for r in range(len(rows)))
    return SweepMap(x.key, "" if y is None else y.key, columns, rows, cells)


def _best(points: Sequence[SweepPoint]) -> SweepPoint | None:
    done = [point for point in points if point.state == "done"]
    return min(done, key=lambda point: point.mean or 0.0, default=None)


def _bins(dimension: Dimension, most: int) -> tuple[tuple[str, ...], Callable[[Value], int]]:
    """What stands at each place of an axis, and the place of a value."""
    values = dimension.values
    if dimension.scale == "choice":
        shown = values[:most]
        places = {value: min(i, len(shown) - 1) for i, value in enumerate(values)}
        return tuple(map(written, shown)), lambda value: places[value]
    low, high = float(values[0]), float(values[1])
    scale, back = (log, exp) if dimension.scale == "log" else (float, float)
    first, width = scale(low), (scale(high) - scale(low)) / most
    labels = tuple(f"{back(first + (i + 0.5) * width):.2g}" for i in range(most))

    def place(value: Value) -> int:
        return max(0, min(int((scale(float(value)) - first) / width), most - 1))

    return labels, place
