"""The studies that come with the program."""

from __future__ import annotations

import pytest

from eetui.core.sweep.point import SeedResult, SweepPoint
from eetui.core.sweep.shipped import (
    DEFAULT,
    PUBLISHED,
    SWEEP_SH,
    TIME_TO_2,
    TIME_TO_2_PUBLISHED,
    beside,
    shipped_plan,
)
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


def test_the_published_figures_are_those_of_the_file():
    """The columns of sweep_results.csv add up to this, and these are its settings."""
    sums = [sum(getattr(line, name) for line in PUBLISHED)
            for name in ("loss", "loss_sme2", "ms", "ms_sme2")]  # fmt: skip
    assert sums == pytest.approx([45.0193, 44.8253, 49139.46, 27669.88], abs=1e-6)
    assert {key: [line.value for line in PUBLISHED if line.key == key] for key in DEFAULT} == {
        "d_model": [16, 32, 64, 128],
        "n_heads": [1, 2, 4, 8],
        "learning_rate": [0.001, 0.003, 0.01, 0.03],
        "steps": [500, 1000, 2000, 5000],
        "batch": [8, 16, 32, 64],
    }
    assert DEFAULT == {
        "d_model": 64, "n_heads": 4, "learning_rate": 0.01, "steps": 1000, "batch": 16,
    }  # fmt: skip
    best = {key: TIME_TO_2_PUBLISHED[key] for key in ("d_model", "batch", "learning_rate")}
    assert best == {"d_model": 32, "batch": 64, "learning_rate": 0.007}
    assert TIME_TO_2_PUBLISHED["seconds"] == 5.1
