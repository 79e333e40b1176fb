"""The ladder: from everything off to everything on, measured while one watches."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical, VerticalScroll

from eetui.core.measure.climb import climb
from eetui.core.measure.ladder import Ladder
from eetui.tui import picture, waterfall
from eetui.tui.actions import LADDER_ACTIONS, LADDER_BINDINGS
from eetui.tui.live import LiveSession
from eetui.tui.messages import Climbed, EndedEarly
from eetui.tui.screens.shown import ShownScreen
from eetui.tui.threads import IteratorThread
from eetui.tui.widgets.key_bar import KeyBar
from eetui.tui.widgets.progress_head import ProgressHead
from eetui.tui.widgets.waterfall_pane import WaterfallPane

LEGEND = f"{waterfall.SAVED} saved   {waterfall.MARK} with the author's gain on an Apple M5"


class LadderScreen(ShownScreen[None]):
    """Climbs as soon as it is shown; leaving it ends the climb."""

    CSS_PATH = "ladder.tcss"
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (100, "-wide")]  # noqa: RUF012
    VERTICAL_BREAKPOINTS = [(0, "-low"), (34, "-tall")]  # noqa: RUF012
    ACTIONS = LADDER_ACTIONS
    BINDINGS: ClassVar[list[BindingType]] = [*LADDER_BINDINGS]

    def __init__(self, session: LiveSession) -> None:
        super().__init__()
        self._is_over = False
        self._session = session
        self._thread: IteratorThread[Ladder] | None = None
        self.ladder: Ladder | None = None

    def compose(self) -> ComposeResult:
        with Vertical():
            yield ProgressHead("the ladder", id="head")
            with VerticalScroll(id="rungs", can_focus=False) as rungs:
                rungs.border_title = f"us/step, logarithmic   {LEGEND}"
                yield WaterfallPane(id="waterfall")
            yield KeyBar()

    def on_mount(self) -> None:
        self._climb()

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

    def on_ended_early(self, message: EndedEarly) -> None:
        """Say why the climb ended; what was measured stays."""
        self._is_over = True
        self.notify(message.reason, title="the ladder", severity="error")
        if self.ladder is not None:
            self._tell(replace(self.ladder, doing="ended early"))

    def _tell(self, ladder: Ladder) -> None:
        doing = ladder.doing or f"{ladder.rounds} rounds done"
        self.query_one(ProgressHead).update(
            waterfall.about(ladder), doing, ladder.progress, self._session.latest
        )

    def action_scroll(self, rows: int) -> None:
        self.query_one("#rungs").scroll_relative(y=rows, animate=False)

    def action_again(self) -> None:
        """Climb once more, if the last climb is over."""
        if not self._is_over:
            self.notify("The climb is still under way.", severity="warning")
            return
        self._climb(ablate=self.ladder is not None and self.ladder.is_ablated)

    def action_ablate(self) -> None:
        """Climb once more, if that is over, and take each rung away from everything on as well."""
        if not self._is_over:
            self.notify("The climb is still under way.", severity="warning")
            return
        self._climb(ablate=True)

    def _climb(self, *, ablate: bool = False) -> None:
        self._is_over = False
        subject = self._session.subject
        self._thread = IteratorThread(
            "climbing", lambda: climb(subject, ablate=ablate), Climbed, self
        )

    def action_picture(self) -> None:
        """Write what is on the screen as an SVG file into the working folder."""
        picture.write(self.app, "eetui-ladder")

    def action_leave(self) -> None:
        self.dismiss(None)
