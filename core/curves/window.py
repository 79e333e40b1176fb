"""Looking closer: which part of the x axis is seen."""

from __future__ import annotations

from eetui.core.curves.history import Curve
from eetui.core.curves.points import Axis, Span

LEAST_BUCKETS = 8
"""Buckets of the curve that stay in sight: closer up there would be a line without points."""


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
    return _clamped((at - (at - low) / (high - low) * length, length), end)


def panned(span: Span, by: float, curve: Curve, axis: Axis) -> Span | None:
    """`span` moved by so much, stopping at the ends of the curve; None for the whole curve."""
    end, _ = limits(curve, axis)
    low, high = span
    return None if high - low >= end else _clamped((low + by, high - low), end)


def _clamped(place: tuple[float, float], end: float) -> Span:
    low, length = place
    low = min(max(low, 0.0), end - length)
    return low, low + length
