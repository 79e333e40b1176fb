"""Threads of the native engine: one result every time, whatever their number."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from eetui.core import cpu
from eetui.core.config import ModelConfig, TrainConfig
from eetui.core.data.dataset import Dataset
from eetui.core.engines.native.engine import NativeEngine
from eetui.core.model.state import TrainState
from tests.support.steps import advance


@pytest.fixture
def many_cores(native: NativeEngine, monkeypatch: pytest.MonkeyPatch) -> NativeEngine:
    """The engine on a machine with cores for all its threads, which share those that there are."""
    host = replace(cpu.detect(), cores=8)
    monkeypatch.setattr(cpu, "detect", lambda: host)
    return native


@pytest.mark.parametrize("threads", [2, 4])
def test_threads_give_one_result_every_time(
    many_cores: NativeEngine, names: Dataset, threads: int
) -> None:
    model, train = ModelConfig(d_model=32), TrainConfig(batch=24, learning_rate=0.005)
    on = many_cores.default_optimizations()
    states, losses = [], []
    for here in (on, replace(on, threads=threads), replace(on, threads=threads)):
        state = TrainState.create(model, 1)
        told = [advance(many_cores, state, names, model, train, here, 5) for _ in range(10)]
        states.append(state.params)
        losses.append(np.concatenate([report.losses for report in told]))
    np.testing.assert_array_equal(states[1], states[2])
    np.testing.assert_array_equal(losses[1], losses[2])
    np.testing.assert_allclose(losses[1], losses[0], rtol=1e-2)
    assert np.linalg.norm(states[1] - states[0]) < 1e-2 * np.linalg.norm(states[0])


def test_more_threads_than_documents(many_cores: NativeEngine, names: Dataset) -> None:
    model, train = ModelConfig(d_model=16), TrainConfig(batch=1)
    one, many = TrainState.create(model, 1), TrainState.create(model, 1)
    on = many_cores.default_optimizations()
    a = advance(many_cores, one, names, model, train, on, 20).losses
    b = advance(many_cores, many, names, model, train, replace(on, threads=8), 20).losses
    np.testing.assert_allclose(a, b, rtol=1e-3)
