"""`eetui lab`: a question, a guess, the measurement, and what it teaches."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from textwrap import fill
from typing import TYPE_CHECKING

from eetui.core.engines.subject import Subject
from eetui.core.errors import UsageError
from eetui.core.files import named, require_writable, write_atomically
from eetui.core.labs import experiment, sitting
from eetui.core.labs.answer import POINTS, Guess, Result, answer, parse_guess
from eetui.core.labs.lesson import Lesson, read, shipped
from eetui.core.labs.sitting import Sitting
from eetui.core.text import visible
from eetui.tui.cli.console import data, waiting
from eetui.tui.cli.options import ModelOptions
from eetui.tui.cli.output import print_json
from eetui.tui.cli.runs import Request, request_model

if TYPE_CHECKING:
    from rich.table import Table

WIDTH = 90
BAR = 20
"""Cells of the longest bar."""


def run(
    names: Sequence[str],
    guesses: Sequence[str],
    options: ModelOptions,
    export: str | None = None,
    *,
    as_json: bool = False,
) -> int:
    """Do the lessons called `names` (or in these files); without any, list them."""
    request = request_model(options)
    subject = request.subject
    known = {lesson.key: lesson for lesson in shipped(subject)}
    if not names:
        return _list(list(known.values()), as_json=as_json)
    lessons = [known[name] if name in known else _file(name, known, subject) for name in names]
    if len(guesses) > len(lessons):
        raise UsageError(f"There are {len(guesses)} guesses for {len(lessons)} lessons.")
    place = None if export is None else named(export)
    if place is not None:
        if place.suffix not in (".md", ".json"):
            shown = visible(str(place))
            raise UsageError(f"--export takes a file ending in .md or .json, not {shown}.")
        require_writable(place)
    given = {i: parse_guess(lessons[i], text) for i, text in enumerate(guesses)}
    if len(given) < len(lessons) and not sys.stdin.isatty():
        raise UsageError("Nobody is there to guess: give --guess once for each lesson.")
    done: list[Sitting] = []
    try:
        for i, lesson in enumerate(lessons):
            done.append(_do(lesson, given.get(i), request, subject, quiet=as_json))
    finally:
        if place is not None and done:
            write_atomically(place, _exported(done, place.suffix).encode())
    if as_json:
        print_json(sitting.to_json(done))
    elif len(done) > 1:
        earned, possible = sitting.total(done)
        print(f"{earned} of {possible} points.")
    return 0


def _exported(done: Sequence[Sitting], suffix: str) -> str:
    if suffix == ".md":
        return sitting.to_markdown(done)
    return json.dumps(sitting.to_json(done), indent=1) + "\n"


def _list(lessons: Sequence[Lesson], *, as_json: bool) -> int:
    if as_json:
        print_json({"lessons": [{"lesson": each.key, "title": each.title} for each in lessons]})
        return 0
    width = max(len(each.key) for each in lessons)
    for each in lessons:
        print(f"{each.key.ljust(width)}   {each.title}")
    print("\neetui lab NAME does one; eetui lab FILE.toml does one of your own.")
    return 0


def _file(name: str, known: dict[str, Lesson], subject: Subject) -> Lesson:
    """The lesson in a file; a name without an ending is no file but a lesson that is not there."""
    if not name.endswith(".toml"):
        raise UsageError(
            f"There is no lesson {visible(name)}: there are {', '.join(known)}, or name a file "
            "ending in .toml."
        )
    return read(named(name), subject)


def _do(
    lesson: Lesson, guess: Guess | None, request: Request, subject: Subject, *, quiet: bool
) -> Sitting:
    """Ask, measure and tell."""
    if not quiet:
        _ask(lesson)
    expected = _prompt(lesson) if guess is None else guess
    with waiting() as tell:
        for now in experiment.run(lesson, subject, request.assignments):
            if tell:
                tell(f"{now.doing or 'done'}  {100 * now.progress:.0f} %")
    engine = subject.create_engine()
    machine = f"{engine.name} {engine.instruction_set(engine.default_optimizations())}"
    found = Sitting(lesson, expected, now.results, answer(lesson, now.results), machine)
    if not quiet:
        _tell(found)
    return found


def _ask(lesson: Lesson) -> None:
    print(f"{visible(lesson.title)}\n\n{fill(visible(lesson.question, None), WIDTH)}\n")
    for number, choice in enumerate(lesson.choices, 1):
        print(f"  {number}  {visible(choice)}")


def _prompt(lesson: Lesson) -> Guess:
    """Ask until there is an answer; the question is already on the screen."""
    unit = f" ({visible(lesson.unit)})" if lesson.is_number else ""
    while True:
        print(f"Your guess{unit}: ", end="", file=sys.stderr, flush=True)
        line = sys.stdin.readline()
        if not line:
            raise UsageError("There was no guess: give one with --guess.")
        try:
            return parse_guess(lesson, line)
        except UsageError as error:
            print(error, file=sys.stderr)


def _tell(found: Sitting) -> None:
    console = data()
    for result in found.results:
        console.print(_table(result))
        console.print()
    points = found.points
    guess = f"{found.guess.number:g}" if found.lesson.is_number else visible(found.guess.choice)
    earned = "" if points is None else f"   {points} of {POINTS} points"
    print(f"Your guess: {guess}   Measured: {visible(sitting.told(found))}{earned}\n")
    print(fill(visible(found.lesson.teaches, None), WIDTH) + "\n")


def _table(result: Result) -> Table:
    from rich.table import Table

    table = Table(box=None, padding=(0, 3, 0, 0))
    about = result.measurement.setting or result.measurement.what
    table.add_column(about.replace("_", " "))
    table.add_column(result.value_heading, justify="right")
    table.add_column(result.against_heading, justify="right")
    table.add_column()
    for row in result.rows:
        if row.reason:
            table.add_row(row.label, row.reason)
        else:
            figures = (sitting.interval(row.value), sitting.interval(row.against))
            table.add_row(row.label, *figures, "▇" * result.length(row, BAR))
    return table
