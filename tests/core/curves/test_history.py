"""The history keeps the whole run in bounded memory, and the chart points follow it."""

import numpy as np
import pytest

from eetui.core.curves.history import CAPACITY, Curve, Event, History
from eetui.core.curves.points import event_positions, loss_points, us_band


def filled(chunks: int, per_chunk: int = 3) -> History:
    history = History()
    for i in range(chunks):
        losses = np.full(per_chunk, 1.0 + i, np.float32)
        history.add((i + 1) * per_chunk, losses, 1_000 * per_chunk)
    return history


def test_every_chunk_is_a_point_while_there_is_room() -> None:
    curve = filled(5).curve()
    assert curve.steps.tolist() == [3, 6, 9, 12, 15]
    assert curve.loss.tolist() == [1, 2, 3, 4, 5]
    assert curve.us.tolist() == [1.0] * 5
    assert curve.seconds[-1] == pytest.approx(15e-6)


@pytest.mark.parametrize("chunks", [CAPACITY + 1, 3 * CAPACITY + 5, 9 * CAPACITY])
def test_a_long_run_keeps_its_beginning_its_end_and_its_mean(chunks: int) -> None:
    history = filled(chunks)
    curve = history.curve()
    assert len(curve.steps) <= CAPACITY
    assert curve.steps[-1] == 3 * chunks
    assert curve.loss[0] < 20
    assert np.all(np.diff(curve.steps) > 0)
    weights = np.diff(curve.steps, prepend=0)
    assert np.average(curve.loss, weights=weights) == pytest.approx((1 + chunks) / 2)
    assert history.seconds == pytest.approx(3e-6 * chunks)


def test_recent_loss_is_the_mean_of_the_last_hundred_steps() -> None:
    history = History()
    history.add(150, np.arange(150, dtype=np.float32), 1)
    assert history.loss == pytest.approx(np.arange(50, 150).mean())


def test_going_back_forgets_what_came_after() -> None:
    history = filled(10)
    history.forget_after(12)
    assert history.curve().steps.tolist() == [3, 6, 9, 12]
    assert history.loss is None
    assert history.us_per_step is None
    history.add(15, np.ones(3, np.float32), 3_000)
    assert history.curve().steps.tolist() == [3, 6, 9, 12, 15]


def test_a_chunk_without_losses_leaves_no_trace() -> None:
    history = History()
    history.add(0, np.zeros(0, np.float32), 5)
    assert len(history.curve().steps) == 0


def test_points_have_at_most_one_a_column_and_keep_the_range() -> None:
    curve = filled(1000).curve()
    x, y = loss_points(curve, "steps", 0.0, 80)
    assert len(x) == len(y) <= 80
    assert np.all(np.diff(x) > 0)
    assert curve.loss.min() <= y.min()
    assert y.max() <= curve.loss.max()
    assert y.mean() == pytest.approx(curve.loss.mean(), rel=0.02)


def test_smoothing_follows_a_constant_exactly_and_damps_noise() -> None:
    history = History()
    rng = np.random.default_rng(0)
    for i in range(200):
        history.add(i + 1, np.array([2 + rng.normal()], np.float32), 1_000)
    curve = history.curve()
    raw = loss_points(curve, "seconds", 0.0, 200)[1]
    smooth = loss_points(curve, "seconds", 0.9, 200)[1]
    assert smooth[50:].std() < raw[50:].std() / 2
    assert us_band(curve, "steps", 50).median == pytest.approx(np.ones(50))


def test_no_points_before_the_first_step() -> None:
    x, y = loss_points(History().curve(), "steps", 0.5, 80)
    assert len(x) == len(y) == 0


def test_events_are_placed_on_either_axis() -> None:
    events = (Event(10, 0.5, "batch", "batch 32"),)
    assert event_positions(events, "steps") == [10.0]
    assert event_positions(events, "seconds") == [0.5]


def test_one_disturbed_chunk_does_not_show_in_the_pace() -> None:
    history = History()
    for i in range(400):
        history.add(i + 1, np.ones(1, np.float32), 5_000_000 if i == 200 else 1_000)
    assert us_band(history.curve(), "steps", 50).median.max() == 1.0


@pytest.mark.parametrize("chunks", [100, CAPACITY, 5 * CAPACITY, 40 * CAPACITY + 3])
def test_a_floor_with_spikes_is_a_floor_with_spikes_however_long_the_run(chunks: int) -> None:
    history = History()
    rng = np.random.default_rng(0)
    for i in range(chunks):
        slow = rng.random() < 0.4
        history.add(i + 1, np.ones(1, np.float32), 9_000 if slow else 1_000)
    band = us_band(history.curve(), "steps", 40)
    typical = np.median(np.stack([band.low, band.median, band.high]), axis=1)
    assert typical.tolist() == [1.0, 1.0, 9.0]


def test_the_chart_agrees_with_the_header_about_the_latest_pace() -> None:
    history = History()
    rng = np.random.default_rng(0)
    for i in range(20 * CAPACITY):
        history.add(i + 1, np.ones(1, np.float32), int(rng.choice([1_000, 1_000, 1_000, 20_000])))
    assert us_band(history.curve(), "steps", 142).median[-1] == history.us_per_step == 1.0


def test_a_curve_without_paces_has_its_means_for_a_band() -> None:
    steps = np.arange(1, 101)
    band = us_band(Curve(steps, steps / 10, np.ones(100), np.full(100, 7.0)), "seconds", 30)
    assert band.low.tolist() == band.median.tolist() == band.high.tolist() == [7.0] * 30


def test_points_stay_in_their_columns_as_the_run_grows() -> None:
    before, after = filled(500).curve(), filled(600).curve()
    span = (0.0, 2000.0)
    _, then = loss_points(before, "steps", 0.0, 50, span)
    _, now = loss_points(after, "steps", 0.0, 50, span)
    assert now[: len(then) - 1].tolist() == then[:-1].tolist()


def test_two_clocks():
    history = History()
    history.add(10, np.ones(10, np.float32), 4_000_000, 1_000_000)
    history.add(20, np.ones(10, np.float32), 2_000_000, 1_000_000)
    history.wait(5_000_000)
    assert history.us_per_step == 100.0
    assert history.wall_us_per_step == 300.0
    assert history.core_share == pytest.approx(1 / 3)
    assert (history.seconds, history.cost_seconds) == pytest.approx((0.011, 0.002))
    curve = history.curve()
    assert curve.us.tolist() == [100.0, 100.0]
    assert curve.seconds.tolist() == pytest.approx([0.004, 0.011])
    history.forget_pace()
    assert (history.us_per_step, history.wall_us_per_step, history.core_share) == (None,) * 3


def test_going_back_to_where_one_is_forgets_nothing() -> None:
    history = History()
    for i in range(5):
        history.add(10 * (i + 1), np.full(10, 2.0, np.float32), 1_000_000)
    history.forget_after(50)
    assert (history.loss, history.us_per_step) == (2.0, 100.0)
    history.forget_after(49)
    assert (history.loss, history.us_per_step) == (None, None)
