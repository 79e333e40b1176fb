"""One contestant in a race: it compiles, takes slices of steps on its own clock, and ends."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import isfinite
from time import process_time

import numpy as np
from numpy.typing import NDArray

from eetui.core.errors import EetuiError, UsageError
from eetui.core.race.contestant import Contestant, Learner, Task
from eetui.core.race.energy import Meter
from eetui.core.race.record import Record
from eetui.core.race.standing import ContestantStatus, Names, Standing

SLICE_NS = 50e6
"""Length that slices grow to: long compared with reading the clock and with cold caches."""
MAX_STEPS_PER_SLICE = 1 << 16
N_NAMES = 4
TEMPERATURE = 0.5
HELD_OUT = 512
"""Held-out documents on which losses are compared, at the most: every contestant can take them."""
KEPT_NAMES = 16
NAMES_SHARE = 0.1
"""Time for generating names, at most this share of the training so far."""
NAMES_FREE_NS = 50e6
"""Time for names that is always allowed, because the first steps change the most."""
NAMES_FACTOR, NAMES_APART = 2.0, 0.5
"""New names after this factor in training time, or after this many seconds, whichever is first."""

Losses = NDArray[np.float64]
Observe = Callable[[str, int, Losses], None]
"""Gets a name, its first step and the losses [n] from there on."""
"""Called with a contestant's name, its first step of a slice (from 0) and that slice's losses."""
Clock = Callable[[], int]
"""Nanoseconds since some fixed moment; never decreases."""


@dataclass(frozen=True, slots=True)
class RacePlan:
    """How far each contestant goes; raises `UsageError` for a plan that makes no sense.

    seconds: of its own training, None for no limit. steps: None for no limit. threshold: the loss
    (nats) whose first passing is timed. turns: one contestant after another instead of slices in
    turn.
    """

    seconds: float | None = 5.0
    steps: int | None = None
    threshold: float = 2.0
    turns: bool = False

    def __post_init__(self) -> None:
        if self.seconds is None and self.steps is None:
            raise UsageError("A race needs an end: give it seconds or steps.")
        if self.seconds is not None and not 0 < self.seconds <= 1e6:
            raise UsageError(f"seconds must be above 0 and at most 10^6, not {self.seconds:g}.")
        if self.steps is not None and not 1 <= self.steps <= 10**9:
            raise UsageError(f"steps must be between 1 and 10^9, not {self.steps}.")
        if not 0 < self.threshold < 100:
            raise UsageError(f"threshold must be above 0 and below 100, not {self.threshold:g}.")


class Lane:
    """One contestant with everything that it has done in a race."""

    def __init__(
        self, contestant: Contestant, task: Task, plan: RacePlan, clock: Clock, meter: Meter | None
    ) -> None:
        self.contestant = contestant
        self.status = ContestantStatus.WAITING
        self._reason = ""
        self._task, self._plan, self._clock, self._meter = task, plan, clock, meter
        self._learner: Learner | None = None
        self._record: Record | None = None
        self._names: list[Names] = []
        self._names_ns = 0
        self._names_at = 0.0
        self._slice_steps = 1
        self._cpu_seconds = 0.0
        self._joules: float | None = None
        self._held_out: float | None = None
        self._known = Standing(
            contestant.name, contestant.summary, contestant.model, contestant.extra
        )

    @property
    def seconds(self) -> float:
        """Its own clock."""
        return self._record.seconds if self._record else 0.0

    def prepare(self) -> None:
        """Start the contestant and let it compile; ends the lane if that fails."""
        started = self._clock()
        try:
            reason = self.contestant.why_not()
            if reason:
                self._end(ContestantStatus.CANNOT, reason)
                return
            learner = self.contestant.start(self._task)
        except UsageError as error:
            self._end(ContestantStatus.CANNOT, str(error))
            return
        except Exception as error:
            self._end(ContestantStatus.FAILED, _sentence(error))
            return
        self._learner = learner
        self._record = Record(learner.batch, self._plan.threshold)
        self._known = replace(
            self._known,
            batch=learner.batch,
            n_params=learner.n_params,
            detail=learner.detail,
            compile_seconds=(self._clock() - started) / 1e9,
        )
        self.status = ContestantStatus.RUNNING

    def advance(self, observe: Observe | None = None) -> None:
        """Take one slice of steps; ends the lane when its plan is done or it cannot go on."""
        learner, record = self._learner, self._record
        assert learner is not None
        assert record is not None
        n = self._steps_of_next_slice(record)
        try:
            before = self._meter.joules() if self._meter else None
            start, cpu_start = self._clock(), process_time()
            losses = np.asarray(learner.advance(n), np.float64)
            spent = self._clock() - start
            self._cpu_seconds += process_time() - cpu_start
            after = self._meter.joules() if self._meter else None
        except Exception as error:
            self._end(ContestantStatus.FAILED, _sentence(error))
            return
        if before is not None and after is not None:
            self._joules = (self._joules or 0.0) + after - before
        if observe:
            observe(self.contestant.name, record.steps, losses)
        if not np.isfinite(losses).all():
            step = record.steps + int(np.argmin(np.isfinite(losses))) + 1
            self._end(
                ContestantStatus.FAILED,
                f"The loss of step {step:,} is not finite: lower the learning rate.",
            )
            return
        if not record.steps:
            self._known = replace(self._known, work=learner.work())
        record.add(losses, spent)
        self._slice_steps = max(1, min(int(SLICE_NS * n / max(spent, 1)), 2 * n))
        self._finish_if_done(learner, record)

    def _steps_of_next_slice(self, record: Record) -> int:
        limits = [self._slice_steps, MAX_STEPS_PER_SLICE]
        if self._plan.steps is not None:
            limits.append(self._plan.steps - record.steps)
        if self._plan.seconds is not None and record.steps:
            left = self._plan.seconds - record.seconds
            limits.append(round(left * record.steps / max(record.seconds, 1e-9)))
        return max(1, min(limits))

    def _finish_if_done(self, learner: Learner, record: Record) -> None:
        plan = self._plan
        done: ContestantStatus | None = None
        if plan.steps is not None and record.steps >= plan.steps:
            done = ContestantStatus.FINISHED
        elif plan.seconds is not None and record.seconds >= plan.seconds:
            done = ContestantStatus.OUT_OF_TIME
        may_take = max(NAMES_SHARE * record.nanoseconds, NAMES_FREE_NS)
        is_due = self._names_ns <= may_take and record.seconds >= self._names_at
        if done or is_due:
            self._generate(learner, record)
        if done:
            self._measure_held_out()
            self._end(done)

    def _generate(self, learner: Learner, record: Record) -> None:
        """Generate names with the current weights, off the clock."""
        start = self._clock()
        try:
            texts = learner.generate(N_NAMES, TEMPERATURE, self._task.train.seed)
        except EetuiError:  # such as weights that have become too large to sample from
            texts = []
        self._names_ns += self._clock() - start
        self._names_at = min(record.seconds * NAMES_FACTOR, record.seconds + NAMES_APART)
        if texts:
            self._names.append(Names(record.steps, record.seconds, tuple(texts)))
        if len(self._names) > KEPT_NAMES:
            del self._names[_densest(self._names)]

    def _measure_held_out(self) -> None:
        """The loss on documents that it was not trained on, at its end and off its clock."""
        held_out, record = self._task.dataset.held_out, self._record
        if held_out is None or self._learner is None or record is None or not record.steps:
            return
        loss = self._learner.loss_on(held_out, min(held_out.n_docs, HELD_OUT))
        self._held_out = loss if isfinite(loss) else None

    def skip(self) -> None:
        """End the lane where it is."""
        if self.status not in (ContestantStatus.WAITING, ContestantStatus.RUNNING):
            return
        self._measure_held_out()
        self._end(ContestantStatus.SKIPPED)

    def _end(self, status: ContestantStatus, reason: str = "") -> None:
        """Keep the last standing and free the weights and scratch memory."""
        self._known = self.standing()
        self._learner = None
        self.status, self._reason = status, reason

    def standing(self) -> Standing:
        """A copy of where it stands, without the speed-up, which depends on the others."""
        learner, record = self._learner, self._record
        if learner is None or record is None:
            return replace(self._known, status=self.status, reason=self._reason)
        return replace(
            self._known,
            status=self.status,
            steps=record.steps,
            seconds=record.seconds,
            cpu_seconds=self._cpu_seconds,
            loss=record.loss,
            held_out=self._held_out,
            loss_ema=record.ema,
            loss_best=record.best,
            reached=record.reached,
            curve=record.history.curve(),
            names=tuple(self._names),
            joules=self._joules,
        )


def _densest(names: list[Names]) -> int:
    """The index of the names to drop: those closest in time to their neighbours, as a ratio.

    The first and the last are always kept.
    """
    places = range(1, len(names) - 1)
    return min(places, key=lambda i: names[i + 1].seconds / names[i - 1].seconds)


def _sentence(error: Exception) -> str:
    """What went wrong, for the table: our own errors' message, others with their type."""
    if isinstance(error, EetuiError):
        return str(error)
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text[:200]}".rstrip(": ") + ("" if text[-1:] == "." else ".")
