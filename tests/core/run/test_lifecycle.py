"""From every status of a run to every other, and what each of them is told with."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from eetui.core.config import TrainConfig
from eetui.core.run.divergence import Chunk
from eetui.core.run.lifecycle import Lifecycle
from eetui.core.run.snapshot import Status

REFUSED = {
    Status.FINISHED: "The planned steps are done: go on to plan as many again.",
    Status.DIVERGED: "The run has diverged: go back with half the rate, undo, or restart.",
    Status.FAILED: "The trainer has stopped: restart it to train again.",
    Status.CLOSED: "The trainer has stopped: restart it to train again.",
}


def run(status: Status = Status.STARTING, *, paused: bool = False, **trainer: Any) -> Lifecycle:
    given = {"engine": "one", "finished": False, "good": SimpleNamespace(step=4000)}
    made: Any = SimpleNamespace(train=TrainConfig(steps=12_000), **{**given, **trainer})
    lifecycle = Lifecycle(made, paused=paused)
    assert lifecycle.status is Status.STARTING
    lifecycle.status = status
    return lifecycle


@pytest.mark.parametrize(
    ("paused", "asked", "then"),
    [
        (False, [], Status.RUNNING),
        (True, [], Status.PAUSED),
        (False, ["pause"], Status.PAUSED),
        (True, ["resume"], Status.RUNNING),
        (False, ["toggle_pause"], Status.PAUSED),
        (True, ["toggle_pause"], Status.RUNNING),
        (False, ["toggle_pause", "toggle_pause"], Status.RUNNING),
    ],
)
def test_what_is_asked_for_before_there_is_an_engine_comes_after_it(paused, asked, then):
    found = run(paused=paused)
    for name in asked:
        getattr(found, name)()
        assert found.status is Status.STARTING
    found.start()
    assert found.status is then
    found.status = Status.FINISHED
    found.start()
    assert found.status is Status.FINISHED


@pytest.mark.parametrize("status", [Status.RUNNING, Status.PAUSED])
def test_while_it_waits_for_another_engine_it_stands_as_before(status):
    found = run(status)
    found.wait()
    assert found.status is Status.STARTING
    found.start()
    assert found.status is status


def test_a_run_pauses_and_goes_on():
    found = run(Status.RUNNING)
    found.resume()
    assert found.status is Status.RUNNING
    found.pause()
    assert found.status is Status.PAUSED
    found.pause()
    assert found.status is Status.PAUSED
    found.toggle_pause()
    assert found.status is Status.RUNNING
    found.toggle_pause()
    assert found.status is Status.PAUSED


@pytest.mark.parametrize("status", REFUSED)
def test_what_has_ended_is_not_gone_on_with(status, refused):
    for name in ("resume", "toggle_pause", "stop_for_step"):
        found = run(status)
        with refused(REFUSED[status]):
            getattr(found, name)()
        assert found.status is status
    found = run(status)
    found.pause()
    assert found.status is status


def test_a_single_step_is_taken_from_a_pause(refused):
    for status in (Status.RUNNING, Status.PAUSED):
        found = run(status)
        found.stop_for_step()
        assert found.status is Status.PAUSED
    with refused("The engine is not ready yet: wait a moment."):
        run().stop_for_step()


def test_a_divergence_is_told_with_the_way_back():
    found = run(Status.RUNNING)
    found.trained(Chunk(0, np.zeros(3, np.float32), None))
    assert (found.status, found.message, found.is_lost) == (Status.RUNNING, "", False)
    found.trained(Chunk(4990, np.zeros(3, np.float32), 4993, "was not finite"))
    assert (found.status, found.is_lost) == (Status.DIVERGED, True)
    assert found.message == (
        "The loss was not finite at step 4,993. Going back returns to step 4,000 with half the "
        "learning rate."
    )
    assert str(found.failure) == "The loss was not finite at step 4,993: lower the learning rate."
    found.settle(Status.PAUSED)
    assert (found.status, found.message, found.failure) == (Status.PAUSED, "", None)


def test_a_plan_that_is_done_is_told():
    found = run(Status.RUNNING, finished=True)
    found.trained(Chunk(0, np.zeros(3, np.float32), None))
    assert (found.status, found.is_lost) == (Status.FINISHED, False)
    assert found.message == "The plan of 12,000 steps is done."


def test_an_error_is_kept_with_its_traceback_until_the_run_is_left():
    found = run(Status.RUNNING)
    with pytest.raises(ValueError, match="no such thing") as caught:
        raise ValueError("no such thing")
    found.fail(caught.value)
    assert found.failure is caught.value
    assert (found.status, found.is_lost) == (Status.FAILED, True)
    assert found.message == "The trainer stopped: no such thing"
    assert "ValueError: no such thing" in found.error
    found.settle(Status.RUNNING)
    assert (found.status, found.error, found.failure) == (Status.RUNNING, "", None)


def test_without_an_engine_a_run_that_is_left_behind_waits_for_one():
    found = run(Status.FAILED, engine=None)
    found.settle(Status.RUNNING)
    assert found.status is Status.STARTING
