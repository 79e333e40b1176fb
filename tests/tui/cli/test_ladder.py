"""`eetui ladder`: the waterfall, and the object that scripts read."""

from __future__ import annotations

import json

import pytest

from eetui.core.measure import climb, timer

QUICK = ("ladder", "--engine", "numpy", "--d-model", "8", "--rounds", "1")


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(timer, "MID_RUN_SECONDS", 0.02)
    monkeypatch.setattr(climb, "WAITS", 0)


def test_json_has_what_scripts_rely_on(cli):
    result = cli(*QUICK, "--heads", "2", "--batch", "4", "--json")
    assert (result.code, result.err) == (0, "")
    printed = json.loads(result.out)
    assert (printed["engine"], printed["d_model"], printed["n_heads"], printed["batch"]) == (
        *("numpy", 8, 2, 4),
    )
    bottom, skip, *others = printed["rungs"]
    assert (bottom["key"], bottom["gain"], bottom["factor"]) == ("", None, 1.0)
    assert bottom["optimizations"]["padding_skip"] == "off"
    assert skip["optimizations"] == bottom["optimizations"] | {"padding_skip": "on"}
    assert (skip["m5_gain_percent"], skip["reason"]) == (34.0, "")
    for gain in (skip["gain"], printed["together"]):
        assert list(gain) == ["percent", "low", "high", "pairs", "is_some"]
        assert gain["pairs"] >= 8
    assert skip["us_per_step"] > 0
    assert printed["factor"] == skip["factor"]
    assert (printed["clock"], skip["alone"]) == ("wall", None)
    for rung in others:
        assert rung["us_per_step"] is None
        assert rung["reason"].endswith(".")


def test_a_waterfall_for_people(cli):
    result = cli(*QUICK)
    assert (result.code, result.err) == (0, "")
    lines = result.out.splitlines()
    assert lines[0].startswith("numpy (")
    skip = next(line for line in lines if line.startswith("padding skip"))
    assert "█" in skip
    assert skip.rstrip().endswith("34 %")
    assert "by the wall clock" in result.out
    assert "±" in skip
    assert "NumPy has one exp" in result.out
    assert "\x1b" not in result.out


def test_an_ablation_has_a_column(cli):
    result = cli(*QUICK, "--ablate")
    assert "alone: what it saves where all others are on" in result.out
    printed = json.loads(cli(*QUICK, "--ablate", "--json").out)
    assert printed["rungs"][1]["alone"]["pairs"] >= 8


def test_a_toggle_that_is_set_is_held(cli):
    result = cli(*QUICK, "--set", "padding_skip=off")
    assert "held on every rung: padding_skip off" in result.out
    assert "padding skip  " not in result.out


def test_a_toggle_that_is_impossible_is_refused(cli):
    result = cli(*QUICK, "--set", "fast_exp=on")
    assert (result.code, result.out) == (2, "")
    assert "not possible here" in result.err
