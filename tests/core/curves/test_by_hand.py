"""Small curves whose figures can be worked out by hand, each of them held to its value."""

from __future__ import annotations

from math import inf

import numpy as np
import pytest

from eetui.core.curves import history, window
from eetui.core.curves.distance import LEAST_NATS, BlockSums, Distance, distance
from eetui.core.curves.history import Curve, Event, History
from eetui.core.curves.last_losses import LastLosses
from eetui.core.curves.points import (
    branch_points,
    event_positions,
    loss_points,
    place,
    step_at,
    thinned,
    track_points,
    us_band,
)
from eetui.core.curves.reading import reading, settings_at
from eetui.core.curves.smoothing import centres, smoothed
from eetui.core.curves.steplosses import CAPACITY, StepLosses
from eetui.core.curves.track import Track, TrackCurve
from tests.support.by_hand import approx

STEPS = np.array([10, 20, 30, 50])
CURVE = Curve(
    STEPS,
    np.array([1.0, 2.0, 4.0, 5.0]),
    np.array([4.0, 3.0, 2.0, 1.0]),
    np.array([100.0, 200.0, 300.0, 400.0]),
)
EVENTS = (Event(15, 1.5, "lr", "0.02", "0.01"), Event(40, 4.5, "batch", "8"))


def test_buckets_have_a_middle_and_a_size() -> None:
    middle, counts = centres(CURVE)
    assert (middle.tolist(), counts.tolist()) == ([5.5, 15.5, 25.5, 40.5], [10, 10, 10, 20])
    one = Curve(np.array([7]), np.ones(1), np.ones(1), np.ones(1))
    assert [part.tolist() for part in centres(one)] == [[7.0], [1.0]]
    late = Curve(np.array([105, 110]), np.ones(2), np.ones(2), np.ones(2))
    assert [part.tolist() for part in centres(late)] == [[103.0, 108.0], [5.0, 5.0]]


def test_points_are_means_of_the_buckets_of_a_column() -> None:
    x, y = loss_points(CURVE, "steps", 0.0, 2)
    assert (x.tolist(), y.tolist()) == ([10.5, approx(35.5)], [3.5, approx(4 / 3)])
    x, y = loss_points(CURVE, "steps", 0.0, 9, (20.0, 30.0))
    assert (x.tolist(), y.tolist()) == ([15.5, 25.5], [3.0, 2.0])
    x, y = loss_points(CURVE, "seconds", 0.0, 4)
    assert x.tolist() == approx([0.55, 1.55, (31 + 90.5) / 30])
    assert loss_points(Curve(), "steps", 0.0, 4)[0].size == 0
    x, y = loss_points(CURVE, "steps", 0.0, 0)
    assert (x.tolist(), y.tolist()) == ([approx(25.5)], [approx(2.2)])


def test_a_branch_begins_where_it_left() -> None:
    branch = Curve(np.array([30, 40]), np.array([3.0, 6.0]), np.array([9.0, 8.0]), np.ones(2))
    x, y = branch_points(CURVE, branch, 20, "steps", 0.0, 50)
    assert (x.tolist(), y.tolist()) == ([25.5, 35.5], [9.0, 8.0])
    x, y = branch_points(CURVE, branch, 20, "seconds", 0.0, 50)
    assert (x.tolist(), y.tolist()) == (approx([2.55, 4.65]), [9.0, 8.0])
    assert branch_points(CURVE, branch, 5, "seconds", 0.0, 50)[0].size == 2
    single = Curve(np.arange(1, 4), np.array([1.0, 2.0, 3.0]), np.ones(3), np.ones(3))
    after = Curve(np.array([3]), np.array([9.0]), np.array([5.0]), np.ones(1))
    x, y = branch_points(single, after, 2, "steps", 0.0, 50)  # step 2 itself is the trunk's
    assert (x.tolist(), y.tolist()) == ([3.0], [5.0])


def test_the_quartiles_of_a_column_are_of_single_chunks() -> None:
    paces = np.full((4, 8), np.nan, np.float32)
    paces[0, :5] = [5, 1, 3, 2, 4]
    paces[1, :4] = [10, 40, 20, 30]
    paces[2, 0], paces[3, 0] = 7, 8
    curve = Curve(STEPS, CURVE.seconds, CURVE.loss, CURVE.us, paces)
    band = us_band(curve, "steps", 3)
    assert band.x.tolist() == [20.0, 30.0, 50.0]
    assert band.low.tolist() == [3.0, 7.0, 8.0]
    assert band.median.tolist() == [5.0, 7.0, 8.0]
    assert band.high.tolist() == [20.0, 7.0, 8.0]
    first = us_band(curve, "steps", 99, (10.0, 20.0))
    assert (first.low.tolist(), first.median.tolist()) == ([2.0, 10.0], [3.0, 20.0])
    assert first.high.tolist() == [4.0, 40.0]
    plain = us_band(CURVE, "seconds", 9)
    assert plain.median.tolist() == [100.0, 200.0, 300.0, 400.0]
    assert us_band(Curve(), "steps", 3).x.size == 0


def test_places_and_marks() -> None:
    track = TrackCurve(np.array([5, 10, 20]), np.array([0.5, 1.0, 2.0]), np.array([3.0, 2.0, 1.0]))
    assert [p.tolist() for p in track_points(track, "steps", (5, 10))] == [[5.0, 10.0], [3.0, 2.0]]
    assert [p.tolist() for p in track_points(track, "seconds", (0.6, 9))] == [[1, 2], [2.0, 1.0]]
    assert event_positions(EVENTS, "steps") == [15.0, 40.0]
    assert event_positions(EVENTS, "seconds") == [1.5, 4.5]
    assert [place(CURVE, "seconds", s) for s in (0, 5, 25, 40, 50)] == [0.0, 0.5, 3.0, 4.5, 5.0]
    assert [step_at(CURVE, "seconds", s) for s in (0.0, 0.5, 3.0, 4.5)] == [0.0, 5.0, 25.0, 40.0]
    assert (place(Curve(), "seconds", 7.0), step_at(Curve(), "seconds", 7.0)) == (7.0, 7.0)
    points = np.arange(20.0), np.arange(20.0) + 100
    assert [p.tolist() for p in thinned(points, (0.0, 20.0), 20, 8)] == [
        [0, 8, 16],
        [100, 108, 116],
    ]
    assert thinned(points, (0.0, 20.0), 10, 4, 1)[0].tolist() == [0, 2, 10, 18]
    assert thinned(points, (0.0, 20.0), 0, 1)[0].tolist() == [0.0]


def test_what_is_straight_stays_and_what_bends_is_a_fit() -> None:
    steps = np.arange(1, 101)
    line = Curve(steps, steps / 1e3, 5 - steps / 50, np.ones(100))
    at = np.array([1.0, 7.5, 50.0, 100.0])
    assert smoothed(line, at, 0.9) == approx(5 - at / 50)
    bent = Curve(steps, steps / 1e3, (steps / 10.0) ** 2, np.ones(100))
    # 0.02 / (1 - 0.8) of the 49.5 steps before it: 45 to 54, whose fit at 50.5 is the mean.
    assert smoothed(bent, np.array([50.5]), 0.8)[0] == approx(
        np.polyval(np.polyfit(steps[45:55], (steps[45:55] / 10.0) ** 2, 1), 50.5)
    )
    # 0.02 / (1 - 0.98) of the 14.5 steps before it: 5.5 to 34.5, three buckets of ten steps.
    assert smoothed(CURVE, np.array([20.0]), 0.98)[0] == approx(2.55)
    # All four, of which the last one has twice the steps.
    middle, counts = centres(CURVE)
    fit = np.polyfit(middle, CURVE.loss, 1, w=np.sqrt(counts))
    assert smoothed(CURVE, np.array([25.0]), 0.99)[0] == approx(np.polyval(fit, 25.0))
    assert smoothed(Curve(), np.array([1.0]), 0.5).tolist() == [0.0]
    once = Curve(np.array([3]), np.ones(1), np.array([2.5]), np.ones(1))
    assert smoothed(once, np.array([3.0]), 0.5).tolist() == [2.5]


def test_a_window_is_moved_and_held_in_the_curve() -> None:
    steps = np.arange(10, 1010, 10)
    curve = Curve(steps, steps / 100, np.ones(100), np.ones(100))
    assert window.limits(curve, "steps") == (1000.0, 80.0)
    assert window.limits(curve, "seconds") == (10.0, approx(0.8))
    assert window.limits(CURVE, "steps") == (50.0, 50.0)
    assert window.limits(Curve(), "steps") == (0.0, 0.0)
    assert window.zoomed((200.0, 600.0), 300.0, 0.5, curve, "steps") == (250.0, 450.0)
    assert window.zoomed((200.0, 600.0), 300.0, 0.01, curve, "steps") == (280.0, 360.0)
    assert window.zoomed((0.0, 400.0), 400.0, 2.0, curve, "steps") == (0.0, 800.0)
    assert window.zoomed((600.0, 1000.0), 600.0, 2.0, curve, "steps") == (200.0, 1000.0)
    assert window.zoomed((0.0, 500.0), 0.0, 2.0, curve, "steps") is None
    assert window.panned((200.0, 600.0), 50.0, curve, "steps") == (250.0, 650.0)
    assert window.panned((200.0, 600.0), -250.0, curve, "steps") == (0.0, 400.0)
    assert window.panned((200.0, 600.0), 900.0, curve, "steps") == (600.0, 1000.0)
    assert window.panned((0.0, 1000.0), 1.0, curve, "steps") is None


def test_a_track_thins_and_grows_old() -> None:
    track = Track()
    for i in range(1, 512):
        track.add(i, i / 10, float(i))
    assert track.curve().steps.tolist() == [*range(1, 512)]
    track.add(512, 51.2, 512.0)
    assert track.curve().steps.tolist() == [*range(2, 513, 2)]
    track.add(513, 51.3, 513.0)
    assert track.curve().steps[-2:].tolist() == [512, 513]
    track.add(514, 51.4, 514.0)
    track.add(515, 51.5, 515.0)
    assert track.curve().steps[-3:].tolist() == [512, 514, 515]
    track.forget_after(515)
    assert track.curve().latest == 515.0
    track.forget_after(514)
    assert (track.curve().latest, track.curve().seconds[-1]) == (514.0, 51.4)
    curve = TrackCurve(np.array([10, 20]), np.array([1.0, 2.0]), np.array([3.0, 2.0]))
    assert [curve.until(step).steps.tolist() for step in (9, 10, 19, 20)] == [
        [], [10], [10], [10, 20],
    ]  # fmt: skip
    assert (curve.until(10).seconds.tolist(), curve.until(10).values.tolist()) == ([1.0], [3.0])
    assert (curve.latest, curve.latest_step) == (2.0, 20)
    assert [curve.is_old(step) for step in (20, 22, 23)] == [False, False, True]
    assert (TrackCurve().latest_step, TrackCurve().is_old(99)) == (None, False)


def test_step_losses_halve_when_there_are_more_than_fit() -> None:
    losses = StepLosses()
    losses.add(0, np.arange(CAPACITY, dtype=np.float32))
    assert losses.until(CAPACITY).steps.tolist() == [*range(CAPACITY)]
    losses.add(CAPACITY, np.array([7.0], np.float32))
    assert losses.until(9999).steps.tolist() == [*range(0, CAPACITY + 1, 2)]
    losses.add(CAPACITY + 1, np.array([1.0, 2.0, 3.0], np.float32))
    found = losses.until(CAPACITY + 3)
    assert (found.steps[-2:].tolist(), found.values[-2:].tolist()) == ([512, 514], [7.0, 2.0])
    assert found.seconds.tolist() == [0.0] * len(found.steps)
    losses.add(2, np.array([50.0], np.float32))
    assert losses.until(3).values.tolist() == [0.0, 50.0]
    assert losses.until(2).steps.tolist() == [0]
    assert StepLosses().until(5).steps.size == 0


def test_distances_are_means_of_blocks() -> None:
    a, b = BlockSums(100), BlockSums(100)
    drawn = np.tile([0.5, 0.25], 400).astype(np.float32)
    a.add(100, drawn + np.float32(0.5))
    b.add(100, drawn)
    found = distance(a, b)
    assert found is not None
    assert (found.nats, found.low, found.high) == (0.5, 0.5, 0.5)
    assert (found.first, found.last) == (500, 900)  # 16 groups of 25, of the later half
    shorter = BlockSums(100)
    shorter.add(100, drawn[:798])
    assert distance(a, shorter) is None  # the later half has 399 steps, not 16 times 25
    few = BlockSums(100)
    few.add(100, np.zeros(1025, np.float32))
    assert few.length == 2
    few.forget_after(103)
    assert few.means(2)[:2].tolist() == [0.0, pytest.approx(np.nan, nan_ok=True)]
    for low, high, differs in (
        (LEAST_NATS, 1, False), (LEAST_NATS + 1e-9, 1, True), (-1, -LEAST_NATS, False),
        (-1, -LEAST_NATS - 1e-9, True), (-inf, inf, False),
    ):  # fmt: skip
        assert Distance(0.5, low, high, 0, 1).differs is differs


def test_neighbours_that_are_alike_widen_the_interval() -> None:
    """Sixteen groups in a row that rises are as good as few: the interval is sqrt(19) times wider
    at the most."""

    def of(values: np.ndarray) -> Distance:
        a, b = BlockSums(0), BlockSums(0)
        a.add(0, np.concatenate([np.zeros(400), np.repeat(values, 25)]).astype(np.float32))
        b.add(0, np.zeros(800, np.float32))
        found = distance(a, b)
        assert found is not None
        return found

    rising = np.linspace(-1, 1, 16).astype(np.float32)
    mixed = rising[np.array([0, 15, 1, 14, 2, 13, 3, 12, 4, 11, 5, 10, 6, 9, 7, 8])]
    plain, wide = of(mixed), of(rising)
    off = rising.astype(np.float64)
    alike = float(off[1:] @ off[:-1] / (off @ off))
    assert 0 < alike < 0.9
    assert wide.high == pytest.approx(plain.high * np.sqrt((1 + alike) / (1 - alike)), rel=1e-5)
    assert wide.low == pytest.approx(-wide.high, rel=1e-5)
    assert (plain.first, plain.last) == (400, 800)


def test_what_is_under_the_cursor() -> None:
    held = TrackCurve(np.array([20]), np.array([2.0]), np.array([2.9]))
    found = reading(CURVE, held, EVENTS, 27.0, 0.0, 0.0)
    assert found is not None
    assert (found.step, found.seconds, found.loss, found.held_out) == (30, 4.0, 2.0, 2.9)
    assert (found.us_low, found.us, found.us_high) == (300.0, 300.0, 300.0)
    assert found.settings == {"lr": "0.02"}
    steps = [
        r.step for s in (-5, 14.9, 15.1, 24, 39, 41, 99) if (r := reading(CURVE, held, (), s, 0, 0))
    ]
    assert steps == [10, 10, 20, 20, 30, 50, 50]
    wide = reading(CURVE, held, (), 20.0, 0.0, 10.0)
    assert wide is not None
    assert (wide.us_low, wide.us, wide.us_high) == (125.0, 150.0, 175.0)
    early = reading(CURVE, held, EVENTS, 10.0, 0.0, 0.0)
    assert early is not None
    assert (early.held_out, early.settings) == (None, {"lr": "0.01"})
    smooth = reading(CURVE, held, (), 20.0, 0.9, 0.0)
    assert smooth is not None
    assert smooth.loss == approx(float(smoothed(CURVE, np.array([20.0]), 0.9)[0]))
    assert reading(Curve(), held, (), 1.0, 0.0, 0.0) is None
    assert settings_at(EVENTS, 15) == {"lr": "0.01"}
    assert settings_at(EVENTS, 16) == {"lr": "0.02"}
    assert settings_at(EVENTS, 41) == {"lr": "0.02", "batch": "8"}


def test_the_last_losses() -> None:
    last = LastLosses()
    last.add([9.0, 1.0])
    assert (len(last), last.latest, last.mean) == (2, 1.0, 5.0)
    last.add(float(i) for i in range(100))
    assert (len(last), last.latest, last.mean) == (100, 99.0, 49.5)


def test_a_history_of_a_few_chunks() -> None:
    kept = History()
    assert (kept.loss, kept.us_per_step, kept.wall_us_per_step, kept.core_share) == (None,) * 4
    kept.wait(10**9)
    kept.add(0, np.zeros(0, np.float32), 5)
    assert (kept.seconds, kept.curve().steps.size) == (0.0, 0)
    kept.add(2, np.array([4.0, 2.0], np.float32), 4_000_000_000, 1_000_000_000)
    kept.add(5, np.array([1.0, 2.0, 3.0], np.float32), 1_500_000_000)
    kept.wait(500_000_000)
    assert (kept.seconds, kept.cost_seconds) == (6.0, 2.5)
    assert kept.loss == pytest.approx(2.4)
    assert kept.us_per_step == 500_000.0
    assert kept.wall_us_per_step == 1_100_000.0
    assert kept.core_share == approx(2.5 / 5.5)
    curve = kept.curve()
    assert (curve.steps.tolist(), curve.seconds.tolist()) == ([2, 5], [4.0, 6.0])
    assert (curve.loss.tolist(), curve.us.tolist()) == ([3.0, 2.0], [500_000.0, 500_000.0])
    assert curve.paces[:, 0].tolist() == [500_000.0, 500_000.0]
    assert np.isnan(curve.paces[:, 1:]).all()
    kept.add(6, np.array([9.0], np.float32), 10**9, 7 * 10**8)
    assert kept.us_per_step == 500_000.0
    kept.forget_pace()
    assert (kept.us_per_step, kept.wall_us_per_step, kept.core_share) == (None, None, None)
    kept.forget_after(6)
    assert kept.loss == pytest.approx(3.5)
    kept.forget_after(5)
    assert (kept.curve().steps.tolist(), kept.loss) == ([2, 5], None)
    kept.add(7, np.array([1.0, 1.0], np.float32), 10**9)
    assert kept.curve().steps.tolist() == [2, 5, 7]


def test_a_history_merges_its_buckets_in_pairs_when_it_is_full() -> None:
    kept = History()
    for i in range(1, history.CAPACITY + 1):
        kept.add(i, np.array([i], np.float32), 1000 * i)
    assert kept.curve().steps.tolist() == [*range(1, history.CAPACITY + 1)]
    kept.add(history.CAPACITY + 1, np.array([5.0], np.float32), 7000)
    curve = kept.curve()
    assert curve.steps.tolist() == [*range(2, history.CAPACITY + 1, 2), history.CAPACITY + 1]
    assert curve.loss[:2].tolist() == [1.5, 3.5]
    assert curve.us[:2].tolist() == [1.5, 3.5]
    assert curve.paces[0, :2].tolist() == [1.0, 2.0]
    assert np.isnan(curve.paces[:, 2:]).all()
    assert curve.paces[-1, 0] == 7.0
    kept.add(history.CAPACITY + 2, np.array([5.0], np.float32), 9000)
    assert kept.curve().steps[-1] == history.CAPACITY + 2
    assert len(kept.curve().steps) == history.CAPACITY // 2 + 1
    assert kept.curve().paces[-1, :2].tolist() == [7.0, 9.0]
    assert kept.loss == pytest.approx((sum(range(1951, 2049)) + 10) / 100)


def test_after_many_merges_a_bucket_keeps_eight_paces_evenly_spread() -> None:
    kept = History()
    n = history.CAPACITY * 8 + 16
    for i in range(1, n + 1):
        kept.add(i, np.array([1.0], np.float32), 1000 * i)
    curve = kept.curve()
    assert curve.steps[:2].tolist() == [16, 32]
    assert curve.paces[0].tolist() == [1.0, 3.0, 5.0, 7.0, 9.0, 11.0, 13.0, 15.0]
    assert curve.paces[-1].tolist() == [n - 15 + 2.0 * i for i in range(8)]
    assert curve.seconds[-1] == approx(n * (n + 1) / 2 * 1e-6)
