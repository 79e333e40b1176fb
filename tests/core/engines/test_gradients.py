"""The gradients of every engine, in every way that it has of computing them.

The float64 reference is the judge. Gradients are compared on documents without a hidden unit at
ReLU's kink, where rounding alone decides.
"""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import replace

import numpy as np
import pytest

from eetui.core.config import Activation, ModelConfig
from eetui.core.data.dataset import Dataset
from eetui.core.engines import registry
from eetui.core.engines.base import Engine
from eetui.core.model.state import TrainState
from eetui.core.optimizations import Optimizations
from tests.support.oracle import Documents, away_from_kinks, expected_gradients, gradient_error
from tests.support.steps import large_state
from tests.support.toy import Toy
from tests.support.ways import each_alone, each_width, random_way

LIMIT = 2e-5
"""Of the worst tensor's gradient, relative; an exp polynomial takes a quarter of it."""
SMALL = ModelConfig(d_model=16)


def check_gradients(
    engine: Engine,
    state: TrainState,
    dataset: Dataset,
    model: ModelConfig,
    documents: Documents,
    ways: Iterable[Optimizations],
) -> None:
    expected = expected_gradients(state, model, dataset, documents)
    for on in ways:
        found = engine.gradients(state, dataset, model, on, documents)
        assert found.grads.dtype == np.float32
        assert gradient_error(model, found, expected) < LIMIT, (model, on)


@pytest.mark.parametrize("activation", ["relu", "relu2"])
@pytest.mark.parametrize("d_model", [16, 32, 64])
def test_gradients_with_each_toggle(
    engine: Engine, names: Dataset, d_model: int, activation: Activation
) -> None:
    model = ModelConfig(d_model, n_layers=2, activation=activation)
    state = large_state(model, d_model)
    for batch in (16, 1, 37):
        documents = away_from_kinks(state, model, names, batch, seed=batch)
        ways = [way for on in each_width(engine) for way in each_alone(engine, on)]
        check_gradients(engine, state, names, model, documents, dict.fromkeys(ways))


@pytest.mark.parametrize("seed", range(40))
def test_gradients_with_random_toggles_and_shapes(engine: Engine, toy: Toy, seed: int) -> None:
    rng = random.Random(seed)
    heads = rng.choice([1, 2, 4, 8])
    model = ModelConfig(
        rng.choice([d for d in (8, 20, 24, 32, 36, 40, 64) if d % heads == 0]),
        heads,
        rng.choice([1, 2, 3]),
        rng.choice([2, 7, 16, 33]),
        rng.choice([2, 5, 27, 255]),
        rng.choice(["relu", "relu2"]),
    )
    dataset, state = toy(model, seed=seed), large_state(model, seed, scale=2.0)
    documents = away_from_kinks(state, model, dataset, rng.choice([1, 2, 16, 61]), seed)
    ways = [random_way(engine, rng) for _ in range(2)]
    check_gradients(engine, state, dataset, model, documents, ways)


SHAPES = [
    ModelConfig(d_model=4, n_heads=1, block_size=2, vocab_size=2),
    ModelConfig(d_model=16, n_heads=16, block_size=64, vocab_size=27),
    ModelConfig(d_model=20, n_heads=1, block_size=5, vocab_size=3, n_layers=2),
    ModelConfig(d_model=20, n_heads=5, block_size=17, vocab_size=65, activation="relu2"),
    ModelConfig(d_model=36, n_heads=2, block_size=16, vocab_size=256, n_layers=2),
    ModelConfig(d_model=36, n_heads=12, block_size=33, vocab_size=255),
    ModelConfig(d_model=24, n_heads=8, block_size=3, vocab_size=17, n_layers=3),
    ModelConfig(d_model=44, n_heads=1, block_size=16, vocab_size=16),
    ModelConfig(d_model=12, n_heads=12, block_size=16, vocab_size=31, n_layers=8),
    ModelConfig(d_model=128, n_heads=8, block_size=16, vocab_size=27),
    ModelConfig(d_model=132, n_heads=3, block_size=16, vocab_size=32),
]


def shape(model: ModelConfig) -> str:
    return (
        f"d{model.d_model}h{model.n_heads}l{model.n_layers}t{model.block_size}v{model.vocab_size}"
    )


@pytest.mark.parametrize("model", SHAPES, ids=shape)
def test_gradients_of_ragged_shapes(engine: Engine, toy: Toy, model: ModelConfig) -> None:
    dataset, state = toy(model), TrainState.create(model, 5)
    for skip, batch in ((True, 1), (True, 31), (False, 9)):
        documents = away_from_kinks(state, model, dataset, batch, seed=batch)
        ways = [replace(on, padding_skip=skip) for on in each_width(engine)]
        check_gradients(engine, state, dataset, model, documents, ways)


@pytest.mark.parametrize(
    ("lengths", "documents"),
    [
        ([1], [0]),
        ([1] * 16, list(range(16))),
        ([16], [0] * 16),
        ([16, 1, 16], [2, 1, 0, 1, 2]),
        ([1, 16, 1, 2, 15], [0, 1, 2, 3, 4]),
    ],
    ids=["one position", "all of one position", "all equal", "mixed", "short and long"],
)
def test_gradients_of_odd_batches(
    engine: Engine, toy: Toy, lengths: list[int], documents: list[int]
) -> None:
    model = ModelConfig(d_model=32, n_layers=2)
    dataset, state = toy(model, lengths=lengths), large_state(model, 6)
    chosen = np.array(documents, np.int32)
    check_gradients(engine, state, dataset, model, chosen, each_alone(engine))


def test_gradients_of_a_large_batch(engine: Engine, toy: Toy) -> None:
    """Compiled engines take it in pieces whose gradients are summed."""
    model = ModelConfig(d_model=20, n_layers=2)
    dataset, state = toy(model, 60), large_state(model, 8)
    documents = np.tile(away_from_kinks(state, model, dataset, 16, seed=1), 32)
    best = engine.default_optimizations()
    ways = (best, replace(best, padding_skip=False))
    check_gradients(engine, state, dataset, model, documents, ways)


def test_gradients_of_documents_that_begin_with_one_another(engine: Engine, toy: Toy) -> None:
    model = ModelConfig(d_model=16, n_layers=2)
    dataset = toy(model, lengths=[3, 12, 7, 16, 16, 1])
    dataset.tokens[:, 1:] = dataset.tokens[3, 1:]
    for row, length in zip(dataset.tokens, dataset.lengths, strict=True):
        row[length:] = model.vocab_size - 1
    documents = np.array([0, 1, 2, 3, 4, 5, 3, 0], np.int32)
    state = large_state(model, 7)
    check_gradients(engine, state, dataset, model, documents, [engine.default_optimizations()])


def test_the_order_of_documents_decides_nothing(engine: Engine, names: Dataset) -> None:
    state, on = large_state(SMALL, 8), engine.default_optimizations()
    documents = np.arange(40, dtype=np.int32)
    first = engine.gradients(state, names, SMALL, on, documents)
    again = engine.gradients(state, names, SMALL, on, documents[::-1].copy())
    assert again.loss == pytest.approx(first.loss, rel=1e-6)
    assert np.linalg.norm(first.grads - again.grads) < 1e-5 * np.linalg.norm(first.grads)


def test_gradients_leave_the_state_alone(engine: Engine, names: Dataset) -> None:
    state = TrainState.create(SMALL, 1)
    before = state.clone()
    documents = np.arange(4, dtype=np.int32)
    engine.gradients(state, names, SMALL, engine.default_optimizations(), documents)
    assert state.step == before.step
    for name in ("params", "m", "v"):
        np.testing.assert_array_equal(getattr(state, name), getattr(before, name))


def test_what_earlier_calls_left_behind_decides_nothing(engine: Engine, names: Dataset) -> None:
    """Not even the NaNs of a wider model that diverged."""
    large = ModelConfig(d_model=64, n_layers=2)
    state, on = large_state(SMALL, 1), engine.default_optimizations()
    documents = np.arange(9, dtype=np.int32)
    fresh = registry.create(engine.name).gradients(state, names, SMALL, on, documents)
    for model in (large, SMALL):
        broken = TrainState.create(model, 1)
        broken.params[:] = np.nan
        for way in (on, replace(on, padding_skip=False)):
            many = np.arange(100, dtype=np.int32)
            assert np.isnan(engine.gradients(broken, names, model, way, many).loss)
    again = engine.gradients(state, names, SMALL, on, documents)
    assert again.loss == fresh.loss
    np.testing.assert_array_equal(again.grads, fresh.grads)
