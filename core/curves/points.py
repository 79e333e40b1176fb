"""From a run's curve to the points of a chart that is so many columns wide."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from eetui.core.curves.history import Curve, Event
from eetui.core.curves.smoothing import centres, smoothed
from eetui.core.curves.track import TrackCurve

Axis = Literal["steps", "seconds"]
Vector = NDArray[np.float64]
Points = tuple[Vector, Vector]
Span = tuple[float, float]
"""The part of an axis that is seen, in its unit."""


@dataclass(frozen=True, slots=True)
class Band:
    """Quartiles and median of the microseconds a step at each x, all [n]."""

    x: Vector
    low: Vector
    median: Vector
    high: Vector


def loss_points(
    curve: Curve, axis: Axis, smoothing: float, columns: int, span: Span | None = None
) -> Points:
    """x (steps or seconds) and y (mean nats) [n <= columns] of the loss, smoothed.

    A column has the mean of its buckets, at the middle of them. What is outside of `span` (by
    default the whole run) is left out, and smoothing takes it into account anyway.
    """
    seen = _seen(curve, axis, columns, span)
    steps, counts = centres(curve)
    weight = counts[seen.buckets]
    total = np.bincount(seen.column, weights=weight)[seen.held]

    def mean(values: Vector) -> Vector:
        return np.bincount(seen.column, weights=weight * values[seen.buckets])[seen.held] / total

    x = mean(along(curve, axis, steps))
    return x, smoothed(curve, mean(steps), smoothing) if smoothing else mean(curve.loss)


def branch_points(
    trunk: Curve,
    branch: Curve,
    begun: int,
    axis: Axis,
    smoothing: float,
    columns: int,
    span: Span | None = None,
) -> Points:
    """As `loss_points`, of a curve that left `trunk` after step `begun`, from there on.

    It is smoothed together with what the two have in common, as the trunk is.
    """
    n = int(np.searchsorted(trunk.steps, begun, side="right"))
    whole = Curve(
        np.concatenate([trunk.steps[:n], branch.steps]),
        np.concatenate([trunk.seconds[:n], branch.seconds]),
        np.concatenate([trunk.loss[:n], branch.loss]),
        np.concatenate([trunk.us[:n], branch.us]),
    )
    x, y = loss_points(whole, axis, smoothing, columns, span)
    first = begun if axis == "steps" else (float(trunk.seconds[n - 1]) if n else 0.0)
    return x[x > first], y[x > first]


def us_band(curve: Curve, axis: Axis, columns: int, span: Span | None = None) -> Band:
    """Median and quartiles of the microseconds a step, [n <= columns] of each.

    They are of single chunks: the median stays on the floor where another program takes the core
    now and then, and the band says how often it does.
    """
    seen = _seen(curve, axis, columns, span)
    paces = (curve.paces if len(curve.paces) else curve.us[:, None])[seen.buckets]
    there = ~np.isnan(paces)
    us, column = paces[there], np.repeat(seen.column, paces.shape[1])[there.ravel()]
    by_size = np.argsort(us)
    by_size = by_size[np.argsort(column[by_size].astype(np.int16), kind="stable")]
    _, first, count = np.unique(column, return_index=True, return_counts=True)
    low, median, high = (
        us[by_size[first + rank]].astype(np.float64)
        for rank in ((count - 1) // 4, (count - 1) // 2, -(-3 * (count - 1) // 4))
    )
    return Band(seen.x, low, median, high)


def track_points(track: TrackCurve, axis: Axis, span: Span) -> Points:
    """x (steps or seconds) and y of what was measured now and then, within `span`."""
    x = track.steps.astype(np.float64) if axis == "steps" else track.seconds
    inside = (x >= span[0]) & (x <= span[1])
    return x[inside], track.values[inside]


def event_positions(events: tuple[Event, ...], axis: Axis) -> list[float]:
    """Where on the x axis the marks of `events` belong."""
    return [float(e.step) if axis == "steps" else e.seconds for e in events]


def along(curve: Curve, axis: Axis, steps: Vector) -> Vector:
    """The places on the axis of these steps, which may lie between those of the curve."""
    if axis == "steps" or not len(curve.steps):
        return steps
    seconds: Vector = np.interp(steps, np.append(0, curve.steps), np.append(0.0, curve.seconds))
    return seconds


def place(curve: Curve, axis: Axis, step: float) -> float:
    """The place of one step on the axis."""
    return float(along(curve, axis, np.array([step]))[0])


def step_at(curve: Curve, axis: Axis, x: float) -> float:
    """The step at a place on the axis."""
    if axis == "steps" or not len(curve.steps):
        return x
    return float(np.interp(x, np.append(0.0, curve.seconds), np.append(0, curve.steps)))


def thinned(points: Points, span: Span, columns: int, apart: int, shift: int = 0) -> Points:
    """The first of the points in every `apart` columns, where `span` is so many columns wide.

    shift: columns by which that is later, so that the points of several lines lie side by side.
    """
    x, y = points
    column = (span[1] - span[0]) / max(columns, 1)
    _, first = np.unique((x - shift * column) // (apart * column), return_index=True)
    return x[first], y[first]


@dataclass(frozen=True, slots=True)
class _Seen:
    """Which buckets [m] are seen, in which column each is [m], the columns that hold any [n], and
    the x of the last bucket in each [n]."""

    buckets: slice
    column: NDArray[np.int64]
    held: NDArray[np.int64]
    x: Vector


def _seen(curve: Curve, axis: Axis, columns: int, span: Span | None) -> _Seen:
    x = curve.steps.astype(np.float64) if axis == "steps" else curve.seconds
    if not len(x):
        nothing = np.zeros(0, np.int64)
        return _Seen(slice(0, 0), nothing, nothing, x)
    low, high = span or (float(x[0]), float(x[-1]))
    buckets = slice(*np.searchsorted(x, (low, np.nextafter(high, np.inf))).tolist())
    x = x[buckets]
    scale = max(columns, 1) / max(high - low, 1e-12)
    column = np.minimum(((x - low) * scale).astype(np.int64), max(columns, 1) - 1)
    held, first, count = np.unique(column, return_index=True, return_counts=True)
    return _Seen(buckets, column, held, x[first + count - 1])
