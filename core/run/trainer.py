"""One run: its state, the chunks of steps that advance it, and what is remembered of it.

No thread and no clock but the engine's; `core/run/session.py` drives it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from time import monotonic

import numpy as np
from numpy.typing import NDArray

from eetui.core.config import ModelConfig, TrainConfig
from eetui.core.curves.history import Event, History
from eetui.core.data.batches import documents, learning_rates
from eetui.core.data.dataset import Dataset
from eetui.core.engines.base import Engine
from eetui.core.model.state import TrainState, relative_distance
from eetui.core.optimizations import Optimizations
from eetui.core.run.effects import EffectMeter
from eetui.core.run.evaluation import HeldOutLoss
from eetui.core.run.namestream import NameStream

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
    """Everything about one run that changes while it runs."""

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
        self.engine = engine
        self.optimizations = optimizations
        self.names = names
        self.begin(dataset, model, train, state)

    def begin(
        self,
        dataset: Dataset,
        model: ModelConfig,
        train: TrainConfig,
        state: TrainState | None = None,
    ) -> None:
        """Start a new run, or one that continues from `state`."""
        self.dataset = dataset.with_block_size(model.block_size).with_held_out(train.held_out)
        self.model = replace(model, vocab_size=self.dataset.vocab_size)
        self.train = train
        self.state = state or TrainState.create(self.model, train.seed)
        self.history = History()
        self.held_out = HeldOutLoss(self.dataset, self.model)
        self.effects = EffectMeter()
        self.events: list[Event] = []
        self.names.clear(self.model.block_size)
        self.good = self.state.clone()
        self._best_loss = float("inf")
        self._keep_at = 0.0
        self._chunk_steps = 1

    @property
    def finished(self) -> bool:
        """Whether the planned steps are done."""
        return self.state.step >= self.train.steps

    @property
    def nominal_flops(self) -> float:
        """Operations a step by EEmicroGPT's count, whatever the engine skips."""
        return self.model.flops_per_step(self.train.batch, self.dataset.nominal_positions)

    def switch(self, engine: Engine, optimizations: Optimizations, key: str, label: str) -> None:
        """Go on with another engine or other toggles; `key` and `label` mark it on the charts."""
        change = self._gradient_change(optimizations) if engine is self.engine else None
        self.engine = engine
        self.optimizations = optimizations
        self._changed_pace(key, label, change)

    def retune(self, train: TrainConfig, key: str, label: str) -> None:
        """Go on with another training configuration (batch size, learning rate, plan)."""
        batch_changed = train.batch != self.train.batch
        self.train = train
        if batch_changed:
            self._changed_pace(key, label)
        else:
            self._mark(key, label)

    def go_back(self) -> int:
        """Return to the last good state with half the learning rate; gives its step.

        The data of a step depend on the step alone, so at the same rate it would diverge again.
        """
        self.state = self.good.clone()
        step = self.state.step
        self.train = replace(self.train, learning_rate=self.train.learning_rate / 2)
        self.history.forget_after(step)
        self.held_out.forget_after(step)
        self.names.forget_after(step)
        self.effects.disturbed()
        self.events = [event for event in self.events if event.step <= step]
        self._mark("learning_rate", f"lr {self.train.learning_rate:g}")
        return step

    def advance(self, at_most: int | None = None) -> Chunk:
        """Run one chunk of about 10 ms, at least one step and never past the plan."""
        assert self.engine is not None
        if not self._healthy():
            return Chunk(self.state.step, np.zeros(0, np.float32), self.state.step)
        self.names.update(self.engine, self.state, self.model, self.dataset, self.train.seed)
        first = self.state.step
        n = self._steps_of_next_chunk(at_most)
        train = self.train
        report = self.engine.run(
            self.state,
            self.dataset,
            self.model,
            train,
            self.optimizations,
            documents(train.seed, first, n, train.batch, self.dataset.n_docs),
            learning_rates(train, first, n),
        )
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

    def _changed_pace(self, key: str, label: str, gradient_change: float | None = None) -> None:
        self.effects.changed(key, self.history.us_per_step, gradient_change)
        self.history.forget_pace()
        self._chunk_steps = 1
        self._mark(key, label)

    def _mark(self, key: str, label: str) -> None:
        self.events.append(Event(self.state.step, self.history.seconds, key, label))
        del self.events[:-KEPT_EVENTS]
