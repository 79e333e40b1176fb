"""`eetui runs`: the store from the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

QUICK = ("train", "--engine", "numpy", "--d-model", "8", "--steps", "30")


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "runs.sqlite"
    monkeypatch.setenv("EETUI_STORE", str(path))
    return path


def listed(cli, *more):
    return json.loads(cli("runs", "list", "--json", *more).out)["runs"]


def test_a_training_writes_itself_down(cli, store):
    assert cli(*QUICK, "--seed", "7").code == 0
    (run,) = listed(cli)
    assert (run["step"], run["status"], run["configuration"]["seed"]) == (30, "finished", 7)
    assert run["loss"] > 0
    assert run["held_out_loss"] > 0
    assert run["version"]
    assert run["cpu"]
    shown = cli("runs", "list").out
    assert run["name"] in shown
    assert run["id"] in shown


def test_without_a_store_nothing_is_written(cli, store):
    assert cli(*QUICK, "--no-store").code == 0
    assert not store.exists()


def test_another_store_can_be_named(cli, store, tmp_path):
    other = tmp_path / "other.sqlite"
    assert cli(*QUICK, "--store", other).code == 0
    assert not store.exists()
    assert len(listed(cli, "--store", other)) == 1


def test_a_store_that_cannot_be_is_said(cli, tmp_path):
    result = cli(*QUICK, "--store", tmp_path)
    assert result.code == 2
    assert "is a folder" in result.err


def test_a_run_is_shown_exported_and_compared(cli, store, tmp_path):
    for rate in ("0.01", "0.02"):
        cli(*QUICK, "--lr", rate)
    one, two = (run["id"] for run in reversed(listed(cli)))
    shown = json.loads(cli("runs", "show", one, "--json").out)
    assert shown["log"]["train"]["learning_rate"] == 0.01
    assert shown["curves"]["loss"]["steps"][-1] == 30
    assert shown["names"][0]["step"] == 0
    assert "learning_rate 0.01" in cli("runs", "show", one).out
    compared = json.loads(cli("runs", "compare", one, two, "--json").out)
    assert compared["differences"] == {"learning_rate": [0.01, 0.02]}
    assert compared["more_than_seeds"] is None
    assert "at least two seeds" in cli("runs", "compare", one, two).out
    for suffix in ("json", "csv", "safetensors"):
        path = tmp_path / f"run.{suffix}"
        assert cli("runs", "export", one, path).code == 0
        assert path.stat().st_size > 100
    more = cli("train", "--load", tmp_path / "run.safetensors", "--steps", "40", "--json")
    assert json.loads(more.out)["steps_run"] == 10
    assert cli("runs", "export", one, tmp_path / "run.txt").code == 2


def test_runs_are_named_noted_pinned_deleted_and_pruned(cli, store):
    cli(*QUICK)
    (run,) = listed(cli)
    assert cli("runs", "rename", run["id"], "my best").code == 0
    assert cli("runs", "note", "my best", "with a small rate").code == 0
    assert cli("runs", "pin", "my best").code == 0
    (after,) = listed(cli)
    assert (after["name"], after["note"], after["pinned"]) == ("my best", "with a small rate", True)
    assert cli("runs", "rm", "last").code == 0
    assert listed(cli) == []
    assert cli("runs", "show", "my best").code == 2
    assert len(listed(cli, "--deleted")) == 1
    assert cli("runs", "rm", "--undo", "my best").code == 0
    cli("runs", "rm", "my best")
    kept = json.loads(cli("runs", "prune", "--dry-run", "--json").out)
    assert kept["removed"] == [run["id"]]
    assert json.loads(cli("runs", "prune", "--json").out)["removed"] == [run["id"]]
    assert listed(cli, "--deleted") == []


def test_a_run_continues_where_it_stopped(cli, store):
    whole = json.loads(cli(*QUICK[:-1], "50", "--json").out)
    cli(*QUICK[:-1], "50", "--json", "--seed", "9")
    cli("runs", "rm", "last")
    part = cli(*QUICK[:-1], "20", "--json")
    assert part.code == 0
    more = json.loads(cli("train", "--continue", "last", "--steps", "50", "--json").out)
    assert more["steps_run"] == 30
    first, second = listed(cli)
    assert {first["step"], second["step"]} == {50}
    assert whole["steps"] == more["steps"] == 50
