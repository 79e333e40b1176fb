"""A point of a sweep: settings, what each of its seeds gave, and their mean with an interval."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from math import sqrt
from typing import Any, Literal

import numpy as np

from eetui.core.sweep.job import Ending, JobResult
from eetui.core.sweep.space import Value
from eetui.core.verdict import student_t

State = Literal["running", "done", "pruned", "missed", "diverged", "failed"]


@dataclass(frozen=True, slots=True)
class SeedResult:
    """One seed of a point. run: its id in the run store, or ''. Else as in `JobResult`."""

    seed: int
    ending: Ending
    value: float | None
    held_out: float | None
    loss: float | None
    steps: int
    seconds: float
    front: tuple[tuple[float, float], ...]
    run: str = ""

    def to_json(self) -> dict[str, Any]:
        """The training as a JSON object."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> SeedResult:
        """What `to_json` gave."""
        front = tuple((float(x), float(y)) for x, y in values["front"])
        return cls(**{**values, "front": front})

    @classmethod
    def of(cls, result: JobResult, run: str = "") -> SeedResult:
        """What a worker found."""
        return cls(
            result.key[1], result.ending, result.value, result.held_out, result.loss,
            result.steps, result.seconds, result.front, run,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class SweepPoint:
    """number: of its driver. settings: of what varies. why: what went wrong, or ''."""

    number: int
    settings: Mapping[str, Value]
    state: State
    trainings: tuple[SeedResult, ...] = ()
    why: str = ""

    @property
    def values(self) -> dict[int, float]:
        """What the aim asks for, by seed."""
        return {t.seed: t.value for t in self.trainings if t.value is not None}

    @property
    def mean(self) -> float | None:
        """The mean over the seeds so far."""
        values = self.values
        return float(np.mean([*values.values()])) if values else None

    @property
    def interval(self) -> tuple[float, float] | None:
        """Where the mean over all seeds lies, at 95 % (Student); None with one seed."""
        values = [*self.values.values()]
        if len(values) < 2:
            return None
        half = student_t(len(values) - 1) * float(np.std(values, ddof=1)) / sqrt(len(values))
        mean = float(np.mean(values))
        return mean - half, mean + half

    @property
    def seconds(self) -> float:
        """Mean training time of its seeds."""
        return float(np.mean([t.seconds for t in self.trainings])) if self.trainings else 0.0

    @property
    def held_out(self) -> float | None:
        """Mean held-out loss of its seeds, nats."""
        found = [t.held_out for t in self.trainings if t.held_out is not None]
        return float(np.mean(found)) if found else None

    @property
    def loss(self) -> float | None:
        """Mean training loss of its seeds at their ends, nats."""
        found = [t.loss for t in self.trainings if t.loss is not None]
        return float(np.mean(found)) if found else None
