"""A track keeps the whole run in bounded memory, the newest point always."""

from __future__ import annotations

import numpy as np

from eetui.core.curves.track import CAPACITY, Track


def test_few_points_are_all_there() -> None:
    track = Track()
    assert track.curve().latest is None
    for i in range(1, 6):
        track.add(10 * i, i / 10, 3.0 - i / 10)
    curve = track.curve()
    assert curve.steps.tolist() == [10, 20, 30, 40, 50]
    assert curve.latest == 2.5


def test_many_points_are_thinned_evenly_and_end_with_the_newest() -> None:
    track = Track()
    for i in range(1, 10_001):
        track.add(i, i * 0.1, 1.0 / i)
        assert track.curve().steps[-1] == i
    curve = track.curve()
    assert CAPACITY / 4 < len(curve.steps) <= CAPACITY
    spacing = np.diff(curve.steps[:-1])
    assert spacing.max() == spacing.min()
    np.testing.assert_allclose(curve.values, 1.0 / curve.steps)


def test_going_back_forgets_what_came_after() -> None:
    track = Track()
    for i in range(1, 6):
        track.add(10 * i, i / 10, float(i))
    track.forget_after(25)
    assert track.curve().steps.tolist() == [10, 20]
    assert track.curve().latest == 2.0
    track.forget_after(0)
    assert track.curve().latest is None
