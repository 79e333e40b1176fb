"""What an engine computes, compared with the float64 reference."""

from __future__ import annotations

import numpy as np
import pytest

from eetui.core.config import ModelConfig
from eetui.core.data.dataset import Dataset
from eetui.core.engines.base import Gradients
from eetui.core.model import reference
from eetui.core.model.state import TrainState, relative_distance


def worst_error(
    found: Gradients,
    state: TrainState,
    model: ModelConfig,
    dataset: Dataset,
    documents: np.ndarray,
    loss_tolerance: float = 1e-5,
) -> float:
    """The relative gradient error of the worst tensor against the float64 oracle.

    The loss must be right to a relative `loss_tolerance`.
    """
    loss, expected = reference.loss_and_gradients(
        state.params.astype(np.float64),
        model,
        dataset.tokens[documents],
        dataset.lengths[documents],
    )
    # Near zero a loss is the difference of float32 logits, which round at 1e-7 of their size.
    assert found.loss == pytest.approx(loss, rel=loss_tolerance, abs=2e-6)
    error = relative_distance(model, found.grads, expected)
    assert error is not None, "a gradient is not finite"
    return error
