"""Commands check themselves, and their JSON is exact and refuses everything else."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eetui.core.config import ModelConfig, TrainConfig
from eetui.core.optimizations import Optimizations
from eetui.core.run.commands import (
    CycleOptimization,
    GoOn,
    Load,
    Pause,
    Restart,
    Rewind,
    ScaleBatch,
    SetBatch,
    SetLearningRate,
    SetNames,
    SetOptimization,
    SetSteps,
    UseEngine,
    UseState,
    from_json,
    to_json,
)
from eetui.core.run.log import Entry, Log, read_log
from eetui.core.run.setup import Setup
from tests.support.hostile import json_values, taken

COMMANDS = [
    Pause(),
    GoOn(),
    GoOn(50),
    CycleOptimization("fast_exp"),
    ScaleBatch(up=False),
    SetBatch(32),
    SetLearningRate(0.1 + 0.2),
    SetOptimization("vector_width", 8),
    SetOptimization("padding_skip", False),
    SetOptimization("adam", "fused"),
    SetNames(temperature=0.7),
    Restart(),
    Restart(ModelConfig(d_model=64), TrainConfig(seed=2**62, learning_rate=1e-3)),
    Rewind(),
    Rewind(12),
    Load(Path("a folder/run.safetensors")),
    UseEngine("numba", Optimizations(fast_exp=False, vector_width=4)),
    UseState(Path("x"), "ab12", 7, ModelConfig(), TrainConfig()),
]
LOG = Log(
    data="00ff",
    data_name="names",
    setup=Setup("", Optimizations(), ModelConfig(), TrainConfig()),
    state="",
    first_step=0,
    entries=(Entry(3, SetBatch(8)), Entry(9, Rewind(2))),
    step=40,
)


@pytest.mark.parametrize("command", COMMANDS, ids=str)
def test_json_gives_the_same_command_back(command) -> None:
    assert from_json(json.loads(json.dumps(to_json(command)))) == command


def test_the_json_is_plain() -> None:
    assert to_json(SetBatch(32)) == {"command": "set_batch", "batch": 32}
    assert to_json(SetLearningRate(0.01)) == {"command": "set_learning_rate", "rate": 0.01}
    assert to_json(Restart()) == {"command": "restart"}


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (None, "a JSON object"),
        ([], "a JSON object"),
        ({"batch": 3}, 'name as "command"'),
        ({"command": "format_disk"}, "no command 'format_disk'"),
        ({"command": ["pause"]}, "no command"),
        ({"command": "pause", "now": 1}, "pause has no 'now'"),
        ({"command": "set_batch"}, "set_batch must have the field batch"),
        ({"command": "set_batch", "batch": "3"}, "a whole number, not '3'"),
        ({"command": "set_batch", "batch": True}, "a whole number"),
        ({"command": "set_batch", "batch": 2.0}, "a whole number"),
        ({"command": "set_batch", "batch": 0}, "batch must be between"),
        ({"command": "set_batch", "batch": None}, "a whole number"),
        ({"command": "set_learning_rate", "rate": float("nan")}, "learning rate must be"),
        ({"command": "set_learning_rate", "rate": 10**400}, "a number"),
        ({"command": "set_optimization", "key": "warp", "value": 1}, "no optimization 'warp'"),
        ({"command": "set_optimization", "key": "fast_exp", "value": 1}, "fast_exp cannot be"),
        ({"command": "set_optimization", "key": "fast_exp", "value": [1]}, "must be"),
        ({"command": "set_optimization", "key": "fast_exp", "value": None}, "must be"),
        ({"command": "set_names", "temperature": "hot"}, "a number"),
        ({"command": "load", "path": 3}, "a text in quotes"),
        ({"command": "restart", "model": 3}, "restart: model must be a JSON object"),
        ({"command": "restart", "model": {"d_model": 8}}, "must have the field n_heads"),
        ({"command": "use_engine", "engine": "native", "optimizations": {"adam": 3}}, "adam"),
    ],
)
def test_anything_else_is_refused(values, words, refused) -> None:
    with refused(words):
        from_json(values)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: SetBatch(0), "batch must be"),
        (lambda: SetLearningRate(-1), "learning rate must be"),
        (lambda: SetSteps(0), "steps must be"),
        (lambda: GoOn(-5), "steps must be"),
        (lambda: SetOptimization("warp", True), "no optimization"),
        (lambda: SetOptimization("vector_width", 5), "vector_width cannot be"),
        (lambda: CycleOptimization("warp"), "no optimization"),
    ],
)
def test_what_could_never_be_done_is_refused_at_once(make, words, refused) -> None:
    with refused(words):
        make()


def test_a_log_comes_back_from_its_json() -> None:
    assert read_log(json.dumps(LOG.to_json())) == LOG


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"format": "diary"}, "not written by eetui"),
        ({"version": 2}, "version 2"),
        ({"data": 3}, "data must be"),
        ({"model": {}}, "must have the field"),
        ({"optimizations": None}, "JSON object"),
        ({"entries": {}}, "entries must be a list"),
        ({"entries": [{"command": "set_batch", "batch": 1}]}, "has its step"),
        ({"entries": [{"at": -1, "command": "set_batch", "batch": 1}]}, "has its step"),
        ({"entries": [{"at": 1, "command": "pause"}]}, "pause is no change"),
        ({"more": 1}, "has no 'more'"),
    ],
)
def test_a_damaged_log_is_refused(changes, words, refused) -> None:
    with refused(words):
        read_log(json.dumps(LOG.to_json() | changes))


def test_what_is_no_json_is_refused(refused) -> None:
    for text in ("", "{", "[]", '"x"', "[" * 100_000):
        with refused("The log"):
            read_log(text)


@given(values=json_values)
def test_any_other_json_is_refused(values) -> None:
    assert taken(lambda: from_json(values)) is None


@given(data=st.data(), command=st.sampled_from(COMMANDS))
def test_a_command_with_another_field_is_itself_or_refused(data, command) -> None:
    values = to_json(command)
    key = data.draw(st.sampled_from(sorted(values)) | st.text(max_size=8))
    values[key] = data.draw(json_values)
    found = taken(lambda: from_json(values))
    assert found is None or from_json(json.loads(json.dumps(to_json(found)))) == found


@given(data=st.data())
def test_a_log_with_another_field_is_itself_or_refused(data) -> None:
    values = LOG.to_json()
    parts = [values, values["model"], values["train"], values["entries"][0]]
    part = data.draw(st.sampled_from(parts))
    part[data.draw(st.sampled_from(sorted(part)))] = data.draw(json_values)
    found = taken(lambda: read_log(json.dumps(values)))
    assert found is None or read_log(json.dumps(found.to_json())) == found
