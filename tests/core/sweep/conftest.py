"""A small study on few documents, with workers that answer at once in place of processes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from shutil import copyfile

import pytest

from eetui.core.data.dataset import Dataset, load_dataset
from eetui.core.sweep.aim import parse_aim
from eetui.core.sweep.job import RUNGS, Began, Job, JobResult, Reported
from eetui.core.sweep.space import make_space
from eetui.core.sweep.storage import find_place, open_storage
from eetui.core.sweep.sweep_plan import SweepPlan, make_plan
from eetui.core.sweep.workers import Event


@pytest.fixture(scope="session")
def names() -> Dataset:
    return load_dataset()


Answer = Callable[[Job], JobResult]


def learned(job: Job) -> JobResult:
    """A loss that falls with the distance of the rate from 0.01, a little other for each seed."""
    rate = float(job.settings.get("learning_rate", 0.01))
    value = 2.0 + abs(rate - 0.01) * 10 + (job.seed % 7) / 1000
    return JobResult(
        job.key, "done", value, value, value + 0.01, 100, 0.1, front=((0.1, value),),
        cost=0.1, busy=0.1,
    )  # fmt: skip


class Scripted:
    """Workers that do at most `size` jobs between two looks; `answer` says what each gives."""

    def __init__(self, answer: Answer = learned, size: int = 2) -> None:
        self.size = size
        self.answer = answer
        self.done: list[Job] = []
        self.stopped: set[tuple[int, int]] = set()
        self.closed = False
        self._jobs: list[Job] = []

    @property
    def room(self) -> int:
        return max(2 * self.size - len(self._jobs), 0)

    def give(self, jobs: Sequence[Job]) -> None:
        self._jobs += jobs

    def stop(self, keys: Iterable[tuple[int, int]]) -> None:
        self.stopped |= set(keys)

    def withdraw(self, keys: Iterable[tuple[int, int]]) -> None:
        taken = set(keys)
        self._jobs = [job for job in self._jobs if job.key not in taken]

    def events(self, seconds: float) -> list[Event]:
        work, self._jobs = self._jobs[: self.size], self._jobs[self.size :]
        found: list[Event] = []
        for job in work:
            self.done.append(job)
            found.append(Began(job.key))
            result = self.answer(job)
            found += [Reported(job.key, rung, result.loss or 0.0) for rung in range(1, RUNGS)]
            found.append(result)
        # What a pruner says to a report is heard before the result, as a process would.
        return found

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def plan(names: Dataset) -> SweepPlan:
    """Twelve points of a learning rate, drawn at random."""
    space = make_space({"lr": "0.001..0.03", "d_model": "16", "engine": "numpy"})
    return make_plan(
        space, parse_aim("loss@100"), runs=12, sampler="random", pruner="none",
        data=names.source, fingerprint=names.fingerprint,
    )  # fmt: skip


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Optuna's tables without a study; to make them takes most of a second."""
    path = tmp_path_factory.mktemp("database") / "empty.db"
    storage = open_storage(find_place(str(path)), make=True)
    storage.engine.dispose()  # type: ignore[attr-defined]
    return path


@pytest.fixture
def file(tmp_path: Path, empty_database: Path) -> str:
    return str(copyfile(empty_database, tmp_path / "study.db"))


@pytest.fixture
def journal(tmp_path: Path) -> str:
    """Quicker to make than a database."""
    return f"journal:{tmp_path / 'study.log'}"
