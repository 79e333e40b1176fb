"""What a measurement is of: the data, the model, how it is trained, and the engine that does it."""

from __future__ import annotations

from dataclasses import dataclass, replace

from eetui.core.config import ModelConfig, TrainConfig, default_n_heads
from eetui.core.data.dataset import Dataset
from eetui.core.engines.base import Engine


@dataclass(frozen=True, slots=True)
class Subject:
    """The data are cut to the model's block size, and the model has the data's vocabulary.

    The engine's scratch memory is its own: no other thread may use the same engine meanwhile.
    """

    dataset: Dataset
    model: ModelConfig
    train: TrainConfig
    engine: Engine

    def __post_init__(self) -> None:
        dataset = self.dataset.with_block_size(self.model.block_size)
        object.__setattr__(self, "dataset", dataset)
        object.__setattr__(self, "model", replace(self.model, vocab_size=dataset.vocab_size))

    def at_width(self, d_model: int) -> Subject:
        """The same at another width, with the heads that belong to it."""
        model = replace(self.model, d_model=d_model, n_heads=default_n_heads(d_model))
        return replace(self, model=model)
