"""Whether a capsule's run comes out the same here: to the bit, within its class, or not at all."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from eetui.core.data.dataset import Dataset
from eetui.core.engines import registry
from eetui.core.engines.base import Engine
from eetui.core.errors import EngineError, UsageError
from eetui.core.model.state import TrainState
from eetui.core.optimizations import CATALOGUE
from eetui.core.run.replay import Stretch, follow, surviving
from eetui.core.run.setup import Setup
from eetui.core.store.capsule import Capsule
from eetui.core.store.first_state import start_of
from eetui.core.text import visible

FIRST_STEPS = 20
"""Rounding grows from step to step, so the first steps are held to the narrowest limit."""
FIRST_LIMITS = {"exact": 1e-3, "rounding": 2e-2}
MEAN_LIMITS = {"exact": 0.03, "rounding": 0.06}
"""Nats: how far a single loss of the first steps may be, and the mean of the later half. Two
engines' single losses are 0.1 apart after some hundred steps, at random; their means are not."""


class Sameness(StrEnum):
    """How alike two runs are."""

    BIT = "the same to the bit"
    CLASS = "the same within the class of its toggles"
    OTHER = "not the same"


@dataclass(frozen=True, slots=True)
class Check:
    """expected: whether it should be the same to the bit here, and if not, `why_not` says why.

    first, mean: how far the losses of the first steps are at most, and the mean of the later half.
    """

    sameness: Sameness
    expected: bool
    why_not: str
    steps: int
    first: float
    mean: float

    @property
    def passed(self) -> bool:
        """Whether it is as alike as it should be."""
        return self.sameness is Sameness.BIT or (
            self.sameness is Sameness.CLASS and not self.expected
        )


def require_data(capsule: Capsule, dataset: Dataset) -> None:
    """Raise `UsageError` unless these are the documents of the capsule's run."""
    if dataset.fingerprint != capsule.log.data:
        raise UsageError(
            f"The run was trained on {visible(capsule.log.data_name)}, and "
            f"{visible(dataset.name)} holds other documents: name its data with --data."
        )


def adapted(setup: Setup) -> Setup:
    """The setup as near as this machine comes to it."""
    try:
        engine: Engine = registry.create(setup.engine)
    except (EngineError, UsageError):
        engine = registry.create(registry.default())
    wanted, on = setup.optimizations, engine.default_optimizations()
    for entry in CATALOGUE:
        value = getattr(wanted, entry.key)
        if not engine.why_not(entry.key, value):
            on = on.with_value(entry.key, value)
    if engine.conflict(on):
        on = engine.default_optimizations()
    return replace(setup, engine=engine.name, optimizations=on)


def check(
    capsule: Capsule,
    dataset: Dataset,
    told: Callable[[int], object] = lambda _: None,
    start: str | None = None,
) -> Check:
    """Train the run of a capsule again and compare; `told` hears the steps done.

    start: the file of the checkpoint that it began with, as for `start_of`.
    """
    require_data(capsule, dataset)
    way = surviving(capsule.log)
    setups = {stretch.setup: adapted(stretch.setup) for stretch in way.stretches}
    stretches = [Stretch(setups[s.setup], s.first, s.last) for s in way.stretches]
    state = start_of(capsule.log, capsule.state, start)
    wanted = dict(zip(capsule.losses.steps.tolist(), capsule.losses.values.tolist(), strict=True))
    found: dict[int, float] = {}

    def observe(first: int, losses: NDArray[np.float32]) -> None:
        for step in range(first, first + len(losses)):
            if step in wanted:
                found[step] = float(losses[step - first])
        told(first + len(losses))

    follow(stretches, dataset, state, observe)
    why_not = _why_not(capsule, setups)
    narrow = way.begun + FIRST_STEPS
    return _judged(capsule, wanted, found, state, why_not, _kind(setups), narrow)


def _why_not(capsule: Capsule, setups: dict[Setup, Setup]) -> str:
    """Empty if the run should be the same to the bit here, else what is different."""
    for was, here in setups.items():
        if was.engine != here.engine:
            return f"The engine {was.engine} is not here: {here.engine} trained instead."
        if was.optimizations != here.optimizations:
            return "Some of its toggles cannot be set on this machine."
    if setups:
        last = [*setups.values()][-1]
        here_set = registry.create(last.engine).instruction_set(last.optimizations)
        if here_set != capsule.instruction_set:
            return f"It ran on {capsule.instruction_set}, and this is {here_set}."
    return ""


def _kind(setups: dict[Setup, Setup]) -> str:
    """'rounding' if a toggle that is on, here or there, rounds; else 'exact'."""
    for on in (setup.optimizations for pair in setups.items() for setup in pair):
        for entry in CATALOGUE:
            value = getattr(on, entry.key)
            if value and entry.kind_of(value) == "rounding":
                return "rounding"
    return "exact"


def _judged(
    capsule: Capsule,
    wanted: dict[int, float],
    found: dict[int, float],
    state: TrainState,
    why_not: str,
    kind: str,
    narrow: int,
) -> Check:
    """narrow: the step up to which single losses are held to the narrowest limit."""
    steps = sorted(wanted)
    gaps = np.array([found.get(step, np.inf) - wanted[step] for step in steps] or [0.0])
    first = np.abs(gaps[: np.searchsorted(steps, narrow)]).max(initial=0.0)
    mean = abs(float(gaps[len(gaps) // 2 :].mean()))
    if not gaps.any() and state.fingerprint == capsule.weights:
        sameness = Sameness.BIT
    elif first <= FIRST_LIMITS[kind] and mean <= MEAN_LIMITS[kind]:
        sameness = Sameness.CLASS
    else:
        sameness = Sameness.OTHER
    return Check(sameness, not why_not, why_not, state.step, float(first), mean)
