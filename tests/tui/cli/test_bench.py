from __future__ import annotations

import json

import pytest

from eetui.core.engines.base import PHASES


def test_json_has_what_scripts_rely_on(cli):
    result = cli(
        *("bench", "--engine", "numba", "--d-model", "16", "--heads", "2", "--batch", "8"),
        *("--repeats", "2", "--set", "padding_skip=off", "--json"),
    )
    assert (result.code, result.err) == (0, "")
    printed = json.loads(result.out)
    assert (printed["engine"], printed["d_model"], printed["n_heads"], printed["batch"]) == (
        *("numba", 16, 2, 8),
    )
    assert printed["optimizations"]["padding_skip"] == "off"
    assert printed["isa"]
    assert len(printed["us_per_step_runs"]) == 2
    assert printed["us_per_sample"] == pytest.approx(printed["us_per_step"] / 8)
    assert printed["gflops"] < printed["peak_gflops"]
    assert 0 < printed["percent_of_peak"] < 100
    assert set(printed["phases_us"]) == set(PHASES)
    assert all(us >= 0 for us in printed["phases_us"].values())


def test_table_for_people(cli):
    result = cli("bench", "--engine", "numba", "--d-model", "16", "--repeats", "1")
    assert (result.code, result.err) == (0, "")
    for words in ("us   median of 1 x", "% ", "GFLOP/s", "forward products"):
        assert words in result.out
    assert "\x1b" not in result.out


def test_an_engine_without_clocks_says_so(cli):
    result = cli("bench", "--engine", "numpy", "--d-model", "16", "--repeats", "1")
    assert result.code == 0
    assert "does not time its phases" in result.out
