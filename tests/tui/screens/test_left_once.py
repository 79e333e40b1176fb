"""A key that is pressed again before its screen is gone leaves the screen below alone."""

from __future__ import annotations

import pytest
from textual import events
from textual.widgets import Button

from eetui.tui.screens.main import MainScreen
from eetui.tui.screens.palette import Palette
from tests.support.screens import until

SCREENS = {"main": 1, "dialog": 2}


@pytest.mark.parametrize(
    ("opened", "pressed"),
    [
        ("s", "enter"), ("s", "escape"), ("colon", "enter"), ("R", "n"), ("R", "y"),
        ("c", "escape"), ("question_mark", "escape"), ("ctrl+p", "escape"), ("V", "escape"),
        ("C", "escape"), ("P", "escape"),
    ],
)  # fmt: skip
async def test_keys_that_are_pressed_at_once(screen, opened, pressed):
    async with screen() as pilot:
        app = pilot.app
        await pilot.press(opened)
        await until(pilot, lambda: len(app.screen_stack) == SCREENS["dialog"])
        await pilot.pause()
        for _ in range(4):
            app.simulate_key(pressed)
        await until(pilot, lambda: len(app.screen_stack) <= SCREENS["main"])
        await pilot.pause()
        assert isinstance(app.screen, MainScreen)
        assert app.is_running


async def test_a_button_and_a_key_at_once(screen):
    async with screen() as pilot:
        await pilot.press("R")
        await until(pilot, lambda: bool(pilot.app.screen.query(Button)))
        cancel = pilot.app.screen.query_one("#no", Button)
        cancel.press()
        cancel.press()
        cancel.press()
        await until(pilot, lambda: len(pilot.app.screen_stack) <= SCREENS["main"])
        await pilot.pause()
        assert isinstance(pilot.app.screen, MainScreen)


async def test_a_palette_is_opened_again_while_the_last_one_goes(screen):
    async with screen() as pilot:
        app = pilot.app
        app.action_command_palette()
        app.screen.dismiss()
        app.action_command_palette()
        await pilot.pause()
        assert isinstance(app.screen, Palette)


async def test_a_key_that_was_on_its_way_when_the_program_ended(screen):
    async with screen() as pilot:
        app = pilot.app
    assert not app.screen_stack
    await app.on_event(events.Key("n", "n"))
