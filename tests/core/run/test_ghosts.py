"""A ghost is the run without the change, to the bit, and takes no more than its turns."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from eetui.core.config import ModelConfig, TrainConfig
from eetui.core.engines import registry
from eetui.core.model.state import TrainState
from eetui.core.run.commands import (
    Branch,
    Load,
    Pause,
    Redo,
    Restart,
    Resume,
    ReturnToNow,
    Rewind,
    Save,
    SetBatch,
    SetLearningRate,
    SetSteps,
    ToggleGhost,
    Travel,
    Undo,
)
from eetui.core.run.ghosts import MOST, Ghosts, Origin
from eetui.core.run.session import Session
from eetui.core.run.setup import Setup
from eetui.core.run.snapshot import Snapshot, Status
from tests.support.driven import Run

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
    assert all(each > 0 for each in spent.values())
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
    ghosts.end()
    assert [view.number for view in ghosts.views] == [1]
    assert ghosts.to_begin() is None
    ghosts.end()
    assert not len(ghosts)
    assert ghosts.to_begin() is not None
    with refused("no ghost 3"):
        ghosts.end(3)


def test_there_are_at_most_four_and_the_oldest_makes_room(setup, engine, data) -> None:
    ghosts = haunted(setup, engine, data, MOST + 1)
    assert [view.number for view in ghosts.views] == [1, 2, 3, 4]
    ghosts.end()
    assert [view.number for view in ghosts.views] == [2, 3, 4]  # the newest took over number 1


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


def test_a_later_ghost_knows_the_losses_since_its_change(setup, engine, data) -> None:
    """Begun late, it tells the same distance as one that was begun at once."""
    other = replace(setup, train=replace(setup.train, learning_rate=1e-6))

    def told(late: bool):
        ghosts, state = Ghosts(), trained(setup, engine, data, 30)
        ghosts.changed(origin(setup))
        start = state.clone()
        if not late:
            ghosts.begin(origin(setup), start, engine)
        while state.step < 2430:
            first = state.step
            ghosts.trained(first, other.advance(engine, state, data, 30).losses, 1000)
        if late:
            ghosts.begin(origin(setup), start, engine)
        follow(ghosts, state.step, data)
        return ghosts.views[0].distance

    assert told(late=True) == told(late=False)
    assert told(late=True) is not None


# -- in a session ----------------------------------------------------------------------------


@pytest.fixture
def run(names):
    return Run(names)


def come_after(run: Run) -> None:
    """Let the ghosts take all turns that they have."""
    while (ghost := run.controller.ghost_turns.due) is not None:
        run.controller.ghost_turns.take(ghost)


def views(run: Run):
    return run.trainer.ghosts.views


def test_the_key_brings_back_the_run_without_its_last_change(run) -> None:
    run.train(40)
    bits = run.bits()
    run.ask(SetLearningRate(0.02))
    run.train(60)
    changed = run.bits()
    run.ask(SetSteps(run.trainer.state.step))
    assert run.controller.lifecycle.status is Status.FINISHED
    run.ask(Undo(), Pause(), SetLearningRate(0.03), Undo())
    run.ask(ToggleGhost())
    (view,) = views(run)
    assert (view.label, view.begun) == ("lr 0.03", 100)  # an undo is a change as well
    run.ask(ToggleGhost())
    assert not views(run)
    assert run.bits() == changed != bits
    run.check()


def test_a_ghost_begins_where_the_change_was_however_long_ago(run) -> None:
    run.train(40)
    run.ask(SetBatch(5))
    run.train(200)
    run.ask(ToggleGhost())
    assert views(run)[0].begun == 40
    run.ask(SetSteps(run.trainer.state.step))  # the plan is done: the ghost comes after the run
    ghost = run.controller.ghost_turns.due
    assert ghost is not None
    come_after(run)
    assert ghost.state.step == run.trainer.state.step
    straight = Run(run.dataset)
    straight.train(run.trainer.state.step)
    assert ghost.state.fingerprint == straight.bits()
    run.check()


@pytest.mark.parametrize("status", ["pause", "travel"])
def test_it_stands_still_with_the_run(run, status) -> None:
    run.train(40)
    run.ask(SetBatch(5), ToggleGhost())
    run.train(20)
    run.ask(Pause() if status == "pause" else Travel(10))
    assert run.controller.ghost_turns.due is None
    before = views(run)[0].step
    run.ask(Resume())
    run.train(100)
    assert views(run)[0].step > before


@pytest.mark.parametrize("away", [Restart(), Branch(1, 10), Load(Path("saved"))], ids=str)
def test_where_the_run_goes_elsewhere_it_ends_with_a_sentence(
    run, away, tmp_path, monkeypatch
) -> None:
    monkeypatch.chdir(tmp_path)
    run.train(40)
    run.ask(Save(Path("saved")), SetBatch(5), ToggleGhost())
    assert len(run.trainer.log.entries) == 2
    run.train(20)
    run.ask(away)
    assert not views(run)
    notice = run.controller.notices.latest
    assert notice is not None
    assert "The ghost ended: the run went on from elsewhere." in notice.text
    assert ("At step" in notice.text) == isinstance(away, Load)
    run.ask(Undo())
    run.check()


def test_it_outlives_an_undo_of_its_change_and_a_visit(run) -> None:
    run.train(40)
    run.ask(SetBatch(5), ToggleGhost())
    run.train(20)
    run.ask(Undo(), Travel(10), ReturnToNow(), Redo())
    assert [view.label for view in views(run)] == ["batch 2"]


def test_it_outlives_a_divergence_and_the_way_back(run) -> None:
    run.train(40)
    run.ask(SetLearningRate(5.0), ToggleGhost())
    run.train(10)
    run.trainer.state.params[0] = np.nan
    run.train(1)
    assert run.controller.lifecycle.status is Status.DIVERGED
    come_after(run)
    assert views(run)[0].step == run.trainer.state.step
    good = run.trainer.good.step
    run.ask(Rewind())
    assert bool(views(run)) == (good >= 40)
    run.check()


def test_a_ghost_that_fails_ends_alone(run, monkeypatch) -> None:
    run.train(40)
    run.ask(SetBatch(5), ToggleGhost())

    def broken(*_: object) -> None:
        raise MemoryError("no room")

    run.controller.advance()
    ghost = run.controller.ghost_turns.due
    assert ghost is not None
    monkeypatch.setattr(ghost, "take_turn", broken)
    run.controller.ghost_turns.take(ghost)
    assert not views(run)
    assert "Ghost 1 ended: no room" in run.controller.notices.latest.text
    run.train(10)
    assert run.controller.lifecycle.status is Status.RUNNING


def test_a_live_session_trains_both_in_turns(names, live) -> None:
    session = live(Session(names, MODEL, TrainConfig(batch=2, steps=10**6), engine="native"))
    session.wait_for(lambda s: s.step > 100)
    session.session.submit(SetLearningRate(1e-6))
    session.session.submit(ToggleGhost())

    def is_sure(s: Snapshot) -> bool:
        found = s.ghosts[0].distance if s.ghosts else None
        return found is not None and found.differs

    told = session.wait_for(is_sure)
    assert told.ghosts[0].step <= told.step
    assert 0.2 < told.ghost_share < 0.8
    session.session.submit(Restart())
    assert "ghost ended" in session.wait_for(lambda s: not s.ghosts).notice.text
