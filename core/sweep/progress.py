"""How far a sweep has come: its points, the best of them, and the front of loss against seconds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from eetui.core.sweep.point import State, SweepPoint
from eetui.core.sweep.space import Value
from eetui.core.sweep.sweep_plan import SweepPlan
from eetui.core.verdict import LEAST_PAIRS, interval


@dataclass(frozen=True, slots=True)
class FrontPoint:
    """A place on the front: the mean held-out loss that a point had after so many seconds."""

    seconds: float
    loss: float
    point: int
    settings: Mapping[str, Value]


@dataclass(frozen=True, slots=True)
class SweepProgress:
    """A sweep at one moment. reference: what --study takes to go on with it. doing: what
    is going on, '' at the end.

    trained: trainings done by this session. seconds: since it began, by the wall clock.
    training_share: what part of its workers' time went into steps of training, 0 to 1, from the
    first training on; None before it. left: seconds that the rest will take, None if unknown.
    importances: by setting, 0 to 1. notice: the last thing that a person should know, or ''.
    """

    study: str
    place: str
    reference: str
    plan: SweepPlan
    points: tuple[SweepPoint, ...]
    doing: str
    workers: int
    trained: int = 0
    seconds: float = 0.0
    training_share: float | None = None
    left: float | None = None
    importances: Mapping[str, float] = field(default_factory=dict)
    notice: str = ""

    def count(self, state: State) -> int:
        """Points in a state."""
        return sum(point.state == state for point in self.points)

    @property
    def over(self) -> int:
        """Points that are finished, whatever became of them."""
        return len(self.points) - self.count("running")

    @property
    def progress(self) -> float:
        """From 0 to 1."""
        return min(self.over / self.plan.total, 1.0)

    @property
    def league(self) -> list[SweepPoint]:
        """The finished points, the best first."""
        done = [point for point in self.points if point.state == "done"]
        return sorted(done, key=lambda point: point.mean or 0.0)

    @property
    def best(self) -> SweepPoint | None:
        """The point with the lowest mean."""
        league = self.league
        return league[0] if league else None

    @property
    def about(self) -> str:
        """What is swept over: 'amber heron: loss@1s, d_model 16,32, learning_rate 0.001..0.03'."""
        space = ", ".join(f"{d.key} {d.words}" for d in self.plan.space.dimensions)
        return f"{self.study}: {self.plan.aim.words}, {space}"

    @property
    def counts(self) -> str:
        """How many points are over, and the best of them."""
        words = [f"{self.over:,} of {self.plan.total:,} points"]
        if pruned := self.count("pruned"):
            words.append(f"{pruned:,} pruned")
        best = self.best
        if best is not None and best.mean is not None:
            words.append(f"best {best.mean:.4f} {self.plan.aim.unit}")
        return ", ".join(words)

    def find(self, number: int | None) -> SweepPoint | None:
        """The point of that number."""
        return next((point for point in self.points if point.number == number), None)


def beats(a: SweepPoint, b: SweepPoint) -> bool:
    """Whether a is better than b over the seeds of both: the interval of the paired differences
    lies below 0. Fewer than 8 seeds never say so."""
    mine, theirs = a.values, b.values
    pairs = [mine[seed] - theirs[seed] for seed in mine.keys() & theirs.keys()]
    return len(pairs) >= LEAST_PAIRS and interval(pairs)[1] < 0


def front(points: Iterable[SweepPoint]) -> list[FrontPoint]:
    """What no other point beats in both, by seconds: as long as one has trained, its loss then.

    A place is the mean over the seeds of a point, where all of them were measured.
    """
    found_places = [place for point in points for place in places(point)]
    found: list[FrontPoint] = []
    for place in sorted(found_places, key=lambda place: (place.seconds, place.loss)):
        if not found or place.loss < found[-1].loss:
            found.append(place)
    return found


def places(point: SweepPoint) -> list[FrontPoint]:
    """The mean held-out loss of a point at each place where all its seeds were measured."""
    ways = [training.front for training in point.trainings if training.front]
    if not ways or point.state not in ("done", "missed", "pruned"):
        return []
    n = min(map(len, ways))
    # Counted from the end, where every run has been measured.
    return [
        FrontPoint(
            float(np.mean([way[i][0] for way in ways])),
            float(np.mean([way[i][1] for way in ways])),
            point.number,
            point.settings,
        )
        for i in range(-n, 0)
    ]


def sweep_json(standing: SweepProgress) -> dict[str, Any]:
    """The sweep as one JSON object; every figure has its unit in docs/sweeps.md."""
    best = standing.best
    return {
        "study": standing.study,
        "storage": standing.place,
        "aim": standing.plan.aim.words,
        "runs": standing.over,
        "planned": standing.plan.total,
        "trainings": sum(len(point.trainings) for point in standing.points),
        "pruned": standing.count("pruned"),
        "missed": standing.count("missed"),
        "diverged": standing.count("diverged"),
        "failed": standing.count("failed"),
        "seconds": standing.seconds,
        "workers": standing.workers,
        "training_share": standing.training_share,
        "sampler": standing.plan.sampler,
        "pruner": standing.plan.pruner,
        "best": None if best is None else point_json(best, standing.plan),
        "beats_second": _beats_second(standing.league),
        "front": [
            {
                "seconds": place.seconds,
                "loss": place.loss,
                "settings": standing.plan.space.settings(place.settings),
            }
            for place in front(standing.points)
        ],
        "importances": dict(standing.importances),
    }


def _beats_second(league: Sequence[SweepPoint]) -> bool | None:
    return beats(league[0], league[1]) if len(league) > 1 else None


def point_json(point: SweepPoint, plan: SweepPlan) -> dict[str, Any]:
    """A point as a JSON object."""
    ends = point.interval
    return {
        "settings": plan.space.settings(point.settings),
        "state": point.state,
        "mean": point.mean,
        "low": None if ends is None else ends[0],
        "high": None if ends is None else ends[1],
        "seeds": [training.seed for training in point.trainings],
        "values": [training.value for training in point.trainings],
        "held_out_loss": point.held_out,
        "loss": point.loss,
        "seconds": point.seconds,
        "steps": [training.steps for training in point.trainings],
        "runs": [training.run for training in point.trainings],
        "why": point.why,
    }
