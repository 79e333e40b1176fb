"""Places on the axes of a run, and points that are drawn with a marker."""

from __future__ import annotations

import numpy as np
import pytest

from eetui.core.curves.history import Curve
from eetui.core.curves.points import place, step_at, thinned

STEPS = np.array([10, 20, 40])
CURVE = Curve(STEPS, np.array([1.0, 4.0, 5.0]), np.ones(3), np.ones(3))


@pytest.mark.parametrize("axis", ["steps", "seconds"])
@pytest.mark.parametrize("step", [0.0, 5.0, 10.0, 33.0])
def test_a_step_is_found_again_at_its_place(axis, step):
    assert step_at(CURVE, axis, place(CURVE, axis, step)) == pytest.approx(step)


def test_between_two_points_time_passes_evenly():
    assert place(CURVE, "seconds", 15.0) == pytest.approx(2.5)
    assert place(CURVE, "steps", 15.0) == 15.0


def test_markers_keep_their_distance():
    x = np.arange(100.0)
    found, values = thinned((x, 2 * x), (0.0, 100.0), columns=50, apart=8)
    assert len(found) == 7
    assert np.all(np.diff(found) >= 15)
    assert (values == 2 * found).all()
