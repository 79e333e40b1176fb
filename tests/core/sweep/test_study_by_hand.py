"""A study's clocks, states and edges, one at a time; time goes on only when it is told to."""

from __future__ import annotations

from dataclasses import replace

import optuna
import pytest

from eetui.core.errors import EetuiError
from eetui.core.sweep.point import SeedResult
from eetui.core.sweep.space import make_space
from eetui.core.sweep.storage import default_path, find_place, open_storage
from eetui.core.sweep.study import Study, create_study, open_study, study_names
from eetui.core.sweep.sweep_plan import make_plan
from tests.support.present import present

State = optuna.trial.TrialState


class Clock:
    now = 1000.0


@pytest.fixture
def clock(monkeypatch):
    made = Clock()
    monkeypatch.setattr("eetui.core.sweep.study.monotonic", lambda: made.now)
    return made


@pytest.fixture
def grid(plan):
    return make_plan(make_space({"d_model": "8,16", "lr": "0.01,0.02"}), plan.aim)


def training(seed=42, value=2.0):
    return SeedResult(seed, "done", value, value, value, 10, 0.1, ((0.1, value),))


def told(study: Study, value=2.0, state="done", why=""):
    """The next point is told of."""
    asked = present(study.ask())
    trainings = (training(value=value),)
    study.tell(asked, replace(asked.point, state=state, trainings=trainings, why=why))
    return asked


def stored(study: Study):
    """Optuna's trials of it."""
    storage = open_storage(study.place, make=False)
    return optuna.load_study(study_name=study.name, storage=storage).trials


def test_a_point_is_put_down_with_others_after_half_a_second(plan, file, clock):
    study = create_study(find_place(file), plan)
    study.refresh()
    told(study)
    clock.now += 0.3
    told(study)
    study.refresh()
    assert stored(study) == []
    clock.now += 0.2
    study.refresh()
    assert stored(study) == []  # not before it is over
    clock.now += 0.1
    study.refresh()
    assert len(stored(study)) == 2
    told(study)
    study.refresh()
    assert len(stored(study)) == 2
    clock.now += 0.6
    study.refresh()
    assert [trial.number for trial in stored(study)] == [0, 1, 2]
    assert len(study.points) == 3


def test_others_are_looked_at_every_two_seconds(plan, file, clock):
    study, other = create_study(find_place(file), plan), open_study(find_place(file))
    study.refresh()
    told(other, 2.5)
    other.write()
    clock.now += 1.9
    study.refresh()
    assert study.points == []
    clock.now += 0.2
    study.refresh()
    assert [point.mean for point in study.points] == [2.5]
    told(other, 2.25)
    other.write()
    study.refresh()
    assert len(study.points) == 1
    clock.now += 2.0
    study.refresh()
    assert [(p.number, p.mean) for p in study.points] == [(0, 2.5), (1, 2.25)]
    told(study)
    study.write()
    clock.now += 2.0
    study.refresh()
    assert len(study.points) == 3  # its own is no news


@pytest.mark.parametrize(
    ("state", "kept", "value"),
    [("done", State.COMPLETE, 2.25), ("pruned", State.PRUNED, None), ("failed", State.FAIL, None),
     ("missed", State.PRUNED, None), ("diverged", State.PRUNED, None)],
)  # fmt: skip
@pytest.mark.parametrize("is_grid", [False, True])
def test_what_became_of_a_point_is_told_in_optunas_words(
    plan, grid, journal, state, kept, value, is_grid
):
    study = create_study(find_place(journal), grid if is_grid else plan)
    asked = told(study, 2.25, state, why="So it was.")
    study.write()
    trial, *rest = stored(study)
    assert (trial.state, trial.value, trial.params) == (kept, value, dict(asked.point.settings))
    assert [t.state for t in rest] == [State.WAITING] * (3 if is_grid else 0)
    (point,) = open_study(find_place(journal)).points
    assert (point.number, point.state, point.why) == (0, state, "So it was.")
    assert point.trainings == (training(value=2.25),)
    assert point.settings == asked.point.settings
    assert study.points == [replace(point, number=study.points[0].number)]


def test_a_point_of_a_grid_that_is_put_back_waits_again_with_what_is_known(grid, journal):
    study = create_study(find_place(journal), grid)
    other = open_study(find_place(journal))
    asked = present(study.ask())
    assert (study.others_running, other.others_running) == (0, 1)
    study.put_back(asked, [training(42, 2.5)])
    assert other.others_running == 0
    assert [t.state for t in stored(study)] == [State.FAIL] + [State.WAITING] * 4
    study.refresh()
    assert study.points == []  # it is no point that failed
    again = open_study(find_place(journal))
    seen = []
    while (found := again.ask()) is not None:
        seen.append((dict(found.point.settings), found.known, found.point.trainings))
    assert len(seen) == 4
    assert seen[-1] == (dict(asked.point.settings), (training(42, 2.5),), (training(42, 2.5),))
    assert all(known == () for _, known, _ in seen[:-1])


def test_a_driver_that_has_points_of_a_grid_is_alive(grid, file, clock):
    study, other = create_study(find_place(file), grid), open_study(find_place(file))
    asked = present(study.ask())
    storage = open_storage(study.place, make=False)
    beats = []
    for pause in (3.0, 2.0, 0.1, 4.9, 0.2):
        clock.now += pause
        study.refresh()
        other.refresh()
        beats.append(_heartbeats(storage))
    # A beat is due when more than five seconds have gone by since the last, every two seconds.
    assert beats[:2] == [0, 0]
    assert beats[-1] >= 1
    assert asked.waiting == 0


def _heartbeats(storage) -> int:
    from sqlalchemy import text

    with storage.engine.connect() as connection:
        return connection.execute(text("SELECT count(*) FROM trial_heartbeats")).scalar()


def test_a_study_has_a_name_that_no_other_has(plan, file, monkeypatch):
    names = iter(["old tree", "old tree", "new leaf"])
    monkeypatch.setattr("eetui.core.sweep.study.two_words", lambda random: next(names))
    first, second = (create_study(find_place(file), plan) for _ in range(2))
    assert (first.name, second.name) == ("old tree", "new leaf")
    assert study_names(find_place(file)) == ["old tree", "new leaf"]
    assert first.reference == f'"{file}#old tree"'


def test_a_study_in_the_usual_file_is_found_by_its_name_alone(plan, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert study_names(find_place(None)) == []
    assert not default_path().exists()
    study = create_study(find_place("mine"), plan)
    assert study.reference == '"mine"'
    assert open_study(find_place("mine")).reference == '"mine"'


def test_a_search_tries_legal_points_alone_and_ends_where_it_finds_none(
    plan, journal, refused, monkeypatch
):
    space = make_space({"d_model": "12,20", "heads": "3,5", "lr": "0.001..0.03"})
    study = create_study(find_place(journal), replace(plan, space=space))
    pairs = set()
    for _ in range(12):
        settings = told(study).point.settings
        pairs.add((settings["d_model"], settings["n_heads"]))
    assert pairs == {(12, 3), (20, 5)}
    study.write()
    assert len(stored(study)) == len(study.points) == 12
    monkeypatch.setattr("eetui.core.sweep.study.TRIES", 0)
    with refused("No point of the space that was tried is legal"):
        study.ask()


def test_without_a_pruner_nothing_is_reported(plan, journal):
    study = create_study(find_place(journal), plan)
    asked = present(study.ask())
    assert study.report(asked, 1, 9.0) is False
    assert asked.trial.study.trials[0].intermediate_values == {}


def test_importances_need_two_points_that_differ(plan, journal, monkeypatch):
    study = create_study(find_place(journal), plan)
    told(study, 2.0, "pruned")
    told(study, 2.5)
    assert study.importances() == {}
    told(study, 2.5)
    assert study.importances() == {}
    for i in range(12):
        told(study, 2.0 + i / 10)
    varied = {dimension.key for dimension in plan.space.dimensions if dimension.scale != "choice"}
    assert set(study.importances()) >= varied == {"learning_rate"}

    def none(*_: object, **__: object) -> None:
        raise ValueError("no two trials differ")

    monkeypatch.setattr(optuna.importance, "get_param_importances", none)
    assert study.importances() == {}


def test_a_longer_plan_is_kept(plan, journal):
    study = create_study(find_place(journal), plan)
    study.change_plan(replace(plan, runs=99))
    assert study.plan.runs == 99
    assert open_study(find_place(journal)).plan.runs == 99


def test_a_grid_has_no_more_points_than_the_plan(plan, journal):
    space = make_space({"d_model": "8,16", "lr": "0.01,0.02"})
    study = create_study(find_place(journal), make_plan(space, plan.aim, runs=3, sampler="grid"))
    assert len(stored(study)) == 3
    assert {trial.state for trial in stored(study)} == {State.WAITING}


def test_a_study_of_another_program_or_version_is_refused(plan, journal, refused):
    place = find_place(f"{journal}#other")
    storage = open_storage(place, make=True)
    with refused("There is no study at"):
        open_study(find_place(journal))
    made = optuna.create_study(storage=storage, study_name="other")
    with refused("other is a study of another program"):
        open_study(place)
    wrong: tuple[object, ...] = (
        {},
        [],
        {**plan.to_json(), "aim": 3},
        {**plan.to_json(), "sampler": "nope"},
        {**plan.to_json(), "pruner": "nope"},
    )
    for values in wrong:
        made.set_user_attr("eetui plan", values)
        with refused("other was written by another version of eetui", EetuiError):
            open_study(place)
    made.set_user_attr("eetui plan", plan.to_json())
    assert open_study(place).plan == plan


def test_ten_of_many_studies_are_named(plan, journal, refused):
    for i in range(12):
        create_study(find_place(f"{journal}#s{i}"), plan)
    with refused("has 12 studies (s0, s1, s2, s3, s4, s5, s6, s7, s8, s9): name one"):
        open_study(find_place(journal))
