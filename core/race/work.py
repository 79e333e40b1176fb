"""How many matrix operations a step of the transformer is."""

from __future__ import annotations

from eetui.core.config import ModelConfig


def matrix_operations(model: ModelConfig) -> int:
    """Products of matrices in a step, forward and backward: 21 for one layer.

    Four products with weights a layer (queries, keys and values in one) and the last one, each
    with its input's and its weights' gradient; two in attention, with two gradients each.
    """
    return 3 * (4 * model.n_layers + 1) + 6 * model.n_layers
