"""A worker process from within: a test is the driver at the other end of its line."""

from __future__ import annotations

import json
import os
import signal
import socket
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from threading import Thread
from typing import Any

import pytest

from eetui.core.data.dataset import Dataset
from eetui.core.sweep.aim import parse_aim
from eetui.core.sweep.job import Began, Job, JobResult, Reported
from eetui.core.sweep.worker import Worker, main
from tests.support.live import PATIENCE


class Line:
    """Both ends; what the driver says lies ready before it is asked for."""

    def __init__(self) -> None:
        ours, theirs = socket.socketpair()
        self.ours, self.theirs = Connection(ours.detach()), Connection(theirs.detach())

    def say(self, *words: Any) -> None:
        self.ours.send_bytes(json.dumps(words).encode())

    def leave(self) -> None:
        """Say no more; what was said can still be heard, and answered."""
        end = socket.socket(fileno=os.dup(self.ours.fileno()))
        end.shutdown(socket.SHUT_WR)
        end.close()

    def heard(self) -> list[Any]:
        found = []
        while self.ours.poll():
            try:
                found.append(self.ours.recv())
            except EOFError:
                break
        return found


class Trainer:
    """Reports three times, and does what a test wants in between."""

    def __init__(self, between: Callable[[Job, int], None] = lambda job, rung: None) -> None:
        self.trained: list[Job] = []
        self._between = between

    def train(self, job: Job, report: Callable[[int, float], bool]) -> JobResult:
        self.trained.append(job)
        for rung in (1, 2, 3):
            self._between(job, rung)
            if report(rung, 3.0 - rung / 10):
                return JobResult(job.key, "stopped")
        return JobResult(job.key, "done", 2.0)


@pytest.fixture
def line() -> Iterator[Line]:
    made = Line()
    yield made
    made.ours.close()
    made.theirs.close()


def jobs(n: int) -> list[Job]:
    return [Job(i, 7, {"d_model": 8}, parse_aim("loss@20")) for i in range(n)]


def work(line: Line, trainer: Any) -> list[Any]:
    """What the driver hears until it goes away."""
    with pytest.raises(EOFError):
        Worker(line.theirs).work(trainer)
    return line.heard()


def told(job: Job, rungs: int = 3) -> list[Any]:
    return [Began(job.key), *(Reported(job.key, r, 3.0 - r / 10) for r in range(1, rungs + 1))]


def test_jobs_are_done_one_after_the_other(line):
    first, second = jobs(2)
    trainer = Trainer(lambda job, rung: line.leave() if (job, rung) == (second, 3) else None)
    line.say(first.to_json())
    line.say(second.to_json())
    found = work(line, trainer)
    assert trainer.trained == [first, second]
    assert found == [*told(first), JobResult(first.key, "done", 2.0), *told(second)]


def test_what_waits_is_taken_back_and_what_runs_is_stopped(line):
    given = jobs(4)

    def between(job: Job, rung: int) -> None:
        if (job.point, rung) == (0, 2):
            line.say({"withdraw": [given[0].key, given[1].key]})
            line.say({"stop": [given[2].key]})
        if (job.point, rung) == (3, 1):
            line.say({"stop": [given[3].key, (9, 9)]})

    line.say(*(job.to_json() for job in given))

    class Last(Trainer):
        def train(self, job: Job, report: Callable[[int, float], bool]) -> JobResult:
            result = super().train(job, report)
            if job.point == 3:
                line.leave()
            return result

    trainer = Last(between)
    found = work(line, trainer)
    assert [job.point for job in trainer.trained] == [0, 3]
    results = {event.key: event.ending for event in found if isinstance(event, JobResult)}
    assert results == {(0, 7): "done", (1, 7): "withdrawn", (2, 7): "withdrawn", (3, 7): "stopped"}
    assert [e.rung for e in found if isinstance(e, Reported)] == [1, 2, 3, 1]


@pytest.fixture
def served(line: Line) -> Iterator[Callable[[], int]]:
    """`served()` is the whole process, with the worker's end of the line for itself."""
    before = signal.getsignal(signal.SIGINT)
    handle = os.dup(line.theirs.fileno())
    yield lambda: main([str(handle)])
    signal.signal(signal.SIGINT, before)


def test_it_serves_until_the_driver_goes(line, served, names):
    (job,) = (Job(0, 7, {"d_model": 4, "engine": "numpy"}, parse_aim("loss@8"), False),)
    line.say(names.source, names.fingerprint)
    line.say(job.to_json())
    found: list[Any] = []

    def drive() -> None:
        found.extend(line.ours.recv() for _ in range(3))
        line.leave()

    driver = Thread(target=drive)
    driver.start()
    assert served() == 0
    driver.join(PATIENCE)
    ready, began, result = found
    assert (ready, began, result.key, result.steps) == ("", Began(job.key), job.key, 8)
    assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN


def test_other_documents_are_told_of(line, served, names: Dataset):
    line.say(names.source, "another hash")
    assert served() == 1
    assert line.heard() == [
        "A worker has other documents than the sweep: put back the file it began with."
    ]


def test_without_a_driver_it_ends_quietly(line, served):
    line.leave()
    assert served() == 0
    assert line.heard() == []
