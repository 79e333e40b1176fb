"""What local workers are told and what is made of what they say; a test plays the processes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from multiprocessing.connection import Connection
from typing import Any

import pytest

from eetui.core.errors import EetuiError
from eetui.core.sweep.aim import parse_aim
from eetui.core.sweep.job import Began, Job, JobResult, Reported
from eetui.core.sweep.workers import LocalWorkers, Noticed


class Process:
    """A worker that does what the test says, at the other end of its socket."""

    def __init__(self, command: list[str], pass_fds: list[int], **options: Any) -> None:
        self.command, self.options = command, options
        assert command[-1] == str(pass_fds[0])
        self.line = Connection(os.dup(pass_fds[0]))
        self.pid = 4000 + pass_fds[0]
        self.ends: list[str] = []
        self.is_deaf = False

    def heard(self) -> Any:
        """The next message of the driver."""
        assert self.line.poll(5)
        return json.loads(self.line.recv_bytes())

    def terminate(self) -> None:
        self.ends.append("terminate")

    def wait(self, timeout: float | None = None) -> int:
        self.ends.append("wait" if timeout is None else f"wait {timeout:g}")
        if self.is_deaf and timeout is not None:
            raise subprocess.TimeoutExpired("worker", timeout)
        return 0

    def kill(self) -> None:
        self.ends.append("kill")


@pytest.fixture
def processes(monkeypatch):
    found: list[Process] = []

    def start(*arguments: Any, **options: Any) -> Process:
        found.append(Process(*arguments, **options))
        return found[-1]

    monkeypatch.setattr(subprocess, "Popen", start)
    yield found
    for process in found:
        process.line.close()


def jobs(n, first=0):
    settings: dict[str, Any] = {"d_model": 8, "engine": "numpy"}
    return [Job(first + i, 7, settings, parse_aim("loss@20")) for i in range(n)]


def done(job, busy=0.25):
    return JobResult(job.key, "done", 2.0, busy=busy)


def test_a_worker_is_a_process_with_one_thread_that_is_told_the_data(processes, names):
    workers = LocalWorkers(names, 2)
    assert (workers.size, workers.room, workers.pids) == (2, 4, [])
    workers.give(jobs(1))
    first, second = processes
    assert workers.pids == [first.pid, second.pid]
    assert first.command[:3] == [sys.executable, "-m", "eetui.core.sweep.worker"]
    env = first.options["env"]
    threads = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS")
    assert {env[name] for name in threads} == {"1"}
    assert env["PATH"] == os.environ["PATH"]
    assert {first.options[name] for name in ("stdin", "stdout", "stderr")} == {subprocess.DEVNULL}
    assert first.heard() == second.heard() == [names.source, names.fingerprint]


def test_each_gets_its_share_and_those_who_have_least_first(processes, names):
    workers, given = LocalWorkers(names, 2), jobs(5)
    workers.give(given[:3])
    workers.give(given[3:])
    first, second = processes
    for process in processes:
        process.heard()
    assert first.heard() == [given[0].to_json(), given[2].to_json()]
    assert second.heard() == [given[1].to_json()]
    assert second.heard() == [given[3].to_json()]
    assert first.heard() == [given[4].to_json()]
    assert workers.room == 0
    workers.stop([given[0].key, given[1].key, (99, 7)])
    workers.withdraw([given[4].key])
    assert first.heard() == [{"stop": [list(given[0].key)]}]
    assert second.heard() == [{"stop": [list(given[1].key)]}]
    assert first.heard() == [{"withdraw": [list(given[4].key)]}]
    assert not second.line.poll()


def test_what_they_say_is_handed_on(processes, names):
    workers, given = LocalWorkers(names, 1), jobs(2)
    workers.give(given)
    (process,) = processes
    said = ["", Began(given[0].key), Reported(given[0].key, 1, 2.5), done(given[0]), 3]
    for each in said:
        process.line.send(each)
    assert workers.events(5.0) == said[1:4]
    assert workers.events(0.0) == []
    assert workers.room == 1  # one of two that shall be there


def test_quick_jobs_lie_ready_in_greater_numbers(processes, names):
    workers = LocalWorkers(names, 1)
    (first,) = jobs(1)
    workers.give([first])
    (process,) = processes
    rooms = []
    for i in range(30):
        process.line.send(done(jobs(1, first=i)[0], busy=0.01))
        workers.events(5.0)
        rooms.append(workers.room)
    # A run takes 0.01 + 0.24 * 0.8^n s; a quarter of a second lies ready beside the one at work.
    assert rooms[:7] == [2, 3, 3, 3, 4, 4, 5]
    assert rooms[-1] == 17
    process.line.send(done(jobs(1, first=99)[0], busy=0.0))  # as of one that never began
    workers.events(5.0)
    assert workers.room == 17
    process.line.send(done(jobs(1, first=99)[0], busy=100.0))
    workers.events(5.0)
    assert workers.room == 2


def test_a_worker_that_cannot_use_the_data_says_why(processes, names, refused):
    workers = LocalWorkers(names, 1)
    workers.give(jobs(1))
    processes[0].line.send("A worker has other documents.")
    with refused("other documents", EetuiError):
        workers.events(5.0)


def test_one_that_ends_as_it_begins_is_not_begun_again(processes, names, refused):
    workers = LocalWorkers(names, 1)
    workers.give(jobs(1))
    processes[0].line.close()
    with refused("ended as it began: try `eetui doctor`", EetuiError):
        workers.events(5.0)
    assert processes[0].ends == ["terminate", "wait 5"]


def test_one_that_ends_later_is_replaced_and_its_jobs_are_done_again(processes, names):
    workers, given = LocalWorkers(names, 1), jobs(3)
    workers.give(given)
    for lost in range(3):
        process = processes[-1]
        process.is_deaf = lost == 0
        process.line.send("")
        if lost == 2:
            process.line.send(done(given[2]))
        workers.events(5.0)
        process.line.close()
        found = workers.events(5.0)
        assert found[0] == Noticed("A worker ended; another one takes up its runs.")
        if lost < 2:  # the one at work was given up twice, and may be done again
            assert found[1:] == []
            assert len(processes) == lost + 2
            processes[-1].heard()
            assert processes[-1].heard() == [job.to_json() for job in given]
        else:
            assert found[1:] == [JobResult(given[0].key, "failed", why="Its worker ended 3 times.")]
            processes[-1].heard()
            assert processes[-1].heard() == [given[1].to_json()]
    assert processes[0].ends == ["terminate", "wait 5", "kill", "wait"]
    assert processes[1].ends == ["terminate", "wait 5"]
    assert workers.pids == [processes[-1].pid]


def test_all_are_told_to_end_before_one_is_waited_for(processes, names):
    workers = LocalWorkers(names, 2)
    workers.give(jobs(1))
    workers.close()
    for process in processes:
        assert process.ends == ["terminate", "terminate", "wait 5"]
        process.heard()
