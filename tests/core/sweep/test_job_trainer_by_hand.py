"""Trainings whose steps take a millisecond each and whose losses are known: chunks, rungs, ends."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from eetui.core import clocks
from eetui.core.data.dataset import dataset_of
from eetui.core.engines import registry
from eetui.core.engines.numpy import NumpyEngine
from eetui.core.sweep.aim import parse_aim
from eetui.core.sweep.job import Job
from eetui.core.sweep.job_trainer import JobTrainer

SETTINGS: dict[str, Any] = {
    "d_model": 4, "n_heads": 1, "engine": "numpy", "batch": 1, "block_size": 4,
}  # fmt: skip
TEXT = "\n".join(a + b for a in "abcdefghijkl" for b in "abcdefgh")  # ten of them are held out


class Known(NumpyEngine):
    """Its steps take `us` of both clocks, and its loss at step k is `loss(k)`."""

    def __init__(self) -> None:
        super().__init__()
        self.us, self.ns = 1000.0, 10**9
        self.chunks: list[int] = []
        self.plans: list[int] = []

    def loss(self, steps: np.ndarray) -> np.ndarray:
        return 3.0 - steps / 100

    def run(self, state, dataset, model, train, optimizations, documents, rates, profile=False):
        first = state.step
        report = super().run(state, dataset, model, train, optimizations, documents, rates)
        self.ns += round(self.us * 1e3 * len(documents))
        self.chunks.append(len(documents))
        self.plans.append(train.steps)
        losses = self.loss(np.arange(first, first + len(documents)))
        return replace(report, losses=losses.astype(np.float32), cpu_ns=1)


@pytest.fixture
def engine(monkeypatch):
    made = Known()
    monkeypatch.setattr(registry, "create", lambda name: made)
    for name in ("thread_time_ns", "perf_counter_ns"):
        monkeypatch.setattr(clocks, name, lambda: made.ns)
    return made


def trained(aim: Any, report=lambda rung, loss: False, *, is_told=True, **settings: Any):
    aim = parse_aim(aim) if isinstance(aim, str) else aim
    job = Job(3, 7, {**SETTINGS, **settings}, aim, is_told)
    return JobTrainer(dataset_of(TEXT, "two letters")).train(job, report)


class Heard:
    """What a run reports, without stopping it."""

    def __init__(self) -> None:
        self.rungs: list[int] = []
        self.losses: list[float] = []

    def __call__(self, rung: int, loss: float) -> bool:
        self.rungs.append(rung)
        self.losses.append(loss)
        return False


def close(loss):
    """A mean of losses, which are float32."""
    return pytest.approx(loss, rel=1e-6)


def near(value):
    return pytest.approx(value, rel=1e-9)


def test_steps_are_taken_up_to_each_eighth_of_the_plan(engine):
    heard = Heard()
    result = trained("loss@40", heard)
    assert engine.chunks == [8, 2, 5, 5, 5, 5, 5, 5]
    assert set(engine.plans) == {40}
    assert heard.rungs == [1, 2, 3, 4, 5, 6, 7]
    assert heard.losses == close([3 - (steps - 1) / 200 for steps in (8, 10, 15, 20, 25, 30, 35)])
    assert (result.key, result.ending, result.steps, result.clock) == ((3, 7), "done", 40, "cpu")
    assert (result.seconds, result.cost) == near((0.040, 0.040))
    assert result.loss == close(3 - 39 / 200)
    assert result.value == result.held_out == result.front[-1][1]
    assert result.front[-1][0] == near(0.040)
    assert json.loads(result.kept.log)["entries"] == []


def test_who_is_not_told_hears_nothing(engine):
    heard = Heard()
    trained("loss@40", heard, is_told=False)
    assert heard.rungs == []


def test_one_step_is_enough(engine):
    assert trained("loss@1").steps == 1
    assert engine.chunks == [1]


def test_the_mean_loss_is_of_the_last_hundred_steps(engine):
    assert trained("loss@250").loss == close(3 - (150 + 249) / 200)


def test_seconds_are_planned_by_the_pace_of_the_first_steps(engine):
    heard = Heard()
    result = trained("loss@0.1s", heard)
    assert engine.plans == [10**6, 100, 100]
    assert engine.chunks == [8, 50, 42]
    assert heard.rungs == [4]  # after 8 and 58 of 100 ms
    assert (result.steps, result.ending, result.seconds) == (100, "done", near(0.1))
    (entry,) = json.loads(result.kept.log)["entries"]
    assert (entry["at"], entry["steps"]) == (8, 100)


def test_quick_steps_are_taken_in_chunks_that_grow_eightfold(engine):
    engine.us = 10.0
    assert trained("loss@0.02s").steps == 2000
    assert engine.chunks == [8, 64, 512, 1416]


def test_a_pace_that_changes_changes_the_plan(engine):
    run = engine.run

    def quicker(*arguments: Any) -> Any:
        engine.us = 2000.0 if arguments[0].step < 8 else 1000.0
        return run(*arguments)

    engine.run = quicker
    result = trained("loss@0.1s")
    assert engine.chunks == [8, 25, 47]
    assert engine.plans == [10**6, 50, 80]  # 16 ms for 8 steps, then 41 ms for 33
    assert (result.steps, result.seconds) == (80, near(0.088))
    entries = json.loads(result.kept.log)["entries"]
    assert [(entry["at"], entry["steps"]) for entry in entries] == [(8, 50), (33, 80)]


def test_the_time_to_a_loss_is_told_to_the_step(engine):
    """The mean of steps n - 100 to n - 1 is 3 - (n - 50.5) / 100: below 2.5 from step 101 on."""
    result = trained(replace(parse_aim("time@2.5"), seconds=1.0))
    assert (result.ending, result.value) == ("done", near(0.101))
    assert result.steps >= 101
    assert result.seconds == near(result.steps / 1000)
    exactly = trained(replace(parse_aim("time@2.505"), seconds=1.0))
    assert exactly.value == near(0.101)  # below it, not at it


def test_a_loss_that_is_not_reached_is_missed_at_the_end_of_the_seconds(engine):
    result = trained(replace(parse_aim("time@0.5"), seconds=0.05))
    assert (result.ending, result.value, result.seconds) == ("missed", None, near(0.05))
    assert result.held_out is not None


def test_a_run_that_diverges_ends_at_once(engine):
    engine.loss = lambda steps: np.where(steps < 20, 3.0, np.nan)
    result = trained("loss@400")
    assert (result.ending, result.value, result.held_out) == ("diverged", None, None)
    assert result.why == f"It diverged within {result.steps:,} steps."
    assert engine.chunks[-1] == result.steps - 8
    assert result.seconds == near(0.008)  # what went well


def test_a_run_that_is_stopped_has_no_value(engine):
    result = trained("loss@80", lambda rung, loss: rung == 2)
    assert (result.ending, result.value, result.steps) == ("stopped", None, 20)
    assert result.held_out is not None


def test_the_held_out_loss_is_measured_where_it_takes_a_fiftieth_of_the_time(engine):
    """Ten documents take 10 / 3 ms, so it is due after 167 ms; a batch of four takes no longer."""
    result = trained("loss@400")
    assert [seconds for seconds, _ in result.front] == near([0.2, 0.4])
    assert len({loss for _, loss in result.front}) == 2
    quick = trained("loss@400", batch=4)
    assert [s for s, _ in quick.front] == near([0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4])


def test_without_held_out_documents_the_training_loss_counts(engine):
    result = trained("loss@400", held_out=0.0)
    assert (result.held_out, result.front) == (None, ())
    assert result.value == result.loss == close(3 - (300 + 399) / 200)


def test_what_cannot_be_is_told_and_takes_no_time(engine):
    result = trained("loss@40", d_model=5)
    assert (result.ending, result.steps, result.seconds) == ("failed", 0, 0.0)
    assert "d_model" in result.why
    assert 0 <= result.busy < 60


def test_engines_are_kept_from_job_to_job(engine, monkeypatch):
    made = []

    def create(name: str) -> Known:
        made.append(name)
        return engine

    monkeypatch.setattr(registry, "create", create)
    trainer = JobTrainer(dataset_of(TEXT, "two letters"))
    for size in (4, 4, 6, 4):
        job = Job(0, 1, {**SETTINGS, "block_size": size}, parse_aim("loss@8"))
        assert trainer.train(job).ending == "done"
    assert made == ["numpy"]
