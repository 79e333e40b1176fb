"""Of a screen that is left the parts go first: what still comes to it finds none."""

from __future__ import annotations

import asyncio

import pytest
from textual.css.query import NoMatches

from eetui.tui.app import EetuiApp
from eetui.tui.messages import Raced
from eetui.tui.screens.race import RaceScreen
from eetui.tui.widgets.league_table import LeagueTable
from tests.support.screens import until


async def test_a_message_or_timer_that_comes_while_it_closes_does_nothing(screen, monkeypatch):
    async with screen() as pilot:
        await pilot.press("V")
        await until(pilot, lambda: isinstance(pilot.app.screen, RaceScreen))
        left, called = pilot.app.screen, asyncio.Event()

        def look() -> None:
            called.set()
            left.query_one(LeagueTable)

        await left.remove_children()
        monkeypatch.setattr(EetuiApp, "return_code", 0)  # as when the program is told to end
        left.post_message(Raced(left.league))
        left.set_timer(0.001, look)
        await asyncio.wait_for(called.wait(), 10)
        await pilot.pause()
        assert pilot.app.is_running


async def test_a_part_that_a_screen_misses_while_it_is_shown_is_an_error(screen):
    async def miss_a_part() -> None:
        async with screen() as pilot:
            pilot.app.screen.set_timer(0.001, lambda: pilot.app.screen.query_one("#none"))
            await until(pilot, lambda: not pilot.app.is_running)

    with pytest.raises(NoMatches):
        await miss_a_part()
