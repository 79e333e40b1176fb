"""The race: every way of training this model, side by side, while one watches."""

from __future__ import annotations

from threading import Lock
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical

from eetui.core.errors import UsageError
from eetui.core.race.league import League
from eetui.core.race.race import Race, race_on
from eetui.core.race.roster import CONTESTANTS, parse_names
from eetui.core.race.studies.measures import Measures, measure
from eetui.core.race.studies.one_second import D_MODELS
from eetui.tui import picture, standings
from eetui.tui.actions import RACE_ACTIONS, RACE_BINDINGS
from eetui.tui.live import LiveSession
from eetui.tui.messages import EndedEarly, Measured, Raced
from eetui.tui.screens.prompt import Prompt
from eetui.tui.screens.shown import ShownScreen
from eetui.tui.threads import IteratorThread
from eetui.tui.widgets.contestant_pane import ContestantPane
from eetui.tui.widgets.key_bar import KeyBar
from eetui.tui.widgets.league_table import LeagueTable
from eetui.tui.widgets.measures_pane import MeasuresPane
from eetui.tui.widgets.progress_head import ProgressHead
from eetui.tui.widgets.race_chart import RaceChart

VIEWS = ("", "-table", "-chart", "-names")
MEASURES = "-measures"


class RaceScreen(ShownScreen[None]):
    """Races as soon as it is shown; leaving it ends the race."""

    CSS_PATH = "race.tcss"
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (110, "-wide")]  # noqa: RUF012
    VERTICAL_BREAKPOINTS = [(0, "-low"), (34, "-tall")]  # noqa: RUF012
    AUTO_FOCUS = "#league"
    ACTIONS = RACE_ACTIONS
    BINDINGS: ClassVar[list[BindingType]] = [*RACE_BINDINGS]

    def __init__(self, session: LiveSession) -> None:
        super().__init__()
        self._session = session
        self._core = Lock()
        self._d_model = D_MODELS[0]
        self._names: list[str] | None = None
        self._race: Race | None = None
        self._racing: IteratorThread[League] | None = None
        self._measuring: IteratorThread[Measures] | None = None
        self._is_held = False
        self._view = VIEWS[0]
        self.league: League | None = None
        self.measures: Measures | None = None

    def compose(self) -> ComposeResult:
        with Vertical():
            yield ProgressHead("the race", id="head")
            with Vertical(id="views"):
                yield LeagueTable(id="league")
                with Horizontal(id="below"):
                    yield RaceChart(id="chart")
                    yield ContestantPane(id="contestant")
                yield MeasuresPane(id="measures")
            yield KeyBar()

    def on_mount(self) -> None:
        self._begin()

    def on_unmount(self) -> None:
        if self._racing is not None:
            self._racing.stop()
        if self._measuring is not None:
            self._measuring.stop()

    # -- from the threads ---------------------------------------------------------------------

    def on_raced(self, message: Raced) -> None:
        """Show how far it has come."""
        self.league = message.league
        self.query_one(LeagueTable).update(message.league)
        self._show_selected()
        self._tell()
        if self._racing is not None:
            self.call_after_refresh(self._racing.drawn)

    def on_measured(self, message: Measured) -> None:
        """Show what has been measured; at the end the race goes on, if it was held for it."""
        self.measures = message.measures
        self.query_one(MeasuresPane).update(message.measures)
        if self._measuring is not None:
            self.call_after_refresh(self._measuring.drawn)
        if not message.measures.doing:
            self._end_measuring()
        self._tell()

    def on_ended_early(self, message: EndedEarly) -> None:
        """Say why something ended; what was measured stays."""
        self.notify(message.reason, title="the race", severity="error", markup=False)
        self._end_measuring()
        self._tell()

    def _end_measuring(self) -> None:
        self._measuring = None
        if self._is_held and self._racing is not None:
            self._racing.resume()
        self._is_held = False

    @on(LeagueTable.Selected)
    def _show_selected(self) -> None:
        if self.league is None:
            return
        selected = self.query_one(LeagueTable).selected
        self.query_one(RaceChart).update(self.league, selected)
        self.query_one(ContestantPane).update(self.league.find(selected))

    def _tell(self) -> None:
        doing, progress = "getting ready", 0.0
        if self._view == MEASURES and self.measures is not None:
            doing, progress = self.measures.doing or "measured", self.measures.progress
        elif self.league is not None:
            doing, progress = self.league.doing or "the race is over", self.league.progress
            if self.league.doing and self._racing is not None and self._racing.is_paused:
                doing = "‖ paused"
        about = standings.about(self.league) if self.league else ("every way of training", "")
        self.query_one(ProgressHead).update(about, doing, progress, self._session.latest)

    # -- the race -----------------------------------------------------------------------------

    def _begin(self) -> None:
        """A new race, as soon as the last one has let go of the core."""
        if self._racing is not None:
            self._racing.stop()
        self._race = None
        subject, names = self._session.subject.at_width(self._d_model), self._names

        def start() -> Race:
            self._race = race_on(subject, names)
            return self._race

        self._racing = IteratorThread("racing", start, Raced, self, self._core)

    def action_toggle_pause(self) -> None:
        """Rest or go on."""
        if self._racing is None or self.league is None or not self.league.doing:
            self.notify("The race is over: r starts it again.", severity="warning")
        elif self._racing.is_paused:
            self._is_held = False
            self._racing.resume()
        else:
            self._racing.pause()
        self._tell()

    def action_skip(self) -> None:
        """End the contestant under the cursor."""
        name = self.query_one(LeagueTable).selected
        try:
            if self._race is None:
                raise UsageError("The race has not begun yet.")
            self._race.skip(name)
        except UsageError as error:
            self.notify(str(error), severity="warning", markup=False)
            return
        if self._racing is not None and self._racing.is_paused:
            self.notify(f"{name} ends as soon as the race goes on.")

    def action_again(self) -> None:
        """Start over what is on the screen: the race or the measurements."""
        if self._view == MEASURES:
            self._measure()
        else:
            self._begin()

    def action_widen(self) -> None:
        """Race at the next width."""
        self._d_model = D_MODELS[(D_MODELS.index(self._d_model) + 1) % len(D_MODELS)]
        self._begin()

    def action_choose(self) -> None:
        """Ask who races."""

        def answered(text: str | None) -> None:
            if text is None:
                return
            try:
                self._names = parse_names(text) if text else None
            except UsageError as error:
                self.notify(str(error), severity="error", markup=False)
            else:
                self._begin()

        question = "Who races (names with commas between them, or nothing for everyone)"
        text = ",".join(self._names or CONTESTANTS)
        self.app.push_screen(Prompt(question, text), answered)

    # -- the measurements ---------------------------------------------------------------------

    def action_measure(self) -> None:
        """The loss within a second and a GPU's launches, or back to the race."""
        if self._view == MEASURES:
            self._look(VIEWS[0])
            return
        self._look(MEASURES)
        if self.measures is None and self._measuring is None:
            self._measure()

    def _measure(self) -> None:
        """Measure while the race rests."""
        if self._measuring is not None:
            self.notify("The measurements are still under way.", severity="warning")
            return
        if self._racing is not None and not self._racing.is_paused:
            self._is_held = True
            self._racing.pause()
        dataset, seed = self._session.subject.dataset, self._session.subject.train.seed
        self._measuring = IteratorThread(
            "measuring", lambda: measure(dataset, seed), Measured, self, self._core
        )

    # -- what is seen -------------------------------------------------------------------------

    def _look(self, view: str) -> None:
        self._view = view
        for each in (*VIEWS[1:], MEASURES):
            self.set_class(each == view, each)
        self._tell()

    def action_next_view(self) -> None:
        """All, the league alone, the chart alone, the contestant alone, and round again."""
        following = VIEWS.index(self._view) + 1 if self._view in VIEWS else 0
        self._look(VIEWS[following % len(VIEWS)])

    def action_switch_order(self) -> None:
        self.query_one(LeagueTable).switch_order()

    def action_switch_axis(self) -> None:
        self.query_one(RaceChart).switch_axis()

    def action_switch_scale(self) -> None:
        self.query_one(RaceChart).switch_scale()

    def action_picture(self) -> None:
        """Write what is on the screen as an SVG file into the working folder."""
        picture.write(self.app, "eetui-race")

    def action_leave(self) -> None:
        """Back to the race from the measurements, else to the training."""
        if self._view == MEASURES:
            self._look(VIEWS[0])
        else:
            self.dismiss(None)
