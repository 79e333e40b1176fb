"""The studies that come with the program."""

from __future__ import annotations

from eetui.core.sweep.point import SeedResult, SweepPoint
from eetui.core.sweep.shipped import DEFAULT, PUBLISHED, SWEEP_SH, TIME_TO_2, beside, shipped_plan
from eetui.core.sweep.sweep_plan import SweepPlan


def test_sweep_sh_turns_one_setting_at_a_time():
    plan = shipped_plan(SWEEP_SH)
    points = plan.space.points()
    assert len(points) == plan.total == 16
    assert all(sum(point[key] != DEFAULT[key] for key in DEFAULT) <= 1 for point in points)
    assert SweepPlan.from_json(plan.to_json()) == plan


def test_each_published_line_finds_the_point_of_ours():
    training = SeedResult(42, "done", 2.1, 2.1, 2.1, 1000, 0.3, ())
    done = SweepPoint(0, DEFAULT, "done", (training,))
    rows = beside((done,))
    assert len(rows) == len(PUBLISHED) == 20
    assert [line.key for line, point in rows if point is done] == [
        "d_model", "n_heads", "learning_rate", "steps", "batch",
    ]  # fmt: skip


def test_the_search_for_the_time_is_pruned_and_at_most_three_seconds_a_run():
    plan = shipped_plan(TIME_TO_2, seeds=None)
    assert (plan.total, plan.aim.words, plan.aim.seconds) == (100, "time@2.0", 3.0)
    assert plan.pruner == "median"
