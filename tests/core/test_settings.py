"""Paths and files; what the settings do to a run is tested with the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as example_settings
from hypothesis import strategies as st

from eetui.core import settings
from eetui.core.config import TrainConfig
from eetui.core.errors import EetuiError, UsageError
from tests.support.hostile import HUGE, json_values, taken

everywhere = example_settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
"""Each example writes its file anew, so one folder serves them all."""


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("EETUI_CONFIG", raising=False)
    monkeypatch.delenv("EETUI_THEME", raising=False)
    monkeypatch.setattr(settings, "config_path", lambda: tmp_path / "config.toml")
    monkeypatch.setattr(settings, "state_path", lambda: tmp_path / "state" / "state.json")
    return tmp_path


def test_no_files_no_settings():
    assert settings.load_config() == {}
    assert settings.load_state() == {}
    assert settings.theme() is None


def test_a_whole_number_is_a_number(home):
    (home / "config.toml").write_text("lr = 1\n")
    assert settings.load_config() == {"lr": 1.0}


def test_toggles_become_assignments(home):
    (home / "config.toml").write_text(
        '[optimizations]\npadding_skip = false\nfast_exp = "on"\nvector_width = 8\n'
    )
    assert settings.load_config() == {
        "assignments": ["padding_skip=off", "fast_exp=on", "vector_width=8"]
    }


def test_state_comes_back():
    settings.save_state({"theme": "nord", "smoothing": 3})
    assert settings.load_state() == {"theme": "nord", "smoothing": 3}


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff\xfe"])
def test_a_damaged_state_is_forgotten_and_can_be_replaced(content):
    settings.save_state({"theme": "nord"})
    settings.state_path().write_bytes(content)
    assert settings.load_state() == {}
    settings.save_state({"theme": "dracula"})
    assert settings.load_state() == {"theme": "dracula"}


def test_a_place_that_cannot_be_made_is_told(home):
    (home / "state").write_text("a file where the folder should be")
    with pytest.raises(EetuiError, match="cannot be made"):
        settings.save_state({})


def test_theme_from_the_environment_or_the_file(home, monkeypatch):
    (home / "config.toml").write_text('theme = "of the file"')
    assert settings.theme() == "of the file"
    monkeypatch.setenv("EETUI_THEME", "of the environment")
    assert settings.theme() == "of the environment"


@pytest.mark.parametrize(
    "text",
    [
        "seed = 1" + "0" * 400,
        "lr = 1" + "0" * 400,
        "seed = 1" + "0" * 5000,
        "seed = 0x1" + "0" * 5000,
        "seed = " + "[" * 100_000,
        "[optimizations]\nvector_width = 0x1" + "0" * 5000,
        '"\\u001b[31m" = 1',
        '"' + "k" * 100_000 + '" = 1',
        "x" * (settings.MOST_BYTES + 1),
    ],
)
def test_a_hostile_file_is_refused_in_one_short_sentence(home, text):
    (home / "config.toml").write_text(text)
    with pytest.raises(UsageError) as error:  # a whole number may be as large as it likes there
        TrainConfig(**settings.load_config())
    assert len(str(error.value)) < 800
    assert str(error.value).isprintable()


def test_an_endless_configuration_is_not_read(monkeypatch):
    monkeypatch.setattr(settings, "config_path", lambda: Path("/dev/zero"))
    with pytest.raises(UsageError, match="is a pipe or a device"):
        settings.load_config()


@pytest.mark.parametrize("content", [b"[" * 100_000, b"9" * 5000, b"x" * (settings.MOST_BYTES + 1)])
def test_a_hostile_state_is_forgotten(content):
    settings.save_state({})
    settings.state_path().write_bytes(content)
    assert settings.load_state() == {}


toml_values = (
    st.booleans().map(lambda b: str(b).lower())
    | st.integers().map(str)
    | st.sampled_from(HUGE).map(str)
    | st.floats().map(str)
    | st.text(max_size=20).map(json.dumps)
    | st.just("[1, [2]]")
    | st.just("{ fast_exp = 3 }")
)


def write(home: Path, content: bytes) -> None:
    """Another example, in place of the last one."""
    (home / "config.toml").write_bytes(content)


@given(content=st.binary(max_size=200) | st.text(max_size=200).map(lambda t: t.encode()))
@everywhere
def test_any_bytes_are_settings_or_refused(home, content):
    write(home, content)
    taken(settings.load_config)


@given(key=st.sampled_from([*settings.KEYS, "optimizations", "speed"]), value=toml_values)
@everywhere
def test_any_value_of_a_setting_is_taken_or_refused(home, key, value):
    write(home, f"{key} = {value}".encode())
    found = taken(settings.load_config) or {}
    assert {type(v) for v in found.values()} <= {settings.KEYS.get(key, list)}


@given(content=st.binary(max_size=100) | json_values.map(lambda v: json.dumps(v).encode()))
@everywhere
def test_any_state_is_read_or_forgotten(home, content):
    settings.save_state({})
    settings.state_path().write_bytes(content)
    found = settings.load_state()
    settings.save_state(found)
    assert json.dumps(settings.load_state()) == json.dumps(found)  # NaN is itself there
