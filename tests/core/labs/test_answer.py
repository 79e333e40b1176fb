"""What of a measurement answers a question, and what a guess is worth."""

from __future__ import annotations

from dataclasses import replace

import pytest

from eetui.core.errors import UsageError
from eetui.core.labs.answer import (
    SAME,
    Answer,
    Guess,
    Interval,
    Result,
    Row,
    ends,
    parse_guess,
    points,
    settle,
)
from eetui.core.labs.lesson import Lesson, Measurement

MEASUREMENT = Measurement("time", "vector_width", ("off", "4", "8"))
ROWS = (
    Row("off", Interval(100, 99, 101)),
    Row("4", Interval(50, 49, 51), Interval(2.0, 1.98, 2.02)),
    Row("8", Interval(25, 24, 26), Interval(4.0, 3.9, 4.1)),
    Row("16", Interval(40, 39, 41), Interval(2.5, 2.4, 2.6)),
    Row("32", reason="This CPU has no such registers."),
)
TIMES = Result(MEASUREMENT, "us/step", "times as fast", ROWS)
NUMBER = Lesson("k", "t", "q", "w", "speedup", "times", (), 0, (MEASUREMENT,))
CHOICE = replace(NUMBER, figure="lowest", choices=("off", "4", "8"))


def test_bars_are_as_long_as_their_share_of_the_greatest():
    bars = replace(TIMES, measurement=replace(MEASUREMENT, draw="bars"))
    assert [bars.length(row, 30) for row in ROWS] == [30, 15, 8, 12, 0]
    shares = {"a": 0.5, "b": 0.25, "c": -1.0}
    small = tuple(Row(label, Interval(x, x - 1, x + 1)) for label, x in shares.items())
    bars = replace(bars, rows=small)
    assert [bars.length(row, 20) for row in small] == [20, 10, 0]
    for none in ((Row("a", Interval(0.0, 0, 0)),), (Row("a", Interval(-2.0, -3, 0)),), (Row("a"),)):
        assert replace(bars, rows=none).length(none[0], 20) == 0
    dots = replace(bars, measurement=replace(MEASUREMENT, draw="table"))
    assert dots.length(small[0], 20) == 0


def test_the_speedup_is_that_of_the_last_row_that_was_measured():
    assert settle("speedup", TIMES).number == Interval(2.5, 2.4, 2.6)


def test_the_best_speedup_is_that_of_the_quickest_row():
    assert settle("best_speedup", TIMES).number == Interval(4.0, 3.9, 4.1)


def test_the_lowest_is_named():
    assert settle("lowest", TIMES, ("off", "4", "8")).choice == "8"


def test_what_cannot_be_told_from_the_lowest_is_as_right():
    def row(label: str, *losses: float) -> Row:
        return Row(label, Interval(sum(losses) / len(losses), 0, 9), samples=losses)

    noise = [0.01 * i for i in range(10)]
    rows = (
        row("1", *(2.0 + n for n in noise)),
        row("2", *(2.0 + n for n in reversed(noise))),
        row("3", *(2.2 + n for n in noise)),
    )
    found = settle("lowest", replace(TIMES, rows=rows), ("1", "2", "3"))
    assert {found.choice, *found.also} == {"1", "2"}
    assert points(Guess(choice="2"), found) == points(Guess(choice="1"), found) == 10
    assert points(Guess(choice="3"), found) == 0


def test_a_row_without_a_figure_is_never_the_answer():
    rows = (Row("a"), Row("b", Interval(5, 5, 5)), Row("c", Interval(9, 9, 9), Interval(1, 1, 2)))
    choices = ("a", "b", "c")
    assert settle("lowest", replace(TIMES, rows=rows), choices) == Answer(choice="b")
    assert settle("costliest", replace(TIMES, rows=rows), choices) == Answer(choice="c")
    none = Answer(reason="None of the answers to choose from could be measured here.")
    assert settle("costliest", replace(TIMES, rows=rows[:2]), choices) == none
    assert settle("lowest", replace(TIMES, rows=rows), ("a",)) == none
    few = Answer(reason="There was not enough to compare.")
    assert settle("speedup", replace(TIMES, rows=rows[:2])) == few
    twice = (*ROWS[:1], *ROWS[-1:], *ROWS[-1:], Row("64", reason="Nor such."))
    said = settle("speedup", replace(TIMES, rows=twice)).reason
    assert said == "This CPU has no such registers. Nor such."


def test_rows_whose_intervals_touch_cannot_be_told_apart():
    rows = (
        Row("a", Interval(5, 4, 6), Interval(50, 40, 60)),
        Row("b", Interval(7, 6, 8), Interval(35, 30, 40)),
        Row("c", Interval(8, 6.01, 9), Interval(30, 20, 39.9)),
    )
    found = replace(TIMES, rows=rows)
    for figure in ("lowest", "costliest"):
        assert settle(figure, found, ("a", "b", "c")) == Answer(choice="a", also=("b",))
    seeds = (replace(rows[0], samples=(1.0, 2.0)), replace(rows[2], samples=(1.0, 2.5)))
    assert settle("lowest", replace(TIMES, rows=seeds), ("a", "c")).also == ("c",)
    worse = (seeds[0], replace(rows[1], samples=(1.5, 2.5)))
    assert settle("lowest", replace(TIMES, rows=worse), ("a", "b")).also == ()
    other = (seeds[0], replace(rows[1], samples=(1.5, 2.5, 3.5)))
    assert settle("lowest", replace(TIMES, rows=other), ("a", "b")).also == ("b",)


def test_the_ends_of_few_values_are_their_range():
    assert ends([3.0, 1.0, 2.0]) == (1.0, 3.0)
    low, high = ends([float(i) for i in range(20)])
    assert 0 < low < 9.5 < high < 19


def test_the_costliest_is_one_of_the_choices_even_if_it_is_the_first_row():
    rows = (
        Row("a", Interval(1, 1, 1), Interval(50, 49, 51)),
        Row("b", Interval(9, 9, 9), Interval(20, 19, 21)),
        Row("c", Interval(5, 5, 5), Interval(90, 89, 91)),
    )
    found = settle("costliest", replace(TIMES, rows=rows), ("a", "b"))
    assert (found.choice, found.also) == ("a", ())


@pytest.mark.parametrize(
    ("low", "high", "said"),
    [
        (-0.3, -0.1, "lower"),
        (-0.1, 0.1, SAME),
        (0.1, 0.2, "higher"),
        (-0.1, 0.0, SAME),
        (0.0, 0.1, SAME),
    ],
)
def test_a_direction_needs_an_interval_without_zero(low, high, said):
    rows = (Row("a", Interval(2, 2, 2)), Row("b", Interval(2, 2, 2), Interval(0, low, high)))
    assert settle("direction", replace(TIMES, rows=rows)).choice == said


def test_what_this_cpu_lacks_is_no_answer_but_a_reason():
    rows = (ROWS[0], ROWS[-1])
    found = settle("best_speedup", replace(TIMES, rows=rows))
    assert found == Answer(reason="This CPU has no such registers.")
    assert points(Guess(number=2.0), found) is None


def test_points_fall_with_the_distance_on_either_side():
    """10 within 3 % of the interval, none 4 times beyond it, and by the logarithm between."""
    truth = Answer(number=Interval(2.0, 1.9, 2.1))
    guesses = (2.0, 2.163, 2.17, 2.5, 3.5, 4.35, 6.0, 8.6, 9.0)
    assert [points(Guess(number=g), truth) for g in guesses] == [10, 10, 10, 9, 7, 5, 3, 0, 0]
    lower = (1.845, 1.7, 1.2, 0.93, 0.47, 0.3)
    assert [points(Guess(number=g), truth) for g in lower] == [10, 9, 7, 5, 0, 0]
    assert points(Guess(), truth) is None


def test_a_choice_is_right_or_wrong():
    assert points(Guess(choice="8"), Answer(choice="8")) == 10
    assert points(Guess(choice="4"), Answer(choice="8")) == 0


def test_guesses_are_read():
    assert parse_guess(NUMBER, " 1.5x ") == Guess(number=1.5)
    assert parse_guess(CHOICE, "8") == Guess(choice="8")
    assert parse_guess(CHOICE, "1") == Guess(choice="off")
    assert parse_guess(CHOICE, " 3 ") == Guess(choice="8")


@pytest.mark.parametrize("text", ["", "many", "nan", "inf", "-1", "0"])
def test_a_guess_that_is_no_number_is_refused(text):
    with pytest.raises(UsageError, match="number above 0"):
        parse_guess(NUMBER, text)


@pytest.mark.parametrize("text", ["", "5", "0", "-1", "sixteen"])
def test_a_guess_that_is_no_choice_is_refused(text):
    with pytest.raises(UsageError, match="one of off, 4, 8"):
        parse_guess(CHOICE, text)


def test_bars_are_as_long_as_their_values_and_none_is_drawn_for_a_table():
    assert [TIMES.length(row, 40) for row in ROWS] == [40, 20, 10, 16, 0]
    plain = replace(TIMES, measurement=replace(MEASUREMENT, draw="table"))
    assert [plain.length(row, 40) for row in ROWS] == [0] * 5


def test_a_bar_is_as_long_as_its_share_of_the_greatest():
    bars = replace(TIMES, measurement=replace(MEASUREMENT, draw="bars"))
    assert [bars.length(row, 20) for row in ROWS] == [20, 10, 5, 8, 0]
    nothing = Row("0", Interval(0.0, 0.0, 0.0))
    assert replace(bars, rows=(nothing,)).length(nothing, 20) == 0
    less = Row("-", Interval(-3.0, -4.0, -2.0))
    assert replace(bars, rows=(*ROWS, less)).length(less, 20) == 0
    others = replace(TIMES, measurement=replace(MEASUREMENT, draw="table"))
    assert others.length(ROWS[0], 20) == 0


def test_a_result_is_whole_where_nothing_else_is_said():
    assert TIMES.done == 1.0
    assert Row("a") == Row("a", None, None, (), "")
