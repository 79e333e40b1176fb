"""The documents of a step and its learning rate depend on the configuration and the step alone."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eetui.core.config import SCHEDULES, Order, Schedule, TrainConfig
from eetui.core.data.batches import documents, documents_of, learning_rates, shuffled

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


@given(
    seed=seeds,
    epoch=st.integers(0, 10**9),
    batch=st.integers(1, 40),
    n_docs=st.one_of(st.integers(1, 60), st.integers(1_000, 5_000)),
)
def test_every_document_comes_once_an_epoch(seed: int, epoch: int, batch: int, n_docs: int) -> None:
    first, begin = divmod(epoch * n_docs, batch)
    n_steps = -(-(begin + 2 * n_docs) // batch)
    seen = shuffled(seed, first, n_steps, batch, n_docs).ravel()[begin:]
    one, other = seen[:n_docs], seen[n_docs : 2 * n_docs]
    assert np.array_equal(np.sort(one), np.arange(n_docs))
    assert np.array_equal(np.sort(other), np.arange(n_docs))
    assert n_docs < 20 or not np.array_equal(one, other)  # each epoch has an order of its own


@given(
    seed=seeds,
    first=steps,
    n_steps=st.integers(0, 9),
    batch=st.integers(1, 20),
    n_docs=st.one_of(
        st.integers(1, 60),
        st.sampled_from([2**12 - 1, 2**12, 2**16, 2**16 + 1]),
        st.integers(1, 2**31 - 1),
    ),
)
def test_a_step_sees_the_same_shuffled_documents_in_any_chunk(
    seed: int, first: int, n_steps: int, batch: int, n_docs: int
) -> None:
    whole = shuffled(seed, first, n_steps, batch, n_docs)
    assert (whole.shape, whole.dtype) == ((n_steps, batch), np.int32)
    assert np.all((whole >= 0) & (whole < n_docs))
    for i in range(n_steps):
        assert np.array_equal(shuffled(seed, first + i, 1, batch, n_docs)[0], whole[i])


@pytest.mark.parametrize("n_docs", [50, 1_000, 29_153])
def test_an_epoch_is_like_any_permutation(n_docs: int) -> None:
    """No place prefers a document, and neighbours tell nothing of each other."""
    n_epochs = 200_000 // n_docs
    orders = shuffled(7, 0, n_docs * n_epochs, 1, n_docs).reshape(n_epochs, n_docs)
    following = (np.diff(orders, axis=1) % n_docs).ravel()
    for found, values in ((following, n_docs - 1), (orders[:, 0], n_docs)):
        counts = np.bincount(found, minlength=n_docs)[n_docs - values :]
        expected = len(found) / values
        chi_square = ((counts - expected) ** 2 / expected).sum()
        assert abs(chi_square - values) < 6 * np.sqrt(2 * values + values**2 / len(found))
    for order in orders[:40]:
        correlation = np.corrcoef(order, np.arange(n_docs))[0, 1]
        assert abs(correlation) < 6 / np.sqrt(n_docs)


def test_a_shuffled_order_is_the_same_in_every_version() -> None:
    """A saved run goes on with the documents that it would have seen."""
    expected = [[4628, 27267, 9010, 9079], [15962, 28546, 24484, 18900]]
    assert shuffled(42, 1_000, 2, 4, 29_153).tolist() == expected


def test_the_order_of_a_run_is_its_configuration_s() -> None:
    functions: dict[Order, Callable[..., np.ndarray]] = {"drawn": documents, "shuffled": shuffled}
    for order, function in functions.items():
        train = TrainConfig(batch=8, seed=3, order=order)
        assert np.array_equal(documents_of(train, 5, 4, 100), function(3, 5, 4, 8, 100))


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
