"""Lessons as files: what is read, and that every mistake is told with its line."""

from __future__ import annotations

import pytest

from eetui.core.config import ModelConfig
from eetui.core.data.dataset import Dataset
from eetui.core.engines.subject import Subject
from eetui.core.errors import UsageError
from eetui.core.labs.lesson import FIGURES, parse, shipped

GOOD = """\
title = "Batches"
question = "Which batch is best?"
teaches = "It depends."

[answer]
figure = "lowest"
choices = ["1", "16"]

[[measure]]
what = "time"
setting = "padding_skip"
values = [false, true]

[[measure]]
what = "loss"
setting = "batch"
values = [1, 16]
fixed = {d_model = 16, fast_exp = true}
seconds = 0.5
seeds = 4
"""


@pytest.fixture
def subject(names: Dataset) -> Subject:
    """What lessons are about."""
    return Subject(names, ModelConfig())


def test_a_lesson_is_read(subject):
    lesson = parse(GOOD, "mine.toml", subject)
    assert lesson.title == "Batches"
    assert not lesson.is_number
    assert lesson.answered_by == 1
    first, second = lesson.measurements
    assert first.values == ("off", "on")
    assert second.values == ("1", "16")
    assert second.fixed == (("d_model", "16"), ("fast_exp", "on"))
    assert (second.seconds, second.steps, second.seeds) == (0.5, None, 4)


@pytest.mark.parametrize(
    ("before", "after", "line", "words"),
    [
        ("title =", "titel =", 1, "title is missing"),
        ("title =", 'author = "me"\ntitle =', 1, "there is no author"),
        ('"Batches"', "7", 1, "title must be a text"),
        ('"lowest"', '"smallest"', 6, "figure must be one of"),
        ('choices = ["1", "16"]', 'choices = ["1"]', 7, "choices"),
        ('choices = ["1", "16"]', "", 5, "choices is missing"),
        ('what = "time"', 'what = "tim"', 10, "what must be one of time, loss"),
        ('setting = "padding_skip"', 'setting = "paddingskip"', 11, "paddingskip"),
        ("values = [false, true]", "values = [false, 3]", 12, "padding_skip"),
        ("values = [false, true]", "values = [true]", 12, "at least two"),
        ("values = [1, 16]", 'values = [1, "many"]', 17, "many"),
        ("d_model = 16", "d_modl = 16", 18, "d_modl"),
        ("seconds = 0.5", "seconds = 0", 19, "seconds must be"),
        ("seconds = 0.5", "", 15, "seconds or steps"),
        ("seeds = 4", "seeds = true", 20, "seeds must be"),
        ("seeds = 4", "sedes = 4", 20, "there is no sedes"),
        ('title = "Batches"', "title = ", 1, "not TOML"),
        ('"lowest"', '"costliest"', 6, "not of loss"),
    ],
)
def test_a_mistake_is_told_with_its_line(subject, before, after, line, words):
    assert before in GOOD
    with pytest.raises(UsageError) as told:
        parse(GOOD.replace(before, after, 1), "mine.toml", subject)
    assert f"mine.toml, line {line}:" in str(told.value)
    assert words in str(told.value)


def test_a_lesson_without_an_answer_or_a_measurement_is_refused(subject):
    with pytest.raises(UsageError, match=r"\[answer\]"):
        parse('title = "a"\n', "mine.toml", subject)
    with pytest.raises(UsageError, match=r"\[\[measure\]\]"):
        parse('title = "a"\n[answer]\nfigure = "speedup"\n', "mine.toml", subject)


def test_deep_nesting_is_no_traceback(subject):
    with pytest.raises(UsageError, match="not TOML"):
        parse("a = " + "[" * 100_000, "mine.toml", subject)


def test_every_figure_has_a_measurement_that_answers_it():
    assert all(FIGURES.values())


def test_the_shipped_lessons_make_sense(subject):
    lessons = shipped(subject)
    assert len(lessons) == 8
    assert len({lesson.key for lesson in lessons}) == 8
