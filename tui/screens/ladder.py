"""The ladder: from everything off to everything on, measured while one watches."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.screen import Screen
from textual.widgets import Footer

from eetui.core.errors import EetuiError
from eetui.core.measure.ladder import Ladder
from eetui.tui import picture, waterfall
from eetui.tui.live import LiveSession
from eetui.tui.messages import Climbed, Fell
from eetui.tui.widgets.ladder_head import LadderHead
from eetui.tui.widgets.waterfall_pane import WaterfallPane
from eetui.tui.worker import ClimbThread

LEGEND = f"{waterfall.SAVED} saved   {waterfall.MARK} with the author's gain on an Apple M5"


class LadderScreen(Screen[None]):
    """Climbs as soon as it is shown; leaving it ends the climb."""

    CSS_PATH = "ladder.tcss"
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (100, "-wide")]  # noqa: RUF012
    VERTICAL_BREAKPOINTS = [(0, "-low"), (34, "-tall")]  # noqa: RUF012
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "leave", "back to the training", key_display="esc"),
        Binding("r", "again", "climb again"),
        Binding("w", "picture", "picture"),
        Binding("j,down", "scroll(1)", "down", show=False),
        Binding("k,up", "scroll(-1)", "up", show=False),
    ]

    def __init__(self, climb: Iterator[Ladder], session: LiveSession) -> None:
        super().__init__()
        self._first = climb
        self._is_over = False
        self._session = session
        self._thread: ClimbThread | None = None
        self.ladder: Ladder | None = None

    def compose(self) -> ComposeResult:
        with Vertical():
            yield LadderHead(id="head")
            with VerticalScroll(id="rungs", can_focus=False) as rungs:
                rungs.border_title = f"us/step, logarithmic   {LEGEND}"
                yield WaterfallPane(id="waterfall")
            yield Footer(compact=True, show_command_palette=False)

    def on_mount(self) -> None:
        self._climb(self._first)

    def on_unmount(self) -> None:
        if self._thread is not None:
            self._thread.stop()

    def on_climbed(self, message: Climbed) -> None:
        """Show how far it has come."""
        self.ladder = message.ladder
        self._is_over = not message.ladder.doing
        self.query_one(WaterfallPane).update(message.ladder)
        self._tell(message.ladder)
        if self._thread is not None:
            self.call_after_refresh(self._thread.drawn)

    def on_fell(self, message: Fell) -> None:
        """Say why the climb ended; what was measured stays."""
        self._is_over = True
        self.notify(message.reason, title="the ladder", severity="error")
        if self.ladder is not None:
            self._tell(replace(self.ladder, doing="ended early"))

    def _tell(self, ladder: Ladder) -> None:
        self.query_one(LadderHead).update(ladder, self._session.latest)

    def action_scroll(self, rows: int) -> None:
        self.query_one("#rungs").scroll_relative(y=rows, animate=False)

    def action_again(self) -> None:
        """Climb once more, if the last climb is over."""
        if not self._is_over:
            self.notify("The climb is still under way.", severity="warning")
            return
        try:
            self._climb(self._session.climb())
        except EetuiError as error:
            self.notify(str(error), severity="warning")

    def _climb(self, climb: Iterator[Ladder]) -> None:
        self._is_over = False
        self._thread = ClimbThread(climb, self)

    def action_picture(self) -> None:
        """Write what is on the screen as an SVG file into the working folder."""
        picture.write(self.app, "eetui-ladder")

    def action_leave(self) -> None:
        self.dismiss(None)
