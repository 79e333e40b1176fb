"""Small data sets of any shape, and the oracle's answer on them."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
import pytest

from eetui.core import reference
from eetui.core.config import ModelConfig
from eetui.core.dataset import Dataset
from eetui.core.engines.base import Gradients
from eetui.core.engines.native import library
from eetui.core.engines.native.engine import NativeEngine
from eetui.core.engines.numba.engine import NumbaEngine
from eetui.core.state import TrainState, relative_distance

Toy = Callable[..., Dataset]
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
def toy() -> Toy:
    """Random documents for a model: `toy(model, n_docs)` or `toy(model, lengths=[...])`."""

    def make(
        model: ModelConfig, n_docs: int = 40, *, lengths: list[int] | None = None, seed: int = 0
    ) -> Dataset:
        rng = np.random.default_rng(seed)
        block, boundary = model.block_size, model.vocab_size - 1
        sizes = np.array(lengths or rng.integers(1, block + 1, n_docs), np.int32)
        tokens = rng.integers(0, model.vocab_size, (len(sizes), block + 1)).astype(np.uint8)
        tokens[:, 0] = boundary
        tokens[np.arange(block + 1) >= sizes[:, None]] = boundary
        return Dataset(
            name="toy",
            path="",
            tokens=tokens,
            lengths=sizes,
            vocabulary=tuple(chr(200 + i) for i in range(boundary)),
            documents=frozenset(),
            n_cut=0,
            n_blank=0,
            n_repeated=0,
            is_names=False,
            _ids=np.zeros(0, np.uint8),
            _sizes=sizes.astype(np.int64),
        )

    return make


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
        assert found.loss == pytest.approx(loss, rel=loss_within)
        error = relative_distance(model, found.grads, expected)
        assert error is not None, "a gradient is no number"
        return error

    return compare


def slopes(f: Callable[[], float], x: np.ndarray, places: Iterable[int]) -> list[float]:
    """Central differences of f along elements of a flat array that it reads."""
    found = []
    for i in places:
        kept = x[i]
        x[i] = kept + 1e-6
        above = f()
        x[i] = kept - 1e-6
        below = f()
        x[i] = kept
        found.append((above - below) / 2e-6)
    return found
