"""What every engine promises of its steps; what only one has is tested in its own folder."""

from __future__ import annotations

import random
import threading
import tracemalloc
from dataclasses import replace
from math import log

import numpy as np
import pytest

from eetui.core.config import ModelConfig, TrainConfig
from eetui.core.data import batches, dataset
from eetui.core.data.corpus import Rows
from eetui.core.data.dataset import Dataset, load_dataset
from eetui.core.engines import registry
from eetui.core.engines.availability import judge
from eetui.core.engines.base import PHASES, Engine
from eetui.core.engines.native import library
from eetui.core.errors import EngineError
from eetui.core.model import reference, sampling
from eetui.core.model.state import TrainState, views
from eetui.core.optimizations import CATALOGUE, Optimizations
from tests.conftest import Refused
from tests.support.oracle import expected_gradients
from tests.support.steps import advance
from tests.support.toy import Toy
from tests.support.ways import each_alone, each_width, random_way, values

SMALL = ModelConfig(d_model=16)
LEARNS = TrainConfig(batch=16, learning_rate=0.008)


@pytest.mark.parametrize("d_model", [16, 20])
def test_steps_follow_the_reference(engine: Engine, toy: Toy, d_model: int) -> None:
    model, train = ModelConfig(d_model=d_model), TrainConfig(batch=16, learning_rate=0.01)
    dataset, start = toy(model), TrainState.create(model, 3)
    params, m, v = (x.astype(np.float64) for x in (start.params, start.m, start.v))
    documents = batches.documents(train.seed, 0, 6, train.batch, dataset.n_docs)
    rates = batches.learning_rates(train, 0, 6)
    losses = []
    for step, batch in enumerate(documents):
        loss, grads = reference.loss_and_gradients(
            params, model, dataset.tokens[batch], dataset.lengths[batch]
        )
        reference.adam(params, m, v, grads, step, float(rates[step]), train)
        losses.append(loss)
    for on in each_alone(engine):
        state = start.clone()
        first = advance(engine, state, dataset, model, train, on, 2)
        rest = advance(engine, state, dataset, model, train, on, 4)
        assert state.step == 6
        assert first.losses.dtype == np.float32
        np.testing.assert_allclose([*first.losses, *rest.losses], losses, rtol=2e-5)
        for mine, oracle in ((state.m, m), (state.v, v)):
            assert np.linalg.norm(mine - oracle) < 2e-3 * np.linalg.norm(oracle)
        # A first step of Adam moves a weight by its rate whatever the gradient's size, so a
        # gradient near zero may go either way: compare the movement as a whole.
        moved = np.linalg.norm(params - start.params)
        assert np.linalg.norm(state.params - params) < 5e-3 * moved, on


def test_toggles_keep_the_loss_curve_together(engine: Engine, names: Dataset) -> None:
    def curve(on: Optimizations) -> np.ndarray:
        return advance(engine, TrainState.create(SMALL, 1), names, SMALL, LEARNS, on, 300).losses

    best, *others = each_alone(engine)
    base = curve(best)
    assert base[-50:].mean() < base[:10].mean() - 0.4
    for on in others:
        np.testing.assert_allclose(curve(on), base, rtol=0.02, err_msg=str(on))


def test_toggles_may_change_between_any_two_steps(engine: Engine, names: Dataset) -> None:
    steady, flipped = TrainState.create(SMALL, 1), TrainState.create(SMALL, 1)
    on = engine.default_optimizations()
    base = advance(engine, steady, names, SMALL, LEARNS, on, 60).losses
    curve: list[float] = []
    rng = random.Random(1)
    for _ in range(20):
        on = random_way(engine, rng)
        curve += advance(engine, flipped, names, SMALL, LEARNS, on, 3).losses.tolist()
    assert flipped.step == steady.step
    np.testing.assert_allclose(curve, base, rtol=0.01)


def test_a_chunk_is_its_steps(engine: Engine, names: Dataset) -> None:
    whole, parts = TrainState.create(SMALL, 3), TrainState.create(SMALL, 3)
    on = engine.default_optimizations()
    expected = advance(engine, whole, names, SMALL, LEARNS, on, 6).losses.tolist()
    found = [
        loss
        for n in (1, 0, 5)
        for loss in advance(engine, parts, names, SMALL, LEARNS, on, n).losses.tolist()
    ]
    assert found == expected
    np.testing.assert_array_equal(whole.params, parts.params)
    assert whole.step == parts.step == 6


def test_no_steps_are_no_change(engine: Engine, names: Dataset) -> None:
    state = TrainState.create(SMALL, 1)
    before = state.clone()
    on = engine.default_optimizations()
    report = advance(engine, state, names, SMALL, TrainConfig(), on, 0, profile=True)
    assert (len(report.losses), state.step) == (0, 0)
    np.testing.assert_array_equal(state.params, before.params)


def test_it_learns_names(engine: Engine, names: Dataset) -> None:
    train = replace(LEARNS, steps=2000)
    state = TrainState.create(SMALL, 42)
    on = engine.default_optimizations()
    losses = advance(engine, state, names, SMALL, train, on, 2000).losses
    assert losses[0] == pytest.approx(log(27), abs=0.1)
    assert losses[-100:].mean() < 2.25


@pytest.mark.parametrize("batch", [1, 2, 15, 64, 512])
def test_batches_of_every_size(engine: Engine, names: Dataset, batch: int) -> None:
    train = TrainConfig(batch=batch, learning_rate=0.005)
    state = TrainState.create(SMALL, 1)
    on = engine.default_optimizations()
    losses = advance(engine, state, names, SMALL, train, on, 30).losses
    assert np.isfinite(losses).all()
    assert losses[-10:].mean() < losses[:5].mean()


def test_a_rate_of_zero_moves_no_weight(engine: Engine, names: Dataset) -> None:
    start = TrainState.create(SMALL, seed=1)
    documents, rates = batches.documents(1, 0, 2, 4, names.n_docs), np.zeros(2, np.float32)
    for on in each_alone(engine):
        here = start.clone()
        engine.run(here, names, SMALL, LEARNS, on, documents, rates)
        np.testing.assert_array_equal(here.params, start.params, err_msg=str(on))
        assert here.m.any()
        assert here.v.any()


@pytest.mark.filterwarnings("error")
def test_a_run_that_diverges_is_silent_and_not_finite(engine: Engine, names: Dataset) -> None:
    state = TrainState.create(SMALL, seed=1)
    views(SMALL, state.params)["lm_head"][:] = np.nan
    documents, rates = batches.documents(1, 0, 2, 4, names.n_docs), np.ones(2, np.float32)
    for on in each_width(engine):
        here = state.clone()
        report = engine.run(here, names, SMALL, LEARNS, on, documents, rates)
        assert not np.isfinite(report.losses).any()
        assert not here.is_finite
        here.params[:] = 3e38
        found = engine.gradients(here, names, SMALL, on, documents[0])
        assert not np.isfinite(found.grads).all()


def test_a_profiled_run_tells_the_time_of_its_parts(engine: Engine, names: Dataset) -> None:
    model, on = ModelConfig(d_model=32), engine.default_optimizations()
    plain, timed = TrainState.create(model, 1), TrainState.create(model, 1)
    alone = advance(engine, plain, names, model, LEARNS, on, 60)
    report = advance(engine, timed, names, model, LEARNS, on, 60, profile=True)
    np.testing.assert_array_equal(plain.params, timed.params)
    assert alone.phase_ns is None
    assert report.elapsed_ns > 0
    if report.phase_ns is not None:
        assert report.phase_ns.shape == (len(PHASES),)
        assert (report.phase_ns[: PHASES.index("muon")] > 0).all()
        assert report.phase_ns.sum() == pytest.approx(report.elapsed_ns, rel=0.05)


def test_steps_allocate_nothing(engine: Engine, names: Dataset) -> None:
    """The scratch of a shape is made once, whatever the batch and the toggles."""
    if engine.name == "numpy":
        pytest.skip("NumPy makes a new array for every result")
    state, train = TrainState.create(SMALL, 1), TrainConfig(batch=512)
    ways = [w for w in each_width(engine) for w in (w, replace(w, padding_skip=False))]
    for on in ways:
        advance(engine, state, names, SMALL, train, on, 1)
    tracemalloc.start()
    try:
        for batch in (1, 512):
            for on in ways:
                advance(engine, state, names, SMALL, replace(train, batch=batch), on, 1)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 50_000  # the documents of a step, its loss and Python's own objects


def test_other_threads_go_on_during_a_call(engine: Engine, names: Dataset) -> None:
    """The interpreter's lock is free while compiled code runs."""
    if engine.name == "numpy":
        pytest.skip("NumPy takes the lock for every operation")
    state, on = TrainState.create(SMALL, 1), engine.default_optimizations()
    engine.prepare(SMALL, on)
    documents = batches.documents(1, 0, 3000, 16, names.n_docs)
    arguments = (state, names, SMALL, LEARNS, on, documents, np.full(3000, 0.01, np.float32))
    thread = threading.Thread(target=engine.run, args=arguments)
    rounds = 0
    thread.start()
    while thread.is_alive():
        rounds += 1
    assert rounds > 1000


def test_calls_from_several_threads_take_turns(engine: Engine, names: Dataset) -> None:
    states = [TrainState.create(SMALL, 1) for _ in range(4)]
    on = engine.default_optimizations()

    def work(state: TrainState) -> None:
        for _ in range(5):
            advance(engine, state, names, SMALL, LEARNS, on, 4)

    workers = [threading.Thread(target=work, args=(state,)) for state in states]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert [state.step for state in states] == [20] * 4
    for state in states[1:]:
        np.testing.assert_array_equal(state.params, states[0].params)


def test_numbers_below_the_normal_ones_are_as_before_a_call(engine: Engine, names: Dataset) -> None:
    tiny = np.full(8, 1e-30, np.float32)
    for flush in values(engine, "flush_denormals"):
        on = engine.default_optimizations().with_value("flush_denormals", flush)
        advance(engine, TrainState.create(SMALL, 1), names, SMALL, LEARNS, on, 3)
        assert (tiny * np.float32(1e-10) > 0).all()


def test_denormals_are_flushed_only_where_asked_for(engine: Engine, names: Dataset) -> None:
    for flush in values(engine, "flush_denormals"):
        on = engine.default_optimizations().with_value("flush_denormals", flush)
        state = TrainState.create(SMALL, 1)
        state.m[:] = 2e-38
        # All gradients but the last matrix's are zero, and the rate moves no weight: m only decays.
        # The fourth step is the first whose result is denormal: 2e-38 * 0.85^4 = 1.04e-38.
        state.params[:] = 0.0
        advance(engine, state, names, SMALL, TrainConfig(learning_rate=1e-9), on, 4)
        decayed = state.m[: SMALL.vocab_size * SMALL.d_model]
        assert (decayed == 0.0).all() == flush


def test_impossible_toggles_are_refused_with_the_reason(
    engine: Engine, names: Dataset, refused: Refused
) -> None:
    best, state = engine.default_optimizations(), TrainState.create(SMALL, 1)
    for entry in CATALOGUE:
        assert not judge(engine, entry).why_not[getattr(best, entry.key)]
        for value, reason in judge(engine, entry).why_not.items():
            if reason and entry.key != "vector_width":
                with refused(reason.removesuffix("."), EngineError):
                    on = entry.applied(best, value)
                    engine.gradients(state, names, SMALL, on, np.zeros(1, np.int32))


def test_what_does_not_fit_is_refused(engine: Engine, names: Dataset, refused: Refused) -> None:
    on = engine.default_optimizations()
    good, full = batches.documents(1, 0, 2, 4, names.n_docs), np.full(2, 0.01, np.float32)

    def run(part: str, *, state=None, data=names, documents=good, rates=full, model=SMALL) -> None:
        with refused(part, EngineError):
            state = state or TrainState.create(model, 1)
            engine.run(state, data, model, LEARNS, on, documents, rates)

    run("documents [n_steps, batch] and a rate", rates=full[:1])
    run("documents [n_steps, batch] and a rate", documents=good[0])
    run("documents", documents=good[:, :0])
    run("documents", documents=np.zeros((2, 513), np.int32))
    run("names a document", documents=good + np.int32(names.n_docs))
    run("names a document", documents=good - np.int32(names.n_docs + 1))
    run("state is not one of this model", state=TrainState.create(ModelConfig(d_model=32), 1))
    run("does not fit the model", model=replace(SMALL, block_size=8))
    run("no position to predict", data=replace(names, ready=Rows(names.tokens, names.lengths * 0)))
    run("no position to predict", data=replace(names, ready=Rows(names.tokens, names.lengths + 16)))
    run(
        "lengths must be int32",
        data=replace(names, ready=Rows(names.tokens, names.lengths.astype(np.int64))),
    )
    run(
        "not in the vocabulary",
        data=replace(names, ready=Rows(names.tokens + np.uint8(1), names.lengths)),
    )
    run(
        "tokens must be uint8",
        data=replace(names, ready=Rows(names.tokens.astype(np.int16), names.lengths)),
    )


def test_rows_that_are_made_for_each_batch_train_the_same(
    engine: Engine, names: Dataset, monkeypatch: pytest.MonkeyPatch, refused: Refused
) -> None:
    monkeypatch.setattr(dataset, "READY_BYTES", 0)
    large, on = load_dataset(names.path), engine.default_optimizations()
    assert large.ready is None
    params = TrainState.create(SMALL, 1).params
    documents = batches.documents(1, 0, 3, 8, names.n_docs)
    found = []
    for data in (names, large):
        state = TrainState.create(SMALL, 1)
        report = advance(engine, state, data, SMALL, LEARNS, on, 20)
        losses = engine.evaluate(params, data, SMALL, on, documents)
        grads = engine.gradients(state, data, SMALL, on, documents[0]).grads
        found.append((report.losses, state.params, losses, grads))
    for a, b in zip(*found, strict=True):
        np.testing.assert_array_equal(a, b)
    with refused("names a document", EngineError):
        engine.evaluate(params, large, SMALL, on, documents + np.int32(names.n_docs))


def test_evaluation_tells_the_mean_loss_of_each_batch(engine: Engine, names: Dataset) -> None:
    model = ModelConfig(d_model=32, n_layers=2)
    state = TrainState.create(model, 3)
    before = state.clone()
    rows = np.random.default_rng(1).integers(0, names.n_docs, (3, 37)).astype(np.int32)
    expected = [expected_gradients(state, model, names, row).loss for row in rows]
    for on in each_alone(engine):
        engine.prepare(model, on)
        found = engine.evaluate(state.params, names, model, on, rows)
        np.testing.assert_allclose(found, expected, rtol=1e-5)
    np.testing.assert_array_equal(state.params, before.params)
    on, (row, *_) = engine.default_optimizations(), rows
    found_after = engine.gradients(state, names, model, on, row)
    fresh = registry.create(engine.name).gradients(state, names, model, on, row)
    np.testing.assert_array_equal(found_after.grads, fresh.grads)
    assert len(engine.evaluate(state.params, names, model, on, rows[:0])) == 0


def test_evaluation_refuses_what_does_not_fit(
    engine: Engine, names: Dataset, refused: Refused
) -> None:
    on, rows = engine.default_optimizations(), np.zeros((2, 3), np.int32)
    other = TrainState.create(ModelConfig(d_model=32), 1).params
    with refused("not one of this model", EngineError):
        engine.evaluate(other, names, SMALL, on, rows)
    with refused("ocuments [n", EngineError):
        engine.evaluate(TrainState.create(SMALL, 1).params, names, SMALL, on, rows[0])


def test_it_generates_what_the_reference_does(engine: Engine, names: Dataset) -> None:
    state, train = TrainState.create(SMALL, 1), replace(LEARNS, steps=400)
    teacher = registry.create(registry.default())
    advance(teacher, state, names, SMALL, train, teacher.default_optimizations(), 400)
    for temperature, prefix in ((0.5, ""), (1.0, "ka")):
        args = (state.params, SMALL, names, 200, temperature, prefix, 7)
        found, expected = engine.generate(*args), sampling.generate(*args)
        assert engine.generate(*args) == found
        same = sum(a == b for a, b in zip(found, expected, strict=True))
        assert same >= 198, (found, expected)
        assert all(name.startswith(prefix) for name in found)


def test_it_says_what_it_runs_on_and_is_ready_once_prepared(engine: Engine) -> None:
    on = engine.default_optimizations()
    engine.prepare(SMALL, on)
    assert engine.is_ready(SMALL, on)
    assert engine.instruction_set(on)
    assert engine.name in registry.ENGINES
    assert engine.summary.endswith(".")


def test_engines_may_be_swapped_between_any_two_steps(names: Dataset) -> None:
    built = [name for name in registry.ENGINES if name != "native" or library.find()]
    created = [registry.create(name) for name in built]
    alone, swapped = TrainState.create(SMALL, 1), TrainState.create(SMALL, 1)
    first, *_ = created
    on = first.default_optimizations()
    base = advance(first, alone, names, SMALL, LEARNS, on, 60).losses
    curve: list[float] = []
    for i in range(6):
        engine = created[i % len(created)]
        way = engine.default_optimizations()
        curve += advance(engine, swapped, names, SMALL, LEARNS, way, 10).losses.tolist()
    assert swapped.step == alone.step == 60
    np.testing.assert_allclose(curve, base, rtol=0.005)
    assert np.linalg.norm(swapped.params - alone.params) < 0.02 * np.linalg.norm(alone.params)
