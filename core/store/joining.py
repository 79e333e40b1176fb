"""Curves for the store: made small, and those of a run that was continued put together."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from eetui.core.curves.history import Curve
from eetui.core.curves.track import TrackCurve
from eetui.core.store.run_record import Curves

MOST_POINTS = 512


def joined(before: Curves, after: Curves, first_step: int) -> Curves:
    """Two parts of a run, of which the second began at first_step, in at most 512 points each."""
    seconds = float(before.loss.seconds[-1]) if len(before.loss.seconds) else 0.0
    loss = _until(before.loss, first_step)
    return Curves(
        loss=thinned(
            Curve(
                np.concatenate([loss.steps, after.loss.steps]),
                np.concatenate([loss.seconds, after.loss.seconds + seconds]),
                np.concatenate([loss.loss, after.loss.loss]),
                np.concatenate([loss.us, after.loss.us]),
            ),
            first_step if not len(loss.steps) else 0,
        ),
        held_out=_tracks(before.held_out, after.held_out, first_step, seconds, 0.0),
        wall=_tracks(before.wall, after.wall, first_step, seconds, before.wall.latest or 0.0),
        cpu=_tracks(before.cpu, after.cpu, first_step, seconds, before.cpu.latest or 0.0),
        exact=_tracks(before.exact, after.exact, first_step - 1, 0.0, 0.0),
    )


def _until(curve: Curve, step: int) -> Curve:
    n = int(np.searchsorted(curve.steps, step, side="right"))
    return Curve(curve.steps[:n], curve.seconds[:n], curve.loss[:n], curve.us[:n])


def _tracks(
    before: TrackCurve, after: TrackCurve, first_step: int, seconds: float, value: float
) -> TrackCurve:
    """`seconds` and `value` are what the second part goes on from."""
    n = int(np.searchsorted(before.steps, first_step, side="right"))
    whole = TrackCurve(
        np.concatenate([before.steps[:n], after.steps]),
        np.concatenate([before.seconds[:n], after.seconds + seconds]),
        np.concatenate([before.values[:n], after.values + value]),
    )
    kept = _even(len(whole.steps))
    return TrackCurve(whole.steps[kept], whole.seconds[kept], whole.values[kept])


def _even(n: int) -> NDArray[np.intp]:
    """At most 512 of n places, evenly spread, the last among them."""
    return np.linspace(0, max(n - 1, 0), min(n, MOST_POINTS)).round().astype(np.intp)


def thinned(curve: Curve, first_step: int = 0) -> Curve:
    """The same curve in at most 512 buckets, each the mean of neighbours by their steps.

    first_step: the steps done before the first bucket.
    """
    n = len(curve.steps)
    if n <= MOST_POINTS:
        return curve
    starts = np.arange(0, n, -(-n // MOST_POINTS))
    last = np.append(starts[1:], n) - 1
    counts = np.diff(curve.steps, prepend=first_step).astype(np.float64)
    totals = np.add.reduceat(counts, starts)
    return Curve(
        curve.steps[last],
        curve.seconds[last],
        np.add.reduceat(counts * curve.loss, starts) / totals,
        np.add.reduceat(counts * curve.us, starts) / totals,
    )
