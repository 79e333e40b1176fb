"""`eetui export` and `eetui replay --check` from the command line."""

from __future__ import annotations

import json

QUICK = ("train", "--engine", "numpy", "--d-model", "8", "--steps", "60")


def test_a_run_comes_out_the_same(cli, tmp_path):
    cli(*QUICK)
    path = tmp_path / "run.eetui"
    written = json.loads(cli("export", "last", path, "--json").out)
    assert (written["file"], written["steps"]) == (str(path), 60)
    assert path.stat().st_size == written["bytes"] < 10_000
    result = cli("replay", path, "--check")
    assert (result.code, result.err) == (0, "")
    assert "the same to the bit" in result.out
    printed = json.loads(cli("replay", path, "--check", "--json").out)
    assert printed["same"] is True
    assert printed["sameness"] == "bit"


def test_a_capsule_with_its_own_data(cli, tmp_path):
    data = tmp_path / "words.txt"
    data.write_text("\n".join(f"word{i % 23}" for i in range(50)))
    cli(*QUICK, "--data", data)
    alone, whole = tmp_path / "alone.eetui", tmp_path / "whole.eetui"
    cli("export", "last", alone)
    cli("export", "last", whole, "--with-data")
    data.rename(tmp_path / "moved.txt")
    assert cli("replay", whole, "--check").code == 0
    refused = cli("replay", alone, "--check")
    assert refused.code == 2
    assert "name it with --data" in refused.err
    assert cli("replay", alone, "--check", "--data", tmp_path / "moved.txt").code == 0


def test_a_run_that_began_with_a_checkpoint(cli, tmp_path):
    saved, moved = tmp_path / "saved.safetensors", tmp_path / "moved.safetensors"
    cli(*QUICK, "--save", saved)
    cli("train", "--load", saved, "--steps", "90", "--engine", "numpy")
    alone, whole = tmp_path / "alone.eetui", tmp_path / "whole.eetui"
    for path, options in ((alone, ()), (whole, ("--with-data",))):
        assert cli("export", "last", path, *options).code == 0
        assert "the same to the bit" in cli("replay", path, "--check").out
    saved.rename(moved)
    assert "the same to the bit" in cli("replay", whole, "--check").out
    refused = cli("replay", alone, "--check")
    assert refused.code == 2
    assert "name it with --checkpoint" in refused.err
    assert "to the bit" in cli("replay", alone, "--check", "--checkpoint", moved).out


def test_what_cannot_be_replayed(cli, tmp_path):
    (tmp_path / "other.eetui").write_text("hello")
    for arguments, words in (
        (("replay", tmp_path / "none.eetui", "--check"), "There is no file"),
        (("replay", tmp_path / "other.eetui", "--check"), "no capsule"),
        (("replay", tmp_path / "other.eetui", "--json"), "--json goes with --check"),
        (("export", "nobody", tmp_path / "x.eetui"), "There is no run"),
        (("replay", tmp_path / "other.eetui", "--speed", "200"), "100"),
    ):
        result = cli(*arguments)
        assert result.code == 2
        assert words in result.err


def test_a_replay_needs_a_terminal(cli, tmp_path):
    cli(*QUICK)
    cli("export", "last", tmp_path / "run.eetui")
    result = cli("replay", tmp_path / "run.eetui")
    assert result.code == 2
    assert "needs a terminal" in result.err


def test_an_export_replaces_nothing(cli, tmp_path):
    cli(*QUICK)
    path = tmp_path / "run.eetui"
    first, second = (json.loads(cli("export", "last", path, "--json").out) for _ in range(2))
    assert second["file"] == str(tmp_path / "run-2.eetui")
    assert first["file"] != second["file"]
    assert cli("export", "last", tmp_path / "run.txt").code == 2
