"""Whole steps of the native engine: Adam, loss curves, threads, swaps with other engines."""

from __future__ import annotations

import random
import threading
from dataclasses import replace

import numpy as np
import pytest

from eetui.core.config import ModelConfig, TrainConfig
from eetui.core.data import batches
from eetui.core.data.dataset import Dataset
from eetui.core.engines import registry
from eetui.core.engines.base import PHASES, Engine, StepReport
from eetui.core.engines.native.engine import NativeEngine
from eetui.core.errors import EngineError
from eetui.core.model import reference
from eetui.core.model.state import TrainState
from eetui.core.optimizations import CATALOGUE, Optimizations, find_optimization
from eetui.core.run import checkpoint
from tests.support.toy import Toy

from .test_gradients import WIDTHS, possible, with_width


def advance(
    engine: Engine,
    state: TrainState,
    dataset: Dataset,
    model: ModelConfig,
    train: TrainConfig,
    on: Optimizations,
    n_steps: int,
    profile: bool = False,
) -> StepReport:
    documents = batches.documents(train.seed, state.step, n_steps, train.batch, dataset.n_docs)
    rates = batches.learning_rates(train, state.step, n_steps)
    return engine.run(state, dataset, model, train, on, documents, rates, profile=profile)


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("adam", find_optimization("adam").values)
@pytest.mark.parametrize("d_model", [16, 20])
def test_steps_with_adam_follow_the_oracle(
    native: NativeEngine, toy: Toy, d_model: int, adam: str, width: int
) -> None:
    model, train = ModelConfig(d_model=d_model), TrainConfig(batch=16, learning_rate=0.01)
    dataset, state = toy(model), TrainState.create(model, 3)
    params, m, v = (x.astype(np.float64) for x in (state.params, state.m, state.v))
    documents = batches.documents(train.seed, 0, 6, train.batch, dataset.n_docs)
    rates = batches.learning_rates(train, 0, 6)
    losses = []
    for step, batch in enumerate(documents):
        loss, grads = reference.loss_and_gradients(
            params, model, dataset.tokens[batch], dataset.lengths[batch]
        )
        reference.adam(params, m, v, grads, step, float(rates[step]), train)
        losses.append(loss)
    on = replace(with_width(native, width), adam=adam)
    first = advance(native, state, dataset, model, train, on, 2)
    rest = advance(native, state, dataset, model, train, on, 4)
    assert state.step == 6
    np.testing.assert_allclose([*first.losses, *rest.losses], losses, rtol=2e-5)
    for mine, oracle in ((state.m, m), (state.v, v)):
        assert np.linalg.norm(mine - oracle) < 2e-3 * np.linalg.norm(oracle)
    # A first step of Adam moves a weight by its rate whatever the gradient's size, so a gradient
    # near zero may go either way: compare the movement as a whole.
    moved = params - TrainState.create(model, 3).params
    assert np.linalg.norm(state.params - params) < 5e-3 * np.linalg.norm(moved)


def test_toggles_keep_the_loss_curve_together(native: NativeEngine, names: Dataset) -> None:
    model, train = ModelConfig(d_model=16), TrainConfig(batch=16, learning_rate=0.008)

    def curve(on: Optimizations) -> np.ndarray:
        state = TrainState.create(model, 1)
        return advance(native, state, names, model, train, on, 300).losses

    best = native.default_optimizations()
    base = curve(best)
    assert base[-50:].mean() < base[:10].mean() - 0.4
    for entry in CATALOGUE:
        for value in possible(native, entry.key):
            found = curve(best.with_value(entry.key, value))
            np.testing.assert_allclose(found, base, rtol=0.02, err_msg=f"{entry.key} {value}")


def test_toggles_may_change_between_any_two_steps(native: NativeEngine, names: Dataset) -> None:
    model, train = ModelConfig(d_model=16), TrainConfig(batch=16, learning_rate=0.008)
    steady, flipped = TrainState.create(model, 1), TrainState.create(model, 1)
    on = native.default_optimizations()
    base = advance(native, steady, names, model, train, on, 60).losses
    curve, rng = [], random.Random(1)
    for _ in range(20):
        entry = rng.choice(CATALOGUE)
        on = on.with_value(entry.key, rng.choice(possible(native, entry.key)))
        curve += advance(native, flipped, names, model, train, on, 3).losses.tolist()
    assert flipped.step == steady.step
    np.testing.assert_allclose(curve, base, rtol=0.01)


@pytest.mark.parametrize("fast", [True, False])
def test_it_learns(native: NativeEngine, names: Dataset, fast: bool) -> None:
    model = ModelConfig(d_model=16)
    train = TrainConfig(batch=16, learning_rate=0.008, steps=2000)
    state = TrainState.create(model, 42)
    on = replace(native.default_optimizations(), fast_exp=fast)
    report = advance(native, state, names, model, train, on, 2000)
    assert report.losses[-100:].mean() < 2.25


@pytest.mark.parametrize("batch", [1, 2, 15, 64, 512])
def test_batches_of_every_size(native: NativeEngine, names: Dataset, batch: int) -> None:
    model, train = ModelConfig(d_model=16), TrainConfig(batch=batch, learning_rate=0.005)
    state = TrainState.create(model, 1)
    on = native.default_optimizations()
    losses = advance(native, state, names, model, train, on, 50).losses
    assert np.isfinite(losses).all()
    assert losses[-10:].mean() < losses[:5].mean()


def test_engines_may_be_swapped_and_checkpoints_carried_over(
    native: NativeEngine, names: Dataset, tmp_path
) -> None:
    model, train = ModelConfig(d_model=16), TrainConfig(batch=16, learning_rate=0.008)
    engines = [native, registry.create("numba"), registry.create("numpy")]
    alone, swapped = TrainState.create(model, 1), TrainState.create(model, 1)
    base = advance(native, alone, names, model, train, native.default_optimizations(), 50).losses
    curve: list[float] = []
    for i in range(5):
        engine = engines[i % 3]
        on = engine.default_optimizations()
        curve += advance(engine, swapped, names, model, train, on, 10).losses.tolist()
        saved = checkpoint.Checkpoint(swapped, model, train, on, names.vocabulary, names.name)
        checkpoint.save(tmp_path / "run", saved)
        swapped = checkpoint.load(tmp_path / "run").state
    assert swapped.step == alone.step == 50
    np.testing.assert_allclose(curve, base, rtol=0.005)
    assert np.linalg.norm(swapped.params - alone.params) < 0.02 * np.linalg.norm(alone.params)


def test_phases_add_up_to_the_time_of_the_call(native: NativeEngine, names: Dataset) -> None:
    model, train = ModelConfig(d_model=32), TrainConfig(batch=16)
    on = native.default_optimizations()
    report = advance(native, TrainState.create(model, 1), names, model, train, on, 300, True)
    assert report.phase_ns is not None
    assert report.phase_ns.shape == (len(PHASES),)
    assert (report.phase_ns > 0).all()
    assert report.phase_ns.sum() == pytest.approx(report.elapsed_ns, rel=0.05)
    state = TrainState.create(model, 1)
    assert advance(native, state, names, model, train, on, 1).phase_ns is None


def test_profiling_changes_no_result(native: NativeEngine, names: Dataset) -> None:
    model, train = ModelConfig(d_model=16), TrainConfig(batch=8)
    plain, timed = TrainState.create(model, 1), TrainState.create(model, 1)
    on = native.default_optimizations()
    advance(native, plain, names, model, train, on, 20)
    advance(native, timed, names, model, train, on, 20, profile=True)
    assert np.array_equal(plain.params, timed.params)


def test_no_steps_are_no_change(native: NativeEngine, names: Dataset) -> None:
    model = ModelConfig(d_model=16)
    state = TrainState.create(model, 1)
    before = state.clone()
    on = native.default_optimizations()
    report = advance(native, state, names, model, TrainConfig(), on, 0)
    assert (len(report.losses), state.step) == (0, 0)
    assert np.array_equal(state.params, before.params)


@pytest.mark.parametrize("threads", [2, 4])
def test_threads_give_one_result_every_time(
    native: NativeEngine, names: Dataset, monkeypatch, threads: int
) -> None:
    monkeypatch.setattr(NativeEngine, "why_not", lambda self, key, value: "")
    model, train = ModelConfig(d_model=32), TrainConfig(batch=24, learning_rate=0.005)
    on = native.default_optimizations()
    states = []
    for i in range(3):
        state = TrainState.create(model, 1)
        here = on if i == 0 else replace(on, threads=threads)
        for _ in range(10):
            advance(native, state, names, model, train, here, 5)
        states.append(state.params)
    assert np.array_equal(states[1], states[2])
    assert np.linalg.norm(states[1] - states[0]) < 1e-2 * np.linalg.norm(states[0])


def test_more_threads_than_documents(native: NativeEngine, names: Dataset, monkeypatch) -> None:
    monkeypatch.setattr(NativeEngine, "why_not", lambda self, key, value: "")
    model, train = ModelConfig(d_model=16), TrainConfig(batch=1)
    one, many = TrainState.create(model, 1), TrainState.create(model, 1)
    on = native.default_optimizations()
    a = advance(native, one, names, model, train, on, 20).losses
    b = advance(native, many, names, model, train, replace(on, threads=8), 20).losses
    np.testing.assert_allclose(a, b, rtol=1e-3)


def test_calls_from_several_threads_take_turns(native: NativeEngine, names: Dataset) -> None:
    model, train, on = ModelConfig(d_model=16), TrainConfig(), native.default_optimizations()
    states = [TrainState.create(model, 1) for _ in range(4)]
    workers = [
        threading.Thread(
            target=lambda s=s: [advance(native, s, names, model, train, on, 7) for _ in range(10)]
        )
        for s in states
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert all(np.array_equal(state.params, states[0].params) for state in states)


def test_the_floating_point_mode_is_put_back(native: NativeEngine, names: Dataset) -> None:
    model, tiny = ModelConfig(d_model=16), np.full(8, 1e-30, np.float32)
    for flush in (True, False):
        on = replace(native.default_optimizations(), flush_denormals=flush)
        advance(native, TrainState.create(model, 1), names, model, TrainConfig(), on, 3)
        assert (tiny * np.float32(1e-10) > 0).all()


def test_denormals_are_flushed_only_where_asked_for(native: NativeEngine, names: Dataset) -> None:
    model, train = ModelConfig(d_model=16), TrainConfig()
    for flush in (True, False):
        state = TrainState.create(model, 1)
        state.m[:] = 2e-38
        state.v[:] = 0.0
        on = replace(native.default_optimizations(), flush_denormals=flush)
        state.params[:] = 0.0  # all gradients but the last matrix's are zero: m only decays
        advance(native, state, names, model, train, on, 8)
        decayed = state.m[: model.vocab_size * model.d_model]
        assert (decayed == 0.0).all() == flush


def test_arrays_that_do_not_fit_are_refused(native: NativeEngine, names: Dataset, refused) -> None:
    model, train, on = ModelConfig(d_model=16), TrainConfig(), native.default_optimizations()
    good = batches.documents(1, 0, 2, 4, names.n_docs)
    rates = np.full(2, 0.01, np.float32)

    def run(part, state=None, dataset=names, documents=good, rates=rates, model=model) -> None:
        with refused(part, EngineError):
            native.run(
                state or TrainState.create(model, 1), dataset, model, train, on, documents, rates
            )

    run("documents [n_steps, batch] and a rate", rates=rates[:1])
    run("documents [n_steps, batch] and a rate", documents=good[0])
    run("number of steps, documents or threads", documents=good[:, :0])
    run("number of steps, documents or threads", documents=np.zeros((2, 513), np.int32))
    run("names a document", documents=good + names.n_docs)
    run("names a document", documents=good - names.n_docs - 1)
    run("usable number", rates=np.array([0.1, np.nan], np.float32))
    run("state is not one of this model", state=TrainState.create(ModelConfig(d_model=32), 1))
    run("does not fit the model", model=replace(model, block_size=8))
    run("no position to predict", dataset=replace(names, lengths=names.lengths * 0))
    run("no position to predict", dataset=replace(names, lengths=names.lengths + 16))
    run("lengths must be int32", dataset=replace(names, lengths=names.lengths.astype(np.int64)))
    run("not in the vocabulary", dataset=replace(names, tokens=names.tokens + 1))
    run("tokens must be uint8", dataset=replace(names, tokens=names.tokens.astype(np.int16)))
