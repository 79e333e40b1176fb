"""Looking closer: which part of an axis is seen, and what lies in it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from eetui.core.curves.history import Curve
from eetui.core.curves.points import Axis, Span

LEAST_BUCKETS = 8
"""Buckets of the curve that stay in sight: closer up there would be a line without points."""

SETTLED_POINTS = 20
SETTLED_SHARE = 0.4


def limits(curve: Curve, axis: Axis) -> tuple[float, float]:
    """Where the curve ends on the axis, and the shortest part of it that is worth looking at."""
    ends = curve.steps if axis == "steps" else curve.seconds
    end = float(ends[-1]) if len(ends) else 0.0
    return end, end * min(LEAST_BUCKETS / max(len(ends), 1), 1.0)


def zoomed(span: Span, at: float, factor: float, curve: Curve, axis: Axis) -> Span | None:
    """`span` made longer by `factor` with `at` kept in its place; None for the whole curve."""
    end, least = limits(curve, axis)
    low, high = span
    length = max((high - low) * factor, least)
    if length >= end:
        return None
    return _within((at - (at - low) / (high - low) * length, length), end)


def panned(span: Span, by: float, curve: Curve, axis: Axis) -> Span | None:
    """`span` moved by so much, stopping at the ends of the curve; None for the whole curve."""
    end, _ = limits(curve, axis)
    low, high = span
    return None if high - low >= end else _within((low + by, high - low), end)


def _within(place: tuple[float, float], end: float) -> Span:
    low, length = place
    low = min(max(low, 0.0), end - length)
    return low, low + length


def extent(low: NDArray[np.float64], high: NDArray[np.float64]) -> Span:
    """Where values lie, with a margin; low, high [n >= 1]."""
    bottom, top = float(low.min()), float(high.max())
    margin = 0.15 * (top - bottom) + 0.005 * max(abs(bottom), abs(top))
    return bottom - margin, top + margin


def later(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """The later half of the points of a chart."""
    return values[len(values) // 2 :]


def is_settled(loss: NDArray[np.float64], chance: float) -> bool:
    """Whether the warm-up is over: the later half of the points [n] is below chance and takes
    less than 0.4 of the height that it takes to show them all and chance."""
    if len(loss) < SETTLED_POINTS:
        return False
    tail = later(loss)
    height = max(chance, float(loss.max())) - float(loss.min())
    return float(tail.max()) < chance and float(np.ptp(tail)) < SETTLED_SHARE * height
