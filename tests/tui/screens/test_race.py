"""The race screen: the training pauses, standings come live, and every key does what it says."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest
from textual.widgets import Input

from eetui.core.errors import EngineError, UsageError
from eetui.core.race.standing import ContestantStatus, Names
from eetui.core.run.commands import Pause, Resume
from eetui.core.run.snapshot import Status as SessionStatus
from eetui.tui.action_search import ActionCommands
from eetui.tui.actions import ACTIONS, RACE_ACTIONS
from eetui.tui.screens.main import MainScreen
from eetui.tui.screens.race import RaceScreen
from eetui.tui.widgets import contestant_pane
from tests.support.screens import COMPACT, FULL, main_screen, text, toasts, until
from tests.support.scripted_race import NO_TORCH, changed, league


def seen(pilot, selector="#league") -> str:
    return text(pilot.app.screen.query_one(selector))


def rows(pilot) -> dict[str, str]:
    """The rows of the league by contestant, in their order on the screen."""
    lines = [line[2:].split(maxsplit=2) for line in seen(pilot).splitlines()[1:] if line.strip()]
    return {parts[1]: " ".join(parts[2:]) for parts in lines}


def selected(pilot) -> str:
    return next(line.split()[2] for line in seen(pilot).splitlines() if line.startswith("▸"))


def alive(name: str) -> bool:
    return any(thread.name == name for thread in threading.enumerate())


async def begin(pilot, measuring, first=None):
    """Open the screen and wait until it shows `first`, a league in mid-race by default."""
    await pilot.press("V")
    await until(pilot, lambda: isinstance(pilot.app.screen, RaceScreen) and measuring.races)
    await publish(pilot, measuring, first or league())
    return measuring.races[-1]


async def publish(pilot, measuring, what) -> None:
    """Let the race publish a league until it is shown: not every one is, in a tenth of a second."""

    def is_shown() -> bool:
        if measuring.races[-1].leagues.empty() and pilot.app.screen.league is not what:
            measuring.races[-1].leagues.put(what)
        return pilot.app.screen.league is what

    await until(pilot, is_shown)
    await pilot.pause()


async def test_training_pauses_and_goes_on_afterwards(screen, session, measuring):
    async with screen() as pilot:
        race = await begin(pilot, measuring)
        assert session.commands == [Pause()]
        await publish(pilot, measuring, league(2.6))
        await until(pilot, lambda: "training paused at step 4,230" in seen(pilot, "#head"))
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(pilot.app.screen, MainScreen))
        assert session.commands == [Pause(), Resume()]
        await until(pilot, lambda: main_screen(pilot).snapshot.status is SessionStatus.RUNNING)
        race.leagues.put(league(2.7))  # the slice at hand
        await until(pilot, lambda: race.closed and not alive("racing"))


async def test_training_that_stood_still_stays_as_it_was(screen, session, measuring):
    session.latest = replace(session.latest, status=SessionStatus.PAUSED)
    async with screen() as pilot:
        await begin(pilot, measuring)
        await pilot.press("q")
        await until(pilot, lambda: isinstance(pilot.app.screen, MainScreen))
        assert session.commands == []


async def test_all_are_listed_before_anybody_has_taken_a_step(screen, measuring):
    async with screen() as pilot:
        await begin(pilot, measuring, league(0, "starting"))
        assert next(iter(rows(pilot))) == "scalar"
        assert rows(pilot)["tape"].endswith("○ waiting")
        assert rows(pilot)["torch"] == f"∅ cannot: {NO_TORCH}"
        assert "starting" in seen(pilot, "#head")


async def test_the_quickest_stands_first_with_its_figures(screen, measuring):
    async with screen() as pilot:
        await begin(pilot, measuring)
        order = ["native", "numba", "explicit", "tape", "vector", "rnn", "scalar"]
        assert list(rows(pilot)) == [*order, "native+matrix", "torch"]
        figures = rows(pilot)["native"].split()
        assert figures[:2] == ["2.04", "25,490×"]
        assert "1.25 s" in rows(pilot)["native"]  # below the threshold
        assert "4,192" in figures
        assert "21 ops for 16" in rows(pilot)["native"]
        assert rows(pilot)["native"].endswith("3.00  ▶ running")
        assert "57,012 nodes" in rows(pilot)["scalar"]
        assert "49,000  ▶ running" in rows(pilot)["scalar"]
        assert rows(pilot)["rnn"].startswith("†")
        title = pilot.app.screen.query_one("#league").border_subtitle
        assert "× over scalar on CPython 3.11.7" in title
        assert "† another model" in title


async def test_the_order_follows_the_race_and_the_cursor_its_contestant(screen, measuring):
    async with screen() as pilot:
        await begin(pilot, measuring)
        assert selected(pilot) == "native"  # the leader, until another is chosen
        await pilot.press("j", "down", "k")
        assert selected(pilot) == "numba"
        overtaken = changed(league(), "numba", steps=10**7, seconds=1.0)
        await publish(pilot, measuring, overtaken)
        assert list(rows(pilot))[:2] == ["numba", "native"]
        assert selected(pilot) == "numba"


async def test_every_order(screen, measuring):
    async with screen() as pilot:
        now = changed(changed(league(), "vector", loss=0.5), "explicit", held_out=0.5)
        await begin(pilot, measuring, changed(now, "tape", reached=0.001))
        for first in ("vector", "explicit", "tape", "scalar", "native"):
            await pilot.press("o")
            assert next(iter(rows(pilot))) == first
            assert list(rows(pilot))[-1] == "torch"  # who cannot race is last in any order


async def test_a_click_on_a_heading_sorts_by_it(screen, measuring):
    async with screen() as pilot:
        now = changed(changed(league(), "vector", loss=0.5), "explicit", held_out=0.5)
        await begin(pilot, measuring, changed(now, "tape", reached=0.001))
        table = pilot.app.screen.query_one("#league")
        headings = text(table).splitlines()[0]
        left = table.content_offset
        for heading, first in (
            ("loss", "vector"),
            ("held out", "explicit"),
            ("<", "tape"),
            ("contestant", "scalar"),
            ("speed-up", "native"),
        ):
            x = headings.index(heading)
            await pilot.click("#league", offset=(left.x + x, left.y))
            assert next(iter(rows(pilot))) == first


@pytest.mark.parametrize("size", [FULL, COMPACT])
async def test_every_status_has_a_glyph_and_a_word(screen, measuring, size):
    statuses = {
        "native": (ContestantStatus.COMPILING, "◌ compiling"),
        "numba": (ContestantStatus.OUT_OF_TIME, "■ out of time"),
        "explicit": (ContestantStatus.FINISHED, "✓ finished"),
        "tape": (ContestantStatus.SKIPPED, "» skipped"),
        "vector": (ContestantStatus.FAILED, "✗ failed"),
    }
    now = league()
    for name, (status, _) in statuses.items():
        now = changed(now, name, status=status)
    async with screen(size) as pilot:
        await begin(pilot, measuring, now)
        for name, (_, words) in statuses.items():
            assert rows(pilot)[name].endswith(words)


@pytest.mark.parametrize("size", [FULL, COMPACT])
async def test_the_chart_names_every_line_and_the_threshold(screen, measuring, size):
    async with screen(size) as pilot:
        await begin(pilot, measuring)
        chart = seen(pilot, "#chart")
        for words in ("a scalar", "b tape", "d rnn", "f numba", "g native", "10 ms", "1 s"):
            assert words in chart
        level = next(line for line in chart.splitlines() if "┈" in line)
        assert level.startswith(" 2.0")
        assert "g" in level  # where native passed it


async def test_the_keys_of_the_axes(screen, measuring):
    async with screen() as pilot:
        await begin(pilot, measuring)
        chart = pilot.app.screen.query_one("#chart")
        assert "10 ms" in seen(pilot, "#chart")
        await pilot.press("x")
        assert "10 ms" not in seen(pilot, "#chart")
        assert "4 s" in seen(pilot, "#chart")
        assert "3.0" in seen(pilot, "#chart")
        assert "x linear   y all" in chart.border_title
        await pilot.press("y")
        assert "3.0" not in seen(pilot, "#chart")
        assert "2.4" in seen(pilot, "#chart")
        assert "y close up" in chart.border_title


async def test_the_contestant_under_the_cursor_is_told_of(screen, measuring):
    async with screen() as pilot:
        await begin(pilot, measuring)
        pane = seen(pilot, "#contestant")
        assert "What native is" in pane
        assert "16 documents a step" in pane
        assert "AVX-512 x16" in pane
        assert "kamia jorin" in pane
        await pilot.press("end")
        assert NO_TORCH.split(":")[0] in seen(pilot, "#contestant")
        await pilot.press("k", "k")
        assert "What scalar is" in seen(pilot, "#contestant")
        await pilot.press("k")
        assert "† another model: a recurrent net" in seen(pilot, "#contestant")
        assert pilot.app.screen.query_one("#contestant").border_title == "rnn"


@pytest.mark.parametrize(("height", "steps"), [(1, [15]), (2, [0, 15]), (4, [0, 5, 10, 15])])
def test_names_are_shown_from_all_of_the_training(height, steps):
    names = tuple(Names(step, step / 10, ("emma", "mia")) for step in range(16))
    shown = [
        int(row.plain.split()[0]) for row in contestant_pane.names_over_time(names, 40, height)
    ]
    assert shown == steps


async def test_a_click_selects(screen, measuring):
    async with screen() as pilot:
        await begin(pilot, measuring)
        await pilot.click("#league", offset=(6, 5))
        assert selected(pilot) == "tape"


async def test_pausing_rests_the_race(screen, measuring):
    async with screen() as pilot:
        race = await begin(pilot, measuring)
        await pilot.press("space")
        assert "‖ paused" in seen(pilot, "#head")
        resting = league(2.6)
        await publish(pilot, measuring, resting)
        race.leagues.put(league(2.7))
        await pilot.pause(0.05)
        assert pilot.app.screen.league is resting
        await pilot.press("enter")
        await publish(pilot, measuring, league(2.8))
        assert "‖ paused" not in seen(pilot, "#head")


async def test_leaving_while_it_is_paused(screen, measuring):
    async with screen() as pilot:
        await begin(pilot, measuring)
        await pilot.press("space")
        await publish(pilot, measuring, league(2.6))
        await pilot.press("escape")
        await until(pilot, lambda: not alive("racing"))


async def test_skipping_ends_the_contestant_under_the_cursor(screen, measuring):
    async with screen() as pilot:
        race = await begin(pilot, measuring)
        await pilot.press("j", "s")
        assert race.skipped == ["numba"]
        race.failure = UsageError("numba has ended, so there is nothing to skip.")
        await pilot.press("s")
        assert toasts(pilot) == [str(race.failure)]
        race.failure = None
        await pilot.press("space", "s")
        assert toasts(pilot)[1:] == ["numba ends as soon as the race goes on."]


async def test_the_end_and_racing_again(screen, measuring):
    async with screen() as pilot:
        race = await begin(pilot, measuring, league(5.0, ""))
        assert "the race is over" in seen(pilot, "#head")
        await pilot.press("space")
        assert toasts(pilot) == ["The race is over: r starts it again."]
        await pilot.press("r")
        race.leagues.put(league(5.0, ""))  # the slice at hand
        await until(pilot, lambda: len(measuring.races) == 2)
        assert race.closed
        await publish(pilot, measuring, league(1.0))
        assert "tape trains" in seen(pilot, "#head")


async def test_another_width_is_a_new_race(screen, measuring):
    async with screen() as pilot:
        race = await begin(pilot, measuring)
        await pilot.press("d")
        race.leagues.put(league(5.0, ""))  # the slice at hand
        await until(pilot, lambda: len(measuring.races) == 2)
        assert race.closed
        assert [(race.d_model, race.names) for race in measuring.races] == [(16, None), (32, None)]


async def test_choosing_who_races(screen, measuring):
    async with screen() as pilot:
        race = await begin(pilot, measuring)
        await pilot.press("c")
        await until(pilot, lambda: pilot.app.screen.query(Input))
        pilot.app.screen.query_one(Input).value = "native, tape"
        await pilot.press("enter")
        race.leagues.put(league())
        await until(pilot, lambda: len(measuring.races) == 2)
        assert measuring.races[-1].names == ["native", "tape"]
        await pilot.press("c")
        await until(pilot, lambda: pilot.app.screen.query(Input))
        pilot.app.screen.query_one(Input).value = "nobody"
        await pilot.press("enter")
        await until(pilot, lambda: toasts(pilot) != [])
        assert "There is no contestant 'nobody'" in toasts(pilot)[0]
        assert len(measuring.races) == 2


async def test_the_views(screen, measuring):
    async with screen() as pilot:
        await begin(pilot, measuring)
        panes = ("#league", "#chart", "#contestant")
        views = []
        for _ in range(5):
            shown = [pane for pane in panes if pilot.app.screen.query_one(pane).region.area]
            views.append(shown)
            await pilot.press("z")
            await pilot.pause()
        everything = list(panes)
        assert views == [everything, ["#league"], ["#chart"], ["#contestant"], everything]


async def test_a_race_that_fails_is_told_and_what_was_measured_stays(screen, measuring):
    async with screen() as pilot:
        race = await begin(pilot, measuring)
        race.leagues.put(EngineError("pip install 'eetui[torch]'"))
        await until(pilot, lambda: "pip install 'eetui[torch]'" in toasts(pilot))
        assert "25,490×" in rows(pilot)["native"]
        await pilot.press("r")
        await until(pilot, lambda: len(measuring.races) == 2)


async def test_a_picture_of_the_race(screen, measuring, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    async with screen() as pilot:
        await begin(pilot, measuring)
        await pilot.press("w")
        picture = tmp_path / "eetui-race.svg"
        assert picture.read_text(encoding="utf-8").startswith("<svg")
        assert str(picture) in toasts(pilot)[0]


async def test_the_palette_offers_the_race_and_only_where_it_can_be_held(screen, measuring):
    async with screen() as pilot:
        offered = [hit.text async for hit in ActionCommands(pilot.app.screen).discover()]
        assert next(a.title for a in ACTIONS if a.action == "race") in offered
        await begin(pilot, measuring)
        left = [hit.text async for hit in ActionCommands(pilot.app.screen).discover()]
        assert left == [a.title for a in RACE_ACTIONS]


@pytest.mark.parametrize(("size", "last"), [(FULL, " ? help"), (COMPACT, "")])
async def test_every_key_is_on_the_screen(screen, measuring, size, last):
    async with screen(size) as pilot:
        await begin(pilot, measuring)
        assert " ".join(text(pilot.app.screen.query_one("KeyBar")).split()) == (
            "esc back space pause s skip r again c who d d_model z view m measure w picture" + last
        )
        assert "o by" in pilot.app.screen.query_one("#league").border_title
        assert "x log" in pilot.app.screen.query_one("#chart").border_title


async def test_a_key_that_comes_while_it_closes_does_nothing(screen):
    async with screen() as pilot:
        await pilot.press("V")
        await until(pilot, lambda: isinstance(pilot.app.screen, RaceScreen))
        left = pilot.app.screen
        await left.remove_children()
        await left.run_action("measure")
        await left.run_action("next_view")
        assert pilot.app.is_running
