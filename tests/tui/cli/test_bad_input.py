"""Every bad request gets one sentence on stderr, nothing on stdout, and the right exit code."""

from __future__ import annotations

from pathlib import Path

import pytest

TRAIN = ("train", "--engine", "numpy", "--steps", "3")

BAD = {
    "unknown command": (("trian",), "No such command 'trian'"),
    "unknown option": ((*TRAIN, "--d-mode", "3"), "--d-model"),
    "unknown engine": (("train", "--engine", "jax"), "numba, numpy"),
    "option before the command": (("--seed", "1", "train"), "behind the command"),
    "d_model not a multiple of 4": ((*TRAIN, "--d-model", "30"), "multiple of 4"),
    "d_model no number": ((*TRAIN, "--d-model", "big"), "--d-model"),
    "d_model with a fraction": ((*TRAIN, "--d-model", "8.0"), "must be a whole number, not '8.0'."),
    "a batch of truth": ((*TRAIN, "--batch", "True"), "must be a whole number, not 'True'."),
    "d_model 0": ((*TRAIN, "--d-model", "0"), "d_model"),
    "heads that do not divide": ((*TRAIN, "--heads", "5"), "n_heads must divide"),
    "no layers": ((*TRAIN, "--layers", "0"), "n_layers"),
    "block of 1": ((*TRAIN, "--block-size", "1"), "block_size"),
    "unknown activation": ((*TRAIN, "--activation", "gelu"), "relu2"),
    "batch too large": ((*TRAIN, "--batch", "513"), "batch"),
    "no steps": (("train", "--engine", "numpy", "--steps", "0"), "steps"),
    "learning rate 0": ((*TRAIN, "--lr", "0"), "learning rate"),
    "learning rate nan": ((*TRAIN, "--lr", "nan"), "learning rate"),
    "unknown schedule": ((*TRAIN, "--schedule", "step"), "cosine"),
    "negative seed": ((*TRAIN, "--seed", "-1"), "seed"),
    "unknown toggle": ((*TRAIN, "--set", "turbo=on"), "padding_skip"),
    "toggle without a value": ((*TRAIN, "--set", "padding_skip"), "KEY=VALUE"),
    "toggle with a bad value": ((*TRAIN, "--set", "padding_skip=maybe"), "off, on"),
    "toggle that the engine lacks": ((*TRAIN, "--set", "fast_exp=on"), "not possible here"),
    "temperature 0": ((*TRAIN, "--temperature", "0"), "temperature"),
    "prefix of unknown characters": ((*TRAIN, "--prefix", "Zoë"), "'Z'"),
    "prefix without room": ((*TRAIN, "--prefix", "a" * 16), "at most 15"),
    "two kinds of output": ((*TRAIN, "--json", "--jsonl"), "either --json or --jsonl"),
    "no such data": ((*TRAIN, "--data", "/nowhere/words.txt"), "no file"),
    "a folder as data": ((*TRAIN, "--data", "/"), "folder"),
    "no such checkpoint": ((*TRAIN, "--load", "/nowhere/run"), "no file"),
    "a folder as checkpoint": ((*TRAIN, "--load", "/"), "folder"),
    "save into no folder": ((*TRAIN, "--save", "/nowhere/run"), "no folder"),
    "save onto a folder": ((*TRAIN, "--save", "/"), "is a folder"),
    "sample of nothing": (("sample",), "--load"),
    "sample without a checkpoint": (("sample", "--load", "/nowhere/run"), "no file"),
    "sample of none": (("sample", "--load", "run", "--n", "0"), "--n"),
    "no repeats": (("bench", "--engine", "numpy", "--repeats", "0"), "repeats"),
    "extra argument": ((*TRAIN, "more"), "more"),
}


@pytest.mark.parametrize("name", BAD)
def test_usage_errors(cli, name):
    arguments, words = BAD[name]
    result = cli(*arguments)
    assert result.code == 2
    assert result.out == ""
    assert result.err.startswith("eetui: ")
    assert result.err.endswith("\n")
    assert result.err.count("\n") == 1
    assert words in result.err


def checkpoint_of(cli, tmp_path: Path, *arguments: str) -> Path:
    path = tmp_path / "run.safetensors"
    assert cli(*TRAIN, *arguments, "--save", path).code == 0
    return path


def test_a_foreign_checkpoint_is_refused(cli, tmp_path):
    path = tmp_path / "cat.png"
    path.write_bytes(b"\x89PNG\r\n" + bytes(500))
    for command in (("train", "--engine", "numpy"), ("sample",)):
        result = cli(*command, "--load", path)
        assert result.code == 2
        assert "damaged or no checkpoint" in result.err


def test_a_checkpoint_keeps_its_shape(cli, tmp_path):
    path = checkpoint_of(cli, tmp_path, "--d-model", "16")
    result = cli("train", "--engine", "numpy", "--load", path, "--d-model", "32")
    assert result.code == 2
    assert "has d_model 16" in result.err


def test_a_checkpoint_wants_its_own_characters(cli, tmp_path):
    path = checkpoint_of(cli, tmp_path, "--d-model", "16")
    data = tmp_path / "words.txt"
    data.write_text("ab\nba\n")
    for command in (("train", "--engine", "numpy"), ("sample",)):
        result = cli(*command, "--load", path, "--data", data)
        assert result.code == 2
        assert "characters" in result.err


def test_nothing_is_trained_if_it_could_not_be_saved(cli, tmp_path, monkeypatch):
    monkeypatch.setattr("os.access", lambda *_: False)
    result = cli(*TRAIN, "--save", tmp_path / "run.safetensors")
    assert result.code == 2
    assert "may not be written to" in result.err
