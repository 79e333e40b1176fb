"""Trains one point from one seed, as a run of the store that can be replayed to the bit.

Where seconds end the run, the learning rate must reach zero with them. So the plan of steps, over
which it falls, is set again as the pace is learned. Every such change is an entry of the run's log.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from time import perf_counter

import numpy as np
from numpy.typing import NDArray

from eetui.core import clocks
from eetui.core.clocks import ClockName
from eetui.core.config import ModelConfig
from eetui.core.curves.history import History
from eetui.core.curves.steplosses import StepLosses
from eetui.core.curves.track import Track, TrackCurve
from eetui.core.data.dataset import Dataset
from eetui.core.engines import registry
from eetui.core.engines.availability import choose_optimizations
from eetui.core.engines.base import Engine
from eetui.core.errors import EetuiError
from eetui.core.model.state import TrainState
from eetui.core.optimizations import Optimizations
from eetui.core.run.evaluation import HeldOutLoss
from eetui.core.run.log import Entry, Log
from eetui.core.run.setup import Setup
from eetui.core.run.time_plan import FIRST_PLAN, NEAR, paced
from eetui.core.store.run_record import Curves, configuration_of
from eetui.core.sweep.job import RUNGS, Ending, Job, JobResult, Kept
from eetui.core.sweep.space import configured

CHUNK_US = 50_000.0
GROWTH = 8
FIRST_CHUNK = 8
"""Steps: after them the pace is known well enough for a plan."""
MEAN = 100
"""Steps whose mean loss is held against a threshold."""
SHARE = 0.02
"""Of the training time, what measuring the held-out loss on the way may take."""
FORWARD = 1 / 3
"""Of a document's training time, about what its forward pass takes."""

Report = Callable[[int, float], bool]
"""Is told (rung, mean training loss) after each eighth of a run; answers whether to stop it."""


class JobTrainer:
    """Trains jobs on one data set, one after the other. It keeps engines and cut documents."""

    def __init__(self, dataset: Dataset) -> None:
        self._dataset = dataset
        self._engines: dict[str, Engine] = {}
        self._cut: dict[tuple[int, float], Dataset] = {}
        self._chosen: dict[tuple[str, ModelConfig, tuple[str, ...]], Optimizations] = {}

    def train(self, job: Job, report: Report = lambda rung, loss: False) -> JobResult:
        """Do a job. What goes wrong with it is in its result."""
        started = perf_counter()
        try:
            return _Training(job, *self._ready(job), report).run(started)
        except EetuiError as error:
            busy = perf_counter() - started
            return JobResult(job.key, "failed", why=str(error), busy=busy)

    def _ready(self, job: Job) -> tuple[Engine, Dataset, Setup]:
        setting = configured(job.settings, self._dataset.vocab_size, job.seed)
        engine = self._engines.get(setting.engine)
        if engine is None:
            engine = self._engines[setting.engine] = registry.create(setting.engine)
        which = (setting.engine, setting.model, setting.assignments)
        if which not in self._chosen:
            self._chosen[which] = choose_optimizations(engine, *which[1:])
            engine.prepare(setting.model, self._chosen[which])
        optimizations, train = self._chosen[which], setting.train
        if not job.aim.by_point:
            train = replace(train, steps=job.aim.steps or FIRST_PLAN)
        setup = Setup(setting.engine, optimizations, setting.model, train)
        shape = (setting.model.block_size, train.held_out)
        if shape not in self._cut:
            self._cut[shape] = setup.cut(self._dataset)
        return engine, self._cut[shape], setup


@dataclass(slots=True)
class _Training:
    """One run on its way."""

    job: Job
    engine: Engine
    dataset: Dataset
    setup: Setup
    report: Report
    spent_us: float = 0.0
    clock: ClockName = "cpu"
    reached: float | None = None
    history: History = field(default_factory=History)
    exact: StepLosses = field(default_factory=StepLosses)
    entries: list[Entry] = field(default_factory=list)
    last: NDArray[np.float32] = field(default_factory=lambda: np.zeros(0, np.float32))
    state: TrainState = field(init=False)
    held_out: HeldOutLoss = field(init=False)
    beginning: Setup = field(init=False)
    measured_us: float = 0.0

    def __post_init__(self) -> None:
        self.state = TrainState.create(self.setup.model, self.setup.train.seed)
        self.held_out = HeldOutLoss(self.dataset, self.setup.model)
        self.beginning = self.setup

    @property
    def done(self) -> float:
        """The share of the budget that is spent."""
        aim, share = self.job.aim, self.state.step / self.setup.train.steps
        if aim.seconds is None:
            return share
        spent = self.spent_us / (aim.seconds * 1e6)
        return spent if aim.by_pace else max(spent, share)

    def run(self, started: float) -> JobResult:
        """Train to the end of the budget, the threshold, or a word to stop."""
        n, rung = min(FIRST_CHUNK, self.setup.train.steps), 1
        while True:
            start = clocks.now()
            step = self.setup.advance(self.engine, self.state, self.dataset, n)
            spent = clocks.since(start, alone=step.clock == "cpu")
            if not np.isfinite(step.losses).all():
                why = f"It diverged within {self.state.step:,} steps."
                return self._result("diverged", started, why)
            self.clock, us = spent.clock, spent.cost_ns / 1e3 / n
            self._record(step.losses, us)
            if self.reached is not None:
                return self._result("done", started)
            if self._is_over():
                ending: Ending = "done" if self.job.aim.kind == "loss" else "missed"
                return self._result(ending, started)
            if self.done >= rung / RUNGS:
                while self.done >= (rung + 1) / RUNGS:
                    rung += 1
                if self.job.is_told and self.report(rung, float(self.last.mean())):
                    return self._result("stopped", started)
                self._measure_on_the_way(us)
                rung += 1
            self._plan()
            n = self._next(us, n, rung)

    def _record(self, losses: NDArray[np.float32], us: float) -> None:
        n = len(losses)
        self.exact.add(self.state.step - n, losses)
        self.history.add(self.state.step, losses, int(us * n * 1e3))
        tail = np.concatenate([self.last, losses])
        threshold = self.job.aim.threshold
        if threshold is not None and len(tail) >= MEAN:
            sums = np.cumsum(np.concatenate([[0.0], tail.astype(np.float64)]))
            below = np.flatnonzero(sums[MEAN:] - sums[:-MEAN] < threshold * MEAN)
            if len(below):
                steps = int(below[0]) + MEAN - len(self.last)  # of this chunk, until then
                self.reached = (self.spent_us + max(steps, 1) * us) / 1e6
        self.last = tail[-MEAN:]
        self.spent_us += us * n

    def _is_over(self) -> bool:
        seconds, steps = self.job.aim.seconds, self.setup.train.steps
        late = seconds is not None and self.spent_us >= seconds * 1e6 * (1 - NEAR)
        return late or self.state.step >= steps

    def _plan(self) -> None:
        """Let the rate fall to zero with the seconds, by the pace so far."""
        aim, planned = self.job.aim, self.setup.train.steps
        seconds = aim.seconds if aim.by_pace else None
        if change := paced(seconds, self.spent_us / 1e6, self.state.step, planned):
            self.entries.append(Entry(self.state.step, change))
            self.setup = self.setup.after(change)

    def _next(self, us: float, n: int, rung: int) -> int:
        """Steps of the next chunk: some milliseconds, and never past a rung."""
        aim, steps = self.job.aim, self.setup.train.steps
        limits = [int(CHUNK_US / us), GROWTH * n, steps - self.state.step]
        if aim.seconds is not None:
            limits.append(int((aim.seconds * 1e6 - self.spent_us) / us))
        if not aim.by_pace:
            limits.append(-(-steps * min(rung, RUNGS) // RUNGS) - self.state.step)
        return max(min(limits), 1)

    def _measure_on_the_way(self, us_per_step: float) -> None:
        """The held-out loss, if that takes little of the time since it was last measured."""
        documents = self.dataset.held_out
        if documents is None:
            return
        us = FORWARD * us_per_step * documents.n_docs / self.setup.train.batch
        if us <= SHARE * (self.spent_us - self.measured_us):
            self._measure()

    def _measure(self) -> None:
        seconds = self.spent_us / 1e6
        self.held_out.finish(self.engine, self.setup.optimizations, self.state, seconds)
        self.measured_us = self.spent_us

    def _result(self, ending: Ending, started: float, why: str = "") -> JobResult:
        seconds = self.spent_us / 1e6
        if ending != "diverged":
            self._measure()
        held_out = self.held_out.track.curve()
        loss = float(self.last.mean()) if len(self.last) else None
        final = held_out.latest if ending != "diverged" else None
        if self.job.aim.kind == "time":
            value = self.reached
        else:
            value = (loss if final is None else final) if ending == "done" else None
        front = zip(held_out.seconds.tolist(), held_out.values.tolist(), strict=True)
        return JobResult(
            key=self.job.key,
            ending=ending,
            value=value,
            held_out=final,
            loss=loss,
            steps=self.state.step,
            seconds=seconds,
            clock=self.clock,
            front=tuple(front),
            cost=seconds,
            busy=perf_counter() - started,
            why=why,
            kept=self._kept(held_out),
        )

    def _kept(self, held_out: TrackCurve) -> Kept:
        setup, data = self.setup, self.dataset
        step, seconds = self.state.step, self.spent_us / 1e6
        cpu = Track()
        cpu.add(step, seconds, seconds)
        log = Log(data.fingerprint, data.name, self.beginning, "", 0, tuple(self.entries), step)
        curves = Curves(
            loss=self.history.curve(),
            held_out=held_out,
            cpu=cpu.curve(),
            exact=self.exact.until(step),
        )
        return Kept(
            self.engine.instruction_set(setup.optimizations),
            configuration_of(
                setup.model, setup.train, setup.optimizations, setup.engine, data.name
            ),
            json.dumps(log.to_json()),
            curves.to_bytes(),
        )
