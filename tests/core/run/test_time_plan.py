"""Runs that end with their seconds: by the pace, on the CPU clock, and to be trained again."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from eetui.core.config import TrainConfig
from eetui.core.engines.registry import default
from eetui.core.model.state import TrainState
from eetui.core.run.commands import Resume, SetSteps
from eetui.core.run.log import read_log
from eetui.core.run.replay import follow, surviving
from eetui.core.run.snapshot import Status
from eetui.core.run.time_plan import FIRST_PLAN, paced
from tests.support.sessions import SMALL, session

PLANNED = TrainConfig(steps=FIRST_PLAN)


@pytest.mark.parametrize(
    ("spent", "step", "planned", "found"),
    [
        (0.1, 100, FIRST_PLAN, 1000),
        (0.1, 100, 1000, None),
        (0.1, 100, 1015, None),  # less than 2 % of what is left
        (0.1, 100, 1025, 1000),
        (0.98, 980, 1001, None),  # a step is no miss
        (0.996, 990, 1000, 990),
        (1.2, 1000, 1000, None),
        (0.0, 1, FIRST_PLAN, None),  # a clock that has not moved says nothing
    ],
)
def test_the_plan_follows_the_pace(spent, step, planned, found):
    expected = None if found is None else SetSteps(found)
    assert paced(1.0, spent, step, planned) == expected
    assert paced(None, spent, step, planned) is None


def test_a_session_ends_with_its_seconds_and_its_rate_with_them(names, live):
    run = live(session(names, SMALL, PLANNED, default(), seconds=0.15, stop_at_plan=True))
    last = run.wait_for_end()
    assert last.status is Status.FINISHED
    assert last.cpu_seconds == pytest.approx(0.15, rel=0.1)
    assert last.train.steps == last.step
    assert last.held_out.latest_step == last.step
    log = read_log(json.dumps(run.session.log.to_json()))
    again = TrainState.create(log.setup.model, log.setup.train.seed)
    follow(surviving(log).stretches, names, again)
    assert again.fingerprint == run.session.state.fingerprint


def test_a_plan_of_a_persons_own_takes_the_place_of_the_seconds(names, live):
    train = replace(PLANNED, batch=4)
    run = live(session(names, SMALL, train, seconds=3000.0, stop_at_plan=True, paused=True))
    run.session.submit(SetSteps(30))
    run.session.submit(Resume())
    assert run.wait_for_end().step == 30
