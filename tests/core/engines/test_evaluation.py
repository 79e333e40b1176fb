"""The forward-only loss of every engine is that of the oracle, and leaves the weights alone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from eetui.core.config import ModelConfig
from eetui.core.data.dataset import Dataset
from eetui.core.engines import registry
from eetui.core.engines.base import Engine
from eetui.core.engines.native import library
from eetui.core.errors import EngineError
from eetui.core.model import reference
from eetui.core.model.state import TrainState

BATCHES = np.random.default_rng(1).integers(0, 30_000, (5, 37)).astype(np.int32)
MODEL = ModelConfig(d_model=32, n_layers=2)


@pytest.fixture(params=["numpy", "numba", "native"], scope="module")
def any_engine(request: pytest.FixtureRequest) -> Engine:
    if request.param == "native" and library.find() is None:
        pytest.skip(library.WHY_MISSING)
    return registry.create(request.param)


def expected(state: TrainState, dataset: Dataset) -> list[float]:
    params = state.params.astype(np.float64)
    return [
        reference.loss_and_gradients(params, MODEL, dataset.tokens[b], dataset.lengths[b])[0]
        for b in BATCHES
    ]


def test_every_row_gets_its_mean_loss(any_engine: Engine, names: Dataset) -> None:
    state = TrainState.create(MODEL, 3)
    before = state.params.copy()
    for skip in (True, False):
        on = replace(any_engine.default_optimizations(), padding_skip=skip)
        any_engine.prepare(MODEL, on)
        found = any_engine.evaluate(state.params, names, MODEL, on, BATCHES)
        np.testing.assert_allclose(found, expected(state, names), rtol=1e-5)
    np.testing.assert_array_equal(state.params, before)


def test_a_step_after_it_is_the_same_as_without(any_engine: Engine, names: Dataset) -> None:
    on = any_engine.default_optimizations()
    any_engine.prepare(MODEL, on)
    with_it, without = TrainState.create(MODEL, 3), TrainState.create(MODEL, 3)
    any_engine.evaluate(with_it.params, names, MODEL, on, BATCHES)
    for state in (with_it, without):
        any_engine.gradients(state, names, MODEL, on, BATCHES[0])
    found = [any_engine.gradients(s, names, MODEL, on, BATCHES[0]) for s in (with_it, without)]
    np.testing.assert_array_equal(found[0].grads, found[1].grads)
    assert found[0].loss == pytest.approx(expected(with_it, names)[0], rel=1e-5)


def test_with_threads_and_every_way_of_products(names: Dataset) -> None:
    if library.find() is None:
        pytest.skip(library.WHY_MISSING)
    native = registry.create("native")
    state = TrainState.create(MODEL, 3)
    on = native.default_optimizations()
    ways = [on, on.with_value("fused", False), on.with_value("prefix_sharing", False)]
    if not native.why_not("threads", 2):
        ways.append(on.with_value("threads", 2))
    for way in (*ways, on.with_value("products", "outer")):
        found = native.evaluate(state.params, names, MODEL, way, BATCHES)
        np.testing.assert_allclose(found, expected(state, names), rtol=1e-5)


def test_weights_of_another_model_are_refused(names: Dataset) -> None:
    if library.find() is None:
        pytest.skip(library.WHY_MISSING)
    native = registry.create("native")
    params = TrainState.create(replace(MODEL, n_layers=1), 3).params
    with pytest.raises(EngineError, match="not one of this model"):
        native.evaluate(params, names, MODEL, native.default_optimizations(), BATCHES)
