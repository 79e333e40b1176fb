"""`--preset` and `--seconds`: what is not given comes from the preset, and seconds end the run."""

from __future__ import annotations

import json

import pytest

from eetui.core.engines.registry import create, default

TRAIN = ("train", "--no-store", "--json")


def test_seconds_end_a_run_by_the_clock_of_its_thread(cli):
    result = cli(*TRAIN, "--d-model", "16", "--seconds", "0.1")
    assert result.code == 0, result.err
    found = json.loads(result.out)
    assert found["cpu_seconds"] == pytest.approx(0.1, rel=0.15)
    assert found["held_out_step"] == found["steps"]


def test_a_preset_sets_what_is_not_given_and_says_so(cli):
    result = cli(*TRAIN, "--preset", "one-second", "--batch", "8", "--seconds", "0.05")
    assert result.code == 0, result.err
    found = json.loads(result.out)
    assert (found["batch"], found["cpu_seconds"]) == (8, pytest.approx(0.05, rel=0.3))
    assert f"d_model {found['d_model']}" in result.err
    assert "batch" not in result.err
    assert found["d_model"] != 32 or found["optimizer"] == "muon"
    has_bf16 = not create(default()).why_not("products", "bf16")
    assert ("bf16, which this CPU has" in result.err) == has_bf16


def test_a_preset_of_seconds_gives_way_to_steps_and_counts_more_than_the_environment(
    cli, monkeypatch
):
    monkeypatch.setenv("EETUI_BATCH", "3")
    monkeypatch.setenv("EETUI_STEPS", "7")
    result = cli(*TRAIN, "--preset", "best", "--steps", "5")
    found = json.loads(result.out)
    assert found["steps"] == 5
    assert found["batch"] > 3
    timed = cli(*TRAIN, "--preset", "one-second", "--seconds", "0.05", "--engine", "numpy")
    assert json.loads(timed.out)["steps"] != 7
    assert "float32" in timed.err


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (("--preset", "fastest"), "no preset 'fastest'"),
        (("--seconds", "0"), "seconds must be"),
        (("--seconds", "nan"), "seconds must be"),
        (("--seconds", "1", "--steps", "5"), "one of the two"),
        (("--seconds", "1", "--load", "x.safetensors"), "new run"),
        (("--preset", "best", "--continue", "last"), "new run"),
    ],
)
def test_what_cannot_be_is_one_sentence(cli, arguments, part):
    result = cli("train", *arguments)
    assert (result.code, result.out) == (2, "")
    assert part in result.err
    assert "Traceback" not in result.err
