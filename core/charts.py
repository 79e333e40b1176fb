"""From a run's curve to the points of a chart that is so many columns wide."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from eetui.core.snapshot import Curve, Event

Axis = Literal["steps", "seconds"]
Points = tuple[NDArray[np.float64], NDArray[np.float64]]


def loss_points(curve: Curve, axis: Axis, smoothing: float, columns: int) -> Points:
    """x (steps or seconds) and y (nats) [n <= columns] of the loss, smoothed."""
    return _points(curve, curve.loss, axis, smoothing, columns)


def us_points(curve: Curve, axis: Axis, smoothing: float, columns: int) -> Points:
    """x (steps or seconds) and y (microseconds a step) [n <= columns] of the pace, smoothed."""
    return _points(curve, curve.us, axis, smoothing, columns)


def event_positions(events: tuple[Event, ...], axis: Axis) -> list[float]:
    """Where on the x axis the marks of `events` belong."""
    return [float(e.step) if axis == "steps" else e.seconds for e in events]


def _points(
    curve: Curve, values: NDArray[np.float64], axis: Axis, smoothing: float, columns: int
) -> Points:
    x = curve.steps.astype(np.float64) if axis == "steps" else curve.seconds
    x, y = _one_per_column(x, values, max(columns, 1))
    return x, _smooth(y, smoothing)


def _one_per_column(x: NDArray[np.float64], y: NDArray[np.float64], columns: int) -> Points:
    """Means of the points that share a column; columns that hold none are left out."""
    if len(x) <= 1:
        return x, y
    span = x[-1] - x[0]
    column = np.minimum(((x - x[0]) * (columns / span)).astype(np.int64), columns - 1)
    count = np.bincount(column, minlength=columns)
    held = count > 0
    sums = (np.bincount(column, weights=w, minlength=columns)[held] for w in (x, y))
    mean_x, mean_y = (s / count[held] for s in sums)
    return mean_x, mean_y


def _smooth(y: NDArray[np.float64], smoothing: float) -> NDArray[np.float64]:
    """Exponential moving average with the start corrected, as Adam corrects its moments."""
    if not smoothing:
        return y
    out = np.empty_like(y)
    average = weight = 0.0
    for i, value in enumerate(y.tolist()):
        average = smoothing * average + (1.0 - smoothing) * value
        weight = smoothing * weight + (1.0 - smoothing)
        out[i] = average / weight
    return out
