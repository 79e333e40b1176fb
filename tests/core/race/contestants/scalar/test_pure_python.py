"""Numbers that remember how they were made: each operation's value and slopes."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from eetui.core.config import ModelConfig, TrainConfig
from eetui.core.data.dataset import Dataset, load_dataset
from eetui.core.model import reference
from eetui.core.race.contestants.scalar import pure_python
from eetui.core.race.contestants.scalar.pure_python import Value
from eetui.core.race.contestants.scalar.scalar_learner import SCALAR
from eetui.core.race.microgpt import microgpt_task

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


def test_the_program_prints_the_losses_of_the_reference_and_its_pace(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Documents come round in turn, blank lines are none, and long ones are cut at the block."""
    path = tmp_path / "words.txt"
    path.write_text("abc\n\n  bca \nccccccccccccccccccccab\n")
    readings = iter(range(100))
    monkeypatch.setattr(pure_python, "perf_counter", lambda: next(readings) / 4)
    monkeypatch.setattr(sys, "argv", ["microgpt.py", str(path), "--steps", "5"])
    pure_python.main()
    lines = capsys.readouterr().out.splitlines()
    model = ModelConfig(d_model=16, vocab_size=4)
    train = TrainConfig(batch=1, learning_rate=0.01, steps=5)
    task = microgpt_task(load_dataset(str(path)), model, train)
    params, m, v = task.initial.copy(), *np.zeros((2, task.model.n_params))
    rates = task.learning_rates(0, 5)
    for step, row in enumerate(task.documents(0, 5, 1)):
        batch = (task.dataset.tokens[row], task.dataset.lengths[row])
        loss, grads = reference.loss_and_gradients(params, task.model, *batch)
        assert lines[step] == f"step    {step + 1} | loss {loss:.4f} | 250,000 us a sample"
        reference.adam(params, m, v, grads, step, rates[step], task.train)
    assert len(lines) == 5


def test_what_is_too_large_for_a_number_is_no_loss(names: Dataset) -> None:
    """The logarithm of zero, where arrays would hold infinity and Python raises."""
    model = ModelConfig(d_model=4, n_heads=1, block_size=4)
    task = microgpt_task(names.with_block_size(4), model, TrainConfig(batch=1))
    assert np.isnan(SCALAR.start(replace(task, initial=task.initial * 1e5)).advance(1)).all()
    assert np.isfinite(SCALAR.start(task).advance(2)).all()
