"""The screen of the runs: found, laid over each other, kept in order, and gone on with."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from eetui.core.store.store import Store
from eetui.tui.screens.main import MainScreen
from eetui.tui.screens.runs import RunsScreen
from tests.support.runs import FakeRecording, fill
from tests.support.screens import COMPACT, FULL, NotedApp, settle, text, toasts, until

Open = Callable[..., AbstractAsyncContextManager[Pilot[int]]]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "runs.sqlite"


@pytest.fixture
def runs(session, path: Path) -> Open:
    """Open the screen on four runs."""
    fill(path)

    @asynccontextmanager
    async def opened(
        size: tuple[int, int] = FULL, current: str | None = None
    ) -> AsyncIterator[Pilot[int]]:
        app = NotedApp(session, FakeRecording(path, current))
        async with app.run_test(size=size, notifications=True) as pilot:
            await settle(pilot)
            await pilot.press("H")
            await until(pilot, lambda: isinstance(pilot.app.screen, RunsScreen))
            await pilot.pause()
            yield pilot

    return opened


def seen(pilot: Pilot[int], selector: str = "#runs") -> str:
    return text(pilot.app.screen.query_one(selector))


def order(pilot: Pilot[int]) -> str:
    """The last words of the runs' names from top to bottom: h, p, c, f."""
    names = ("heron", "pine", "comet", "fox")
    lines = seen(pilot).splitlines()
    return "".join(name[0] for line in lines for name in names if name in line)


def mark(pilot: Pilot[int], name: str) -> str:
    """The character before a run's name."""
    row = next(line for line in seen(pilot).splitlines() if name in line)
    return row.lstrip("▸ ")[0]


@pytest.mark.parametrize("size", [FULL, COMPACT])
async def test_all_runs_are_listed_the_newest_first(runs, session, size):
    async with runs(size) as pilot:
        assert order(pilot) == "fcph"
        row = next(line for line in seen(pilot).splitlines() if "calm heron" in line)
        assert "2.000" in row
        assert "2.020" in row
        assert "4,000" in row
        assert session.commands == []
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(pilot.app.screen, MainScreen))


async def test_filtering_as_one_types(runs):
    async with runs() as pilot:
        await pilot.press("slash", *"d_model=16")
        assert order(pilot) == "ph"
        await pilot.press("space", *"calm")
        assert order(pilot) == "h"
        await pilot.press("escape")
        assert pilot.app.screen.query_one("#filter", Input).value == ""
        assert order(pilot) == "fcph"
        assert isinstance(pilot.app.screen, RunsScreen)


async def test_sorting_by_every_column_and_the_other_way_round(runs):
    async with runs() as pilot:
        await pilot.press("o")
        assert "▾name" in seen(pilot)
        assert order(pilot) == "chfp"
        await pilot.press("o")
        assert "▾loss" in seen(pilot)
        assert order(pilot) == "hpcf"
        await pilot.press("O")
        assert order(pilot) == "fcph"
        await pilot.click("#runs", offset=(10, 1))
        assert "▾name" in seen(pilot)


async def test_ticked_runs_lie_over_each_other_and_only_what_differs_is_told(runs):
    async with runs() as pilot:
        await pilot.press("space", "down", "space")
        chart = seen(pilot, "#chart")
        assert "bold comet" in chart
        assert "mellow fox" in chart
        detail = seen(pilot, "#detail")
        assert "learning_rate" in detail
        assert "d_model" not in detail
        before = mark(pilot, "fox")
        await pilot.press("o")
        assert mark(pilot, "fox") == before != "·"
        await pilot.press("U")
        assert "one run" in str(pilot.app.screen.query_one("#detail").border_title)


async def test_the_chart_by_steps_seconds_and_samples(runs):
    async with runs() as pilot:
        chart = pilot.app.screen.query_one("#chart")
        seen_axes = []
        for _ in range(3):
            seen_axes.append(str(chart.border_title))
            await pilot.press("x")
        assert [axis in title for axis, title in zip(
            ("steps", "seconds", "samples"), seen_axes, strict=True
        )] == [True] * 3  # fmt: skip
        assert "mean" in str(chart.border_subtitle)
        await pilot.press("l")
        assert "held-out loss" in str(chart.border_title)
        await pilot.press("z", "z", "down")
        assert "bold comet" in seen(pilot, "#chart")


async def test_grouping_into_a_tree_that_folds(runs):
    async with runs() as pilot:
        await pilot.press("g", *"d_model,learning_rate", "enter")
        await pilot.pause()
        assert order(pilot) == "hpcf"
        assert "d_model 16   2" in seen(pilot)
        await pilot.press("home", "space")
        assert order(pilot) == "cf"
        await pilot.press("g", *["backspace"] * 30, *"colour", "enter")
        await until(pilot, lambda: any("no" in t.lower() for t in toasts(pilot)))


async def test_names_notes_and_pins(runs, path):
    async with runs() as pilot:
        await pilot.press("n", *["backspace"] * 20, *"best yet", "enter")
        await pilot.pause()
        await pilot.press("N", *"a note", "enter")
        await pilot.pause()
        await pilot.press("p")
        await pilot.pause()
        assert "best yet  a note" in seen(pilot)
    with Store(path) as store:
        run = store.find("best yet")
        assert (run.note, bool(run.pinned)) == ("a note", True)


async def test_deleting_asks_and_can_be_undone(runs, path):
    async with runs() as pilot:
        await pilot.press("d", "n")
        await pilot.pause()
        assert order(pilot) == "fcph"
        await pilot.press("d", "y")
        await until(pilot, lambda: order(pilot) == "cph")
        await pilot.press("u")
        await until(pilot, lambda: order(pilot) == "fcph")


async def test_the_run_on_the_screen_is_not_deleted(runs):
    async with runs(current="00000003") as pilot:
        await pilot.press("d")
        await until(pilot, lambda: any("cannot be deleted" in t for t in toasts(pilot)))
        assert order(pilot) == "fcph"


async def test_enter_leaves_for_the_run(runs):
    async with runs() as pilot:
        await pilot.press("down", "enter")
        await until(pilot, lambda: pilot.app.next_run == "00000002")


async def test_without_a_store_it_is_said(screen):
    async with screen() as pilot:
        await pilot.press("H")
        await until(pilot, lambda: any("not written down" in t for t in toasts(pilot)))
        assert isinstance(pilot.app.screen, MainScreen)
