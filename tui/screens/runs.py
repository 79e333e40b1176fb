"""The runs that wrote themselves down: found, compared, kept in order, and gone on with."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.widgets import Input

from eetui.core.errors import EetuiError
from eetui.core.store.capsule import SUFFIX, pack
from eetui.core.store.listing import ORDERS, Order, filtered, ordered, require_keys, tree
from eetui.core.store.resume import data_of
from eetui.core.store.run_record import Curves, Summary
from eetui.core.store.store import Store
from eetui.tui import picture
from eetui.tui.actions import RUNS_ACTIONS, RUNS_BINDINGS
from eetui.tui.rows import SERIES, Role
from eetui.tui.screens.confirm import Confirm
from eetui.tui.screens.prompt import Prompt
from eetui.tui.screens.shown import ShownScreen
from eetui.tui.widgets.field import Field
from eetui.tui.widgets.key_bar import KeyBar
from eetui.tui.widgets.runs_chart import Line, RunsChart
from eetui.tui.widgets.runs_detail import RunsDetail
from eetui.tui.widgets.runs_table import RunsTable

VIEWS = ("", "-table", "-chart")
MARKS = "●▲■◆▼★"
STYLES = (
    "$secondary",
    "$success",
    "$foreground 70%",
    "$secondary-lighten-3",
    "$warning-darken-1",
    "$success-darken-2",
)
"""As the chart's series have them in runs.tcss."""
CURSOR = ("▸", "$primary")
SECONDS_BETWEEN_READINGS = 3.0
MOST_READ_AGAIN = 2000
"""With more runs than these the list is read again only when something is done to it."""


class RunsScreen(ShownScreen[str | None]):
    """Gives the id of the run to go on with, or None. The training goes on meanwhile."""

    CSS_PATH = "runs.tcss"
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (110, "-wide")]  # noqa: RUF012
    VERTICAL_BREAKPOINTS = [(0, "-low"), (34, "-tall")]  # noqa: RUF012
    AUTO_FOCUS = "#runs"
    ACTIONS = RUNS_ACTIONS
    BINDINGS: ClassVar[list[BindingType]] = [
        *RUNS_BINDINGS,
        Binding("up,k", "move(-1)", "up", show=False),
        Binding("down,j", "move(1)", "down", show=False),
    ]

    def __init__(self, store: Path, current: str | None = None) -> None:
        super().__init__()
        self._store = Store(store)
        self._current = current
        self._runs: list[Summary] = []
        self._curves: dict[str, tuple[float, Curves]] = {}
        self._ticked: dict[str, int] = {}
        self._deleted: list[str] = []
        self._order: Order = "age"
        self._backwards = False
        self._keys: tuple[str, ...] = ()
        self._folded: frozenset[tuple[tuple[str, str], ...]] = frozenset()
        self._view = VIEWS[0]

    def compose(self) -> ComposeResult:
        with Vertical():
            yield Field(
                placeholder="type / to filter: words, or settings such as d_model=64",
                id="filter",
                compact=True,
            )
            yield RunsTable(id="runs")
            with Horizontal(id="below"):
                yield RunsChart(id="chart")
                yield RunsDetail(id="detail")
            yield KeyBar()

    def on_mount(self) -> None:
        self._read()
        self.set_interval(SECONDS_BETWEEN_READINGS, self._read_again)

    def on_unmount(self) -> None:
        self._store.close()

    # -- what is shown ------------------------------------------------------------------------

    def _read_again(self) -> None:
        if len(self._runs) <= MOST_READ_AGAIN:
            self._read()

    def _read(self) -> None:
        """Take the list from the store, and show it."""
        try:
            self._runs = self._store.runs()
        except EetuiError as error:
            self.notify(str(error), severity="error", markup=False)
            return
        known = {run.id for run in self._runs}
        self._ticked = {run: place for run, place in self._ticked.items() if run in known}
        self._show()

    def _show(self) -> None:
        text = self.query_one("#filter", Input).value
        found = ordered(filtered(self._runs, text), self._order, self._backwards)
        marks = {run: (MARKS[i], STYLES[i]) for run, i in self._ticked.items()}
        table = self.query_one(RunsTable)
        table.update(tree(found, self._keys, self._folded), marks, self._order)
        table.border_title = f"{len(found):,} of {len(self._runs):,} runs"
        self._show_selected()

    @on(RunsTable.Selected)
    def _show_selected(self) -> None:
        """Lay the ticked runs over each other, and the one under the cursor if there are none."""
        selected = self.query_one(RunsTable).selected
        ticked = [run for run in self._runs if run.id in self._ticked]
        shown = ticked or ([selected] if selected is not None else [])
        lines = []
        for run in shown:
            place = self._ticked.get(run.id)
            mark = CURSOR[0] if place is None else MARKS[place]
            role = Role.LINE if place is None else SERIES[place]
            lines.append(Line(run, self._curves_of(run), mark, role))
        self.query_one(RunsChart).update(lines)
        styles = [
            CURSOR if run.id not in self._ticked else (
                MARKS[self._ticked[run.id]], STYLES[self._ticked[run.id]]
            )
            for run in shown
        ]  # fmt: skip
        self.query_one(RunsDetail).update(shown, styles)

    def _curves_of(self, run: Summary) -> Curves:
        """The curves as they were last written, read only if they have changed."""
        updated, curves = self._curves.get(run.id, (-1.0, Curves()))
        if updated != run.updated:
            try:
                curves = self._store.curves(run.id)
            except EetuiError as error:
                self.notify(str(error), severity="error", markup=False)
            self._curves[run.id] = (run.updated, curves)
        return curves

    def action_move(self, rows: int) -> None:
        """Move the cursor, in the list or past what the chart shows."""
        self.query_one(RunsTable).action_move(rows)

    # -- finding ------------------------------------------------------------------------------

    def action_filter(self) -> None:
        self.set_focus(self.query_one("#filter", Input))  # at once, for the next key is a letter

    @on(Input.Changed, "#filter")
    def _filter(self) -> None:
        self._show()

    @on(Input.Submitted, "#filter")
    def _filtered(self) -> None:
        self.query_one(RunsTable).focus()

    def action_switch_order(self) -> None:
        orders = [*ORDERS]
        self._sort_by(orders[(orders.index(self._order) + 1) % len(orders)])

    @on(RunsTable.Sorted)
    def _sorted(self, message: RunsTable.Sorted) -> None:
        self._sort_by(message.order)

    def _sort_by(self, order: Order) -> None:
        """By another column; by the same one the other way round."""
        self._backwards = order == self._order and not self._backwards
        self._order = order
        self._show()

    def action_reverse(self) -> None:
        self._sort_by(self._order)

    def action_group(self) -> None:
        def answered(text: str | None) -> None:
            if text is not None:
                self._try(lambda: self._group_by(require_keys(text, self._runs)))

        question = "Group by settings (such as d_model,batch; nothing for a plain list)"
        self.app.push_screen(Prompt(question, ",".join(self._keys)), answered)

    def _group_by(self, keys: tuple[str, ...]) -> None:
        self._keys, self._folded = keys, frozenset()
        self._show()

    # -- keeping in order ---------------------------------------------------------------------

    def action_tick(self) -> None:
        """Lay the run under the cursor over the chart, or take it off; fold or unfold a group."""
        table = self.query_one(RunsTable)
        if table.group is not None:
            self._folded ^= {table.group.path}
        elif table.selected is not None:
            run = table.selected.id
            if self._ticked.pop(run, None) is None:
                self._tick(run)
        self._show()

    def _tick(self, run: str) -> None:
        """Give the run the colour that is its own, or the next that is free."""
        taken = set(self._ticked.values())
        own = int(run, 16)
        free = [i for i in range(len(MARKS)) if (own + i) % len(MARKS) not in taken]
        if free:
            self._ticked[run] = (own + free[0]) % len(MARKS)
        else:
            self.notify("Six runs lie over each other already: untick one.", severity="warning")

    def action_untick(self) -> None:
        self._ticked.clear()
        self._show()

    def _try(self, what: Callable[[], object]) -> None:
        """Do something to the store; what is wrong with it is said."""
        try:
            what()
        except EetuiError as error:
            self.notify(str(error), severity="error", markup=False)

    def _change(self, what: Callable[[], object]) -> None:
        self._try(what)
        self._read()

    def _ask(self, question: str, text: str, answer: Callable[[str], object]) -> None:
        def answered(given: str | None) -> None:
            if given is not None:
                self._change(lambda: answer(given))

        self.app.push_screen(Prompt(question, text), answered)

    def action_rename(self) -> None:
        if run := self.query_one(RunsTable).selected:
            chosen = run.id
            self._ask("Call the run", run.name, lambda name: self._store.rename(chosen, name))

    def action_note(self) -> None:
        if run := self.query_one(RunsTable).selected:
            chosen = run.id
            self._ask("Note on the run", run.note, lambda text: self._store.annotate(chosen, text))

    def action_pin(self) -> None:
        if run := self.query_one(RunsTable).selected:
            chosen, pinned = run.id, not run.pinned
            self._change(lambda: self._store.pin(chosen, pinned))

    def action_delete(self) -> None:
        """Delete the ticked runs, else the one under the cursor, after a question."""
        selected = self.query_one(RunsTable).selected
        chosen = [*self._ticked] or ([selected.id] if selected else [])
        names = [run.name for run in self._runs if run.id in chosen]
        if self._current in chosen:
            self.notify("The run on the screen cannot be deleted.", severity="warning")
            return
        if not names:
            return

        def answered(yes: bool | None) -> None:
            if yes:
                self._deleted = chosen
                self._change(lambda: self._store.delete(chosen))

        what = names[0] if len(names) == 1 else f"{len(names)} runs"
        self.app.push_screen(Confirm(f"Delete {what}? u brings it back.", "Delete"), answered)

    def action_undo(self) -> None:
        """Bring back what was deleted last."""
        if not self._deleted:
            self.notify("Nothing was deleted here.", severity="warning")
            return
        chosen, self._deleted = self._deleted, []
        self._change(lambda: self._store.restore(chosen))

    def action_export(self) -> None:
        """Write the capsule of the run under the cursor."""
        run = self.query_one(RunsTable).selected
        if run is None:
            return
        chosen = run.id

        def write(name: str) -> None:
            from eetui.core.files import named, write_new

            path = named(name if name.endswith(SUFFIX) else f"{name}{SUFFIX}")
            written = write_new(path, pack(self._store, chosen).to_bytes())
            self.notify(f"Wrote {written}.", markup=False)

        self._ask("Write the run as a capsule to", f"{run.name.replace(' ', '-')}{SUFFIX}", write)

    # -- going on -----------------------------------------------------------------------------

    def action_resume(self) -> None:
        """Leave for the run under the cursor; the one on the screen is in the store."""
        run = self.query_one(RunsTable).selected
        if run is None:
            self.action_tick()
        elif run.id == self._current:
            self.dismiss(None)
        else:
            chosen = run
            self._try(lambda: (data_of(chosen), self.dismiss(chosen.id)))

    def action_leave(self) -> None:
        """Out of the filter, which is emptied, else back to the training."""
        box = self.query_one("#filter", Input)
        if box.has_focus or box.value:
            box.value = ""
            self.query_one(RunsTable).focus()
        else:
            self.dismiss(None)

    # -- the chart ----------------------------------------------------------------------------

    def action_switch_axis(self) -> None:
        self.query_one(RunsChart).switch_axis()

    def action_switch_scale(self) -> None:
        self.query_one(RunsChart).switch_scale()

    def action_switch_loss(self) -> None:
        self.query_one(RunsChart).switch_loss()

    def action_next_view(self) -> None:
        """All, the list alone, the chart alone, and round again."""
        self._view = VIEWS[(VIEWS.index(self._view) + 1) % len(VIEWS)]
        for view in VIEWS[1:]:
            self.set_class(view == self._view, view)
        self.query_one(RunsChart if self._view == "-chart" else RunsTable).focus()

    def action_picture(self) -> None:
        """Write what is on the screen as an SVG file into the working folder."""
        picture.write(self.app, "eetui-runs")
