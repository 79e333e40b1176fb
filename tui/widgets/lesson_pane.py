"""One lesson: its question, what is being measured, and at the end what it teaches."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import wrap

from textual import events
from textual.content import Content

from eetui.core.labs.answer import POINTS, Guess, Result
from eetui.core.labs.lesson import Lesson
from eetui.core.labs.sitting import Sitting, interval, told
from eetui.core.text import visible
from eetui.tui.widgets.pane import DIM, MUTED, LinesPane, Part, line

FIGURE_WIDTH = 24
GAP = 2
BAR = "▇"
LEAST_BAR = 8
"""Cells from which on the longest bar still tells something."""
WIDEST_TEXT = 92
"""Columns of running text at the most: longer lines are hard to read."""


class LessonPane(LinesPane):
    """Grows with what it shows; the screen scrolls it."""

    DEFAULT_CSS = """
    LessonPane { height: auto; }
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._shown: tuple[Lesson, Guess | None, tuple[Result, ...], Sitting | None] | None = None
        self._n_lines = 0

    def update(
        self,
        lesson: Lesson,
        guess: Guess | None = None,
        results: tuple[Result, ...] = (),
        done: Sitting | None = None,
    ) -> None:
        """Show a lesson as far as it has come."""
        self._shown = (lesson, guess, results, done)
        width = max(self.content_size.width, 20)
        lines = _question(lesson, width)
        if guess is not None:
            expected = f"{guess.number:g} {lesson.unit}" if lesson.is_number else guess.choice
            lines += [line(), line(("your guess   ", MUTED), (visible(expected), "bold"))]
        for result in results:
            lines += [line(), *_result(result, width)]
        if done is not None:
            lines += [line(), *_verdict(done, width)]
        if len(lines) != self._n_lines:
            self._n_lines = len(lines)
            self.refresh(layout=True)
        self.show(lines)

    def on_resize(self, _event: events.Resize) -> None:
        if self._shown is not None:
            self.update(*self._shown)


def _text(text: str, width: int, style: str) -> list[Content]:
    rows = wrap(visible(text, None), min(width, WIDEST_TEXT))
    return [line((row, style)) for row in rows]


def _question(lesson: Lesson, width: int) -> list[Content]:
    lines = _text(lesson.question, width, "$foreground")
    if lesson.choices:
        lines.append(line())
    for number, choice in enumerate(lesson.choices, 1):
        lines.append(line((f"  {number}  ", "bold $primary"), visible(choice)))
    return lines


def _result(result: Result, width: int) -> list[Content]:
    """A heading, and a row for each value, with a bar where there is room for one."""
    about = visible((result.measurement.setting or result.measurement.what).replace("_", " "))
    if result.done < 1:
        about += f"  {100 * result.done:.0f} %"
    labels = [visible(row.label) for row in result.rows if not row.reason]
    label_width = min(max(map(len, [about, *labels])) + 2, width // 2)
    figures = 2 if width >= label_width + 2 * FIGURE_WIDTH else 1
    room = width - label_width - figures * FIGURE_WIDTH - GAP
    headings = (result.value_heading, result.against_heading)[:figures]
    lines = [line((about.ljust(label_width), "bold"), (_columns(headings), MUTED))]
    for row in result.rows:
        label = visible(row.label)[: label_width - 1].ljust(label_width)
        if row.reason:
            lines.append(line((f"{label}∅ {visible(row.reason)}"[:width], DIM)))
            continue
        cells = [interval(row.value), interval(row.against)][:figures]
        parts: list[Part] = [
            (label, "$foreground" if row.value else DIM),
            (_columns(cells), "$foreground" if row.value else DIM),
        ]
        if room >= LEAST_BAR:
            parts.append((" " * GAP + BAR * result.length(row, room), "$primary"))
        lines.append(line(*parts))
    return lines


def _columns(cells: Sequence[str]) -> str:
    return "".join(cell.rjust(FIGURE_WIDTH) for cell in cells)


def _verdict(done: Sitting, width: int) -> list[Content]:
    points = done.points
    if points is None:
        score: Part = ("no points: there is no answer here", MUTED)
    else:
        style = "$text-success" if points == POINTS else "$text-warning"
        score = (f"{points} of {POINTS} points", f"bold {style}")
    return [
        line(("measured     ", MUTED), (visible(told(done)), "bold"), "   ", score),
        line(),
        *_text(done.lesson.teaches, width, MUTED),
    ]
