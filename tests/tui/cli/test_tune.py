"""`eetui tune`: measures, keeps what it found, and forgets it again."""

from __future__ import annotations

import json

import pytest

from eetui.core.engines import tuned

QUICK = ("--d-model", "16", "--seconds", "0.05")


@pytest.fixture(autouse=True)
def path(tmp_path, monkeypatch):
    path = tmp_path / "tuned.json"
    monkeypatch.setattr(tuned, "tuned_path", lambda: path)
    return path


def test_what_was_found_is_kept_and_told(cli, path):
    result = cli("tune", *QUICK, "--json")
    assert (result.code, result.err) == (0, "")
    facts = json.loads(result.out)
    assert facts["path"] == str(path)
    assert (facts["d_model"], facts["low"] <= facts["high"]) == (16, True)
    padding = next(t for t in facts["trials"] if t["toggle"] == "padding_skip")
    assert (padding["value"], padding["taken"]) == (False, False)
    assert padding["low"] > 0
    kept = tuned.find(facts["engine"], 16)
    assert kept is not None
    assert dict(kept.toggles) == facts["toggles"]
    doctor = json.loads(cli("doctor", "--json").out)
    assert any("d_model 16" in line for line in doctor["engine"]["tuned_here"])
    assert cli("tune", "--forget").code == 0
    assert tuned.everything() == ()


def test_a_table_for_people(cli):
    result = cli("tune", *QUICK)
    assert (result.code, result.err) == (0, "")
    assert "padding skip     on → off" in result.out
    assert "at d_model 16" in result.out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--seconds", "0"), "seconds must be above 0"),
        (("--seconds", "nan"), "seconds must be above 0"),
        (("--set", "fast_exp=off"), "leave out --set"),
        (("--matrix", "bf16"), "leave out --set"),
    ],
)
def test_bad_use_is_one_sentence(cli, arguments, words):
    result = cli("tune", *arguments)
    assert (result.code, result.out) == (2, "")
    assert words in result.err
    assert "Traceback" not in result.err
