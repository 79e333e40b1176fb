from __future__ import annotations

import json
from importlib.metadata import PackageNotFoundError, version

from eetui.core import doctor
from eetui.core.engines import registry
from eetui.core.engines.native import library
from eetui.core.optimizations import CATALOGUE


def test_doctor_tells_everything_for_people(cli, own_settings):
    result = cli("doctor")
    assert (result.code, result.err) == (0, "")
    for words in ("instruction set", "products", "sme2: ", "numba"):
        assert words in result.out
    assert str(own_settings) in "".join(result.out.split())


def test_doctor_tells_everything_for_scripts(cli):
    result = cli("doctor", "--json")
    assert result.code == 0
    report = json.loads(result.out)
    assert report["problems"] == []
    assert report["engine"]["picked"] in registry.ENGINES
    assert set(report["toggles"]) == {entry.key for entry in CATALOGUE}
    assert report["cpu"]["float_lanes"] in {4, 8, 16}
    assert report["terminal"]["screen"] is False
    assert "32,469" in report["files"]["names"]
    assert "3,316" in report["files"]["held_out"]
    assert "14% would be" in report["files"]["held_out"]
    assert "missing" not in report["versions"].values()


def test_doctor_names_a_bad_configuration_file_as_a_problem(cli, own_settings):
    own_settings.write_text("d_model = ")
    result = cli("doctor", "--json")
    assert result.code == 1
    (problem,) = json.loads(result.out)["problems"]
    assert "not valid TOML" in problem
    assert str(own_settings) in problem


def test_doctor_names_a_library_that_is_missing(cli, monkeypatch):
    def found(name: str) -> str:
        if name == "plotext":
            raise PackageNotFoundError(name)
        return version(name)

    monkeypatch.setattr(doctor, "version", found)
    result = cli("doctor", "--json")
    assert result.code == 1
    report = json.loads(result.out)
    assert report["problems"] == ["plotext is not installed: install eetui again."]
    assert report["versions"]["plotext"] == "missing"


def test_doctor_names_an_engine_that_fails(cli, monkeypatch):
    def fail(*_: object) -> None:
        raise OSError("the disk is on fire")

    monkeypatch.setattr(type(registry.create(registry.default())), "prepare", fail)
    result = cli("doctor", "--json")
    assert result.code == 1
    assert "the disk is on fire" in json.loads(result.out)["problems"][0]


def test_doctor_says_how_to_get_an_engine_that_was_not_built(cli, monkeypatch):
    monkeypatch.setattr(library, "find", lambda: None)
    library.load.cache_clear()
    try:
        result = cli("doctor", "--json")
    finally:
        library.load.cache_clear()
    engine = json.loads(result.out)["engine"]
    assert (result.code, engine["picked"]) == (0, "numba")
    assert engine["missing"] == [f"native: {library.WHY_MISSING}"]
    assert engine["native_build"] == "none"


def test_sample(cli, tmp_path):
    path = tmp_path / "run.safetensors"
    train = ("train", "--engine", "numpy", "--d-model", "16", "--steps", "200")
    assert cli(*train, "--save", path).code == 0
    sample = ("sample", "--load", path, "--n", "7", "--prefix", "ma", "--seed", "4")
    names = cli(*sample).out.splitlines()
    assert len(names) == 7
    assert all(name.startswith("ma") for name in names)
    printed = json.loads(cli(*sample, "--json").out)
    assert printed["samples"] == names
    assert printed["step"] == 200
    assert len(printed["new"]) == 7
    assert cli(*sample[:-1], "5").out.splitlines() != names
    assert len(set(cli(*sample, "--temperature", "0.0001").out.splitlines())) == 1
