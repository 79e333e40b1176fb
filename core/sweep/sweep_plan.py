"""What a sweep is to do: everything that a study must know to be gone on with anywhere."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal, get_args

from eetui.core.errors import UsageError
from eetui.core.sweep.aim import Aim
from eetui.core.sweep.space import Space
from eetui.core.text import told

Sampler = Literal["grid", "random", "qmc", "tpe"]
Pruner = Literal["none", "median", "percentile", "halving", "hyperband", "wilcoxon"]
SAMPLERS: tuple[Sampler, ...] = get_args(Sampler)
PRUNERS: tuple[Pruner, ...] = get_args(Pruner)

RUNS = 100
MOST_SEEDS = 1000
GRID = 200
"""A space of lists with at most so many points is tried whole, if nobody says otherwise."""


@dataclass(frozen=True, slots=True)
class SweepPlan:
    """runs: points to try, each of them trained from `seeds` seeds from `seed` on; None for all of
    a grid. seconds: when to begin no more, by the wall clock, or None. data, fingerprint: which
    documents. study: the name of a study that comes with the program, or ''.
    """

    space: Space
    aim: Aim
    sampler: Sampler
    pruner: Pruner
    runs: int | None
    seeds: int
    seed: int = 42
    seconds: float | None = None
    data: str | None = None
    fingerprint: str = ""
    study: str = ""

    def __post_init__(self) -> None:
        if self.runs is not None and not 1 <= self.runs <= 10**7:
            raise UsageError(f"runs must be between 1 and 10^7, not {self.runs}.")
        if not 1 <= self.seeds <= MOST_SEEDS:
            raise UsageError(f"seeds must be between 1 and {MOST_SEEDS}, not {self.seeds}.")
        if not 0 <= self.seed < 2**62:
            raise UsageError("seed must be between 0 and 2^62.")
        if self.seconds is not None and not 0 < self.seconds <= 10**8:
            raise UsageError("The seconds of a sweep lie above 0 and below 10^8.")
        for name, known in (("sampler", SAMPLERS), ("pruner", PRUNERS)):
            if getattr(self, name) not in known:
                value = told(getattr(self, name))
                raise UsageError(f"The {name} must be one of {', '.join(known)}, not {value}.")
        if self.sampler == "grid":
            if self.space.size is None:
                raise UsageError(
                    "A grid needs lists of values: use --sampler tpe for a range of numbers."
                )
            if not self.space.points():
                raise UsageError("No point of the space is legal: heads must divide d_model.")

    @property
    def total(self) -> int:
        """How many points there will be."""
        if self.sampler == "grid":
            n = len(self.space.points())
            return n if self.runs is None else min(n, self.runs)
        return RUNS if self.runs is None else self.runs

    @property
    def all_seeds(self) -> range:
        """The seeds of every point."""
        return range(self.seed, self.seed + self.seeds)

    def to_json(self) -> dict[str, Any]:
        """The plan as a JSON object."""
        return {**asdict(self), "space": self.space.to_json(), "aim": self.aim.to_json()}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> SweepPlan:
        """What `to_json` gave."""
        space, aim = Space.from_json(values["space"]), Aim.from_json(values["aim"])
        return cls(**{**values, "space": space, "aim": aim})


def make_plan(
    space: Space,
    aim: Aim,
    *,
    runs: int | None = None,
    seeds: int = 1,
    sampler: Sampler | None = None,
    pruner: Pruner | None = None,
    **more: Any,
) -> SweepPlan:
    """A plan whose search suits its space where none is said: a small space of lists is tried
    whole, anything else is searched by TPE, and points that are losing end early."""
    if sampler is None:
        n = space.size
        whole = n is not None and n <= (GRID if runs is None else runs)
        sampler = "grid" if whole else "tpe"
    if pruner is None:
        pruner = "none" if sampler == "grid" else "median" if seeds == 1 else "wilcoxon"
    return SweepPlan(space, aim, sampler, pruner, runs, seeds, **more)


def extended(plan: SweepPlan, runs: int | None, seconds: float | None) -> SweepPlan:
    """The same plan with more runs or seconds, where they are given."""
    if runs is not None:
        plan = replace(plan, runs=runs)
    return plan if seconds is None else replace(plan, seconds=seconds)
