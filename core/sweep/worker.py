"""A worker process: takes jobs from its driver, trains them one by one, and answers.

`python -m eetui.core.sweep.worker FD` speaks over the inherited socket FD. Jobs come as JSON; the
data are loaded here, once, and must have the fingerprint that the driver's have.
"""

from __future__ import annotations

import json
import signal
import sys
from collections import deque
from functools import partial
from multiprocessing.connection import Connection
from typing import Any

from eetui.core.data.dataset import Dataset, load_dataset
from eetui.core.errors import EetuiError
from eetui.core.sweep.job import Began, Job, JobResult, Reported
from eetui.core.sweep.job_trainer import JobTrainer


class Worker:
    """The driver's words come in between two pieces of training. None of them is waited for."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._jobs: deque[Job] = deque()
        self._stopped: set[tuple[int, int]] = set()

    def work(self, trainer: JobTrainer) -> None:
        """Train until the driver goes away."""
        while True:
            self._listen(wait=not self._jobs)
            if not self._jobs:
                continue
            job = self._jobs.popleft()
            self._send(Began(job.key))
            self._send(trainer.train(job, partial(self._told, job)))

    def _told(self, job: Job, rung: int, loss: float) -> bool:
        self._send(Reported(job.key, rung, loss))
        self._listen(wait=False)
        return job.key in self._stopped

    def _send(self, what: Any) -> None:
        self._connection.send(what)

    def _listen(self, *, wait: bool) -> None:
        """Take what the driver has said; leaves the process when there is no driver any more."""
        while wait or self._connection.poll():
            wait = False
            for words in json.loads(self._connection.recv_bytes()):
                if taken := words.get("stop") or words.get("withdraw"):
                    self._take_back({tuple(key) for key in taken})
                    self._stopped.update(map(tuple, words.get("stop", ())))
                else:
                    self._jobs.append(Job.from_json(words))

    def _take_back(self, keys: set[tuple[int, int]]) -> None:
        for key in [job.key for job in self._jobs if job.key in keys]:
            self._send(JobResult(key, "withdrawn"))
        self._jobs = deque(job for job in self._jobs if job.key not in keys)


def load_data(source: str | None, fingerprint: str) -> Dataset:
    """The documents of a study; raises `EetuiError` where they are others than the driver's."""
    dataset = load_dataset(source)
    if dataset.fingerprint != fingerprint:
        raise EetuiError(
            "A worker has other documents than the sweep: put back the file it began with."
        )
    return dataset


def main(arguments: list[str]) -> int:
    """Serve the driver at the other end of the socket."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the driver, which says when
    with Connection(int(arguments[0])) as connection:
        try:
            source, fingerprint = json.loads(connection.recv_bytes())
            try:
                trainer = JobTrainer(load_data(source, fingerprint))
            except EetuiError as error:
                connection.send(str(error))
                return 1
            connection.send("")
            Worker(connection).work(trainer)
        except (EOFError, OSError):
            return 0
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
