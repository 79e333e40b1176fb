"""Aims: what is looked for, and when a run ends."""

from __future__ import annotations

import pytest

from eetui.core.sweep.aim import Aim, parse_aim


@pytest.mark.parametrize(
    ("text", "more", "aim"),
    [
        ("loss@2000", {}, Aim("loss", steps=2000)),
        ("loss@1s", {}, Aim("loss", seconds=1.0)),
        ("loss@0.25s", {}, Aim("loss", seconds=0.25)),
        ("loss", {}, Aim("loss", steps=2000)),
        ("loss", {"steps": 50}, Aim("loss", steps=50)),
        ("loss", {"seconds": 2.0}, Aim("loss", seconds=2.0)),
        ("loss", {"by_point": True}, Aim("loss", by_point=True)),
        ("loss@steps", {"by_point": True}, Aim("loss", by_point=True)),
        ("time@2.0", {}, Aim("time", seconds=3.0, threshold=2.0)),
        ("time@1.9", {"seconds": 5.0}, Aim("time", seconds=5.0, threshold=1.9)),
        ("time@2", {"steps": 900}, Aim("time", steps=900, seconds=3.0, threshold=2.0)),
        ("time@2", {"by_point": True}, Aim("time", seconds=3.0, threshold=2.0, by_point=True)),
    ],
)
def test_what_is_typed(text, more, aim):
    assert parse_aim(text, **more) == aim
    assert Aim.from_json(aim.to_json()) == aim


@pytest.mark.parametrize(
    ("text", "more"),
    [
        ("speed", {}),
        ("loss@", {}),
        ("loss@0", {}),
        ("loss@1.5", {}),
        ("loss@1.2.3", {}),
        ("loss@-1s", {}),
        ("loss@99999s", {}),
        ("time", {}),
        ("time@2s", {}),
        ("time@0", {}),
        ("time@2", {"steps": 0}),
        ("time@2", {"seconds": 0.0}),
        ("time@nan", {}),
        ("loss@steps", {}),
        ("loss@100", {"by_point": True}),
        ("loss@100", {"steps": 100}),
        ("loss", {"steps": 10, "seconds": 1.0}),
    ],
)
def test_what_is_no_aim_is_refused(text, more, refused):
    with refused(""):
        parse_aim(text, **more)


def test_an_aim_reads_as_it_is_typed():
    for text in ("loss@2000", "loss@0.5s", "time@2.1"):
        assert parse_aim(text).words == text
