"""What is typed on the screen of sweeps, read as on the command line."""

from __future__ import annotations

from dataclasses import replace

import pytest

from eetui.core.engines import registry
from eetui.core.sweep.request import SweepRequest, prepare, read_request
from eetui.core.sweep.storage import find_place
from eetui.core.sweep.study import open_study


def test_options_a_study_of_the_program_or_a_name():
    assert read_request("--lr 0.001..0.03 --runs 9 --set adam=fused --aim loss@1s") == SweepRequest(
        {"lr": "0.001..0.03", "adam": "fused"}, runs=9, aim="loss@1s"
    )
    assert read_request("sweep.sh") == SweepRequest({}, shipped="sweep.sh")
    assert read_request('"amber heron"') == SweepRequest({}, study="amber heron")


@pytest.mark.parametrize(
    ("typed", "part"),
    [
        ("--lr", "reads as on the command line"),
        ("--lr 1,2 --runs x", "takes a number"),
        ("--lr 1,2 --sampler best", "is one of"),
        ("'", "no partner"),
    ],
)
def test_what_cannot_be_read_is_refused(typed, part, refused):
    with refused(part):
        read_request(typed)


def test_every_option_has_its_kind():
    typed = (
        "--runs 9 --seeds 3 --seed 5 --seconds 0.5 --within 60 --sampler qmc --pruner halving "
        "--aim loss@9 --study s.db --data d.txt --d-model 16 --set fused=off"
    )
    assert read_request(typed) == SweepRequest(
        {"d_model": "16", "fused": "off"}, None, "loss@9", 9, 3, 5, 0.5, 60.0, "qmc", "halving",
        "s.db", "d.txt",
    )  # fmt: skip
    assert read_request("time-to-2") == SweepRequest({}, shipped="time-to-2")
    assert read_request("amber heron") == SweepRequest({}, study="amber heron")
    assert read_request("") == SweepRequest({})


@pytest.mark.parametrize("typed", ["--lr 1,2 --runs", "--lr 1,2 runs 3", "--lr 1,2 x --y"])
def test_what_is_no_row_of_options_is_refused(typed, refused):
    with refused("reads as on the command line"):
        read_request(typed)


# -- what a request comes to -----------------------------------------------------------------------


def planned(journal, text, **more):
    study, dataset = prepare(replace(read_request(text), study=journal, **more))
    assert study.plan.fingerprint == dataset.fingerprint
    return study.plan


def test_a_space_is_planned_with_its_engine_by_name(journal, monkeypatch):
    monkeypatch.setattr(registry, "default", lambda: "numpy")
    plan = planned(journal, "--lr 0.01,0.02 --aim loss@9 --seeds 3 --seed 8 --within 50 --runs 2")
    assert dict(plan.space.fixed) == {"engine": "numpy"}
    assert (plan.seeds, plan.seed, plan.seconds, plan.runs) == (3, 8, 50.0, 2)
    assert (plan.sampler, plan.pruner, plan.aim.words) == ("grid", "none", "loss@9")
    plan = planned(f"{journal}2", "--lr 0.01..0.02 --set engine=numba --sampler qmc --aim loss@1s")
    assert dict(plan.space.fixed) == {"engine": "numba"}
    assert (plan.sampler, plan.pruner, plan.runs, plan.seconds) == ("qmc", "median", None, None)


@pytest.mark.parametrize(
    ("steps", "words", "by_point"),
    [
        ("500", "loss@500", False),
        ("500,900", "loss@steps", True),
        ("500..1000", "loss@steps", True),
    ],
)
def test_steps_are_a_limit_or_a_setting(journal, steps, words, by_point):
    plan = planned(journal, f"--lr 0.01,0.02 --steps {steps}")
    assert (plan.aim.words, plan.aim.by_point) == (words, by_point)
    assert ("steps" in {d.key for d in plan.space.dimensions}) is by_point


def test_several_seeds_of_one_point_are_a_sweep(journal, refused):
    assert planned(journal, "--lr 0.01 --aim loss@9 --seeds 2").total == 1
    for seeds in ("", "--seeds 1"):
        with refused("Nothing varies"):
            planned(f"{journal}2", f"--lr 0.01 --aim loss@9 {seeds}")
    with refused("--steps takes a whole number"):
        planned(f"{journal}2", "--lr 0.01,0.02 --steps many")


def test_a_study_of_the_program_has_its_own_space_and_aim(journal, refused):
    plan = planned(journal, "sweep.sh", seeds=2)
    assert (plan.study, plan.seeds, plan.total) == ("sweep.sh", 2, 16)
    others = ({"space": {"lr": "1,2"}}, {"aim": "loss@9"}, {"seconds": 1.0})
    for more in others:
        with refused("sweep.sh has its own space and aim: leave others out"):
            planned(f"{journal}2", "sweep.sh", **more)


def test_a_study_goes_on_with_more_runs_or_seconds_alone(journal, refused):
    first = planned(journal, "--lr 0.01..0.02 --aim loss@9 --runs 5")
    assert planned(journal, "") == first
    longer = planned(journal, "", runs=7)
    assert longer == replace(first, runs=7)
    assert planned(journal, "", within=30.0) == replace(longer, seconds=30.0)
    assert open_study(find_place(journal)).plan == replace(longer, seconds=30.0)
    given = {"aim": "loss@9", "seeds": 2, "seed": 3, "seconds": 1.0, "sampler": "tpe",
             "pruner": "none"}  # fmt: skip
    for name, value in given.items():
        with refused(f"A study goes on with its own {name}: leave --{name} out"):
            planned(journal, "", **{name: value})
    with refused("Say what varies"):
        prepare(SweepRequest({}))
