"""`eetui race`: the table, the objects that scripts read, and every way to end."""

from __future__ import annotations

import json
import math
import signal
from typing import Any

import numpy as np
import pytest

from eetui.core.race import roster
from eetui.core.race.contestants.frameworks import shared
from eetui.core.race.lane import RacePlan
from eetui.core.race.league import compete
from eetui.core.race.studies import launch_model, one_second
from eetui.core.race.studies.launch_model import LaunchResult
from eetui.core.race.studies.one_second import OneSecondResult
from eetui.core.race.tasks import make_task
from eetui.tui.cli import race as command
from eetui.tui.cli.race_options import RaceOptions
from eetui.tui.cli.runs import request_subject
from eetui.tui.signals import Interrupted

QUICK = ("race", "--contestants", "explicit,vector", "--d-model", "8", "--steps", "40")


def objects(text):
    return [json.loads(line) for line in text.splitlines()]


def test_json_has_what_scripts_rely_on(cli):
    result = cli(*QUICK, "--contestants", "vector,explicit,scalar", "--json")
    assert (result.code, result.err) == (0, "")
    printed = json.loads(result.out)
    assert (printed["protocol"], printed["d_model"], printed["batch"]) == ("equal", 8, 16)
    rows = printed["table"]
    assert [row["contestant"] for row in rows] == ["scalar", "vector", "explicit"]
    assert printed["speedup_over"].startswith("scalar on ")
    scalar = rows[0]
    for row in rows:
        assert row["status"] == "finished"
        assert row["samples"] == 40
        assert row["parameters"] == 1328
        assert row["us_per_sample"] == pytest.approx(row["seconds"] * 1e6 / 40)
        assert row["speedup"] == pytest.approx(scalar["us_per_sample"] / row["us_per_sample"])
        assert 2 < row["loss"] < 4
        assert row["work"]["count"] > 0
        assert row["names"][-1]["step"] == 40
        assert len(row["curve"]["loss"]) == len(row["curve"]["seconds"]) > 5
        assert row["seconds_to_threshold"] is row["joules_per_step"] is None


def test_jsonl_is_an_object_a_step(cli):
    result = cli(*QUICK, "--jsonl", "--protocol", "microgpt")
    assert (result.code, result.err) == (0, "")
    lines = objects(result.out)
    assert all(set(line) == {"contestant", "step", "loss"} for line in lines)
    by_name: dict[str, list[Any]] = {}
    for line in lines:
        by_name.setdefault(line["contestant"], []).append(line)
    assert set(by_name) == {"explicit", "vector"}
    for own in by_name.values():
        assert [line["step"] for line in own] == [*range(1, 41)]
    losses = [[line["loss"] for line in own] for own in by_name.values()]
    assert losses[0] == pytest.approx(losses[1], rel=1e-6), "one program by the same rules"
    assert any(loss != float(np.float32(loss)) for loss in losses[0]), "full precision"


def test_microgpts_rules_have_1000_steps(cli):
    result = cli("race", "--contestants", "explicit", "--protocol", "microgpt", "--json")
    printed = json.loads(result.out)
    (row,) = printed["table"]
    assert (row["steps"], row["status"], printed["planned_steps"]) == (1000, "finished", 1000)
    assert (printed["learning_rate"], printed["batch"], printed["d_model"]) == (0.01, 1, 16)
    assert row["loss"] < 2.7


def test_a_table_for_people(cli):
    result = cli(*QUICK, "--threshold", "3.2")
    assert (result.code, result.err) == (0, "")
    lines = result.out.splitlines()
    assert lines[0].startswith("equal rules, d_model 8")
    assert "<3.2 at" in lines[2]
    for name in ("explicit", "vector"):
        assert any(line.startswith(name) and "1,328" in line for line in lines)
    assert "the slowest measured, in this race" in result.out
    assert "\x1b" not in result.out


def test_the_other_models_are_told_as_such(cli):
    result = cli(*QUICK, "--contestants", "rnn,explicit", "--steps", "5")
    assert "rnn  a recurrent net" in result.out


def test_time_is_the_limit_where_no_steps_are_asked_for(cli):
    result = cli(
        "race", "--contestants", "explicit", "--d-model", "8", "--seconds", "0.1", "--json"
    )
    printed = json.loads(result.out)
    (row,) = printed["table"]
    assert (row["status"], printed["planned_steps"]) == ("out of time", None)
    assert row["seconds"] >= 0.1
    assert row["samples"] >= 1


def test_whoever_is_missing_is_listed_with_the_command(cli, monkeypatch):
    monkeypatch.setattr(shared, "find_spec", lambda package: None)
    result = cli(*QUICK, "--contestants", "explicit,torch")
    assert result.code == 0
    assert "cannot: torch is not installed: pip install 'eetui[torch]'." in result.out
    alone = cli(*QUICK, "--contestants", "torch", "--json")
    assert alone.code == 1
    assert alone.err == (
        "eetui: Nobody could race: torch is not installed: pip install 'eetui[torch]'.\n"
    )
    (row,) = json.loads(alone.out)["table"]
    assert (row["status"], row["us_per_sample"], row["loss"]) == ("cannot", None, None)


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (("--contestants", "rust"), "There is no contestant 'rust': there are scalar, tape"),
        (("--contestants", ","), "Name contestants"),
        (("--seconds", "0"), "seconds must be above 0"),
        (("--steps", "0"), "steps must be between 1"),
        (("--threshold", "0"), "threshold must be above 0"),
        (("--protocol", "microgpt", "--batch", "4"), "a batch of 4 is not its"),
        (("--json", "--jsonl"), "Use either --json or --jsonl"),
        (("--data", "nowhere.txt"), "There is no file nowhere.txt"),
        (("--report", "/dev/null/report"), "cannot be made"),
        (("--lr", "0"), "learning rate must be above 0"),
        (("--protocol", "fair"), "'fair' is not one of 'equal', 'microgpt'"),
    ],
)
def test_what_cannot_be_raced_is_refused_in_a_sentence(cli, arguments, part):
    result = cli(*QUICK, *arguments)
    assert result.code == 2
    assert part in result.err
    assert result.err.count("\n") == 1
    assert result.out == ""


def test_a_batch_for_training_is_not_against_microgpts_rules(cli, own_settings):
    own_settings.write_text("batch = 4\nsteps = 7\n")
    result = cli(*QUICK, "--protocol", "microgpt", "--json")
    assert json.loads(result.out)["table"][0]["steps"] == 40
    assert json.loads(cli(*QUICK, "--json").out)["batch"] == 4


def test_a_report_is_written(cli, tmp_path):
    result = cli(*QUICK, "--report", tmp_path / "report")
    assert result.code == 0
    assert result.err == f"eetui: The report is in {tmp_path / 'report'}.\n"
    assert "| `explicit` |" in (tmp_path / "report" / "report.md").read_text()


def test_more_can_be_measured(cli, monkeypatch):
    def seconds(contestants, dataset, seed):
        assert [c.name for c in contestants] == ["native", "native+matrix"]
        yield OneSecondResult("native", 16, 16, 0.008, 4000, 1.0, 2.1, 2.0869)

    def launches(contestants, dataset, seed):
        *_, last = compete(
            make_task("equal", request_subject(OPTIONS, 8)),
            roster.line_up(["explicit"]),
            RacePlan(None, 3),
        )
        yield LaunchResult(16, 16, last.standings)

    monkeypatch.setattr(one_second, "measure", seconds)
    monkeypatch.setattr(launch_model, "measure", launches)
    monkeypatch.setattr(launch_model, "with_gpus", lambda contestants: contestants)
    printed = json.loads(cli(*QUICK, "--one-second", "--json").out)
    assert "one_second" in printed
    assert "killer_microsecond" not in printed
    printed = json.loads(cli(*QUICK, "--one-second", "--launch-model", "--json").out)
    assert printed["one_second"][0]["loss"] == 2.1
    assert printed["killer_microsecond"][0]["quickest"] == "explicit"
    assert printed["killer_microsecond"][0]["modelled_us_per_step"]["CUDA graphs"] == 130
    table = cli(*QUICK, "--one-second", "--killer").out
    assert "2.0869" in table
    assert "a GPU's launches" in table


OPTIONS = RaceOptions()


def test_an_interruption_ends_it_with_what_is_there(cli, monkeypatch):
    def interrupted(*arguments, **more):
        for league in compete(*arguments, **more):
            yield league
            if league.standings[0].steps > 10:
                raise Interrupted(signal.SIGTERM)

    monkeypatch.setattr(command, "compete", interrupted)
    result = cli(*QUICK, "--turns", "--json")
    assert result.code == 143
    assert "Interrupted" in result.err
    first, second = json.loads(result.out)["table"]
    assert first["steps"] > 10
    assert math.isfinite(first["loss"])
    assert (second["status"], second["steps"]) == ("waiting", 0)


def test_a_failure_is_told_and_the_rest_is_printed(cli):
    result = cli(
        *QUICK, "--lr", "9.9", "--steps", "2000", "--contestants", "rnn,explicit", "--json"
    )
    rows = json.loads(result.out)["table"]
    failed = [row for row in rows if row["status"] == "failed"]
    assert result.code == 1
    assert len(rows) == 2
    assert failed[0]["reason"].endswith("is not finite: lower the learning rate.")
    assert f"{failed[0]['contestant']} failed: The loss of step" in result.err
