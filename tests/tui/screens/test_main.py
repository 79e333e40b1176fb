"""Every key does its command, and what it changes is shown."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from textual.binding import Binding
from textual.pilot import Pilot

from eetui.core.run.commands import (
    ChangeTemperature,
    Command,
    CycleOptimization,
    GoOn,
    Load,
    MeasureAgain,
    Redo,
    Restart,
    Rewind,
    Save,
    ScaleBatch,
    ScaleLearningRate,
    SetNames,
    SetOptimization,
    SingleStep,
    TogglePause,
    Undo,
)
from eetui.core.run.snapshot import Status
from eetui.tui.action_search import ActionCommands
from eetui.tui.actions import ACTIONS, LADDER_ACTIONS, RACE_ACTIONS
from eetui.tui.app import EetuiApp
from eetui.tui.screens.main import MainScreen
from eetui.tui.widgets.toggle_table import ToggleTable
from tests.support.screens import COMPACT, FULL, main_screen, shown, subtitle, title, toasts, until
from tests.support.scripted import NO_MATRIX_UNIT, ScriptedSession

COMMANDS = [
    ("space", TogglePause()),
    ("full_stop", SingleStep()),
    ("p", CycleOptimization("padding_skip")),
    ("e", CycleOptimization("fast_exp")),
    ("v", CycleOptimization("vector_width")),
    ("b", ScaleBatch(up=True)),
    ("B", ScaleBatch(up=False)),
    ("u", Undo()),
    ("U", Redo()),
    ("h", Rewind()),
    ("left_square_bracket", ChangeTemperature(up=False)),
    ("right_square_bracket", ChangeTemperature(up=True)),
]


@pytest.mark.parametrize(("key", "command"), COMMANDS)
async def test_a_key_sends_its_command(screen, session, key, command):
    async with screen() as pilot:
        await pilot.press(key)
        assert session.commands == [command]


async def test_pausing_is_told_by_word_and_glyph(screen, session):
    async with screen() as pilot:
        assert "▶ running" in shown(pilot, "#status")
        await pilot.press("space")
        await until(pilot, lambda: "‖ paused" in shown(pilot, "#status"))


async def test_a_toggle_shows_its_new_state(screen, session):
    async with screen() as pilot:
        row = shown(pilot, "#toggles").splitlines()[0]
        assert "● on" in row
        assert "+125 % ± 2 ▲" in row
        detail = main_screen(pilot).query_one("#detail")
        assert detail.border_subtitle == ("on → off: +125 % ± 2 (61 pairs)   34 % on an Apple M5")
        assert "The flip: gradient moved by 2e-07." in shown(pilot, "#detail")
        await pilot.press("p")
        await until(pilot, lambda: "○ off" in shown(pilot, "#toggles").splitlines()[0])


async def test_no_arrow_that_the_interval_does_not_carry(screen, session):
    async with screen() as pilot:
        rows = shown(pilot, "#toggles").splitlines()
        by_name = {
            name: row for row in rows for name in ("vector width", "flush", "fast") if name in row
        }
        assert "-34.0 % ± 0.6 …" in by_name["vector width"]  # it narrows still
        assert "none ± 0.4 % =" in by_name["flush"]
        assert not {"▲", "▼", "="} & set(by_name["fast"])


async def test_a_toggle_is_measured_again(screen, session):
    async with screen() as pilot:
        await pilot.press("down", "equals_sign")
        await until(pilot, lambda: session.commands == [MeasureAgain("fast_exp")])


async def test_a_toggle_that_is_being_compiled_says_so(screen, session):
    async with screen() as pilot:
        first, *rest = session.latest.toggles
        pending = replace(first, pending="off")
        session.publish(toggles=(pending, *rest))
        await until(pilot, lambda: "◌ off    compiling" in shown(pilot, "#toggles"))
        detail = main_screen(pilot).query_one("#detail")
        assert "compiling for off, on till then" in subtitle(detail)


async def test_a_blocked_toggle_says_why_and_sends_nothing(screen, session):
    async with screen() as pilot:
        await pilot.press("m")
        assert NO_MATRIX_UNIT in toasts(pilot)
        assert session.commands == []
        await until(pilot, lambda: "has no matrix unit" in shown(pilot, "#detail"))


def publish_products(session, **changes: str) -> None:
    """Publish the toggle of the products as one that can be changed here."""
    toggles = session.latest.toggles
    change = {"blocked": ""} | changes
    session.publish(
        toggles=tuple(replace(t, **change) if t.key == "products" else t for t in toggles)
    )


async def test_a_toggle_says_what_it_has_elsewhere(screen, session):
    async with screen() as pilot:
        publish_products(session, missing="SME2: there is none.", label="amx-split")
        await pilot.press("m")
        words = "Not here: SME2: there is none."
        await until(pilot, lambda: words in " ".join(shown(pilot, "#detail").split()))
        assert re.search("products +● split", shown(pilot, "#toggles"))


def stands(pilot: Pilot[Any], label: str) -> bool:
    return label in shown(pilot, "#toggles")


def was_sent(session: ScriptedSession, command: Command) -> bool:
    return session.commands[-1:] == [command]


async def test_a_shortcut_goes_to_its_value_and_back(screen, session):
    async with screen() as pilot:
        for label, sent in (("sme2", "rows"), ("rows", "sme2")):
            publish_products(session, label=label)
            await until(pilot, partial(stands, pilot, label))
            await pilot.press("i")
            await until(pilot, partial(was_sent, session, SetOptimization("products", sent)))


async def test_rows_are_reached_with_arrows_and_letters(screen):
    async with screen() as pilot:
        await pilot.press("down", "down", "j", "k")
        await until(pilot, lambda: "one instruction" in shown(pilot, "#detail"))


async def test_columns_are_crossed_with_arrows_and_clicked(screen, session):
    async with screen(COMPACT) as pilot:
        await pilot.press("down", "right")
        await until(pilot, lambda: "Treats numbers" in shown(pilot, "#detail"))
        await pilot.press("right", "left", "left")
        await until(pilot, lambda: "short polynomial" in shown(pilot, "#detail"))
        await pilot.click("#toggles", offset=(45, 5))
        await until(pilot, lambda: session.commands == [ScaleBatch(up=True)])


@pytest.mark.parametrize("size", [FULL, COMPACT, (120, 30), (60, 18)])
async def test_every_hotkey_is_on_the_screen_at_every_size(screen, session, size):
    async with screen(size) as pilot:
        table = shown(pilot, "#toggles")
        for toggle in session.latest.toggles:
            assert re.search(rf"\b{toggle.hotkey}( B)? +{toggle.name}", table)


def test_no_key_does_two_things():
    taken = [key for action in ACTIONS for key in action.keys.split(",")]
    for widget in (ToggleTable, EetuiApp):
        bindings = [*Binding.make_bindings(widget.BINDINGS)]
        taken += [binding.key for binding in bindings]
    taken += ["tab", "shift+tab", "ctrl+p"]
    assert sorted(taken) == sorted(set(taken))


async def test_a_flipped_toggle_is_the_one_explained(screen, session):
    async with screen() as pilot:
        await pilot.press("v")
        await until(pilot, lambda: "one instruction" in shown(pilot, "#detail"))
        await pilot.press("B")
        await until(pilot, lambda: "Documents a step" in shown(pilot, "#detail"))


async def test_rows_are_flipped_with_enter_and_with_the_mouse(screen, session):
    async with screen() as pilot:
        await pilot.press("j", "enter")
        await until(pilot, lambda: session.commands == [CycleOptimization("fast_exp")])
        await pilot.click("#toggles", offset=(10, 12))
        await until(pilot, lambda: session.commands[1:] == [ScaleBatch(up=True)])


async def test_a_held_key_loses_no_change_of_the_learning_rate(screen, session):
    async with screen() as pilot:
        await pilot.press("l", "l", "L")
        down, up = ScaleLearningRate(up=False), ScaleLearningRate(up=True)
        assert session.commands == [down, down, up]


async def test_restart_asks_first(screen, session):
    async with screen() as pilot:
        await pilot.press("R", "n")
        assert session.commands == []
        await pilot.press("R", "y")
        assert session.commands == [Restart()]
        await until(pilot, lambda: "0 / 10,000" in shown(pilot, "#status"))


async def test_axis_scale_and_smoothing_are_shown_on_the_chart(screen, session):
    async with screen() as pilot:
        main = main_screen(pilot)
        loss = main.query_one("#loss")
        assert "4,000" in shown(pilot, "#loss")
        await pilot.press("x", "y", "plus")
        assert "0.2 s" in shown(pilot, "#loss")
        assert subtitle(loss) == "x seconds   y linear   - + smoothing 0.80"
        await pilot.press(*["minus"] * 4)
        await until(pilot, lambda: "smoothing 0.00" in subtitle(loss))


async def test_the_scale_key_acts_on_the_chart_with_the_focus(screen, session):
    async with screen() as pilot:
        main = main_screen(pilot)
        main.query_one("#pace").focus()
        await pilot.press("y")
        assert subtitle(main.query_one("#pace")) == "y close"
        assert "y close" in subtitle(main.query_one("#loss"))


async def test_views_go_round(screen, session):
    async with screen() as pilot:
        main = main_screen(pilot)

        def visible() -> list[str]:
            return [str(w.id) for w in main.query("#loss, #pace, #names") if w.region.area]

        seen = [visible()]
        for _ in range(4):
            await pilot.press("z")
            await pilot.pause()
            seen.append(visible())
        assert seen == [["loss", "names", "pace"], ["loss"], ["pace"], ["names"], seen[0]]


async def test_checkpoints_are_saved_and_opened_by_name(screen, session, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    async with screen() as pilot:
        await pilot.press("s", "enter")
        assert session.commands == [Save(Path("eetui-d32.safetensors"))]
        await until(pilot, lambda: any("Saved step 4,230" in t for t in toasts(pilot)))
        await pilot.press("o", *"run.st", "enter")
        assert session.commands[-1] == Load(Path("run.st"))
        await pilot.press("o", "escape")
        assert len(session.commands) == 2


async def test_a_prefix_is_set_and_shown(screen, session):
    async with screen() as pilot:
        await pilot.press("slash", "k", "a", "enter")
        assert session.commands == [SetNames(prefix="ka")]
        names = main_screen(pilot).query_one("#names")
        await until(pilot, lambda: "beginning with ka" in title(names))


async def test_the_picture_goes_into_the_working_folder(screen, session, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    async with screen() as pilot:
        await pilot.press("w")
        picture = tmp_path / "eetui-step4230.svg"
        assert picture.read_text(encoding="utf-8").startswith("<svg")
        assert str(picture) in toasts(pilot)[0]


async def test_the_ladder_waits_for_the_engine(screen, session):
    session.latest = replace(session.latest, is_ready=False)
    async with screen() as pilot:
        await pilot.press("C")
        assert toasts(pilot) == ["The engine is not ready yet: wait a moment."]
        assert isinstance(pilot.app.screen, MainScreen)
        assert session.commands == []


async def test_help_explains_every_key_and_toggle(screen, session):
    async with screen() as pilot:
        await pilot.press("question_mark")
        text = "\n".join(str(static.render()) for static in pilot.app.screen.query("Static"))
        for action in (*ACTIONS, *LADDER_ACTIONS, *RACE_ACTIONS):
            assert action.title in text
        for toggle in session.latest.toggles:
            assert toggle.what in text
        await pilot.press("escape")
        assert isinstance(pilot.app.screen, MainScreen)


async def test_the_palette_has_every_action_and_runs_it(screen, session):
    async with screen() as pilot:
        provider = ActionCommands(main_screen(pilot))
        titles = [hit.text async for hit in provider.discover()]
        assert titles == [action.title for action in ACTIONS]
        await pilot.press("ctrl+p")
        await pilot.press(*"pause or")
        await until(pilot, lambda: bool(pilot.app.screen.query("CommandList").last().option_count))
        await pilot.press("enter")
        await until(pilot, lambda: session.commands == [TogglePause()])


async def test_the_palette_lives_on_a_screen_of_two_lines(screen):
    async with screen(size=(40, 2)) as pilot:
        await pilot.press("ctrl+p")
        await until(pilot, lambda: bool(pilot.app.screen.query("CommandList")))
        for key in ("down", "pagedown", "pageup", "escape"):
            await pilot.press(key)
        assert pilot.app.is_running


async def test_themes_change_the_charts(screen, session):
    async with screen() as pilot:
        before = pilot.app.export_screenshot()
        pilot.app.theme = "textual-light"
        await pilot.pause()
        assert pilot.app.export_screenshot() != before


async def test_quitting_ends_the_session(screen, session):
    async with screen() as pilot:
        await pilot.press("q")
    assert pilot.app.return_value == 0


async def test_ctrl_c_is_an_interruption(screen, session):
    async with screen() as pilot:
        await pilot.press("ctrl+c")
    assert pilot.app.return_value == 130


async def test_going_on_needs_a_plan_that_is_done(screen, session):
    async with screen() as pilot:
        await pilot.press("g")
        assert session.commands == []
        session.publish(status=Status.FINISHED, message="The plan of 10,000 steps is done.")
        await until(pilot, lambda: "go\xa0on" in shown(pilot, "#banner"))
        await pilot.press("g")
        assert session.commands == [GoOn()]
