"""Labels, dots, logarithmic axes and ranges, every figure worked out by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from eetui.core.curves import y_range
from eetui.core.curves.history import Curve
from eetui.core.curves.labels import spread
from eetui.core.curves.log_points import decades
from eetui.core.curves.log_points import loss_points as log_points
from eetui.core.curves.points import (
    Band,
)
from eetui.core.curves.raster import Area, braille
from tests.support.by_hand import approx


def test_the_dots_of_an_area() -> None:
    def lines(low: float, high: float, columns: int = 3, rows: int = 2, **more: Any) -> list[str]:
        area = Area(np.array([0.0, 5.0]), np.full(2, low), np.full(2, high))
        spans = {"x_span": (0.0, 5.0), "y_span": (0.0, 7.0), **more}
        return braille(area, columns=columns, rows=rows, log_y=False, **spans)

    assert lines(0.0, 7.0) == ["⣿⣿⣿", "⣿⣿⣿"]
    assert lines(0.0, 0.0) == ["   ", "⣀⣀⣀"]
    assert lines(7.0, 7.0) == ["⠉⠉⠉", "   "]
    assert lines(3.0, 4.0) == ["⣀⣀⣀", "⠉⠉⠉"]
    assert lines(2.0, 5.0) == ["⣤⣤⣤", "⠛⠛⠛"]
    assert lines(0.0, 7.0, x_span=(0.0, 10.0), columns=4) == ["⣿⣿⡇ "] * 2
    assert lines(0.0, 7.0, x_span=(-5.0, 5.0), columns=4) == [" ⢸⣿⣿"] * 2
    slope = Area(np.array([0.0, 7.0]), np.array([0.0, 7.0]), np.array([0.0, 7.0]))
    assert braille(slope, (0.0, 7.0), (0.0, 7.0), 4, 2, log_y=False) == ["  ⡠⠊", "⡠⠊  "]


@pytest.mark.parametrize(
    ("wanted", "room", "height", "placed"),
    [
        ([0, 5, 9], 10, 1, [0, 5, 9]),
        ([3, 3, 3], 10, 1, [3, 4, 5]),
        ([9, 9, 9], 10, 1, [7, 8, 9]),
        ([-4, 20], 10, 1, [0, 9]),
        ([5, 1, 1], 3, 1, [2, 0, 1]),
        ([1, 2, 3, 0], 3, 1, [0, 1, 2, None]),
        ([10.0, 12.0], 100, 14, [10, 24]),
        ([95.0, 90.0], 100, 14, [86, 72]),
        ([2.6, 7.4], 10, 1, [3, 7]),
        ([], 10, 1, []),
    ],
)
def test_labels_lie_side_by_side(
    wanted: list[float], room: int, height: int, placed: list[int | None]
) -> None:
    assert spread(wanted, room, height) == placed


def test_points_on_a_logarithmic_axis() -> None:
    """The mean of the losses between a place and two thirds of it, or of the last steps."""
    steps = np.array([1, 2, 3, 6])
    curve = Curve(steps, steps * 1.0, np.array([6.0, 5.0, 4.0, 1.0]), np.ones(4))
    at, loss = log_points(curve, 4)
    assert at == approx([1.0, 6 ** (1 / 3), 6 ** (2 / 3), 6.0])
    assert loss[-1] == approx(1.0)
    assert loss[0] == approx(6.0)
    assert log_points(curve, 2)[0].tolist() == [1.0, 6.0]
    assert log_points(curve, 2, least=4)[1][-1] == approx((4 + 3 * 1) / 4)
    until, since = 6 ** (2 / 3), 6 ** (2 / 3) / 1.5
    whole = 5.0 * (2 - since if since < 2 else 0) + 4.0 * (3 - max(since, 2)) + (until - 3)
    assert loss[2] == approx(whole / (until - since))
    one = log_points(Curve(steps[:1], np.ones(1), np.ones(1), np.ones(1)), 4)
    assert [part.tolist() for part in one] == [[1.0], [1.0]]
    assert decades(1, 1000) == [1, 10, 100, 1000]
    assert decades(0.5, 0.9) == approx([0.1, 1])
    assert decades(2, 2000) == [1, 10, 100, 1000, 10_000]


def test_the_ranges_of_the_y_axis() -> None:
    values = np.array([2.0, 3.0])
    assert y_range.extent(values, values) == approx((2 - 0.165, 3 + 0.165))
    x = np.arange(20.0)
    learned = np.concatenate([np.linspace(3.3, 2.1, 10), np.full(10, 2.0)])
    nothing = np.zeros(0), np.zeros(0)
    assert y_range.is_settled(learned, 3.0)
    assert not y_range.is_settled(learned[:19], 3.0)
    assert not y_range.is_settled(learned, 2.0)
    steep = np.concatenate([np.full(10, 3.0), np.linspace(2.5, 2.0, 10)])
    assert not y_range.is_settled(steep, 3.25)  # exactly 0.4 of the height
    assert y_range.is_settled(steep, 3.26)
    close = y_range.loss_range((x, learned), nothing, 3.0, "close", zoomed=False)
    assert close == approx((1.99, 2.01))
    beside = (np.array([9.0, 10.0]), np.array([9.0, 2.2]))
    held = y_range.loss_range((x, learned), beside, 3.0, "close", zoomed=False)
    assert held == approx((2.0 - 0.041, 2.2 + 0.041))
    whole = y_range.loss_range((x, learned), nothing, 3.0, "linear", zoomed=False)
    assert whole == approx((2.0, 3.3))
    assert y_range.loss_range((x, learned - 1.5), nothing, 3.0, "log", zoomed=False) == approx(
        (0.5, 3.06)
    )
    ghosts = [(x, np.full(20, 0.5)), (x, np.full(20, 9.0))]
    found = y_range.loss_range((x, learned), nothing, 3.0, "linear", zoomed=False, ghosts=ghosts)
    assert found == approx((0.5, 3.3))
    flat = y_range.loss_range((x, np.zeros(20)), nothing, 3.0, "linear", zoomed=True)
    assert flat == approx((0.0, 0.01))
    assert y_range.loss_range(nothing, nothing, 3.0, "close", zoomed=False) == approx((2.0, 3.06))


def test_the_ranges_of_paces_runs_and_races() -> None:
    us = np.array([800.0, 100.0, 40.0, 60.0])
    band = Band(np.arange(4.0), us - 10, us, us + 10)
    assert y_range.pace_range(band, "log", zoomed=False) == approx((22.5, 1539.0))
    assert y_range.pace_range(band, "linear", zoomed=False) == approx((0.0, 891.0))
    assert y_range.pace_range(band, "close", zoomed=False) == approx((30 - 6.35, 70 + 6.35))
    assert y_range.pace_range(band, "close", zoomed=True) == approx((30 - 121.05, 810 + 121.05))
    empty = Band(*(np.zeros(0) for _ in range(4)))
    assert y_range.pace_range(empty, "linear", zoomed=False) == approx((0.0, 110.0))
    assert y_range.pace_range(empty, "log", zoomed=False) == approx((15.0, 190.0))
    zero = Band(np.zeros(1), np.zeros(1), np.zeros(1), np.ones(1))
    assert y_range.pace_range(zero, "log", zoomed=False) == approx((0.01, 1.9))
    runs = [[9.0, 5.0, 2.2, 2.1], [3.0, 2.5, 2.4]]
    assert y_range.runs_range(runs, close_up=False) == approx((2.1 - 0.35, 9.0 + 0.35))
    assert y_range.runs_range(runs, close_up=True) == approx((2.1 - 0.025, 2.5 + 0.025))
    losses = [np.array([3.2, 2.0]), np.array([3.9, 1.9])]
    assert y_range.race_range(losses, 2.25, close_up=False) == approx((1.85, 3.9))
    assert y_range.race_range(losses, 2.25, close_up=True) == approx((1.85, 2.75))
    assert y_range.race_range([], 2.25, close_up=False) == approx((2.2, 3.5))
    assert y_range.race_range([np.array([9.0])], 2.25, close_up=False) == approx((2.2, 4.25))
