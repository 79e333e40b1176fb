"""Autograd on arrays: each operation remembers its inputs and how to hand a gradient on to them.

It is the scalar `Value` with arrays instead of numbers, as in brief-ds's micrograd
(https://github.com/brief-ds/micrograd): a document is a graph of some dozens of operations
instead of tens of thousands, and NumPy does the arithmetic of each.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Pull = Callable[[Array], tuple[Array, ...]]
"""The gradients of an operation's inputs, from that of its output."""


def sum_to(gradient: Array, shape: tuple[int, ...]) -> Array:
    """The gradient of an input of this shape that was broadcast to the gradient's."""
    if gradient.shape == shape:
        return gradient
    added = gradient.ndim - len(shape)
    stretched = tuple(i for i, n in enumerate(shape, added) if n == 1 and gradient.shape[i] > 1)
    total: Array = gradient.sum(axis=(*range(added), *stretched), keepdims=True)
    return total.reshape(shape)


class Variable:
    """An array, the variables it was made of, and its gradient once `backward` has been through."""

    __slots__ = ("data", "grad", "inputs", "pull")

    def __init__(
        self, data: Array, inputs: tuple[Variable, ...] = (), pull: Pull | None = None
    ) -> None:
        self.data = data
        self.grad: Array | None = None
        self.inputs = inputs
        self.pull = pull

    def __add__(self, other: Variable | Array | float) -> Variable:
        x = self.data
        if not isinstance(other, Variable):
            return Variable(x + other, (self,), lambda g: (sum_to(g, x.shape),))
        y = other.data
        return Variable(x + y, (self, other), lambda g: (sum_to(g, x.shape), sum_to(g, y.shape)))

    def __mul__(self, other: Variable | float) -> Variable:
        x = self.data
        if not isinstance(other, Variable):
            return Variable(x * other, (self,), lambda g: (g * other,))
        y = other.data
        return Variable(
            x * y, (self, other), lambda g: (sum_to(g * y, x.shape), sum_to(g * x, y.shape))
        )

    def power(self, power: float) -> Variable:
        x = self.data
        return Variable(x**power, (self,), lambda g: (g * power * x ** (power - 1.0),))

    def __matmul__(self, other: Variable) -> Variable:
        """A vector or (stacked) matrices times a matrix or as many."""
        x, y = self.data, other.data

        def pull(g: Array) -> tuple[Array, Array]:
            dy = np.multiply.outer(x, g) if x.ndim == 1 else x.swapaxes(-1, -2) @ g
            return g @ y.swapaxes(-1, -2), dy

        return Variable(x @ y, (self, other), pull)

    def __getitem__(self, rows: Any) -> Variable:
        """Rows by number: one, a slice, or several, which may come up again."""
        x = self.data

        def pull(g: Array) -> tuple[Array]:
            dx = np.zeros_like(x)
            np.add.at(dx, rows, g)
            return (dx,)

        return Variable(x[rows], (self,), pull)

    def relu(self) -> Variable:
        x = self.data
        return Variable(np.maximum(x, 0.0), (self,), lambda g: (g * (x > 0.0),))

    def log(self) -> Variable:
        x = self.data
        return Variable(np.log(x), (self,), lambda g: (g / x,))

    def softmax(self) -> Variable:
        """Shares along the last axis."""
        y = np.exp(self.data - self.data.max(axis=-1, keepdims=True))
        y /= y.sum(axis=-1, keepdims=True)
        return Variable(y, (self,), lambda g: (y * (g - (g * y).sum(axis=-1, keepdims=True)),))

    def mean(self, axis: int | None = None) -> Variable:
        """The mean of all, or along an axis that stays with length 1."""
        x = self.data
        y = np.asarray(x.mean(axis=axis, keepdims=axis is not None))
        return Variable(y, (self,), lambda g: (np.broadcast_to(g * (y.size / x.size), x.shape),))

    def reshape(self, *shape: int) -> Variable:
        x = self.data
        return Variable(x.reshape(shape), (self,), lambda g: (g.reshape(x.shape),))

    def transpose(self, *axes: int) -> Variable:
        back = np.argsort(axes)
        return Variable(self.data.transpose(axes), (self,), lambda g: (g.transpose(back),))

    def backward(self) -> int:
        """Set `grad` of every variable that this number depends on; returns how many there are."""
        order = inputs_first(self)
        self.grad = np.ones_like(self.data)
        for variable in reversed(order):
            if variable.pull is None:
                continue
            assert variable.grad is not None
            for each, gradient in zip(variable.inputs, variable.pull(variable.grad), strict=True):
                each.grad = gradient if each.grad is None else each.grad + gradient
        return len(order)


def inputs_first(last: Variable) -> list[Variable]:
    """`last` and all that it was made of, each after its inputs."""
    order: list[Variable] = []
    seen = {last}
    path = [(last, iter(last.inputs))]
    while path:
        variable, rest = path[-1]
        for each in rest:
            if each not in seen:
                seen.add(each)
                path.append((each, iter(each.inputs)))
                break
        else:
            order.append(variable)
            path.pop()
    return order


def stack(variables: Sequence[Variable]) -> Variable:
    """Numbers or vectors as the rows of one variable."""
    return Variable(np.stack([t.data for t in variables]), tuple(variables), tuple)
