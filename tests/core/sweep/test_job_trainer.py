"""One training: the run that a log describes. It ends when it should and says what it did."""

from __future__ import annotations

import json

import numpy as np
import pytest

from eetui.core.engines.registry import default
from eetui.core.model.state import TrainState
from eetui.core.run.log import read_log
from eetui.core.run.replay import follow, surviving
from eetui.core.store.run_record import Curves
from eetui.core.sweep.aim import parse_aim
from eetui.core.sweep.job import RUNGS, Job
from eetui.core.sweep.job_trainer import JobTrainer
from eetui.core.sweep.space import Value

SETTINGS: dict[str, Value] = {"d_model": 16, "engine": default()}


@pytest.fixture(scope="module")
def trainer(names):
    return JobTrainer(names)


def job(aim, seed=1, **settings):
    return Job(0, seed, {**SETTINGS, **settings}, parse_aim(aim))


def exact(result):
    track = Curves.from_bytes(result.kept.curves).exact
    return track.steps.tolist(), track.values.tolist()


def test_the_same_seed_gives_the_same_loss_and_another_one_another(trainer, names):
    first, again, other = (trainer.train(job("loss@150", seed)) for seed in (1, 1, 2))
    assert first.ending == "done"
    assert first.value == again.value == first.held_out
    assert other.value != first.value
    assert JobTrainer(names).train(job("loss@150")).value == first.value


def test_the_log_trains_the_same_weights_again(trainer, names):
    result = trainer.train(job("loss@0.05s"))
    assert result.kept is not None
    log = read_log(result.kept.log)
    assert log.step == result.steps
    losses = dict(zip(*exact(result), strict=True))
    again: dict[int, float] = {}

    def observe(first_step, chunk):
        again.update(enumerate(chunk.tolist(), first_step))

    state = TrainState.create(log.setup.model, log.setup.train.seed)
    follow(surviving(log).stretches, names, state, observe)
    assert state.step == result.steps
    assert len(losses) > 50
    assert {step: again[step] for step in losses} == losses


def test_seconds_end_a_run_by_the_clock_and_its_rate_falls_to_zero_with_them(trainer):
    result = trainer.train(job("loss@0.2s"))
    assert result.clock == "cpu"
    assert result.seconds == pytest.approx(0.2, rel=0.1)
    assert result.kept is not None
    plan = json.loads(result.kept.log)["entries"][-1]["steps"]
    assert plan == pytest.approx(result.steps, rel=0.05)


def test_the_time_to_a_loss_is_that_of_the_first_100_steps_below_it(trainer):
    result = trainer.train(job("time@2.6"))
    assert result.ending == "done"
    assert result.value is not None
    assert 0 < result.value <= result.seconds
    assert result.loss is not None
    missed = trainer.train(Job(0, 1, SETTINGS, parse_aim("time@0.5", seconds=0.05)))
    assert (missed.ending, missed.value) == ("missed", None)


def test_the_steps_of_a_schedule_may_be_set_where_a_loss_is_looked_for(trainer):
    """The rate falls to zero after them, so the run ends there, long before its seconds."""
    short, long = (
        trainer.train(Job(0, 1, {**SETTINGS, "steps": n}, parse_aim("time@0.5", by_point=True)))
        for n in (120, 240)
    )
    assert (short.ending, short.steps) == ("missed", 120)
    assert long.steps == 240
    assert short.kept is not None
    assert json.loads(short.kept.log)["entries"] == []
    late = trainer.train(Job(0, 1, SETTINGS, parse_aim("time@0.5", steps=10**8, seconds=0.05)))
    assert late.seconds == pytest.approx(0.05, rel=0.2)


def test_a_report_can_stop_a_run(trainer):
    told = []

    def report(rung, loss):
        told.append(rung)
        return rung == 3

    result = trainer.train(job("loss@400"), report)
    assert told == [1, 2, 3]
    assert (result.ending, result.value, result.steps) == ("stopped", None, 400 * 3 // RUNGS)
    assert trainer.train(job("loss@400"), lambda rung, loss: False).steps == 400


def test_what_diverges_or_cannot_be_is_told_in_the_result(trainer):
    result = trainer.train(job("loss@300", learning_rate=9.9, beta1=0.0))
    assert result.ending in ("diverged", "done")
    assert result.ending == "diverged" or np.isfinite(result.value)
    failed = trainer.train(job("loss@10", products="sme2", padding_skip="off", engine="numpy"))
    assert failed.ending == "failed"
    assert failed.why.endswith(".")


def test_steps_may_be_a_setting(trainer):
    result = trainer.train(Job(0, 1, {**SETTINGS, "steps": 60}, parse_aim("loss", by_point=True)))
    assert result.steps == 60


def test_a_job_survives_json():
    given = job("loss@1s", activation="relu2")
    assert Job.from_json(json.loads(json.dumps(given.to_json()))) == given
