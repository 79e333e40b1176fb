"""The sweep: many short runs that fill in a map, a front and a league while one watches."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical

from eetui.core.errors import EetuiError
from eetui.core.files import named
from eetui.core.store.store import Store
from eetui.core.sweep.point import SweepPoint
from eetui.core.sweep.progress import SweepProgress
from eetui.core.sweep.request import SweepRequest, read_request
from eetui.core.sweep.start import start_sweep
from eetui.core.sweep.study_export import require_export, write_export
from eetui.core.sweep.sweep import Sweep
from eetui.core.text import visible
from eetui.tui import figures, picture
from eetui.tui.actions import SWEEP_ACTIONS, SWEEP_BINDINGS
from eetui.tui.live import LiveSession
from eetui.tui.messages import EndedEarly, GoOnWith, Swept
from eetui.tui.rows import SERIES
from eetui.tui.screens.prompt import Prompt
from eetui.tui.screens.runs import MARKS
from eetui.tui.screens.runs import STYLES as MARK_STYLES
from eetui.tui.screens.shown import ShownScreen
from eetui.tui.threads import IteratorThread
from eetui.tui.widgets.front_chart import FrontChart
from eetui.tui.widgets.importance_pane import ImportancePane
from eetui.tui.widgets.key_bar import KeyBar
from eetui.tui.widgets.points_table import PointsTable
from eetui.tui.widgets.progress_head import ProgressHead
from eetui.tui.widgets.runs_chart import Line, RunsChart
from eetui.tui.widgets.sweep_map_pane import SweepMapPane

VIEWS = ("", "-map", "-front", "-league", "-importance")
EXAMPLE = "--d-model 16,32,64 --lr 0.001..0.03 --batch 8..128 --aim loss@0.5s"
QUESTION = "Sweep over (or the name of a study to go on with, sweep.sh, time-to-2)"


class SweepScreen(ShownScreen[None]):
    """Asks what to sweep over; leaving it stops the sweep, which its study goes on with."""

    CSS_PATH = "sweep.tcss"
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (110, "-wide")]  # noqa: RUF012
    VERTICAL_BREAKPOINTS = [(0, "-low"), (34, "-tall")]  # noqa: RUF012
    AUTO_FOCUS = "#league"
    ACTIONS = SWEEP_ACTIONS
    BINDINGS: ClassVar[list[BindingType]] = [*SWEEP_BINDINGS]

    def __init__(self, session: LiveSession, store: Path | None) -> None:
        super().__init__()
        self._session, self._store = session, store
        self._sweep: Sweep | None = None
        self._thread: IteratorThread[SweepProgress] | None = None
        self._typed = EXAMPLE
        self._ticked: dict[int, int] = {}
        self._view = VIEWS[0]
        self.progress: SweepProgress | None = None

    def compose(self) -> ComposeResult:
        with Vertical():
            yield ProgressHead("the sweep", id="head")
            with Vertical(id="views"):
                with Horizontal(id="above"):
                    yield SweepMapPane(id="map")
                    yield FrontChart(id="front")
                    yield RunsChart(id="runs")
                with Horizontal(id="below"):
                    yield PointsTable(id="league")
                    yield ImportancePane(id="importance")
            yield KeyBar()

    def on_mount(self) -> None:
        self._tell()
        self.action_new()

    def on_unmount(self) -> None:
        self._end()

    # -- the sweep ----------------------------------------------------------------------------

    def action_new(self) -> None:
        """Ask what to sweep over, and begin in place of what there is."""

        def answered(text: str | None) -> None:
            if text is None:
                return
            self._typed = text
            try:
                self._begin(read_request(text))
            except EetuiError as error:
                self.notify(str(error), severity="error", markup=False)

        self.app.push_screen(Prompt(QUESTION, self._typed), answered)

    def _begin(self, request: SweepRequest) -> None:
        self._end()
        self._sweep, self.progress = None, None
        self._ticked.clear()
        self.query_one(PointsTable).begin()
        store, data = self._store, self._session.subject.dataset.source

        def start() -> Sweep:
            self._sweep = start_sweep(request, store, data=data)
            return self._sweep

        self._thread = IteratorThread("sweeping", start, Swept, self)
        self._tell()

    def _end(self) -> None:
        """Let the sweep put back what it has at work."""
        if self._sweep is not None:
            self._sweep.stop()
        if self._thread is not None:
            self._thread.stop()

    def on_swept(self, message: Swept) -> None:
        """Show how far it has come."""
        self.progress = message.progress
        if not message.progress.doing:
            self._typed = message.progress.reference
        self._show()
        if self._thread is not None:
            self.call_after_refresh(self._thread.drawn)

    def on_ended_early(self, message: EndedEarly) -> None:
        """Say why the sweep ended; what was found stays."""
        self.notify(message.reason, title="the sweep", severity="error", markup=False)
        self._sweep = self._thread = None
        self._tell()

    def action_toggle_pause(self) -> None:
        """Begin no more runs, or go on."""
        if self._sweep is None or self.progress is None or not self.progress.doing:
            self.notify("No sweep is under way: n begins one.", severity="warning")
        elif self._sweep.is_paused:
            self._sweep.resume()
        else:
            self._sweep.pause()

    def action_stop(self) -> None:
        """End the sweep; its study goes on with n."""
        if self._sweep is None:
            self.notify("No sweep is under way: n begins one.", severity="warning")
        else:
            self._sweep.stop()

    # -- what is shown ------------------------------------------------------------------------

    @property
    def _selected(self) -> SweepPoint | None:
        number = self.query_one(PointsTable).selected
        return None if self.progress is None else self.progress.find(number)

    @on(PointsTable.Selected)
    def _show(self) -> None:
        progress = self.progress
        if progress is None:
            return
        marks = {n: (MARKS[i], MARK_STYLES[i]) for n, i in self._ticked.items()}
        table = self.query_one(PointsTable)
        table.update(progress, marks)
        self.query_one(SweepMapPane).update(progress, table.selected)
        self.query_one(FrontChart).update(progress, table.selected)
        self.query_one(ImportancePane).update(progress, self._selected)
        self._tell()

    def _tell(self) -> None:
        progress = self.progress
        if progress is None:
            doing = "getting ready" if self._thread is not None else "n begins a sweep"
            about, share = ("many short runs over a space of settings", ""), 0.0
        else:
            workers = "1 worker" if progress.workers == 1 else f"{progress.workers} workers"
            about = (progress.about, workers)
            doing, share = f"{progress.doing or 'over'}: {progress.counts}", progress.progress
            if progress.doing and progress.left is not None:
                doing += f", {figures.elapsed(progress.left)} left"
        self.query_one(ProgressHead).update(about, doing, share, self._session.latest)

    def action_tick(self) -> None:
        """Lay the runs of the point under the cursor over each other, or take them off."""
        point = self._selected
        if point is None:
            return
        if self._ticked.pop(point.number, None) is None:
            free = [i for i in range(len(MARKS)) if i not in self._ticked.values()]
            if not free:
                self.notify("Six points are ticked already: untick one.", severity="warning")
                return
            self._ticked[point.number] = free[0]
        self._overlay()

    def action_untick(self) -> None:
        self._ticked.clear()
        self._overlay()

    def _overlay(self) -> None:
        """The first run of each ticked point, in the place of the front."""
        self.set_class(bool(self._ticked), "-ticked")
        if self._store is not None and self.progress is not None:
            try:
                with Store(self._store) as store:
                    self.query_one(RunsChart).update(self._lines(store, self.progress))
            except EetuiError as error:
                self.notify(str(error), severity="error", markup=False)
        self._show()

    def _lines(self, store: Store, progress: SweepProgress) -> list[Line]:
        lines = []
        for number, place in self._ticked.items():
            point = progress.find(number)
            for training in point.trainings[:1] if point is not None else ():
                if training.run:
                    run = store.find(training.run)
                    lines.append(Line(run, store.curves(run.id), MARKS[place], SERIES[place]))
        return lines

    def action_next_on_front(self) -> None:
        """Put the cursor on the next point of the front."""
        table = self.query_one(PointsTable)
        following = self.query_one(FrontChart).after(table.selected)
        if following is not None:
            table.choose(following)

    def action_switch_x(self) -> None:
        self.query_one(SweepMapPane).switch_x()

    def action_switch_y(self) -> None:
        self.query_one(SweepMapPane).switch_y()

    def action_next_view(self) -> None:
        """All, the map alone, the front, the league, what matters, and round again."""
        self._view = VIEWS[(VIEWS.index(self._view) + 1) % len(VIEWS)]
        for view in VIEWS[1:]:
            self.set_class(view == self._view, view)

    # -- what is done with it -----------------------------------------------------------------

    def action_open(self) -> None:
        """Leave for the run of the point under the cursor."""
        point = self._selected
        run = next((t.run for t in point.trainings if t.run), "") if point is not None else ""
        if not run:
            self.notify("No run of this point is in the store.", severity="warning")
            return
        self._end()
        self.app.post_message(GoOnWith(run))

    def action_export(self) -> None:
        """Write the study to a file."""
        progress = self.progress
        if progress is None:
            return

        def answered(name: str | None) -> None:
            if not name:
                return
            try:
                path = named(name)
                require_export(path)
                write_export(path, progress)
            except EetuiError as error:
                self.notify(str(error), severity="error", markup=False)
            else:
                self.notify(f"Wrote {visible(str(path))}.", markup=False)

        name = f"{progress.study.replace(' ', '-')}.csv"
        self.app.push_screen(Prompt("Write the study to (.csv, .json, .parquet)", name), answered)

    def action_picture(self) -> None:
        """Write what is on the screen as an SVG file into the working folder."""
        picture.write(self.app, "eetui-sweep")

    def action_leave(self) -> None:
        self.dismiss(None)
