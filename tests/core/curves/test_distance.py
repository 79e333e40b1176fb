"""How far two runs are apart is told with an interval that holds the truth."""

from __future__ import annotations

import numpy as np
import pytest

from eetui.core.curves.distance import CAPACITY, LEAST_NATS, BlockSums, Distance, distance


def sums(losses: np.ndarray, begun: int = 100, at_once: int = 37) -> BlockSums:
    blocks = BlockSums(begun)
    for first in range(0, len(losses), at_once):
        blocks.add(begun + first, losses[first : first + at_once].astype(np.float32))
    return blocks


def test_blocks_of_any_length_hold_the_mean_losses() -> None:
    losses = np.random.default_rng(0).random(3 * CAPACITY + 5)
    blocks = sums(losses)
    assert blocks.length == 4
    means = blocks.means(8)
    whole = len(losses) // 8
    expected = losses.astype(np.float32)[: 8 * whole].reshape(-1, 8).mean(axis=1)
    np.testing.assert_allclose(means[:whole], expected, rtol=1e-6)
    assert np.isnan(means[whole:]).all()


def test_a_run_that_went_back_is_compared_where_both_have_losses() -> None:
    blocks = sums(np.zeros(4 * CAPACITY))
    blocks.forget_after(100 + 50)
    blocks.add(150, np.ones(50, np.float32))
    means = blocks.means(4)
    assert means[:12].tolist() == [0.0] * 12
    assert np.isnan(means[12])  # steps 148 to 151: those before 150 are of another line
    assert means[13:25].tolist() == [1.0] * 12
    assert np.isnan(means[25:]).all()


def noise(rng: np.random.Generator, n: int, memory: float) -> np.ndarray:
    """Noise whose neighbours correlate by `memory`."""
    drawn = rng.normal(0, 0.004, n)
    for i in range(1, n):
        drawn[i] += memory * drawn[i - 1]
    return drawn


@pytest.mark.parametrize("memory", [0.0, 0.95])
@pytest.mark.parametrize("truth", [0.0, 0.02, -0.02])
def test_the_interval_holds_the_truth(memory, truth) -> None:
    rng = np.random.default_rng(5)
    held = told = 0
    for _ in range(100):
        common = rng.random(4000)
        found = distance(sums(common + truth + noise(rng, 4000, memory)), sums(common))
        assert found is not None
        assert found.last == 4100
        assert 2100 <= found.first < 2200
        held += found.low <= truth <= found.high
        told += found.differs
    assert held >= 93
    assert told <= 5 if truth == 0.0 else told >= 95


def test_too_few_steps_tell_nothing() -> None:
    assert distance(sums(np.ones(500)), sums(np.zeros(500))) is None
    assert distance(sums(np.ones(5000)), sums(np.zeros(500))) is None
    assert distance(BlockSums(0), BlockSums(0)) is None
    assert distance(sums(np.ones(1000)), sums(np.zeros(900))) is not None


def test_what_rounding_makes_of_two_runs_is_no_difference() -> None:
    assert not Distance(0.5 * LEAST_NATS, 0.4 * LEAST_NATS, 0.6 * LEAST_NATS, 0, 1).differs
    assert Distance(-3 * LEAST_NATS, -4 * LEAST_NATS, -2 * LEAST_NATS, 0, 1).differs
