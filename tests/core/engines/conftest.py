"""Small data sets of any shape, and the oracle's answer on them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from eetui.core.config import ModelConfig
from eetui.core.data.dataset import Dataset
from eetui.core.engines.base import Gradients
from eetui.core.engines.native import library
from eetui.core.engines.native.engine import NativeEngine
from eetui.core.engines.numba.engine import NumbaEngine
from eetui.core.model import reference
from eetui.core.model.state import TrainState, relative_distance

WorstError = Callable[..., float]


@pytest.fixture(scope="session")
def engine() -> NumbaEngine:
    """One engine for all tests, so that its scratch sees every shape after every other."""
    return NumbaEngine()


@pytest.fixture(scope="session")
def native() -> NativeEngine:
    """One native engine for all tests; they are skipped where it was not built."""
    if library.find() is None:
        pytest.skip(library.WHY_MISSING)
    return NativeEngine()


@pytest.fixture(scope="session")
def worst_error() -> WorstError:
    """The relative gradient error of the worst tensor against the float64 oracle.

    The loss must be right to `loss_within` of it.
    """

    def compare(
        found: Gradients,
        state: TrainState,
        model: ModelConfig,
        dataset: Dataset,
        documents: np.ndarray,
        loss_within: float = 1e-5,
    ) -> float:
        loss, expected = reference.loss_and_gradients(
            state.params.astype(np.float64),
            model,
            dataset.tokens[documents],
            dataset.lengths[documents],
        )
        # Near zero a loss is the difference of float32 logits, which round at 1e-7 of their size.
        assert found.loss == pytest.approx(loss, rel=loss_within, abs=2e-6)
        error = relative_distance(model, found.grads, expected)
        assert error is not None, "a gradient is no number"
        return error

    return compare
