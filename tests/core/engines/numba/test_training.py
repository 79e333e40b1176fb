"""Whole steps of the Numba engine: Adam, loss curves, phases, batches of every size."""

from __future__ import annotations

import threading
from dataclasses import replace

import numpy as np
import pytest

from eetui.core.config import ModelConfig, TrainConfig
from eetui.core.data import batches
from eetui.core.data.dataset import Dataset
from eetui.core.engines.base import PHASES, StepReport
from eetui.core.engines.numba.engine import WIDTHS, NumbaEngine
from eetui.core.errors import EngineError
from eetui.core.model import reference
from eetui.core.model.state import TrainState
from eetui.core.optimizations import Optimizations
from tests.support.toy import Toy


def _run(
    engine: NumbaEngine,
    state: TrainState,
    dataset: Dataset,
    model: ModelConfig,
    train: TrainConfig,
    optimizations: Optimizations,
    n_steps: int,
    profile: bool = False,
) -> StepReport:
    documents = batches.documents(train.seed, state.step, n_steps, train.batch, dataset.n_docs)
    rates = batches.learning_rates(train, state.step, n_steps)
    return engine.run(
        state, dataset, model, train, optimizations, documents, rates, profile=profile
    )


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("d_model", [16, 20])
def test_steps_with_adam_follow_the_oracle(
    engine: NumbaEngine, toy: Toy, d_model: int, width: int
) -> None:
    model, train = ModelConfig(d_model=d_model), TrainConfig(batch=16, learning_rate=0.01)
    dataset = toy(model)
    state = TrainState.create(model, 3)
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
    optimizations = Optimizations(vector_width=width)
    first = _run(engine, state, dataset, model, train, optimizations, 2)
    rest = _run(engine, state, dataset, model, train, optimizations, 4)
    assert state.step == 6
    np.testing.assert_allclose([*first.losses, *rest.losses], losses, rtol=2e-5)
    for mine, oracle in ((state.m, m), (state.v, v)):
        assert np.linalg.norm(mine - oracle) < 2e-3 * np.linalg.norm(oracle)
    # A first step of Adam moves a weight by its rate whatever the gradient's size, so a gradient
    # near zero may go either way: compare the movement as a whole.
    moved = params - TrainState.create(model, 3).params
    assert np.linalg.norm(state.params - params) < 5e-3 * np.linalg.norm(moved)


def test_exact_toggles_keep_the_loss_curve_together(engine: NumbaEngine, names: Dataset) -> None:
    model, train = ModelConfig(d_model=16), TrainConfig(batch=16, learning_rate=0.008)
    curves = {}
    for on in (
        Optimizations(),
        Optimizations(padding_skip=False),
        *(Optimizations(vector_width=width) for width in (8, 4, 1)),
        Optimizations(fast_exp=False),
    ):
        state = TrainState.create(model, 1)
        curves[on] = _run(engine, state, names, model, train, on, 300).losses
    base = curves[Optimizations()]
    assert base[-50:].mean() < base[:10].mean() - 0.4
    for curve in curves.values():
        np.testing.assert_allclose(curve, base, rtol=0.02)


def test_toggles_may_change_between_any_two_steps(engine: NumbaEngine, names: Dataset) -> None:
    model, train = ModelConfig(d_model=16), TrainConfig(batch=16, learning_rate=0.008)
    steady, flipped = TrainState.create(model, 1), TrainState.create(model, 1)
    base = _run(engine, steady, names, model, train, Optimizations(), 60).losses
    curve: list[float] = []
    for i in range(20):
        width, skip = WIDTHS[i % 4], bool(i % 3)
        on = Optimizations(vector_width=width, padding_skip=skip)
        curve += _run(engine, flipped, names, model, train, on, 3).losses.tolist()
    assert flipped.step == steady.step
    np.testing.assert_allclose(curve, base, rtol=0.01)


@pytest.mark.parametrize("fast", [True, False])
def test_it_learns(engine: NumbaEngine, names: Dataset, fast: bool) -> None:
    model = ModelConfig(d_model=16)
    train = TrainConfig(batch=16, learning_rate=0.008, steps=2000)
    state = TrainState.create(model, 42)
    report = _run(engine, state, names, model, train, Optimizations(fast_exp=fast), 2000)
    assert report.losses[-100:].mean() < 2.25


@pytest.mark.parametrize("batch", [1, 2, 15, 64, 512])
def test_batches_of_every_size(engine: NumbaEngine, names: Dataset, batch: int) -> None:
    model, train = ModelConfig(d_model=16), TrainConfig(batch=batch, learning_rate=0.005)
    state = TrainState.create(model, 1)
    losses = _run(engine, state, names, model, train, Optimizations(), 50).losses
    assert np.isfinite(losses).all()
    assert losses[-10:].mean() < losses[:5].mean()


def test_phases_add_up_to_the_time_of_the_call(engine: NumbaEngine, names: Dataset) -> None:
    model, train = ModelConfig(d_model=32), TrainConfig(batch=16)
    state = TrainState.create(model, 1)
    report = _run(engine, state, names, model, train, Optimizations(), 300, profile=True)
    assert report.phase_ns is not None
    assert report.phase_ns.shape == (len(PHASES),)
    assert (report.phase_ns > 0).all()
    assert report.phase_ns.sum() == pytest.approx(report.elapsed_ns, rel=0.05)
    assert _run(engine, state, names, model, train, Optimizations(), 1).phase_ns is None


def test_profiling_changes_no_result(engine: NumbaEngine, names: Dataset) -> None:
    model, train = ModelConfig(d_model=16), TrainConfig(batch=16)
    plain, timed = TrainState.create(model, 1), TrainState.create(model, 1)
    _run(engine, plain, names, model, train, Optimizations(), 20)
    _run(engine, timed, names, model, train, Optimizations(), 20, profile=True)
    np.testing.assert_array_equal(plain.params, timed.params)


def test_a_run_of_no_steps_is_no_run(engine: NumbaEngine, toy: Toy) -> None:
    model = ModelConfig(d_model=16)
    state = TrainState.create(model, 1)
    report = _run(engine, state, toy(model), model, TrainConfig(), Optimizations(), 0)
    assert len(report.losses) == 0
    assert state.step == 0


def test_a_rate_is_needed_for_each_step(engine: NumbaEngine, toy: Toy) -> None:
    model = ModelConfig(d_model=16)
    state = TrainState.create(model, 1)
    documents, rates = np.zeros((3, 4), np.int32), np.ones(2, np.float32)
    with pytest.raises(EngineError, match="a rate for each step"):
        engine.run(state, toy(model), model, TrainConfig(), Optimizations(), documents, rates)


def test_steps_allocate_nothing(engine: NumbaEngine, names: Dataset) -> None:
    """The scratch of a shape is made once, whatever the batch and the toggles."""
    model, train = ModelConfig(d_model=16), TrainConfig(batch=4)
    state = TrainState.create(model, 1)
    _run(engine, state, names, model, train, Optimizations(), 1)
    scratch = engine._workspace
    assert scratch is not None
    for batch in (1, 512):
        for skip in (True, False):
            on = Optimizations(padding_skip=skip)
            _run(engine, state, names, model, replace(train, batch=batch), on, 1)
    assert engine._workspace is scratch


def test_other_threads_go_on_during_a_call(engine: NumbaEngine, names: Dataset) -> None:
    """The interpreter's lock is free while the kernel runs."""
    model, train = ModelConfig(d_model=16), TrainConfig(batch=16)
    state = TrainState.create(model, 1)
    arguments = (engine, state, names, model, train, Optimizations(), 5000)
    thread = threading.Thread(target=_run, args=arguments)
    rounds = 0
    thread.start()
    while thread.is_alive():
        rounds += 1
    assert rounds > 1000


def test_one_engine_in_several_threads(engine: NumbaEngine, names: Dataset) -> None:
    model, train = ModelConfig(d_model=16), TrainConfig(batch=16)
    states = [TrainState.create(model, 1) for _ in range(4)]

    def work(state: TrainState) -> None:
        for _ in range(10):
            _run(engine, state, names, model, train, Optimizations(), 10)

    threads = [threading.Thread(target=work, args=(state,)) for state in states]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for state in states[1:]:
        np.testing.assert_array_equal(state.params, states[0].params)
