"""The command line called in this process, away from the person's own settings."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from eetui.tui.cli import main


class Result(NamedTuple):
    """What a command left behind."""

    code: int
    out: str
    err: str


Cli = Callable[..., Result]


@pytest.fixture(autouse=True)
def own_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home for the configuration file, which is returned and does not exist yet."""
    for name in os.environ:
        if name.startswith("EETUI_"):
            monkeypatch.delenv(name)
    home = tmp_path / "home"
    for kind in ("CONFIG", "STATE", "DATA"):
        monkeypatch.setenv(f"XDG_{kind}_HOME", str(home / kind.lower()))
    config = home / "config" / "eetui" / "config.toml"
    config.parent.mkdir(parents=True)
    return config


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str]) -> Cli:
    """Run `eetui` with arguments."""

    def run(*arguments: str | Path) -> Result:
        code = main([str(argument) for argument in arguments])
        return Result(code, *capsys.readouterr())

    return run
