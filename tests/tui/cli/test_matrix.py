"""--matrix: what it sets, what names what ran, and what is refused."""

from __future__ import annotations

import json

import pytest

from eetui.core.engines import registry
from eetui.core.engines.base import Engine
from eetui.core.engines.native import library

SHORT = ("train", "--d-model", "16", "--steps", "20", "--json")


@pytest.fixture
def native() -> Engine:
    if library.find() is None:
        pytest.skip(library.WHY_MISSING)
    return registry.create("native")


def test_what_ran_is_named(cli, native: Engine) -> None:
    result = cli("bench", "--d-model", "16", "--repeats", "1", "--matrix", "tile", "--json")
    printed = json.loads(result.out)
    assert printed["optimizations"]["products"] == "outer"
    assert printed["isa"].endswith("+ emulated tile")
    assert json.loads(cli(*SHORT, "--matrix", "tile").out)["isa"] == printed["isa"]
    for off in ((), ("--matrix", "off"), ("--matrix", "auto")):
        assert "+" not in json.loads(cli(*SHORT, *off).out)["isa"]


def test_it_comes_from_the_environment_and_set_counts_more(cli, native, monkeypatch) -> None:
    monkeypatch.setenv("EETUI_MATRIX", "tile")
    assert "tile" in json.loads(cli(*SHORT).out)["isa"]
    assert "tile" not in json.loads(cli(*SHORT, "--matrix", "off").out)["isa"]
    assert "tile" not in json.loads(cli(*SHORT, "--set", "matrix_engine=off").out)["isa"]


def test_it_comes_from_the_configuration_file(cli, native, own_settings) -> None:
    own_settings.write_text('matrix = "tile"\n')
    assert "tile" in json.loads(cli(*SHORT).out)["isa"]
    own_settings.write_text('matrix = "cuda"\n')
    result = cli(*SHORT)
    assert result.code == 2
    assert "'cuda' is not one of 'off', 'auto'" in result.err
    assert "in the configuration file" in result.err


def test_what_is_impossible_here_is_refused_with_the_reason(cli, native: Engine) -> None:
    for value in ("sme2", "amx", "amx-split"):
        if reason := native.why_not("products", value):
            result = cli(*SHORT, "--matrix", value)
            assert (result.code, result.out) == (2, "")
            assert f"products={value} is not possible here: {reason}" in result.err
    result = cli(*SHORT, "--engine", "numba", "--matrix", "tile")
    assert result.code == 2
    assert "Outer: only the native engine computes products so, not numba." in result.err


def test_an_unknown_one_is_refused_in_words(cli) -> None:
    result = cli(*SHORT, "--matrix", "cuda")
    assert result.code == 2
    assert (
        "'cuda' is not one of 'off', 'auto', 'sme2', 'amx', 'amx-split', 'bf16', 'tile', 'outer'"
        in result.err
    )
    assert "Value error" not in result.err
