"""What a worker of a Dask cluster runs: a batch of jobs, told by their configurations alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache, partial
from time import monotonic
from typing import Any

from eetui.core.data.dataset import dataset_of
from eetui.core.sweep.job import Job, JobResult
from eetui.core.sweep.job_trainer import JobTrainer
from eetui.core.version import version

SECONDS_BETWEEN_WORDS = 0.25
"""Asking the scheduler takes milliseconds, so a run asks now and then whether it is to stop."""


def documents(text: str, name: str) -> tuple[str, str]:
    """The data as a task of its own: each worker gets them once, and a lost copy is made again."""
    return text, name


@lru_cache(maxsize=2)
def _trainer(data: tuple[str, str]) -> JobTrainer:
    """A trainer that stays warm from batch to batch."""
    return JobTrainer(dataset_of(*data))


def train(
    batch: Sequence[Mapping[str, Any]], data: tuple[str, str], channel: str, wanted: str
) -> list[JobResult] | str:
    """The results of a batch; a sentence where this worker has another eetui than `wanted`.

    channel: where the batch tells how it goes on, and hears which runs are to stop.
    """
    own = version()
    if own != wanted:
        return f"A worker of the cluster has eetui {own} and this is {wanted}: install the same."
    trainer = _trainer(data)
    jobs = [Job.from_json(values) for values in batch]
    return [trainer.train(job, partial(_Line(channel).told, job)) for job in jobs]


class _Line:
    """The line between a run and its driver, over the scheduler."""

    def __init__(self, channel: str) -> None:
        self._channel = channel
        self._due = monotonic() + SECONDS_BETWEEN_WORDS

    def told(self, job: Job, rung: int, loss: float) -> bool:
        """Tell how a run goes on; answers whether it is to stop."""
        if monotonic() < self._due:
            return False
        from distributed import Variable, get_worker

        self._due = monotonic() + SECONDS_BETWEEN_WORDS
        get_worker().log_event(self._channel, {"key": list(job.key), "rung": rung, "loss": loss})
        try:
            stopped = Variable(self._channel).get(timeout="1s")
        except TimeoutError:
            return False
        return job.key in {tuple(key) for key in stopped}
