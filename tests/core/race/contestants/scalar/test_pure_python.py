"""Numbers that remember how they were made: each operation's value and slopes."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest

from eetui.core.race.contestants.scalar.pure_python import Value

H = 1e-6

Formula = Callable[[Value, Value], Value]

FORMULAS: dict[str, tuple[Formula, Callable[[float, float], float]]] = {
    "sum": (lambda a, b: a + b + 3.0, lambda a, b: a + b + 3.0),
    "sum from the right": (lambda a, b: 3.0 + a, lambda a, b: 3.0 + a),
    "product": (lambda a, b: a * b * 3.0, lambda a, b: a * b * 3.0),
    "product from the right": (lambda a, b: 3.0 * b, lambda a, b: 3.0 * b),
    "power": (lambda a, b: a**3, lambda a, b: a**3),
    "root": (lambda a, b: b**-0.5, lambda a, b: b**-0.5),
    "logarithm": (lambda a, b: (a * b).log(), lambda a, b: math.log(a * b)),
    "exp": (lambda a, b: (a * b).exp(), lambda a, b: math.exp(a * b)),
    "relu above zero": (lambda a, b: (a * b).relu(), lambda a, b: a * b),
    "relu below zero": (lambda a, b: (a * -2.0).relu() + b, lambda a, b: b),
    "negative": (lambda a, b: -a * b, lambda a, b: -a * b),
    "difference": (lambda a, b: a * b - 1.5, lambda a, b: a * b - 1.5),
    "quotient": (lambda a, b: a / b / 2.0, lambda a, b: a / b / 2.0),
    "twice the same": (lambda a, b: a * a + a, lambda a, b: a * a + a),
    "shared": (lambda a, b: (a * b).exp() * (a * b), lambda a, b: math.exp(a * b) * a * b),
}


@pytest.mark.parametrize("name", FORMULAS)
def test_an_operation_has_the_value_and_the_slopes_of_its_formula(name: str) -> None:
    made, plain = FORMULAS[name]
    x, y = 0.7, 1.3
    a, b = Value(x), Value(y)
    out = made(a, b)
    assert out.data == pytest.approx(plain(x, y))
    out.backward()
    assert a.grad == pytest.approx((plain(x + H, y) - plain(x - H, y)) / (2 * H), abs=1e-6)
    assert b.grad == pytest.approx((plain(x, y + H) - plain(x, y - H)) / (2 * H), abs=1e-6)


def test_the_way_back_tells_over_how_many_numbers_it_went() -> None:
    a, b = Value(2.0), Value(3.0)
    c = a * b
    assert (c + c).backward() == 4  # the sum, the product, a and b
    assert (a.grad, b.grad, c.grad) == (6.0, 4.0, 2.0)
