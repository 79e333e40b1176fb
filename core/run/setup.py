"""What decides a step: engine, toggles and configurations, and how a change moves them."""

from __future__ import annotations

from dataclasses import dataclass, replace

from eetui.core.config import ModelConfig, TrainConfig
from eetui.core.data.batches import documents_of, learning_rates
from eetui.core.data.dataset import Dataset
from eetui.core.engines.base import Engine, StepReport
from eetui.core.model.state import TrainState
from eetui.core.optimizations import Optimizations
from eetui.core.run.commands import (
    Command,
    Restart,
    SetBatch,
    SetLearningRate,
    SetOptimization,
    SetSteps,
    UseEngine,
    UseState,
)


@dataclass(frozen=True, slots=True)
class Setup:
    """With the weights and the data, all that decides the next steps. engine: '' for none yet."""

    engine: str
    optimizations: Optimizations
    model: ModelConfig
    train: TrainConfig

    def after(self, change: Command) -> Setup:
        """The setup once `change` has taken effect; the same for one that is about other things."""
        match change:
            case UseEngine(engine, optimizations):
                return replace(self, engine=engine, optimizations=optimizations)
            case SetOptimization(key, value):
                return replace(self, optimizations=self.optimizations.with_value(key, value))
            case SetBatch(batch):
                return replace(self, train=replace(self.train, batch=batch))
            case SetLearningRate(rate):
                return replace(self, train=replace(self.train, learning_rate=rate))
            case SetSteps(steps):
                return replace(self, train=replace(self.train, steps=steps))
            case Restart(model, train):
                return replace(self, model=model or self.model, train=train or self.train)
            case UseState(model=model, train=train):
                return replace(self, model=model, train=train)
            case _:
                return self

    def cut(self, dataset: Dataset) -> Dataset:
        """The documents that are trained on, and those that are held out, at the model's length."""
        held_out = self.train.held_out
        return dataset.with_block_size(self.model.block_size).with_held_out(held_out)

    def advance(
        self, engine: Engine, state: TrainState, dataset: Dataset, n_steps: int
    ) -> StepReport:
        """Take the next n_steps on a data set that `cut` made.

        How many are taken at once does not change what is learned.
        """
        train, first = self.train, state.step
        return engine.run(
            state,
            dataset,
            self.model,
            train,
            self.optimizations,
            documents_of(train, first, n_steps, dataset.n_docs),
            learning_rates(train, first, n_steps),
        )
