"""The screen on a scripted session, at the two sizes that were designed."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import pytest
from textual.pilot import Pilot

from tests.support.screens import FULL, NotedApp, settle
from tests.support.scripted import ScriptedSession
from tests.support.scripted_race import Measuring

Open = Callable[..., AbstractAsyncContextManager[Pilot[int]]]


@pytest.fixture(autouse=True)
def measuring(monkeypatch: pytest.MonkeyPatch) -> Iterator[Measuring]:
    """What the ladder and the race show instead of measurements."""
    scripted = Measuring()
    monkeypatch.setattr("eetui.tui.screens.ladder.climb", scripted.climb)
    monkeypatch.setattr("eetui.tui.screens.race.race_on", scripted.race)
    monkeypatch.setattr("eetui.tui.screens.race.measure", scripted.measure)
    monkeypatch.setattr("eetui.tui.screens.labs.run", scripted.lab)
    yield scripted
    scripted.end()


@pytest.fixture
def session() -> ScriptedSession:
    """A run at step 4,230."""
    return ScriptedSession()


@pytest.fixture
def screen(session: ScriptedSession) -> Open:
    """`async with screen() as pilot` opens the program on `session`."""

    @asynccontextmanager
    async def opened(size: tuple[int, int] = FULL) -> AsyncIterator[Pilot[int]]:
        async with NotedApp(session).run_test(size=size, notifications=True) as pilot:
            await settle(pilot)
            yield pilot

    return opened
