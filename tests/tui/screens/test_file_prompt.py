"""A file is chosen from a list, completed, or typed, and the name that is shown is written."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.widgets import Input, OptionList

from eetui.core.run.commands import Load, Save
from tests.support.screens import text, until


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("run-1.safetensors", "run-2.safetensors", "notes.txt"):
        (tmp_path / name).touch()
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "run-0.safetensors").touch()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def listed(pilot) -> list[str]:
    box = pilot.app.screen.query_one(OptionList)
    return [str(box.get_option_at_index(i).prompt) for i in range(box.option_count)]


def whole(pilot) -> str:
    """The path below the list, which may wrap."""
    return text(pilot.app.screen.query_one("#whole")).replace("\n", "")


async def test_opening_from_the_list(screen, session, folder):
    async with screen() as pilot:
        await pilot.press("o")
        await until(pilot, lambda: bool(pilot.app.screen.query(OptionList)))
        await pilot.pause()
        assert listed(pilot) == ["old/", "run-1.safetensors", "run-2.safetensors"]
        await pilot.press("down", "down", "down", "enter")
        assert session.commands == [Load(Path("run-2.safetensors"))]


async def test_completing_into_a_folder(screen, session, folder):
    async with screen() as pilot:
        await pilot.press("o", "o", "tab")
        await pilot.pause()
        assert pilot.app.screen.query_one(Input).value == "old/"
        assert listed(pilot) == ["old/run-0.safetensors"]
        assert str(folder / "old") in whole(pilot)
        await pilot.press("enter", "tab", "enter")
        assert session.commands == [Load(Path("old/run-0.safetensors"))]


async def test_the_name_that_is_shown_is_the_name_that_is_written(screen, session, folder):
    async with screen() as pilot:
        await pilot.press("s")
        await pilot.pause()
        name = pilot.app.screen.query_one(Input).value
        assert name == "eetui-d32.safetensors"
        assert name in whole(pilot)
        await pilot.press("enter")
        assert session.commands == [Save(Path(name))]


async def test_the_name_that_is_proposed_is_not_taken(screen, session, folder):
    (folder / "eetui-d32.safetensors").touch()
    (folder / "eetui-d32-2.safetensors").symlink_to("nowhere")
    async with screen() as pilot:
        await pilot.press("s", "enter")
        assert session.commands == [Save(Path("eetui-d32-3.safetensors"))]
