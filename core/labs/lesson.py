"""A lesson as its TOML file says it; every mistake in a file is told with its line."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal, TypeVar, get_args

from eetui.core.engines.subject import Subject
from eetui.core.errors import UsageError
from eetui.core.files import read_regular
from eetui.core.measure.setting import OTHERS
from eetui.core.optimizations import CATALOGUE, FORMER, Optimizations, parse_assignments
from eetui.core.text import visible

What = Literal["time", "loss", "credit", "launches"]
"""time: microseconds a step (or a sample) for each value of a setting. loss: the loss after so many
steps or seconds of training for each value, over seeds. credit: what each toggle is worth in a
climb, and when it alone is taken away. launches: a step here beside a model of a GPU's launches."""

Figure = Literal["speedup", "best_speedup", "lowest", "direction", "costliest", "launches"]
"""What of a measurement answers the question, see `core/labs/answer.py`."""

WHATS: tuple[What, ...] = get_args(What)
FIGURES: dict[Figure, tuple[What, ...]] = {
    "speedup": ("time",),
    "best_speedup": ("time",),
    "lowest": ("time", "loss"),
    "direction": ("loss",),
    "costliest": ("credit",),
    "launches": ("launches",),
}
NUMBERS: tuple[Figure, ...] = ("speedup", "best_speedup", "launches")
"""Figures that are numbers; the others are one of the question's choices."""

MAX_BYTES = 100_000
MAX_VALUES = 16
MAX_SEEDS = 64
MAX_SECONDS = 60.0

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Measurement:
    """One thing to measure.

    setting and values: what changes from arm to arm, as the command line writes it. fixed: other
    settings. per: the unit of a time. seconds or steps: how long an arm trains before its loss is
    read. seeds: how many times. draw: whether bars stand beside the figures.
    """

    what: What
    setting: str = ""
    values: tuple[str, ...] = ()
    fixed: tuple[tuple[str, str], ...] = ()
    per: Literal["step", "sample"] = "step"
    seconds: float | None = None
    steps: int | None = None
    seeds: int = 1
    draw: Literal["bars", "table"] = "bars"


@dataclass(frozen=True, slots=True)
class Lesson:
    """A question, what answers it, and what it teaches.

    choices: the answers to choose from; empty where the answer is a number of `unit`. figure: what
    of measurement `answered_by` (its place) is the answer.
    """

    key: str
    title: str
    question: str
    teaches: str
    figure: Figure
    unit: str
    choices: tuple[str, ...]
    answered_by: int
    measurements: tuple[Measurement, ...]

    @property
    def is_number(self) -> bool:
        return not self.choices


class _Table:
    """One table of the file: its values, taken one by one, and where each of them stands."""

    def __init__(
        self, values: Mapping[str, Any], lines: Mapping[str, int], first: int, file: str
    ) -> None:
        self._left = dict(values)
        self._lines = lines
        self._first = first
        self._file = file

    def fail(self, key: str, words: str) -> UsageError:
        """The error to raise about `key`."""
        return UsageError(f"{self._file}, line {self._lines.get(key, self._first)}: {words}")

    def take(
        self, key: str, check: Callable[[Any], T | None], words: str, default: T | None = None
    ) -> T:
        """The checked value of `key`; `check` gives None for one that will not do."""
        if key not in self._left:
            if default is None:
                raise self.fail(key, f"{key} is missing: {words}.")
            return default
        found = check(self._left.pop(key))
        if found is None:
            raise self.fail(key, f"{key} must be {words}.")
        return found

    def end(self, known: str) -> None:
        """Refuse what was not taken."""
        for key in self._left:
            raise self.fail(key, f"there is no {key} here: there are {known}.")


def _text(value: Any) -> str | None:
    is_text = isinstance(value, str) and value.strip() and len(value) <= 4000
    return " ".join(value.split()) if is_text else None


def _texts(value: Any) -> tuple[str, ...] | None:
    if not isinstance(value, list) or not 1 <= len(value) <= MAX_VALUES:
        return None
    if not all(isinstance(item, str | int | float) for item in value):
        return None
    return tuple(_label(item) for item in value)


def _label(value: str | float) -> str:
    """A value as the command line writes it."""
    return ("on" if value else "off") if isinstance(value, bool) else str(value)


def _one_of(choices: tuple[Any, ...]) -> Callable[[Any], Any]:
    return lambda value: next((c for c in choices if c == value), None)


def _number(low: float, high: float) -> Callable[[Any], float | None]:
    def check(value: Any) -> float | None:
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        return float(value) if is_number and low <= value <= high else None

    return check


def _whole(low: int, high: int) -> Callable[[Any], int | None]:
    def check(value: Any) -> int | None:
        is_whole = isinstance(value, int) and not isinstance(value, bool)
        return value if is_whole and low <= value <= high else None

    return check


def parse(text: str, file: str, subject: Subject) -> Lesson:
    """The lesson in `text`; raises `UsageError` that names `file` and the line of the mistake.

    Settings and values must be possible for `subject`, on whatever CPU.
    """
    try:
        values = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        found = re.search(r"line (\d+)", str(error))
        where = f", line {found[1]}" if found else ""
        raise UsageError(f"{file}{where}: this is not TOML ({error}).") from error
    lines = _lines(text)
    measures, answer = values.pop("measure", None), values.pop("answer", None)
    top = _Table(values, lines.get(("", 0), {}), 1, file)
    if not isinstance(answer, dict):
        raise top.fail("answer", "the table [answer] is missing: it says what the guess is about.")
    if not isinstance(measures, list) or not measures or len(measures) > MAX_VALUES:
        raise top.fail("measure", f"there must be 1 to {MAX_VALUES} tables [[measure]].")

    def table(name: str, place: int, content: Any) -> _Table:
        own = lines.get((name, place), {})
        return _Table(content, own, own.get("", 1), file)

    measurements = tuple(
        _measurement(table("measure", i, content if isinstance(content, dict) else {}), subject)
        for i, content in enumerate(measures)
    )
    title = top.take("title", _text, "a text")
    question = top.take("question", _text, "a text")
    teaches = top.take("teaches", _text, "a text that explains the answer")
    top.end("title, question, teaches, [answer] and [[measure]]")
    rest = table("answer", 0, answer)
    figure: Figure = rest.take("figure", _one_of(tuple(FIGURES)), f"one of {', '.join(FIGURES)}")
    is_number = figure in NUMBERS
    unit = rest.take("unit", _text, "a text such as times", default="times")
    choices: tuple[str, ...] = ()
    if not is_number:
        choices = rest.take("choices", _texts, f"a list of 2 to {MAX_VALUES} texts")
        if len(choices) < 2:
            raise rest.fail("choices", "choices must be at least two.")
    n = len(measurements)
    last = rest.take("measure", _whole(1, n), f"a number from 1 to {n}", default=n) - 1
    rest.end("figure, unit, choices and measure")
    if measurements[last].what not in FIGURES[figure]:
        wanted = " or ".join(FIGURES[figure])
        raise rest.fail(
            "figure", f"{figure} answers from a measurement of {wanted}, not of "
            f"{measurements[last].what}."
        )  # fmt: skip
    return Lesson(
        key=re.sub(r"^\d+-", "", Path(file).stem),
        title=title,
        question=question,
        teaches=teaches,
        figure=figure,
        unit=unit,
        choices=choices,
        answered_by=last,
        measurements=measurements,
    )


def _measurement(table: _Table, subject: Subject) -> Measurement:
    what: What = table.take("what", _one_of(WHATS), f"one of {', '.join(WHATS)}")
    compares = what in ("time", "loss")
    setting = ""
    values: tuple[str, ...] = ()
    if compares:
        setting = table.take("setting", _text, "a toggle, or one of " + ", ".join(OTHERS))
        values = table.take("values", _texts, f"a list of 2 to {MAX_VALUES} values")
        if len(values) < 2:
            raise table.fail("values", "values must be at least two: the first is compared with.")
        for value in values:
            if reason := _why_not(setting, value, subject):
                raise table.fail("values" if is_known(setting) else "setting", reason)
    nothing: tuple[tuple[str, str], ...] = ()
    fixed = table.take("fixed", _settings, "a table such as {d_model = 64}", nothing)
    for key, value in fixed:
        if reason := _why_not(key, value, subject):
            raise table.fail("fixed", reason)
    units = ("step", "sample")
    per: Literal["step", "sample"] = table.take("per", _one_of(units), " or ".join(units), "step")
    seconds = table.take("seconds", _number(0.01, MAX_SECONDS), f"0.01 to {MAX_SECONDS:g}", -1.0)
    steps = table.take("steps", _whole(1, 1_000_000), "a number from 1 to 1,000,000", -1)
    seeds = table.take("seeds", _whole(1, MAX_SEEDS), f"a number from 1 to {MAX_SEEDS}", 1)
    ways = ("bars", "table")
    draw: Literal["bars", "table"] = table.take("draw", _one_of(ways), " or ".join(ways), "bars")
    table.end("what, setting, values, fixed, per, seconds, steps, seeds and draw")
    if what == "loss" and (seconds > 0) == (steps > 0):
        raise table.fail("what", "a loss is read after either seconds or steps: give one of them.")
    return Measurement(
        what=what,
        setting=setting,
        values=values,
        fixed=fixed,
        per=per,
        seconds=seconds if seconds > 0 else None,
        steps=steps if steps > 0 else None,
        seeds=seeds,
        draw=draw,
    )


def is_known(setting: str) -> bool:
    """Whether there is such a setting, whatever its values."""
    return setting in OTHERS or setting in FORMER or any(e.key == setting for e in CATALOGUE)


def _why_not(setting: str, value: str, subject: Subject) -> str:
    """Why an arm cannot have `setting` at `value`, or ''."""
    if setting in OTHERS:
        try:
            OTHERS[setting][1](subject, value)
        except UsageError as error:
            return str(error)
        return ""
    try:
        parse_assignments([f"{setting}={value}"], Optimizations())
    except UsageError as error:
        return str(error)
    return ""


def _settings(value: Any) -> tuple[tuple[str, str], ...] | None:
    if not isinstance(value, dict):
        return None
    if not all(isinstance(item, str | int | float) for item in value.values()):
        return None
    return tuple((key, _label(item)) for key, item in value.items())


def _lines(text: str) -> dict[tuple[str, int], dict[str, int]]:
    """The line of each key, by the table it stands in and that table's place among its like.

    The key '' is the line of the table's heading.
    """
    found: dict[tuple[str, int], dict[str, int]] = {("", 0): {}}
    counts: dict[str, int] = {}
    table = ("", 0)
    for number, line in enumerate(text.splitlines(), 1):
        if heading := re.match(r"\s*\[+\s*([\w-]+)\s*\]+", line):
            place = counts.get(heading[1], 0)
            counts[heading[1]] = place + 1
            table = (heading[1], place)
            found[table] = {"": number}
        elif key := re.match(r"\s*([\w-]+)\s*=", line):
            found[table].setdefault(key[1], number)
    return found


def read(path: Path, subject: Subject) -> Lesson:
    """The lesson in a file; raises `UsageError` for one that cannot be read or makes no sense."""
    try:
        content = read_regular(path, MAX_BYTES)
    except FileNotFoundError:
        raise UsageError(f"There is no file {visible(str(path))}.") from None
    try:
        return parse(content.decode(), visible(str(path)), subject)
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise UsageError(f"{visible(str(path))}, line {line}: this is not UTF-8.") from None


def shipped(subject: Subject) -> list[Lesson]:
    """The lessons that come with the program, in their order."""
    folder = files("eetui.core.labs") / "lessons"
    names = sorted(entry.name for entry in folder.iterdir() if entry.name.endswith(".toml"))
    return [parse((folder / name).read_text("utf-8"), name, subject) for name in names]
