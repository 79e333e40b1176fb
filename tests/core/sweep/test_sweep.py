"""The live sweep: every point is trained from every seed, once, whatever happens on the way."""

from __future__ import annotations

from dataclasses import replace

from eetui.core.store.resume import resume
from eetui.core.store.store import Store
from eetui.core.sweep.job import Ending, JobResult
from eetui.core.sweep.job_trainer import JobTrainer
from eetui.core.sweep.keeping import RunRecord
from eetui.core.sweep.progress import beats, front, sweep_json
from eetui.core.sweep.space import make_space
from eetui.core.sweep.storage import find_place
from eetui.core.sweep.study import create_study, open_study
from eetui.core.sweep.sweep import Sweep
from eetui.core.sweep.sweep_plan import make_plan
from tests.core.sweep.conftest import Scripted, learned


def swept(plan, journal, workers=None, record=None):
    workers = workers or Scripted()
    *_, last = Sweep(create_study(find_place(journal), plan), workers, record)
    return last, workers


def test_every_point_is_trained_from_every_seed(plan, journal):
    last, workers = swept(replace(plan, seeds=3), journal)
    assert last.doing == ""
    assert workers.closed
    assert (last.over, last.count("done"), last.trained) == (12, 12, 36)
    assert all([t.seed for t in p.trainings] == [42, 43, 44] for p in last.points)
    assert len({job.key for job in workers.done}) == len(workers.done) == 36


def test_the_best_is_the_lowest_mean_with_an_interval(plan, journal):
    last, _ = swept(replace(plan, seeds=4), journal)
    best = last.best
    assert best.mean == min(point.mean for point in last.points)
    low, high = best.interval
    assert low < best.mean < high
    found = sweep_json(last)
    assert found["best"]["seeds"] == [42, 43, 44, 45]
    assert (found["runs"], found["pruned"], found["aim"]) == (12, 0, "loss@100")


def test_better_is_said_only_where_the_seeds_say_so(plan, journal):
    few, _ = swept(replace(plan, seeds=4), f"{journal}#few")
    many, _ = swept(replace(plan, seeds=10), f"{journal}#many")
    assert not beats(few.league[0], few.league[-1])
    assert beats(many.league[0], many.league[-1])
    assert not beats(many.league[-1], many.league[0])
    assert not beats(many.league[0], many.league[0])


def test_a_losing_point_is_pruned_by_its_reports(plan, journal):
    """The scripted losses are told after each eighth; the worst half of them end."""
    last, workers = swept(replace(plan, runs=40, pruner="median"), journal, Stopping())
    assert last.count("pruned") > 5
    assert last.count("done") + last.count("pruned") == 40
    worst = max(p.settings["learning_rate"] for p in last.points)
    assert next(p for p in last.points if p.settings["learning_rate"] == worst).state == "pruned"
    assert workers.stopped


class Stopping(Scripted):
    """Jobs that were told to stop between their reports and their end."""

    def events(self, seconds):
        found = super().events(0.0)
        return [late(event) if isinstance(event, JobResult) else event for event in found]


def late(result):
    worst = result.loss is not None and result.loss > 2.06
    return JobResult(result.key, "stopped", loss=result.loss, busy=0.1) if worst else result


def test_a_losing_point_gives_up_its_other_seeds(plan, journal):
    plan = replace(plan, seeds=12, runs=8, pruner="wilcoxon")
    last, workers = swept(plan, journal)
    assert last.count("pruned") > 0
    assert len(workers.done) < 8 * 12
    assert all(len(p.trainings) == 12 for p in last.points if p.state == "done")
    assert all(len(p.trainings) < 12 for p in last.points if p.state == "pruned")


def test_stopping_loses_nothing_and_going_on_does_nothing_twice(plan, journal):
    plan = replace(plan, seeds=5)

    def answer(job):
        if len(first.done) >= 12:
            sweep.stop()
        return learned(job)

    first = Scripted(answer)
    sweep = Sweep(create_study(find_place(journal), plan), first)
    for _ in sweep:
        pass
    assert 0 < sweep.latest.over < 12
    *_, last = Sweep(open_study(find_place(journal)), second := Scripted())
    assert last.over == 12
    assert all(len(point.trainings) == 5 for point in last.points)
    assert len(first.done) + len(second.done) == 60


def test_a_pause_begins_nothing_new(plan, journal):
    sweep = Sweep(create_study(find_place(journal), plan), Scripted(size=1))
    standings = iter(sweep)
    next(standings)
    sweep.pause()
    while next(standings).doing != "paused":
        pass
    seen = sweep.latest.over
    assert next(standings).over == seen < 12
    sweep.resume()
    *_, last = standings
    assert last.over == 12


def test_what_fails_diverges_or_misses_is_said(plan, journal):
    bad: list[Ending] = ["failed", "diverged", "missed"]
    endings = iter(bad)

    def answer(job):
        ending = next(endings, None)
        return (
            learned(job) if ending is None else JobResult(job.key, ending, why="So it is.", busy=1)
        )

    last, _ = swept(plan, journal, Scripted(answer))
    counts = {s: last.count(s) for s in ("failed", "diverged", "missed", "done")}
    assert counts == {"failed": 1, "diverged": 1, "missed": 1, "done": 9}


def test_a_result_that_comes_twice_counts_once(plan, journal):
    class Twice(Scripted):
        def events(self, seconds):
            return [event for event in super().events(seconds) for _ in range(2)]

    last, _ = swept(replace(plan, seeds=2), journal, Twice())
    assert last.over == 12
    assert all(len(point.trainings) == 2 for point in last.points)


def test_the_end_by_the_clock_begins_no_more(plan, journal):
    last, _ = swept(replace(plan, runs=10_000, seconds=0.3), journal)
    assert 0 < last.over < 10_000


def test_the_front_has_what_nothing_beats(plan, journal):
    space = make_space({"lr": "0.005,0.01,0.02"})

    def answer(job):
        rate = job.settings["learning_rate"]
        return replace(
            learned(job), front=((rate * 10, 3 - rate * 50), (rate * 20, 2.9 - rate * 50))
        )

    last, _ = swept(make_plan(space, plan.aim), journal, Scripted(answer))
    places = front(last.points)
    assert [p.seconds for p in places] == sorted(p.seconds for p in places)
    assert [p.loss for p in places] == sorted((p.loss for p in places), reverse=True)
    assert (places[0].seconds, places[-1].loss) == (0.05, 1.9)


def test_trainings_are_runs_of_the_store_without_weights(plan, journal, names, tmp_path):
    trainer = JobTrainer(names)
    store = tmp_path / "runs.sqlite"
    plan = make_plan(make_space({"d_model": "8,12"}), plan.aim)
    study = create_study(find_place(journal), plan)
    *_, last = Sweep(study, Scripted(trainer.train), RunRecord(store, names, study.name))
    with Store(store) as kept:
        runs = kept.runs()
        assert {run.id for run in runs} == {t.run for p in last.points for t in p.trainings}
        assert all(run.settings["study"] == study.name for run in runs)
        assert all(kept.state(run.id) is None for run in runs)
        assert last.best is not None
        gone_on = resume(kept, last.best.trainings[0].run)
        assert gone_on.state.step == 100
        assert gone_on.run.held_out_loss == last.best.mean
