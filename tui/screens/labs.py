"""Labs: predict what an optimization does, then measure it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.widgets import Input, OptionList
from textual.widgets.option_list import Option

from eetui.core.errors import EetuiError, UsageError
from eetui.core.files import write_new
from eetui.core.labs import sitting
from eetui.core.labs.answer import POINTS, Guess, answer, parse_guess
from eetui.core.labs.experiment import Experiment, run
from eetui.core.labs.lesson import Lesson, shipped
from eetui.core.labs.sitting import Sitting
from eetui.core.text import visible
from eetui.tui import picture
from eetui.tui.actions import LAB_ACTIONS, LAB_BINDINGS
from eetui.tui.live import LiveSession
from eetui.tui.messages import EndedEarly, Tried
from eetui.tui.screens.shown import ShownScreen
from eetui.tui.threads import IteratorThread
from eetui.tui.widgets.key_bar import KeyBar
from eetui.tui.widgets.lesson_pane import LessonPane
from eetui.tui.widgets.pane import DIM, MUTED, line
from eetui.tui.widgets.progress_head import ProgressHead

HANDED_IN = "eetui-labs"
"""The name of the files that the results are written to."""


class LabScreen(ShownScreen[None]):
    """Lessons at the left, the chosen one at the right; enter asks for a guess and measures."""

    CSS_PATH = "labs.tcss"
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (100, "-wide")]  # noqa: RUF012
    VERTICAL_BREAKPOINTS = [(0, "-low"), (34, "-tall")]  # noqa: RUF012
    ACTIONS = LAB_ACTIONS
    BINDINGS: ClassVar[list[BindingType]] = [*LAB_BINDINGS]
    AUTO_FOCUS = "#lessons"

    def __init__(self, session: LiveSession) -> None:
        super().__init__()
        self._session = session
        self._lessons = shipped(session.subject)
        self._done: dict[str, Sitting] = {}
        self._guess: Guess | None = None
        self._thread: IteratorThread[Experiment] | None = None
        self.measuring: Lesson | None = None

    def compose(self) -> ComposeResult:
        with Vertical():
            yield ProgressHead("labs", id="head")
            with Horizontal(id="room"):
                yield OptionList(*(self._option(each) for each in self._lessons), id="lessons")
                with VerticalScroll(id="lesson", can_focus=False):
                    yield LessonPane(id="page")
            yield Input(id="guess", compact=True)
            yield KeyBar()

    def on_mount(self) -> None:
        self.query_one("#lessons").border_title = "predict, then measure"
        self._show()

    def on_unmount(self) -> None:
        if self._thread is not None:
            self._thread.stop()

    @property
    def selected(self) -> Lesson:
        """The lesson under the cursor."""
        return self._lessons[self.query_one(OptionList).highlighted or 0]

    def _option(self, lesson: Lesson) -> Option:
        done = self._done.get(lesson.key)
        mark = "○" if done is None else "●"
        points = "" if done is None or done.points is None else f"{done.points}/{POINTS}"
        room = max(37 - len(points) - 2, 1)
        title = visible(lesson.title)[:room].ljust(room)
        return Option(
            line((f"{mark} ", "$primary" if done else DIM), title, (points, MUTED)), id=lesson.key
        )

    def _show(self, now: Experiment | None = None) -> None:
        """The lesson under the cursor, or the one that is being measured."""
        lesson = self.measuring or self.selected
        done = self._done.get(lesson.key)
        self.query_one("#lesson").border_title = visible(lesson.title)
        page = self.query_one(LessonPane)
        if self.measuring is not None:
            page.update(lesson, self._guess, now.results if now else ())
        elif done is not None:
            page.update(lesson, done.guess, done.results, done)
        else:
            page.update(lesson)
        self._tell(now)

    def _tell(self, now: Experiment | None) -> None:
        earned, possible = sitting.total(self._done.values())
        score = f"{earned} of {possible} points" if possible else ""
        subject = self._session.subject
        about = f"d_model {subject.model.d_model}, batch {subject.train.batch}"
        doing, progress = (now.doing, now.progress) if now else ("enter takes a guess", 0.0)
        self.query_one(ProgressHead).update((about, score), doing, progress, self._session.latest)

    @on(OptionList.OptionHighlighted)
    def _chosen(self) -> None:
        if self.measuring is None:
            self._show()
            self.query_one("#lesson").scroll_home(animate=False)

    @on(OptionList.OptionSelected)
    def _asked(self) -> None:
        if self.measuring is not None:
            self.notify("A measurement is still under way.", severity="warning", markup=False)
            return
        field = self.query_one("#guess", Input)
        lesson = self.selected
        field.value = ""
        numbers = f"a number from 1 to {len(lesson.choices)}" if lesson.choices else lesson.unit
        field.placeholder = f"your guess ({visible(numbers)})"
        self.set_class(True, "-asking")
        field.focus()

    @on(Input.Submitted)
    def _guessed(self, event: Input.Submitted) -> None:
        try:
            self._guess = parse_guess(self.selected, event.value)
        except UsageError as error:
            self.notify(str(error), severity="warning", markup=False)
            return
        self._close_field()
        lesson, subject = self.selected, self._session.subject
        self.measuring = lesson
        self._thread = IteratorThread("lab", lambda: run(lesson, subject), Tried, self)
        self._show()

    def _close_field(self) -> None:
        self.set_class(False, "-asking")
        self.query_one(OptionList).focus()

    def on_tried(self, message: Tried) -> None:
        """Show how far the measurement has come, and at its end the verdict."""
        now, lesson = message.experiment, self.measuring
        if lesson is None:
            return
        if now.doing:
            self._show(now)
        else:
            assert self._guess is not None
            found = answer(lesson, now.results)
            latest = self._session.latest
            machine = f"{latest.engine} {latest.instruction_set}"
            self._done[lesson.key] = Sitting(lesson, self._guess, now.results, found, machine)
            self.measuring = None
            places = self.query_one(OptionList)
            place = places.highlighted
            places.replace_option_prompt(lesson.key, self._option(lesson).prompt)
            places.highlighted = place
            self._show(replace(now, doing="enter takes another guess"))
        if self._thread is not None:
            self.call_after_refresh(self._thread.drawn)

    def on_ended_early(self, message: EndedEarly) -> None:
        """Say why the measurement ended."""
        self.measuring = None
        self.notify(message.reason, title="labs", severity="error", markup=False)
        self._show()

    def action_export(self) -> None:
        """Write all results of this sitting as Markdown and as JSON into the working folder."""
        if not self._done:
            self.notify("There are no results yet: do a lesson.", severity="warning", markup=False)
            return
        done = tuple(self._done.values())
        values = json.dumps(sitting.to_json(done), indent=1) + "\n"
        try:
            page = write_new(Path(f"{HANDED_IN}.md"), sitting.to_markdown(done).encode())
            data = write_new(Path(f"{HANDED_IN}.json"), values.encode())
        except EetuiError as error:
            self.notify(str(error), severity="error", markup=False)
        else:
            self.notify(f"The results are in {page} and {data}.", markup=False)

    def action_picture(self) -> None:
        """Write what is on the screen as an SVG file into the working folder."""
        picture.write(self.app, "eetui-labs")

    def action_scroll(self, rows: int) -> None:
        self.query_one("#lesson").scroll_relative(y=rows, animate=False)

    def action_leave(self) -> None:
        """Close the field of the guess, or else the screen."""
        if self.has_class("-asking"):
            self._close_field()
        else:
            self.dismiss(None)
