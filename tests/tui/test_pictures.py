"""Pictures of the whole screen, compared with accepted ones.

After a change that is meant to be seen: `pytest tests/tui/test_pictures.py --snapshot-update`,
then look at the SVG files before committing them.
"""

from __future__ import annotations

import pytest

from eetui.core.run.snapshot import Status
from eetui.tui.app import EetuiApp
from eetui.tui.screens.main import MainScreen
from eetui.tui.screens.prompt import Prompt
from eetui.tui.screens.runs import RunsScreen
from tests.support.runs import NOW, FakeRecording, fill
from tests.support.screens import COMPACT, FULL, settle, text, until
from tests.support.scripted import ScriptedSession, ladder, snapshot
from tests.support.scripted_lab import padding_skip
from tests.support.scripted_race import league, measures
from tests.support.scripted_sweep import Sweeping, swept

DIVERGED = (
    "The loss stopped being a finite number at step 4,231. Going back returns to step 4,200 with "
    "half the learning rate."
)
SIZES = pytest.mark.parametrize("size", [FULL, COMPACT], ids=["120x40", "80x24"])


@SIZES
def test_running(snap_compare, size):
    assert snap_compare(EetuiApp(ScriptedSession()), terminal_size=size, run_before=settle)


@SIZES
def test_diverged(snap_compare, size):
    session = ScriptedSession(snapshot(status=Status.DIVERGED, message=DIVERGED))
    assert snap_compare(EetuiApp(session), terminal_size=size, run_before=settle)


@SIZES
@pytest.mark.parametrize("key", ["c", "question_mark"], ids=["form", "help"])
def test_dialogs(snap_compare, size, key):
    async def open_dialog(pilot):
        await settle(pilot)
        await pilot.press(key)
        await until(pilot, lambda: not isinstance(pilot.app.screen, MainScreen))
        await settle(pilot)

    app = EetuiApp(ScriptedSession())
    assert snap_compare(app, terminal_size=size, run_before=open_dialog)


@SIZES
def test_ladder(snap_compare, measuring, size):
    session = ScriptedSession()
    measuring.climbs.put(ladder())

    async def climb(pilot):
        await settle(pilot)
        await pilot.press("C")
        await until(pilot, lambda: getattr(pilot.app.screen, "ladder", None) is not None)
        await pilot.pause()

    assert snap_compare(EetuiApp(session), terminal_size=size, run_before=climb)


@SIZES
def test_labs(snap_compare, measuring, size):
    measuring.lessons.put(padding_skip())

    async def lab(pilot):
        await settle(pilot)
        await pilot.press("P")
        await until(pilot, lambda: pilot.app.screen.query("#lessons"))
        await pilot.press("enter", "2", "enter")
        page = pilot.app.screen.query_one("#page")
        await until(pilot, lambda: "points" in text(page))
        await settle(pilot)

    assert snap_compare(EetuiApp(ScriptedSession()), terminal_size=size, run_before=lab)


@SIZES
@pytest.mark.parametrize("view", ["league", "measures"])
def test_race(snap_compare, measuring, size, view):
    session = ScriptedSession()

    async def race(pilot):
        await settle(pilot)
        await pilot.press("V")
        await until(pilot, lambda: measuring.races)
        measuring.races[0].leagues.put(league())
        measuring.races[0].leagues.put(None)
        await until(pilot, lambda: getattr(pilot.app.screen, "league", None) is not None)
        if view == "measures":
            measuring.measured.put(measures())
            measuring.measured.put(None)
            await pilot.press("m")
            await until(pilot, lambda: pilot.app.screen.measures is not None)
        await pilot.pause()

    assert snap_compare(EetuiApp(session), terminal_size=size, run_before=race)


@SIZES
def test_runs(snap_compare, tmp_path, monkeypatch, size):
    path = tmp_path / "runs.sqlite"
    fill(path)
    monkeypatch.setattr("eetui.tui.widgets.runs_table.time", lambda: NOW + 60)
    app = EetuiApp(ScriptedSession(), FakeRecording(path))

    async def compare(pilot):
        await settle(pilot)
        await pilot.press("H")
        await until(pilot, lambda: isinstance(pilot.app.screen, RunsScreen))
        await pilot.press("space", "down", "down", "space")
        await pilot.pause()

    assert snap_compare(app, terminal_size=size, run_before=compare)


def test_without_colours(snap_compare, monkeypatch):
    """Everything can still be told apart: no state is a colour alone."""
    monkeypatch.setenv("NO_COLOR", "1")
    assert snap_compare(EetuiApp(ScriptedSession()), terminal_size=FULL, run_before=settle)


def test_too_small(snap_compare):
    app = EetuiApp(ScriptedSession())
    assert snap_compare(app, terminal_size=(50, 12), run_before=settle)


@SIZES
def test_sweep(snap_compare, monkeypatch, size):
    sweeping, session = Sweeping(), ScriptedSession()
    monkeypatch.setattr("eetui.tui.screens.sweep.start_sweep", sweeping.start)

    async def sweep(pilot):
        await settle(pilot)
        await pilot.press("S")
        await until(pilot, lambda: isinstance(pilot.app.screen, Prompt))
        await pilot.press("enter")
        await until(pilot, lambda: bool(sweeping.sweeps))
        sweeping.sweeps[0].shown.put(swept())
        sweeping.sweeps[0].shown.put(None)
        await until(pilot, lambda: getattr(pilot.app.screen, "progress", None) is not None)
        await pilot.pause()

    assert snap_compare(EetuiApp(session), terminal_size=size, run_before=sweep)
