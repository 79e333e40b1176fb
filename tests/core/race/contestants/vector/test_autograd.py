"""Every operation on variables against finite differences."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from eetui.core.race.contestants.vector.autograd import Variable, stack
from tests.core.race.conftest import slopes

OPERATIONS: dict[str, Callable[[Variable, Variable], Variable]] = {
    "add": lambda x, y: x + y,
    "add a row": lambda x, y: x + y[0],
    "add a column": lambda x, y: x + y.mean(axis=-1),
    "add a number": lambda x, y: x + 2.0 + y,
    "multiply": lambda x, y: x * y * 3.0,
    "multiply by a row": lambda x, y: x * y[1],
    "power": lambda x, y: x.power(-1.5) + y,
    "matrices": lambda x, y: x @ y.transpose(1, 0),
    "vector and matrix": lambda x, y: x[2] @ y.transpose(1, 0),
    "stacked matrices": lambda x, y: x.reshape(2, 3, 2) @ y.reshape(2, 3, 2).transpose(0, 2, 1),
    "rows that come up again": lambda x, y: x[np.array([0, 2, 0])] * y,
    "relu": lambda x, y: (x + -1.0).relu() * y,
    "log": lambda x, y: x.log() * y,
    "softmax": lambda x, y: x.softmax() * y,
    "stack": lambda x, y: stack([x[0], y[1], x[0]]) * y,
    "a variable used twice": lambda x, y: x * x + x * y,
}


@pytest.mark.parametrize("operation", OPERATIONS)
def test_gradients_of_an_operation(operation: str) -> None:
    """Every operation on two [3, 4] between 0.5 and 1.5, summed up with uneven shares."""
    flat = np.random.default_rng(1).uniform(0.5, 1.5, 24)

    def loss() -> tuple[Variable, Variable, Variable]:
        x, y = (Variable(part.reshape(3, 4)) for part in np.split(flat, 2))
        out = OPERATIONS[operation](x, y)
        shares = Variable(np.sin(np.arange(out.data.size)).reshape(out.data.shape))
        return (out * shares).mean(), x, y

    last, x, y = loss()
    last.backward()
    assert x.grad is not None
    assert y.grad is not None
    found = slopes(lambda: float(loss()[0].data), flat, range(24))
    np.testing.assert_allclose(np.append(x.grad, y.grad), found, rtol=1e-6, atol=1e-8)
