"""The float64 reference with the operands of every product rounded to bfloat16.

What a kernel in bfloat16 should compute is this and not the exact gradient: rounding moves whole
units over ReLU's zero, here as there. What is left between the two is float32's own rounding, and
the few numbers that it puts on the other side of a tie.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from eetui.core.config import ModelConfig
from eetui.core.data.dataset import Dataset
from eetui.core.engines.base import Gradients
from eetui.core.model import reference
from eetui.core.model.state import TrainState, relative_distance


def to_bfloat16(x: np.ndarray) -> np.ndarray:
    """x rounded to the nearest number with eight bits, ties to even; float64 again."""
    bits = x.astype(np.float32).view(np.uint32)
    even = (bits >> 16) & 1
    return ((bits + 0x7FFF + even) & 0xFFFF0000).view(np.float32).astype(np.float64)


class Rounded(np.ndarray):
    """An array whose products of matrices take rounded operands; those of attention do not."""

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **more: Any) -> Any:
        plain = [np.asarray(x) if isinstance(x, Rounded) else x for x in inputs]
        if "out" in more:
            more["out"] = tuple(np.asarray(x) for x in more["out"])
        if ufunc is np.matmul and all(x.ndim == 2 for x in plain):
            plain = [to_bfloat16(x) for x in plain]
        result = getattr(ufunc, method)(*plain, **more)
        return result.view(Rounded) if isinstance(result, np.ndarray) else result


def worst_rounded_error(
    found: Gradients,
    state: TrainState,
    model: ModelConfig,
    dataset: Dataset,
    documents: np.ndarray,
) -> tuple[float, float]:
    """Relative errors of the loss and of the worst tensor's gradient against this reference."""
    loss, expected = reference.loss_and_gradients(
        state.params.astype(np.float64).view(Rounded),
        model,
        dataset.tokens[documents],
        dataset.lengths[documents],
    )
    error = relative_distance(model, found.grads, np.asarray(expected))
    assert error is not None, "a gradient is not finite"
    return abs(found.loss - loss) / max(loss, 1.0), error
