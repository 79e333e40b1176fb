"""The best loss within one second: a small model learns too little, a large one is too slow."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from time import perf_counter_ns

from eetui.core.config import ModelConfig, TrainConfig
from eetui.core.data.dataset import Dataset
from eetui.core.engines.subject import Subject
from eetui.core.race.contestant import Contestant
from eetui.core.race.lane import Clock, RacePlan
from eetui.core.race.league import League, compete
from eetui.core.race.standing import Standing
from eetui.core.race.studies.published import ONE_SECOND
from eetui.core.race.tasks import make_task

D_MODELS = (16, 32, 64, 128)
PACE_SECONDS = 0.2
"""Length of the trial run that shows how many steps fit."""


@dataclass(frozen=True, slots=True)
class OneSecondResult:
    """What a contestant reached within the time at one width.

    steps: planned from the pace of a trial run, so that the learning rate ends at zero. seconds:
    the time that they took. loss: mean of the last 100 steps, nats. published: EEmicroGPT's loss on
    an Apple M5, if there is one. reason: why it could not run, else ''.
    """

    contestant: str
    d_model: int
    batch: int
    learning_rate: float
    steps: int = 0
    seconds: float = 0.0
    loss: float | None = None
    published: float | None = None
    reason: str = ""

    @property
    def us_per_step(self) -> float | None:
        return self.seconds * 1e6 / self.steps if self.steps else None


def measure(
    contestants: Sequence[Contestant],
    dataset: Dataset,
    *,
    d_models: Sequence[int] = D_MODELS,
    seconds: float = 1.0,
    batch: int = 16,
    seed: int = 42,
    clock: Clock = perf_counter_ns,
) -> Iterator[OneSecondResult]:
    """Each contestant at each width, one after the other.

    They train on all documents, as the published program does.
    """
    base = Subject(dataset, ModelConfig(), TrainConfig(seed=seed))
    for d_model in d_models:
        subject = base.at_width(d_model)
        for contestant in contestants:
            trial = make_task("equal", subject, batch=batch, held_out=0.0)
            result = OneSecondResult(
                contestant.name, d_model, batch, trial.train.learning_rate,
                published=ONE_SECOND.get((contestant.name, d_model)) if batch == 16 else None,
            )  # fmt: skip
            pace = _last(compete(trial, [contestant], RacePlan(PACE_SECONDS), clock=clock))
            if not pace.us_per_step or pace.reason:
                yield _with(result, pace)
                continue
            steps = max(1, round(seconds * 1e6 / pace.us_per_step))
            task = make_task("equal", subject, batch=batch, steps=steps, held_out=0.0)
            plan = RacePlan(seconds=None, steps=steps)
            yield _with(result, _last(compete(task, [contestant], plan, clock=clock)))


def _last(leagues: Iterator[League]) -> Standing:
    """Where the only contestant of a race stands at its end."""
    *_, last = leagues
    return last.standings[0]


def _with(result: OneSecondResult, standing: Standing) -> OneSecondResult:
    return replace(
        result,
        steps=standing.steps,
        seconds=standing.seconds,
        loss=standing.loss,
        reason=standing.reason,
    )
