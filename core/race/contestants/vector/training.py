"""Weights that variables learn, and gradient descent with momentum."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from eetui.core.config import TrainConfig
from eetui.core.race.contestants.vector.autograd import Array, Variable


class Parameters:
    """Tensors on slices of one flat vector of weights, and their gradients as another.

    cut: gives the named matrices of a flat vector [n_params].
    """

    def __init__(self, flat: Array, cut: Callable[[Array], dict[str, Array]]) -> None:
        self.flat = flat
        self.grads = np.zeros_like(flat)
        self.variables = {name: Variable(matrix) for name, matrix in cut(flat).items()}
        self._grads_of = cut(self.grads)

    def differentiate(self, loss: Variable) -> int:
        """The gradients of `loss` in `grads`; gives the number of variables of its graph."""
        for variable in self.variables.values():
            variable.grad = None
        size = loss.backward()
        for name, variable in self.variables.items():
            self._grads_of[name][:] = 0.0 if variable.grad is None else variable.grad
        return size


class Momentum:
    """Stochastic gradient descent with momentum, by the recipe of brief-ds.

    v = 0.99 v + g, w = w - rate v; the rate shrinks by 0.998 a step, which is to 0.135 of it in
    the 1,000 steps he takes. A plan of other length shrinks it to that in its own steps, unless
    the rates of the task are constant because nobody knows its length. They are not used else.
    """

    momentum = 0.99
    decay = 0.998
    decay_steps = 1000

    def __init__(self, n_params: int, train: TrainConfig, rate: float) -> None:
        self.velocity = np.zeros(n_params)
        self.rate = rate
        self.stretch = 1.0 if train.schedule == "constant" else self.decay_steps / train.steps

    def update(self, flat: Array, grads: Array, n_before: int) -> None:
        """Change the weights [n_params] in place, after so many steps."""
        self.velocity *= self.momentum
        self.velocity += grads
        flat -= self.rate * self.decay ** (n_before * self.stretch) * self.velocity
