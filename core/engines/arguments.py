"""What engines check before they compute: compiled code sees no array end."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from eetui.core.config import MAX_BATCH, ModelConfig
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


def check_dataset(dataset: Dataset) -> None:
    """Raise `EngineError` unless every document has positions and tokens of the vocabulary."""
    check_arrays(dataset)
    if dataset.lengths.min() < 1 or dataset.lengths.max() > dataset.block_size:
        raise EngineError("A document has no position to predict, or more than block_size.")
    if dataset.tokens.max() >= dataset.vocab_size:
        raise EngineError("A document holds a token that is not in the vocabulary.")


def at_hand(dataset: Dataset, documents: NDArray[np.int32]) -> tuple[Dataset, NDArray[np.int32]]:
    """A data set whose rows are ready for these documents [n, batch], and their numbers in it.

    Raises `EngineError` as `check_documents` does, for a data set whose rows are made for them.
    """
    if dataset.ready is None:
        check_documents(documents, dataset)
    return dataset.at_hand(documents)


def check_documents(documents: NDArray[np.int32], dataset: Dataset) -> None:
    """Raise `EngineError` unless rows [n, batch] name documents that there are."""
    if documents.ndim != 2 or not 1 <= documents.shape[1] <= MAX_BATCH:
        raise EngineError(f"Batches are documents [n, batch], of 1 to {MAX_BATCH} documents each.")
    if documents.min(initial=0) < 0 or documents.max(initial=0) >= dataset.n_docs:
        raise EngineError(f"A batch names a document that is not among the {dataset.n_docs}.")


def steps_of(
    documents: NDArray[np.int32], learning_rates: NDArray[np.float32]
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """The arrays as compiled code reads them; raises `EngineError` if they are not of one run."""
    rows = np.ascontiguousarray(documents, dtype=np.int32)
    rates = np.ascontiguousarray(learning_rates, dtype=np.float32)
    if rows.ndim != 2 or rates.shape != rows.shape[:1]:
        raise EngineError("A run takes documents [n_steps, batch] and a rate for each step.")
    return rows, rates


def check_arrays(dataset: Dataset) -> None:
    """Raise `EngineError` unless tokens and lengths have the types and sizes of a data set."""
    tokens, lengths = dataset.tokens, dataset.lengths
    if tokens.ndim != 2 or len(tokens) != len(lengths) or tokens.dtype != np.uint8:
        raise EngineError("The data set's tokens must be uint8 [documents, block_size + 1].")
    if lengths.dtype != np.int32 or not (tokens.flags.c_contiguous and lengths.flags.c_contiguous):
        raise EngineError("The data set's lengths must be int32, and its arrays contiguous.")
