"""How many matrix operations a step of the transformer is."""

from __future__ import annotations

from eetui.core.config import ModelConfig


def matrix_operations(model: ModelConfig) -> int:
    """Products of matrices in a step, forward and backward: 21 for one layer.

    A layer has four products with weights (queries, keys and values in one) and there is the last
    one; each also has a product for the gradient of its input and one for that of its weights.
    Attention has two products a layer, each with two more for the gradients.
    """
    return 3 * (4 * model.n_layers + 1) + 6 * model.n_layers
