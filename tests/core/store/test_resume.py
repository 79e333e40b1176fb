"""What makes one setup of another, and logs that become one."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from eetui.core.config import ModelConfig, TrainConfig
from eetui.core.data.dataset import Dataset
from eetui.core.errors import UsageError
from eetui.core.optimizations import Optimizations
from eetui.core.run.commands import (
    Branch,
    Change,
    SetBatch,
    SetLearningRate,
    SetNames,
    SetOptimization,
    SetSteps,
    UseEngine,
)
from eetui.core.run.log import Entry, read_log
from eetui.core.run.replay import replay
from eetui.core.run.session import Session
from eetui.core.run.setup import Setup
from eetui.core.store.recorder import Recorder
from eetui.core.store.resume import changes_between, require_same_rules, resume
from eetui.core.store.store import Store

from .conftest import Make

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


def test_a_state_that_the_run_went_back_from_is_not_gone_on_with(
    store: Store, progress: Make, names: Dataset
) -> None:
    """The kept state is that of step 20; the log says that the run then went back to step 10."""
    session = Session(
        names, ModelConfig(d_model=4, n_heads=1), TrainConfig(batch=2, steps=20), engine="numpy",
        measure_peak=False, stop_at_plan=True,
    )  # fmt: skip
    recorder = Recorder(store.path, session, names)
    session.run(recorder.watching(), recorder.observe)
    recorder.close()
    run = store.find("last")
    text, kept = store.log(run.id), store.state(run.id)
    assert text is not None
    assert kept is not None
    whole = read_log(text)
    n = len(whole.entries)
    back = replace(whole, entries=(*whole.entries, Entry(20, Branch(n, 10))), step=10)
    log = json.dumps(back.to_json())
    store.write(run.id, progress(log=log, checkpoint=kept[0], entries=kept[1]))
    found = resume(store, run.id)
    assert found.state.step == 10
    assert found.state.fingerprint == replay(replace(whole, step=10), names).fingerprint
