"""Ghosts on the screen: a row and a faint line with a number for each, and G."""

from __future__ import annotations

from dataclasses import replace

import pytest

from eetui.core.curves.distance import Distance
from eetui.core.curves.history import Curve
from eetui.core.run.commands import EndGhost, Pause, Resume, ToggleGhost
from eetui.core.run.snapshot import GhostView, Snapshot, Status
from eetui.tui.app import EetuiApp
from eetui.tui.screens.ladder import LadderScreen
from tests.support.screens import COMPACT, FULL, main_screen, settle, shown, text, until
from tests.support.scripted import ScriptedSession, snapshot

HIGHER = Distance(0.0305, 0.0241, 0.0369, 2600, 4200)
SIZES = pytest.mark.parametrize("size", [FULL, COMPACT], ids=["120x40", "80x24"])


def ghost(number: int = 1, distance: Distance | None = HIGHER, **changes) -> GhostView:
    line = snapshot().curve
    late = line.steps > 1000
    curve = Curve(line.steps[late], line.seconds[late], line.loss[late] - 0.05, line.us[late])
    view = GhostView(number, "lr 0.004", 1000, 4_200, 2.05, curve, distance)
    return replace(view, **changes)


def haunted(*ghosts: GhostView, **changes) -> Snapshot:
    return snapshot(ghosts=ghosts, ghost_share=0.497, **changes)


@SIZES
async def test_each_has_a_row_that_tells_how_far_the_run_is_from_it(size) -> None:
    views = (
        ghost(),
        ghost(2, Distance(-0.021, -0.027, -0.015, 0, 1), label="batch 8"),
        ghost(3, Distance(0.0003, -0.0012, 0.0018, 0, 1)),
        ghost(4, None, ended="it diverged at step 14,000"),
    )
    async with EetuiApp(ScriptedSession(haunted(*views))).run_test(size=size) as pilot:
        await settle(pilot)
        rows = shown(pilot, "#ghosts").splitlines()
        assert "ghost 1 lr 0.004" in rows[0]
        assert "this run 0.030 nats higher (0.024 to 0.037)" in rows[0]
        assert "this run 0.021 nats lower (0.015 to 0.027)" in rows[1]
        assert "no difference found (-0.001 to +0.002 nats)" in rows[2]
        assert "it diverged at step 14,000" in rows[3]
        assert all("G  end" in row for row in rows)


@SIZES
async def test_the_header_says_what_they_cost(size) -> None:
    session = ScriptedSession(haunted(ghost(), core_share=0.4))
    async with EetuiApp(session).run_test(size=size) as pilot:
        await settle(pilot)
        plan = shown(pilot, "#plan")
        assert "ghosts" in plan
        assert "50 %" in plan
        assert "of 1" in plan.split("%")[-1]  # the plan is not cut off


@SIZES
async def test_its_line_carries_its_number(size) -> None:
    session = ScriptedSession(haunted(ghost(), ghost(3, label="batch 8")))
    async with EetuiApp(session).run_test(size=size) as pilot:
        await settle(pilot)
        chart = main_screen(pilot).query_one("#loss")
        canvas = "".join(line[7:] for line in text(chart).splitlines()[:-2])
        assert "1" in canvas
        assert "3" in canvas
        session.publish(ghosts=())
        await until(pilot, lambda: not main_screen(pilot).query_one("#ghosts").display)


async def test_a_key_begins_and_ends_and_a_click_ends_one() -> None:
    session = ScriptedSession(haunted(ghost(), ghost(2)))
    async with EetuiApp(session).run_test(size=FULL) as pilot:
        await settle(pilot)
        await pilot.press("G")
        assert session.commands == [ToggleGhost()]
        row = shown(pilot, "#ghosts").splitlines()[1]
        await pilot.click("#ghosts", offset=(row.rindex("G") + 2, 1))
        await until(pilot, lambda: session.commands[1:] == [EndGhost(2)])


@pytest.mark.parametrize("size", [FULL, COMPACT, (100, 30), (60, 20)])
async def test_the_footer_names_the_key(size) -> None:
    async with EetuiApp(ScriptedSession()).run_test(size=size) as pilot:
        await settle(pilot)
        seen = shown(pilot, "KeyBar")
        assert "G ghost" in seen
        assert "q quit" in seen or size[0] < 80
        await pilot.press("question_mark")
        assert "G  Ghost" in "".join(text(each) for each in pilot.app.screen.query("Static"))


async def test_a_measurement_on_another_screen_stops_them_too(measuring) -> None:
    session = ScriptedSession(haunted(ghost(), status=Status.FINISHED))
    async with EetuiApp(session).run_test(size=FULL) as pilot:
        await settle(pilot)
        await pilot.press("C")
        await until(pilot, lambda: isinstance(pilot.app.screen, LadderScreen))
        assert session.commands == [Pause()]
        await pilot.press("escape")
        await until(pilot, lambda: session.commands == [Pause(), Resume()])
