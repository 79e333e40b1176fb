"""One training of a sweep: what a worker is told to do, and what it has found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from eetui.core.clocks import ClockName
from eetui.core.sweep.aim import Aim
from eetui.core.sweep.space import Settings

Ending = Literal["done", "missed", "stopped", "withdrawn", "diverged", "failed"]
"""missed: the threshold was not reached in time. stopped: told to end, as it was losing.
withdrawn: never begun."""

RUNGS = 8
"""A run tells its loss after each eighth of its budget, for a pruner to judge it by."""


@dataclass(frozen=True, slots=True)
class Job:
    """A point trained from one seed. point: its number in the driver. is_told: whether it tells its
    loss on the way, and hears whether to stop. It travels as JSON.
    """

    point: int
    seed: int
    settings: Settings
    aim: Aim
    is_told: bool = True

    @property
    def key(self) -> tuple[int, int]:
        """What tells it from all others of a driver."""
        return self.point, self.seed

    def to_json(self) -> dict[str, Any]:
        """The job as a JSON object."""
        return {
            "point": self.point,
            "seed": self.seed,
            "settings": dict(self.settings),
            "aim": self.aim.to_json(),
            "is_told": self.is_told,
        }

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Job:
        """What `to_json` gave."""
        aim = Aim.from_json(values["aim"])
        return cls(values["point"], values["seed"], values["settings"], aim, values["is_told"])


@dataclass(frozen=True, slots=True)
class Kept:
    """What the run store keeps of a training beside its figures: JSON texts and packed curves."""

    instruction_set: str
    configuration: dict[str, Any]
    log: str
    curves: bytes


@dataclass(frozen=True, slots=True)
class JobResult:
    """What became of a job.

    value: what the aim asks for; None unless done. held_out: the loss on all held-out documents,
    nats; loss: the mean training loss of the last 100 steps. seconds: training time by `clock`.
    front: (seconds, held-out loss) on the way and at the end. cost: seconds of the worker's CPU
    that went into training; busy: that went by from the job's start to its end. why: what went
    wrong, in a sentence, or ''.
    """

    key: tuple[int, int]
    ending: Ending
    value: float | None = None
    held_out: float | None = None
    loss: float | None = None
    steps: int = 0
    seconds: float = 0.0
    clock: ClockName = "cpu"
    front: tuple[tuple[float, float], ...] = ()
    cost: float = 0.0
    busy: float = 0.0
    why: str = ""
    kept: Kept | None = None


@dataclass(frozen=True, slots=True)
class Began:
    """A worker has taken a job up."""

    key: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Reported:
    """The mean training loss of a job after so many eighths of its budget."""

    key: tuple[int, int]
    rung: int
    loss: float
