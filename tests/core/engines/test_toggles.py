"""Every toggle of every engine does something, and that is counted where the work is done.

No clock takes part: a profiled run counts rows, tiles and vectors. A toggle that rounds otherwise
is seen in the last bits, and flushed denormals in the contract. NumPy's one toggle has its test in
test_numpy.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest

from eetui.core import cpu
from eetui.core.config import ModelConfig, TrainConfig
from eetui.core.data import batches
from eetui.core.data.dataset import Dataset
from eetui.core.engines.availability import judge
from eetui.core.engines.base import PHASES, Engine
from eetui.core.model.muon import blocks
from eetui.core.model.state import TrainState, views
from eetui.core.optimizations import CATALOGUE, Value, find_optimization
from tests.core.engines.conftest import named_engine
from tests.support.oracle import away_from_kinks, expected_gradients, gradient_error
from tests.support.steps import advance, large_state
from tests.support.ways import values

MODEL = ModelConfig(d_model=32, n_layers=2)
TRAIN = TrainConfig(batch=16)
STEPS = 3

Counts = Mapping[str, int]


@pytest.fixture(params=["native", "numba"])
def compiled(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Engine:
    """An engine that counts, on a machine with cores for all its threads."""
    host = replace(cpu.detect(), cores=8)
    monkeypatch.setattr(cpu, "detect", lambda: host)
    return named_engine(request, request.param)


def counted(engine: Engine, names: Dataset, **toggles: Value) -> Counts:
    """What three steps count with the engine's best toggles but these."""
    on = engine.default_optimizations()
    for key, value in toggles.items():
        on = on.with_value(key, value)
    state = TrainState.create(MODEL, 1)
    counts = advance(engine, state, names, MODEL, TRAIN, on, STEPS, profile=True).counts
    assert counts is not None
    return counts


def lengths(names: Dataset) -> np.ndarray:
    documents = batches.documents(TRAIN.seed, 0, STEPS, TRAIN.batch, names.n_docs)
    return names.lengths[documents]


def possible(engine: Engine, key: str) -> tuple[Value, ...]:
    return judge(engine, find_optimization(key)).values


def has(engine: Engine, key: str) -> bool:
    return len(possible(engine, key)) > 1


def test_padding_skip_computes_the_positions_that_hold_a_character(
    compiled: Engine, names: Dataset
) -> None:
    apart = {"prefix_sharing": False} if has(compiled, "prefix_sharing") else {}
    on = counted(compiled, names, padding_skip=True, **apart)
    off = counted(compiled, names, padding_skip=False, **apart)
    assert on["rows"] == lengths(names).sum()
    assert off["rows"] == lengths(names).size * MODEL.block_size
    assert off["exp_vectors"] > on["exp_vectors"]


@pytest.mark.parametrize("skip", [True, False])
def test_exp_is_taken_of_each_chance_and_each_look_back(
    compiled: Engine, names: Dataset, skip: bool
) -> None:
    """A number at a time: the vocabulary of each position, and what each head sees from there."""
    apart = {"prefix_sharing": False} if has(compiled, "prefix_sharing") else {}
    found = counted(compiled, names, vector_width=1, padding_skip=skip, **apart)
    n = lengths(names) if skip else np.full(lengths(names).shape, MODEL.block_size)
    looks = MODEL.n_layers * MODEL.n_heads * (n * (n + 1) // 2).sum()
    assert found["exp_vectors"] == n.sum() * MODEL.vocab_size + looks


def test_prefix_sharing_computes_an_equal_prefix_once(compiled: Engine, names: Dataset) -> None:
    if not has(compiled, "prefix_sharing"):
        pytest.skip("it always computes every document")
    documents = batches.documents(TRAIN.seed, 0, STEPS, TRAIN.batch, names.n_docs)
    distinct = [
        {tuple(names.tokens[d, : t + 1]) for d in step for t in range(names.lengths[d])}
        for step in documents
    ]
    assert counted(compiled, names, prefix_sharing=True)["rows"] == sum(map(len, distinct))
    assert counted(compiled, names, prefix_sharing=False)["rows"] == lengths(names).sum()


def test_the_order_of_work_takes_documents_or_batches_through(
    compiled: Engine, names: Dataset
) -> None:
    if not has(compiled, "work_order"):
        pytest.skip("it always works on the whole batch")
    assert counted(compiled, names, work_order="batch")["pieces"] == STEPS
    assert counted(compiled, names, work_order="sample")["pieces"] == STEPS * TRAIN.batch


def test_a_vector_holds_as_many_numbers_as_was_asked_for(compiled: Engine, names: Dataset) -> None:
    widths = possible(compiled, "vector_width")
    found = [counted(compiled, names, vector_width=width) for width in widths]
    assert [counts["lanes"] for counts in found] == list(widths)
    exps = [counts["exp_vectors"] for counts in found]
    assert exps == sorted(exps, reverse=True)
    assert exps[0] > 2 * exps[-1] or len(widths) == 1


def test_products_are_summed_in_tiles_of_the_kind_asked_for(
    compiled: Engine, names: Dataset
) -> None:
    if not has(compiled, "products"):
        pytest.skip("it always sums in register tiles")
    ways = possible(compiled, "products")
    tiles = {way: counted(compiled, names, products=way)["product_tiles"] for way in ways}
    assert tiles["rows"] > 4 * tiles["tiles"]
    for way in set(ways) - {"tiles"}:
        assert tiles[way] != tiles["tiles"], way


def test_products_that_round_differ_in_the_bits_that_they_drop(
    compiled: Engine, names: Dataset
) -> None:
    rounding = set(possible(compiled, "products")) - set(values(compiled, "products"))
    if not rounding:
        pytest.skip("all products here are exact")
    state, documents = large_state(MODEL, 1), np.arange(16, dtype=np.int32)

    def gradients(way: Value) -> np.ndarray:
        on = compiled.default_optimizations().with_value("products", way)
        return compiled.gradients(state, names, MODEL, on, documents).grads

    exact = gradients("tiles")
    for way in rounding:
        apart = np.linalg.norm(gradients(way) - exact) / np.linalg.norm(exact)
        assert 1e-4 < apart < 0.1, way


def test_fusing_saves_passes(compiled: Engine, names: Dataset) -> None:
    if not has(compiled, "fused"):
        pytest.skip("it always fuses")
    on, off = (counted(compiled, names, fused=value) for value in (True, False))
    assert on["passes"] == 0
    # ReLU, its derivative and two sums with what was there before, in each layer of each step.
    assert off["passes"] == 4 * MODEL.n_layers * STEPS
    assert off["product_tiles"] > on["product_tiles"]


def test_adam_goes_weight_by_weight_by_vectors_or_behind_the_tiles(
    compiled: Engine, names: Dataset
) -> None:
    if not has(compiled, "adam"):
        pytest.skip("it always updates by vectors")
    scalar, vector, fused = (
        counted(compiled, names, adam=value) for value in ("scalar", "vector", "fused")
    )
    assert scalar["adam_vectors"] >= STEPS * MODEL.n_params
    assert vector["adam_vectors"] * vector["lanes"] == scalar["adam_vectors"]
    assert fused["adam_vectors"] == 0


def test_threads_share_the_documents(compiled: Engine, names: Dataset) -> None:
    if not has(compiled, "threads"):
        pytest.skip("it has one thread")
    for threads in (1, 2, 4, 8):
        assert counted(compiled, names, threads=threads)["threads"] == threads


def test_the_exact_exp_differs_in_the_last_bits_and_is_nearer(
    compiled: Engine, names: Dataset
) -> None:
    model, best = ModelConfig(d_model=16), compiled.default_optimizations()
    errors = {True: 0.0, False: 0.0}
    for seed in range(4):
        state = large_state(model, seed)
        documents = away_from_kinks(state, model, names, 32, seed)
        expected = expected_gradients(state, model, names, documents)
        for fast in errors:
            on = replace(best, fast_exp=fast)
            found = compiled.gradients(state, names, model, on, documents)
            errors[fast] += gradient_error(model, found, expected)
    assert errors[False] < 0.9 * errors[True]


def test_the_exp_is_another_one_in_the_attention_and_in_the_loss(
    compiled: Engine, names: Dataset
) -> None:
    """Each alone would still differ as a whole, but not in the matrices that the other is about."""
    model = ModelConfig(d_model=16)
    state = TrainState.create(model, 1)
    documents = away_from_kinks(state, model, names, 32, 0)
    expected = views(model, expected_gradients(state, model, names, documents).grads)
    best = compiled.default_optimizations()
    errors = {}
    for fast in (False, True):
        on = replace(best, fast_exp=fast)
        found = views(model, compiled.gradients(state, names, model, on, documents).grads)
        errors[fast] = {
            key: np.linalg.norm(found[key] - expected[key]) / np.linalg.norm(expected[key])
            for key in expected
        }
    for key, share in {"layers.0.w_qkv": 0.4, "layers.0.w_out": 0.4, "lm_head": 0.6}.items():
        assert errors[False][key] < share * errors[True][key], key


def test_muon_takes_the_matrices_of_the_blocks(compiled: Engine, names: Dataset) -> None:
    begin, end = blocks(MODEL)
    on = compiled.default_optimizations()
    states = {}
    for optimizer in possible(compiled, "optimizer"):
        states[optimizer] = state = TrainState.create(MODEL, 1)
        way = on.with_value("optimizer", optimizer)
        report = advance(compiled, state, names, MODEL, TRAIN, way, 1, profile=True)
        assert report.phase_ns is not None
        assert (report.phase_ns[PHASES.index("muon")] > 0) == (optimizer == "muon")
    adam, muon = states["adam"], states["muon"]
    assert not muon.v[begin:end].any()
    assert adam.v[begin:end].any()
    for part in (slice(0, begin), slice(end, None)):
        np.testing.assert_allclose(muon.params[part], adam.params[part], rtol=1e-5, atol=1e-7)
    assert not np.allclose(muon.params[begin:end], adam.params[begin:end], atol=1e-3)


def test_no_toggle_is_left_out() -> None:
    """A toggle that is added to the catalogue needs a test."""
    tested = {
        "padding_skip",
        "fast_exp",
        "vector_width",
        "prefix_sharing",
        "products",
        "fused",
        "adam",
        "flush_denormals",
        "work_order",
        "threads",
        "optimizer",
    }
    assert {entry.key for entry in CATALOGUE} == tested
