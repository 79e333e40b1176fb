"""What stands under the cursor is what was recorded at that step."""

from __future__ import annotations

import numpy as np
import pytest

from eetui.core.curves.history import Curve, Event, History
from eetui.core.curves.reading import reading, settings_at
from eetui.core.curves.track import Track, TrackCurve
from tests.support.present import present

EVENTS = (
    Event(100, 1.0, "batch", "batch 32", "batch 16"),
    Event(200, 2.0, "padding_skip", "padding skip off", "padding skip on"),
    Event(300, 3.0, "batch", "batch 64", "batch 32"),
)


def recorded(n=50):
    history = History()
    for i in range(n):
        history.add(10 * (i + 1), np.full(10, 3.0 - 0.01 * i, np.float32), 10_000 * (i + 1))
    return history.curve()


def test_the_nearest_bucket_is_read():
    read = present(reading(recorded(), TrackCurve(), (), 204.0, 0.0, 1.0))
    assert (read.step, read.loss, read.us) == (200, pytest.approx(2.81), pytest.approx(20.0))
    assert read.seconds == pytest.approx(1e-5 * 210)
    assert read.held_out is None
    assert present(reading(recorded(), TrackCurve(), (), 206.0, 0.0, 1.0)).step == 210


@pytest.mark.parametrize(("step", "nearest"), [(-5.0, 10), (1e9, 500)])
def test_beyond_the_ends_the_first_and_the_last_are_read(step, nearest):
    assert present(reading(recorded(), TrackCurve(), (), step, 0.6, 1.0)).step == nearest


def test_paces_are_of_all_that_is_as_near():
    read = present(reading(recorded(), TrackCurve(), (), 250.0, 0.0, 50.0))
    assert (read.us_low, read.us, read.us_high) == pytest.approx((22.25, 24.5, 26.75))


def test_held_out_is_what_was_last_measured():
    track = Track()
    track.add(100, 0.1, 2.9)
    track.add(300, 0.3, 2.8)
    at = [reading(recorded(), track.curve(), (), s, 0.0, 1.0) for s in (50, 290, 300)]
    assert [present(each).held_out for each in at] == [None, 2.9, 2.8]


@pytest.mark.parametrize(
    ("step", "batch", "padding"),
    [(50, "16", "on"), (150, "32", "on"), (250, "32", "off"), (400, "64", "off")],
)
def test_settings_are_those_of_the_step(step, batch, padding):
    settings = settings_at(EVENTS, step)
    assert settings == {"batch": f"batch {batch}", "padding_skip": f"padding skip {padding}"}


def test_an_empty_curve_has_nothing_to_read():
    assert reading(Curve(), TrackCurve(), (), 5.0, 0.6, 1.0) is None
    assert present(reading(recorded(1), TrackCurve(), (), 5.0, 0.6, 1.0)).step == 10
