"""Values of options that are told at a glance, and those that Typer has to look at."""

from __future__ import annotations

import subprocess
import sys
from typing import Literal

import pytest

from eetui.tui.cli.conversion import told_at_a_glance

NOT_LOADED = """
import sys
from eetui.tui.cli import main
main({arguments})
print({{"pydantic", "rich.console", "numpy.ma", "numba", "textual", "email"}} & set(sys.modules))
"""


@pytest.mark.parametrize(
    ("annotation", "value", "meant"),
    [
        (int, "17", 17),
        (int, "-3", -3),
        (int, "+4", 4),
        (float, ".5", 0.5),
        (float, "1e-3", 1e-3),
        (float, "7", 7.0),
        (str, " as it is ", " as it is "),
        (bool, True, True),
        (bool, "0", False),
        (bool, "true", True),
        (Literal["adam", "muon"], "muon", "muon"),
    ],
)
def test_what_is_plain_is_told(annotation, value, meant):
    told = told_at_a_glance(annotation, value)
    assert told == (meant,)
    assert type(told[0]) is type(meant)


@pytest.mark.parametrize(
    ("annotation", "value"),
    [
        *((int, text) for text in ("", "1.5", "1e3", "१", "0x10", " 1", "1_000", "9" * 19, True)),
        *((float, text) for text in ("", ".", "nan", "inf", "1e999", "1,5", "٣")),
        (bool, "yes"),
        (Literal["adam", "muon"], "Adam"),
        (list[str], ["a"]),
    ],
)
def test_anything_else_is_left_to_typer(annotation, value):
    assert told_at_a_glance(annotation, value) is None


@pytest.mark.parametrize(
    "arguments", [["--version"], ["train", "--steps", "1", "--lr", ".01", "--engine", "numpy"]]
)
def test_a_start_without_a_screen_loads_no_more_than_it_needs(arguments, own_settings):
    done = subprocess.run(
        [sys.executable, "-c", NOT_LOADED.format(arguments=arguments)],
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.stdout.splitlines()[-1] == "set()", done.stderr
