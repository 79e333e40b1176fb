"""From a run's curve to the points of a chart that is so many columns wide."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from eetui.core.curves.history import Curve, Event

Axis = Literal["steps", "seconds"]
Points = tuple[NDArray[np.float64], NDArray[np.float64]]


def loss_points(curve: Curve, axis: Axis, smoothing: float, columns: int) -> Points:
    """x (steps or seconds) and y (mean nats) [n <= columns] of the loss, smoothed."""
    x, column = _columns(curve, axis, columns)
    held, first, count = np.unique(column, return_index=True, return_counts=True)
    mean = np.bincount(column, weights=curve.loss)[held] / count
    return x[first + count - 1], _smooth(mean, smoothing)


def us_points(curve: Curve, axis: Axis, smoothing: float, columns: int) -> Points:
    """x (steps or seconds) and y (median microseconds a step) [n <= columns], smoothed.

    A median, because another program that takes the core for a moment is no pace of this one.
    """
    x, column = _columns(curve, axis, columns)
    _, first, count = np.unique(column, return_index=True, return_counts=True)
    by_size = np.lexsort((curve.us, column))
    return x[first + count - 1], _smooth(curve.us[by_size[first + count // 2]], smoothing)


def event_positions(events: tuple[Event, ...], axis: Axis) -> list[float]:
    """Where on the x axis the marks of `events` belong."""
    return [float(e.step) if axis == "steps" else e.seconds for e in events]


def _columns(
    curve: Curve, axis: Axis, columns: int
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """x of every bucket [n], ascending, and the column of the chart that it falls into [n]."""
    x = curve.steps.astype(np.float64) if axis == "steps" else curve.seconds
    if len(x) <= 1:
        return x, np.zeros(len(x), np.int64)
    scale = max(columns, 1) / (x[-1] - x[0])
    return x, np.minimum(((x - x[0]) * scale).astype(np.int64), max(columns, 1) - 1)


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
