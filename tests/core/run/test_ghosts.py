"""A ghost is the run without the change, to the bit, and takes no more than its turns."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from eetui.core.config import ModelConfig, TrainConfig
from eetui.core.engines import registry
from eetui.core.model.state import TrainState
from eetui.core.run.ghosts import MOST, Ghosts, Origin
from eetui.core.run.setup import Setup

MODEL = ModelConfig(d_model=8, n_heads=2, block_size=4)


@pytest.fixture(scope="module")
def engine():
    return registry.create("native")


@pytest.fixture(scope="module")
def setup(engine, names) -> Setup:
    model = replace(MODEL, vocab_size=names.vocab_size)
    return Setup("native", engine.default_optimizations(), model, TrainConfig(batch=2, steps=5000))


@pytest.fixture
def data(setup, names):
    return setup.cut(names)


def origin(setup: Setup, step: int = 30) -> Origin:
    return Origin("batch 2", 0, step, 0.5, setup)


def trained(setup, engine, data, step: int) -> TrainState:
    state = TrainState.create(setup.model, setup.train.seed)
    setup.advance(engine, state, data, step)
    return state


def haunted(setup, engine, data, n: int = 1) -> Ghosts:
    """A run at step 30 with as many ghosts of changes made there."""
    ghosts = Ghosts()
    for _ in range(n):
        ghosts.changed(origin(setup))
        begun = ghosts.to_begin()
        assert begun is not None
        ghosts.begin(begun, trained(setup, engine, data, 30), engine)
    return ghosts


def follow(ghosts: Ghosts, step: int, data) -> None:
    while (ghost := ghosts.next(step, owed=False)) is not None:
        ghosts.take_turn(ghost, step, data)


def test_a_ghost_is_the_run_without_the_change_to_the_bit(setup, engine, data) -> None:
    ghosts = haunted(setup, engine, data)
    (ghost,) = (ghosts.next(500, owed=False),)
    assert ghost is not None
    follow(ghosts, 500, data)
    assert ghost.state.fingerprint == trained(setup, engine, data, 500).fingerprint
    view = ghosts.views[0]
    assert (view.begun, view.step, view.label) == (30, 500, "batch 2")
    assert view.curve.steps[-1] == 500
    assert view.curve.seconds[0] > 0.5


def test_it_never_goes_ahead_of_the_run_nor_past_its_plan(setup, engine, data) -> None:
    ghosts = haunted(replace(setup, train=replace(setup.train, steps=40)), engine, data)
    follow(ghosts, 35, data)
    assert ghosts.views[0].step == 35
    assert not ghosts.views[0].ended
    follow(ghosts, 100, data)
    assert ghosts.views[0].step == 40
    assert "its plan of 40 steps is done" in ghosts.views[0].ended


def test_each_ghost_gets_the_time_of_the_run_and_no_more(setup, engine, data) -> None:
    ghosts = haunted(setup, engine, data, 3)
    assert ghosts.next(10**6) is None
    paid, spent = 0, dict.fromkeys((1, 2, 3), 0)
    for i in range(40):
        cost = 2_000_000
        ghosts.trained(30 + i, np.ones(1, np.float32), cost)
        paid += cost
        while (ghost := ghosts.next(4000)) is not None:
            before = ghost.credit_ns
            ghosts.take_turn(ghost, 4000, data)
            spent[ghost.number] += before - ghost.credit_ns
            assert ghost.credit_ns < before
        if all(view.step == 4000 for view in ghosts.views):
            break
    assert all(0 < each for each in spent.values())
    behind = [view.number for view in ghosts.views if view.step < 4000]
    assert all(spent[number] >= paid for number in behind)
    assert 0 < ghosts.share < 1


def test_a_ghost_that_diverges_says_so_and_stops(setup, engine, data) -> None:
    ghosts = Ghosts()
    ghosts.changed(origin(setup))
    state = trained(setup, engine, data, 30)
    state.params[:] = np.nan
    ghosts.begin(origin(setup), state, engine)
    follow(ghosts, 500, data)
    assert "diverged at step 30" in ghosts.views[0].ended
    assert ghosts.next(500, owed=False) is None


def test_the_key_begins_one_and_ends_the_newest(setup, engine, data, refused) -> None:
    ghosts = Ghosts()
    with refused("change a setting first"):
        ghosts.to_begin()
    ghosts = haunted(setup, engine, data, 2)
    assert ghosts.to_begin() is None
    assert ghosts.end().number == 2
    assert ghosts.to_begin() is None
    assert ghosts.end().number == 1
    assert ghosts.to_begin() is not None
    with refused("no ghost 3"):
        ghosts.end(3)


def test_there_are_at_most_four_and_the_oldest_makes_room(setup, engine, data) -> None:
    ghosts = haunted(setup, engine, data, MOST + 1)
    assert [view.number for view in ghosts.views] == [1, 2, 3, 4]
    assert ghosts.end().number == 1  # the newest has the number of the first


def test_going_back_before_its_change_ends_it(setup, engine, data, refused) -> None:
    ghosts = haunted(setup, engine, data)
    ghosts.went_back(30)
    assert len(ghosts) == 1
    assert not ghosts.take_parting()
    ghosts.went_back(29)
    assert not len(ghosts)
    assert "ended" in ghosts.take_parting()
    assert not ghosts.take_parting()
    with refused("change a setting first"):
        ghosts.to_begin()


def test_the_distance_is_told_once_it_is_sure(setup, engine, data) -> None:
    ghosts = haunted(setup, engine, data)
    state = trained(setup, engine, data, 30)
    other = replace(setup, train=replace(setup.train, learning_rate=1e-6))
    while state.step < 3000:
        first = state.step
        ghosts.trained(first, other.advance(engine, state, data, 30).losses, 1000)
        follow(ghosts, state.step, data)
        if state.step < 300:
            assert ghosts.views[0].distance is None
    told = ghosts.views[0].distance
    assert told is not None
    assert told.differs
    assert 0 < told.low < told.nats < told.high  # the run learns next to nothing
