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
    SetNames,
    SetOptimization,
    SetSteps,
    UseEngine,
    UseState,
)


@dataclass(frozen=True, slots=True)
class Setup:
    """With the weights and the data, all that decides the next steps, and the names beside them.

    engine: '' for none yet. temperature, prefix: of the names that are generated.
    """

    engine: str
    optimizations: Optimizations
    model: ModelConfig
    train: TrainConfig
    temperature: float = 0.5
    prefix: str = ""

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
            case SetNames(temperature, prefix):
                return replace(
                    self,
                    temperature=self.temperature if temperature is None else temperature,
                    prefix=self.prefix if prefix is None else prefix,
                )
            case Restart(model, train) | UseState(model=model, train=train):
                return self.begun_with(model or self.model, train or self.train)
            case _:
                return self

    def begun_with(self, model: ModelConfig, train: TrainConfig) -> Setup:
        """The setup of a new run; a prefix that leaves no room in its blocks is cut."""
        prefix = self.prefix[: model.block_size - 1]
        return replace(self, model=model, train=train, prefix=prefix)

    def named_as(self, other: Setup) -> Setup:
        """The setup with the temperature and the prefix of another one."""
        return replace(self, temperature=other.temperature, prefix=other.prefix)

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
