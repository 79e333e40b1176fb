"""Turns a contestant's curve into points of a chart with a logarithmic axis of seconds."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from eetui.core.curves.history import Curve

TRAIL = 1.5
"""A point at time t is the mean of the losses between t / TRAIL and t."""

Points = tuple[NDArray[np.float64], NDArray[np.float64]]


def loss_points(curve: Curve, n: int, least: int = 1) -> Points:
    """At most n points: seconds, evenly spread on a logarithmic axis, and the mean loss.

    The mean covers an interval that grows with time, because the loss falls ever more slowly. It
    covers at least the last `least` steps, so that single documents do not make a jagged line.
    """
    if len(curve.seconds) < 2:
        return curve.seconds.copy(), curve.loss.copy()
    first, last = curve.seconds[0], curve.seconds[-1]
    at = np.unique(np.geomspace(first, last, min(n, len(curve.seconds))))
    at[-1] = last
    counts = np.diff(curve.steps, prepend=0)
    ends = np.concatenate([[0.0], curve.seconds])
    steps = np.concatenate([[0.0], np.cumsum(counts)])
    losses = np.concatenate([[0.0], np.cumsum(counts * curve.loss)])
    until = np.interp(at, ends, steps)
    since = np.minimum(np.interp(at / TRAIL, ends, steps), np.maximum(until - least, 0.0))
    return at, (np.interp(until, steps, losses) - np.interp(since, steps, losses)) / (until - since)


def decades(low: float, high: float) -> list[float]:
    """The powers of ten from the one at or below `low` to the one at or above `high`."""
    first, last = int(np.floor(np.log10(low))), int(np.ceil(np.log10(high)))
    return [10.0**k for k in range(first, max(last, first + 1) + 1)]
