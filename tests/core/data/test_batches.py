"""The documents of a step and its learning rate depend on the configuration and the step alone."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eetui.core.config import SCHEDULES, Schedule, TrainConfig
from eetui.core.data.batches import documents, learning_rates

seeds = st.integers(0, 2**63 - 1)
steps = st.integers(0, 10**12)


@given(seed=seeds, first=steps, n_steps=st.integers(0, 9), batch=st.integers(1, 20), cut=st.data())
def test_a_step_and_a_smaller_batch_see_the_same_documents(
    seed: int, first: int, n_steps: int, batch: int, cut: st.DataObject
) -> None:
    whole = documents(seed, first, n_steps, batch, 32_469)
    assert (whole.shape, whole.dtype) == ((n_steps, batch), np.int32)
    smaller = cut.draw(st.integers(1, batch))
    for i in range(n_steps):
        alone = documents(seed, first + i, 1, smaller, 32_469)
        assert np.array_equal(alone[0], whole[i, :smaller])


@given(seed=seeds, first=steps, n_docs=st.integers(1, 2**31 - 1))
def test_documents_lie_in_range(seed: int, first: int, n_docs: int) -> None:
    drawn = documents(seed, first, 16, 64, n_docs)
    assert drawn.min() >= 0
    assert drawn.max() < n_docs


@pytest.mark.parametrize("seed", [0, 1, 42, 2**63 - 1])
def test_documents_are_uniform_and_uncorrelated(seed: int) -> None:
    n_docs, n_steps, batch = 100, 4_000, 50
    drawn = documents(seed, 0, n_steps, batch, n_docs)
    expected = n_steps * batch / n_docs
    counts = np.bincount(drawn.ravel(), minlength=n_docs)
    chi_square = ((counts - expected) ** 2 / expected).sum()
    assert abs(chi_square - n_docs) < 6 * np.sqrt(2 * n_docs)
    pairs = [(drawn[1:], drawn[:-1]), (drawn[:, 1:], drawn[:, :-1])]
    pairs.append((drawn, documents(seed ^ 1, 0, n_steps, batch, n_docs)))
    for one, other in pairs:
        correlation = np.corrcoef(one.ravel(), other.ravel())[0, 1]
        assert abs(correlation) < 6 / np.sqrt(one.size)


def test_documents_are_the_same_in_every_version() -> None:
    """A saved run goes on with the documents that it would have seen."""
    expected = [[2165, 30864, 29302, 1253], [8324, 16189, 24998, 25510]]
    assert documents(42, 1_000, 2, 4, 32_469).tolist() == expected


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_schedules(schedule: Schedule) -> None:
    train = TrainConfig(learning_rate=0.008, steps=100, schedule=schedule)
    rates = learning_rates(train, 0, 151)
    assert rates.dtype == np.float32
    shares = {"linear": (0.75, 0.5, 0.0), "cosine": (0.853553, 0.5, 0.0), "constant": (1, 1, 1)}
    expected = [0.008, *(0.008 * share for share in shares[schedule])]
    assert rates[[0, 25, 50, 100]] == pytest.approx(expected, abs=1e-8)
    assert rates[100:] == pytest.approx(rates[100])
    assert np.all(np.diff(rates) <= 0)


@given(
    schedule=st.sampled_from(SCHEDULES),
    total=st.integers(1, 10**12),
    first=steps,
    n_steps=st.integers(1, 20),
)
def test_the_rate_of_a_step_does_not_depend_on_the_chunk(
    schedule: Schedule, total: int, first: int, n_steps: int
) -> None:
    train = TrainConfig(steps=total, schedule=schedule)
    whole = learning_rates(train, first, n_steps)
    alone = [learning_rates(train, first + i, 1)[0] for i in range(n_steps)]
    assert whole.tolist() == alone
    assert np.all((whole >= 0) & (whole <= np.float32(train.learning_rate)))
