"""One run: its state, the chunks of steps that advance it, and what is remembered of it.

No thread and no clock but the engine's; `core/run/session.py` drives it.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from pathlib import Path
from time import monotonic

import numpy as np
from numpy.typing import NDArray

from eetui.core.config import ModelConfig, TrainConfig
from eetui.core.curves.history import Event, History
from eetui.core.data.batches import documents
from eetui.core.data.dataset import Dataset
from eetui.core.engines.base import Engine
from eetui.core.model.state import TrainState, relative_distance
from eetui.core.optimizations import Optimization, Optimizations
from eetui.core.run.checkpoint import Checkpoint
from eetui.core.run.commands import (
    Change,
    Restart,
    Rewind,
    SetBatch,
    SetLearningRate,
    SetNames,
    SetOptimization,
    SetSteps,
    Tuning,
    UseEngine,
    UseState,
)
from eetui.core.run.effects import EffectMeter
from eetui.core.run.evaluation import HeldOutLoss
from eetui.core.run.log import Entry, Log
from eetui.core.run.namestream import NameStream
from eetui.core.run.setup import Setup

CHUNK_US = 10_000
GROWTH = 2
KEPT_EVENTS = 200
SECONDS_BETWEEN_KEEPSAKES = 1.0
GOOD_WITHIN = 0.5
"""A state is worth going back to if its loss is within so many nats of the best so far."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """What a chunk did: losses [n] of the steps from first_step on, those before a divergence."""

    first_step: int
    losses: NDArray[np.float32]
    diverged_at: int | None


class Trainer:
    """Everything about one run that changes while it runs, and the log of those changes."""

    def __init__(
        self,
        dataset: Dataset,
        model: ModelConfig,
        train: TrainConfig,
        engine: Engine | None,
        optimizations: Optimizations,
        names: NameStream,
        state: TrainState | None = None,
    ) -> None:
        self.dataset = dataset
        self.engine = engine
        self.names = names
        self.setup = Setup(engine.name if engine else "", optimizations, model, train)
        self._begin(model, train, state)
        self._first = (self.setup, "" if state is None else state.fingerprint, self.state.step)
        self._entries: list[Entry] = []

    def _begin(self, model: ModelConfig, train: TrainConfig, state: TrainState | None) -> None:
        """Start a new run, or one that continues from `state`."""
        self.setup = replace(self.setup, model=model, train=train)
        self.dataset = self.setup.cut(self.dataset)
        model = replace(model, vocab_size=self.dataset.vocab_size)
        self.setup = replace(self.setup, model=model)
        self.state = state or TrainState.create(model, train.seed)
        self.history = History()
        self.held_out = HeldOutLoss(self.dataset, model)
        self.effects = EffectMeter()
        self.events: list[Event] = []
        self.names.clear(model.block_size)
        self.good = self.state.clone()
        self._best_loss = float("inf")
        self._keep_at = 0.0
        self._chunk_steps = 1

    @property
    def model(self) -> ModelConfig:
        return self.setup.model

    @property
    def train(self) -> TrainConfig:
        return self.setup.train

    @property
    def optimizations(self) -> Optimizations:
        return self.setup.optimizations

    @property
    def finished(self) -> bool:
        """Whether the planned steps are done."""
        return self.state.step >= self.train.steps

    @property
    def nominal_flops(self) -> float:
        """Operations a step by EEmicroGPT's count, whatever the engine skips."""
        return self.model.flops_per_step(self.train.batch, self.dataset.nominal_positions)

    @property
    def log(self) -> Log:
        """All that happened so far: with the data, enough to train the same weights again."""
        setup, state, first_step = self._first
        return Log(
            data=self.dataset.fingerprint,
            data_name=self.dataset.name,
            setup=setup,
            state=state,
            first_step=first_step,
            entries=tuple(self._entries),
            step=self.state.step,
        )

    @property
    def checkpoint(self) -> Checkpoint:
        """All that a file needs to continue the run; its state is the live one."""
        return Checkpoint(
            state=self.state,
            model=self.model,
            train=self.train,
            optimizations=self.optimizations,
            vocabulary=self.dataset.vocabulary,
            data_name=self.dataset.name,
        )

    # -- changes: each is logged at the present step and decides the steps from there on ----------

    def _change(self, change: Change) -> None:
        self._entries.append(Entry(self.state.step, change))
        self.setup = self.setup.after(change)

    def use_engine(self, engine: Engine, optimizations: Optimizations) -> None:
        """Go on with another engine, or with the same one where it had to get ready anew."""
        before = self.engine.name if self.engine else ""
        self.engine = engine
        self._change(UseEngine(engine.name, optimizations))
        self._changed_pace("engine", engine.name, before)

    def use_optimizations(self, optimizations: Optimizations, entry: Optimization) -> None:
        """Go on with other toggles; that of `entry` is marked on the charts."""
        moved = self._gradient_change(optimizations)
        before, label = (
            f"{entry.name} {entry.label(getattr(toggles, entry.key))}"
            for toggles in (self.optimizations, optimizations)
        )
        for key, value in asdict(optimizations).items():
            if value != getattr(self.optimizations, key):
                self._change(SetOptimization(key, value))
        self._changed_pace(entry.key, label, before, moved)

    def tune(self, change: Tuning) -> None:
        """Go on with another batch size, learning rate or plan."""
        before = self.train
        self._change(change)
        if self.train.batch != before.batch:
            self._changed_pace("batch", f"batch {self.train.batch}", f"batch {before.batch}")
            return
        match change:
            case SetLearningRate(rate):
                self._mark("learning_rate", f"lr {rate:.3g}", f"lr {before.learning_rate:.3g}")
            case SetSteps(steps):
                self._mark("steps", f"plan {steps:,}", f"plan {before.steps:,}")
            case SetBatch():  # the same one again
                pass

    def set_names(self, temperature: float, prefix: str) -> None:
        """Generate with another temperature and prefix; raises `UsageError` if nothing can be."""
        assert self.engine is not None
        self.names.change(
            temperature, prefix, self.engine, self.state, self.model, self.dataset, self.train.seed
        )
        self._change(SetNames(temperature, prefix))

    def restart(self, model: ModelConfig, train: TrainConfig) -> None:
        """Begin anew from fresh weights."""
        self._change(Restart(replace(model, vocab_size=self.dataset.vocab_size), train))
        self._begin(model, train, None)

    def load(self, path: Path, loaded: Checkpoint) -> None:
        """Continue from a checkpoint."""
        state, model, train = loaded.state, loaded.model, loaded.train
        self._change(UseState(path, state.fingerprint, state.step, model, train))
        self._begin(model, train, state)

    def go_back(self) -> int:
        """Return to the last good state with half the learning rate; gives its step.

        The data of a step depend on the step alone, so at the same rate it would diverge again.
        """
        step = self.good.step
        self._change(Rewind(step))
        self.state = self.good.clone()
        self.history.forget_after(step)
        self.held_out.forget_after(step)
        self.names.forget_after(step)
        self.effects.disturbed()
        self.events = [event for event in self.events if event.step <= step]
        self.tune(SetLearningRate(self.train.learning_rate / 2))
        return step

    # -- steps ------------------------------------------------------------------------------------

    def advance(self, at_most: int | None = None) -> Chunk:
        """Run one chunk of about 10 ms, at least one step and never past the plan."""
        assert self.engine is not None
        if not self._healthy():
            return Chunk(self.state.step, np.zeros(0, np.float32), self.state.step)
        self.names.update(self.engine, self.state, self.model, self.dataset, self.train.seed)
        first = self.state.step
        n = self._steps_of_next_chunk(at_most)
        report = self.setup.advance(self.engine, self.state, self.dataset, n)
        diverged_at = self._first_failure(first, report.losses)
        losses = report.losses if diverged_at is None else report.losses[: diverged_at - first]
        self.history.add(first + len(losses), losses, report.elapsed_ns * len(losses) // n)
        self.effects.timed(report.us_per_step)
        self._chunk_steps = max(1, min(int(CHUNK_US / report.us_per_step), GROWTH * n))
        if diverged_at is None:
            self._keep_if_good()
            judge = self.engine, self.optimizations, self.state, self.history.seconds
            if self.finished:
                self.held_out.finish(*judge)
                self.names.update(
                    self.engine, self.state, self.model, self.dataset, self.train.seed
                )
            else:
                self.held_out.trained(report.elapsed_ns, *judge)
        return Chunk(first, losses, diverged_at)

    def _steps_of_next_chunk(self, at_most: int | None) -> int:
        step = self.state.step
        limits = [self._chunk_steps, self.train.steps - step, self.names.steps_to_milestone(step)]
        if at_most is not None:
            limits.append(at_most)
        return max(1, min(limits))

    def _first_failure(self, first: int, losses: NDArray[np.float32]) -> int | None:
        """The first step whose loss, or at the end whose weights, are no longer finite."""
        finite = np.isfinite(losses)
        if not finite.all():
            return first + int(np.argmin(finite))
        return None if self._healthy() else first + len(losses)

    def _healthy(self) -> bool:
        """Whether every weight is finite: one product is far cheaper than testing each."""
        with np.errstate(over="ignore", invalid="ignore"):
            return bool(np.isfinite(np.dot(self.state.params, self.state.params)))

    def _keep_if_good(self) -> None:
        loss = self.history.loss
        if loss is None or monotonic() < self._keep_at:
            return
        self._best_loss = min(self._best_loss, loss)
        if loss <= self._best_loss + GOOD_WITHIN:
            self.good = self.state.clone()
            self._keep_at = monotonic() + SECONDS_BETWEEN_KEEPSAKES

    def _gradient_change(self, optimizations: Optimizations) -> float | None:
        """How far other toggles move the gradient of the next batch; None if it is not finite."""
        assert self.engine is not None
        train, n_docs = self.train, self.dataset.n_docs
        batch = documents(train.seed, self.state.step, 1, train.batch, n_docs)[0]
        before, after = (
            self.engine.gradients(self.state, self.dataset, self.model, toggles, batch).grads
            for toggles in (self.optimizations, optimizations)
        )
        return relative_distance(self.model, after, before)

    def _changed_pace(
        self, key: str, label: str, before: str, gradient_change: float | None = None
    ) -> None:
        self.effects.changed(key, self.history.us_per_step, gradient_change)
        self.history.forget_pace()
        self._chunk_steps = 1
        self._mark(key, label, before)

    def _mark(self, key: str, label: str, before: str) -> None:
        self.events.append(Event(self.state.step, self.history.seconds, key, label, before))
        del self.events[:-KEPT_EVENTS]
