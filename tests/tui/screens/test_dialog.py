"""A dialog shows the screen below it as it is now, not as it was when the dialog came."""

from __future__ import annotations

import pytest

from eetui.tui.screens.dialog import Below
from tests.support.screens import COMPACT, FULL, until


def below(pilot) -> str:
    """All that the dialog's screen draws itself, which is what lies below the dialog."""
    screen = pilot.app.screen
    return "\n".join(strip.text for strip in screen.render_lines(screen.region))


@pytest.mark.parametrize("size", [FULL, COMPACT])
async def test_the_screen_below_is_up_to_date(screen, session, size):
    async with screen(size) as pilot:
        await pilot.press("question_mark")
        await until(pilot, lambda: "4,230" in below(pilot))
        session.publish(step=9_876)
        await until(pilot, lambda: "9,876" in below(pilot))
        assert "4,230" not in below(pilot).splitlines()[1]


async def test_a_screen_below_that_does_not_change_is_not_drawn_again(screen, session, monkeypatch):
    drawn: list[Below] = []
    draw = Below.render_strips

    def counted(self, *arguments):
        drawn.append(self)
        return draw(self, *arguments)

    monkeypatch.setattr(Below, "render_strips", counted)
    async with screen() as pilot:
        await pilot.press("question_mark")
        await until(pilot, lambda: "4,230" in below(pilot))
        session.publish(step=9_876)
        await until(pilot, lambda: "9,876" in below(pilot))
        drawn.clear()
        for _ in range(12):
            session.publish(step=9_876)  # nothing new, twenty times a second
            await pilot.pause(0.05)
        assert len(drawn) <= 4  # twice a second, and what was under way


async def test_the_screen_below_follows_the_size(screen):
    async with screen(FULL) as pilot:
        await pilot.press("question_mark")
        await until(pilot, lambda: "4,230" in below(pilot))
        await pilot.resize_terminal(*COMPACT)
        await until(pilot, lambda: len(below(pilot).splitlines()) == COMPACT[1])
        assert "4,230" in below(pilot)
        assert "╭" not in below(pilot)  # the compact layout has no frames
