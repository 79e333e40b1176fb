"""The row of keys: each is there once, a click presses it, and what has no room is left out."""

from __future__ import annotations

import pytest
from textual.app import App, ComposeResult
from textual.binding import Binding

from eetui.tui.widgets.key_bar import KeyBar
from tests.support.screens import text


class Keys(App[None]):
    BINDINGS = [  # noqa: RUF012
        Binding("space", "note('paused')", "pause", key_display="space"),
        Binding("enter", "note('paused')", "pause again"),
        Binding("x", "note('hidden')", "not shown", show=False),
        Binding("g", "go", "go on", tooltip="After the plan"),
        Binding("h", "note('helped')", "help"),
    ]

    def __init__(self, may_go: bool | None = True) -> None:
        super().__init__()
        self.noted: list[str] = []
        self.bells = 0
        self.may_go = may_go

    def compose(self) -> ComposeResult:
        yield KeyBar(show_command_palette=True)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        return self.may_go if action == "go" else True

    def action_note(self, what: str) -> None:
        self.noted.append(what)

    def action_go(self) -> None:
        self.noted.append("went")

    def bell(self) -> None:
        self.bells += 1


def row(app: Keys) -> str:
    return text(app.query_one(KeyBar))


@pytest.mark.parametrize("word", ["space pause", "h help", "g go on"])
async def test_a_click_on_a_key_presses_it(word):
    app = Keys()
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        for place in (row(app).index(word), row(app).index(word) + len(word) - 1):
            await pilot.click(KeyBar, offset=(place + 1, 0))  # the bar begins with a blank
        assert len(app.noted) == 2
        assert len(set(app.noted)) == 1


async def test_beside_a_key_nothing_is_pressed():
    app = Keys()
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        place = row(app).index("space pause") + len("space pause")
        await pilot.click(KeyBar, offset=(place + 1, 0))
        assert app.noted == []


async def test_an_action_is_shown_once_and_the_palette_at_the_right():
    app = Keys()
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        assert " ".join(row(app).split()) == "space pause g go on h help ▏^p palette"
        app.query_one(KeyBar).show_command_palette = False
        await pilot.pause()
        assert "palette" not in row(app)


async def test_what_cannot_be_done_rings_the_bell_and_what_may_not_be_is_not_there():
    app = Keys(may_go=None)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        await pilot.click(KeyBar, offset=(row(app).index("g go on") + 1, 0))
        assert app.noted == []
        assert app.bells == 1
        app.may_go = False
        app.screen.refresh_bindings()
        await pilot.pause()
        assert "go on" not in row(app)


async def test_the_key_under_the_mouse_tells_more():
    app = Keys()
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        bar = app.query_one(KeyBar)
        await pilot.hover(KeyBar, offset=(row(app).index("g go on") + 1, 0))
        assert bar.tooltip == "After the plan"
        await pilot.hover(KeyBar, offset=(row(app).index("palette") + 1, 0))
        assert bar.tooltip
        assert bar.tooltip != "After the plan"
        await pilot.hover(KeyBar, offset=(row(app).index("h help") + 1, 0))
        assert not bar.tooltip


async def test_a_key_that_has_no_room_is_left_out():
    app = Keys()
    async with app.run_test(size=(32, 24)) as pilot:
        await pilot.pause()
        assert " ".join(row(app).split()) == "space pause ▏^p palette"
