"""Studies: points are asked for and told, kept, gone on with, and each is done once."""

from __future__ import annotations

from dataclasses import replace
from math import nan

import optuna
import pytest

from eetui.core.sweep.point import SeedResult, State
from eetui.core.sweep.space import make_space
from eetui.core.sweep.storage import find_place, open_storage
from eetui.core.sweep.study import Asked, Study, create_study, open_study, study_names
from eetui.core.sweep.sweep_plan import make_plan


def training(seed=42, value=2.0):
    return SeedResult(seed, "done", value, value, value, 10, 0.1, ((0.1, value),))


def asked_of(study: Study) -> Asked:
    """The next point; there is one."""
    asked = study.ask()
    assert asked is not None
    return asked


def finished(asked, value):
    return replace(asked.point, state="done", trainings=(training(value=value),))


def test_a_study_is_found_again_with_its_points(plan, file):
    study = create_study(find_place(file), plan)
    told = []
    for value in (2.3, 2.1, 2.2):
        asked = asked_of(study)
        study.tell(asked, finished(asked, value))
        told.append(asked.point.settings)
    study.write()
    again = open_study(find_place(file))
    assert again.plan == plan
    assert [point.settings for point in again.points] == told
    assert [point.mean for point in again.points] == [2.3, 2.1, 2.2]
    assert asked_of(again).point.settings not in told


def test_a_grid_has_every_point_once_whoever_asks(plan, file):
    space = make_space({"d_model": "8,16", "lr": "0.01,0.02,0.03"})
    study = create_study(find_place(file), make_plan(space, plan.aim))
    other = open_study(find_place(file))
    seen = []
    while (asked := study.ask()) is not None:
        study.tell(asked, finished(asked, 2.0))
        seen.append(asked.point.settings)
        if (theirs := other.ask()) is not None:
            other.tell(theirs, finished(theirs, 2.0))
            seen.append(theirs.point.settings)
    assert len(seen) == 6
    assert all(point in seen for point in space.points())
    assert len(open_study(find_place(file)).points) == 6


def test_what_two_drivers_write_is_numbered_once_and_learned_by_both(plan, file):
    study, other = create_study(find_place(file), plan), open_study(find_place(file))
    for driver in (study, other, study):
        for _ in range(3):
            asked = asked_of(driver)
            driver.tell(asked, finished(asked, 2.0))
        driver.write()
    for driver in (study, other):
        driver.refresh()
        assert len(driver.points) == 9
    stored = optuna.load_study(study_name=study.name, storage=f"sqlite:///{file}")
    assert [trial.number for trial in stored.trials] == [*range(9)]


def test_what_is_put_down_together_is_what_optuna_puts_down_one_by_one(plan, file, journal):
    """A pruned point with its reports, one that failed, and NaN among them."""
    space = make_space({"lr": "0.001..0.03", "d_model": "8,16", "activation": "relu,relu2"})
    plan = replace(plan, space=space, pruner="median", sampler="qmc")

    def trials(where):
        study = create_study(find_place(f"{where}#same"), plan)
        for state, value in (("pruned", 2.4), ("done", 2.1), ("failed", nan)):
            asked = asked_of(study)
            study.report(asked, 1, value)
            study.tell(asked, replace(finished(asked, value), state=state))
        study.write()
        place = open_study(find_place(f"{where}#same")).place
        return optuna.load_study(study_name="same", storage=open_storage(place, make=False)).trials

    one, many = trials(journal), trials(file)
    for a, b in zip(one, many, strict=True):
        assert (a.number, a.state, a.value, a.params) == (b.number, b.state, b.value, b.params)
        assert repr(a.intermediate_values) == repr(b.intermediate_values)
        assert a.distributions == b.distributions
        assert a.user_attrs["eetui point"]["trainings"] == b.user_attrs["eetui point"]["trainings"]


def test_what_is_put_back_is_the_next_to_be_done_with_what_is_known(plan, file):
    study = create_study(find_place(file), replace(plan, seeds=3))
    asked = asked_of(study)
    study.put_back(asked, [training(42, 2.5)])
    again = asked_of(open_study(find_place(file)))
    assert again.point.settings == asked.point.settings
    assert [t.seed for t in again.known] == [42]


def test_a_point_that_failed_or_was_pruned_stays_what_it_is(plan, file):
    study = create_study(find_place(file), plan)
    ends: list[tuple[State, str]] = [("pruned", ""), ("failed", "It broke."), ("missed", "")]
    for state, why in ends:
        asked = asked_of(study)
        study.tell(asked, replace(asked.point, state=state, why=why))
    study.write()
    found = open_study(find_place(file)).points
    assert [(point.state, point.why) for point in found] == ends


@pytest.mark.parametrize("sampler", ["random", "qmc", "tpe"])
def test_samplers_are_optunas_and_stay_in_the_space(plan, file, sampler):
    study = create_study(find_place(file), replace(plan, sampler=sampler))
    for i in range(15):
        asked = asked_of(study)
        assert 0.001 <= float(asked.point.settings["learning_rate"]) <= 0.03
        study.tell(asked, finished(asked, 2.0 + i))


def test_importances_find_the_setting_that_matters(plan, file):
    space = make_space({"lr": "0.001..0.03", "beta1": "0.5..0.9"})
    study = create_study(find_place(file), replace(plan, space=space))
    for _ in range(30):
        asked = asked_of(study)
        study.tell(asked, finished(asked, asked.point.settings["learning_rate"]))
    found = study.importances()
    assert found["learning_rate"] > 0.8 > found["beta1"]


def test_several_studies_in_one_file_are_told_apart(plan, file, refused):
    first = create_study(find_place(f"{file}#first"), plan)
    create_study(find_place(f"{file}#second"), replace(plan, runs=5))
    assert study_names(find_place(file)) == [first.name, "second"]
    assert open_study(find_place(f"{file}#second")).plan.runs == 5
    with refused("has 2 studies"):
        open_study(find_place(file))
    with refused("already"):
        create_study(find_place(f"{file}#first"), plan)
    with refused("no study third"):
        open_study(find_place(f"{file}#third"))


def test_a_journal_does_as_well(plan, tmp_path):
    place = find_place(f"journal:{tmp_path / 'j.log'}")
    study = create_study(place, plan)
    asked = asked_of(study)
    study.tell(asked, finished(asked, 2.0))
    study.write()
    assert len(open_study(place).points) == 1


def test_what_is_no_study_is_refused_in_a_sentence(tmp_path, refused):
    with refused("no study at"):
        open_study(find_place(str(tmp_path / "none.db")))
    (tmp_path / "text.db").write_text("no database at all, but a text of some length\n" * 40)
    from eetui.core.errors import EetuiError

    with refused("cannot be used", EetuiError):
        open_study(find_place(str(tmp_path / "text.db")))


def test_a_password_in_a_url_is_never_shown():
    place = find_place("postgresql://me:secret@host/db#names")
    assert place.name == "names"
    assert "secret" not in place.shown
    assert place.url == "postgresql+psycopg://me:secret@host/db"
