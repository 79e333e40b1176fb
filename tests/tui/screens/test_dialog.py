"""A dialog shows the screen below it as it is now, not as it was when the dialog came."""

from __future__ import annotations

import pytest

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


async def test_the_screen_below_follows_the_size(screen):
    async with screen(FULL) as pilot:
        await pilot.press("question_mark")
        await until(pilot, lambda: "4,230" in below(pilot))
        await pilot.resize_terminal(*COMPACT)
        await until(pilot, lambda: len(below(pilot).splitlines()) == COMPACT[1])
        assert "4,230" in below(pilot)
        assert "╭" not in below(pilot)  # the compact layout has no frames
