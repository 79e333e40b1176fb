"""What is found on a machine, told in full, and each thing that stands in the way in a sentence."""

from __future__ import annotations

import os
import shutil
import sys
from dataclasses import replace
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from eetui.core import cpu, doctor
from eetui.core.doctor import examine
from eetui.core.engines import registry, tuned
from eetui.core.engines.numba.kernel_cache import FOLDER_VARIABLE
from eetui.core.engines.numpy import NumpyEngine
from eetui.core.engines.tuned import TunedToggles
from eetui.core.errors import EngineError
from eetui.core.optimizations import CATALOGUE


class Quick(NumpyEngine):
    """The NumPy engine, which is ready at once, unless it `fails`."""

    fails: Exception | None = None

    def prepare(self, *_: Any) -> None:
        if self.fails is not None:
            raise self.fails


@pytest.fixture(autouse=True)
def machine(monkeypatch, tmp_path):
    """A machine with one engine of two, and a terminal in which everything is right."""

    def create(name: str) -> NumpyEngine:
        if name == "native":
            raise EngineError("There is no compiler.")
        return Quick()

    monkeypatch.setattr(registry, "ENGINES", ("native", "numpy"))
    monkeypatch.setattr(registry, "create", create)
    monkeypatch.setattr(registry, "default", lambda: "numpy")
    monkeypatch.setattr(Quick, "fails", None)
    monkeypatch.setattr(tuned, "everything", lambda: ())
    terminal = SimpleNamespace(isatty=lambda: True, encoding="UTF-8")
    names = dict.fromkeys(("stdin", "stdout", "stderr"), terminal)
    streams = SimpleNamespace(**names, executable=sys.executable)
    monkeypatch.setattr(doctor, "sys", streams)
    for name in ("NO_COLOR", "EETUI_STORE", "EETUI_DATA", "EETUI_CONFIG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLORTERM", "truecolor")
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path / "kernels"))
    for kind in ("CONFIG", "STATE", "DATA", "CACHE"):
        monkeypatch.setenv(f"XDG_{kind}_HOME", str(tmp_path / kind.lower()))
    _size(monkeypatch, 80, 24)
    return streams


def _size(monkeypatch, columns, rows):
    size = os.terminal_size((columns, rows))
    monkeypatch.setattr(shutil, "get_terminal_size", lambda: size)


def found() -> dict[str, Any]:
    return examine().as_dict()


def test_where_all_is_well_nothing_stands_in_the_way(tmp_path):
    report = found()
    assert report["problems"] == []
    assert [*report] == [
        "eetui", "cpu", "engine", "toggles", "terminal", "files", "versions", "problems",
    ]  # fmt: skip
    assert report["terminal"] == {
        "screen": True, "size": "80x24", "type": "xterm-256color", "colours": "16 million",
        "encoding": "utf-8",
    }  # fmt: skip
    files = report["files"]
    assert files["names"].endswith("names.txt (32,469 documents)")
    assert "by a hash: equal names lie on one side" in files["held_out"]
    assert files["configuration"].endswith("(0 settings)")
    assert files["compiled_kernels"] == f"{tmp_path / 'kernels'} (0 kept)"
    for kind, name in (("state", "state"), ("cache", "cache"), ("runs", "data")):
        assert files[kind].startswith(str(tmp_path / name)), kind
    assert set(report["versions"]) == set(doctor.LIBRARIES)
    assert "missing" not in report["versions"].values()


def test_the_engine_that_is_picked_and_why_others_are_not():
    engine = found()["engine"]
    assert (engine["picked"], engine["why"]) == ("numpy", NumpyEngine().summary)
    assert engine["missing"] == ["native: There is no compiler."]
    assert engine["others"] == []
    assert engine["products_by_itself"] == "tiles"
    assert engine["tuned_here"] == ["not yet: eetui tune"]
    assert engine["ready"].startswith("after 0.0")
    assert engine["ready"].endswith(" s")
    assert "padding_skip=" in " ".join(engine["toggles"])


def test_a_default_engine_that_is_not_there_is_a_problem(monkeypatch):
    monkeypatch.setattr(registry, "default", lambda: "native")
    report = found()
    assert report["problems"] == ["There is no compiler."]
    assert report["engine"]["picked"] == "numpy"


def test_an_engine_that_cannot_be_made_ready_is_a_problem(monkeypatch):
    monkeypatch.setattr(Quick, "fails", MemoryError("too little memory"))
    report = found()
    assert report["engine"]["ready"] == "no"
    assert report["problems"] == ["The numpy engine cannot be made ready: too little memory"]


def test_a_unit_that_is_taken_by_itself_is_named_with_its_width(monkeypatch):
    monkeypatch.setattr(doctor, "automatic", lambda engine, model, others: f"unit{model.d_model}")
    assert found()["engine"]["products_by_itself"] == "unit64 from d_model 64 on, tiles below"


def test_what_was_tuned_is_told_by_the_width(monkeypatch):
    def entry(engine: str, d_model: int) -> TunedToggles:
        return TunedToggles(engine, d_model, "2026-01-31", {"adam": "scalar"}, -5.0, -6.0, -4.0)

    kept = (entry("numpy", 64), entry("numba", 16), entry("numpy", 32))
    monkeypatch.setattr(tuned, "everything", lambda: kept)
    lines = found()["engine"]["tuned_here"]
    assert [line.split(":")[0] for line in lines] == ["d_model 32", "d_model 64"]
    assert lines[0].endswith("scalar (2026-01-31)")


def test_every_toggle_has_its_values_with_what_stands_against_them():
    toggles = found()["toggles"]
    assert [*toggles] == [entry.key for entry in CATALOGUE]
    for entry in CATALOGUE:
        assert len(toggles[entry.key]) == len(entry.values)
        for text, value in zip(toggles[entry.key], entry.values, strict=True):
            assert text.split(":")[0] == entry.label(value)
    assert any(": " in text for text in toggles["vector_width"])


def test_features_that_decide_something_are_told(monkeypatch):
    features = frozenset({"sse2", "avx512f", "amx_bf16", "bmi1", "xsave", "fma", "asimd", "popcnt"})
    host = replace(cpu.detect(), features=features, name="A CPU", cores=3, lanes=8)
    monkeypatch.setattr(cpu, "detect", lambda: host)
    told = found()["cpu"]
    assert told["features"] == ["amx_bf16", "asimd", "avx512f", "fma", "sse2"]
    assert (told["name"], told["cores_for_eetui"], told["float_lanes"]) == ("A CPU", 3, 8)


@pytest.mark.parametrize(("columns", "rows"), [(79, 24), (80, 23)])
def test_a_small_terminal_is_a_problem(monkeypatch, columns, rows):
    _size(monkeypatch, columns, rows)
    assert found()["problems"] == [
        f"The terminal has {columns}x{rows} characters: make it at least 80x24."
    ]


def test_an_encoding_without_most_characters_is_a_problem(machine):
    machine.stdout = SimpleNamespace(isatty=lambda: True, encoding="ANSI_X3.4-1968")
    assert found()["problems"] == [
        "The terminal's encoding is ansi_x3.4-1968: set LANG to a UTF-8 locale."
    ]


@pytest.mark.parametrize("term", ["dumb", None])
def test_a_dumb_terminal_is_a_problem(monkeypatch, term):
    monkeypatch.setenv("TERM", "dumb")
    if term is None:
        monkeypatch.delenv("TERM")
    report = found()
    assert report["problems"] == [
        "TERM says that the terminal is dumb: use one that can move its cursor."
    ]
    assert report["terminal"]["type"] == (term or "unknown")


@pytest.mark.parametrize("name", ["stdin", "stdout", "stderr"])
def test_without_a_terminal_nothing_of_it_is_a_problem(machine, monkeypatch, name):
    for stream in (None, SimpleNamespace(isatty=lambda: False, encoding="ascii")):
        setattr(machine, name, stream)
        monkeypatch.setenv("TERM", "dumb")
        _size(monkeypatch, 10, 10)
        report = found()
        assert report["problems"] == []
        assert report["terminal"]["screen"] is False


@pytest.mark.parametrize(
    ("names", "colours"),
    [
        ({"COLORTERM": "24bit"}, "16 million"), ({"COLORTERM": "TrueColor"}, "16 million"),
        ({"COLORTERM": "yes"}, "256"), ({"COLORTERM": "", "TERM": "xterm"}, "16"),
        ({"NO_COLOR": "1"}, "none (NO_COLOR is set)"), ({"NO_COLOR": ""}, "16 million"),
    ],
)  # fmt: skip
def test_colours(monkeypatch, names, colours):
    for name, value in names.items():
        monkeypatch.setenv(name, value)
    assert found()["terminal"]["colours"] == colours


def test_settings_are_counted_and_wrong_ones_told_of(monkeypatch, tmp_path):
    config = Path(found()["files"]["configuration"].removesuffix(" (0 settings)"))
    config.parent.mkdir(parents=True, exist_ok=True)
    config.write_text("batch = 4\nlr = 0.01\n")
    assert found()["files"]["configuration"] == f"{config} (2 settings)"
    config.write_text("batch = [\n")
    report = found()
    assert report["files"]["configuration"] == str(config)
    assert len(report["problems"]) == 1
    assert str(config) in report["problems"][0]


def test_kernels_are_counted_and_need_a_folder_of_ones_own(tmp_path):
    folder = tmp_path / "kernels"
    folder.mkdir(mode=0o700)
    for name in ("a.nbc", "b.nbc", "c.txt"):
        (folder / name).touch()
    assert found()["files"]["compiled_kernels"] == f"{folder} (2 kept)"
    folder.chmod(0o777)
    report = found()
    assert report["files"]["compiled_kernels"] == "nowhere"
    assert len(report["problems"]) == 1
    assert f"name one in {FOLDER_VARIABLE}." in report["problems"][0]


def test_a_library_that_is_not_there_is_a_problem(monkeypatch):
    def version(name: str) -> str:
        if name == "pooch":
            raise PackageNotFoundError(name)
        return "1.2"

    monkeypatch.setattr(doctor, "version", version)
    report = found()
    assert report["versions"]["pooch"] == "missing"
    assert report["versions"]["numpy"] == "1.2"
    assert report["problems"] == ["pooch is not installed: install eetui again."]
