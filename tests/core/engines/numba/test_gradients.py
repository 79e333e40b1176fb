"""The Numba engine's gradients, in every combination of its toggles, against the oracle."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from eetui.core.config import ModelConfig
from eetui.core.engines.numba.engine import WIDTHS, NumbaEngine
from eetui.core.errors import EngineError
from eetui.core.model.state import TrainState
from eetui.core.optimizations import Optimizations
from tests.support.oracle import worst_error
from tests.support.toy import Toy

LIMIT = 1e-4
ALL = [
    Optimizations(padding_skip=skip, fast_exp=fast, vector_width=width)
    for skip, fast, width in product((True, False), (True, False), WIDTHS)
]


def _state(model: ModelConfig, seed: int) -> TrainState:
    """Weights three times as large as at the start, so that attention and ReLU have opinions."""
    state = TrainState.create(model, seed)
    state.params *= 3.0
    return state


@pytest.mark.parametrize("activation", ["relu", "relu2"])
@pytest.mark.parametrize("n_layers", [1, 2])
@pytest.mark.parametrize("optimizations", ALL, ids=str)
def test_every_combination_of_toggles(
    engine: NumbaEngine,
    toy: Toy,
    optimizations: Optimizations,
    n_layers: int,
    activation: str,
) -> None:
    model = ModelConfig(d_model=32, n_heads=4, n_layers=n_layers, activation=activation)
    dataset = toy(model)
    for seed, batch in ((1, 16), (2, 1), (3, 23)):
        state = _state(model, seed)
        documents = np.random.default_rng(seed).integers(0, dataset.n_docs, batch)
        found = engine.gradients(state, dataset, model, optimizations, documents)
        assert worst_error(found, state, model, dataset, documents) < LIMIT


SHAPES = [
    ModelConfig(d_model=4, n_heads=1, block_size=2, vocab_size=2),
    ModelConfig(d_model=16, n_heads=4, block_size=64, vocab_size=27),
    ModelConfig(d_model=20, n_heads=1, block_size=5, vocab_size=3, n_layers=2),
    ModelConfig(d_model=20, n_heads=4, block_size=17, vocab_size=65, activation="relu2"),
    ModelConfig(d_model=36, n_heads=2, block_size=16, vocab_size=256, n_layers=2),
    ModelConfig(d_model=36, n_heads=12, block_size=33, vocab_size=255),
    ModelConfig(d_model=24, n_heads=8, block_size=3, vocab_size=17, n_layers=3),
    ModelConfig(d_model=128, n_heads=8, block_size=16, vocab_size=27),
    ModelConfig(d_model=12, n_heads=12, block_size=16, vocab_size=31, n_layers=8),
]


def _name(model: ModelConfig) -> str:
    return f"d{model.d_model}h{model.n_heads}t{model.block_size}v{model.vocab_size}"


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("model", SHAPES, ids=_name)
def test_ragged_shapes(engine: NumbaEngine, toy: Toy, model: ModelConfig, width: int) -> None:
    dataset = toy(model)
    state = TrainState.create(model, 5)
    for skip, batch in ((True, 1), (True, 31), (False, 9)):
        documents = np.random.default_rng(batch).integers(0, dataset.n_docs, batch)
        optimizations = Optimizations(padding_skip=skip, vector_width=width)
        found = engine.gradients(state, dataset, model, optimizations, documents)
        assert worst_error(found, state, model, dataset, documents) < LIMIT


@pytest.mark.parametrize("lengths", [[1], [1, 1, 1], [16], [1, 16, 1, 2, 15], [16] * 16])
def test_shortest_and_longest_documents(engine: NumbaEngine, toy: Toy, lengths: list[int]) -> None:
    model = ModelConfig(d_model=16)
    dataset = toy(model, lengths=lengths)
    state = _state(model, 7)
    documents = np.arange(len(lengths))
    for optimizations in ALL:
        found = engine.gradients(state, dataset, model, optimizations, documents)
        assert worst_error(found, state, model, dataset, documents) < LIMIT


def test_a_large_batch_goes_through_in_pieces(engine: NumbaEngine, toy: Toy) -> None:
    model = ModelConfig(d_model=20, n_layers=2)
    dataset = toy(model)
    state = _state(model, 8)
    documents = np.random.default_rng(0).integers(0, dataset.n_docs, 512)
    for skip in (True, False):
        optimizations = Optimizations(padding_skip=skip)
        found = engine.gradients(state, dataset, model, optimizations, documents)
        assert worst_error(found, state, model, dataset, documents) < LIMIT


def test_gradients_leave_the_state_alone(engine: NumbaEngine, toy: Toy) -> None:
    model = ModelConfig(d_model=16)
    state = TrainState.create(model, 1)
    before = state.clone()
    engine.gradients(state, toy(model), model, Optimizations(), np.arange(16))
    assert state.step == before.step
    for name in ("params", "m", "v"):
        np.testing.assert_array_equal(getattr(state, name), getattr(before, name))


def test_what_earlier_calls_left_in_the_scratch_decides_nothing(
    engine: NumbaEngine, toy: Toy
) -> None:
    """Not even the not-a-numbers of a run that diverged."""
    model = ModelConfig(d_model=20)
    dataset = toy(model)
    state, broken = TrainState.create(model, 1), TrainState.create(model, 1)
    broken.params[:] = np.nan
    long, short = np.arange(30), np.arange(5)
    first = NumbaEngine().gradients(state, dataset, model, Optimizations(), short)
    for optimizations in (Optimizations(), Optimizations(padding_skip=False)):
        assert np.isnan(engine.gradients(broken, dataset, model, optimizations, long).loss)
    again = engine.gradients(state, dataset, model, Optimizations(), short)
    assert again.loss == first.loss
    np.testing.assert_array_equal(again.grads, first.grads)


def test_what_does_not_fit_is_refused_before_the_kernel_runs(engine: NumbaEngine, toy: Toy) -> None:
    model = ModelConfig(d_model=16)
    dataset, state, on = toy(model), TrainState.create(model, 1), Optimizations()
    with pytest.raises(EngineError, match="not among the 40"):
        engine.gradients(state, dataset, model, on, np.array([40]))
    with pytest.raises(EngineError, match="not among the 40"):
        engine.gradients(state, dataset, model, on, np.array([-1]))
    with pytest.raises(EngineError, match="1 to 512"):
        engine.gradients(state, dataset, model, on, np.zeros(513, np.int32))
    with pytest.raises(EngineError, match="state"):
        engine.gradients(state, dataset, ModelConfig(d_model=20), on, np.arange(4))
    small, bad = toy(ModelConfig(block_size=8)), toy(model)
    bad.tokens[3, 2] = 27
    with pytest.raises(EngineError, match="does not fit"):
        engine.gradients(state, small, model, on, np.arange(4))
    with pytest.raises(EngineError, match="no position"):
        engine.gradients(state, toy(model, lengths=[5, 17]), model, on, np.arange(2))
    with pytest.raises(EngineError, match="not in the vocabulary"):
        engine.gradients(state, bad, model, on, np.arange(4))
    with pytest.raises(EngineError, match="AMX"):
        engine.gradients(state, dataset, model, Optimizations(products="amx"), np.arange(4))
