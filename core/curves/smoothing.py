"""The loss without its noise, neither late nor too high.

A moving average of what came before lags: on a falling curve it lies above it all the way down. So
a point of the smooth line is taken from a straight line, fitted (least squares) to the losses
around it on both sides: what falls in a straight line stays where it is, also at the ends. Losses
fall ever more slowly, so the neighbourhood grows with the step: it reaches a share of the
steps since the start to either side. Then what bends the curve within it is the same small share
of the fall, early and late. Local linear regression: Fan and Gijbels, "Local Polynomial Modelling
and Its Applications" (1996), section 3.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from eetui.core.curves.history import Curve

Vector = NDArray[np.float64]

SHARE = 0.02
"""Of the steps since the start, to either side, at smoothing 0; at smoothing s it is this over
1 - s, as the memory of an exponential average is."""


def centres(curve: Curve) -> tuple[Vector, Vector]:
    """The middle step of every bucket, and how many steps it holds; both [n]."""
    last = curve.steps.astype(np.float64)
    if not len(last):
        return last, last
    first = max(2 * last[0] - last[1], 0.0) if len(last) > 1 else last[0] - 1
    counts: Vector = np.diff(last, prepend=min(first, last[0] - 1))
    return last - (counts - 1) / 2, counts


def smoothed(curve: Curve, at: Vector, smoothing: float) -> Vector:
    """The smooth loss (nats) at these steps [n], which lie within the curve; 0 <= smoothing < 1."""
    steps, weight = centres(curve)
    if not len(steps):
        return np.zeros(len(at))
    start = steps[0]
    reach = SHARE / (1 - smoothing) * (at - start)
    # The two buckets around a step are always in its neighbourhood: a line between them at least.
    below = np.maximum(np.searchsorted(steps, at, side="right") - 1, 0)
    above = np.minimum(np.searchsorted(steps, at), len(steps) - 1)
    low = np.minimum(np.searchsorted(steps, at - reach), below)
    high = np.maximum(np.searchsorted(steps, at + reach, side="right"), above + 1)
    scale = max(steps[-1] - start, 1.0)
    x, y = (steps - start) / scale, curve.loss

    def total(values: Vector) -> Vector:
        sums = np.concatenate([[0.0], np.cumsum(values)])
        inside: Vector = sums[high] - sums[low]
        return inside

    n = total(weight)
    mean_x, mean_y = total(weight * x) / n, total(weight * y) / n
    spread = total(weight * x * x) / n - mean_x**2
    together = total(weight * x * y) / n - mean_x * mean_y
    is_line = spread > 1e-12
    slope = np.where(is_line, together / np.where(is_line, spread, 1.0), 0.0)
    line: Vector = mean_y + slope * ((at - start) / scale - mean_x)
    return line
