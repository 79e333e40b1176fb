"""What flipping a toggle changes: a verdict on it, taken while the training goes on.

The pairs are taken in the training thread, a few after every chunk, so that the training goes on
meanwhile. Who measures is handed in: a run knows no measurement.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from time import perf_counter
from typing import Protocol

from eetui.core.data.dataset import Dataset
from eetui.core.engines.base import Engine
from eetui.core.engines.subject import Subject
from eetui.core.model.state import TrainState
from eetui.core.optimizations import Optimizations
from eetui.core.run.listeners import GiveWay
from eetui.core.run.setup import Setup
from eetui.core.run.snapshot import Effect
from eetui.core.verdict import Verdict

SECONDS = 1.0
LONGER_SECONDS = 5.0
"""What a verdict takes at the most, training included: by itself, and where it was asked for."""
SLICE_SECONDS = 0.02
"""Time for pairs after a chunk of training."""

Way = tuple[Subject, Optimizations]


class Measure(Protocol):
    """Compares two ways in pairs, from copies of a state; yields after every pair.

    A verdict when there is a new one, else None. The last verdict is over.
    """

    def __call__(
        self, engine: Engine, before: Way, after: Way, state: TrainState, seconds: float
    ) -> Iterator[Verdict | None]: ...


@dataclass(frozen=True, slots=True)
class Flip:
    """A change of one setting: its two values as written, and the setups with each of them."""

    key: str
    before: str
    after: str
    old: Setup
    new: Setup


class Effects:
    """The last effect of every setting; the latest flip is the one that is being measured."""

    def __init__(self, measure: Measure | None, now: Callable[[], float] = perf_counter) -> None:
        self._measure, self._now = measure, now
        self._effects: dict[str, Effect] = {}
        self._flips: dict[str, Flip] = {}
        self._current = ""
        self._pairs: Iterator[Verdict | None] = iter(())

    @property
    def measured(self) -> str:
        """The setting whose flip is being measured, or ''."""
        return self._current

    @property
    def is_measuring(self) -> bool:
        """Whether there are pairs to take."""
        return bool(self._current)

    def flipped(
        self,
        flip: Flip,
        engine: Engine,
        dataset: Dataset,
        state: TrainState,
        gradient_change: float | None = None,
        *,
        automatic: bool = True,
        seconds: float = SECONDS,
    ) -> None:
        """A flip took effect at `state`: begin to measure it, unless it is to wait for its key."""
        self.stop()
        self._flips[flip.key] = flip
        self._effects[flip.key] = Effect(flip.before, flip.after, None, False, gradient_change)
        if self._measure is None or not automatic or not state.is_finite:
            return
        old, new = (
            (Subject(dataset, setup.model, setup.train, setup.engine), setup.optimizations)
            for setup in (flip.old, flip.new)
        )
        self._pairs = self._measure(engine, old, new, state.clone(), seconds)
        self._current = flip.key
        self._effects[flip.key] = replace(self._effects[flip.key], is_measuring=True)

    def take_pairs(self, give_way: GiveWay | None = None) -> float:
        """Go on measuring for a moment; gives the seconds that it took.

        give_way: called before every pair, if not None.
        """
        start = spent = self._now()
        while self._current and spent - start < SLICE_SECONDS:
            if give_way:
                give_way()
            verdict = next(self._pairs)
            spent = self._now()
            if verdict is None:
                continue
            known = replace(self._effects[self._current], verdict=verdict)
            self._effects[self._current] = known
            if verdict.over:
                self.stop()
        return spent - start

    def stop(self) -> None:
        """Take no more pairs; what is known stays."""
        if self._current:
            effect = replace(self._effects[self._current], is_measuring=False)
            self._effects[self._current] = effect
        self._current, self._pairs = "", iter(())

    def effect(self, key: str) -> Effect | None:
        """The last effect of `key`, or None."""
        return self._effects.get(key)

    def last_flip(self, key: str) -> Flip | None:
        """The last flip of `key`, or None."""
        return self._flips.get(key)
