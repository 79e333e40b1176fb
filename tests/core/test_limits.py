"""Every number that is asked for has limits: those are taken, and what lies beyond is not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from math import inf, nextafter
from typing import Any

import pytest

from eetui.core.config import ModelConfig, TrainConfig
from eetui.core.data.dataset import Dataset
from eetui.core.engines.registry import create
from eetui.core.engines.subject import Subject
from eetui.core.errors import UsageError
from eetui.core.labs.lesson import parse
from eetui.core.measure import bench, climb, learning
from eetui.core.measure.comparison import Arm
from eetui.core.measure.limit import Limit
from eetui.core.race.lane import RacePlan
from eetui.core.sweep.aim import Aim
from eetui.core.sweep.space import Dimension, Space
from eetui.core.sweep.sweep_plan import SweepPlan

GRID = Space((Dimension("batch", "choice", (4, 8)),))
LESSON = """\
title = "{title}"
question = "q"
teaches = "t"
[answer]
figure = "lowest"
choices = {choices}
[[measure]]
what = "loss"
setting = "batch"
values = [1, 16]
seconds = {seconds}
seeds = {seeds}
"""


def above(value: float) -> float:
    return nextafter(value, inf)


def below(value: float) -> float:
    return nextafter(value, -inf)


def sweep(**values: Any) -> SweepPlan:
    return SweepPlan(GRID, Aim("loss", 100), "random", "none", **{"runs": 3, "seeds": 1, **values})


NUMBERS: list[tuple[str, Callable[..., object], Any, Any, Any, Any]] = [
    ("d_model", lambda x: ModelConfig(d_model=x), 4, 512, 0, 516),
    ("n_heads", lambda x: ModelConfig(d_model=8, n_heads=x), 1, 8, 0, 16),
    ("n_layers", lambda x: ModelConfig(n_layers=x), 1, 8, 0, 9),
    ("block_size", lambda x: ModelConfig(block_size=x), 2, 64, 1, 65),
    ("vocab_size", lambda x: ModelConfig(vocab_size=x), 2, 256, 1, 257),
    ("batch", lambda x: TrainConfig(batch=x), 1, 512, 0, 513),
    ("rate", lambda x: TrainConfig(learning_rate=x), 5e-324, below(10.0), 0.0, 10.0),
    ("steps", lambda x: TrainConfig(steps=x), 1, 10**12, 0, 10**12 + 1),
    ("beta1", lambda x: TrainConfig(beta1=x), 0.0, below(1.0), -5e-324, 1.0),
    ("beta2", lambda x: TrainConfig(beta2=x), 0.0, below(1.0), -5e-324, 1.0),
    ("eps", lambda x: TrainConfig(eps=x), 5e-324, below(1.0), 0.0, 1.0),
    ("seed", lambda x: TrainConfig(seed=x), 0, 2**63 - 1, -1, 2**63),
    ("held_out", lambda x: TrainConfig(held_out=x), 0.0, 0.5, -5e-324, above(0.5)),
    ("limit steps", lambda x: Limit(steps=x), 1, 10**9, 0, 10**9 + 1),
    ("limit seconds", lambda x: Limit(seconds=x), 5e-324, 3600.0, 0.0, above(3600.0)),
    ("race seconds", lambda x: RacePlan(seconds=x), 5e-324, 1e6, 0.0, above(1e6)),
    ("race steps", lambda x: RacePlan(steps=x), 1, 10**9, 0, 10**9 + 1),
    ("race threshold", lambda x: RacePlan(threshold=x), 5e-324, below(100.0), 0.0, 100.0),
    ("sweep runs", lambda x: sweep(runs=x), 1, 10**7, 0, 10**7 + 1),
    ("sweep seeds", lambda x: sweep(seeds=x), 1, 1000, 0, 1001),
    ("sweep seed", lambda x: sweep(seed=x), 0, 2**62 - 1, -1, 2**62),
    ("sweep seconds", lambda x: sweep(seconds=x), 5e-324, 10**8, 0, above(1e8)),
    ("aim threshold", lambda x: Aim("time", None, 9.0, x), 5e-324, below(100.0), 0.0, 100.0),
]  # fmt: skip


@pytest.mark.parametrize(
    ("make", "least", "most", "less", "more"),
    [row[1:] for row in NUMBERS],
    ids=[row[0] for row in NUMBERS],
)
def test_limits(make: Callable[..., object], least: Any, most: Any, less: Any, more: Any) -> None:
    make(least)
    make(most)
    for beyond in (less, more):
        with pytest.raises(UsageError):
            make(beyond)


def test_a_run_ends_by_exactly_one_limit() -> None:
    for steps, seconds in ((None, None), (1, 1.0)):
        with pytest.raises(UsageError, match="give one of the two"):
            Limit(steps, seconds)
    RacePlan(seconds=1.0, steps=1)
    with pytest.raises(UsageError, match="give it seconds or steps"):
        RacePlan(seconds=None)


@pytest.mark.parametrize(
    ("values", "fits"),
    [
        ({"seconds": 0.01}, True), ({"seconds": 60}, True), ({"seeds": 64}, True),
        ({"seeds": 1}, True), ({"title": "a" * 4000}, True), ({"choices": ["1"] * 16}, True),
        ({"seconds": 0.0099}, False), ({"seconds": 60.1}, False), ({"seeds": 65}, False),
        ({"seeds": 0}, False), ({"title": "a" * 4001}, False), ({"choices": ["1"] * 17}, False),
        ({"title": " "}, False), ({"choices": ["1"]}, False), ({"seeds": "true"}, False),
    ],
)  # fmt: skip
def test_limits_of_a_lesson(names: Dataset, values: dict[str, Any], fits: bool) -> None:
    subject = Subject(names, ModelConfig())
    chosen = {"title": "a", "choices": ["1", "16"], "seconds": 1, "seeds": 4, **values}
    text = LESSON.format(**chosen)
    if fits:
        lesson = parse(text, "a.toml", subject)
        assert (lesson.title, [*lesson.choices]) == (chosen["title"], chosen["choices"])
        assert lesson.measurements[0].seconds == chosen["seconds"]
        assert lesson.measurements[0].seeds == chosen["seeds"]
    else:
        with pytest.raises(UsageError):
            parse(text, "a.toml", subject)


@pytest.mark.parametrize(
    ("name", "least", "most"),
    [("repeats", 1, 1000), ("rounds", 1, 1000), ("seeds", 8, 1000)],
)
def test_limits_of_how_often(names: Dataset, name: str, least: int, most: int) -> None:
    """They come before anything is measured, so nothing is where they hold."""

    class Begun(Exception):
        pass

    def begin(*of: object, **more: object) -> None:
        raise Begun

    engine = create("numpy")
    engine.prepare = begin  # type: ignore[method-assign]
    engine.instruction_set = begin  # type: ignore[assignment, method-assign]
    subject = Subject(names, ModelConfig(), engine="numpy")
    arm = Arm("", subject, engine, engine.default_optimizations())

    def go(n: int) -> None:
        if name == "repeats":
            bench.measure(subject, engine, engine.default_optimizations(), n)
        elif name == "rounds":
            next(climb.climb(subject, rounds=n, engine=engine))
        else:
            next(learning.learn(arm, arm, Limit(1), n))

    for n in (least, most):
        with pytest.raises(Begun):
            go(n)
    for n in (least - 1, most + 1):
        with pytest.raises(UsageError, match=f"between {least} and {most}, not {n}"):
            go(n)


def test_what_is_not_asked_for() -> None:
    """The defaults, which help texts and docs name."""
    assert asdict(ModelConfig()) == {
        "d_model": 32, "n_heads": 4, "n_layers": 1, "block_size": 16, "vocab_size": 27,
        "activation": "relu",
    }  # fmt: skip
    assert asdict(TrainConfig()) == {
        "batch": 16, "learning_rate": 0.007, "steps": 10_000, "schedule": "linear",
        "beta1": 0.85, "beta2": 0.99, "eps": 1e-8, "seed": 42, "held_out": 0.1,
        "order": "shuffled",
    }  # fmt: skip
    assert asdict(RacePlan()) == {
        "seconds": 5.0, "steps": None, "threshold": 2.0, "turns": False,
    }  # fmt: skip
    assert (bench.DEFAULT_REPEATS, climb.DEFAULT_ROUNDS, learning.SEEDS) == (7, 11, 16)
