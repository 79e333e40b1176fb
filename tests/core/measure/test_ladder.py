"""The climb: which rungs there are, that they are measured fairly, and what follows from it."""

from __future__ import annotations

from dataclasses import fields, replace
from itertools import pairwise
from statistics import median
from unittest.mock import patch

import numpy as np
import pytest

from eetui.core.config import ModelConfig, TrainConfig
from eetui.core.data.dataset import load_dataset
from eetui.core.engines import registry
from eetui.core.engines.base import StepReport
from eetui.core.engines.subject import Subject
from eetui.core.errors import EngineError
from eetui.core.measure import bench, ladder
from eetui.core.optimizations import CATALOGUE, Optimizations, find_optimization, labels

MODEL = ModelConfig(d_model=8)
NO_UNIT = "There is no matrix unit here."
US = {"padding_skip": 400.0, "fast_exp": 150.0}
"""What the engine of the tests saves, of 1,000 microseconds; everything else saves nothing."""


class PacedEngine:
    """Takes the time that its toggles make, on a clock of its own; cannot do what `never` names."""

    name = "paced"
    clock = 0

    def __init__(self, never: dict[tuple[str, object], str] | None = None) -> None:
        units = find_optimization("matrix_engine").values[1:]
        self.never = {("matrix_engine", v): NO_UNIT for v in units} | (never or {})
        self.calls: list[tuple[Optimizations, int, bytes, np.ndarray]] = []
        self.prepared: list[Optimizations] = []

    def why_not(self, key, value):
        return self.never.get((key, value), "")

    def conflict(self, optimizations):
        return ""

    def instruction_set(self, optimizations):
        return f"clockwork x{optimizations.vector_width}"

    def prepare(self, model, optimizations, progress=None):
        self.prepared.append(optimizations)

    def run(self, state, dataset, model, train, optimizations, documents, rates, profile=False):
        n = len(documents)
        self.calls.append((optimizations, n, state.params.tobytes(), documents.copy()))
        us = 1000.0 - sum(saved for key, saved in US.items() if getattr(optimizations, key))
        state.step += n
        state.params += 1
        PacedEngine.clock += int(n * us * 1e3)
        return StepReport(np.zeros(n, np.float32), int(n * us * 1e3))


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(bench, "perf_counter_ns", lambda: PacedEngine.clock)
    monkeypatch.setattr(ladder, "WARM_UP_SECONDS", 0.01)
    monkeypatch.setattr(ladder, "BLOCK_US", 4_000.0)
    monkeypatch.setattr(ladder, "LONGEST_BLOCK_US", 3_000.0)


def climbed(engine, rounds=3, pinned=None):
    return [*climb(engine, pinned, rounds)]


def climb(engine, pinned=None, rounds=3):
    """The climb of this very engine."""
    subject = Subject(load_dataset(), MODEL, TrainConfig(batch=4), engine.name)
    with patch.object(registry, "create", lambda name: engine):
        yield from ladder.climb(subject, pinned, rounds)


def test_the_story_tells_of_every_value_once():
    told = [*ladder.STORY]
    wanted = [
        (e.key, v) for e in CATALOGUE if e.key not in ladder.NOT_CLIMBED for v in e.values[1:]
    ]
    assert sorted(told, key=str) == sorted(wanted, key=str)
    for entry in CATALOGUE:  # upwards only: a value never comes before a slower one
        own = [value for key, value in told if key == entry.key]
        assert own == [value for value in entry.values if value in own]


def test_a_rung_adds_one_thing_to_the_rung_below():
    rungs = [rung for rung in ladder.plan(PacedEngine()) if rung.optimizations is not None]
    assert labels(rungs[0].optimizations) == {e.key: e.label(e.values[0]) for e in CATALOGUE}
    for below, rung in pairwise(rungs):
        assert rung.optimizations == below.optimizations.with_value(rung.key, rung.value)
    assert rungs[-1].optimizations.adam == "fused"


def test_what_cannot_be_climbed_is_told_and_not_measured():
    narrow = {("vector_width", 16): "Eight lanes at most.", ("adam", "scalar"): "Always vectors."}
    narrow |= {("adam", "fused"): "Always vectors."}
    last = climbed(PacedEngine(narrow), rounds=1)[-1]
    reasons = {rung.label: rung.reason for rung in last.impossible}
    assert reasons == {
        "vector width: 16": "Eight lanes at most.",
        "Adam": "Always vectors.",
        "matrix engine": NO_UNIT,
        "threads": ladder.NOT_CLIMBED["threads"],
    }
    assert all(rung.us is None and rung.optimizations is None for rung in last.impossible)
    assert last.top.vector_width == 8
    assert last.top.adam == "vector"


def test_a_pinned_toggle_is_held_on_every_rung():
    engine = PacedEngine()
    last = climbed(engine, rounds=1, pinned={"fast_exp": False, "threads": 2})[-1]
    assert last.pinned == {"fast_exp": "off", "threads": "2"}
    assert not {"fast_exp", "threads"} & {rung.key for rung in last.rungs}
    assert {(o.fast_exp, o.threads) for o, *_ in engine.calls} == {(False, 2)}


def test_rungs_are_measured_in_turn_on_the_same_work():
    engine = PacedEngine()
    last = climbed(engine)[-1]
    ways = [rung.optimizations for rung in last.climbed]
    blocks = engine.calls[-3 * len(ways) :]
    assert [way for way, *_ in blocks] == ways * 3
    assert engine.prepared == ways
    assert len({state for *_, state, _ in blocks}) == 1
    cycle = min(len(documents) for *_, documents in blocks)
    first = blocks[0][-1][:cycle]
    for *_, documents in blocks:
        assert len(documents) % cycle == 0
        assert np.array_equal(documents, np.tile(first, (len(documents) // cycle, 1)))


def test_figures_follow_from_the_runs():
    last = climbed(PacedEngine({("vector_width", 16): "Eight lanes at most."}))[-1]
    by_key = {rung.key: rung for rung in last.climbed}
    bottom, skip, fast = by_key[""], by_key["padding_skip"], by_key["fast_exp"]
    assert bottom.us == pytest.approx(1000)
    assert bottom.gain is None
    assert bottom.factor == 1.0
    assert skip.gain == pytest.approx(40)
    assert skip.gain == pytest.approx(100 * (1 - skip.us / bottom.us))
    assert fast.gain == pytest.approx(25)
    assert fast.factor == bottom.us / fast.us
    for rung in last.climbed:
        assert len(rung.us_runs) == 3
        assert rung.us == median(rung.us_runs)
        assert rung.us_min <= rung.us <= rung.us_max
        assert rung.spread >= 0
    one_slow = replace(skip, us_runs=(9.0, 10.0, 10.0, 11.0, 99.0))
    assert one_slow.spread == pytest.approx(5.0)
    assert replace(skip, us_runs=(10.0,)).spread is None
    assert skip.m5_gain == find_optimization("padding_skip").m5_gain == 34.0
    assert last.climbed[-1].optimizations == last.top


def test_rungs_appear_one_after_another_and_it_can_be_left():
    engine = PacedEngine()
    seen = climbed(engine, rounds=2)
    counts = [len(step.climbed) for step in seen]
    assert counts == sorted(counts)
    assert set(counts) == set(range(len(seen[-1].climbed) + 1))
    assert [step.progress for step in seen] == sorted(step.progress for step in seen)
    assert (seen[-1].progress, seen[-1].doing) == (1.0, "")
    assert all(step.doing for step in seen[:-1])
    before = len(engine.calls)
    for step in climb(engine, rounds=5):
        if step.climbed:
            break
    assert len(engine.calls) - before < len(seen[-1].climbed) * 20
    assert engine.calls[-1][0] == step.climbed[0].optimizations


def test_a_rung_aside_is_compared_with_the_one_below_and_left_again():
    engine = PacedEngine()
    del engine.never["matrix_engine", "tile"], engine.never["matrix_engine", "amx"]
    last = climbed(engine, rounds=1)[-1]
    below, tile, amx = last.climbed[-3:]
    assert (tile.value, tile.aside, amx.value, amx.aside) == ("tile", True, "amx", False)
    for rung in (tile, amx):
        assert rung.optimizations == below.optimizations.with_value("matrix_engine", rung.value)
        assert rung.gain == pytest.approx(100 * (1 - rung.us / below.us))
    assert (last.top, last.highest) == (amx.optimizations, amx)
    engine.never["matrix_engine", "amx"] = NO_UNIT
    last = climbed(engine, rounds=1)[-1]
    assert last.climbed[-1].aside
    assert last.highest.optimizations == last.top == last.climbed[-2].optimizations


@pytest.mark.parametrize("rounds", [0, -1, 1001])
def test_impossible_rounds(rounds, refused):
    with refused("rounds must be between 1 and 1000"):
        climbed(PacedEngine(), rounds)


@pytest.mark.parametrize("name", registry.ENGINES)
def test_every_engine_ends_at_its_best(name):
    try:
        engine = registry.create(name)
    except EngineError as error:
        pytest.skip(str(error))
    rungs = ladder.plan(engine, {"matrix_engine": "off"})
    top = [rung.optimizations for rung in rungs if rung.optimizations is not None][-1]
    assert top == engine.default_optimizations()
    rungs = ladder.plan(engine)
    for rung in rungs:
        assert bool(rung.reason) != (rung.optimizations is not None)
    assert {field.name for field in fields(Optimizations)} == {r.key for r in rungs if r.key}
