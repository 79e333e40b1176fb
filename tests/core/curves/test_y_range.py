"""Which part of the y axis a chart shows."""

from __future__ import annotations

import numpy as np
import pytest

from eetui.core.curves import y_range
from eetui.core.curves.points import Band

NONE = np.zeros(0), np.zeros(0)
STEPS = np.arange(100.0)
LEARNED = 2.0 + 1.3 * np.exp(-STEPS / 10)


@pytest.mark.parametrize(
    ("losses", "settled"),
    [
        (np.linspace(3.3, 3.0, 10), False),  # too few to tell
        (3.3 + np.zeros(100), False),  # nothing is learned
        (np.linspace(3.3, 2.0, 100), False),  # it still falls as fast as at first
        (2.0 + 1.3 * np.exp(-np.arange(100) / 10), True),
        (np.concatenate([2.0 + 1.3 * np.exp(-np.arange(50) / 5), np.linspace(2, 9, 50)]), False),
    ],
)
def test_the_chart_closes_in_once_the_warm_up_is_over(losses, settled):
    assert y_range.is_settled(losses, chance=3.296) is settled


def test_once_it_is_settled_the_loss_is_seen_close_up_and_chance_no_more():
    low, high = y_range.loss_range((STEPS, LEARNED), NONE, 3.296, "close", zoomed=False)
    assert 1.9 < low < 2.0 < high < 2.1
    low, high = y_range.loss_range((STEPS, LEARNED), NONE, 3.296, "linear", zoomed=False)
    assert low < 2.1
    assert high > 3.3


def test_a_part_that_is_looked_at_is_seen_whole():
    low, high = y_range.loss_range((STEPS, LEARNED), NONE, 9.0, "linear", zoomed=True)
    assert low < LEARNED.min()
    assert LEARNED.max() < high < 4.0


def test_before_the_first_step_every_range_is_there():
    low, high = y_range.loss_range(NONE, NONE, 3.296, "close", zoomed=False)
    assert low < 3.296 < high
    empty = Band(*(np.zeros(0) for _ in range(4)))
    for scale in y_range.SCALES:
        low, high = y_range.pace_range(empty, scale, zoomed=False)
        assert 0.0 <= low < high


def test_a_slow_start_does_not_flatten_the_pace_close_up():
    us = np.array([900.0, 30.0, 31.0, 30.0])
    band = Band(np.arange(4.0), us - 1, us, us + 1)
    assert y_range.pace_range(band, "close", zoomed=False)[1] < 40.0
    assert y_range.pace_range(band, "close", zoomed=True)[1] > 900.0
    assert y_range.pace_range(band, "linear", zoomed=False)[0] == 0.0


def test_a_race_shows_its_threshold_and_no_more_than_two_nats():
    low, high = y_range.race_range([np.array([9.0, 2.5])], 2.25, close_up=False)
    assert low < 2.25
    assert high == pytest.approx(4.25)
    assert y_range.race_range([], 2.25, close_up=True)[1] == pytest.approx(2.75)


def test_runs_are_seen_close_up_by_their_later_halves():
    runs = [[9.0, 5.0, 2.2, 2.1], [3.0, 2.5, 2.4, 2.3]]
    assert y_range.runs_range(runs, close_up=True)[1] < 2.5
    assert y_range.runs_range(runs, close_up=False)[1] > 9.0
