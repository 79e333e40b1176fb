"""The rungs: which there are, in which order, and which cannot be climbed here."""

from __future__ import annotations

from itertools import pairwise

import pytest

from eetui.core.engines import registry
from eetui.core.errors import EngineError
from eetui.core.measure import ladder
from eetui.core.measure.ladder import Rung, plan, top, without
from eetui.core.optimizations import CATALOGUE, Optimizations, labels
from tests.support.present import present


def added(below: Rung, rung: Rung) -> Optimizations:
    """The toggles of the rung below with that of this one."""
    assert rung.value is not None
    return present(below.optimizations).with_value(rung.key, rung.value)


def test_the_rungs_have_every_value_once():
    told = [*ladder.RUNGS]
    wanted = [
        (e.key, v)
        for e in CATALOGUE
        if e.key not in ladder.NOT_CLIMBED and e.kind != "learning"
        for v in e.values[1:]
    ]
    assert sorted(told, key=str) == sorted(wanted, key=str)
    for entry in CATALOGUE:  # upwards only: a value never comes before a slower one
        aside = [value for key, value in ladder.ASIDE if key == entry.key]
        own = [v for key, v in told if key == entry.key and v not in aside]
        assert own == [value for value in entry.values if value in own]


def test_a_rung_adds_one_thing_to_the_rung_below(scripted):
    rungs = [rung for rung in plan(scripted()) if rung.optimizations is not None]
    lowest = present(rungs[0].optimizations)
    assert labels(lowest) == {e.key: e.label(e.values[0]) for e in CATALOGUE}
    for below, rung in pairwise(rungs):
        assert rung.optimizations == added(below, rung)
    assert present(rungs[-1].optimizations).adam == "fused"


def test_what_cannot_be_climbed_says_why(scripted):
    engine = scripted()
    unit = engine.never["products", "amx"]
    engine.never |= {("vector_width", 16): "Eight lanes at most."}
    engine.never |= {("adam", "scalar"): "Always vectors.", ("adam", "fused"): "Always vectors."}
    rungs = plan(engine)
    assert {rung.label: rung.reason for rung in rungs if rung.reason} == {
        "vector width: 16": "Eight lanes at most.",
        "Adam": "Always vectors.",
        **{f"products: {value}": unit for value in ("outer", "sme2", "amx-split", "amx", "bf16")},
        "threads": ladder.NOT_CLIMBED["threads"],
    }
    assert all(bool(rung.reason) == (rung.optimizations is None) for rung in rungs)
    assert (top(rungs).vector_width, top(rungs).adam) == (8, "vector")


def test_taking_a_rung_away_leaves_all_others_on(scripted):
    rungs = plan(scripted())
    highest = top(rungs)
    taken = {rung.label: without(rung, rungs) for rung in rungs}
    assert taken["padding skip"] == highest.with_value("padding_skip", False)
    assert taken["vector width: 16"] == highest.with_value("vector_width", 8)
    assert taken["Adam: fused"] == highest.with_value("adam", "vector")
    assert taken["vector width: 8"] is None  # everything on has gone beyond it
    assert taken[ladder.START] is None
    assert taken["threads"] is None


def test_a_rung_aside_is_no_part_of_everything_on(scripted):
    engine = scripted()
    del engine.never["products", "outer"], engine.never["products", "amx"]
    rungs = plan(engine)
    below, tile, amx = [rung for rung in rungs if rung.optimizations is not None][-3:]
    assert (tile.value, tile.aside, amx.value, amx.aside) == ("outer", True, "amx", False)
    for rung in (tile, amx):
        assert rung.optimizations == added(below, rung)
    assert top(rungs) == amx.optimizations
    assert without(tile, rungs) is None
    assert without(amx, rungs) == below.optimizations
    engine.never["products", "amx"] = "None."
    assert top(plan(engine)) == below.optimizations


@pytest.mark.parametrize("name", registry.ENGINES)
def test_every_engine_ends_at_its_best(name):
    try:
        engine = registry.create(name)
    except EngineError as error:
        pytest.skip(str(error))
    rungs = plan(engine, {"products": "tiles"})
    assert top(rungs) == engine.default_optimizations()
    rungs = plan(engine)
    for rung in rungs:
        assert bool(rung.reason) != (rung.optimizations is not None)
    climbed = {entry.key for entry in CATALOGUE if entry.kind != "learning"}
    assert {rung.key for rung in rungs if rung.key} == climbed
