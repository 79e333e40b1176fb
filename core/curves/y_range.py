"""Which part of the y axis a chart shows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal, get_args

import numpy as np

from eetui.core.curves.points import Band, Points, Span, Vector

Scale = Literal["close", "linear", "log"]
SCALES: tuple[Scale, ...] = get_args(Scale)
"""The y axis: close up on what is learned now, with all that was, or logarithmic."""

SETTLED_POINTS = 20
SETTLED_SHARE = 0.4
LEAST_SPAN = 1.0
"""Nats below chance that are always on the axis with everything, so that it seldom has to move."""
LEAST_CLOSE = 0.01
"""Nats that are on the axis at the least."""
LEAST_US = 0.01
EMPTY = 20.0, 100.0
"""Microseconds on the axis before the first step."""
START = 3.5
"""Nats up to which a race shows at the least: a model that knows nothing is a little below."""
TALLEST = 2.0
"""Nats above the lowest loss that a race shows at most: the first steps can be far above."""
CLOSE = 0.5
"""Nats above the threshold that a race shows close up."""


def extent(low: Vector, high: Vector) -> Span:
    """Where values lie, with a margin; low, high [n >= 1]."""
    bottom, top = float(low.min()), float(high.max())
    margin = 0.15 * (top - bottom) + 0.005 * max(abs(bottom), abs(top))
    return bottom - margin, top + margin


def later(values: Vector) -> Vector:
    """The later half of the points of a chart."""
    return values[len(values) // 2 :]


def is_settled(loss: Vector, chance: float) -> bool:
    """Whether the warm-up is over: the later half of the points [n] is below chance and takes
    less than 0.4 of the height that it takes to show them all and chance."""
    if len(loss) < SETTLED_POINTS:
        return False
    tail = later(loss)
    height = max(chance, float(loss.max())) - float(loss.min())
    return float(tail.max()) < chance and float(np.ptp(tail)) < SETTLED_SHARE * height


def loss_range(
    loss: Points,
    held_out: Points,
    chance: float,
    scale: Scale,
    *,
    zoomed: bool,
    ghosts: Sequence[Points] = (),
) -> Span:
    """That of the points of a run's loss: all there is in a part that is looked at closer.

    Ghosts count below chance: one that diverges is not to flatten the run.
    """
    raw_x, raw = loss
    beside = [held_out, *((x[y < chance], y[y < chance]) for x, y in ghosts)]
    out_x, out = (np.concatenate(parts) for parts in zip(*beside, strict=True))
    close = scale == "close" and is_settled(raw, chance)
    if not len(raw) or not (zoomed or close):
        seen = np.concatenate([raw, out])
        top = max(chance * 1.02, float(seen.max(initial=0.0)))
        return min(chance - LEAST_SPAN, float(seen.min(initial=chance))), top
    if not zoomed:
        raw, out = later(raw), out[out_x >= later(raw_x)[0]]
    seen = np.concatenate([raw, out])
    low, high = extent(seen, seen)
    return max(low, 0.0), max(high, low + LEAST_CLOSE)


def pace_range(band: Band, scale: Scale, *, zoomed: bool) -> Span:
    """That of the microseconds a step."""
    low, high = (band.low, band.high) if len(band.x) else (np.array(EMPTY), np.array(EMPTY))
    bottom, top = float(low.min()), float(high.max())
    if scale == "log":
        return max(bottom * 0.75, LEAST_US), top * 1.9
    if scale == "linear":
        return 0.0, top * 1.1
    return extent(low, high) if zoomed else extent(later(low), later(high))


def runs_range(losses: Sequence[Sequence[float]], *, close_up: bool) -> Span:
    """That of several runs [n >= 1 each]: up to the highest loss, or that of the later halves."""
    low = min(min(loss) for loss in losses)
    high = max(max(loss[len(loss) // 2 :] if close_up else loss) for loss in losses)
    margin = 0.05 * (high - low) + 0.005
    return low - margin, high + margin


def race_range(losses: Iterable[Vector], threshold: float, *, close_up: bool) -> Span:
    """That of a race: from the lowest loss [n >= 1] or the threshold up."""
    lowest, highest = threshold, START
    for loss in losses:
        lowest, highest = min(lowest, float(loss.min())), max(highest, float(loss.max()))
    top = threshold + CLOSE if close_up else min(highest, lowest + TALLEST)
    return lowest - 0.05, top
