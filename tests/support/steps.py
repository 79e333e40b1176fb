"""Training by an engine as the program trains: the documents and rates of the run's own steps."""

from __future__ import annotations

from eetui.core.config import ModelConfig, TrainConfig
from eetui.core.data import batches
from eetui.core.data.dataset import Dataset
from eetui.core.engines.base import Engine, StepReport
from eetui.core.model.state import TrainState
from eetui.core.optimizations import Optimizations


def advance(
    engine: Engine,
    state: TrainState,
    dataset: Dataset,
    model: ModelConfig,
    train: TrainConfig,
    on: Optimizations,
    n_steps: int,
    profile: bool = False,
) -> StepReport:
    """The next `n_steps` steps of a run with the toggles `on`."""
    documents = batches.documents(train.seed, state.step, n_steps, train.batch, dataset.n_docs)
    rates = batches.learning_rates(train, state.step, n_steps)
    return engine.run(state, dataset, model, train, on, documents, rates, profile=profile)


def large_state(model: ModelConfig, seed: int, scale: float = 3.0) -> TrainState:
    """Weights larger than at the start, so that attention and ReLU have something to tell apart."""
    state = TrainState.create(model, seed)
    state.params *= scale
    return state
