"""Zooming keeps the place under the cursor, panning stops at the ends, and 0 to the end is None."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eetui.core.curves import window
from eetui.core.curves.history import Curve
from tests.support.present import present

STEPS = np.arange(10, 1010, 10)
CURVE = Curve(STEPS, STEPS / 100, np.ones(100), np.ones(100))


def test_a_zoom_keeps_the_place_under_the_cursor():
    low, high = present(window.zoomed((0.0, 1000.0), 250.0, 0.5, CURVE, "steps"))
    assert (low, high) == (125.0, 625.0)
    assert (250 - low) / (high - low) == pytest.approx(0.25)


def test_further_away_than_the_whole_run_is_the_whole_run():
    assert window.zoomed((100.0, 900.0), 500.0, 1.5, CURVE, "steps") is None
    assert window.panned((0.0, 1000.0), 10.0, CURVE, "steps") is None


@given(
    st.lists(
        st.tuples(st.floats(0, 10), st.sampled_from([0.5, 0.8, 1.25]), st.floats(-9, 9)),
        max_size=40,
    )
)
def test_whatever_is_done_the_window_lies_in_the_run_and_holds_points(moves):
    span = (0.0, 10.0)
    for at, factor, by in moves:
        span = window.zoomed(span, at, factor, CURVE, "seconds") or (0.0, 10.0)
        span = window.panned(span, by, CURVE, "seconds") or (0.0, 10.0)
        low, high = span
        assert -1e-9 <= low < high <= 10 + 1e-9
        inside = (CURVE.seconds >= low) & (CURVE.seconds <= high)
        assert inside.sum() >= window.LEAST_BUCKETS - 1


def test_a_run_without_steps_has_nothing_to_zoom_into():
    assert window.zoomed((0.0, 10.0), 5.0, 0.8, Curve(), "steps") is None
    assert window.panned((0.0, 10.0), 5.0, Curve(), "steps") is None
