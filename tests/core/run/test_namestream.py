"""Names come with their step, at milestones too; a run that goes back forgets later ones."""

from __future__ import annotations

from typing import Any

import pytest

from eetui.core.config import ModelConfig, TrainConfig
from eetui.core.data.dataset import Dataset
from eetui.core.engines.numpy import NumpyEngine
from eetui.core.errors import EetuiError
from eetui.core.model.state import TrainState
from eetui.core.run.namestream import NameStream, names_of
from eetui.core.run.setup import Setup
from eetui.core.run.snapshot import NameSample


@pytest.fixture
def stream() -> NameStream:
    return NameStream(0.5, "")


def steps_of(names: tuple[NameSample, ...]) -> set[int]:
    return {name.step for name in names}


def test_going_back_keeps_the_names_up_to_that_step(stream: NameStream) -> None:
    then = tuple(NameSample(step, "ann", True) for step in (0, 10, 100))
    stream.recall(then, then)
    stream.forget_after(10)
    assert steps_of(stream.latest) == steps_of(stream.milestones) == {0, 10}


def test_the_next_milestone_is_a_power_of_ten(stream: NameStream) -> None:
    assert [stream.steps_to_milestone(step) for step in (0, 1, 9, 10, 99, 100)] == [
        10, 9, 1, 90, 1, 900,
    ]  # fmt: skip


def test_names_of_another_state_carry_its_step(names: Dataset) -> None:
    model = ModelConfig(d_model=8, n_heads=2, vocab_size=names.vocab_size)
    setup = Setup("numpy", NumpyEngine().default_optimizations(), model, TrainConfig())
    state = TrainState.create(model, 1)
    state.step = 77
    made = names_of(NumpyEngine(), state, setup, names)
    assert steps_of(made) == {77}
    assert made == names_of(NumpyEngine(), state, setup, names)
    assert all(name.is_new == (name.text not in set(names.texts)) for name in made)


def test_a_change_shows_other_names_at_once_and_one_that_cannot_be_changes_nothing(
    names: Dataset,
) -> None:
    model = ModelConfig(d_model=8, n_heads=2, vocab_size=names.vocab_size)
    asked: list[Any] = []

    class Watched(NumpyEngine):
        def generate(self, *arguments: Any, **named: Any) -> list[str]:
            made = super().generate(*arguments, **named)
            asked.append((len(made), named["temperature"], named["prefix"]))
            return made

    state, engine = TrainState.create(model, 1), Watched()
    stream = NameStream(0.5, "")
    stream.change(0.8, "an", engine, state, model, names, 5)
    assert asked == [(len(stream.latest), 0.8, "an")]
    assert all(name.text.startswith("an") for name in stream.latest)
    for prefix in ("漢", "n" * 99):
        with pytest.raises(EetuiError):
            stream.change(0.9, prefix, engine, state, model, names, 5)
        assert (stream.temperature, stream.prefix) == (0.8, "an")
