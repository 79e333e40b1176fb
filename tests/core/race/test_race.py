"""The live race in its thread: watched, skipped and ended from another one."""

from __future__ import annotations

import threading

import pytest

from eetui.core.race.lane import RacePlan
from eetui.core.race.league import League
from eetui.core.race.race import Race
from eetui.core.race.standing import ContestantStatus
from tests.core.race.conftest import Fake
from tests.support.live import PATIENCE

ENDLESS = RacePlan(seconds=1e6)


class Watched:
    """A race in a thread, and a way to wait until it shows something."""

    def __init__(self, race: Race) -> None:
        self.race = race
        self.news = threading.Condition()
        self.published: list[League] = []
        self.left = False
        self._thread = threading.Thread(target=self._race)
        self._thread.start()

    def _race(self) -> None:
        for league in self.race:
            with self.news:
                self.published.append(league)
                self.news.notify_all()
            if self.left:
                return

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
        each.left = True
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


def test_leaving_it_ends_it(watch):
    live = watch(["a", "b"], ENDLESS)
    live.wait_for(lambda league: all(s.samples for s in league.standings))
    live.left = True
    last = live.join()
    assert live.published[-1] is last
    assert [s.status for s in live.published[0].standings] == [ContestantStatus.WAITING] * 2
