"""Charts that can be read: closing in, the cursor, zooming, clicking, and notices beside them."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from textual.events import MouseScrollUp
from textual.widget import Widget

from eetui.core.curves.history import Event
from eetui.core.curves.track import TrackCurve
from eetui.core.run.commands import ChangeTemperature
from eetui.core.run.snapshot import Status
from eetui.tui.view import LABEL_WIDTH
from tests.support.screens import (
    COMPACT,
    FULL,
    main_screen,
    settle,
    shown,
    subtitle,
    title,
    toasts,
    until,
)
from tests.support.scripted import snapshot

SIZES = pytest.mark.parametrize("size", [FULL, COMPACT], ids=["120x40", "80x24"])


def chart(pilot, name="loss"):
    return main_screen(pilot).query_one(f"#{name}")


def x_labels(pilot, name="loss"):
    """The labels of the x axis as numbers."""
    return [
        float(word.replace(",", "")) for word in shown(pilot, f"#{name}").splitlines()[-1].split()
    ]


async def point(pilot, column, name="loss"):
    """Put the mouse on a column of a chart's canvas."""
    offset = chart(pilot, name).content_offset
    await pilot.hover(f"#{name}", offset=(offset.x + LABEL_WIDTH + column, offset.y + 3))
    await pilot.pause()


async def click_word(pilot, name, word, edge):
    """Click on a word of the upper (0) or lower (-1) edge of a frame."""
    widget = main_screen(pilot).query_one(f"#{name}")
    lines = widget.render_lines(widget.outer_size.region)
    x = lines[edge].text.index(word) + len(word) // 2
    await pilot.click(f"#{name}", offset=(x, edge % len(lines)))
    await pilot.pause()


# -- closing in -------------------------------------------------------------------------------


@SIZES
async def test_the_loss_chart_closes_in_and_chance_is_a_tag_at_the_edge(screen, session, size):
    async with screen(size) as pilot:
        assert "chance 3.296 ▲" in shown(pilot, "#loss")
        assert "3.0" not in shown(pilot, "#loss")


async def test_an_early_measurement_of_the_held_out_loss_keeps_no_chart_from_closing_in(
    screen, session
):
    early = TrackCurve(np.array([100]), np.array([0.01]), np.array([3.2]))
    session.latest = replace(session.latest, held_out=early)
    async with screen() as pilot:
        assert "chance 3.296 ▲" in shown(pilot, "#loss")


async def test_a_young_run_is_seen_with_all_of_it_and_chance_as_a_level(screen, session):
    session.latest = snapshot(60)
    async with screen() as pilot:
        assert "chance 3.296" in shown(pilot, "#loss")
        assert "▲" not in shown(pilot, "#loss")


async def test_ticks_print_the_digits_that_their_step_needs(screen, session):
    async with screen() as pilot:
        labels = [line[:6].strip() for line in shown(pilot, "#loss").splitlines()]
        values = [float(label) for label in labels if label]
        steps = {round(a - b, 6) for a, b in pairwise(values)}
        assert len(values) >= 3
        assert len(steps) == 1


async def test_held_out_loss_is_a_line_with_markers_and_a_name(screen, session):
    async with screen() as pilot:
        assert "○" in shown(pilot, "#loss")
        assert "○ held out 2.091" in title(chart(pilot))
        session.publish(held_out=TrackCurve(), step=4231)
        await until(pilot, lambda: "○" not in shown(pilot, "#loss"))
        assert "held out" not in title(chart(pilot))


async def test_the_title_has_the_header_s_figure_before_the_next_drawing(
    screen, session, monkeypatch
):
    async with screen() as pilot:
        monkeypatch.setattr("eetui.tui.widgets.chart_pane.SECONDS_BETWEEN_DRAWINGS", 1e6)
        session.publish(
            held_out=TrackCurve(np.array([4200]), np.array([1.0]), np.array([1.987])), step=4231
        )
        await until(pilot, lambda: "1.987" in shown(pilot, "#status"))
        assert "○ held out 1.987" in title(chart(pilot))


# -- the cursor -------------------------------------------------------------------------------


@SIZES
@pytest.mark.parametrize("device", ["keys", "mouse"])
async def test_the_cursor_reads_every_figure_of_a_step(screen, session, size, device):
    async with screen(size) as pilot:
        if device == "mouse":
            await point(pilot, chart(pilot).columns // 2)
        else:
            chart(pilot).focus()
            await pilot.press("right")
        await until(pilot, lambda: "batch 16" in shown(pilot, "#loss"))
        words = shown(pilot, "#loss")
        for word in ("step 2,", " s ", "loss 2.0", "held out 2.", "us/step", "lr 0.007"):
            assert word in words


async def test_the_cursor_is_on_all_charts_at_once_and_goes_with_the_focus(screen, session):
    async with screen() as pilot:
        chart(pilot, "pace").focus()
        await pilot.press("right", "right")
        await until(pilot, lambda: "│" in shown(pilot, "#loss") and "│" in shown(pilot, "#pace"))
        assert "at step 2," in title(chart(pilot))
        assert "us/step (" in title(chart(pilot, "pace"))
        at = [
            {line.index("│") for line in shown(pilot, name).splitlines() if "│" in line}
            for name in ("#loss", "#pace")
        ]
        assert at[0] == at[1]
        main_screen(pilot).query_one("#toggles").focus()
        await until(pilot, lambda: "│" not in shown(pilot, "#loss"))
        assert "at step" not in title(chart(pilot))


async def test_arrows_move_the_cursor_only_on_a_chart(screen, session):
    async with screen() as pilot:
        await pilot.press("right", "left")
        assert "│" not in shown(pilot, "#loss")
        chart(pilot).focus()
        await pilot.press("end", "left", "home")
        await until(pilot, lambda: "step 10 " in shown(pilot, "#loss"))


async def test_settings_are_those_of_the_step_under_the_cursor(screen, session):
    changes = (Event(2000, 0.2, "batch", "batch 32", "batch 16"),)
    session.latest = replace(session.latest, events=changes)
    async with screen() as pilot:
        chart(pilot).focus()
        await pilot.press("home")
        await until(pilot, lambda: "batch 16" in shown(pilot, "#loss"))
        await pilot.press("end")
        await until(pilot, lambda: "batch 32" in shown(pilot, "#loss"))


async def test_the_cursor_draws_no_new_chart(screen, session, monkeypatch):
    async with screen() as pilot:
        drawn = []
        widget = chart(pilot)
        draw = widget.chart

        def counted(*args):
            drawn.append(1)
            return draw(*args)

        monkeypatch.setattr(widget, "chart", counted)
        for column in range(10, 40):
            await point(pilot, column)
        assert "│" in shown(pilot, "#loss")
        assert not drawn


# -- zooming and panning ----------------------------------------------------------------------


@pytest.mark.parametrize("closer", ["ctrl+up", "ctrl+right"])
async def test_keys_zoom_pan_and_reset(screen, session, closer):
    async with screen() as pilot:
        whole = x_labels(pilot)
        chart(pilot).focus()
        await pilot.press(*[closer] * 8)
        await settle(pilot)
        near = x_labels(pilot)
        assert near[-1] - near[0] < (whole[-1] - whole[0]) / 3
        assert x_labels(pilot, "pace") == near
        await pilot.press(*["shift+left"] * 5)
        await settle(pilot)
        assert x_labels(pilot)[0] < near[0]
        await pilot.press("0")
        await settle(pilot)
        assert x_labels(pilot) == whole


async def test_zooming_out_ends_at_the_whole_run(screen, session):
    async with screen() as pilot:
        whole = x_labels(pilot)
        chart(pilot).focus()
        await pilot.press("ctrl+up", "ctrl+up", *["ctrl+down"] * 4)
        await settle(pilot)
        assert x_labels(pilot) == whole


def scrolled_up(widget: Widget, x: int, y: int) -> MouseScrollUp:
    """The wheel turned at a place of the screen."""
    at = x - widget.region.x, y - widget.region.y
    return MouseScrollUp(widget, *at, 0, -1, 0, False, False, False, x, y)


async def test_the_wheel_zooms_at_the_mouse_and_dragging_moves(screen, session):
    async with screen() as pilot:
        widget = chart(pilot)
        left = widget.content_region.x + LABEL_WIDTH
        top = widget.content_region.y
        for _ in range(8):
            widget.post_message(scrolled_up(widget, left + 5, top + 3))
            await pilot.pause()
        await settle(pilot)
        near = x_labels(pilot)
        assert near[-1] < 2000  # the mouse was near the beginning
        await pilot.mouse_down(offset=(left + 40, top + 3))
        await pilot.hover(offset=(left + 10, top + 3))
        await pilot.mouse_up(offset=(left + 10, top + 3))
        await settle(pilot)
        assert x_labels(pilot)[0] > near[0]


async def test_the_window_stays_the_same_on_the_other_axis(screen, session):
    async with screen() as pilot:
        chart(pilot).focus()
        await pilot.press("ctrl+up", "ctrl+up", "ctrl+up", "x", "x")
        await settle(pilot)
        assert x_labels(pilot)[0] > 500


# -- clicks -----------------------------------------------------------------------------------


async def test_the_words_of_the_axes_can_be_clicked(screen, session):
    async with screen() as pilot:
        await click_word(pilot, "loss", "steps", -1)
        await until(pilot, lambda: "x seconds" in subtitle(chart(pilot)))
        await click_word(pilot, "loss", "close", -1)
        await until(pilot, lambda: "y linear" in subtitle(chart(pilot)))
        await click_word(pilot, "pace", "log", -1)
        await until(pilot, lambda: subtitle(chart(pilot, "pace")) == "y close")
        await click_word(pilot, "loss", " + ", -1)
        await until(pilot, lambda: "smoothing 0.80" in subtitle(chart(pilot)))
        await click_word(pilot, "loss", " - ", -1)
        await until(pilot, lambda: "smoothing 0.60" in subtitle(chart(pilot)))


async def test_a_small_screen_has_the_words_on_the_upper_edge(screen, session):
    async with screen(COMPACT) as pilot:
        await click_word(pilot, "loss", "steps", 0)
        await until(pilot, lambda: "x seconds" in title(chart(pilot)))
        assert "smooth 0.60" in title(chart(pilot))


async def test_the_temperature_can_be_clicked(screen, session):
    async with screen() as pilot:
        await click_word(pilot, "names", "temperature", 0)
        await click_word(pilot, "names", "[", -1)
        assert session.commands == [ChangeTemperature(up=True), ChangeTemperature(up=False)]


# -- notices ----------------------------------------------------------------------------------


@SIZES
@pytest.mark.parametrize("view", ["", "loss", "pace"])
async def test_no_notice_lies_over_a_chart(screen, session, size, view):
    async with screen(size) as pilot:
        presses = {"": 0, "loss": 1, "pace": 2}[view]
        await pilot.press(*["z"] * presses)
        pilot.app.notify("something that takes a line or two to say on a screen of any size")
        await until(pilot, lambda: bool(pilot.app.screen.query("Toast")))
        await pilot.pause()
        toast = pilot.app.screen.query_one("Toast").region
        assert toast.area
        for each in main_screen(pilot).query("#loss, #pace"):
            assert not (each.region.area and toast.overlaps(each.region))


async def test_a_picture_has_no_notice_and_the_notice_stays(screen, session, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    session.latest = replace(session.latest, status=Status.PAUSED)
    async with screen() as pilot:
        pilot.app.notify("unmistakable")
        await until(pilot, lambda: bool(pilot.app.screen.query("Toast")))
        await pilot.press("w")
        path = tmp_path / "eetui-step4230.svg"
        await until(pilot, path.exists)
        assert "unmistakable" not in path.read_text(encoding="utf-8")
        await until(pilot, lambda: len(toasts(pilot)) == 2)
        assert all(toast.region.area for toast in pilot.app.screen.query("Toast"))
