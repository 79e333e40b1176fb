"""The loss of this transformer on documents that it is not trained on, whoever trains it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from eetui.core.config import ModelConfig
from eetui.core.data.dataset import Dataset
from eetui.core.engines import registry

AT_ONCE = 64
"""Documents of a batch: bounds the memory, and does not change the loss."""


def transformer_loss(params: NDArray[Any], model: ModelConfig, documents: Dataset, n: int) -> float:
    """The mean loss (nats a predicted character) of the first n documents.

    params: [n_params], laid out as in `state.layout`.
    """
    engine = registry.create("numpy")
    weights = np.ascontiguousarray(params, np.float32)
    total = 0.0
    for first in range(0, n, AT_ONCE):
        rows = np.arange(first, min(first + AT_ONCE, n), dtype=np.int32)[None]
        on = engine.default_optimizations()
        loss = engine.evaluate(weights, documents, model, on, rows)[0]
        total += float(loss) * int(documents.lengths[rows].sum())
    return total / int(documents.lengths[:n].sum())
