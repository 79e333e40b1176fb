"""The held-out loss is that of one step's weights on all held-out documents, within its share."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from eetui.core import clocks
from eetui.core.config import ModelConfig, TrainConfig
from eetui.core.data.batches import documents, learning_rates
from eetui.core.data.dataset import Dataset, load_dataset
from eetui.core.engines.numpy import NumpyEngine
from eetui.core.model import reference
from eetui.core.model.state import TrainState
from eetui.core.run.evaluation import SHARE, HeldOutLoss

MODEL = ModelConfig(d_model=8, n_heads=2)
TRAIN = TrainConfig(batch=4, steps=200)


@pytest.fixture(scope="module")
def split(names: Dataset) -> Dataset:
    return names.with_held_out(0.02)


def expected(state: TrainState, held_out: Dataset | None) -> float:
    assert held_out is not None
    params = state.params.astype(np.float64)
    return reference.loss(params, MODEL, held_out.tokens, held_out.lengths)


def train(state: TrainState, dataset: Dataset, steps: int) -> None:
    engine = NumpyEngine()
    drawn = documents(TRAIN.seed, state.step, steps, TRAIN.batch, dataset.n_docs)
    rates = learning_rates(TRAIN, state.step, steps)
    on = engine.default_optimizations()
    engine.run(state, dataset, MODEL, TRAIN, on, drawn, rates)


def test_the_end_is_measured_whole(split: Dataset) -> None:
    engine, state = NumpyEngine(), TrainState.create(MODEL, 1)
    train(state, split, 20)
    meter = HeldOutLoss(split, MODEL)
    meter.finish(engine, engine.default_optimizations(), state, 1.5)
    curve = meter.track.curve()
    assert (curve.steps.tolist(), curve.seconds.tolist()) == ([20], [1.5])
    assert curve.latest == pytest.approx(expected(state, split.held_out), rel=1e-5)


def test_a_pass_over_many_chunks_is_the_loss_at_its_first_step(split: Dataset) -> None:
    engine, state = NumpyEngine(), TrainState.create(MODEL, 1)
    on, meter = engine.default_optimizations(), HeldOutLoss(split, MODEL)
    before = expected(state, split.held_out)
    chunks = 0
    while not len(meter.track.curve().steps):
        meter.trained(10_000_000, engine, on, state, 0.25)
        train(state, split, 1)
        chunks += 1
        assert chunks < 10_000
    curve = meter.track.curve()
    assert curve.steps.tolist() == [0]
    assert curve.latest == pytest.approx(before, rel=1e-5)
    assert chunks > 1


class CountingEngine(NumpyEngine):
    """Takes no time for a document, and counts them."""

    def __init__(self) -> None:
        self.evaluated = 0

    def evaluate(self, *args: object) -> np.ndarray:
        rows = args[-1]
        assert isinstance(rows, np.ndarray)
        self.evaluated += rows.size
        return np.ones(len(rows), np.float32)


def test_nothing_is_measured_before_its_share_of_the_time_has_come(
    split: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a clock by which each reading is a millisecond later, so a slice takes one."""
    now = iter(range(0, 10**12, 1_000_000))
    monkeypatch.setattr(clocks, "perf_counter_ns", lambda: next(now))
    monkeypatch.setattr(clocks, "thread_time_ns", lambda: next(now))
    engine, state = CountingEngine(), TrainState.create(MODEL, 1)
    on, meter = engine.default_optimizations(), HeldOutLoss(split, MODEL)
    slices = 0
    for _ in range(1000):
        before = engine.evaluated
        meter.trained(10_000_000, engine, on, state, 0.0)
        slices += engine.evaluated > before
    assert slices * 1e6 <= SHARE * 1000 * 1e7 + 1e6
    assert slices >= 0.9 * SHARE * 1000 * 10


def test_without_held_out_documents_nothing_is_measured(names: Dataset, tmp_path: Path) -> None:
    path = tmp_path / "few.txt"
    path.write_text("one\ntwo\nthree\n")
    few = load_dataset(str(path)).with_held_out(0.1)
    engine = CountingEngine()
    for dataset in (few, names.with_held_out(0.0)):
        meter = HeldOutLoss(dataset, MODEL)
        state = TrainState.create(MODEL, 1)
        meter.trained(10**12, engine, engine.default_optimizations(), state, 0.0)
        meter.finish(engine, engine.default_optimizations(), state, 0.0)
        assert meter.track.curve().latest is None
    assert engine.evaluated == 0


def test_going_back_forgets_what_was_measured_later(split: Dataset) -> None:
    engine, state = NumpyEngine(), TrainState.create(MODEL, 1)
    meter = HeldOutLoss(split, MODEL)
    for n in (10, 10, 10):
        train(state, split, n)
        meter.finish(engine, engine.default_optimizations(), state, state.step / 10)
    meter.forget_after(20)
    assert meter.track.curve().steps.tolist() == [10, 20]
