"""Worker processes: what they train is what is trained here, and one that is killed is replaced."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from time import monotonic

import pytest

from eetui.core.engines.registry import default
from eetui.core.sweep.aim import parse_aim
from eetui.core.sweep.job import Began, Job, JobResult
from eetui.core.sweep.job_trainer import JobTrainer
from eetui.core.sweep.workers import Event, LocalWorkers, Noticed

PATIENCE = 60.0


def jobs(n, aim="loss@60"):
    return [Job(i, 1, {"d_model": 16, "engine": default()}, parse_aim(aim)) for i in range(n)]


def until(workers, enough):
    """All events until `enough` holds of them."""
    found: list[Event] = []
    deadline = monotonic() + PATIENCE
    while not enough(found):
        assert monotonic() < deadline, found
        found += workers.events(0.5)
    return found


def results(events):
    return [event for event in events if isinstance(event, JobResult)]


@pytest.fixture(scope="module")
def workers(names):
    made = LocalWorkers(names, 1)
    yield made
    made.close()


def test_a_worker_gives_what_a_trainer_gives_and_a_killed_one_loses_nothing(workers, names):
    given = jobs(6)
    workers.give(given)
    events = until(workers, lambda found: len(results(found)) >= 2)
    os.kill(workers.pids[0], signal.SIGKILL)
    more = [Job(job.point + 6, job.seed, job.settings, job.aim) for job in given]
    workers.give(more)
    events += until(workers, lambda found: len(results(events + found)) == 12)
    assert sorted(r.key[0] for r in results(events)) == list(range(12))
    assert {r.value for r in results(events)} == {JobTrainer(names).train(given[0]).value}
    assert any(isinstance(event, Noticed) for event in events)


def test_a_job_that_runs_can_be_stopped_and_one_that_waits_withdrawn(workers):
    first, second, third = given = jobs(3, "loss@0.3s")
    workers.give(given)
    until(workers, lambda found: Began(first.key) in found)
    workers.withdraw([first.key, third.key])
    events = until(workers, lambda found: Began(second.key) in found)
    workers.stop([second.key])
    if len(results(events)) < 3:
        events += until(workers, lambda found: len(results(events + found)) == 3)
    endings = {result.key: result.ending for result in results(events)}
    assert endings == {first.key: "done", second.key: "stopped", third.key: "withdrawn"}


def test_a_worker_never_loads_the_screen():
    code = (
        "import sys, eetui.core.sweep.worker as w; "
        "print([m for m in sys.modules if m.split('.')[0] in "
        "('textual', 'rich', 'plotext', 'optuna', 'sqlalchemy', 'typer')])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
