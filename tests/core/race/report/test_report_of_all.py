"""Whole reports of a race in which everything happens, character by character.

After a change that is meant: pytest --snapshot-update, and look at the result.
"""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any

import pytest

from eetui.core.config import ModelConfig, TrainConfig
from eetui.core.race.lane import RacePlan
from eetui.core.race.league import League
from eetui.core.race.report.markdown import markdown
from eetui.core.race.report.pictures import league_chart, loss_chart
from eetui.core.race.report.to_json import race_json
from eetui.core.race.report.words import speedup
from tests.support.scripted_race import changed, league, measures, measures_with_gpu


def plain(text: str) -> str:
    """The report without what differs from machine to machine and from day to day."""
    return re.sub(r"- \*\*(Machine|Software|Date)\*\*: .+", r"- **\1**: ...", text)


def rounded(values: Any) -> Any:
    """JSON values whose numbers have nine digits, as many as every machine agrees on."""
    if isinstance(values, dict):
        return {key: rounded(value) for key, value in values.items()}
    if isinstance(values, list):
        return [rounded(value) for value in values]
    return float(f"{values:.9g}") if isinstance(values, float) else values


@pytest.fixture
def whole() -> League:
    """Nine at their end, some of them with energy and held-out losses, one of them skipped."""
    found = league(doing="")
    found = changed(found, "native", joules=2.5, held_out=2.0912, cpu_seconds=2.4, loss_ema=2.2)
    found = changed(found, "scalar", joules=60.0, held_out=2.5, detail="CPython")
    found = changed(found, "tape", names=found.find("tape").names[:1], speedup=None)
    return replace(found, energy="ten watts", n_held_out=400)


@pytest.fixture
def other() -> League:
    """microgpt's rules at another shape, in turns and by steps, and nobody's energy."""
    found = league(doing="")
    return replace(
        found,
        rules="microgpt",
        model=ModelConfig(d_model=64, n_layers=2),
        train=TrainConfig(batch=1, learning_rate=0.01, steps=1000, held_out=0.0),
        plan=RacePlan(seconds=2.5, steps=1000, threshold=2.25, turns=True),
        base="",
    )


@pytest.mark.parametrize("name", ["whole", "other"])
def test_reports(name: str, request: pytest.FixtureRequest, snapshot: Any) -> None:
    raced = request.getfixturevalue(name)
    assert league_chart(raced) == snapshot(name="bars")
    assert loss_chart(raced) == snapshot(name="losses")
    assert plain(markdown(raced)) == snapshot(name="text")
    found = race_json(raced)
    for row in found["table"]:  # A hundred points each: how many they are, and what they add up to.
        row["curve"] = {key: [len(part), sum(part)] for key, part in row["curve"].items()}
    assert json.dumps(rounded(found), indent=1) == snapshot(name="json")


def test_studies(whole: League, snapshot: Any) -> None:
    for name, found in (("cpu", measures()), ("gpu", measures_with_gpu())):
        text = markdown(whole, found.one_second, found.launches)
        assert text.split("## The best loss")[1] == snapshot(name=f"{name}, text")
        values = race_json(whole, found.one_second, found.launches)
        studies = {key: values[key] for key in ("one_second", "killer_microsecond")}
        assert json.dumps(rounded(studies), indent=1) == snapshot(name=f"{name}, json")
    assert {"one_second", "killer_microsecond"}.isdisjoint(race_json(whole))


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (None, "–"), (0.5, "0.50×"), (2.777, "2.78×"), (9.994, "9.99×"), (9.996, "10.0×"),
        (11.44, "11.4×"), (99.94, "99.9×"), (99.96, "100×"), (16333.3, "16,333×"),
    ],
)  # fmt: skip
def test_speed_ups_have_three_digits(value: float | None, said: str) -> None:
    assert speedup(value) == said
