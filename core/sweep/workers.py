"""Who trains: processes of this machine, or anything else that takes jobs and gives results."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from typing import Protocol

from eetui.core import cpu
from eetui.core.data.dataset import Dataset
from eetui.core.errors import EetuiError
from eetui.core.sweep.job import Began, Job, JobResult, Reported

AHEAD_SECONDS = 0.25
"""Work that lies ready for a worker, so that it never waits for the driver."""
MOST_AHEAD = 16
MOST_LOSSES = 3
"""After a job has taken so many workers with it, it is given up."""
CLOSING_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Noticed:
    """Something that a person should know, in a sentence."""

    words: str


Event = Began | Reported | Noticed | JobResult


class Workers(Protocol):
    """Jobs go in, events come out. None of the calls waits for a training."""

    @property
    def size(self) -> int:
        """How many train at once."""

    @property
    def room(self) -> int:
        """How many jobs more keep all of them busy."""

    def give(self, jobs: Sequence[Job]) -> None:
        """Train these, some time."""

    def stop(self, keys: Iterable[tuple[int, int]]) -> None:
        """Let jobs end soon, or never begin; each of them still has a result."""

    def withdraw(self, keys: Iterable[tuple[int, int]]) -> None:
        """Let jobs never begin; those that have go on."""

    def events(self, seconds: float) -> list[Event]:
        """What has happened; waits for so long at the most if there is nothing yet."""

    def close(self) -> None:
        """Let go of the workers, whatever they do."""


@dataclass(slots=True)
class _Process:
    """One worker process and the jobs that it has."""

    process: subprocess.Popen[bytes]
    connection: Connection
    is_ready: bool = False
    jobs: dict[tuple[int, int], Job] = field(default_factory=dict)

    def say(self, words: list[object]) -> None:
        """A message that is lost if the process has ended; its end is noticed elsewhere."""
        with suppress(OSError):
            self.connection.send_bytes(json.dumps(words).encode())


class LocalWorkers:
    """A process a core, each with one thread; they begin with the first jobs and stay warm.

    One that dies is replaced, and its jobs are done again. Raises `EetuiError` where a worker
    cannot use the data.
    """

    def __init__(self, dataset: Dataset, size: int | None = None) -> None:
        self._source, self._fingerprint = dataset.source, dataset.fingerprint
        self._losses: dict[tuple[int, int], int] = {}
        self._pace = AHEAD_SECONDS
        self._size = size or cpu.detect().cores
        self._workers: list[_Process] = []

    @property
    def size(self) -> int:
        """Processes."""
        return self._size

    @property
    def pids(self) -> list[int]:
        """Their process ids."""
        return [worker.process.pid for worker in self._workers]

    @property
    def room(self) -> int:
        """Jobs that are missing to keep every worker busy for a moment."""
        if not self._workers:
            return self._size * self._ahead
        return sum(max(self._ahead - len(worker.jobs), 0) for worker in self._workers)

    @property
    def _ahead(self) -> int:
        return min(max(round(AHEAD_SECONDS / self._pace), 1), MOST_AHEAD) + 1

    def _start(self) -> _Process:
        ours, theirs = socket.socketpair()
        with theirs:
            command = [sys.executable, "-m", "eetui.core.sweep.worker", str(theirs.fileno())]
            one = {name: "1" for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")}
            process = subprocess.Popen(
                command,
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env={**os.environ, **one, "NUMBA_NUM_THREADS": "1"},
            )
        worker = _Process(process, Connection(ours.detach()))
        worker.say([self._source, self._fingerprint])
        return worker

    def give(self, jobs: Sequence[Job]) -> None:
        """To each its share, those first who have least."""
        if not self._workers:
            self._workers = [self._start() for _ in range(self._size)]
        shares: dict[int, list[Job]] = {}
        for job in jobs:
            place = min(range(self._size), key=lambda i: len(self._workers[i].jobs))
            self._workers[place].jobs[job.key] = job
            shares.setdefault(place, []).append(job)
        for place, share in shares.items():
            self._workers[place].say([job.to_json() for job in share])

    def stop(self, keys: Iterable[tuple[int, int]]) -> None:
        """Those that run end at their next eighth."""
        self._tell("stop", set(keys))

    def withdraw(self, keys: Iterable[tuple[int, int]]) -> None:
        """Take them out of the queues."""
        self._tell("withdraw", set(keys))

    def _tell(self, what: str, keys: set[tuple[int, int]]) -> None:
        for worker in self._workers:
            if own := [key for key in worker.jobs if key in keys]:
                worker.say([{what: own}])

    def events(self, seconds: float) -> list[Event]:
        """What the workers have said."""
        by_connection = {worker.connection: worker for worker in self._workers}
        found: list[Event] = []
        for ready in wait(list(by_connection), seconds):
            assert isinstance(ready, Connection)
            worker = by_connection[ready]
            try:
                while worker.connection.poll():
                    found += self._heard(worker, worker.connection.recv())
            except (EOFError, OSError):
                found += self._replaced(worker)
        return found

    def _heard(self, worker: _Process, said: object) -> list[Event]:
        match said:
            case str(problem):
                if problem:
                    raise EetuiError(problem)
                worker.is_ready = True
                return []
            case JobResult():
                worker.jobs.pop(said.key, None)
                if said.busy:
                    self._pace += 0.2 * (said.busy - self._pace)
                return [said]
            case Began() | Reported():
                return [said]
        return []

    def _replaced(self, worker: _Process) -> list[Event]:
        """A new process in the place of one that has ended, with the jobs that it had."""
        self._end(worker)
        if not worker.is_ready:
            raise EetuiError("A worker of the sweep ended as it began: try `eetui doctor`.")
        place = self._workers.index(worker)
        self._workers[place] = self._start()
        found: list[Event] = [Noticed("A worker ended; another one takes up its runs.")]
        again: list[Job] = []
        for place, (key, job) in enumerate(worker.jobs.items()):
            self._losses[key] = self._losses.get(key, 0) + (place == 0)  # the one at work
            if self._losses[key] >= MOST_LOSSES:
                why = f"Its worker ended {MOST_LOSSES} times."
                found.append(JobResult(key, "failed", why=why))
            else:
                again.append(job)
        self.give(again)
        return found

    def _end(self, worker: _Process) -> None:
        worker.connection.close()
        worker.process.terminate()
        try:
            worker.process.wait(CLOSING_SECONDS)
        except subprocess.TimeoutExpired:
            worker.process.kill()
            worker.process.wait()

    def close(self) -> None:
        """End the processes."""
        for worker in self._workers:
            worker.connection.close()
            worker.process.terminate()
        for worker in self._workers:
            self._end(worker)
