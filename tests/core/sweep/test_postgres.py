"""A study on a real PostgreSQL, with two drivers at once.

`EETUI_POSTGRES=1 pytest tests/core/sweep/test_postgres.py` runs it; it takes half a minute.
"""

from __future__ import annotations

import os
import threading
from dataclasses import replace

import pytest

from eetui.core.errors import EetuiError
from eetui.core.sweep.progress import SweepProgress
from eetui.core.sweep.space import make_space
from eetui.core.sweep.storage import find_place
from eetui.core.sweep.study import create_study, open_study
from eetui.core.sweep.sweep import Sweep
from tests.core.sweep.conftest import Scripted
from tests.support.postgres import WHY_NOT, Postgres

WANTED = "EETUI_POSTGRES"

pytestmark = [
    pytest.mark.skipif(WANTED not in os.environ, reason=f"{WANTED}=1 runs the tests on PostgreSQL"),
    pytest.mark.skipif(bool(WHY_NOT), reason=WHY_NOT),
]


@pytest.fixture(scope="module")
def postgres():
    with Postgres() as made:
        yield made


def in_two_drivers(url):
    """Both go on with the study at the same time; gives how each ended, and their workers."""
    ends: list[SweepProgress] = []
    workers = [Scripted(), Scripted()]

    def drive(own):
        *_, last = Sweep(open_study(find_place(url)), own)
        ends.append(last)

    threads = [threading.Thread(target=drive, args=(own,)) for own in workers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(ends) == 2
    return workers


def test_two_drivers_share_a_grid_and_do_nothing_twice(postgres, plan):
    url = f"{postgres.url}#grid"
    space = make_space({"d_model": "8,12,16", "lr": ".001,.002,.004,.008,.016"})
    create_study(find_place(url), replace(plan, space=space, sampler="grid", runs=None, seeds=2))
    workers = in_two_drivers(url)
    done = [(*sorted(job.settings.items()), job.seed) for w in workers for job in w.done]
    assert len(done) == len(set(done)) == 30
    assert all(worker.done for worker in workers)
    assert len(open_study(find_place(url)).points) == 15


def test_two_drivers_search_together(postgres, plan, monkeypatch):
    """Workers that answer at once would be through before a driver looks at the other's points."""
    monkeypatch.setattr("eetui.core.sweep.study.REFRESH_SECONDS", 0.0)
    monkeypatch.setattr("eetui.core.sweep.study.WRITE_SECONDS", 0.0)
    url = f"{postgres.url}#search"
    create_study(find_place(url), replace(plan, runs=60, sampler="tpe"))
    workers = in_two_drivers(url)
    points = open_study(find_place(url)).points
    assert len(points) >= 60
    assert all(len(worker.done) < 60 for worker in workers)
    assert len({point.settings["learning_rate"] for point in points}) == len(points)


def test_what_is_wrong_with_a_database_is_one_sentence(postgres, refused):
    with refused("cannot be used", EetuiError):
        open_study(find_place("postgresql://nobody@/none?host=/nowhere"))
    with refused("no study nothing"):
        create_place = find_place(f"{postgres.url}#nothing")
        open_study(create_place)
