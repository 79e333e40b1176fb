"""`?` tells what the screen shows, and all of its keys."""

from __future__ import annotations

import pytest
from textual.widgets import Static

from eetui.tui import actions
from eetui.tui.actions import Action
from eetui.tui.screens.help import ABOUT, Help
from eetui.tui.screens.prompt import Prompt
from tests.support.runs import FakeRecording, fill
from tests.support.screens import COMPACT, NotedApp, settle, until

SCREENS = {
    "C": actions.LADDER_ACTIONS,
    "P": actions.LAB_ACTIONS,
    "V": actions.RACE_ACTIONS,
    "H": actions.RUNS_ACTIONS,
    "S": actions.SWEEP_ACTIONS,
}


@pytest.mark.parametrize("key", SCREENS)
async def test_each_screen_has_a_help_of_its_own(session, tmp_path, key: str) -> None:
    table: tuple[Action, ...] = SCREENS[key]
    fill(path := tmp_path / "runs.sqlite")
    async with NotedApp(session, FakeRecording(path, None)).run_test(size=COMPACT) as pilot:
        await settle(pilot)
        await pilot.press(key)
        await until(pilot, lambda: len(pilot.app.screen_stack) > 1)
        if isinstance(pilot.app.screen, Prompt):  # what to sweep
            await pilot.press("escape")
            await until(pilot, lambda: not isinstance(pilot.app.screen, Prompt))
        below = pilot.app.screen
        await pilot.press("question_mark")
        await until(pilot, lambda: isinstance(pilot.app.screen, Help))
        (section,) = (str(each.content) for each in pilot.app.screen.query(Static))
        assert ABOUT[table[0].group] in section
        assert all(action.title in section for action in table)
        await pilot.press("question_mark")
        await until(pilot, lambda: pilot.app.screen is below)
