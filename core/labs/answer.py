"""What was measured, what of it answers the question, and how good a guess was."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf, isfinite, log

from eetui.core.errors import UsageError
from eetui.core.labs.lesson import Figure, Lesson, Measurement
from eetui.core.verdict import interval

POINTS = 10
"""For a guess that the measurement cannot tell from the answer."""
CLOSE = 1.03
"""A guess this near to the answer, as a factor, counts as the answer."""
LOST = 4.0
"""A guess that is this factor away earns nothing; between, points fall with the logarithm."""

SAME = "no difference found"


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate and its 95 % interval, all in the same unit."""

    estimate: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Row:
    """One arm of a measurement.

    value: microseconds, nats, or per cent in a climb. against: what it is beside the first row (how
    many times as fast, or nats more), or per cent when the toggle alone is taken away. samples: the
    loss of each seed, nats. reason: why it was not measured, or ''.
    """

    label: str
    value: Interval | None = None
    against: Interval | None = None
    samples: tuple[float, ...] = ()
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Result:
    """A measurement and what came out so far; done is the share of it, 0 to 1."""

    measurement: Measurement
    value_heading: str
    against_heading: str
    rows: tuple[Row, ...]
    done: float = 1.0

    def length(self, row: Row, cells: int) -> int:
        """Cells of a bar for a row's value, of so many for the greatest; 0 if none is drawn."""
        greatest = max((r.value.estimate for r in self.rows if r.value is not None), default=0.0)
        if self.measurement.draw != "bars" or row.value is None or greatest <= 0:
            return 0
        return round(max(row.value.estimate, 0.0) / greatest * cells)


@dataclass(frozen=True, slots=True)
class Answer:
    """What this machine says: a number with its interval, or one of the choices.

    also: choices that the measurement cannot tell from it, which are as right. reason: why there
    is no answer here, such as a CPU without the unit; then the others are empty.
    """

    number: Interval | None = None
    choice: str = ""
    also: tuple[str, ...] = ()
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Guess:
    """What a person expects: a number or a choice."""

    number: float | None = None
    choice: str = ""


def parse_guess(lesson: Lesson, text: str) -> Guess:
    """The guess that `text` stands for; a choice may be given by its number, counted from 1.

    Raises `UsageError` for one that is no answer to the question.
    """
    text = text.strip()
    if lesson.is_number:
        try:
            number = float(text.rstrip("x×"))
        except ValueError:
            number = 0.0
        if not isfinite(number) or number <= 0:
            raise UsageError(f"The guess must be a number above 0, such as 1.5, not {text!r}.")
        return Guess(number=number)
    if text in lesson.choices:
        return Guess(choice=text)
    if text.isdecimal() and 1 <= int(text) <= len(lesson.choices):
        return Guess(choice=lesson.choices[int(text) - 1])
    raise UsageError(f"The guess must be one of {', '.join(lesson.choices)}, not {text!r}.")


def answer(lesson: Lesson, results: tuple[Result, ...]) -> Answer:
    """What the measurements say; each of them must be done."""
    return settle(lesson.figure, results[lesson.answered_by], lesson.choices)


def settle(figure: Figure, result: Result, choices: tuple[str, ...] = ()) -> Answer:
    """What one figure of a result is; where it names a row, one of `choices`."""
    measured = [row for row in result.rows if row.value is not None]
    compared = [row for row in measured if row.against is not None]
    if figure in ("lowest", "costliest"):
        return _named(figure, [row for row in measured if row.label in choices])
    if not compared:
        reasons = " ".join(dict.fromkeys(row.reason for row in result.rows if row.reason))
        return Answer(reason=reasons or "There was not enough to compare.")
    last = compared[-1].against
    if figure == "direction":
        assert last is not None
        return Answer(choice="lower" if last.high < 0 else "higher" if last.low > 0 else SAME)
    if figure == "best_speedup":
        last = max(compared, key=_against).against
    return Answer(number=last)


def _named(figure: Figure, rows: list[Row]) -> Answer:
    """The row that is lowest, or costs most to take away, and those that may be as good."""
    if figure == "costliest":
        rows = [row for row in rows if row.against is not None]
    if not rows:
        return Answer(reason="None of the answers to choose from could be measured here.")
    best = max(rows, key=_against) if figure == "costliest" else min(rows, key=_value)
    also = (row.label for row in rows if row is not best and _is_level(figure, row, best))
    return Answer(choice=best.label, also=tuple(also))


def _is_level(figure: Figure, row: Row, best: Row) -> bool:
    """Whether the measurement cannot tell a row from the best one."""
    if row.samples and len(row.samples) == len(best.samples):
        above = [a - b for a, b in zip(row.samples, best.samples, strict=True)]
        return ends(above)[0] <= 0
    if figure == "costliest":
        return bool(row.against and best.against and row.against.high >= best.against.low)
    return bool(row.value and best.value and row.value.low <= best.value.high)


def ends(values: Sequence[float]) -> tuple[float, float]:
    """The ends of an interval, or all of the range where there are too few values for one."""
    low, high = interval(values)
    return (low, high) if isfinite(high - low) else (min(values), max(values))


def _value(row: Row) -> float:
    return row.value.estimate if row.value is not None else inf


def _against(row: Row) -> float:
    return row.against.estimate if row.against is not None else -inf


def points(guess: Guess, truth: Answer) -> int | None:
    """0 to 10; None where there is no answer to hold the guess against."""
    if truth.choice:
        return POINTS if guess.choice in (truth.choice, *truth.also) else 0
    if truth.number is None or guess.number is None:
        return None
    low, high = truth.number.low / CLOSE, truth.number.high * CLOSE
    if low <= guess.number <= high:
        return POINTS
    away = low / guess.number if guess.number < low else guess.number / high
    return max(0, round(POINTS * (1 - log(away) / log(LOST))))
