"""Curves become small without losing their ends, and two parts of a run are one curve."""

from __future__ import annotations

import numpy as np
import pytest

from eetui.core.curves.history import Curve
from eetui.core.curves.track import TrackCurve
from eetui.core.store.joining import MOST_POINTS, joined, thinned
from eetui.core.store.run_record import Curves


def part(first: int, last: int, every: int, loss: float) -> Curves:
    steps = np.arange(first + every, last + 1, every)
    seconds = ((steps - first) * 1e-3).astype(np.float64)
    track = TrackCurve(steps, seconds, seconds * 2)
    return Curves(
        Curve(steps, seconds, np.full(len(steps), loss), np.full(len(steps), 1000.0)),
        TrackCurve(steps, seconds, np.full(len(steps), loss + 0.1)),
        track,
        track,
    )


def test_a_long_curve_keeps_its_mean_and_its_end() -> None:
    rng = np.random.default_rng(1)
    steps = np.cumsum(rng.integers(1, 50, 2000))
    curve = Curve(steps, (steps * 1e-3).astype(np.float64), rng.random(2000), rng.random(2000))
    small = thinned(curve)
    assert MOST_POINTS / 2 < len(small.steps) <= MOST_POINTS
    assert (small.steps[-1], small.seconds[-1]) == (steps[-1], curve.seconds[-1])
    for name in ("loss", "us"):
        means = [
            (getattr(c, name) * np.diff(c.steps, prepend=0)).sum() / steps[-1]
            for c in (curve, small)
        ]
        assert means[0] == pytest.approx(means[1])


def test_two_parts_are_one_run() -> None:
    whole = joined(part(0, 1000, 10, 3.0), part(1000, 3000, 10, 2.0), 1000)
    assert np.all(np.diff(whole.loss.steps) == 10)
    assert np.allclose(whole.loss.seconds, whole.loss.steps * 1e-3)
    assert whole.loss.loss[99] == 3.0
    assert whole.loss.loss[100] == 2.0
    assert whole.held_out.latest == pytest.approx(2.1)
    assert whole.wall.latest == pytest.approx(2 * 3.0)


def test_what_the_first_part_did_after_the_second_began_is_not_there() -> None:
    whole = joined(part(0, 1000, 10, 3.0), part(500, 800, 10, 2.0), 500)
    assert whole.loss.steps.tolist() == [*range(10, 801, 10)]
    assert whole.held_out.steps.tolist() == [*range(10, 801, 10)]


def test_a_part_of_nothing_changes_nothing() -> None:
    only = part(0, 200, 10, 3.0)
    for whole in (joined(Curves(), only, 0), joined(only, Curves(), 200)):
        assert whole.loss.steps.tolist() == only.loss.steps.tolist()
        assert whole.wall.values.tolist() == only.wall.values.tolist()
    assert len(joined(Curves(), Curves(), 0).loss.steps) == 0
