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
    facts = json.loads(result.out)
    assert (facts["engine"], facts["d_model"], facts["n_heads"], facts["batch"]) == (
        *("numba", 16, 2, 8),
    )
    assert facts["optimizations"]["padding_skip"] == "off"
    assert facts["isa"]
    assert len(facts["us_per_step_runs"]) == 2
    assert facts["us_per_sample"] == pytest.approx(facts["us_per_step"] / 8)
    assert facts["gflops"] < facts["peak_gflops"]
    assert 0 < facts["percent_of_peak"] < 100
    assert set(facts["phases_us"]) == set(PHASES)
    assert all(us >= 0 for us in facts["phases_us"].values())


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
