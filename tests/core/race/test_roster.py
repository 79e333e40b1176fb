"""The line-up: who there is, in which order, and what is said of names that nobody has."""

from __future__ import annotations

import pytest

from eetui.core.race import roster

LEAGUE = [
    "scalar",
    "tape",
    "tape-f32",
    "vector",
    "vector-sgd",
    "rnn",
    "rnn-sparse",
    "explicit",
    "explicit-numba",
    "numba",
    "native",
    "native+matrix",
    "torch",
    "torch-compile",
    "jax",
    "mlx",
]


def test_everyone_but_the_gpus_races_by_default():
    assert [contestant.name for contestant in roster.line_up()] == LEAGUE


@pytest.mark.parametrize("name", roster.EVERYONE)
def test_everyone_introduces_themselves(name):
    contestant = roster.create(name)
    assert contestant.name == name
    assert contestant.summary.endswith(".")
    assert contestant.extra == (
        name.partition("+")[0].partition("-")[0] if name.startswith(("torch", "jax", "mlx")) else ""
    )
    assert bool(contestant.model) == name.startswith("rnn")


def test_the_leagues_order_holds_whatever_the_names_order():
    names = ["torch+gpu", "native", "jax", "scalar", "native"]
    assert [c.name for c in roster.line_up(names)] == ["scalar", "native", "jax", "torch+gpu"]


def test_names_are_parsed():
    assert roster.parse_names(" scalar, native+matrix,") == ["scalar", "native+matrix"]


def test_a_name_that_nobody_has_is_refused_with_those_there_are(refused):
    with refused("There is no contestant 'rust': there are scalar, tape, tape-f32"):
        roster.parse_names("native,rust")
    with refused("Name contestants, such as scalar,native"):
        roster.parse_names(" ,")
