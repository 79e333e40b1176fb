"""Muon in plain NumPy: the oracle of the engines' own, in the dtype of the weights it is given.

Jordan et al., "Muon: an optimizer for hidden layers in neural networks", 2024: the momentum of a
matrix's gradient, brought near to the closest matrix with singular values of one by Newton and
Schulz's iteration. Here for the four matrices of each block; embeddings and head stay with Adam.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from eetui.core.config import ModelConfig, TrainConfig
from eetui.core.model.reference import adam
from eetui.core.model.state import layout, views

Array = NDArray[Any]

MOMENTUM = 0.9
ITERATIONS = 3
COEFFICIENTS = (3.4445, -4.7750, 2.0315)
"""Of X, X X^T X and X (X^T X)^2 in a round; they raise small singular values as fast as can be."""
LEAST = 1e-7
"""Added to a norm that may be zero."""


def muon(
    model: ModelConfig,
    params: Array,
    m: Array,
    v: Array,
    grads: Array,
    step: int,
    learning_rate: float,
    train: TrainConfig,
) -> None:
    """One update in place [n_params]; `step` counts the updates made before, for Adam.

    Of the blocks' matrices m takes the gradient in and v stays as it is, so that Adam can go on.
    """
    begin, end = blocks(model)
    for part in (slice(0, begin), slice(end, None)):
        adam(params[part], m[part], v[part], grads[part], step, learning_rate, train)
    weights, moments, gradients = (views(model, vector) for vector in (params, m, grads))
    for name in filter(is_of_block, weights):
        first, gradient = moments[name], gradients[name]
        first += (1.0 - MOMENTUM) * (gradient - first)
        along = gradient + MOMENTUM * (first - gradient)  # Nesterov's
        scale = learning_rate * max(along.shape) ** 0.5
        weights[name] -= scale * orthogonalized(along)


def is_of_block(name: str) -> bool:
    """Whether the tensor called `name` is one of the matrices of a block."""
    return name.startswith("layers.")


def blocks(model: ModelConfig) -> tuple[int, int]:
    """Where the matrices of the blocks begin and end in the flat vectors."""
    own = [tensor for tensor in layout(model) if is_of_block(tensor.name)]
    return own[0].offset, own[-1].offset + own[-1].size


def orthogonalized(x: Array) -> Array:
    """`x` with its singular values brought near to one, or zero if it is zero."""
    a, b, c = COEFFICIENTS
    y: Array = x.T if x.shape[0] < x.shape[1] else x
    y = y / (np.linalg.norm(y) + LEAST)
    for _ in range(ITERATIONS):
        gram = y.T @ y
        y = a * y + y @ (b * gram + c * gram @ gram)
    return y.T if x.shape[0] < x.shape[1] else y
