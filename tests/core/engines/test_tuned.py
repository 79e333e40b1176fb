"""What was tuned: kept, found again on the same CPU alone, and never in the way."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from eetui.core import cpu
from eetui.core.config import ModelConfig
from eetui.core.engines import registry, tuned
from eetui.core.engines.availability import choose_optimizations
from eetui.core.engines.numpy import NumpyEngine
from eetui.core.engines.presets import preset
from eetui.core.engines.tuned import TunedToggles

FOUND = TunedToggles(
    "numpy", 32, "2026-01-31", {"fast_exp": True, "adam": "scalar"}, -5.0, -6.0, -4.0
)


class Scalar(NumpyEngine):
    """An engine that can do without fast exp, has a scalar Adam, and not every width."""

    def why_not(self, key, value):
        return "" if key in ("fast_exp", "adam") else super().why_not(key, value)


@pytest.fixture(autouse=True)
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An own file, in a folder that is made when it is needed."""
    path = tmp_path / "cache" / "tuned.json"
    monkeypatch.setattr(tuned, "tuned_path", lambda: path)
    return path


def test_what_is_kept_is_found_again_for_its_engine_and_width_alone():
    assert tuned.find("numpy", 32) is None
    tuned.keep(FOUND)
    tuned.keep(replace(FOUND, d_model=64))
    assert tuned.find("numpy", 32) == FOUND
    assert tuned.find("native", 32) is tuned.find("numpy", 16) is None
    again = replace(FOUND, toggles={}, low=0.0)
    tuned.keep(again)
    assert tuned.find("numpy", 32) == again
    assert len(tuned.everything()) == 2
    tuned.forget()
    assert tuned.everything() == ()


def test_the_file_can_be_read_by_a_person(path):
    tuned.keep(FOUND)
    assert path.read_text().startswith('{\n "tuned": [\n  {\n   "cpu": ')


@pytest.mark.parametrize("name", ["cpu", "version"])
def test_another_cpu_or_version_has_its_own(path, monkeypatch, name):
    tuned.keep(FOUND)
    other = replace(cpu.detect(), name="another")
    monkeypatch.setattr(
        *((cpu, "detect", lambda: other) if name == "cpu" else (tuned, "version", lambda: "99"))
    )
    tuned.keep(replace(FOUND, day="2026-02-01"))
    assert [t.day for t in tuned.everything()] == ["2026-02-01"]
    monkeypatch.undo()
    assert len(json.loads(path.read_text())["tuned"]) == 2


@pytest.mark.parametrize(
    "content",
    [
        b"", b"\xff\x00", b"[]", b'{"tuned": 3}', b'{"tuned": [3, null, {}]}', b"[" * 100_000,
        b'{"tuned": [{"cpu": "x"}]}',
    ],
)  # fmt: skip
def test_a_file_that_cannot_be_read_counts_as_never_tuned(path, content):
    path.parent.mkdir()
    path.write_bytes(content)
    assert tuned.find("numpy", 32) is None
    tuned.keep(FOUND)
    assert tuned.find("numpy", 32) == FOUND


def test_an_entry_with_values_that_do_not_exist_is_left_out(path):
    tuned.keep(FOUND)
    tuned.keep(replace(FOUND, d_model=64))
    path.write_text(path.read_text().replace('"scalar"', '"gone"', 1))
    tuned.forget_read()
    assert [t.d_model for t in tuned.everything()] == [64]


def test_a_start_uses_it_where_nothing_else_is_said():
    engine, model = Scalar(), ModelConfig(d_model=32)
    own = choose_optimizations(engine, model, ())
    tuned.keep(FOUND)
    taken = choose_optimizations(engine, model, ())
    assert taken == replace(own, fast_exp=True, adam="scalar")
    assert preset("on", engine, model) == taken
    said = choose_optimizations(engine, model, ["fast_exp=off"])
    assert said == replace(own, adam="scalar")
    assert choose_optimizations(engine, ModelConfig(d_model=16), ()) == own


def test_what_this_engine_cannot_do_is_not_taken():
    own = choose_optimizations(NumpyEngine(), ModelConfig(d_model=32), ())
    tuned.keep(replace(FOUND, toggles={"vector_width": 8}))
    assert choose_optimizations(NumpyEngine(), ModelConfig(d_model=32), ()) == own


def test_every_engine_starts_with_what_its_own_tuning_found():
    for name in registry.ENGINES:
        engine = registry.create(name)
        if engine.why_not("padding_skip", False):
            continue
        tuned.keep(replace(FOUND, engine=name, toggles={"padding_skip": False}))
        assert not choose_optimizations(engine, ModelConfig(d_model=32), ()).padding_skip
