"""What a measurement adds up to, with an engine and a peak of known speed."""

from __future__ import annotations

from statistics import median
from time import perf_counter

import numpy as np
import pytest

from eetui.core.config import ModelConfig, TrainConfig
from eetui.core.data.dataset import load_dataset
from eetui.core.engines import peak
from eetui.core.engines.base import PHASES, StepReport
from eetui.core.errors import UsageError
from eetui.core.measure import bench
from eetui.core.optimizations import Optimizations

PEAK = 100.0
MODEL = ModelConfig(d_model=16)


class PacedEngine:
    """Takes `us` microseconds a step, plus what `delays` says for each call after warming up."""

    name = "paced"

    def __init__(self, us: float = 200.0) -> None:
        self.us = us
        self.calls: list[tuple[int, int, bytes, bool]] = []
        self.rates: set[float] = set()

    def prepare(self, model, optimizations, progress=None) -> None:
        pass

    def instruction_set(self, optimizations) -> str:
        return "clockwork"

    def run(self, state, dataset, model, train, optimizations, documents, rates, profile=False):
        start = perf_counter()
        n = len(documents)
        self.calls.append((state.step, n, documents.tobytes(), profile))
        self.rates.update(rates.tolist())
        state.step += n
        state.params += 1
        while perf_counter() - start < n * self.us / 1e6:
            pass
        ns = np.full(len(PHASES), 1000 * n) if profile else None
        return StepReport(np.zeros(n, np.float32), int(n * self.us * 1e3), ns)


@pytest.fixture(autouse=True)
def known_peak(monkeypatch):
    monkeypatch.setattr(peak, "measure", lambda engine: PEAK)
    monkeypatch.setattr(bench, "RUN_SECONDS", 0.02)
    monkeypatch.setattr(bench, "WARM_UP_SECONDS", 0.05)


def measure(engine, repeats=5, **train):
    train = TrainConfig(**{"batch": 4, **train})
    return bench.measure(engine, load_dataset(), MODEL, train, Optimizations(), repeats)


def test_figures_follow_from_the_runs():
    report = measure(PacedEngine())
    assert report.us_per_step == median(report.us_per_step_runs)
    assert report.us_per_step == pytest.approx(200, rel=0.5)
    assert report.us_per_step_min == min(report.us_per_step_runs)
    assert report.us_per_step_max == max(report.us_per_step_runs)
    assert len(report.us_per_step_runs) == len(report.peak_gflops_runs) == report.repeats == 5
    assert report.us_per_sample == report.us_per_step / 4
    assert report.samples_per_second == pytest.approx(1e6 / report.us_per_sample)
    assert report.gflops == pytest.approx(report.mflop_per_step / report.us_per_step * 1e3)
    assert report.percent_of_peak == pytest.approx(report.gflops)
    assert report.isa == "clockwork"
    assert report.phases_us == dict.fromkeys(PHASES, 1.0)


@pytest.mark.parametrize(("d_model", "mflop"), [(16, 2.3), (32, 8.5), (64, 32.5), (128, 127)])
def test_work_is_counted_as_in_the_published_figures(d_model, mflop):
    model = ModelConfig(d_model=d_model)
    report = bench.measure(
        PacedEngine(), load_dataset(), model, TrainConfig(batch=16), Optimizations(), 1
    )
    assert report.mflop_per_step == pytest.approx(mflop, rel=0.01)


def test_every_repeat_does_the_same_work_after_warming_up():
    engine = PacedEngine()
    report = measure(engine)
    repeats, profiled_runs = engine.calls[-8:-3], engine.calls[-3:]
    assert len(set(repeats)) == 1
    step, n, _, profiled = repeats[0]
    assert step > 0
    assert n == report.steps_per_run
    assert not profiled
    assert all(call[3] for call in profiled_runs)


def test_the_learning_rate_does_not_run_out():
    engine = PacedEngine(us=5.0)
    measure(engine, steps=10, learning_rate=0.01)
    assert engine.rates == {np.float32(0.01)}


def test_a_slow_engine_is_not_kept_for_long():
    engine = PacedEngine(us=30_000)
    assert measure(engine, repeats=2).steps_per_run == 1
    assert len(engine.calls) <= 2 + 2 + 3


def test_an_engine_without_clocks_has_no_phases():
    engine = PacedEngine()
    run = engine.run
    engine.run = lambda *args: run(*args[:-1], False)
    assert measure(engine).phases_us == {}


@pytest.mark.parametrize("repeats", [0, -1, 1001])
def test_impossible_repeats(repeats):
    with pytest.raises(UsageError, match="repeats"):
        measure(PacedEngine(), repeats)
