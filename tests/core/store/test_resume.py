"""What makes one setup of another, and logs that become one."""

from __future__ import annotations

from dataclasses import replace

import pytest

from eetui.core.config import ModelConfig, TrainConfig
from eetui.core.errors import UsageError
from eetui.core.optimizations import Optimizations
from eetui.core.run.commands import (
    Change,
    SetBatch,
    SetLearningRate,
    SetNames,
    SetOptimization,
    SetSteps,
    UseEngine,
)
from eetui.core.run.setup import Setup
from eetui.core.store.resume import changes_between, require_same_rules

NOW = Setup("numpy", Optimizations(), ModelConfig(), TrainConfig())
OTHER = NOW.optimizations.with_value("padding_skip", False)


@pytest.mark.parametrize(
    ("then", "changes"),
    [
        (NOW, []),
        (replace(NOW, engine="numba"), [UseEngine("numba", NOW.optimizations)]),
        (
            replace(NOW, engine="numba", optimizations=OTHER),
            [UseEngine("numba", OTHER)],
        ),
        (replace(NOW, optimizations=OTHER), [SetOptimization("padding_skip", False)]),
        (replace(NOW, engine="", optimizations=OTHER), []),
        (replace(NOW, train=replace(NOW.train, batch=7)), [SetBatch(7)]),
        (replace(NOW, train=replace(NOW.train, learning_rate=0.5)), [SetLearningRate(0.5)]),
        (replace(NOW, train=replace(NOW.train, steps=7)), [SetSteps(7)]),
        (replace(NOW, temperature=0.9), [SetNames(0.9, "")]),
        (replace(NOW, prefix="ann"), [SetNames(0.5, "ann")]),
        (
            replace(
                NOW,
                train=replace(NOW.train, batch=7, learning_rate=0.5, steps=9),
                optimizations=OTHER,
                prefix="b",
            ),
            [
                SetOptimization("padding_skip", False), SetBatch(7), SetLearningRate(0.5),
                SetSteps(9), SetNames(0.5, "b"),
            ],
        ),
    ],
)  # fmt: skip
def test_what_differs_becomes_changes_that_lead_there(then: Setup, changes: list[Change]) -> None:
    assert changes_between(NOW, then) == changes
    reached = NOW
    for change in changes:
        reached = reached.after(change)
    assert reached == replace(then, engine=then.engine or NOW.engine,
                              optimizations=then.optimizations if then.engine
                              else NOW.optimizations)  # fmt: skip


@pytest.mark.parametrize(
    "other",
    [{"seed": 43}, {"schedule": "constant"}, {"order": "drawn"}, {"held_out": 0.2}, {"beta1": 0.9}],
)
def test_a_run_goes_on_by_its_own_rules(other: dict[str, object]) -> None:
    require_same_rules(NOW.train, replace(NOW.train, batch=9, learning_rate=0.1, steps=7))
    with pytest.raises(UsageError, match="goes on with its own seed"):
        require_same_rules(NOW.train, replace(NOW.train, **other))  # type: ignore[arg-type]
