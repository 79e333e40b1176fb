"""Contestants that train nothing, on a clock that only they move."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
import pytest

from eetui.core.config import ModelConfig, TrainConfig
from eetui.core.data.dataset import Dataset, load_dataset
from eetui.core.model.state import TrainState
from eetui.core.race.contestant import Task, Work
from eetui.core.race.lane import RacePlan
from eetui.core.race.league import League, compete


@dataclass
class FakeClock:
    """Nanoseconds that pass only when a contestant works."""

    now: int = 0

    def __call__(self) -> int:
        return self.now


@dataclass
class Fake:
    """A contestant whose steps take `us` each and whose loss falls as 3 - step / 1000."""

    name: str
    clock: FakeClock
    us: float = 100.0
    batch: int = 16
    missing: str = ""
    breaks: Exception | None = None
    fails_at: int | None = None
    worthless_at: int | None = None
    names_us: float = 0.0
    summary: str = "Trains nothing."
    model: str = ""
    extra: str = ""
    n_params: int = 4192
    detail: str = "clockwork"
    done: int = 0
    slices: list[int] = field(default_factory=list)

    def why_not(self) -> str:
        return self.missing

    def start(self, task: Task) -> Fake:
        self.clock.now += 7_000_000_000  # compiling takes long and counts for nothing
        if self.breaks:
            raise self.breaks
        return self

    def advance(self, n_steps: int) -> np.ndarray:
        steps = np.arange(self.done, self.done + n_steps)
        if self.fails_at is not None and steps[-1] >= self.fails_at:
            raise ZeroDivisionError("division by zero")
        self.clock.now += round(n_steps * self.us * 1e3)
        self.done += n_steps
        self.slices.append(n_steps)
        losses = np.maximum(3.0 - steps / 1000, 1.0)
        if self.worthless_at is not None:
            losses[steps >= self.worthless_at] = np.nan
        return losses

    def work(self) -> Work:
        return Work(21, "matrix operations", self.batch)

    def generate(self, n: int, temperature: float, seed: int) -> list[str]:
        self.clock.now += round(self.names_us * 1e3)
        return [f"{self.name}{self.done}-{i}" for i in range(n)]

    def loss_on(self, documents: Dataset, n: int) -> float:
        self.clock.now += 5_000_000_000  # off the clock
        return 2.5 - len(self.name) / 100


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture(scope="session")
def task() -> Task:
    """Equal rules at d_model 8, batch 16, the shipped names."""
    model, train = ModelConfig(d_model=8), TrainConfig(schedule="constant")
    initial = TrainState.create(model, train.seed).params.astype(np.float64)
    return Task(load_dataset(), model, train, "equal", initial)


Compete = Callable[..., list[League]]


@pytest.fixture
def race(task: Task, clock: FakeClock) -> Compete:
    """All leagues of a race of fakes: `race([...], seconds=1)`."""

    def run(contestants: Sequence[Fake], *, skipped=frozenset(), observe=None, meter=None, **plan):
        leagues = compete(
            task,
            contestants,
            RacePlan(**plan),
            skipped=skipped,
            observe=observe,
            clock=clock,
            meter=meter,
        )
        return [*leagues]

    return run


def slopes(f: Callable[[], float], x: np.ndarray, places: Iterable[int]) -> list[float]:
    """Central differences of f along elements of a flat array that it reads."""
    found = []
    for i in places:
        kept = x[i]
        x[i] = kept + 1e-6
        above = f()
        x[i] = kept - 1e-6
        below = f()
        x[i] = kept
        found.append((above - below) / 2e-6)
    return found
