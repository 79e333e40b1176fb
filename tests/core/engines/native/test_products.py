"""Every way of computing products: gradients, training, and what goes together with what."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from statistics import median

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
from eetui.core.engines.base import Gradients
from eetui.core.engines.native import library
from eetui.core.engines.native.engine import NativeEngine
from eetui.core.errors import EngineError
from eetui.core.model.state import TrainState
from eetui.core.optimizations import Optimizations, find_optimization
from tests.support.oracle import worst_error
from tests.support.rounded import worst_rounded_error
from tests.support.toy import Toy

ENTRY = find_optimization("products")
OTHERS = [value for value in ENTRY.values if value != "tiles"]
LIMIT = 1e-4
"""Of the worst tensor's gradient, where the promise is exact."""

# Of products in bfloat16 against a reference that rounds alike. One rounding changes a number by up
# to UNIT of itself. Float32 puts few numbers on the other side of a tie than float64 does, so most
# gradients differ by less than a rounding; where it moves a unit over ReLU's zero, by that unit.
UNIT = 2**-9
USUAL, WORST = UNIT, 16 * UNIT
SHARED = 2 * UNIT
"""With prefix sharing, a gradient is rounded once its documents are added up, not one by one."""

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


def cases(
    native: NativeEngine, toy: Toy, model: ModelConfig, way: Optimizations
) -> Iterator[tuple[Gradients, TrainState, ModelConfig, Dataset, np.ndarray]]:
    """Gradients of batches of several sizes, and what they are gradients of."""
    for seed, batch in ((1, 1), (2, 16), (3, 61)):
        dataset, state = toy(model, seed=seed), TrainState.create(model, seed)
        state.params *= 2.0
        rows = np.random.default_rng(seed).integers(0, dataset.n_docs, batch, np.int32)
        yield native.gradients(state, dataset, model, way, rows), state, model, dataset, rows


def variants(on: Optimizations) -> tuple[Optimizations, ...]:
    alone = replace(on, prefix_sharing=False)
    return on, alone, replace(alone, fused=False, work_order="sample")


@pytest.mark.parametrize("value", [v for v in OTHERS if ENTRY.kind_of(v) == "exact"])
@pytest.mark.parametrize("model", MODELS, ids=str)
def test_gradients(native: NativeEngine, toy: Toy, model: ModelConfig, value: str) -> None:
    for on in ways(native, value):
        for way in variants(on)[::2]:
            for case in cases(native, toy, model, way):
                assert worst_error(*case) < LIMIT, way


@pytest.mark.parametrize(
    "model", [ModelConfig(32), ModelConfig(36, 6, 2, activation="relu2")], ids=str
)
def test_one_document_of_every_length(native: NativeEngine, toy: Toy, model: ModelConfig) -> None:
    """Register tiles have a way of their own for every small number of rows."""
    lengths = list(range(1, model.block_size + 1))
    dataset, state = toy(model, lengths=lengths), TrainState.create(model, 1)
    state.params *= 2.0
    for on in ways(native, "tiles"):
        for way in (on, replace(on, fused=False)):
            for document in range(len(lengths)):
                rows = np.array([document], np.int32)
                gradients = native.gradients(state, dataset, model, way, rows)
                assert worst_error(gradients, state, model, dataset, rows) < LIMIT, way


@pytest.mark.parametrize("value", [v for v in OTHERS if ENTRY.kind_of(v) == "rounding"])
def test_gradients_of_rounded_operands(native: NativeEngine, toy: Toy, value: str) -> None:
    for on in ways(native, value):
        for way in variants(on):
            errors = []
            for model in MODELS:
                for case in cases(native, toy, model, way):
                    loss, error = worst_rounded_error(*case)
                    assert loss < UNIT, (model, way)
                    assert error < WORST, (model, way)
                    errors.append(error)
            assert median(errors) < (SHARED if way.prefix_sharing else USUAL), way


@pytest.mark.parametrize("value", [v for v in OTHERS if ENTRY.kind_of(v) == "rounding"])
def test_weights_are_packed_anew_after_every_kind_of_update(
    native: NativeEngine, names: Dataset, value: str
) -> None:
    """However the update is done, the next step multiplies by the weights that it left."""
    model, train, n = ModelConfig(32), TrainConfig(batch=61), 40
    rows = documents(train.seed, 0, n, train.batch, names.n_docs)
    rates = learning_rates(train, 0, n)
    for on in ways(native, value):
        many = 1 if native.why_not("threads", 2) else 2
        for optimizer in find_optimization("optimizer").values:
            best = on.with_value("optimizer", optimizer)
            runs = (best, replace(best, adam="scalar"), replace(best, adam="vector"),
                    replace(best, threads=many), replace(best, fused=False))  # fmt: skip
            losses = []
            for way in runs:
                state = TrainState.create(model, train.seed)
                losses.append(native.run(state, names, model, train, way, rows, rates).losses)
            for other in losses[1:]:
                assert np.abs(other - losses[0]).max() < 2e-2
            exact = replace(best, products="tiles")
            state = TrainState.create(model, train.seed)
            tiles = native.run(state, names, model, train, exact, rows, rates).losses
            assert np.abs(tiles - losses[0]).max() < 5e-2


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


def test_the_multiply_adds_of_a_core_are_counted(native: NativeEngine) -> None:
    lanes = native.default_optimizations().vector_width
    once = native.multiply_adds(1)
    assert once == 2 * 12 * lanes  # twelve chains of vectors
    assert native.multiply_adds(1000) == 1000 * once
    with pytest.raises(EngineError, match="out of range"):
        native.multiply_adds(0)
