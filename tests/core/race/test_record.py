"""What is kept of the losses, however they are sliced."""

from __future__ import annotations

import numpy as np
import pytest

from eetui.core.race.record import Record, window


def recorded(losses, slices, batch=16, threshold=2.0, ns=1_000_000) -> Record:
    """A record of losses that came in slices of these lengths, `ns` a step."""
    record, start = Record(batch, threshold), 0
    for n in slices:
        record.add(np.asarray(losses[start : start + n]), n * ns)
        start += n
    assert start == len(losses)
    return record


@pytest.mark.parametrize(("batch", "steps"), [(1, 1600), (7, 229), (16, 100), (128, 100)])
def test_a_window_is_100_steps_and_1600_documents(batch, steps):
    assert window(batch) == steps


def test_the_way_of_slicing_changes_nothing():
    rng = np.random.default_rng(0)
    losses = 3 - np.linspace(0, 1.5, 1000) + rng.normal(0, 0.1, 1000)
    whole = recorded(losses, [1000])
    for slices in ([1] * 1000, [1, 2, 4, 8, 16, 32, 64, 128, 256, 489], [99, 1, 1, 899]):
        parts = recorded(losses, slices)
        assert parts.best == pytest.approx(whole.best)
        assert parts.reached == pytest.approx(whole.reached)
        assert parts.ema == pytest.approx(whole.ema)
        assert parts.loss == pytest.approx(whole.loss)
        assert parts.seconds == whole.seconds == pytest.approx(1.0)


def test_the_threshold_is_passed_by_the_mean_of_a_window():
    """A step's loss is below it from the first on, the mean of 100 from step 150 on."""
    losses = np.full(300, 2.5)
    losses[::10] = 1.0
    assert losses[:100].mean() == 2.35
    losses[100:] = 1.8
    means = np.array([losses[i - 100 : i].mean() for i in range(100, 301)])
    first = 100 + int(np.argmax(means < 2.0))
    record = recorded(losses, [137, 163])
    assert record.reached == pytest.approx(first / 1000)
    assert record.best == pytest.approx(means.min()) == pytest.approx(1.8)


def test_nothing_is_reached_before_a_window_is_full():
    record = recorded(np.full(99, 1.0), [99])
    assert (record.best, record.reached) == (None, None)
    record.add(np.ones(1), 1_000_000)
    assert record.best == 1.0
    assert record.reached == pytest.approx(0.1)
    assert recorded(np.ones(1599), [1599], batch=1).best is None


def test_the_loss_is_the_mean_of_the_last_steps():
    losses = np.arange(1000, 0, -1) / 100
    assert recorded(losses, [1000]).loss == pytest.approx(losses[-100:].mean())
    assert recorded(losses[:50], [50]).loss == pytest.approx(losses[25:50].mean())
    assert recorded(losses[:1], [1]).loss == 10.0


def test_the_average_of_equal_losses_is_that_loss():
    assert recorded(np.full(3, 2.5), [1, 2]).ema == pytest.approx(2.5)


def test_the_average_remembers_about_fifty_steps():
    """Weights of 0.98 to the power of a loss's age, by hand."""
    losses = [3.0, 2.0, 4.0]
    weights = [0.98**2, 0.98, 1.0]
    wanted = sum(w * x for w, x in zip(weights, losses, strict=True)) / sum(weights)
    assert recorded(losses, [2, 1]).ema == pytest.approx(wanted)
    assert recorded([], []).ema is None
    assert recorded([], []).loss is None


def test_the_curve_is_bounded_and_covers_everything():
    record = recorded(np.full(60_015, 2.0), [1, 2, 4, 8, *[60] * 1000])
    curve = record.history.curve()
    assert 1024 <= len(curve.loss) <= 2048
    assert curve.steps[-1] == 60_015
    assert curve.seconds[-1] == pytest.approx(60.015)
    assert curve.steps[0] <= 16
    assert np.all(np.diff(curve.seconds) > 0)


def test_a_long_slice_becomes_several_points():
    curve = recorded(np.linspace(3, 2, 800), [800]).history.curve()
    assert len(curve.loss) == 8
    assert curve.loss[0] > curve.loss[-1]
    assert curve.seconds[0] == pytest.approx(0.1)
