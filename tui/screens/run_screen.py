"""A live run on the screen: snapshots go to the panes, and keys change how they are seen."""

from __future__ import annotations

from dataclasses import replace
from time import monotonic

from textual import events, on
from textual.app import ComposeResult
from textual.containers import Container, Vertical
from textual.timer import Timer
from textual.widgets import Static

from eetui.core.run.snapshot import Snapshot, Status
from eetui.tui import picture
from eetui.tui.courtesy import Courtesy
from eetui.tui.live import LiveSession
from eetui.tui.messages import Crashed, Published
from eetui.tui.screens.shown import ShownScreen
from eetui.tui.view import View
from eetui.tui.widgets.banner import Banner
from eetui.tui.widgets.chart_pane import ChartPane
from eetui.tui.widgets.error_pane import ErrorPane
from eetui.tui.widgets.ghost_bar import GhostBar
from eetui.tui.widgets.key_bar import KeyBar
from eetui.tui.widgets.loss_chart import LossChart
from eetui.tui.widgets.names_pane import NamesPane
from eetui.tui.widgets.pace_chart import PaceChart
from eetui.tui.widgets.plan_bar import PlanBar
from eetui.tui.widgets.status_line import StatusLine
from eetui.tui.widgets.timeline_bar import TimelineBar
from eetui.tui.widgets.toggle_detail import ToggleDetail
from eetui.tui.widgets.toggle_table import ToggleTable

VIEWS = ("", "-loss", "-pace", "-names")
SMOOTHINGS = (0.0, 0.3, 0.6, 0.8, 0.9, 0.95)
SECONDS_BETWEEN_SHOWINGS = 0.125
SECONDS_WHERE_COVERED = 0.5
"""Behind a dialog the same: there each showing draws all of the screen anew."""
ROOMY = 100
"""Columns in which all keys of the footer have room."""
ANSWER_SECONDS = 0.5
"""How long after a key every snapshot is shown at once: one of them is the answer to it. So is the
first one of a step."""
REST_AFTER_FRAME = 4.0
"""Rest after a frame, in frames, on a single core: a key then seldom waits for one."""
TOO_SMALL = (
    "eetui needs a terminal of at least 60 columns and 18 rows; please make this one larger."
)


class RunScreen(ShownScreen[None]):
    """Shows a session; what may be asked of it is up to the screens that derive from this."""

    CSS_PATH = "run_screen.tcss"
    HORIZONTAL_BREAKPOINTS = [(0, "-tiny"), (60, "-narrow"), (110, "-wide")]  # noqa: RUF012
    VERTICAL_BREAKPOINTS = [(0, "-flat"), (18, "-low"), (34, "-tall")]  # noqa: RUF012
    AUTO_FOCUS = "#toggles"

    def __init__(self, session: LiveSession, courtesy: Courtesy | None = None) -> None:
        super().__init__()
        self._session = session
        self._courtesy = courtesy or Courtesy()
        self.snapshot = session.latest
        self._view = View()
        self._waiting = session.latest
        self._visited: float | None = None
        self._shown_at = 0.0
        self._asked_at = -ANSWER_SECONDS
        self._due: Timer | None = None
        self._is_hurried = False
        self._shown_notice = 0

    def compose(self) -> ComposeResult:
        yield Static(TOO_SMALL, id="too-small")
        with Vertical(id="all"):
            yield StatusLine(id="status")
            yield PlanBar(id="plan")
            yield Banner(id="banner")
            with Container(id="panes"):
                yield ToggleTable(id="toggles")
                yield ToggleDetail(id="detail")
                yield ErrorPane(id="error")
                yield LossChart(id="loss")
                yield NamesPane(id="names")
                yield PaceChart(id="pace", scale="log")
            yield GhostBar(id="ghosts")
            yield TimelineBar(id="timeline")
            yield KeyBar(show_command_palette=True)

    def on_mount(self) -> None:
        self._show(self._session.latest)

    @property
    def is_settled(self) -> bool:
        """Whether the panes have the session's latest snapshot."""
        return self.snapshot is self._session.latest

    def on_resize(self, event: events.Resize) -> None:
        """The palette's key leaves its place to the screen's own keys where that is scarce."""
        for footer in self.query(KeyBar):
            footer.show_command_palette = event.size.width >= ROOMY

    # -- from the session -------------------------------------------------------------------

    def on_published(self, message: Published) -> None:
        """Show the snapshot soon: figures that change eight times a second can still be read."""
        self._waiting = message.snapshot
        now = monotonic()
        is_first = not self.snapshot.step and message.snapshot.step > 0
        is_hurried = is_first or now < self._asked_at + ANSWER_SECONDS
        if self._due is not None and is_hurried and not self._is_hurried:
            self._due.stop()
            self._due = None
        if self._due is None:
            between = SECONDS_BETWEEN_SHOWINGS if self.app.screen is self else SECONDS_WHERE_COVERED
            wait = 0.0 if is_hurried else self._shown_at + between - now
            self._is_hurried = is_hurried
            self._due = self.set_timer(max(wait, 0.001), self._show_waiting)

    def expect_answer(self) -> None:
        """A key was pressed: show what the session makes of it without delay."""
        self._asked_at = monotonic()

    def _show_waiting(self) -> None:
        self._due = None
        self._shown_at = monotonic()
        self._courtesy.busy()
        self._show(self._waiting)
        self.call_after_refresh(self._shown)

    def _shown(self) -> None:
        """The frame is drawn: where it had to share a core, the next one waits in proportion."""
        self._courtesy.done()
        if self._courtesy.is_needed:
            rest = REST_AFTER_FRAME * (monotonic() - self._shown_at)
            self._shown_at = max(self._shown_at, monotonic() + rest - SECONDS_BETWEEN_SHOWINGS)

    def on_crashed(self, message: Crashed) -> None:
        last = message.traceback.strip().splitlines()[-1]
        self._show(
            replace(
                self._session.latest,
                status=Status.FAILED,
                message=f"The trainer stopped: {last}",
                error=message.traceback,
            )
        )

    def _show(self, snapshot: Snapshot) -> None:
        """Hand a snapshot to the panes; each of them redraws only what has changed."""
        self.snapshot = snapshot
        self._follow_visit()
        seen = snapshot.as_seen
        self.query_one(StatusLine).update(seen)
        self.query_one(PlanBar).update(seen)
        self.query_one(Banner).update(snapshot)
        self.query_one(GhostBar).update(snapshot)
        self.query_one(TimelineBar).update(snapshot)
        self.query_one(ToggleTable).update(seen.toggles)
        self.query_one(ErrorPane).update(snapshot.error)
        self.set_class(bool(snapshot.error), "-failed")
        self.query_one(NamesPane).update(seen)
        for chart in self._charts():
            chart.update(snapshot)
        notice = snapshot.notice
        if notice is not None and notice.serial > self._shown_notice:
            self._shown_notice = notice.serial
            self.notify(notice.text, severity=notice.severity)

    def _follow_visit(self) -> None:
        """Read the charts at the step that is looked at, and no more when it is left."""
        then = self.snapshot.visit
        at = None if then is None else float(then.step)
        if at != self._visited:
            self._visited = at
            self._look(replace(self._view, cursor=at))

    def _charts(self) -> list[ChartPane]:
        return [*self.query(ChartPane)]

    # -- how it is looked at -----------------------------------------------------------------

    def _look(self, view: View) -> None:
        self._view = view
        for chart in self._charts():
            chart.look(view)

    def action_switch_axis(self) -> None:
        self._look(replace(self._view, axis="seconds" if self._view.axis == "steps" else "steps"))

    def action_switch_scale(self) -> None:
        """The scale of the chart that has the focus, or of the loss."""
        chart = self.focused if isinstance(self.focused, ChartPane) else None
        if chart is None:
            chart = self.query_one(PaceChart if self.has_class("-pace") else LossChart)
        chart.switch_scale()

    def action_smooth_more(self) -> None:
        self._smooth(+1)

    def action_smooth_less(self) -> None:
        self._smooth(-1)

    @on(ChartPane.Looked)
    def _look_so(self, message: ChartPane.Looked) -> None:
        self._look(message.view)

    def action_look_reset(self) -> None:
        """The whole run, without a cursor."""
        self._look(replace(self._view, window=None, cursor=None))

    def _smooth(self, by: int) -> None:
        index = SMOOTHINGS.index(self._view.smoothing) + by
        smoothing = SMOOTHINGS[max(0, min(index, len(SMOOTHINGS) - 1))]
        self._look(replace(self._view, smoothing=smoothing))

    def action_next_view(self) -> None:
        """All panes, the loss alone, the pace alone, the names alone, and round again."""
        current = next((v for v in VIEWS if v and self.has_class(v)), "")
        following = VIEWS[(VIEWS.index(current) + 1) % len(VIEWS)]
        for view in VIEWS[1:]:
            self.set_class(view == following, view)

    def action_picture(self) -> None:
        """Write what is on the screen as an SVG file into the working folder."""
        picture.write(self.app, f"eetui-step{self.snapshot.step}")
