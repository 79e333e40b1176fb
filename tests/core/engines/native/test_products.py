"""Every way of computing products: gradients, training, and what goes together with what."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from eetui.core.config import ModelConfig, TrainConfig
from eetui.core.data.batches import documents, learning_rates
from eetui.core.data.dataset import Dataset
from eetui.core.engines.availability import (
    FROM_D_MODEL,
    automatic,
    choose_optimizations,
)
from eetui.core.engines.native import library
from eetui.core.engines.native.engine import NativeEngine
from eetui.core.errors import EngineError
from eetui.core.model.state import TrainState
from eetui.core.optimizations import Optimizations, find_optimization
from tests.support.oracle import worst_error
from tests.support.toy import Toy

ENTRY = find_optimization("products")
OTHERS = [value for value in ENTRY.values if value != "tiles"]
LIMITS = {"exact": 1e-4, "rounding": 5e-2}
"""Of the worst tensor's gradient; bfloat16 keeps eight bits of each factor."""
KINKED = 0.5
"""The same in bfloat16 with ReLU, which drops a unit where rounding moves it over zero: in a batch
of one document that is much of a tensor."""

MODELS = [
    ModelConfig(16),
    ModelConfig(32, n_layers=2, activation="relu2"),
    ModelConfig(64),
    ModelConfig(128, 8),
    ModelConfig(20, 5, 2, block_size=7, vocab_size=65),
    ModelConfig(36, 2, block_size=16, vocab_size=256),
    ModelConfig(4, 1, block_size=2, vocab_size=2),
]


def ways(native: NativeEngine, value: str) -> list[Optimizations]:
    """The toggles with products by `value` for every vector width that they work with."""
    if reason := native.why_not(ENTRY.key, value):
        pytest.skip(reason)
    on = native.default_optimizations().with_value(ENTRY.key, value)
    widths = [
        w for w in find_optimization("vector_width").values if not native.why_not("vector_width", w)
    ]
    found = [on.with_value("vector_width", width) for width in widths]
    return [way for way in found if not native.conflict(way)]


@pytest.mark.parametrize("value", OTHERS)
@pytest.mark.parametrize("model", MODELS, ids=str)
def test_gradients(native: NativeEngine, toy: Toy, model: ModelConfig, value: str) -> None:
    kind = ENTRY.kind_of(value)
    limit = KINKED if kind == "rounding" and model.activation == "relu" else LIMITS[kind]
    for on in ways(native, value):
        for seed, batch in ((1, 1), (2, 16), (3, 61)):
            dataset, state = toy(model, seed=seed), TrainState.create(model, seed)
            state.params *= 2.0
            rows = np.random.default_rng(seed).integers(0, dataset.n_docs, batch)
            for way in (on, replace(on, fused=False, work_order="sample", prefix_sharing=False)):
                found = native.gradients(state, dataset, model, way, rows)
                within = 1e-5 if limit < 1e-3 else 1e-2
                error = worst_error(found, state, model, dataset, rows, loss_tolerance=within)
                assert error < limit, way


@pytest.mark.parametrize("value", OTHERS)
@pytest.mark.parametrize("adam", find_optimization("adam").values)
def test_trains_as_the_register_tiles_do(
    native: NativeEngine, names: Dataset, value: str, adam: str
) -> None:
    model, train, n = ModelConfig(32, n_layers=2), TrainConfig(), 60
    rows = documents(train.seed, 0, n, train.batch, names.n_docs)
    rates = learning_rates(train, 0, n)
    for on in ways(native, value):
        losses = []
        for way in (on, on.with_value(ENTRY.key, "tiles")):
            state = TrainState.create(model, train.seed)
            adam_way = way.with_value("adam", adam)
            losses.append(native.run(state, names, model, train, adam_way, rows, rates).losses)
        apart = np.abs(losses[0] - losses[1])
        exact = ENTRY.kind_of(value) == "exact"
        assert apart[:10].max() < (1e-4 if exact else 2e-2)
        assert apart.mean() < (1e-2 if exact else 5e-2)


class Machine(library.Library):
    """The library on a machine with one matrix unit, which works with the widest vectors only."""

    def __init__(self, codes: dict[str, int]) -> None:
        self._lanes = {unit.place: unit.lanes for unit in self.usable_units()}
        self._codes = codes

    def usable_units(self) -> tuple[library.Unit, ...]:
        return library.load().usable_units()

    def products_code(self, products: str, unit: int) -> int:
        code = self._codes.get(products, library.NO_MATRIX)
        widest = self._lanes[unit] == max(self._lanes.values())
        return code if code or widest or products in ("rows", "tiles") else library.NOT_WITH


@pytest.fixture
def machine(native: NativeEngine) -> Callable[..., NativeEngine]:
    def make(**codes: int) -> NativeEngine:
        named = {name.replace("_", "-"): code for name, code in codes.items()}
        return NativeEngine(Machine({"rows": 0, "tiles": 0} | named))

    return make


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (library.NO_MATRIX, "AMX: "),
        (library.REFUSED, "AMX: the kernel refused the permission."),
        (library.NOT_BUILT, "AMX: the compiler that built eetui does not know it: install a newer"),
        (library.NOT_WITH, "AMX: EETUI_ISA keeps out the vectors that it works with."),
    ],
)
def test_every_reason_is_a_sentence(machine, code: int, words: str) -> None:
    reason = machine(amx=code).why_not("products", "amx")
    assert reason.startswith(words)
    assert reason.endswith(".")


def test_it_works_with_the_vectors_that_it_is_made_for(machine, refused, names) -> None:
    engine = machine(amx=0)
    best = engine.default_optimizations()
    if best.vector_width == 1:
        pytest.skip("no vectors here")
    assert engine.why_not("products", "amx") == ""
    assert engine.conflict(best.with_value("products", "amx")) == ""
    words = f"Products by amx work with vectors of {best.vector_width} lanes"
    narrow = replace(best, products="amx", vector_width=1)
    assert engine.conflict(narrow) == f"{words}."
    with refused(words):
        choose_optimizations(engine, ModelConfig(), ["products=amx", "vector_width=off"])
    model = ModelConfig(16)
    with refused(words, EngineError):
        engine.gradients(TrainState.create(model, 1), names, model, narrow, np.arange(4))


@pytest.mark.parametrize(
    ("codes", "wide"),
    [
        ({}, "tiles"),
        ({"outer": 0}, "tiles"),
        ({"amx": 0}, "tiles"),
        ({"amx": 0, "amx_split": 0}, "amx-split"),
        ({"sme2": 0}, "sme2"),
    ],
)
def test_a_unit_is_used_by_itself_where_it_pays_and_keeps_the_gradients(
    machine, codes: dict[str, int], wide: str
) -> None:
    engine = machine(**codes)
    for d_model in (16, FROM_D_MODEL - 4, FROM_D_MODEL, 128):
        model = ModelConfig(d_model, 4)
        wanted = wide if d_model >= FROM_D_MODEL else "tiles"
        assert automatic(engine, model, engine.default_optimizations()) == wanted
        assert choose_optimizations(engine, model, []).products == wanted
        assert choose_optimizations(engine, model, ["matrix_engine=off"]).products == "tiles"
    if wide != "tiles" and engine.default_optimizations().vector_width > 1:
        # A width that was asked for is not taken back for a unit that nobody asked for.
        chosen = choose_optimizations(engine, ModelConfig(64), ["vector_width=off"])
        assert (chosen.vector_width, chosen.products) == (1, "tiles")
        assert automatic(engine, ModelConfig(64), chosen) == "tiles"


def test_another_library_can_be_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = tmp_path / "other.so"
    monkeypatch.setenv(library.LIBRARY_VARIABLE, str(other))
    assert library.find() == other
    with pytest.raises(EngineError, match=r"other\.so cannot be used"):
        library.Library(other)


def test_the_multiply_adds_of_a_core_are_counted(native: NativeEngine) -> None:
    lanes = native.default_optimizations().vector_width
    once = native.multiply_adds(1)
    assert once % (2 * lanes) == 0
    assert native.multiply_adds(1000) == 1000 * once
    with pytest.raises(EngineError, match="out of range"):
        native.multiply_adds(0)
