"""What a path that is typed may become."""

from __future__ import annotations

from pathlib import Path

import pytest

from eetui.core.completion import completions, shared_beginning


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("run-1.safetensors", "run-2.safetensors", "other.txt", ".hidden.safetensors"):
        (tmp_path / name).touch()
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "deep.safetensors").touch()
    (tmp_path / "bell\a.safetensors").touch()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


def test_files_of_the_kind_and_folders(folder: Path) -> None:
    assert completions("", ".safetensors") == ["run-1.safetensors", "run-2.safetensors", "runs/"]
    assert completions("run-2", ".safetensors") == ["run-2.safetensors"]
    assert completions("runs/", ".safetensors") == ["runs/deep.safetensors"]
    assert completions(".", ".safetensors") == [".hidden.safetensors"]
    assert completions(f"{folder}/o", ".txt") == [f"{folder}/other.txt"]
    assert completions("~/run-1", ".safetensors") == ["~/run-1.safetensors"]


@pytest.mark.parametrize("typed", ["nowhere/x", "other.txt/x", "~nobody-here/x", "a\0/b"])
def test_places_that_are_not_there_have_nothing(folder: Path, typed: str) -> None:
    assert completions(typed, ".safetensors") == []


def test_a_beginning_is_shared_letter_by_letter() -> None:
    assert shared_beginning(["run-1.st", "run-2.st", "runs/"]) == "run"
    assert shared_beginning(["run-1.st"]) == "run-1.st"
    assert shared_beginning(["a", "b"]) == ""
