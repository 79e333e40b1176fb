"""The native engine's gradients against the oracle: every instruction set, toggle and odd shape."""

from __future__ import annotations

import random
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from eetui.core import cpu
from eetui.core.config import ModelConfig
from eetui.core.data.dataset import Dataset
from eetui.core.engines.native.engine import NativeEngine
from eetui.core.errors import EngineError
from eetui.core.model.state import TrainState
from eetui.core.optimizations import CATALOGUE, Optimizations, Value, find_optimization
from tests.support.oracle import worst_error
from tests.support.toy import Toy

LIMIT = 1e-4
WIDTHS = find_optimization("vector_width").values


def possible(native: NativeEngine, key: str) -> list[Value]:
    """The values of a toggle that this machine has."""
    return [value for value in find_optimization(key).values if not native.why_not(key, value)]


def state_of(model: ModelConfig, seed: int) -> TrainState:
    """Weights three times as large as at the start, so that attention and ReLU have opinions."""
    state = TrainState.create(model, seed)
    state.params *= 3.0
    return state


def with_width(native: NativeEngine, width: Value) -> Optimizations:
    if reason := native.why_not("vector_width", width):
        pytest.skip(reason)
    return native.default_optimizations().with_value("vector_width", width)


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("activation", ["relu", "relu2"])
@pytest.mark.parametrize("n_layers", [1, 3])
@pytest.mark.parametrize("d_model", [16, 32, 64, 128])
def test_every_instruction_set(
    native: NativeEngine,
    names: Dataset,
    d_model: int,
    n_layers: int,
    activation: str,
    width: int,
) -> None:
    on = with_width(native, width)
    heads = 8 if d_model == 128 else 4
    model = ModelConfig(d_model, heads, n_layers, activation=activation)
    for seed, batch in ((1, 16), (2, 1), (3, 50)):
        state = state_of(model, seed)
        documents = np.random.default_rng(seed).integers(0, names.n_docs, batch)
        found = native.gradients(state, names, model, on, documents)
        assert worst_error(found, state, model, names, documents) < LIMIT


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("key", [e.key for e in CATALOGUE if e.key != "vector_width"])
def test_every_toggle_alone(native: NativeEngine, names: Dataset, key: str, width: int) -> None:
    best = with_width(native, width)
    model, state = ModelConfig(32, n_layers=2), state_of(ModelConfig(32, n_layers=2), 4)
    documents = np.random.default_rng(4).integers(0, names.n_docs, 37)
    for value in possible(native, key):
        found = native.gradients(state, names, model, best.with_value(key, value), documents)
        assert worst_error(found, state, model, names, documents) < LIMIT, value


@pytest.mark.parametrize("seed", range(60))
def test_random_combinations_of_toggles_and_shapes(
    native: NativeEngine, toy: Toy, seed: int
) -> None:
    rng = random.Random(seed)
    heads = rng.choice([1, 2, 4, 8])
    d_model = rng.choice([d for d in (8, 20, 24, 32, 36, 40, 64) if d % heads == 0])
    model = ModelConfig(
        d_model,
        heads,
        rng.choice([1, 2, 3]),
        rng.choice([2, 7, 16, 33]),
        rng.choice([2, 5, 27, 255]),
        rng.choice(["relu", "relu2"]),
    )
    on = native.default_optimizations()
    for entry in CATALOGUE:
        on = on.with_value(entry.key, rng.choice(possible(native, entry.key)))
    if find_optimization("products").kind_of(on.products) == "rounding" or native.conflict(on):
        on = on.with_value("products", "tiles")  # bfloat16 has tests of its own
    dataset, state = toy(model, seed=seed), state_of(model, seed)
    batch = rng.choice([1, 2, 16, 61])
    documents = np.random.default_rng(seed).integers(0, dataset.n_docs, batch)
    found = native.gradients(state, dataset, model, on, documents)
    assert worst_error(found, state, model, dataset, documents) < LIMIT, (model, on)


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
    ModelConfig(d_model=132, n_heads=3, block_size=16, vocab_size=32),
]


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("model", SHAPES, ids=str)
def test_ragged_shapes(native: NativeEngine, toy: Toy, model: ModelConfig, width: int) -> None:
    on = with_width(native, width)
    dataset, state = toy(model), TrainState.create(model, 5)
    for skip, batch in ((True, 1), (True, 31), (False, 9)):
        documents = np.random.default_rng(batch).integers(0, dataset.n_docs, batch)
        found = native.gradients(state, dataset, model, replace(on, padding_skip=skip), documents)
        assert worst_error(found, state, model, dataset, documents) < LIMIT


@pytest.mark.parametrize("share", [False, True])
@pytest.mark.parametrize(
    ("lengths", "documents"),
    [
        ([1], [0]),
        ([1] * 16, list(range(16))),
        ([16], [0] * 16),
        ([16, 1, 16], [2, 1, 0, 1, 2]),
        ([16] * 512, list(range(512))),
    ],
    ids=["one position", "all of one position", "all equal", "mixed", "many pieces"],
)
def test_odd_batches(
    native: NativeEngine,
    toy: Toy,
    lengths: list[int],
    documents: list[int],
    share: bool,
) -> None:
    model = ModelConfig(d_model=32, n_layers=2)
    dataset, state = toy(model, lengths=lengths), state_of(model, 6)
    chosen = np.array(documents, np.int32)
    on = native.default_optimizations()
    for each in (on, replace(on, padding_skip=False), replace(on, work_order="sample")):
        found = native.gradients(state, dataset, model, replace(each, prefix_sharing=share), chosen)
        assert worst_error(found, state, model, dataset, chosen) < LIMIT


def test_documents_that_begin_with_one_another(native: NativeEngine, toy: Toy) -> None:
    model = ModelConfig(d_model=16, n_layers=2)
    dataset = toy(model, lengths=[3, 12, 7, 16, 16, 1])
    dataset.tokens[:, 1:] = dataset.tokens[3, 1:]
    for row, length in zip(dataset.tokens, dataset.lengths, strict=True):
        row[length:] = model.vocab_size - 1
    documents, state = np.array([0, 1, 2, 3, 4, 5, 3, 0]), state_of(model, 7)
    found = native.gradients(state, dataset, model, native.default_optimizations(), documents)
    assert worst_error(found, state, model, dataset, documents) < LIMIT


def test_the_order_of_documents_decides_nothing(native: NativeEngine, names: Dataset) -> None:
    model = ModelConfig(d_model=16)
    state, on = state_of(model, 8), native.default_optimizations()
    documents = np.arange(40, dtype=np.int32)
    first = native.gradients(state, names, model, on, documents)
    again = native.gradients(state, names, model, on, documents[::-1].copy())
    assert again.loss == pytest.approx(first.loss, rel=1e-6)
    assert np.linalg.norm(first.grads - again.grads) < 1e-5 * np.linalg.norm(first.grads)


def test_scratch_of_one_call_does_not_reach_the_next(
    native: NativeEngine, names: Dataset, toy: Toy
) -> None:
    model, large = ModelConfig(d_model=16), ModelConfig(d_model=64, n_layers=2)
    state, on = state_of(model, 1), native.default_optimizations()
    documents = np.arange(9, dtype=np.int32)
    fresh = NativeEngine().gradients(state, names, model, on, documents)
    poisoned = TrainState.create(large, 1)
    poisoned.params[:] = np.nan
    native.gradients(poisoned, names, large, on, np.arange(200, dtype=np.int32))
    again = native.gradients(state, names, model, on, documents)
    assert again.loss == fresh.loss
    assert np.array_equal(again.grads, fresh.grads)


def test_the_state_is_left_as_it_is(native: NativeEngine, names: Dataset) -> None:
    model = ModelConfig(d_model=16)
    state = TrainState.create(model, 1)
    before = state.clone()
    native.gradients(state, names, model, native.default_optimizations(), np.arange(4))
    for name in ("params", "m", "v"):
        assert np.array_equal(getattr(state, name), getattr(before, name))


def test_a_run_that_diverges_shows_it(native: NativeEngine, names: Dataset) -> None:
    model = ModelConfig(d_model=16)
    state = TrainState.create(model, 1)
    state.params[::7] = np.nan
    for width in possible(native, "vector_width"):
        on = native.default_optimizations().with_value("vector_width", width)
        assert not np.isfinite(native.gradients(state, names, model, on, np.arange(4)).loss)


def test_impossible_toggles_are_refused_with_a_sentence(native: NativeEngine, names, refused):
    model, best = ModelConfig(d_model=16), native.default_optimizations()
    state = TrainState.create(model, 1)
    cores = cpu.detect().cores
    for entry in CATALOGUE:
        for value in entry.values:
            reason = native.why_not(entry.key, value)
            if entry.key == "products":
                assert not reason or value not in {"rows", "tiles", "outer"}
            elif entry.key == "threads":
                assert bool(reason) == (value > cores)
            elif entry.key != "vector_width":
                assert not reason
            if reason:
                with refused(reason[:-1], EngineError):
                    on = best.with_value(entry.key, value)
                    native.gradients(state, names, model, on, np.arange(4))


def test_wider_vectors_come_from_wider_units(native: NativeEngine) -> None:
    widths = possible(native, "vector_width")
    assert widths[0] == 1
    on = native.default_optimizations()
    assert on.vector_width == widths[-1]
    sets = [native.instruction_set(on.with_value("vector_width", width)) for width in widths]
    assert sets[0] == "scalar"
    assert all(a != b for a, b in pairwise(sets))
    assert all(
        text.endswith(f" x{width}") for text, width in zip(sets[1:], widths[1:], strict=True)
    )


def test_an_older_instruction_set_can_be_asked_for(native, monkeypatch, refused) -> None:
    units = native._library.usable_units()
    for unit in units:
        monkeypatch.setenv("EETUI_ISA", unit.name.upper())
        engine = NativeEngine()
        assert engine.default_optimizations().vector_width == unit.lanes
        wider = [other.lanes for other in units if other.lanes > unit.lanes]
        assert all(engine.why_not("vector_width", lanes) for lanes in wider)
    monkeypatch.setenv("EETUI_ISA", "mmx")
    with refused("EETUI_ISA is 'mmx', but this build has scalar", EngineError):
        NativeEngine()
