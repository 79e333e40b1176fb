"""Makes the task of a race from its rules, data and configuration."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from eetui.core.config import TrainConfig, default_learning_rate
from eetui.core.engines.subject import Subject
from eetui.core.errors import UsageError
from eetui.core.model.state import TrainState
from eetui.core.race.contestant import Rules, Task
from eetui.core.race.microgpt import (
    DEFAULT_LEARNING_RATE,
    DEFAULT_STEPS,
    microgpt_task,
)

DEFAULT_SECONDS = 5.0


def make_task(
    rules: Rules,
    subject: Subject,
    *,
    batch: int | None = None,
    learning_rate: float | None = None,
    steps: int | None = None,
    held_out: float | None = None,
) -> Task:
    """What every contestant of a race gets: the model, the data and the seed of `subject`.

    held_out: the share of the documents that none of them is trained on, that of `subject` by
    default. By microgpt's rules they train on all of them. By equal rules documents are drawn, as
    in the published figures.

    By equal rules the learning rate falls to zero over `steps`. Without `steps` it is constant,
    because nobody knows how far each contestant will get. By microgpt's rules it falls over 1,000
    steps by default, and the batch is one: raises `UsageError` for another.
    """
    share = subject.train.held_out if held_out is None else held_out
    share = 0.0 if rules == "microgpt" else share
    dataset, model = subject.dataset.with_held_out(share), subject.model
    seed = subject.train.seed
    if rules == "microgpt":
        if batch not in (None, 1):
            raise UsageError(f"microgpt takes one document a step: a batch of {batch} is not its.")
        train = TrainConfig(
            batch=1,
            learning_rate=DEFAULT_LEARNING_RATE if learning_rate is None else learning_rate,
            steps=DEFAULT_STEPS if steps is None else steps,
            seed=seed,
            order="drawn",
            held_out=share,
        )
        return microgpt_task(dataset, model, train)
    rate = default_learning_rate(model.d_model) if learning_rate is None else learning_rate
    train = TrainConfig(
        batch=16 if batch is None else batch,
        learning_rate=rate,
        seed=seed,
        order="drawn",
        held_out=share,
    )
    if steps is None:
        train = replace(train, schedule="constant")
    else:
        train = replace(train, schedule="linear", steps=steps)
    initial = TrainState.create(model, seed).params.astype(np.float64)
    return Task(dataset, model, train, "equal", initial)
