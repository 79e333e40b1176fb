"""Whatever enters from outside is shown as text: no markup, no control characters."""

from __future__ import annotations

import asyncio
from unicodedata import category

import pytest
from textual.widgets import Input

from eetui.core.run.snapshot import NameSample, Notice, Status
from eetui.core.text import visible
from eetui.tui.screens.palette import Palette
from tests.support.screens import everything, settle, until

HOSTILE = [
    "[/nope]",
    "[red]bold[/red] [/]",
    "\x1b]0;title\x07\x1b[2J",
    "\x9b31m\x7f",
    "\u202egpj.exe",
    "שלום",
    "line\nfeed\ttab",
]


def assert_harmless(text: str) -> None:
    wrong = [c for c in text if c != "\n" and category(c) in ("Cc", "Cs", "Zl", "Zp")]
    assert not wrong
    assert not any("\u202a" <= c <= "\u202e" for c in text)
    assert text.count("\u2068") == text.count("\u2069")


@pytest.mark.parametrize("text", HOSTILE, ids=ascii)
async def test_everywhere_on_the_main_screen(screen, session, text):
    async with screen() as pilot:
        session.publish(
            message=text,
            status=Status.DIVERGED,
            prefix=text,
            engine=text[:20],
            names=(NameSample(4_230, text, True),),
            milestones=(NameSample(1, text, False),),
            notice=Notice(99, f"Saved to {text}.", "error"),
        )
        await settle(pilot)
        await until(pilot, lambda: "Saved to" in everything(pilot.app.screen))
        assert_harmless(everything(pilot.app.screen))
        assert text.startswith("\u202e") or visible(text)[:6] in everything(pilot.app.screen)


async def test_the_traceback_of_a_crash(screen, session):
    async with screen() as pilot:
        session.publish(error="Traceback\n  \x1b[2J [/nope]", status=Status.FAILED, message="x")
        await settle(pilot)
        await until(pilot, lambda: "[/nope]" in everything(pilot.app.screen))
        assert_harmless(everything(pilot.app.screen))


@pytest.mark.parametrize("key", ["s", "o", "slash", "c"])
async def test_in_every_question(screen, key):
    async with screen() as pilot:
        for text in HOSTILE:
            await pilot.press(key)
            await until(pilot, lambda: bool(pilot.app.screen.query(Input)))
            pilot.app.screen.query(Input).first().value = text
            await pilot.pause()
            assert_harmless(everything(pilot.app.screen))
            await pilot.press("enter", "escape")
            assert pilot.app.is_running
            assert_harmless(everything(pilot.app.screen))


async def test_nothing_that_moves_the_cursor_can_be_typed(screen):
    async with screen() as pilot:
        await pilot.press("s")
        field = pilot.app.screen.query_one(Input)
        field.value = ""
        field.insert_text_at_cursor("a\x1b[2Jb\u202e")
        assert field.value == "a[2Jb"


async def test_the_palette_can_be_closed_while_it_searches(screen):
    async with screen() as pilot:
        for key in ("t", "ctrl+p"):
            await pilot.press(key)
            palette = pilot.app.screen
            assert isinstance(palette, Palette)
            await palette.remove_children()
            # what a search that ends sets, in Textual, and what Palette overrides
            palette._show_busy = not palette._show_busy  # noqa: SLF001
            palette._list_visible = not palette._list_visible  # noqa: SLF001
            # what says that nothing was found, half a second later
            called = asyncio.Event()

            def show_no_matches(palette: Palette = palette, called: asyncio.Event = called) -> None:
                called.set()
                palette.query_one("#gone")

            palette.set_timer(0.001, show_no_matches)
            await asyncio.wait_for(called.wait(), 10)
            # and the search itself, whose failure would end the program

            async def gather(palette: Palette = palette) -> None:
                palette.query_one("#gone")

            assert await asyncio.wait_for(palette.run_worker(gather).wait(), 10) is None
            await pilot.press("escape")
        assert pilot.app.is_running
