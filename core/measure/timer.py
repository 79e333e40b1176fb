"""Steps under the clocks, in stretches from given weights, and the state of a run in mid-run."""

from __future__ import annotations

from dataclasses import replace
from time import perf_counter

from eetui.core import clocks
from eetui.core.data.batches import documents_of, learning_rates
from eetui.core.engines.base import PHASES, Engine
from eetui.core.engines.subject import Subject
from eetui.core.model.state import TrainState
from eetui.core.optimizations import Optimizations

PROFILED_RUNS = 3
MID_RUN_STEPS = 2000
MID_RUN_SECONDS = 1.0
"""The moments of a state in mid-run have begun to decay, to denormal numbers even."""


class Timer:
    """Runs stretches of steps of a subject, from new weights or from `state`.

    Documents and learning rates are made inside the timed stretch, as in training.
    multiply_adds: of the products and the attention of a step of the last stretch, None if the
    engine does not count them.
    """

    multiply_adds: float | None = None

    def __init__(
        self,
        subject: Subject,
        engine: Engine,
        optimizations: Optimizations,
        state: TrainState | None = None,
    ) -> None:
        # A decaying rate would end at zero after a number of steps that depends on the speed.
        train = replace(subject.train, schedule="constant")
        self._subject = replace(subject, train=train)
        self._engine = engine
        self._optimizations = optimizations
        self.state = TrainState.create(self._subject.model, train.seed) if state is None else state

    def advance(self, n_steps: int) -> clocks.Spent:
        """What the next steps took, after which the state stays there."""
        return self._run(self.state, n_steps)[0]

    def repeat(self, n_steps: int) -> clocks.Spent:
        """What the next steps took, always the same ones."""
        return self._run(self.state.clone(), n_steps)[0]

    def phases(self, n_steps: int) -> dict[str, float]:
        """Microseconds a step of each phase in the least disturbed of a few runs.

        Empty if the engine does not time its phases.
        """
        runs = [self._run(self.state.clone(), n_steps, True) for _ in range(PROFILED_RUNS)]
        return min(runs, key=lambda run: run[0].cost_ns)[1]

    def _run(
        self, state: TrainState, n_steps: int, profile: bool = False
    ) -> tuple[clocks.Spent, dict[str, float]]:
        """What the steps took, and microseconds a step of each phase if the engine times them."""
        subject, train = self._subject, self._subject.train
        start = clocks.now()
        report = self._engine.run(
            state,
            subject.dataset,
            subject.model,
            train,
            self._optimizations,
            documents_of(train, state.step, n_steps, subject.dataset.n_docs),
            learning_rates(train, state.step, n_steps),
            profile,
        )
        spent = clocks.since(start, alone=report.clock == "cpu")
        done = (report.counts or {}).get("multiply_adds")
        self.multiply_adds = None if done is None else done / n_steps
        if report.phase_ns is None:
            return spent, {}
        per_step = (report.phase_ns / 1e3 / n_steps).tolist()
        return spent, dict(zip(PHASES, per_step, strict=True))


def warm_up(timer: Timer, steps: int, seconds: float) -> float:
    """Take so many steps, or fewer if they last longer than so many seconds.

    Gives the microseconds a step of the last of them.
    """
    deadline = perf_counter() + seconds
    us, n_steps, taken = 0.0, 1, 0
    while taken < steps and perf_counter() < deadline:
        us = timer.advance(n_steps).cost_ns / 1e3 / n_steps
        taken += n_steps
        n_steps = min(2 * n_steps, steps - taken) or 1
    return us


def mid_run(subject: Subject, engine: Engine, optimizations: Optimizations) -> TrainState:
    """The state of a run after 2,000 steps, or those of a second."""
    engine.prepare(subject.model, optimizations)
    timer = Timer(subject, engine, optimizations)
    warm_up(timer, MID_RUN_STEPS, MID_RUN_SECONDS)
    return timer.state
