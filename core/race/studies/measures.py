"""What is measured beside a race: the loss within one second and the killer microsecond."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from eetui.core.data.dataset import Dataset
from eetui.core.race.registry import create
from eetui.core.race.studies import launch_model as killer
from eetui.core.race.studies import one_second as within
from eetui.core.race.studies.launch_model import Card
from eetui.core.race.studies.one_second import Within

MEASURED = ("native", "native+matrix")
"""Who is measured: the quickest there is, with and without a matrix unit."""


@dataclass(frozen=True, slots=True)
class Measures:
    """How far it has come. progress: from 0 to 1. doing: what is being done, '' at the end."""

    one_second: tuple[Within, ...] = ()
    cards: tuple[Card, ...] = ()
    progress: float = 0.0
    doing: str = ""


def measure(
    dataset: Dataset, seed: int = 42, *, one_second: bool = True, cards: bool = True
) -> Iterator[Measures]:
    """Measure both at all widths, or one alone; yields after every figure."""
    contestants = [create(name) for name in MEASURED]
    everyone = killer.with_gpus(contestants) if cards else []
    expected = one_second * len(contestants) * len(within.D_MODELS)
    expected += cards * len(killer.widths(everyone))

    def after(now: Measures, doing: str) -> Measures:
        done = len(now.one_second) + len(now.cards)
        return replace(now, progress=done / expected, doing=doing)

    now = Measures(doing="measuring beside the race")
    yield now
    for result in within.measure(contestants, dataset, seed=seed) if one_second else ():
        now = replace(now, one_second=(*now.one_second, result))
        now = after(now, f"within one second: {result.contestant} at d_model {result.d_model}")
        yield now
    for card in killer.measure(everyone, dataset, seed=seed) if cards else ():
        now = replace(now, cards=(*now.cards, card))
        now = after(now, f"the killer microsecond: d_model {card.d_model}")
        yield now
    yield replace(now, doing="")
