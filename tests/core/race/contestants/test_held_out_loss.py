"""Every contestant tells the loss of its weights on documents that it was not trained on."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from eetui.core.config import ModelConfig, TrainConfig
from eetui.core.data.corpus import Rows
from eetui.core.data.dataset import Dataset
from eetui.core.engines.subject import Subject
from eetui.core.model import reference
from eetui.core.race.contestant import Contestant, Task
from eetui.core.race.roster import line_up
from eetui.core.race.tasks import make_task
from tests.support.present import present

MODEL = ModelConfig(d_model=8, n_heads=2)
HERE = [each for each in line_up() if not each.why_not()]


@pytest.fixture(scope="module")
def task(names: Dataset) -> Task:
    return make_task("equal", Subject(names, MODEL, TrainConfig(seed=3)), batch=4)


@pytest.mark.parametrize("contestant", HERE, ids=lambda each: each.name)
def test_it_is_the_reference_s_and_changes_nothing(contestant: Contestant, task: Task) -> None:
    held_out = present(task.dataset.held_out)
    learner = contestant.start(task)
    n = 70
    before = learner.loss_on(held_out, n)
    if not contestant.model:  # the weights are the task's
        expected = reference.loss(
            task.initial, task.model, held_out.tokens[:n], held_out.lengths[:n]
        )
        assert before == pytest.approx(expected, rel=1e-5)
    assert before == pytest.approx(np.log(27), abs=0.1)
    assert learner.loss_on(held_out, n) == before
    steps = 20 if learner.batch > 1 else 60
    losses = learner.advance(steps)
    untouched = contestant.start(task)
    np.testing.assert_array_equal(untouched.advance(steps), losses)
    assert learner.loss_on(held_out, n) < before - (0.0 if contestant.model else 0.05)
    few = replace(held_out, ready=Rows(held_out.tokens[:n], held_out.lengths[:n]))
    assert learner.loss_on(few, n) == learner.loss_on(held_out, n)
