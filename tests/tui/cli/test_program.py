from __future__ import annotations

import json
import os
import resource
import subprocess
import sys

import pytest

TRAIN = ("train", "--engine", "numpy", "--steps", "3", "--json")


def test_help_and_version_load_nothing_heavy():
    code = """
import sys
from eetui.tui.cli import main
code = main(sys.argv[1:])
heavy = {"numpy", "numba", "textual", "plotext", "safetensors", "pooch"} & set(sys.modules)
sys.exit(f"loads {heavy}" if heavy else code)
"""
    for flag in ("--version", "-h"):
        done = subprocess.run(
            [sys.executable, "-c", code, flag], capture_output=True, text=True, timeout=20
        )
        assert done.returncode == 0, done.stderr
        assert "eetui" in done.stdout


@pytest.mark.parametrize(
    "command", [(), ("train",), ("sample",), ("bench",), ("ladder",), ("race",), ("doctor",)]
)
def test_help_has_a_short_and_a_long_flag(cli, command):
    short, long = cli(*command, "-h"), cli(*command, "--help")
    assert short.code == long.code == 0
    assert short.out == long.out
    assert "Usage: eetui" in short.out


def test_version(cli):
    from importlib.metadata import version

    assert cli("--version") == (0, f"eetui {version('eetui')}\n", "")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_knows_the_engines(shell):
    env = {"_EETUI_COMPLETE": f"complete_{shell}"}
    words = "eetui train --engine nu"
    env |= {"COMP_WORDS": words, "COMP_CWORD": "3", "_TYPER_COMPLETE_ARGS": words}
    env["_TYPER_COMPLETE_FISH_ACTION"] = "get-args"
    done = subprocess.run(
        [sys.executable, "-m", "eetui.tui"], env=env, capture_output=True, text=True, timeout=20
    )
    assert "numba" in done.stdout
    assert "numpy" in done.stdout


class TestPrecedence:
    def test_config_file_over_default(self, cli, own_settings):
        own_settings.write_text("d-model = 16\nseed = 7\n")
        printed = json.loads(cli(*TRAIN).out)
        assert (printed["d_model"], printed["seed"]) == (16, 7)

    def test_environment_over_config_file(self, cli, own_settings, monkeypatch):
        own_settings.write_text("d_model = 16\nseed = 7\n")
        monkeypatch.setenv("EETUI_SEED", "8")
        printed = json.loads(cli(*TRAIN).out)
        assert (printed["d_model"], printed["seed"]) == (16, 8)

    def test_flag_over_all(self, cli, own_settings, monkeypatch):
        own_settings.write_text("seed = 7\n")
        monkeypatch.setenv("EETUI_SEED", "8")
        assert json.loads(cli(*TRAIN, "--seed", "9").out)["seed"] == 9

    def test_plain_eetui_reads_them_too(self, cli, own_settings):
        own_settings.write_text('engine = "numpy"\nsteps = 4\nbatch = 2\n')
        result = cli()
        assert result.code == 0
        assert "batch 2" in result.out

    def test_toggles_of_the_config_file(self, cli, own_settings):
        own_settings.write_text("[optimizations]\nfast_exp = true\n")
        result = cli(*TRAIN)
        assert result.code == 2
        assert "fast_exp=on is not possible here" in result.err

    def test_checkpoint_over_config_file(self, cli, own_settings, tmp_path):
        path = tmp_path / "run.safetensors"
        cli(*TRAIN, "--d-model", "16", "--batch", "3", "--save", path)
        own_settings.write_text("d_model = 32\nbatch = 5\n")
        printed = json.loads(cli(*TRAIN[:-2], "9", "--load", path, "--json").out)
        assert (printed["d_model"], printed["batch"]) == (16, 3)


class TestBadConfigFile:
    @pytest.mark.parametrize(
        ("text", "words"),
        [
            ("d_model = ", "not valid TOML"),
            ("d_modell = 16", "no setting 'd_modell'"),
            ('d_model = "16"', "d_model must be a whole number"),
            ("seed = true", "seed must be a whole number"),
            ("[optimizations]\nturbo = true", "turbo"),
            ("optimizations = 3", "[optimizations] must be a table"),
            ("d_model = 30", "multiple of 4"),
        ],
    )
    def test_one_sentence(self, cli, own_settings, text, words):
        own_settings.write_text(text)
        result = cli(*TRAIN)
        assert result.code == 2
        assert words in result.err
        assert result.err.count("\n") == 1

    def test_not_utf8(self, cli, own_settings):
        own_settings.write_bytes(b"data = '\xff'")
        assert cli(*TRAIN).code == 2

    def test_help_and_version_do_not_mind(self, cli, own_settings):
        own_settings.write_text("d_model = ")
        assert cli("-h").code == 0
        assert cli("train", "-h").code == 0
        assert cli("--version").code == 0

    def test_named_file_must_exist(self, cli, monkeypatch, tmp_path):
        monkeypatch.setenv("EETUI_CONFIG", str(tmp_path / "none.toml"))
        result = cli(*TRAIN)
        assert result.code == 2
        assert "EETUI_CONFIG" in result.err


def test_bad_environment_is_a_usage_error(cli, monkeypatch):
    monkeypatch.setenv("EETUI_D_MODEL", "wide")
    result = cli(*TRAIN)
    assert result.code == 2
    assert "EETUI_D_MODEL=wide" in result.err


@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not limit address space")
@pytest.mark.parametrize(("engine", "megabytes"), [("numpy", 190), ("numba", 400)])
def test_too_little_memory_is_told(engine, megabytes):
    """OpenBLAS, which has its own words for it, is kept from starting threads."""
    limit = megabytes << 20
    done = subprocess.run(
        [sys.executable, "-m", "eetui.tui", "train", "--engine", engine, "--steps", "3"],
        env=os.environ | {"OPENBLAS_NUM_THREADS": "1"},
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (limit, limit)),
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode in (0, 1)
    assert done.stderr.count("\n") == done.returncode
    assert "Traceback" not in done.stderr
