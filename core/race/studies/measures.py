"""Runs both studies: the best loss within one second, and the launch model."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from eetui.core.data.dataset import Dataset
from eetui.core.race.roster import create
from eetui.core.race.studies import launch_model, one_second
from eetui.core.race.studies.launch_model import LaunchResult
from eetui.core.race.studies.one_second import OneSecondResult

MEASURED = ("native", "native+matrix")
"""The fastest contestant, with and without a matrix unit."""


@dataclass(frozen=True, slots=True)
class Measures:
    """The results so far. progress: from 0 to 1. doing: what is being done, '' at the end."""

    one_second: tuple[OneSecondResult, ...] = ()
    launches: tuple[LaunchResult, ...] = ()
    progress: float = 0.0
    doing: str = ""


def measure(
    dataset: Dataset, seed: int = 42, *, with_one_second: bool = True, with_launches: bool = True
) -> Iterator[Measures]:
    """Measure both or one of them at all widths; yields after every result."""
    contestants = [create(name) for name in MEASURED]
    everyone = launch_model.with_gpus(contestants) if with_launches else []
    expected = with_one_second * len(contestants) * len(one_second.D_MODELS)
    expected += with_launches * len(launch_model.widths(everyone))

    def after(now: Measures, doing: str) -> Measures:
        done = len(now.one_second) + len(now.launches)
        return replace(now, progress=done / expected, doing=doing)

    now = Measures(doing="measuring")
    yield now
    for result in one_second.measure(contestants, dataset, seed=seed) if with_one_second else ():
        now = replace(now, one_second=(*now.one_second, result))
        now = after(now, f"within one second: {result.contestant} at d_model {result.d_model}")
        yield now
    for launch in launch_model.measure(everyone, dataset, seed=seed) if with_launches else ():
        now = replace(now, launches=(*now.launches, launch))
        now = after(now, f"a GPU's launches: d_model {launch.d_model}")
        yield now
    yield replace(now, doing="")
