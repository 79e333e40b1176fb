"""`eetui lab`: the list, a lesson of one's own, guesses, and what is handed in."""

from __future__ import annotations

import io
import json

import pytest

LESSON = """\
title = "Rates [/nope]"
question = "Which learning rate is better?"
teaches = "It depends."

[answer]
figure = "lowest"
choices = ["0.0001", "0.01"]

[[measure]]
what = "loss"
setting = "lr"
values = [0.0001, 0.01]
fixed = {d_model = 4, batch = 4}
steps = 40
seeds = 2
"""


@pytest.fixture
def lesson(tmp_path):
    file = tmp_path / "rates.toml"
    file.write_text(LESSON)
    return file


def test_the_lessons_are_listed(cli):
    result = cli("lab")
    assert (result.code, result.err) == (0, "")
    assert "useless-work" in result.out
    listed = json.loads(cli("lab", "--json").out)["lessons"]
    assert len(listed) == 8
    assert all(each["lesson"] in result.out for each in listed)


def test_a_lesson_of_ones_own_is_measured_and_handed_in(cli, lesson, tmp_path):
    page, values = tmp_path / "page.md", tmp_path / "values.json"
    result = cli("lab", lesson, "--engine", "numpy", "--guess", "0.01", "--export", page)
    assert (result.code, result.err) == (0, "")
    assert "Rates [/nope]" in result.out
    assert "10 of 10 points" in result.out
    assert "It depends." in result.out
    assert "10 of 10 points" in page.read_text()
    assert "Rates \\[/nope\\]" in page.read_text()

    result = cli(
        *("lab", lesson, "--engine", "numpy", "--guess", "1", "--export", values, "--json")
    )
    assert result.code == 0
    found = json.loads(result.out)
    assert found == json.loads(values.read_text())
    assert (found["points"], found["of"]) == (0, 10)
    (done,) = found["lessons"]
    assert (done["guess"], done["answer"]) == ("0.0001", "0.01")
    rows = done["measured"][0]["rows"]
    assert [row["label"] for row in rows] == ["0.0001", "0.01"]
    assert rows[1]["value"]["estimate"] < rows[0]["value"]["estimate"]
    assert len(rows[0]["losses"]) == 2


class Typed(io.StringIO):
    """A keyboard."""

    def isatty(self) -> bool:
        return True


def test_a_guess_is_asked_for_until_it_is_one(cli, lesson, monkeypatch):
    typed = Typed("soon\n2\n")
    monkeypatch.setattr("sys.stdin", typed)
    result = cli("lab", lesson, "--engine", "numpy")
    assert result.code == 0
    assert "must be one of 0.0001, 0.01" in result.err
    assert "10 of 10 points" in result.out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("lab", "nonsense"), "There is no lesson nonsense"),
        (("lab", "missing.toml"), "There is no file missing.toml"),
        (("lab", "useless-work", "--guess", "many"), "must be a number above 0"),
        (("lab", "useless-work", "--guess", "2", "--guess", "3"), "2 guesses for 1 lessons"),
        (("lab", "useless-work", "--guess", "2", "--export", "a.txt"), "ending in .md or .json"),
        (("lab", "useless-work"), "Nobody is there to guess"),
    ],
)
def test_a_request_that_makes_no_sense_is_one_sentence(cli, monkeypatch, arguments, words):
    monkeypatch.setattr("sys.stdin", io.StringIO())
    result = cli(*arguments)
    assert (result.code, result.out) == (2, "")
    assert words in result.err


def test_a_mistake_in_a_file_is_told_with_its_line(cli, lesson):
    lesson.write_text(LESSON.replace('"lowest"', '"best"'))
    result = cli("lab", lesson, "--guess", "1")
    assert result.code == 2
    assert "rates.toml, line 6: figure must be one of" in result.err
