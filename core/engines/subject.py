"""What a measurement is of: the data, the model, how it is trained, and by which engine."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from eetui.core.config import ModelConfig, TrainConfig, default_n_heads
from eetui.core.data.dataset import Dataset
from eetui.core.engines import registry
from eetui.core.engines.base import Engine


@dataclass(frozen=True, slots=True)
class Subject:
    """The data are cut to the model's block size, and the model has the data's vocabulary."""

    dataset: Dataset
    model: ModelConfig
    train: TrainConfig = field(default_factory=TrainConfig)
    engine: str = field(default_factory=registry.default)

    def __post_init__(self) -> None:
        dataset = self.dataset.with_block_size(self.model.block_size)
        object.__setattr__(self, "dataset", dataset)
        object.__setattr__(self, "model", replace(self.model, vocab_size=dataset.vocab_size))

    def at_width(self, d_model: int) -> Subject:
        """The same at another width, with the heads that belong to it."""
        model = replace(self.model, d_model=d_model, n_heads=default_n_heads(d_model))
        return replace(self, model=model)

    def create_engine(self) -> Engine:
        """A new engine, whose scratch memory nobody else uses; raises what the registry does."""
        return registry.create(self.engine)
