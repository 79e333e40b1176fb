"""Lessons done one after the other: their results, the score, and how to hand them in."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from math import floor, isfinite, log10
from typing import Any

from eetui.core.digits import finite
from eetui.core.labs.answer import POINTS, Answer, Guess, Interval, Result, points
from eetui.core.labs.lesson import Lesson

MOST_DIGITS = 4
"""Behind the point: a loss is told to a ten-thousandth of a nat."""


@dataclass(frozen=True, slots=True)
class Sitting:
    """One lesson that was done: the guess, what was measured, the answer.

    machine: the CPU, the engine and the instruction set that were measured.
    """

    lesson: Lesson
    guess: Guess
    results: tuple[Result, ...]
    answer: Answer
    machine: str

    @property
    def points(self) -> int | None:
        """0 to 10; None where this machine has no answer."""
        return points(self.guess, self.answer)


def total(sittings: Iterable[Sitting]) -> tuple[int, int]:
    """The points earned, and the points there were to earn."""
    counted = [s.points for s in sittings if s.points is not None]
    return sum(counted), POINTS * len(counted)


def to_json(sittings: Iterable[Sitting]) -> dict[str, Any]:
    """The whole sitting as JSON values."""
    sittings = tuple(sittings)
    earned, possible = total(sittings)
    return {"points": earned, "of": possible, "lessons": [_lesson_json(s) for s in sittings]}


def _lesson_json(s: Sitting) -> dict[str, Any]:
    return {
        "lesson": s.lesson.key,
        "title": s.lesson.title,
        "question": s.lesson.question,
        "unit": s.lesson.unit if s.lesson.is_number else None,
        "guess": s.guess.number if s.lesson.is_number else s.guess.choice,
        "answer": _interval_json(s.answer.number) or s.answer.choice or None,
        "as_good": list(s.answer.also),
        "reason": s.answer.reason,
        "points": s.points,
        "machine": s.machine,
        "measured": [
            {
                "what": result.measurement.what,
                "setting": result.measurement.setting or None,
                "value": result.value_heading,
                "against": result.against_heading,
                "rows": [
                    {
                        "label": row.label,
                        "value": _interval_json(row.value),
                        "against": _interval_json(row.against),
                        "losses": list(row.samples) or None,
                        "reason": row.reason,
                    }
                    for row in result.rows
                ],
            }
            for result in s.results
        ],
    }


def _interval_json(value: Interval | None) -> dict[str, float | None] | None:
    """An end that is not finite, because there were too few pairs, is null."""
    if value is None:
        return None
    return {key: finite(end) for key, end in asdict(value).items()}


def interval(value: Interval | None) -> str:
    """'1.52 (1.50 to 1.55)', or a dash where nothing was measured.

    As many digits as the width of the interval carries.
    """
    if value is None:
        return "–"
    width = value.high - value.low
    if not isfinite(width) or width <= 0:
        return f"{value.estimate:.4g}"
    digits = max(0, min(1 - floor(log10(width)), MOST_DIGITS))
    return f"{value.estimate:.{digits}f} ({value.low:.{digits}f} to {value.high:.{digits}f})"


def to_markdown(sittings: Iterable[Sitting]) -> str:
    """The whole sitting as a page that can be handed in."""
    sittings = tuple(sittings)
    earned, possible = total(sittings)
    lines = ["# Labs", "", f"{earned} of {possible} points.", ""]
    for s in sittings:
        lines += [f"## {_plain(s.lesson.title)}", "", _plain(s.lesson.question), ""]
        guess = f"{s.guess.number:g} {s.lesson.unit}" if s.lesson.is_number else s.guess.choice
        lines += [f"- Guess: {_plain(guess)}", f"- Measured: {_plain(told(s))}"]
        lines += [f"- Points: {'none, no answer here' if s.points is None else s.points}"]
        lines += [f"- Machine: {_plain(s.machine)}", ""]
        for result in s.results:
            lines += [
                f"| {_plain(result.measurement.setting or result.measurement.what)} | "
                f"{result.value_heading} | {result.against_heading} |",
                "|---|---|---|",
            ]
            lines += [
                f"| {_plain(row.label)} | {_plain(row.reason) or interval(row.value)} | "
                f"{interval(row.against)} |"
                for row in result.rows
            ]
            lines += [""]
        lines += [_plain(s.lesson.teaches), ""]
    return "\n".join(lines)


def told(s: Sitting) -> str:
    """The answer in words."""
    if s.answer.number is not None:
        return f"{interval(s.answer.number)} {s.lesson.unit}"
    if s.answer.also:
        return f"{s.answer.choice}, and {', '.join(s.answer.also)} cannot be told from it"
    return s.answer.choice or f"no answer here: {s.answer.reason}"


def _plain(text: str) -> str:
    """Text from a lesson's file as Markdown shows it: no markup of its own, one line."""
    return "".join(f"\\{c}" if c in "\\`*_[]<>|#" else c for c in " ".join(text.split()))
