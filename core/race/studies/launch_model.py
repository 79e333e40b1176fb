"""The launch model: a small model's step takes less time than a GPU needs to launch its kernels."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from time import perf_counter_ns

from eetui.core.config import ModelConfig, TrainConfig
from eetui.core.data.dataset import Dataset
from eetui.core.engines.subject import Subject
from eetui.core.race.contestant import Contestant
from eetui.core.race.lane import Clock, RacePlan
from eetui.core.race.league import compete
from eetui.core.race.roster import ON_GPU, create
from eetui.core.race.standing import Standing
from eetui.core.race.tasks import make_task

D_MODELS = (16, 32, 64, 128)
WIDER = (256, 512)
"""Also measured if there is a GPU: EEmicroGPT's author saw it overtake a core at 256."""
SECONDS = 0.5

LAUNCHES = 40
"""Kernels of a step, as EEmicroGPT counts: 7 products forward, 13 backward, about 20 others."""
COMPUTE_US = 10.0
"""Time of the kernels themselves, as it estimates for a B200 at d_model 32 and batch 16."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """A way to launch kernels, and the time of a launch in microseconds."""

    name: str
    launch_us: float

    @property
    def us_per_step(self) -> float:
        """Time of a step by EEmicroGPT's model: its launches and a little computing."""
        return LAUNCHES * self.launch_us + COMPUTE_US


SCENARIOS = (
    Scenario("CUDA graphs", 3.0),
    Scenario("asynchronous launches", 10.0),
    Scenario("a framework", 15.0),
)
"""The three of EEmicroGPT. They model a GPU; nothing here was measured."""


@dataclass(frozen=True, slots=True)
class LaunchResult:
    """What was measured at one width, by contestant, to be compared with `SCENARIOS`."""

    d_model: int
    batch: int
    standings: tuple[Standing, ...]

    @property
    def best(self) -> Standing | None:
        """The fastest contestant on the CPU."""
        on_cpu = [s for s in self.standings if s.us_per_step and s.name not in ON_GPU]
        return min(on_cpu, key=lambda s: s.us_per_step or 0.0, default=None)

    @property
    def gpus(self) -> tuple[Standing, ...]:
        """The contestants on a GPU of this machine."""
        return tuple(s for s in self.standings if s.us_per_step and s.name in ON_GPU)

    def factor(self, scenario: Scenario) -> float | None:
        """How many times longer the modelled GPU takes than the fastest here."""
        us = self.best.us_per_step if self.best else None
        return scenario.us_per_step / us if us else None


def with_gpus(contestants: Sequence[Contestant]) -> list[Contestant]:
    """The contestants and every framework that finds a GPU here."""
    names = {contestant.name for contestant in contestants}
    found = (create(name) for name in ON_GPU if name not in names)
    return [*contestants, *(c for c in found if not c.why_not())]


def widths(contestants: Sequence[Contestant]) -> tuple[int, ...]:
    """The widths at which these contestants are measured."""
    return D_MODELS + WIDER * any(contestant.name in ON_GPU for contestant in contestants)


def measure(
    contestants: Sequence[Contestant],
    dataset: Dataset,
    *,
    d_models: Sequence[int] | None = None,
    batch: int = 16,
    seconds: float = SECONDS,
    seed: int = 42,
    clock: Clock = perf_counter_ns,
) -> Iterator[LaunchResult]:
    """A short race at every width (`widths` by default), from the narrowest to the widest."""
    base = Subject(dataset, ModelConfig(), TrainConfig(seed=seed))
    for d_model in widths(contestants) if d_models is None else d_models:
        subject = base.at_width(d_model)
        task = make_task("equal", subject, batch=batch)
        *_, last = compete(task, contestants, RacePlan(seconds), clock=clock)
        yield LaunchResult(d_model, batch, last.standings)
