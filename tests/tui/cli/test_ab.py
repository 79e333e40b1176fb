"""`eetui ab`: the sentence, and the object that scripts read."""

from __future__ import annotations

import json

import pytest

QUICK = ("--d-model", "16", "--seconds", "0.2")
FIELDS = [
    *("setting", "a", "b", "metric", "change_percent", "low", "high", "pairs", "seconds"),
    *("clock", "verdict"),
]
PATTERN = ("faster", "slower", "lower loss", "higher loss", "no difference found")


def test_json_has_what_scripts_rely_on(cli):
    result = cli("ab", "padding_skip", *QUICK, "--json")
    assert (result.code, result.err) == (0, "")
    printed = json.loads(result.out)
    assert list(printed) == FIELDS
    assert (printed["setting"], printed["a"], printed["b"], printed["metric"]) == (
        *("padding_skip", "off", "on", "time"),
    )
    assert printed["verdict"] == "faster"
    assert printed["low"] <= printed["change_percent"] <= printed["high"] < 0
    assert printed["pairs"] >= 8
    assert printed["seconds"] >= 0.2
    assert printed["clock"] == "cpu"


def test_a_sentence_for_people(cli):
    result = cli("ab", "padding_skip=off,on", *QUICK)
    assert (result.code, result.err) == (0, "")
    assert "padding_skip: off → on" in result.out
    assert "on: faster" in result.out
    assert "pairs" in result.out
    assert "by the training thread's CPU clock" in result.out


def test_time_alone_does_not_decide_what_changes_the_learning(cli):
    result = cli("ab", "batch=16,64", *QUICK)
    assert "Time alone does not decide this setting" in result.out
    assert "us a sample" in result.out


def test_by_what_is_learned(cli):
    run = (
        "ab",
        "lr=.00001,.01",
        "--metric",
        "loss",
        "--d-model",
        "16",
        "--steps",
        "60",
        "--seeds",
        "8",
    )
    result = cli(*run, "--json")
    assert result.code == 0, result.err
    printed = json.loads(result.out)
    assert list(printed) == FIELDS
    assert (printed["metric"], printed["verdict"], printed["pairs"]) == ("loss", "lower loss", 8)
    result = cli(*run)
    assert "paired difference -" in result.out
    assert "8 seeds" in result.out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("speed",), "There is no setting 'speed'"),
        (("batch=16",), "Two values are compared"),
        (("padding_skip", "--seeds", "8"), "--seeds belongs to --metric loss"),
        (("padding_skip", "--steps", "8"), "--steps belongs to --metric loss"),
        (("padding_skip", "--seconds", "0"), "seconds must be above 0"),
        (("padding_skip", "--metric", "loss", "--seeds", "3"), "seeds must be between 8"),
        (("padding_skip", "--metric", "loss", "--steps", "0"), "steps must be between 1"),
        (("fast_exp=off,on", "--engine", "numpy"), "fast_exp"),
        (("padding_skip", "--metric", "beauty"), "beauty"),
        ((), "SETTING"),
    ],
)
def test_bad_use_is_one_sentence(cli, arguments, words):
    result = cli("ab", *arguments)
    assert (result.code, result.out) == (2, "")
    assert words in result.err
    assert "Traceback" not in result.err
