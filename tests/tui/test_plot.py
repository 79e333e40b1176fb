"""Ticks, figures and the cutting of plotext's output into roles."""

from __future__ import annotations

from itertools import pairwise

import pytest

from eetui.tui import figures, ticks
from eetui.tui.plot import Chart, Label, Series, draw
from eetui.tui.rows import Role

WIDTH, HEIGHT = 60, 12


def chart(**changes):
    plain = {
        "x_axis": ticks.linear(0, 100, 4, figures.fixed),
        "y_axis": ticks.linear(1, 1000, 3, lambda v, _: f"{v:6.0f} "),
    }
    return Chart(**(plain | changes))


def cells(rows):
    """(row, column, character, role) of everything that is not blank."""
    for y, row in enumerate(rows):
        x = 0
        for text, role in row:
            for character in text:
                if character.strip():
                    yield y, x, character, role
                x += 1


def where(rows, role):
    return [(y, x) for y, x, _, r in cells(rows) if r is role]


def test_every_row_has_its_width_and_roles_survive():
    line = Series([0.0, 100.0], [1.0, 1000.0], Role.LINE)
    rows = draw(chart(series=(line,), level=500.0, marks=(50.0,)), WIDTH, HEIGHT)
    assert len(rows) == HEIGHT
    assert {sum(len(text) for text, _ in row) for row in rows} == {WIDTH}
    assert {x for _, x in where(rows, Role.MARK)} == {7 + (WIDTH - 7) // 2}
    assert len({y for y, _ in where(rows, Role.REFERENCE)}) == 1
    drawn = where(rows, Role.LINE)
    assert drawn[0][1] > drawn[-1][1]  # the top row holds the right end


def test_a_logarithmic_axis_places_decades_evenly():
    points = Series([50.0, 50.0, 50.0], [1.0, 31.6, 1000.0], Role.RAW, joined=False)
    y_axis = ticks.logarithmic(1, 1000, 4, lambda v, _: f"{v:6.0f} ")
    rows = draw(chart(y_axis=y_axis, log_y=True, series=(points,)), WIDTH, HEIGHT)
    top, middle, bottom = (y for y, _ in where(rows, Role.RAW))
    assert abs((bottom - middle) - (middle - top)) <= 1
    assert y_axis.labels == ("     1 ", "    10 ", "   100 ", "  1000 ")


def test_labels_stand_beside_their_point_and_rows_below_it():
    words = Label(100.0, 1000.0, "end", Role.MARK, "right", 2)
    rows = draw(chart(labels=(words,)), WIDTH, HEIGHT)
    assert [(y, x) for y, x in where(rows, Role.MARK)] == [(2, WIDTH - 3 + i) for i in range(3)]


@pytest.mark.parametrize(
    ("last", "upper"), [(9.0, 9.0), (4230.0, 4500.0), (4499.0, 4500.0), (4501.0, 5000.0)]
)
def test_a_fitted_axis_moves_in_half_steps(last, upper):
    axis = ticks.linear(0, last, 5, figures.fixed, fit=True)
    assert axis.upper == pytest.approx(upper)
    assert all(axis.lower <= p <= axis.upper for p in axis.positions)
    assert len(set(axis.labels)) == len(axis.labels)


@pytest.mark.parametrize(
    ("lower", "upper", "count", "labels"),
    [
        (2.05, 2.15, 4, ("2.050", "2.075", "2.100", "2.125", "2.150")),
        (2.0, 2.4, 4, ("2.0", "2.1", "2.2", "2.3", "2.4")),
        (0.0, 0.012, 3, ("0.000", "0.005", "0.010")),
        (1_000, 5_000, 4, ("1,000", "2,000", "3,000", "4,000", "5,000")),
    ],
)
def test_labels_have_the_digits_that_their_step_needs(lower, upper, count, labels):
    assert ticks.linear(lower, upper, count, figures.fixed).labels == labels


def test_logarithmic_labels_have_the_digits_that_they_need():
    assert ticks.logarithmic(1, 9, 6, figures.fixed).labels == (
        "1.0",
        "1.5",
        "2.0",
        "3.0",
        "5.0",
        "7.0",
    )


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (figures.microseconds(83.14, 7), "   83.1"),
        (figures.microseconds(1214.4, 7), "  1,214"),
        (figures.microseconds(None, 7), "      –"),
        (figures.nats(2.0812, 6), " 2.081"),
        (figures.nats(5.57e6, 8), "5.57e+06"),
        (figures.step(179_069), "179,069"),
        (figures.step(1_250_000), "1.25 M"),
        (figures.clip("abcdef", 4), "abc…"),
    ],
)
def test_figures_read_the_same_width(text, value):
    assert text == value


def test_a_logarithmic_x_axis_has_decades_of_equal_length():
    logarithmic = chart(
        x_axis=ticks.logarithmic(0.001, 10, 5, lambda v, _: figures.duration(v)),
        log_x=True,
        labels=(Label(0.1, 500.0, "middle", Role.MARK),),
    )
    rows = draw(logarithmic, WIDTH, HEIGHT)
    bottom = "".join(text for text, _ in rows[-1])
    assert bottom.split() == ["1", "ms", "10", "ms", "100", "ms", "1", "s", "10", "s"]
    marks = [x for _, x, character, _ in cells(rows[-2:-1]) if character == "┬"]
    assert {b - a for a, b in pairwise(marks)} <= {12, 13}
    label = min(x for _, x, _, role in cells(rows) if role is Role.MARK)
    assert label == marks[2]


@pytest.mark.parametrize(("value", "lower"), [(0.001, 0.001), (0.0099, 0.001), (3.0, 1.0)])
def test_decades(value, lower):
    assert ticks.decade(value) == pytest.approx(lower)


@pytest.mark.parametrize(
    ("value", "words"),
    [(None, "–"), (48.3e-6, "48.3 us"), (0.0702, "70.2 ms"), (0.99996, "1 s"), (120.0, "120 s")],
)
def test_durations(value, words):
    assert figures.duration(value) == words


@pytest.mark.parametrize(
    ("value", "pace", "factor"),
    [
        (0.934, "0.93", "0.93×"),
        (9.996, "10.0", "10.0×"),
        (999.96, "1,000", "1,000×"),
        (49_000.0, "49,000", "49,000×"),
        (None, "–", "–"),
    ],
)
def test_six_orders_of_magnitude(value, pace, factor):
    assert figures.pace(value) == pace
    assert figures.speedup(value) == factor
