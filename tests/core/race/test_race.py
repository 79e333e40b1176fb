"""The live race in its thread: watched, skipped and ended from another one."""

from __future__ import annotations

import threading
from itertools import count

import pytest

from eetui.core.race.lane import RacePlan
from eetui.core.race.race import Race
from eetui.core.race.standing import ContestantStatus
from tests.core.race.conftest import Fake

PATIENCE = 30.0
ENDLESS = RacePlan(seconds=1e6)


class Watched:
    """A race in a thread, and a way to wait until it shows something."""

    def __init__(self, race: Race) -> None:
        self.race = race
        self.news = threading.Condition()
        self.published = []
        self._thread = threading.Thread(target=race.run, args=(self._seen,))
        self._thread.start()

    def _seen(self, league) -> None:
        with self.news:
            self.published.append(league)
            self.news.notify_all()

    def wait_for(self, what) -> None:
        with self.news:
            assert self.news.wait_for(lambda: what(self.race.latest), PATIENCE)

    def join(self):
        self._thread.join(PATIENCE)
        assert not self._thread.is_alive()
        return self.race.latest


@pytest.fixture
def watch(task, clock):
    watched = []

    def start(names, plan):
        race = Race(task, [Fake(name, clock) for name in names], plan, clock=clock)
        assert [s.status for s in race.latest.standings] == [ContestantStatus.WAITING] * len(names)
        watched.append(Watched(race))
        return watched[-1]

    yield start
    for each in watched:
        each.race.close()
        each.join()


def test_it_runs_to_its_end(watch):
    live = watch(["a", "b"], RacePlan(seconds=None, steps=500))
    last = live.join()
    assert [s.status for s in last.standings] == [ContestantStatus.FINISHED] * 2
    assert live.published[-1] is last
    assert last.doing == ""


def test_one_can_be_skipped(watch, refused):
    live = watch(["a", "b"], ENDLESS)
    live.wait_for(lambda league: league.find("a").samples > 100)
    assert live.race.skip("a").name == "a"
    live.wait_for(lambda league: league.find("a").status is ContestantStatus.SKIPPED)
    before = live.race.latest.find("b").steps
    live.wait_for(lambda league: league.find("b").steps > before)
    with refused("a has ended"):
        live.race.skip("a")
    with refused("c takes no part in this race: a, b do"):
        live.race.skip("c")
    assert live.race.skip().name == "b"
    assert all(s.status is ContestantStatus.SKIPPED for s in live.join().standings)
    with refused("Nobody is at work"):
        live.race.skip()


def test_closing_ends_it_with_what_is_there(watch):
    live = watch(["a", "b"], ENDLESS)
    live.wait_for(lambda league: all(s.samples for s in league.standings))
    live.race.close()
    last = live.join()
    assert all(s.status is ContestantStatus.SKIPPED and s.samples for s in last.standings)
    assert live.published[-1] is last


def test_losses_are_observed_once(task, clock):
    seen = {"a": 0, "b": 0}

    def observe(name, first, losses):
        assert first == seen[name]
        seen[name] += len(losses)

    Race(task, [Fake("a", clock), Fake("b", clock)], RacePlan(None, 300)).run(observe=observe)
    assert seen == {"a": 300, "b": 300}


def test_snapshots_do_not_come_with_every_slice(task, clock, monkeypatch):
    ticks = count()
    monkeypatch.setattr("eetui.core.race.race.monotonic", lambda: next(ticks) * 0.01)
    published = []
    Race(task, [Fake("a", clock, us=60_000)], RacePlan(None, 200), clock=clock).run(
        published.append
    )
    assert 20 <= len(published) <= 40
    assert not published[-1].doing
