"""Ways to wait for the screen and to read it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from textual.content import Content
from textual.pilot import Pilot
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import Input

from eetui.tui.app import EetuiApp
from eetui.tui.screens.main import MainScreen
from eetui.tui.widgets.chart_pane import ChartPane

FULL = (120, 40)
COMPACT = (80, 24)


async def until(pilot: Pilot[Any], condition: Callable[[], bool]) -> None:
    """Let the screen work until `condition` holds; fails if it never does."""
    for _ in range(500):
        if condition():
            return
        await pilot.pause(0.02)
    raise AssertionError("the screen never got there")


class NotedApp(EetuiApp):
    """The program, with a list of all that it gave notice of."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.notices: list[str] = []

    def notify(self, message: str, **options: Any) -> None:
        self.notices.append(message)
        super().notify(message, **options)


def everything(screen: Screen[Any]) -> str:
    """Every character that the widgets of a screen draw, frames and notices included."""
    widgets = screen.walk_children(Widget)
    strips = [s for w in widgets for s in w.render_lines(w.outer_size.region)]
    return "\n".join(strip.text for strip in strips)


def main_screen(pilot: Pilot[Any]) -> MainScreen:
    """The main screen, also where a dialog covers it."""
    return next(s for s in pilot.app.screen_stack if isinstance(s, MainScreen))


async def settle(pilot: Pilot[Any]) -> None:
    """Wait until the panes show the session's latest snapshot, and stop the cursor's blinking."""

    def settled() -> bool:
        main = next((s for s in pilot.app.screen_stack if isinstance(s, MainScreen)), None)
        if main is None or not main.is_mounted:
            return False
        return main.is_settled and all(c.is_settled for c in main.query(ChartPane))

    await until(pilot, settled)
    await pilot.pause()
    for field in pilot.app.screen.query(Input):
        field.cursor_blink = False


def text(widget: Widget) -> str:
    """What a widget shows, as plain text."""
    region = widget.content_region
    size = region.size
    lines = widget.render_lines(size.region.at_offset(widget.content_offset))
    return "\n".join(strip.text.rstrip() for strip in lines)


def shown(pilot: Pilot[Any], selector: str) -> str:
    """The plain text of a widget of the main screen."""
    return text(main_screen(pilot).query_one(selector))


def title(widget: Widget) -> str:
    """What stands on the upper edge of a widget's frame, as plain text."""
    return Content.from_markup(widget.border_title or "").plain


def subtitle(widget: Widget) -> str:
    """What stands on the lower edge of a widget's frame, as plain text."""
    return Content.from_markup(widget.border_subtitle or "").plain


def toasts(pilot: Pilot[Any]) -> list[str]:
    """The notices so far."""
    assert isinstance(pilot.app, NotedApp)
    return pilot.app.notices
