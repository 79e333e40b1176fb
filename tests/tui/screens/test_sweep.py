"""The sweep screen: it asks, fills in as results come, and every key does what it says."""

from __future__ import annotations

from dataclasses import replace

import pytest
from textual.widgets import Input

from eetui.core.run.commands import Pause
from eetui.tui.messages import GoOnWith
from eetui.tui.screens.prompt import Prompt
from eetui.tui.screens.sweep import SweepScreen
from tests.support.screens import COMPACT, FULL, text, title, toasts, until
from tests.support.scripted_sweep import Sweeping, swept


@pytest.fixture
def sweeping(monkeypatch):
    scripted = Sweeping()
    monkeypatch.setattr("eetui.tui.screens.sweep.start_sweep", scripted.start)
    yield scripted
    scripted.end()


def sweep_screen(pilot) -> SweepScreen:
    return next(s for s in pilot.app.screen_stack if isinstance(s, SweepScreen))


def seen(pilot, selector="#league") -> str:
    return text(sweep_screen(pilot).query_one(selector))


async def begin(pilot, sweeping, typed="--lr 0.001..0.03 --aim loss@1s"):
    """Open the screen, answer its question, and show a sweep in its midst."""
    await pilot.press("S")
    await until(pilot, lambda: isinstance(pilot.app.screen, Prompt))
    pilot.app.screen.query_one(Input).value = typed
    await pilot.press("enter")
    await until(pilot, lambda: bool(sweeping.sweeps))
    sweep = sweeping.sweeps[-1]
    sweep.shown.put(shown := swept())
    await until(pilot, lambda: sweep_screen(pilot).progress is shown)
    await pilot.pause()
    return sweep


@pytest.mark.parametrize("size", [FULL, COMPACT])
async def test_the_map_the_front_and_the_league_fill_in(screen, session, sweeping, size):
    async with screen(size) as pilot:
        sweep = await begin(pilot, sweeping)
        assert session.commands == [Pause()]
        assert dict(sweep.request.space) == {"lr": "0.001..0.03"}
        assert sweep.request.aim == "loss@1s"
        league = seen(pilot).splitlines()
        assert "2.0048" in league[1]
        assert "▸" in league[1]
        await pilot.press("end")
        assert "✂" in seen(pilot)
        assert "2.00█" in seen(pilot, "#map")
        assert "▶" in seen(pilot, "#map")
        assert "12 of 40" not in seen(pilot, "#head")
        assert "13 of 40 points" in seen(pilot, "#head")
        assert "1:04 left" in seen(pilot, "#head")


async def test_the_cursor_moves_along_the_league_and_the_front(screen, sweeping):
    async with screen() as pilot:
        await begin(pilot, sweeping)
        first = seen(pilot).splitlines()[1]
        await pilot.press("j")
        assert "▸" in seen(pilot).splitlines()[2]
        await pilot.press("f")
        await pilot.press("home")
        assert seen(pilot).splitlines()[1] == first
        assert "learning_rate  ━" in seen(pilot, "#importance")


async def test_what_matters_has_a_view_of_its_own_where_there_is_no_room_beside(screen, sweeping):
    async with screen(COMPACT) as pilot:
        await begin(pilot, sweeping)
        pane = sweep_screen(pilot).query_one("#importance")
        assert not pane.display
        await pilot.press("z", "z", "z", "z")
        await until(pilot, lambda: pane.display)
        assert "learning_rate  ━" in seen(pilot, "#importance")
        await pilot.press("z")
        await until(pilot, lambda: not pane.display)


async def test_the_axes_of_the_map_change(screen, sweeping):
    async with screen() as pilot:
        await begin(pilot, sweeping)
        pane = sweep_screen(pilot).query_one("#map")
        assert title(pane).endswith("x d_model   y learning_rate")
        await pilot.press("x")
        assert title(pane).endswith("x learning_rate   y d_model")


async def test_it_pauses_goes_on_and_stops(screen, sweeping):
    async with screen() as pilot:
        sweep = await begin(pilot, sweeping)
        await pilot.press("space")
        assert sweep.is_paused
        await pilot.press("space")
        assert not sweep.is_paused
        await pilot.press("s")
        assert sweep.stopped
        await until(pilot, lambda: "over" in seen(pilot, "#head"))
        await pilot.press("n")
        await until(pilot, lambda: isinstance(pilot.app.screen, Prompt))
        assert pilot.app.screen.query_one(Input).value == '"amber heron"'


async def test_enter_opens_a_point_as_a_live_run(screen, sweeping, monkeypatch):
    asked = []
    async with screen() as pilot:
        await begin(pilot, sweeping)
        monkeypatch.setattr(type(pilot.app), "on_go_on_with", lambda self, m: asked.append(m))
        await pilot.press("enter")
        await until(pilot, lambda: bool(asked))
        assert isinstance(asked[0], GoOnWith)
        assert asked[0].run == "0242"


async def test_leaving_stops_the_sweep(screen, sweeping):
    async with screen() as pilot:
        sweep = await begin(pilot, sweeping)
        await pilot.press("escape")
        await until(pilot, lambda: sweep.stopped)


async def test_what_cannot_be_read_is_said(screen, sweeping):
    async with screen() as pilot:
        await pilot.press("S")
        await until(pilot, lambda: isinstance(pilot.app.screen, Prompt))
        pilot.app.screen.query_one(Input).value = "--lr"
        await pilot.press("enter")
        said = "reads as on the command line"
        await until(pilot, lambda: any(said in toast for toast in toasts(pilot)))
        assert not sweeping.sweeps


async def test_what_goes_wrong_on_the_way_is_said(screen, sweeping):
    async with screen() as pilot:
        sweep = await begin(pilot, sweeping)
        sweep.shown.put(ValueError("It broke."))
        await until(pilot, lambda: "It broke." in toasts(pilot))
        assert "2.0048" in seen(pilot)


async def test_text_from_a_study_is_no_markup(screen, sweeping):
    async with screen() as pilot:
        sweep = await begin(pilot, sweeping)
        sweep.shown.put(replace(swept(doing=""), study="[b]\x1b[31mred"))
        await until(pilot, lambda: "[b]" in seen(pilot, "#head"))
        assert "\x1b" not in seen(pilot, "#head")


async def test_the_head_has_room_for_what_matters_at_80_columns(screen, sweeping):
    async with screen(COMPACT) as pilot:
        await begin(pilot, sweeping)
        what, how_far = seen(pilot, "#head").splitlines()
        assert what.rstrip().endswith("2 workers")
        assert how_far.startswith("━")
        assert how_far.rstrip().endswith("1:04 left")  # no room for what the training does
