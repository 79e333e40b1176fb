"""Two settings timed against each other: short blocks in turn, from the same weights.

A pair is four blocks in the order ABBA or BAAB, drawn by lot, so that a machine that gets slower
costs both arms the same. Every block starts from the same weights and moments, in the same memory,
and goes through the same documents; from pair to pair the documents change.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from math import log
from random import Random
from statistics import median
from time import monotonic

import numpy as np
from numpy.typing import NDArray

from eetui.core.clocks import ClockName
from eetui.core.data.batches import documents_of, learning_rates
from eetui.core.engines.base import Engine
from eetui.core.engines.subject import Subject
from eetui.core.model.state import TrainState
from eetui.core.optimizations import Optimizations
from eetui.core.verdict import LEAST_PAIRS, Verdict, interval, percent

BLOCK_US = 1_500.0
FASTER_US = 1_000.0
"""What a block is calibrated to, the mean of both arms, and what the faster one takes at least: a
call of an engine lays out the weights again, 15 us at d_model 16, which both arms pay alike."""
TRIES = 3
SECONDS = 1.0
PRECISION = 0.005
"""Half-width of the interval, as a log ratio, at which a measurement ends before its time."""
LOOK_GROWTH = 1.25
"""How many times more pairs there are at the next look at the interval."""

Now = Callable[[], float]
Way = tuple[Subject, Optimizations]
"""What runs: a subject with its toggles."""


@dataclass(frozen=True, slots=True)
class Arm:
    """One of the two: what it is called and what runs. The engine is used by no other thread."""

    label: str
    subject: Subject
    engine: Engine
    optimizations: Optimizations

    @property
    def batch(self) -> int:
        """Documents a step."""
        return self.subject.train.batch


@dataclass(frozen=True, slots=True)
class _Block:
    """Nanoseconds a sample by both clocks; cpu_ns is None where the thread's tells nothing."""

    wall_ns: float
    cpu_ns: float | None


class Comparison:
    """Takes pairs, as many as it is asked for, and tells what they say so far.

    Both arms start from copies of `state`; state_b: where the second does, if its model is another.
    n_steps: steps of a block of the first arm; calibrated to 1.5 ms by default. The second arm
    goes through as many documents, in as many steps as its batch makes of them. clock: the one that
    tells both arms, the thread's unless one of them has none. tried_us: what a sample took each arm
    when the blocks were calibrated, None if they were not. Raises what the engines raise.
    """

    def __init__(
        self,
        a: Arm,
        b: Arm,
        state: TrainState,
        state_b: TrainState | None = None,
        *,
        n_steps: int | None = None,
        rng: Random | None = None,
    ) -> None:
        self._arms = (a, b)
        self._rng = rng or Random()
        shared = state.clone()  # the same memory for both, since where it lies has its own cost
        self._kept = (state, state_b or state)
        self._scratch = (shared, state_b.clone() if state_b else shared)
        self._pairs: list[tuple[tuple[_Block, _Block], tuple[_Block, _Block]]] = []
        self._drawn = 0
        self.clock: ClockName = "cpu"
        self.tried_us: tuple[float, float] | None = None
        for arm in self._arms:
            arm.engine.prepare(arm.subject.model, arm.optimizations)
        self._n_samples = max(a.batch, b.batch)
        if n_steps is None:
            self._calibrate()
        else:
            self._n_samples = n_steps * a.batch

    @property
    def n_pairs(self) -> int:
        """How many pairs have been taken."""
        return len(self._pairs)

    def take_pair(self) -> None:
        """Run both arms twice on the next documents, in the order ABBA or BAAB."""
        drawn = self._draw()
        outer = self._rng.randrange(2)
        blocks: tuple[list[_Block], list[_Block]] = ([], [])
        for place in (outer, 1 - outer, 1 - outer, outer):
            blocks[place].append(self._run(place, drawn))
        (a, also_a), (b, also_b) = blocks
        self._pairs.append(((a, also_a), (b, also_b)))

    def forget(self) -> None:
        """Drop the pairs, to begin again in a quieter moment."""
        self._pairs.clear()

    def log_ratios(self) -> list[float]:
        """How much longer b took than a for a sample, one logarithm a pair."""
        return [
            sum(log(self._ns(block)) for block in b) / 2
            - sum(log(self._ns(block)) for block in a) / 2
            for a, b in self._pairs
        ]

    def us_per_sample(self, place: int) -> list[float]:
        """Microseconds a sample of every block of the first (0) or second (1) arm."""
        return [self._ns(block) / 1e3 for pair in self._pairs for block in pair[place]]

    def verdict(self, seconds: float = 0.0, *, over: bool = False) -> Verdict:
        """What the pairs say that were taken so far, at least one."""
        ratios = self.log_ratios()
        low, high = interval(ratios)
        return Verdict(
            metric="time",
            estimate=percent(median(ratios)),
            low=percent(low),
            high=percent(high),
            pairs=len(ratios),
            seconds=seconds,
            clock=self.clock,
            typical_a=median(self.us_per_sample(0)),
            typical_b=median(self.us_per_sample(1)),
            settled=(high - low) / 2 <= PRECISION,
            over=over,
        )

    def _ns(self, block: _Block) -> float:
        return block.wall_ns if self.clock == "wall" or block.cpu_ns is None else block.cpu_ns

    def _calibrate(self) -> None:
        """Find how many documents make blocks of about 1.5 ms."""
        least = self._n_samples
        while True:
            drawn = self._draw()
            tried = [[self._run(place, drawn) for place in (0, 1)] for _ in range(TRIES)]
            a, b = (
                self._n_samples * min(map(self._ns, arm)) / 1e3 for arm in zip(*tried, strict=True)
            )
            self.tried_us = (a / self._n_samples, b / self._n_samples)
            longer = max(2 * BLOCK_US / (a + b), FASTER_US / min(a, b))
            if longer <= 2:
                self._n_samples = max(least, round(self._n_samples * longer))
                return
            self._n_samples *= 2

    def _draw(self) -> NDArray[np.int32]:
        """The next documents, as many as the greater of the two arms takes."""
        arm = self._arms[0]
        subject, batch = arm.subject, arm.batch
        n = max(self._steps(place) * self._arms[place].batch for place in (0, 1))
        n_steps = -(-n // batch)
        first = self._kept[0].step + self._drawn
        self._drawn += n_steps
        train = replace(subject.train, batch=batch)
        return documents_of(train, first, n_steps, subject.dataset.n_docs).ravel()

    def _steps(self, place: int) -> int:
        return max(1, round(self._n_samples / self._arms[place].batch))

    def _run(self, place: int, drawn: NDArray[np.int32]) -> _Block:
        """Run a block of an arm from its weights."""
        arm, scratch, n_steps = self._arms[place], self._scratch[place], self._steps(place)
        subject, kept, n_samples = arm.subject, self._kept[place], n_steps * arm.batch
        np.copyto(scratch.params, kept.params)
        np.copyto(scratch.m, kept.m)
        np.copyto(scratch.v, kept.v)
        scratch.step = kept.step
        report = arm.engine.run(
            scratch,
            subject.dataset,
            subject.model,
            subject.train,
            arm.optimizations,
            drawn[:n_samples].reshape(n_steps, arm.batch),
            np.repeat(learning_rates(subject.train, kept.step, 1), n_steps),
        )
        if report.clock == "wall":
            self.clock = "wall"
        cpu_ns = None if report.cpu_ns is None else max(report.cpu_ns, 1) / n_samples
        return _Block(max(report.elapsed_ns, 1) / n_samples, cpu_ns)


def compare(
    comparison: Comparison, seconds: float = SECONDS, *, now: Now = monotonic
) -> Iterator[Verdict]:
    """Take pairs until the interval is narrow or the time is up; yields a verdict at every look.

    The last one is over. At least 8 pairs are taken, however long they last: with fewer there is
    no interval.
    """
    return (verdict for verdict in pairs_of(comparison, seconds, now=now) if verdict is not None)


def compare_ways(
    engine: Engine, before: Way, after: Way, state: TrainState, seconds: float
) -> Iterator[Verdict | None]:
    """`pairs_of` two ways on one engine, from copies of `state`."""
    a, b = (Arm("", subject, engine, optimizations) for subject, optimizations in (before, after))
    return pairs_of(Comparison(a, b, state), seconds)


def pairs_of(
    comparison: Comparison, seconds: float, *, now: Now = monotonic
) -> Iterator[Verdict | None]:
    """As `compare`, but yields after every pair: a verdict at a look, else None."""
    start = now()
    look = LEAST_PAIRS
    while True:
        comparison.take_pair()
        spent = now() - start
        is_late = spent >= seconds and comparison.n_pairs >= LEAST_PAIRS
        if comparison.n_pairs < look and not is_late:
            yield None
            continue
        verdict = comparison.verdict(spent, over=is_late)
        if verdict.settled:
            verdict = replace(verdict, over=True)
        yield verdict
        if verdict.over:
            return
        look = max(look + 1, int(comparison.n_pairs * LOOK_GROWTH))
