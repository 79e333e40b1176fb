"""The ladder screen: it pauses the training, shows rungs as they come, and can be left at once."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest

from eetui.core.errors import EngineError
from eetui.core.run.commands import Pause, Resume
from eetui.core.run.snapshot import Status
from eetui.tui.action_search import ActionCommands
from eetui.tui.actions import ACTIONS, LADDER_ACTIONS
from eetui.tui.screens.ladder import LadderScreen
from eetui.tui.screens.main import MainScreen
from tests.support.screens import COMPACT, FULL, main_screen, text, toasts, until
from tests.support.scripted import RUNG_US, ladder


def seen(pilot, selector="#waterfall") -> str:
    return text(pilot.app.screen.query_one(selector))


async def climb(pilot) -> None:
    await pilot.press("C")
    await until(pilot, lambda: isinstance(pilot.app.screen, LadderScreen))


def climbing() -> bool:
    return any(thread.name == "climbing" for thread in threading.enumerate())


async def test_training_pauses_and_goes_on_afterwards(screen, session, measuring):
    async with screen() as pilot:
        await climb(pilot)
        assert session.commands == [Pause()]
        measuring.climbs.put(ladder(3, "round 1 of 11"))
        await until(pilot, lambda: "training paused at step 4,230" in seen(pilot, "#head"))
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(pilot.app.screen, MainScreen))
        assert session.commands == [Pause(), Resume()]
        await until(pilot, lambda: main_screen(pilot).snapshot.status is Status.RUNNING)


@pytest.mark.parametrize("status", [Status.PAUSED, Status.FINISHED, Status.DIVERGED])
async def test_training_that_stood_still_stays_as_it_was(screen, session, status):
    session.latest = replace(session.latest, status=status)
    async with screen() as pilot:
        await climb(pilot)
        await pilot.press("q")
        await until(pilot, lambda: isinstance(pilot.app.screen, MainScreen))
        assert session.commands == []


@pytest.mark.parametrize("size", [FULL, COMPACT])
async def test_rungs_appear_as_they_are_measured(screen, measuring, size):
    async with screen(size) as pilot:
        await climb(pilot)
        measuring.climbs.put(ladder(2, "round 1 of 11"))
        await until(pilot, lambda: "53.5 %" in seen(pilot))
        rows = {line.split("  ")[0]: line for line in seen(pilot).splitlines()}
        assert "█" in rows["padding skip"]
        assert rows["padding skip"].endswith("2.15×   34 %")
        assert "–" in rows["vector width: 8"]
        assert "round 1 of 11" in seen(pilot, "#head")
        measuring.climbs.put(ladder())
        await until(
            pilot, lambda: "96.4× together (65.1× to 186×), 3,713 → 38.5 us/step" in seen(pilot)
        )
        rows = {line.split("  ")[0]: line for line in seen(pilot).splitlines()}
        assert "-1.0 %" in rows["fused passes"]
        assert "no matrix unit" in rows["∅ products: sme2"]
        assert len(rows) >= len(RUNG_US) + 4
        assert "11 rounds done" in seen(pilot, "#head")


async def test_leaving_ends_the_climb(screen, measuring):
    async with screen() as pilot:
        await climb(pilot)
        measuring.climbs.put(ladder(1, "round 1 of 11"))
        await until(pilot, lambda: "1.00×" in seen(pilot))
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(pilot.app.screen, MainScreen))
        measuring.climbs.put(ladder(2, "round 1 of 11"))  # the block that was being measured
        await until(pilot, lambda: not climbing())


async def test_a_failure_is_told_and_what_was_measured_stays(screen, measuring):
    async with screen() as pilot:
        await climb(pilot)
        measuring.climbs.put(ladder(4, "round 1 of 11"))
        measuring.climbs.put(EngineError("The engine gave up."))
        await until(pilot, lambda: "The engine gave up." in toasts(pilot))
        await until(pilot, lambda: "ended early" in seen(pilot, "#head"))
        assert "45.8 %" in seen(pilot)


async def test_climbing_again_waits_for_the_end(screen, measuring):
    async with screen() as pilot:
        await climb(pilot)
        await pilot.press("r")
        assert toasts(pilot) == ["The climb is still under way."]
        measuring.climbs.put(ladder())
        measuring.climbs.put(None)
        await until(pilot, lambda: "together" in seen(pilot))
        await pilot.press("r")
        assert measuring.n_climbs == 2
        measuring.climbs.put(ladder(1, "round 1 of 11"))
        await until(pilot, lambda: "together" not in seen(pilot))


async def test_a_picture_of_the_ladder(screen, session, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    async with screen() as pilot:
        await climb(pilot)
        await pilot.press("w")
        picture = tmp_path / "eetui-ladder.svg"
        assert picture.read_text(encoding="utf-8").startswith("<svg")
        assert str(picture) in toasts(pilot)[0]


async def test_the_palette_offers_the_climb_and_only_where_it_can_be_done(screen, session):
    async with screen() as pilot:
        offered = [hit.text async for hit in ActionCommands(pilot.app.screen).discover()]
        assert next(a.title for a in ACTIONS if a.action == "climb") in offered
        await climb(pilot)
        left = [hit.text async for hit in ActionCommands(pilot.app.screen).discover()]
        assert left == [a.title for a in LADDER_ACTIONS]
