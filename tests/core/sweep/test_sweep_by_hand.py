"""A sweep by a clock that only its workers move: seconds, shares, pauses, and its end."""

from __future__ import annotations

from dataclasses import replace

import pytest

from eetui.core.sweep.job import Began, Ending, JobResult
from eetui.core.sweep.point import SeedResult
from eetui.core.sweep.space import make_space
from eetui.core.sweep.storage import find_place
from eetui.core.sweep.study import Study, create_study, open_study
from eetui.core.sweep.sweep import Sweep
from eetui.core.sweep.workers import Noticed
from tests.core.sweep.conftest import Scripted, learned

TRAINING = SeedResult(42, "done", 2.0, 2.0, 2.0, 10, 0.1, ((0.1, 2.0),))


class Clocked(Scripted):
    """Workers whose every look takes a second, and whose runs cost 0.8 s of one of two cores.

    at: what is called before which look.
    """

    def __init__(self, monkeypatch, at=None, size=2, answer=None) -> None:
        super().__init__(answer or (lambda job: replace(learned(job), cost=0.8)), size)
        self.now, self.look, self.at = 500.0, 0, at or {}
        self.waits: list[float] = []
        monkeypatch.setattr("eetui.core.sweep.sweep.monotonic", lambda: self.now)

    def events(self, seconds):
        self.waits.append(seconds)
        if self.look in self.at:
            self.at[self.look]()
        self.look += 1
        found = super().events(seconds)
        self.now += 1.0
        return found


@pytest.fixture
def lists(plan):
    """Six points, tried one after the other."""
    space = make_space({"lr": "0.001,0.002,0.003,0.004,0.005,0.01", "d_model": "16"})
    return replace(plan, space=space, sampler="grid", runs=None)


def test_the_figures_on_its_way(lists, journal, monkeypatch):
    workers = Clocked(monkeypatch)
    sweep = Sweep(create_study(find_place(journal), lists), workers)
    assert (sweep.latest.doing, sweep.latest.seconds, sweep.latest.left) == ("starting", 0.0, None)
    assert sweep.latest.training_share is None
    seen = list(sweep)
    assert [p.doing for p in seen[:2]] == ["training"] * 2
    assert seen[-1].doing == ""
    assert [(p.seconds, p.over, p.trained) for p in seen[:3]] == [
        (1.0, 2, 2), (2.0, 4, 4), (3.0, 6, 6),
    ]  # fmt: skip
    assert [p.left for p in seen[:3]] == [2.0, 1.0, 0.0]
    # From the first run on: 4 of 0.8 s in one second of two workers, then 6 of them in two.
    assert [p.training_share for p in seen] == [None, *map(pytest.approx, (1.6, 1.2, 1.2))]
    assert {p.workers for p in seen} == {2}
    assert (seen[-1].study, seen[-1].place) == (sweep.study.name, sweep.study.place.shown)
    assert sweep.latest is seen[-1]
    assert set(workers.waits) == {0.05}


def test_what_was_done_before_does_not_count_for_what_is_left(lists, journal, monkeypatch):
    first = create_study(find_place(journal), lists)
    for _ in range(3):
        asked = first.ask()
        assert asked is not None
        first.tell(asked, replace(asked.point, state="done", trainings=(TRAINING,)))
    workers = Clocked(monkeypatch, size=1)
    seen = list(Sweep(open_study(find_place(journal)), workers))
    assert [(p.over, p.left) for p in seen[:3]] == [(4, 2.0), (5, 1.0), (6, 0.0)]
    assert [p.trained for p in seen[:3]] == [1, 2, 3]


def test_a_standing_comes_ten_times_a_second(lists, journal, monkeypatch):
    class Quick(Clocked):
        def events(self, seconds):
            found = super().events(seconds)
            self.now -= 0.97
            return found

    workers = Quick(monkeypatch, size=1)
    seen = list(Sweep(create_study(find_place(journal), lists), workers))
    assert [p.over for p in seen] == [1, 5, 6]  # after 0.03 s, after 0.1 s more, and at the end


def test_seconds_end_it_and_a_rest_does_not_count(lists, journal, monkeypatch):
    plan = replace(lists, seconds=3.5)
    workers = Clocked(monkeypatch, size=1)
    *_, last = Sweep(create_study(find_place(journal), plan), workers)
    assert last.over == 4  # begun after 0, 1, 2 and 3 seconds
    assert workers.closed

    sweep: Sweep
    at = {1: lambda: sweep.pause(), 8: lambda: sweep.resume()}
    workers = Clocked(monkeypatch, at, size=1)
    sweep = Sweep(create_study(find_place(f"{journal}2"), plan), workers)
    seen = list(sweep)
    words = [p.doing for p in seen]
    assert "paused" in words
    assert sweep.is_paused is False
    resting = [p.seconds for p in seen if p.doing == "paused"]
    assert max(resting) - min(resting) == 0.0
    assert seen[-1].over >= 4
    assert seen[-1].seconds <= 5.5


def test_a_pause_lets_what_is_at_work_end(lists, journal, monkeypatch):
    sweep: Sweep
    at = {0: lambda: sweep.pause(), 4: lambda: sweep.stop()}
    workers = Clocked(monkeypatch, at, size=1)
    sweep = Sweep(create_study(find_place(journal), lists), workers)
    words = [p.doing for p in sweep]
    assert words[0] == "pausing"
    assert "paused" in words
    assert words[-1] == ""
    assert len(workers.done) == 2  # what had been given out


def test_a_worker_that_does_not_end_is_waited_for_two_seconds(lists, journal, monkeypatch):
    sweep: Sweep

    class Stuck(Clocked):
        def events(self, seconds):
            self.look += 1
            self.now += 0.5
            if self.look == 1:
                sweep.stop()
                return [Began(self._jobs[0].key), Noticed("A worker is slow.")]
            return []

        @property
        def room(self):
            return 1

    workers = Stuck(monkeypatch)
    sweep = Sweep(create_study(find_place(journal), lists), workers)
    *_, last = sweep
    assert workers.look == 1 + 4  # two seconds of half-second looks
    assert (last.notice, last.over) == ("A worker is slow.", 0)
    assert workers.closed
    assert open_study(find_place(journal)).others_running == 0


def test_a_result_of_a_point_that_was_given_up_is_only_counted(plan, journal, monkeypatch):
    plan = replace(plan, runs=1, seeds=2)

    class Twice(Clocked):
        def events(self, seconds):
            found = super().events(seconds)
            results = [event for event in found if isinstance(event, JobResult)]
            return [*found, *results]

    workers = Twice(monkeypatch)
    *_, last = Sweep(create_study(find_place(journal), plan), workers)
    assert (last.trained, last.count("done")) == (4, 1)
    (point,) = last.points
    assert [t.seed for t in point.trainings] == [42, 43]


@pytest.mark.parametrize("ending", ["failed", "diverged", "missed"])
def test_one_seed_that_comes_to_nothing_ends_its_point(plan, journal, monkeypatch, ending):
    plan = replace(plan, runs=1, seeds=3)
    why = "It broke." if ending != "missed" else ""

    def answer(job):
        return JobResult(job.key, ending, why=why, cost=0.1)

    workers = Clocked(monkeypatch, size=1, answer=answer)
    *_, last = Sweep(create_study(find_place(journal), plan), workers)
    (point,) = last.points
    assert (point.state, point.why, len(point.trainings)) == (ending, why, 1)
    assert workers.stopped == {(point.number, 43), (point.number, 44)}


@pytest.mark.parametrize(("pruner", "is_told"), [("none", False), ("median", True)])
def test_jobs_report_only_where_a_pruner_listens(plan, journal, monkeypatch, pruner, is_told):
    workers = Clocked(monkeypatch)
    list(Sweep(create_study(find_place(journal), replace(plan, runs=2, pruner=pruner)), workers))
    assert {job.is_told for job in workers.done} == {is_told}
    assert all(job.settings["engine"] == "numpy" for job in workers.done)  # what all have, too
    assert {job.aim for job in workers.done} == {plan.aim}


def test_what_was_withdrawn_was_not_trained(plan, journal, monkeypatch):
    def answer(job):
        return JobResult(job.key, "withdrawn" if len(workers.done) == 1 else "done", 2.0, cost=0.1)

    workers = Clocked(monkeypatch, size=1, answer=answer)
    sweep = Sweep(create_study(find_place(journal), replace(plan, runs=2)), workers)
    for progress in sweep:
        if progress.seconds > 5:
            sweep.stop()
    assert sweep.latest.trained == 1
    assert sweep.latest.over == 1


def test_the_seeds_of_a_point_that_failed_are_taken_back_and_no_others(plan, journal, monkeypatch):
    sweep: Sweep

    def answer(job):
        if len(workers.done) > 30:
            sweep.stop()
        ending: Ending = "failed" if job.point == 0 else "done"
        return JobResult(job.key, ending, 2.0 if ending == "done" else None, cost=0.1)

    workers = Clocked(monkeypatch, size=1, answer=answer)
    sweep = Sweep(create_study(find_place(journal), replace(plan, runs=2, seeds=6)), workers)
    *_, last = sweep
    assert [(p.state, len(p.trainings)) for p in last.points] == [("failed", 1), ("done", 6)]
    points = [job.point for job in workers.done]
    assert points.count(0) == 2  # as many as had been given out
    assert points.count(1) == 6


@pytest.mark.parametrize(
    ("pruner", "reported"),
    [("wilcoxon", [(0, 1.0), (1, 4.0), (2, 4.0)]), ("median", [(1, 1.0), (2, 2.5), (3, 3.0)])],
)
def test_a_pruner_is_told_of_each_seed_or_of_the_mean_so_far(
    plan, journal, monkeypatch, pruner, reported
):
    told: list[tuple[int, float]] = []

    def report(study, asked, step, value):
        told.append((step, value))
        return False

    monkeypatch.setattr(Study, "report", report)

    def answer(job):
        return JobResult(job.key, "done", 1.0 if job.seed == 42 else 4.0, cost=0.1)

    workers = Clocked(monkeypatch, size=1, answer=answer)
    plan = replace(plan, runs=1, seeds=4, pruner=pruner)
    list(Sweep(create_study(find_place(journal), plan), workers))
    assert told == reported  # the last seed ends the point


def test_importances_are_looked_at_every_two_seconds_from_eight_points_on(
    plan, journal, monkeypatch
):
    asked: list[tuple[float, int]] = []
    workers = Clocked(monkeypatch, size=1)

    def importances(study):
        asked.append((workers.now - 500.0, len(study.points)))
        return {"learning_rate": float(len(asked))}

    monkeypatch.setattr(Study, "importances", importances)
    seen = list(Sweep(create_study(find_place(journal), replace(plan, runs=14)), workers))
    assert asked == [(8.0, 8), (10.0, 10), (12.0, 12), (14.0, 14), (14.0, 14)]
    assert seen[-1].importances == {"learning_rate": 5.0}
    assert seen[0].importances == {}
