"""The figures of a sweep: means, intervals, the front, the map and what is exported."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from eetui.core.sweep.aim import Aim
from eetui.core.sweep.job import Ending
from eetui.core.sweep.point import SeedResult, State, SweepPoint
from eetui.core.sweep.progress import SweepProgress, beats, front, places, sweep_json
from eetui.core.sweep.space import Dimension, Value, make_space
from eetui.core.sweep.study_export import require_export, trainings, write_export
from eetui.core.sweep.sweep_map import MapCell, sweep_map
from eetui.core.sweep.sweep_plan import SweepPlan, extended, make_plan

SPACE = make_space({"batch": "4,8,16", "lr": "0.001..0.1", "d_model": "16"})
PLAN = make_plan(SPACE, Aim("loss", seconds=1.0), runs=10, seeds=2)


def near(value: float) -> Any:
    return pytest.approx(value)


def seed(
    number: int, value: float | None, seconds: float = 1.0, ending: Ending = "done", **more: Any
) -> SeedResult:
    loss = None if value is None else value + 0.5
    front = () if value is None else ((seconds / 2, value + 1), (seconds, value))
    made = SeedResult(number, ending, value, value, loss, 100, seconds, front, f"r{number}")
    return replace(made, **more)


def point(number: int, state: State, *results: SeedResult, **settings: Value) -> SweepPoint:
    return SweepPoint(number, settings, state, results)


BEST = point(0, "done", seed(1, 2.0), seed(2, 2.2, 3.0), batch=4, learning_rate=0.01)
WORST = point(1, "done", seed(1, 3.0), seed(2, 3.5), batch=8, learning_rate=0.1)
LOST = point(2, "pruned", seed(1, None, 0.2, "stopped"), batch=16, learning_rate=0.001)
AT_WORK = point(3, "running", batch=16, learning_rate=0.002)
FAILED = SweepPoint(4, {"batch": 4, "learning_rate": 0.02}, "failed", (), "It broke.")
STANDING = SweepProgress(
    "amber heron", "a.db", "a.db", PLAN, (WORST, BEST, LOST, AT_WORK, FAILED), "training", 2,
    trained=5, seconds=30.0, training_share=0.9, importances={"batch": 0.25},
)  # fmt: skip


def test_a_point_has_the_means_of_its_seeds() -> None:
    assert BEST.values == {1: 2.0, 2: 2.2}
    assert BEST.mean == pytest.approx(2.1)
    half = 12.706 * np.sqrt(0.02) / np.sqrt(2)  # Student's t for one degree of freedom
    assert BEST.interval == pytest.approx((2.1 - half, 2.1 + half))
    assert (BEST.seconds, BEST.held_out, BEST.loss) == pytest.approx((2.0, 2.1, 2.6))
    assert (LOST.values, LOST.mean, LOST.interval) == ({}, None, None)
    assert (LOST.seconds, LOST.held_out, LOST.loss) == (0.2, None, None)
    assert (AT_WORK.seconds, AT_WORK.held_out, AT_WORK.loss) == (0.0, None, None)
    one = replace(BEST, trainings=BEST.trainings[:1])
    assert (one.mean, one.interval) == (2.0, None)
    assert (
        SeedResult.from_json(json.loads(json.dumps(BEST.trainings[0].to_json())))
        == (BEST.trainings[0])
    )


def test_how_far_it_has_come() -> None:
    assert [STANDING.count(s) for s in ("done", "running", "pruned", "failed", "missed")] == [
        2, 1, 1, 1, 0,
    ]  # fmt: skip
    assert (STANDING.over, STANDING.progress) == (4, 0.4)
    assert STANDING.league == [BEST, WORST]
    assert (STANDING.best, STANDING.find(2), STANDING.find(9)) == (BEST, LOST, None)
    assert STANDING.counts == "4 of 10 points, 1 pruned, best 2.1000 nats"
    assert replace(STANDING, points=(AT_WORK,)).counts == "0 of 10 points"
    assert STANDING.about == (
        f"amber heron: loss@1s, batch {SPACE.dimensions[0].words}, "
        f"learning_rate {SPACE.dimensions[1].words}"
    )
    more = replace(STANDING, plan=replace(PLAN, runs=3))
    assert more.progress == 1.0


def test_the_front_falls_with_the_seconds() -> None:
    """A point is there with its mean at each place that all its seeds reached."""
    assert [(p.seconds, p.loss, p.point) for p in places(BEST)] == [
        (1.0, pytest.approx(3.1), 0), (2.0, pytest.approx(2.1), 0),
    ]  # fmt: skip
    assert places(AT_WORK) == places(FAILED) == places(LOST) == []
    longer = replace(BEST.trainings[0], front=((0.1, 9.0), *BEST.trainings[0].front))
    uneven = replace(BEST, trainings=(longer, BEST.trainings[1]))
    assert places(uneven) == places(BEST)
    assert [(p.seconds, p.loss, p.point) for p in front(STANDING.points)] == [
        (0.5, pytest.approx(4.25), 1), (1.0, pytest.approx(3.1), 0), (2.0, pytest.approx(2.1), 0),
    ]  # fmt: skip


def test_one_beats_another_by_eight_seeds_or_more() -> None:
    def of(number: int, shift: float, n: int) -> SweepPoint:
        return point(number, "done", *(seed(i, 2.0 + shift + 0.01 * (i % 3)) for i in range(n)))

    assert beats(of(0, 0.0, 8), of(1, 0.1, 8))
    assert not beats(of(0, 0.0, 7), of(1, 0.1, 8))
    assert not beats(of(1, 0.1, 8), of(0, 0.0, 8))
    assert not beats(of(0, 0.0, 8), of(1, 0.0, 8))


def test_the_json() -> None:
    found = sweep_json(STANDING)
    settings = {"d_model": 16, "batch": 4, "learning_rate": 0.01}
    half = 12.706 * 0.1
    assert found.pop("best") == {
        "settings": settings, "state": "done", "mean": pytest.approx(2.1),
        "low": pytest.approx(2.1 - half), "high": pytest.approx(2.1 + half), "seeds": [1, 2],
        "values": [2.0, 2.2], "held_out_loss": pytest.approx(2.1), "loss": pytest.approx(2.6),
        "seconds": 2.0, "steps": [100, 100], "runs": ["r1", "r2"], "why": "",
    }  # fmt: skip
    assert found.pop("front")[-1] == {
        "seconds": 2.0, "loss": pytest.approx(2.1), "settings": settings,
    }  # fmt: skip
    assert found == {
        "study": "amber heron", "storage": "a.db", "aim": "loss@1s", "runs": 4, "planned": 10,
        "trainings": 5, "pruned": 1, "missed": 0, "diverged": 0, "failed": 1, "seconds": 30.0,
        "workers": 2, "training_share": 0.9, "sampler": "tpe", "pruner": "wilcoxon",
        "beats_second": False, "importances": {"batch": 0.25},
    }  # fmt: skip
    nothing = sweep_json(replace(STANDING, points=(AT_WORK,)))
    assert (nothing["best"], nothing["beats_second"], nothing["front"]) == (None, None, [])


def test_the_table_of_trainings(tmp_path: Path) -> None:
    rows = trainings(STANDING)
    assert [(row["point"], row["seed"]) for row in rows] == [(1, 1), (1, 2), (0, 1), (0, 2), (2, 1)]
    assert rows[3] == {
        "point": 0, "state": "done", "seed": 2, "d_model": 16, "batch": 4, "learning_rate": 0.01,
        "value": 2.2, "held_out_loss": 2.2, "loss": 2.7, "trained_steps": 100, "seconds": 3.0,
        "ending": "done", "run": "r2",
    }  # fmt: skip
    table, whole = tmp_path / "a.csv", tmp_path / "a.json"
    for path in (table, whole):
        require_export(path)
        write_export(path, STANDING)
    written = [*csv.DictReader(table.read_text().splitlines())]
    assert [row["run"] for row in written] == ["r1", "r2", "r1", "r2", "r1"]
    assert written[4]["value"] == ""
    found = json.loads(whole.read_text())
    assert found["table"] == rows
    assert found["study"] == "amber heron"
    write_export(table, replace(STANDING, points=()))
    assert table.read_text().strip() == "point"


def test_an_export_has_a_format(tmp_path: Path, refused: Any) -> None:
    with refused("must end in .csv, .json, .parquet"):
        require_export(tmp_path / "a.txt")


def test_the_map_has_the_best_of_each_place() -> None:
    batches, rates = SPACE.dimensions[:2]
    better = replace(BEST, number=7, trainings=(seed(1, 1.5), seed(2, 1.7)))
    found = sweep_map((*STANDING.points, better), rates, batches, (2, 3))
    assert (found.x, found.y, found.rows) == ("learning_rate", "batch", ("4", "8", "16"))
    assert found.columns == ("0.0032", "0.032")
    assert found.cells == (
        (MapCell(), MapCell(near(1.6), 7, 0, 0, 1)),
        (MapCell(), MapCell(3.25, 1, 2)),
        (MapCell(running=1, lost=1), MapCell()),
    )
    flat = sweep_map(STANDING.points, batches, None, (2, 1))
    assert (flat.y, flat.rows, flat.columns) == ("", ("",), ("4", "8"))
    assert flat.cells == ((MapCell(near(2.1), 0, 0, 0, 1), MapCell(3.25, 1, 2, 1, 1)),)


def test_the_bins_of_a_linear_range() -> None:
    line = Dimension("beta1", "linear", (0.5, 0.9))
    points = [point(i, "done", seed(1, 2.0 + i), beta1=b) for i, b in enumerate((0.5, 0.69, 0.9))]
    found = sweep_map(points, line, None, (4, 1))
    assert found.columns == ("0.55", "0.65", "0.75", "0.85")
    assert [cell.mean for cell in found.cells[0]] == [2.0, 3.0, None, 4.0]
    assert [cell.shade for cell in found.cells[0]] == [0, 1, 0, 3]


@pytest.mark.parametrize(
    ("space", "more", "sampler", "pruner", "total"),
    [
        ({"batch": "4,8"}, {}, "grid", "none", 2),
        ({"batch": "4,8"}, {"runs": 1}, "tpe", "median", 1),
        ({"batch": "4,8"}, {"runs": 2}, "grid", "none", 2),
        ({"batch": "4,8"}, {"runs": 2, "seeds": 2}, "grid", "none", 2),
        ({"lr": "0.01..0.1"}, {}, "tpe", "median", 100),
        ({"lr": "0.01..0.1"}, {"seeds": 2}, "tpe", "wilcoxon", 100),
        ({"batch": "4,8"}, {"sampler": "random"}, "random", "median", 100),
        ({"batch": "4,8"}, {"pruner": "halving"}, "grid", "halving", 2),
        ({"batch": ",".join(map(str, range(1, 201)))}, {}, "grid", "none", 200),
        ({"batch": ",".join(map(str, range(1, 202)))}, {}, "tpe", "median", 100),
    ],
)
def test_the_search_suits_the_space(
    space: dict[str, str], more: dict[str, Any], sampler: str, pruner: str, total: int
) -> None:
    plan = make_plan(make_space(space), Aim("loss", 100), **more)
    assert (plan.sampler, plan.pruner, plan.total) == (sampler, pruner, total)
    assert SweepPlan.from_json(json.loads(json.dumps(plan.to_json()))) == plan


def test_seeds_count_from_the_first_one() -> None:
    plan = replace(PLAN, seed=7, seeds=3)
    assert [*plan.all_seeds] == [7, 8, 9]
    assert (PLAN.seed, make_plan(SPACE, PLAN.aim).seeds) == (42, 1)
    assert extended(plan, None, None) == plan
    assert extended(plan, 5, None) == replace(plan, runs=5)
    assert extended(plan, None, 9.0) == replace(plan, seconds=9.0)


def test_a_grid_needs_lists_and_a_legal_point(refused: Any) -> None:
    with refused("needs lists of values"):
        make_plan(SPACE, PLAN.aim, sampler="grid")


def test_a_plan_has_its_limits(refused: Any) -> None:
    assert replace(PLAN, seeds=1000, runs=10**7, seed=2**62 - 1, seconds=1e8).seeds == 1000
    for changes, words in (
        ({"seeds": 1001}, "seeds must be between 1 and 1000, not 1001"),
        ({"seeds": 0}, "not 0"),
        ({"runs": 10**7 + 1}, "runs must be between 1 and 10^7"),
        ({"runs": 0}, "not 0"),
        ({"seed": 2**62}, "seed must be between 0 and 2^62"),
        ({"seed": -1}, "seed must be"),
        ({"seconds": 0.0}, "lie above 0"),
        ({"seconds": 1e8 + 1}, "below 10^8"),
    ):
        with refused(words):
            replace(PLAN, **changes)
