"""The league: a row for every contestant. Those that cannot race have the reason."""

from __future__ import annotations

from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.geometry import Size
from textual.message import Message

from eetui.core.race.league import League
from eetui.core.race.standing import ContestantStatus, Standing
from eetui.core.race.studies.published import find_published
from eetui.tui import figures, standings
from eetui.tui.widgets.pane import DIM, MUTED, LinesPane, Part, line

NAME_WIDTH = 18
COLUMNS = (
    ("us/sample", 10, 0),
    ("speed-up", 10, 0),
    ("samples", 9, 126),
    ("loss", 7, 0),
    ("held out", 10, 0),
    ("threshold", 8, 0),
    ("params", 8, 94),
    ("work", 19, 114),
    ("on M5", 8, 94),
)
"""Heading, width, and the smallest width of the pane that shows the column."""
ORDERS = {
    "us/sample": "us/sample",
    "speed-up": "us/sample",
    "loss": "loss",
    "held out": "held-out loss",
    "threshold": "time to the threshold",
}
"""What a click on a heading sorts by."""

STYLES = {
    ContestantStatus.WAITING: MUTED,
    ContestantStatus.COMPILING: "$text-warning",
    ContestantStatus.RUNNING: "$text-success",
    ContestantStatus.FAILED: "$text-error",
}


class LeagueTable(LinesPane, can_focus=True):
    """Sorted live. The cursor stays on the leader until the user moves it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", "up", show=False),
        Binding("down,j", "move(1)", "down", show=False),
        Binding("home", "move(-100)", "first", show=False),
        Binding("end", "move(100)", "last", show=False),
    ]

    class Selected(Message):
        """The cursor has moved to another contestant."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.order = next(iter(standings.ORDERS))
        self.selected = ""
        self._is_chosen = False
        self._league: League | None = None
        self._rows: list[Standing] = []

    def update(self, league: League) -> None:
        """Show where every contestant stands."""
        n_rows, self._league = len(self._rows), league
        self._rows = standings.ordered(league, self.order)
        if len(self._rows) != n_rows:
            self.refresh(layout=True)
        if not self._is_chosen or all(s.name != self.selected for s in self._rows):
            self.selected = self._rows[0].name
        self._draw()

    def switch_order(self) -> None:
        """Sort by the next of the orders."""
        orders = list(standings.ORDERS)
        self._sort_by(orders[(orders.index(self.order) + 1) % len(orders)])

    def _sort_by(self, order: str | None) -> None:
        if order is not None and self._league is not None:
            self.order = order
            self.update(self._league)

    def _heading(self, x: int) -> str | None:
        """The order that a heading stands for; that of the names is the line-up."""
        edge = NAME_WIDTH + 2
        if x < edge:
            return "line-up"
        for word, width, least in COLUMNS:
            if self.content_size.width >= least:
                edge += width
                if x < edge:
                    return ORDERS.get(word)
        return None

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """A heading and a row for each."""
        return 1 + len(self._rows)

    def on_resize(self, _event: events.Resize) -> None:
        self._draw()

    def action_move(self, rows: int) -> None:
        """Move the cursor, stopping at the ends."""
        self._select(self._cursor + rows)

    def on_click(self, event: events.Click) -> None:
        offset = event.get_content_offset(self)
        if offset is not None and offset.y == 0:
            self._sort_by(self._heading(offset.x))
        elif offset is not None and 0 < offset.y <= len(self._rows) - self._first:
            self._select(self._first + offset.y - 1)

    def on_mouse_scroll_down(self) -> None:
        self.action_move(1)

    def on_mouse_scroll_up(self) -> None:
        self.action_move(-1)

    @property
    def _cursor(self) -> int:
        return next((i for i, s in enumerate(self._rows) if s.name == self.selected), 0)

    @property
    def _first(self) -> int:
        """The row at the top: 0, unless the table is too long and the cursor is further down."""
        room = max(self.content_size.height - 1, 1)
        return max(0, min(self._cursor - room // 2, len(self._rows) - room))

    def _select(self, row: int) -> None:
        if not self._rows:
            return
        self.selected = self._rows[max(0, min(row, len(self._rows) - 1))].name
        self._is_chosen = True
        self._draw()
        self.post_message(self.Selected())

    def _tell(self, league: League) -> None:
        """Write on the frame the order, the base of speed-ups, and what the dagger means."""
        base = f"× over {league.base}" if league.base else ""
        others = any(s.model for s in league.standings)
        words = [base, f"{standings.OTHER_MODEL} another model" if others else ""]
        below = self.styles.border_bottom[0]  # a small screen has no frame to write on
        self.border_title = "   ".join([f"the league   o by {self.order}", *words[: not below]])
        self.border_subtitle = "   ".join(filter(None, words)) if below else ""

    def _draw(self) -> None:
        league, (width, height) = self._league, self.content_size
        if league is None or not width:
            return
        self._tell(league)
        marks, first = standings.marks(league), self._first
        columns = [(word, w) for word, w, least in COLUMNS if width >= least]
        lines = [_header(league, columns)]
        for s in self._rows[first : first + height - 1]:
            chosen = s.name == self.selected
            head: list[Part] = [("▸ " if chosen else "  ", "$primary"), (marks[s.name], MUTED)]
            row = _row(s, head, league, columns, width)
            lines.append(row.stylize("on $panel") if chosen else row)
        self.show(lines)


def _header(league: League, columns: list[tuple[str, int]]) -> Content:
    words = {"threshold": f"<{league.plan.threshold:g} at", "work": "work a sample "}
    text = "".join(words.get(word, word).rjust(width) for word, width in columns)
    return line(("    contestant".ljust(NAME_WIDTH + 2) + text + "  status", MUTED))


def _row(
    s: Standing, head: list[Part], league: League, columns: list[tuple[str, int]], width: int
) -> Content:
    is_out = s.status is ContestantStatus.CANNOT
    other = f" {standings.OTHER_MODEL}" if s.model else ""
    name = f"{s.name}{other}".ljust(NAME_WIDTH - 2)
    parts: list[Part] = [*head, " ", (name, DIM if is_out else "$foreground")]
    status = (f"  {standings.status(s)}", STYLES.get(s.status, DIM if is_out else "$foreground"))
    if is_out:
        parts += [status, (f": {s.reason}", DIM)]
    else:
        cells = _cells(s, league)
        parts += [(cells[word][0].rjust(w), cells[word][1]) for word, w in columns]
        parts.append(status)
    row = line(*parts)
    if len(row.plain) > width:
        row = row[: width - 1].append("…")
    return row.append(" " * (width - len(row.plain)))


def _cells(s: Standing, league: League) -> dict[str, tuple[str, str]]:
    """Text and style of every column."""
    figure = find_published(s.name, league.model.d_model, s.batch)
    count, unit = standings.work(s)
    return {
        "us/sample": (figures.pace(s.us_per_sample), "bold $foreground"),
        "speed-up": (figures.speedup(s.speedup), "$foreground"),
        "samples": (figures.step(s.samples) if s.steps else figures.ABSENT, "$foreground"),
        "loss": (figures.nats(s.loss), "$foreground"),
        "held out": (figures.nats(s.held_out), "bold $foreground"),
        "threshold": (figures.duration(s.reached), "$foreground"),
        "params": (figures.count(s.n_params or None), MUTED),
        "work": (f"{count} {unit.ljust(10)}", MUTED),
        "on M5": (figures.pace(figure.us_per_sample) if figure else "", DIM),
    }
