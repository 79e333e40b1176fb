"""What a measurement adds up to, with an engine and a peak of known speed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from eetui.core import clocks
from eetui.core.config import ModelConfig, TrainConfig
from eetui.core.data.batches import documents_of
from eetui.core.data.dataset import load_dataset
from eetui.core.engines import peak
from eetui.core.engines.base import PHASES, StepReport
from eetui.core.engines.subject import Subject
from eetui.core.errors import UsageError
from eetui.core.measure import bench, timer
from eetui.core.optimizations import Optimizations

PEAK = 100.0
MODEL = ModelConfig(d_model=16)


class PacedEngine:
    """Takes `us` microseconds a step of a core of which it has a quarter, on the `ticks` clock."""

    name = "paced"

    def __init__(self, ticks: Ticks, us: float = 200.0, *, alone: bool = True) -> None:
        self.ticks, self.us, self.alone = ticks, us, alone
        self.calls: list[tuple[int, int, bytes, bool]] = []
        self.rates: set[float] = set()

    def prepare(self, model, optimizations, progress=None) -> None:
        pass

    def instruction_set(self, optimizations) -> str:
        return "clockwork"

    def run(self, state, dataset, model, train, optimizations, documents, rates, profile=False):
        n = len(documents)
        self.calls.append((state.step, n, documents.tobytes(), profile))
        self.rates.update(rates.tolist())
        state.step += n
        state.params += 1
        self.ticks.run(n * self.us)
        ns = np.full(len(PHASES), 1000 * n) if profile else None
        cpu_ns = int(n * self.us * 1e3)
        return StepReport(np.zeros(n, np.float32), 4 * cpu_ns, ns, cpu_ns if self.alone else None)


class Ticks:
    """Both clocks of the bench."""

    def __init__(self) -> None:
        self.cpu_ns = self.wall_ns = 0

    def run(self, us: float) -> None:
        self.cpu_ns += round(us * 1e3)
        self.wall_ns += round(4 * us * 1e3)


@pytest.fixture
def ticks(monkeypatch) -> Ticks:
    """The clocks, on which drawing the documents of a step takes 10 us."""
    ticks = Ticks()
    monkeypatch.setattr(clocks, "thread_time_ns", lambda: ticks.cpu_ns)
    monkeypatch.setattr(clocks, "perf_counter_ns", lambda: ticks.wall_ns)
    monkeypatch.setattr(timer, "perf_counter", lambda: ticks.wall_ns / 1e9)

    def drawn(train, first_step, n_steps, n_docs):
        ticks.run(10.0 * n_steps)
        return documents_of(train, first_step, n_steps, n_docs)

    monkeypatch.setattr(timer, "documents_of", drawn)
    return ticks


@pytest.fixture(autouse=True)
def known_peak(monkeypatch):
    monkeypatch.setattr(peak, "measure", lambda engine: PEAK)


def measure(engine, repeats=5, model=MODEL, **train):
    subject = Subject(load_dataset(), model, TrainConfig(**{"batch": 4, **train}))
    return bench.measure(subject, engine, Optimizations(), repeats)


def test_figures_follow_from_the_runs(ticks):
    """The step is what the thread ran, drawing included; the wall clock stands beside it."""
    report = measure(PacedEngine(ticks))
    assert report.clock == "cpu"
    assert report.us_per_step == pytest.approx(210)
    assert report.wall_us_per_step == pytest.approx(840)
    assert report.us_per_step_runs == pytest.approx([210] * 5)
    assert report.wall_us_per_step_runs == pytest.approx([840] * 5)
    assert (report.us_per_step_min, report.us_per_step_max) == pytest.approx((210, 210))
    assert len(report.peak_gflops_runs) == report.repeats == 5
    assert report.us_per_sample == pytest.approx(210 / 4)
    assert report.samples_per_second == pytest.approx(4e6 / 840)
    assert report.gflops == pytest.approx(report.mflop_per_step / 210 * 1e3)
    assert report.percent_of_peak == pytest.approx(100 * report.gflops / PEAK)
    assert report.isa == "clockwork"
    assert report.phases_us == dict.fromkeys(PHASES, 1.0)
    assert report.nominal_positions == 6.5
    assert report.mean_positions == pytest.approx(7.14, abs=0.01)


def test_operations_that_an_engine_counts_stand_beside_the_nominal_ones(ticks):
    class Counting(PacedEngine):
        def run(self, *arguments, **options):
            report = super().run(*arguments, **options)
            return replace(report, counts={"multiply_adds": 3_000_000 * len(report.losses)})

    report = measure(PacedEngine(ticks))
    assert report.mflop_counted is report.percent_of_peak_counted is None
    report = measure(Counting(ticks))
    assert report.mflop_counted == 6.0
    assert report.percent_of_peak_counted == pytest.approx(100 * 6.0 / 210 * 1e3 / PEAK)


def test_how_far_it_is_is_told(ticks):
    said: list[str] = []
    engine: Any = PacedEngine(ticks)
    bench.measure(
        Subject(load_dataset(), MODEL, TrainConfig(batch=4)),
        engine,
        Optimizations(),
        2,
        said.append,
    )
    assert said == [
        "preparing the paced engine", "warming up", "measuring 1 of 2", "measuring 2 of 2",
        "timing the phases",
    ]  # fmt: skip


def test_several_threads_are_timed_by_the_wall_clock(ticks):
    report = measure(PacedEngine(ticks, alone=False))
    assert report.clock == "wall"
    assert report.us_per_step == report.wall_us_per_step == pytest.approx(840)


@pytest.mark.parametrize(("d_model", "mflop"), [(16, 2.3), (32, 8.5), (64, 32.5), (128, 127)])
def test_work_is_counted_as_in_the_published_figures(ticks, d_model, mflop):
    model = ModelConfig(d_model=d_model)
    report = measure(PacedEngine(ticks), 1, model, batch=16)
    assert report.mflop_per_step == pytest.approx(mflop, rel=0.01)


def test_the_typical_repeat_counts_and_not_the_best(ticks):
    class Uneven(PacedEngine):
        """Every third run is half as long again, every other third twice as long."""

        def run(self, *arguments, **options):
            self.us = 200.0 * (1.0, 1.5, 2.0)[len(self.calls) % 3]
            return super().run(*arguments, **options)

    report = measure(Uneven(ticks))
    runs = sorted(report.us_per_step_runs)
    assert runs[0] < runs[2] < runs[-1]
    assert report.us_per_step == runs[len(runs) // 2]
    assert (report.us_per_step_min, report.us_per_step_max) == (runs[0], runs[-1])


def test_every_repeat_does_the_same_work_after_warming_up(ticks):
    engine = PacedEngine(ticks)
    report = measure(engine)
    repeats, profiled_runs = engine.calls[-8:-3], engine.calls[-3:]
    assert len(set(repeats)) == 1
    step, n, _, profiled = repeats[0]
    assert step > 0
    assert n == report.steps_per_run
    assert not profiled
    assert all(call[3] for call in profiled_runs)


def test_the_learning_rate_does_not_run_out(ticks):
    engine = PacedEngine(ticks, us=5.0)
    measure(engine, steps=10, learning_rate=0.01)
    assert engine.rates == {np.float32(0.01)}


def test_a_slow_engine_is_not_kept_for_long(ticks):
    engine = PacedEngine(ticks, us=300_000)
    assert measure(engine, repeats=2).steps_per_run == 1
    assert len(engine.calls) <= 2 + 2 + 3


def test_it_warms_up_in_stretches_that_double(ticks):
    engine = PacedEngine(ticks)
    measure(engine)
    stretches = [n for _, n, _, _ in engine.calls]
    assert stretches[:9] == [1, 2, 4, 8, 16, 32, 64, 128, timer_steps(127 + 128)]
    assert [step for step, *_ in engine.calls[:9]] == [0, 1, 3, 7, 15, 31, 63, 127, 255]


def timer_steps(done: int) -> int:
    """What is left of the steps that it warms up for."""
    return bench.WARM_UP_STEPS - done


def test_an_engine_without_clocks_has_no_phases(ticks, monkeypatch):
    engine = PacedEngine(ticks)
    run = engine.run
    monkeypatch.setattr(engine, "run", lambda *args: run(*args[:7]))
    assert measure(engine).phases_us == {}


@pytest.mark.parametrize("repeats", [0, -1, 1001])
def test_impossible_repeats(ticks, repeats):
    with pytest.raises(UsageError, match="repeats"):
        measure(PacedEngine(ticks), repeats)
