"""A run that is trained again: how alike is alike, and what it is told that it cannot be."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from eetui.core.config import ModelConfig, TrainConfig
from eetui.core.curves.track import TrackCurve
from eetui.core.data.dataset import Dataset
from eetui.core.engines import registry
from eetui.core.run.commands import UseEngine
from eetui.core.run.session import Session
from eetui.core.store.capsule import Capsule, pack
from eetui.core.store.check import Sameness, check
from eetui.core.store.recorder import Recorder
from eetui.core.store.store import Store

STEPS = 60


@pytest.fixture(scope="module")
def capsule(tmp_path_factory: pytest.TempPathFactory, names: Dataset) -> Capsule:
    path: Path = tmp_path_factory.mktemp("store") / "runs.sqlite"
    session = Session(
        names, ModelConfig(d_model=4, n_heads=1), TrainConfig(batch=2, steps=STEPS),
        engine="numpy", measure_peak=False, stop_at_plan=True,
    )  # fmt: skip
    recorder = Recorder(path, session, names)
    session.run(recorder.watching(), recorder.observe)
    recorder.close()
    with Store(path) as store:
        return pack(store, "last")


def shifted(capsule: Capsule, by: float, first: int, last: int) -> Capsule:
    """With other losses than it had, from one step to another."""
    losses = capsule.losses
    inside = (losses.steps >= first) & (losses.steps < last)
    values = losses.values + np.where(inside, by, 0.0)
    return replace(capsule, losses=TrackCurve(losses.steps, losses.seconds, values))


def trained_by(capsule: Capsule, engine: str, **toggles: bool) -> Capsule:
    """As if another engine had trained it, with other toggles."""
    first, *rest = capsule.log.entries
    assert isinstance(first.change, UseEngine)
    change = UseEngine(engine, replace(first.change.optimizations, **toggles))  # type: ignore[arg-type]
    entries = (replace(first, change=change), *rest)
    return replace(capsule, log=replace(capsule.log, entries=entries))


def test_the_same_run_is_the_same_to_the_bit(capsule: Capsule, names: Dataset) -> None:
    heard: list[int] = []
    found = check(capsule, names, heard.append)
    assert (found.sameness, found.expected, found.why_not) == (Sameness.BIT, True, "")
    assert (found.steps, found.first, found.mean, found.passed) == (STEPS, 0.0, 0.0, True)
    assert heard[-1] == STEPS
    assert heard == sorted(heard)
    assert len(capsule.losses.steps) == STEPS  # so that the tests below are of single steps


@pytest.mark.parametrize(
    ("by", "first", "last", "sameness"),
    [
        (0.9e-3, 0, 1, Sameness.CLASS),
        (-0.9e-3, 19, 20, Sameness.CLASS),
        (1.1e-3, 0, 1, Sameness.OTHER),
        (-1.1e-3, 19, 20, Sameness.OTHER),
        (1.1e-3, 20, 21, Sameness.CLASS),  # only the first twenty are held so narrowly
        (0.029, STEPS // 2, STEPS, Sameness.CLASS),
        (0.031, STEPS // 2, STEPS, Sameness.OTHER),
        (-0.031, STEPS // 2, STEPS, Sameness.OTHER),
        (9.0, 20, STEPS // 2, Sameness.CLASS),  # the mean is that of the later half
    ],
)
def test_how_far_losses_may_be_apart(
    capsule: Capsule, names: Dataset, by: float, first: int, last: int, sameness: Sameness
) -> None:
    found = check(shifted(capsule, by, first, last), names)
    assert found.sameness is sameness
    assert not found.passed  # to the bit it should have been
    if first < 20:
        assert found.first == pytest.approx(abs(by), rel=1e-3)
    if first >= STEPS // 2:
        assert found.mean == pytest.approx(abs(by), rel=1e-3)


def test_losses_alone_do_not_make_it_the_same(capsule: Capsule, names: Dataset) -> None:
    found = check(replace(capsule, weights="other"), names)
    assert (found.sameness, found.first, found.mean) == (Sameness.CLASS, 0.0, 0.0)


def test_another_instruction_set_need_not_give_the_same_bits(
    capsule: Capsule, names: Dataset
) -> None:
    found = check(replace(shifted(capsule, 0.01, 30, 60), instruction_set="another"), names)
    assert found.why_not == f"It ran on another, and this is {capsule.instruction_set}."
    assert (found.sameness, found.expected, found.passed) == (Sameness.CLASS, False, True)


def test_an_engine_that_is_not_here_is_stood_in_for(
    capsule: Capsule, names: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registry, "default", lambda: "numpy")
    found = check(trained_by(capsule, "abacus"), names)
    assert found.why_not == "The engine abacus is not here: numpy trained instead."
    assert not found.expected
    assert found.passed


def test_toggles_that_are_not_here_are_left_out(capsule: Capsule, names: Dataset) -> None:
    rounding = trained_by(capsule, "numpy", fast_exp=True)
    found = check(shifted(rounding, 1.9e-2, 0, 1), names)
    assert found.why_not == "Some of its toggles cannot be set on this machine."
    assert (found.sameness, found.passed) == (Sameness.CLASS, True)  # a class that rounds
    assert check(shifted(rounding, 2.1e-2, 0, 1), names).sameness is Sameness.OTHER
    assert check(shifted(rounding, 0.059, 30, STEPS), names).sameness is Sameness.CLASS
    assert check(shifted(rounding, 0.061, 30, STEPS), names).sameness is Sameness.OTHER
