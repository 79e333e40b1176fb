"""The labs screen: a guess, the measurement beside it, the verdict, and what is handed in."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from textual.widgets import Input, OptionList

from eetui.core.errors import EngineError
from eetui.core.run.commands import Pause, Resume
from eetui.tui.screens.labs import LabScreen
from eetui.tui.screens.main import MainScreen
from tests.support.screens import COMPACT, FULL, text, toasts, until
from tests.support.scripted_lab import padding_skip


def page(pilot) -> str:
    return text(pilot.app.screen.query_one("#page"))


async def labs(pilot) -> None:
    await pilot.press("P")
    await until(pilot, lambda: isinstance(pilot.app.screen, LabScreen))
    await until(pilot, lambda: "block has 16 positions" in page(pilot))


async def guess(pilot, *keys: str) -> None:
    await pilot.press("enter")
    await until(pilot, lambda: isinstance(pilot.app.focused, Input))
    await pilot.press(*keys, "enter")


@pytest.mark.parametrize("size", [FULL, COMPACT])
async def test_a_guess_is_measured_and_scored(screen, session, measuring, size):
    async with screen(size) as pilot:
        await labs(pilot)
        assert session.commands == [Pause()]
        await guess(pilot, "2", ".", "3")
        measuring.lessons.put(padding_skip(0.5))
        await until(pilot, lambda: "50 %" in page(pilot))
        measuring.lessons.put(padding_skip())
        await until(pilot, lambda: "10 of 10 points" in page(pilot))
        assert "your guess   2.3 times" in page(pilot)
        assert "The fastest operation is the one that is not done" in page(pilot)
        assert "10 of 10 points" in text(pilot.app.screen.query_one("#head"))
        assert "10/10" in text(pilot.app.screen.query_one("#lessons"))
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(pilot.app.screen, MainScreen))
        assert session.commands == [Pause(), Resume()]


async def test_what_is_no_guess_is_refused_and_asked_for_again(screen, measuring):
    async with screen() as pilot:
        await labs(pilot)
        await guess(pilot, "x")
        await until(pilot, lambda: any("number above 0" in toast for toast in toasts(pilot)))
        assert isinstance(pilot.app.focused, Input)
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(pilot.app.focused, OptionList))
        assert isinstance(pilot.app.screen, LabScreen)


async def test_another_lesson_waits_until_the_measurement_is_over(screen, measuring):
    async with screen() as pilot:
        await labs(pilot)
        await guess(pilot, "2")
        measuring.lessons.put(padding_skip(0.5))
        await until(pilot, lambda: "50 %" in page(pilot))
        await pilot.press("down", "enter")
        await until(pilot, lambda: any("still under way" in toast for toast in toasts(pilot)))
        assert "block has 16 positions" in page(pilot)


async def test_a_measurement_that_fails_leaves_the_lessons_as_they_were(screen, measuring):
    async with screen() as pilot:
        await labs(pilot)
        await guess(pilot, "2")
        measuring.lessons.put(EngineError("The engine [/broke]."))
        await until(pilot, lambda: any("The engine [/broke]." in t for t in toasts(pilot)))
        assert pilot.app.screen.measuring is None
        assert "points" not in page(pilot)


async def test_results_are_handed_in_as_files(screen, measuring, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    async with screen() as pilot:
        await labs(pilot)
        await pilot.press("e")
        await until(pilot, lambda: any("no results yet" in toast for toast in toasts(pilot)))
        await guess(pilot, "2")
        measuring.lessons.put(padding_skip())
        await until(pilot, lambda: "of 10 points" in page(pilot))
        await pilot.press("e")
        await until(pilot, lambda: Path("eetui-labs.json").exists())
    found = json.loads(Path("eetui-labs.json").read_text())
    assert found["lessons"][0]["lesson"] == "useless-work"
    assert "# Labs" in Path("eetui-labs.md").read_text()
