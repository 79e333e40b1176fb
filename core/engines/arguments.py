"""What engines check before they hand pointers to compiled code, which sees no array end."""

from __future__ import annotations

import numpy as np

from eetui.core.config import ModelConfig
from eetui.core.data.dataset import Dataset
from eetui.core.errors import EngineError
from eetui.core.model.state import TrainState, Vector


def check_state(state: TrainState, model: ModelConfig) -> None:
    """Raise `EngineError` unless the three vectors are contiguous float32 [n_params]."""
    for vector in (state.params, state.m, state.v):
        check_vector(vector, model)


def check_vector(vector: Vector, model: ModelConfig) -> None:
    """Raise `EngineError` unless the vector is contiguous float32 [n_params]."""
    if vector.shape != (model.n_params,) or vector.dtype != np.float32:
        raise EngineError(f"The state is not one of this model ({model.n_params} float32).")
    if not vector.flags.c_contiguous:
        raise EngineError("The state's vectors must be contiguous.")


def check_fit(dataset: Dataset, model: ModelConfig) -> None:
    """Raise `EngineError` unless the data set was encoded for this model."""
    if dataset.block_size != model.block_size or dataset.vocab_size != model.vocab_size:
        raise EngineError(
            f"The data set (block size {dataset.block_size}, vocabulary {dataset.vocab_size}) "
            f"does not fit the model ({model.block_size}, {model.vocab_size})."
        )


def check_arrays(dataset: Dataset) -> None:
    """Raise `EngineError` unless tokens and lengths have the types and sizes of a data set."""
    tokens, lengths = dataset.tokens, dataset.lengths
    if tokens.ndim != 2 or len(tokens) != len(lengths) or tokens.dtype != np.uint8:
        raise EngineError("The data set's tokens must be uint8 [documents, block_size + 1].")
    if lengths.dtype != np.int32 or not (tokens.flags.c_contiguous and lengths.flags.c_contiguous):
        raise EngineError("The data set's lengths must be int32, and its arrays contiguous.")
