"""The list of runs filtered, sorted and grouped."""

from __future__ import annotations

import json

import numpy as np
import pytest

from eetui.core.store.listing import (
    ORDERS,
    filtered,
    ordered,
    require_keys,
    smoothed,
    summary_of,
    tree,
    x_of,
)
from eetui.core.store.run_record import Summary
from eetui.core.store.store import Store

from ...conftest import Refused
from .conftest import Make
from .test_store import NEW


@pytest.fixture
def runs(store: Store) -> list[Summary]:
    """Six runs of two widths and three rates."""
    blank = store.begin(**NEW)
    return [
        blank._replace(
            id=f"{i:08x}",
            name=f"run {'abcdef'[i]}",
            updated=100.0 + i,
            step=10 * i,
            loss=3.0 - 0.1 * i if i else None,
            held_out_loss=2.0 + 0.1 * ((i * 5) % 6),
            us_per_step=float(i),
            configuration=json.dumps({"d_model": 16 if i < 2 else 128, "learning_rate": i % 3}),
            note="keep" if i == 4 else "",
            pinned=i == 3,
        )
        for i in range(6)
    ]


def letters(runs: list[Summary]) -> str:
    return "".join(run.name[-1] for run in runs)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", "abcdef"),
        ("  ", "abcdef"),
        ("RUN C", "c"),
        ("d_model=16", "ab"),
        ("d_model=128 learning_rate=2", "cf"),
        ("keep", "e"),
        ("00000003", "d"),
        ("nothing", ""),
    ],
)
def test_every_word_must_occur(runs: list[Summary], text: str, found: str) -> None:
    assert letters(filtered(runs, text)) == found


def test_every_column_sorts_and_pinned_runs_stay_first(runs: list[Summary]) -> None:
    assert letters(ordered(runs, "age")) == "dfecba"
    assert letters(ordered(runs, "name")) == "dabcef"
    assert letters(ordered(runs, "loss")) == "dfecba"
    assert letters(ordered(runs, "name", backwards=True)) == "dfecba"
    for order in ORDERS:
        assert sorted(letters(ordered(runs, order))) == [*"abcdef"]


def test_groups_are_in_order_of_their_values_and_fold(runs: list[Summary]) -> None:
    rows = tree(runs, ("d_model", "learning_rate"), frozenset())
    heads = [(row.group.path[-1], row.group.count) for row in rows if row.group]
    assert heads == [
        (("d_model", "16"), 2),
        (("learning_rate", "0"), 1),
        (("learning_rate", "1"), 1),
        (("d_model", "128"), 4),
        (("learning_rate", "0"), 1),
        (("learning_rate", "1"), 1),
        (("learning_rate", "2"), 2),
    ]
    assert "".join(row.run.name[-1] for row in rows if row.run) == "abdecf"
    folded = tree(runs, ("d_model", "learning_rate"), frozenset({(("d_model", "128"),)}))
    assert "".join(row.run.name[-1] for row in folded if row.run) == "ab"
    assert [row.run for row in tree(runs, (), frozenset())] == runs


def test_keys_that_no_run_has_are_refused(runs: list[Summary], refused: Refused) -> None:
    assert require_keys(" d_model,learning_rate , d_model", runs) == ("d_model", "learning_rate")
    assert require_keys("", runs) == ()
    with refused("No run has a setting colour"):
        require_keys("colour", runs)


def test_axes_and_figures_of_a_curve(store: Store, progress: Make) -> None:
    run = store.begin(**NEW)
    store.write(run.id, progress(50))
    run, curves = store.find(run.id), store.curves(run.id)
    assert x_of(run, curves.loss, "steps")[-1] == 500
    assert x_of(run, curves.loss, "samples")[-1] == 500 * 16
    assert x_of(run, curves.loss, "seconds")[-1] == pytest.approx(0.05)
    low, mean, high = summary_of(curves) or (0, 0, 0)
    assert low < mean < high
    assert np.allclose(smoothed(np.full(10, 2.0), 5), 2.0)


def test_neighbours_are_averaged_by_hand() -> None:
    values = np.array([1.0, 2.0, 6.0, 4.0])
    assert smoothed(values, 3).tolist() == pytest.approx([1.5, 3.0, 4.0, 5.0])
    assert smoothed(values, 1).tolist() == values.tolist()
    assert smoothed(values[:2], 3).tolist() == [1.0, 2.0]
    assert smoothed(values, 2).tolist() == pytest.approx([1.0, 1.5, 4.0, 5.0])
