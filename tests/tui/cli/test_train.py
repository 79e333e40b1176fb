from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from eetui.core.data.dataset import load_dataset
from eetui.core.run import checkpoint

QUICK = ("--engine", "numpy", "--d-model", "16")


def test_json_summary_has_what_scripts_rely_on(cli):
    result = cli(
        *("train", *QUICK, "--batch", "4", "--steps", "120", "--lr", "0.01", "--seed", "3"),
        *("--set", "padding_skip=off", "--json"),
    )
    assert (result.code, result.err) == (0, "")
    printed = json.loads(result.out)
    assert printed["engine"] == "numpy"
    assert printed["isa"]
    assert printed["steps"] == 120
    assert printed["seed"] == 3
    assert printed["learning_rate"] == 0.01
    assert 2 < printed["loss_last100"] < 3.2
    assert 1 < printed["final_loss"] < 4
    assert printed["us_per_step"] > 0
    assert printed["seconds"] > 0
    assert len(printed["samples"]) == 20
    assert all(isinstance(name, str) for name in printed["samples"])


def test_the_order_of_documents_is_chosen_and_told(cli):
    arguments = ("train", *QUICK, "--steps", "30", "--json")
    default, shuffled, drawn = (
        json.loads(cli(*arguments, *order).out)
        for order in ((), ("--order", "shuffled"), ("--order", "drawn"))
    )
    assert [each["order"] for each in (default, shuffled, drawn)] == [
        *("shuffled",) * 2,
        "drawn",
    ]
    assert default["final_loss"] == shuffled["final_loss"] != drawn["final_loss"]
    assert cli(*arguments, "--order", "sorted").code == 2


def test_the_held_out_loss_is_in_the_json_and_depends_on_the_share(cli):
    arguments = ("train", *QUICK, "--steps", "30", "--json")
    tenth, half, none = (
        json.loads(cli(*arguments, "--held-out", share).out) for share in ("0.1", "0.5", "0")
    )
    assert tenth["held_out_loss"] == pytest.approx(tenth["loss_last100"], abs=0.3)
    assert tenth["held_out_curve"]["steps"][-1] == 30
    assert tenth["held_out_curve"]["loss"][-1] == tenth["held_out_loss"]
    assert tenth["held_out_loss"] != half["held_out_loss"]
    assert (none["held_out"], none["held_out_loss"]) == (0.0, None)
    assert json.loads(cli(*arguments).out)["held_out_loss"] == tenth["held_out_loss"]


def test_few_documents_are_all_trained_on_and_it_is_said(cli, tmp_path):
    data = tmp_path / "few.txt"
    data.write_text("ab\nba\nabba\n")
    result = cli("train", *QUICK, "--data", data, "--steps", "5", "--json")
    assert json.loads(result.out)["held_out_loss"] is None
    assert "3 documents, fewer than 20: none is held out" in result.err


def test_a_checkpoint_keeps_its_share_of_held_out_documents(cli, tmp_path):
    path = tmp_path / "run"
    cli("train", *QUICK, "--steps", "5", "--held-out", "0.3", "--save", path)
    more = json.loads(cli("train", "--load", path, "--steps", "9", "--json").out)
    assert more["held_out"] == 0.3
    refused = cli("train", "--load", path, "--held-out", "0.1")
    assert refused.code == 2
    assert "held_out 0.3, which cannot become 0.1" in refused.err


@pytest.mark.parametrize("share", ["-0.1", "0.6", "nan"])
def test_a_share_that_makes_no_sense_is_refused(cli, share):
    result = cli("train", *QUICK, "--steps", "5", "--held-out", share)
    assert result.code == 2
    assert "between 0 and 0.5" in result.err


def test_a_run_is_a_function_of_its_seed(cli):
    arguments = ("train", *QUICK, "--steps", "30", "--json")
    first, again, other = (
        json.loads(cli(*arguments, "--seed", seed).out) for seed in ("1", "1", "2")
    )
    assert first["final_loss"] == again["final_loss"]
    assert first["samples"] == again["samples"]
    assert first["final_loss"] != other["final_loss"]


def test_json_lines_have_every_step_once(cli):
    result = cli("train", *QUICK, "--steps", "75", "--jsonl")
    rows = [json.loads(line) for line in result.out.splitlines()]
    assert [row["step"] for row in rows] == list(range(1, 76))
    assert rows[0]["loss"] == pytest.approx(3.3, abs=0.15)
    assert np.mean([row["loss"] for row in rows[-10:]]) < rows[0]["loss"]


def test_summary_for_people(cli):
    result = cli("train", *QUICK, "--steps", "20")
    assert (result.code, result.err) == (0, "")
    assert "20 steps in" in result.out
    assert "us a step" in result.out
    assert "mean of the last 20" in result.out
    assert "\x1b" not in result.out


def test_without_a_terminal_plain_eetui_trains(cli):
    plain = cli(*QUICK, "--steps", "20")
    assert (plain.code, plain.err) == (0, "")
    assert "20 steps in" in plain.out


def test_prefix_begins_every_name(cli):
    result = cli("train", *QUICK, "--steps", "5", "--prefix", "zo", "--json")
    assert all(name.startswith("zo") for name in json.loads(result.out)["samples"])


def test_own_data_make_their_own_vocabulary(cli, tmp_path):
    data = tmp_path / "words.txt"
    data.write_text("ab\nba\nabba\n" * 20, encoding="utf-8")
    result = cli("train", *QUICK, "--data", data, "--steps", "40", "--json")
    printed = json.loads(result.out)
    assert printed["data"] == "words.txt"
    assert set("".join(printed["samples"])) <= set("ab")


def test_a_saved_run_goes_on_where_it_was(cli, tmp_path):
    whole, half, rest = (tmp_path / f"{name}.safetensors" for name in ("whole", "half", "rest"))
    plan = ("--schedule", "constant", "--seed", "5")
    cli("train", *QUICK, *plan, "--steps", "60", "--save", whole)
    cli("train", *QUICK, *plan, "--steps", "25", "--save", half)
    done = cli(
        *("train", "--engine", "numpy", "--load", half),
        *("--steps", "60", "--save", rest, "--json"),
    )
    assert done.code == 0, done.err
    printed = json.loads(done.out)
    assert (printed["steps"], printed["steps_run"], printed["d_model"]) == (60, 35, 16)
    states = [checkpoint.load(path).state for path in (whole, rest)]
    np.testing.assert_array_equal(states[0].params, states[1].params)
    np.testing.assert_array_equal(states[0].v, states[1].v)


def test_a_finished_checkpoint_asks_for_more_steps(cli, tmp_path):
    path = tmp_path / "run.safetensors"
    cli("train", *QUICK, "--steps", "5", "--save", path)
    result = cli("train", "--engine", "numpy", "--load", path)
    assert result.code == 2
    assert "plan more with --steps" in result.err


def test_divergence_fails_with_a_sentence(cli, tmp_path):
    path = tmp_path / "run.safetensors"
    cli("train", *QUICK, "--steps", "2", "--save", path)
    loaded = checkpoint.load(path)
    loaded.state.params[:] = 3e38
    checkpoint.save(path, loaded)
    result = cli("train", "--engine", "numpy", "--load", path, "--steps", "50", "--json")
    assert result.code == 1
    assert result.out == ""
    assert "finite" in result.err
    assert result.err.count("\n") == 1


def start(*arguments: str | Path, **kwargs) -> subprocess.Popen[str]:
    """The real program, with the numpy engine and more steps than anyone waits for."""
    command = [sys.executable, "-m", "eetui.tui", "train", *QUICK, "--steps", "100000000"]
    return subprocess.Popen(
        [*command, *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **kwargs,
    )


def test_interrupt_saves_and_says_so(tmp_path):
    path = tmp_path / "run.safetensors"
    process = start("--save", path, "--jsonl")
    assert process.stdout is not None
    for _ in range(10):
        process.stdout.readline()
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=20)
    assert process.returncode == 130
    assert "Interrupted at step" in err
    assert str(path) in err
    assert "Traceback" not in err
    loaded = checkpoint.load(path)
    assert loaded.state.step >= 10
    assert loaded.vocabulary == load_dataset().vocabulary


def test_interrupt_without_save_writes_nothing(tmp_path):
    folder = tmp_path / "empty"
    folder.mkdir()
    process = start("--jsonl", cwd=folder)
    assert process.stdout is not None
    process.stdout.readline()
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=20)
    assert process.returncode == 130
    assert os.listdir(folder) == []


def test_broken_pipe_is_quiet():
    process = start("--jsonl")
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.readline()
    process.stdout.close()
    assert process.wait(timeout=20) == 1
    assert process.stderr.read() == ""
    process.stderr.close()


@pytest.mark.skipif(not Path("/dev/full").is_char_device(), reason="has no /dev/full")
@pytest.mark.parametrize("output", ["--json", "--jsonl"])
def test_a_full_disk_is_told(output):
    command = [sys.executable, "-m", "eetui.tui", "train", *QUICK, "--steps", "9", output]
    with open("/dev/full", "w") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, timeout=20)
    assert done.returncode == 1
    assert "no space left" in done.stderr
    assert done.stderr.count("\n") == 1


def test_closed_streams_do_not_matter():
    code = f"exec {sys.executable} -m eetui.tui {' '.join(QUICK)} --steps 9 <&- >&-"
    done = subprocess.run(["/bin/sh", "-c", code], stderr=subprocess.PIPE, text=True, timeout=20)
    assert (done.returncode, done.stderr) == (0, "")
