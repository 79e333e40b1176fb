"""The real program in a real (pseudo) terminal, as a person meets it."""

from __future__ import annotations

import json
import re
import signal

import pytest

from eetui.core.engines import registry
from eetui.core.engines.availability import judge
from eetui.core.optimizations import CATALOGUE
from eetui.core.run import checkpoint

MODES = {"1049": "l", "25": "h", "1000": "l", "1003": "l", "1006": "l", "2004": "l"}
"""Private modes of a terminal that is as it was: alternate screen and mouse off, cursor on."""


def step(terminal) -> int:
    """The step in the status line, 0 as long as there is none."""
    shown = re.search(r"([\d,]+) / [\d,]+ ", terminal.text)
    return int(shown.group(1).replace(",", "")) if shown else 0


def state(terminal, name: str) -> str:
    """The state of a toggle: the word after its name and glyph, as in 'padding skip  ● on'."""
    shown = re.search(rf" {name} +[●○∅◌] +(\S+)", terminal.text)
    return shown.group(1) if shown else ""


def assert_clean(terminal) -> None:
    for mode, wanted in MODES.items():
        changes = re.findall(rf"\x1b\[\?{mode}([hl])", terminal.raw)
        assert not changes or changes[-1] == wanted, f"mode {mode} is left {changes[-1]!r}"


def test_starts_trains_toggles_and_quits(terminal):
    eetui = terminal("--d-model", "16")
    eetui.wait_for(lambda: step(eetui) > 0)
    engine = registry.create(registry.default())
    eetui.wait_for(lambda: engine.name in eetui.screen.display[1])
    values = {entry: judge(engine, entry).values for entry in CATALOGUE}
    flippable = [entry for entry in CATALOGUE if len(values[entry]) > 1]
    for key, name in [
        *((entry.hotkey, entry.name) for entry in flippable),
        ("b", "batch size"),
        ("B", "batch size"),
    ]:
        before = eetui.wait_for(lambda name=name: state(eetui, name))
        steps_before = eetui.wait_for(lambda: step(eetui))
        eetui.press(key)
        eetui.wait_for(lambda name=name, before=before: state(eetui, name) not in {"", before})
        eetui.wait_for(lambda steps_before=steps_before: step(eetui) > steps_before)
    eetui.press("q")
    assert eetui.wait_for_end() == 0
    assert "\x1b[?1049h" in eetui.raw
    assert_clean(eetui)


def test_climbs_the_ladder_and_trains_on(terminal):
    eetui = terminal("--engine", "numpy", "--d-model", "8")
    eetui.wait_for(lambda: step(eetui) > 0)
    eetui.press("C")
    # On a machine that does something else as well, the pairs of a rung may disagree.
    eetui.wait_for(lambda: re.search(r"× together|together \?", eetui.text))
    assert re.search(r"training paused at step [\d,]+", eetui.text)
    rung = r"padding skip +[\d.,]+ +(?:[\d.]+ % +± ?[\d.]+ %|none|\?) .* 34 %"
    eetui.wait_for(lambda: re.search(rung, eetui.text))
    eetui.press("\x1b")
    before = eetui.wait_for(lambda: step(eetui))
    eetui.wait_for(lambda: step(eetui) > before)
    eetui.press("q")
    assert eetui.wait_for_end() == 0
    assert_clean(eetui)


def test_races_and_trains_on(terminal):
    eetui = terminal("--engine", "numpy", "--d-model", "8")
    eetui.wait_for(lambda: step(eetui) > 0)
    eetui.press("V")
    eetui.wait_for_text("∅ cannot: ")  # someone always lacks a dependency or a matrix unit
    eetui.press("c")
    eetui.wait_for_text(",torch,torch-compile,jax,mlx")
    eetui.press("\x15")  # ctrl+u empties the line
    eetui.wait_for(lambda: ",jax,mlx" not in eetui.text)
    eetui.press("explicit,vector")
    eetui.wait_for_text("explicit,vector")
    eetui.press("\r")
    eetui.wait_for_text("2 contestants, 5 s each")
    for name in ("explicit", "vector"):
        row = rf" {name} +[\d.,]+ +[\d.]+× +\d\.\d{{3}} .+ 4,192 .+▶ running"
        eetui.wait_for(lambda row=row: re.search(row, eetui.text))
    assert re.search(r"training paused at step [\d,]+", eetui.text)
    eetui.press("ss")
    eetui.wait_for_text("» skipped")
    eetui.press("\x1b")
    before = eetui.wait_for(lambda: step(eetui))
    eetui.wait_for(lambda: step(eetui) > before)
    eetui.press("q")
    assert eetui.wait_for_end() == 0
    assert_clean(eetui)


def test_control_c_leaves_the_screen_and_saves(terminal, tmp_path):
    path = tmp_path / "run.safetensors"
    eetui = terminal("--engine", "numpy", "--d-model", "16", "--save", path)
    eetui.wait_for(lambda: step(eetui) > 0)
    eetui.press("\x03")
    assert eetui.wait_for_end() == 130
    assert_clean(eetui)
    assert checkpoint.load(path).state.step > 0


def test_a_chosen_theme_is_remembered(terminal, tmp_path):
    eetui = terminal("--engine", "numpy", "--d-model", "16")
    eetui.wait_for(lambda: step(eetui) > 0)
    eetui.press("t")
    eetui.wait_for_text("gruvbox")
    eetui.press("gruvbox")
    eetui.wait_for(lambda: "nord" not in eetui.text)
    eetui.press("\r")
    eetui.wait_for(lambda: step(eetui) and "gruvbox" not in eetui.text)
    eetui.press("q")
    assert eetui.wait_for_end() == 0
    assert json.loads((tmp_path / "state/eetui/state.json").read_text()) == {"theme": "gruvbox"}


def test_an_unknown_theme_never_opens_the_screen(terminal):
    eetui = terminal("--engine", "numpy", theme="neon")
    assert eetui.wait_for_end() == 2
    assert "There is no theme 'neon'" in eetui.text
    assert "\x1b[?1049h" not in eetui.raw


def test_bad_input_never_opens_the_screen(terminal):
    eetui = terminal("--d-model", "30")
    assert eetui.wait_for_end() == 2
    assert "multiple of 4" in eetui.text
    assert "\x1b[?1049h" not in eetui.raw


def test_into_a_pipe_it_trains_without_a_screen(terminal):
    eetui = terminal.piped("--engine", "numpy", "--d-model", "16", "--steps", "50")
    assert eetui.wait_for_end() == 0
    assert "50 steps in" in eetui.text
    assert "\x1b[?1049h" not in eetui.raw


def test_with_stderr_in_a_file_no_screen_is_drawn_into_it(terminal, tmp_path):
    log = tmp_path / "log.txt"
    eetui = terminal.with_messages_to(log, "--engine", "numpy", "--d-model", "16", "--steps", "50")
    assert eetui.wait_for_end() == 0
    assert "50 steps" in eetui.text
    assert "\x1b[?1049h" not in log.read_text()


@pytest.mark.parametrize("quiet", [False, True])
def test_control_c_in_training_saves_and_leaves_the_terminal_whole(terminal, tmp_path, quiet):
    path = tmp_path / "run.safetensors"
    arguments = ("train", "--engine", "numpy", "--steps", "100000000", "--save", path)
    eetui = terminal(*arguments, *(["--jsonl"] if quiet else []))
    eetui.wait_for_text('"step": 5' if quiet else "us/step")
    eetui.press("\x03")
    assert eetui.wait_for_end() == 130
    assert "Interrupted at step" in eetui.text
    assert "Traceback" not in eetui.raw
    assert_clean(eetui)
    assert checkpoint.load(path).state.step > 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_signal_saves_and_leaves_the_terminal_as_it_was(terminal, tmp_path, number):
    path = tmp_path / "run"
    eetui = terminal("--engine", "numpy", "--d-model", "16", "--save", path)
    eetui.wait_for(lambda: step(eetui) > 0)
    eetui.process.kill(number)
    assert eetui.wait_for_end() == 128 + number
    assert_clean(eetui)
    assert checkpoint.load(path).state.step > 0


def test_a_stop_without_notice_keeps_nobody_from_leaving(terminal, tmp_path):
    """Textual starts a second input thread on SIGCONT, and waits for ever for the first."""
    path = tmp_path / "run"
    eetui = terminal("--engine", "numpy", "--d-model", "16", "--save", path)
    eetui.wait_for(lambda: step(eetui) > 0)
    for times in (2, 3, 4):
        eetui.process.kill(signal.SIGSTOP)
        eetui.process.kill(signal.SIGCONT)
        eetui.wait_for(lambda times=times: eetui.raw.count("\x1b[?1049h") == times)
    eetui.press("q")
    assert eetui.wait_for_end() == 0
    assert_clean(eetui)
    assert checkpoint.load(path).state.step > 0
