"""The NumPy engine is the oracle in float32, with padding skip as its one real toggle."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from eetui.core.config import ModelConfig, TrainConfig
from eetui.core.data.batches import documents, learning_rates
from eetui.core.data.dataset import Dataset
from eetui.core.engines import registry
from eetui.core.engines.base import Engine
from eetui.core.errors import EngineError
from eetui.core.model import reference
from eetui.core.model.state import TrainState, layout, views
from eetui.core.optimizations import CATALOGUE, Optimizations

MODELS = [
    ModelConfig(d_model=16),
    ModelConfig(d_model=32, n_layers=2, activation="relu2"),
    ModelConfig(d_model=64, n_heads=8),
]


@pytest.fixture(scope="module")
def engine() -> Engine:
    return registry.create("numpy")


def skip(value: bool) -> Optimizations:
    engine = registry.create("numpy")
    return engine.default_optimizations().with_value("padding_skip", value)


@pytest.mark.parametrize("model", MODELS, ids=str)
@pytest.mark.parametrize("padding_skip", [True, False])
def test_gradients_are_the_oracles(
    engine: Engine, names: Dataset, model: ModelConfig, padding_skip: bool
) -> None:
    state = TrainState.create(model, seed=1)
    for step in range(3):
        batch = documents(1, step, 1, 16, names.n_docs)[0]
        found = engine.gradients(state, names, model, skip(padding_skip), batch)
        loss, grads = reference.loss_and_gradients(
            state.params.astype(np.float64), model, names.tokens[batch], names.lengths[batch]
        )
        assert found.grads.dtype == np.float32
        assert found.loss == pytest.approx(loss, rel=1e-6)
        for tensor in layout(model):
            part = slice(tensor.offset, tensor.offset + tensor.size)
            error = np.linalg.norm(found.grads[part] - grads[part])
            assert error < 1e-5 * np.linalg.norm(grads[part]), tensor.name


def test_steps_are_the_oracles(engine: Engine, names: Dataset) -> None:
    model, train = ModelConfig(d_model=16), TrainConfig(steps=20, learning_rate=0.008)
    state = TrainState.create(model, seed=3)
    params, m, v = (x.astype(np.float64) for x in (state.params, state.m, state.v))
    batches = documents(3, 0, 5, 16, names.n_docs)
    rates = learning_rates(train, 0, 5)
    report = engine.run(state, names, model, train, skip(True), batches, rates)
    for step, batch in enumerate(batches):
        loss, grads = reference.loss_and_gradients(
            params, model, names.tokens[batch], names.lengths[batch]
        )
        reference.adam(params, m, v, grads, step, float(rates[step]), train)
        assert report.losses[step] == pytest.approx(loss, rel=1e-5)
    assert state.step == 5
    assert state.params == pytest.approx(params, abs=1e-4)
    assert np.linalg.norm(state.m - m) < 1e-3 * np.linalg.norm(m)
    assert np.linalg.norm(state.v - v) < 1e-3 * np.linalg.norm(v)
    assert (report.losses.dtype, report.phase_ns) == (np.float32, None)
    assert report.elapsed_ns > 0


def test_a_chunk_is_its_steps(engine: Engine, names: Dataset) -> None:
    model, train = ModelConfig(d_model=16), TrainConfig(steps=20)
    whole, parts = TrainState.create(model, seed=3), TrainState.create(model, seed=3)

    def advance(state: TrainState, n_steps: int) -> list[float]:
        batches = documents(3, state.step, n_steps, 8, names.n_docs)
        rates = learning_rates(train, state.step, n_steps)
        report = engine.run(state, names, model, train, skip(True), batches, rates)
        return report.losses.tolist()

    assert advance(whole, 6) == advance(parts, 1) + advance(parts, 0) + advance(parts, 5)
    assert np.array_equal(whole.params, parts.params)
    assert whole.step == parts.step == 6


def test_it_learns_names(engine: Engine, names: Dataset) -> None:
    model, train = ModelConfig(d_model=16), TrainConfig(steps=2_000, learning_rate=0.008)
    state = TrainState.create(model, train.seed)
    batches = documents(train.seed, 0, train.steps, 16, names.n_docs)
    rates = learning_rates(train, 0, train.steps)
    losses = engine.run(state, names, model, train, skip(True), batches, rates).losses
    assert losses[0] == pytest.approx(np.log(27), abs=0.1)
    assert losses[-100:].mean() < 2.25


@pytest.mark.filterwarnings("error")
def test_a_run_that_diverges_is_silent_and_not_finite(engine: Engine, names: Dataset) -> None:
    model, train = ModelConfig(d_model=16), TrainConfig(learning_rate=1.0)
    state = TrainState.create(model, seed=1)
    views(model, state.params)["lm_head"][:] = np.nan
    batches = documents(1, 0, 2, 4, names.n_docs)
    losses = engine.run(
        state, names, model, train, skip(True), batches, np.ones(2, np.float32)
    ).losses
    assert not np.isfinite(losses).any()
    state.params[:] = 3e38
    assert not np.isfinite(
        engine.gradients(state, names, model, skip(True), batches[0]).grads
    ).all()


def test_the_toggles_it_does_not_have_are_refused_with_a_reason(
    engine: Engine, names: Dataset
) -> None:
    best = engine.default_optimizations()
    state, model = TrainState.create(ModelConfig(d_model=16), 1), ModelConfig(d_model=16)
    for entry in CATALOGUE:
        for value in entry.values:
            possible = entry.key == "padding_skip" or value == getattr(best, entry.key)
            reason = engine.why_not(entry.key, value)
            assert bool(reason) != possible
            if reason:
                toggles = replace(best, **{entry.key: value})
                with pytest.raises(EngineError, match=f"cannot set {entry.key}"):
                    engine.gradients(state, names, model, toggles, np.zeros(1, np.int32))


def test_it_is_ready_and_says_what_it_runs_on(engine: Engine) -> None:
    assert engine.is_ready(ModelConfig(), engine.default_optimizations())
    assert engine.instruction_set(engine.default_optimizations()).startswith("NumPy + ")
