"""What an engine computes, compared with the float64 reference."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from eetui.core.config import ModelConfig
from eetui.core.data.dataset import Dataset
from eetui.core.engines.base import Gradients
from eetui.core.model import reference
from eetui.core.model.state import TrainState, relative_distance, views

Documents = NDArray[np.int32]

ROUNDING = 1e-5
"""More than what float32 sums differ by in a hidden unit, which is of order one."""


def expected_gradients(
    state: TrainState, model: ModelConfig, dataset: Dataset, documents: Documents
) -> Gradients:
    """The float64 reference's loss and gradients of one batch."""
    params = state.params.astype(np.float64)
    tokens, lengths = dataset.tokens[documents], dataset.lengths[documents]
    return Gradients(*reference.loss_and_gradients(params, model, tokens, lengths))


def gradient_error(
    model: ModelConfig, found: Gradients, expected: Gradients, loss_tolerance: float = 1e-5
) -> float:
    """The relative error of the worst tensor's gradient.

    The loss must be right to a relative `loss_tolerance`, or to 2e-6 where it is small.
    """
    # Near zero a loss is the difference of float32 logits, which round at 1e-7 of their size.
    assert found.loss == pytest.approx(expected.loss, rel=loss_tolerance, abs=2e-6)
    error = relative_distance(model, found.grads, expected.grads)
    assert error is not None, "a gradient is not finite"
    return error


def worst_error(
    found: Gradients,
    state: TrainState,
    model: ModelConfig,
    dataset: Dataset,
    documents: Documents,
    loss_tolerance: float = 1e-5,
) -> float:
    """The same against the reference's gradients of this batch."""
    expected = expected_gradients(state, model, dataset, documents)
    return gradient_error(model, found, expected, loss_tolerance)


def kink_distances(
    state: TrainState, model: ModelConfig, dataset: Dataset, documents: Documents
) -> NDArray[np.float64]:
    """How near each document's hidden units come to zero, where ReLU's gradient jumps [n].

    An engine's sums differ from the reference's by rounding, so a unit within rounding of zero may
    be on in one and off in the other. Both are right, but the gradients differ by a whole unit.
    """
    tokens, lengths = dataset.tokens[documents], dataset.lengths[documents]
    rows = np.flatnonzero(np.arange(model.block_size) < lengths[:, None])
    weights = views(model, state.params.astype(np.float64))
    _, saved = reference.forward(weights, model, tokens[:, : model.block_size], rows)
    distances = np.full(len(lengths), np.inf)
    for *_, expanded, _ in saved[1:-1]:
        np.minimum.at(distances, rows // model.block_size, np.abs(expanded).min(axis=1))
    return distances


def away_from_kinks(
    state: TrainState, model: ModelConfig, dataset: Dataset, n: int, seed: int
) -> Documents:
    """A random batch of `n` documents in which no hidden unit lies within rounding of zero."""
    drawn = np.random.default_rng(seed).integers(0, dataset.n_docs, 2 * n + 20).astype(np.int32)
    clear: Documents = drawn[kink_distances(state, model, dataset, drawn) > ROUNDING]
    assert len(clear) >= n, "too few documents are clear of the kink"
    return clear[:n]
