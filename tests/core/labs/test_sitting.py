"""What is handed in: the score, the page and the JSON, character by character."""

from __future__ import annotations

from math import inf, nan

import pytest

from eetui.core.labs.answer import Answer, Guess, Interval, Result, Row
from eetui.core.labs.lesson import Lesson, Measurement
from eetui.core.labs.sitting import Sitting, interval, to_json, to_markdown, total

TIMES = Measurement("time", "padding_skip", ("off", "on"))
LOSSES = Measurement("loss", "lr", ("0.01", "0.02"), seeds=2)
CREDIT = Measurement("credit")
SPEED = Lesson("k", "A [title]", "How much?", "It *depends*.", "speedup", "times", (), 0, (TIMES,))
BEST = Lesson("b", "Best", "Which?", "This.", "lowest", "", ("0.01", "0.02"), 0, (LOSSES,))
NUMBER = Sitting(
    SPEED,
    Guess(number=2.0),
    (
        Result(
            TIMES,
            "us/step",
            "times as fast",
            (
                Row("off", Interval(200.0, 200.0, 200.0)),
                Row("on", Interval(87.04, 86.5, 88.25), Interval(2.3, -inf, inf)),
                Row("other", reason="No | such thing."),
            ),
        ),
        Result(CREDIT, "a", "b", ()),
    ),
    Answer(number=Interval(2.3, 2.25, 2.35)),
    "a CPU",
)
CHOICE = Sitting(
    BEST,
    Guess(choice="0.01"),
    (
        Result(
            LOSSES,
            "loss, nats",
            "above the first",
            (Row("0.01", Interval(2.5, 2.4, 2.6), samples=(2.4, 2.6)),),
        ),
    ),
    Answer(choice="0.02", also=("0.01",)),
    "a CPU",
)
NOTHING = Sitting(SPEED, Guess(number=3.5), (), Answer(reason="No unit."), "another")


def test_points_are_counted_where_there_is_an_answer():
    assert total([NUMBER, CHOICE, NOTHING]) == (19, 20)
    assert total([]) == (0, 0)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (None, "–"),
        (Interval(1.52345, 1.50, 1.55), "1.523 (1.500 to 1.550)"),
        (Interval(1523.45, 1400.0, 1600.0), "1523 (1400 to 1600)"),
        (Interval(152.345, 150.0, 155.0), "152.3 (150.0 to 155.0)"),
        (Interval(2.0, 1.99999, 2.00001), "2.0000 (2.0000 to 2.0000)"),
        (Interval(1.23456, 1.23456, 1.23456), "1.235"),
        (Interval(1.23456, 2.0, 1.0), "1.235"),
        (Interval(1.23456, -inf, inf), "1.235"),
        (Interval(1.5, 1.0, 2.0), "1.5 (1.0 to 2.0)"),
        (Interval(1.0, nan, 1.0), "1"),
    ],
)
def test_an_interval_has_the_digits_that_its_width_carries(value, said):
    assert interval(value) == said


def test_the_page():
    assert (
        to_markdown([NUMBER, CHOICE, NOTHING])
        == r"""# Labs

19 of 20 points.

## A \[title\]

How much?

- Guess: 2 times
- Measured: 2.30 (2.25 to 2.35) times
- Points: 9
- Machine: a CPU

| padding\_skip | us/step | times as fast |
|---|---|---|
| off | 200 | – |
| on | 87.0 (86.5 to 88.2) | 2.3 |
| other | No \| such thing. | – |

| credit | a | b |
|---|---|---|

It \*depends\*.

## Best

Which?

- Guess: 0.01
- Measured: 0.02, and 0.01 cannot be told from it
- Points: 10
- Machine: a CPU

| lr | loss, nats | above the first |
|---|---|---|
| 0.01 | 2.50 (2.40 to 2.60) | – |

This.

## A \[title\]

How much?

- Guess: 3.5 times
- Measured: no answer here: No unit.
- Points: none, no answer here
- Machine: another

It \*depends\*.
"""
    )


def test_the_json():
    found = to_json(iter([NUMBER, CHOICE, NOTHING]))
    assert (found["points"], found["of"]) == (19, 20)
    number, choice, nothing = found["lessons"]
    assert number == {
        "lesson": "k",
        "title": "A [title]",
        "question": "How much?",
        "unit": "times",
        "guess": 2.0,
        "answer": {"estimate": 2.3, "low": 2.25, "high": 2.35},
        "as_good": [],
        "reason": "",
        "points": 9,
        "machine": "a CPU",
        "measured": [
            {
                "what": "time",
                "setting": "padding_skip",
                "value": "us/step",
                "against": "times as fast",
                "rows": [
                    {
                        "label": "off",
                        "value": {"estimate": 200.0, "low": 200.0, "high": 200.0},
                        "against": None,
                        "losses": None,
                        "reason": "",
                    },
                    {
                        "label": "on",
                        "value": {"estimate": 87.04, "low": 86.5, "high": 88.25},
                        "against": {"estimate": 2.3, "low": None, "high": None},
                        "losses": None,
                        "reason": "",
                    },
                    {
                        "label": "other",
                        "value": None,
                        "against": None,
                        "losses": None,
                        "reason": "No | such thing.",
                    },
                ],
            },
            {"what": "credit", "setting": None, "value": "a", "against": "b", "rows": []},
        ],
    }
    assert (choice["unit"], choice["guess"], choice["answer"]) == (None, "0.01", "0.02")
    assert choice["as_good"] == ["0.01"]
    assert choice["measured"][0]["rows"][0]["losses"] == [2.4, 2.6]
    assert (nothing["answer"], nothing["reason"], nothing["points"]) == (None, "No unit.", None)
