"""The task that rules make of data and configurations."""

from __future__ import annotations

import numpy as np
import pytest

from eetui.core.config import ModelConfig, TrainConfig
from eetui.core.data.batches import documents
from eetui.core.data.dataset import load_dataset
from eetui.core.engines.subject import Subject
from eetui.core.model.state import TrainState
from eetui.core.race.lane import RacePlan
from eetui.core.race.tasks import DEFAULT_SECONDS, make_task
from tests.support.present import present

MODEL = ModelConfig(d_model=16)


def test_equal_rules_are_those_of_training():
    task = make_task("equal", Subject(load_dataset(), MODEL, TrainConfig(seed=7)), steps=100)
    assert np.array_equal(task.initial, TrainState.create(MODEL, 7).params)
    assert np.array_equal(task.documents(5, 3, 16), documents(7, 5, 3, 16, task.dataset.n_docs))
    assert task.learning_rates(0, 101)[[0, 50, 100]] == pytest.approx([0.008, 0.004, 0])


def test_without_steps_the_rate_stays():
    task = make_task("equal", Subject(load_dataset(), MODEL))
    assert np.unique(task.learning_rates(0, 10**6)) == pytest.approx([0.008])


def test_microgpts_rules():
    task = make_task("microgpt", Subject(load_dataset(), MODEL))
    train = task.train
    assert (train.batch, train.steps, train.learning_rate) == (1, 1000, 0.01)
    assert (train.beta1, train.beta2, train.eps) == (0.85, 0.99, 1e-8)
    order = present(task.order)
    assert sorted(order) == [*range(task.dataset.n_docs)]
    assert np.array_equal(task.documents(2, 3, 1)[:, 0], order[2:5])
    assert task.learning_rates(0, 1001)[[0, 250, 1000]] == pytest.approx([0.01, 0.0075, 0])
    shorter = make_task("microgpt", Subject(load_dataset(), MODEL), steps=500, learning_rate=0.02)
    assert shorter.learning_rates(250, 1) == pytest.approx([0.01])


def test_a_tenth_is_held_out_but_by_microgpts_rules():
    subject = Subject(load_dataset(), MODEL)
    task = make_task("equal", subject)
    assert present(task.dataset.held_out).n_docs == 3316
    assert task.train.held_out == 0.1
    assert make_task("microgpt", subject).dataset.held_out is None
    assert make_task("equal", subject, held_out=0.0).dataset.held_out is None


def test_microgpt_takes_one_document_a_step(refused):
    with refused("a batch of 16 is not its"):
        make_task("microgpt", Subject(load_dataset(), MODEL), batch=16)


def test_the_data_decide_the_vocabulary_and_are_cut(tmp_path):
    path = tmp_path / "words.txt"
    path.write_text("abcabcabc\nab\n")
    task = make_task(
        "equal", Subject(load_dataset(str(path)), ModelConfig(d_model=8, block_size=4))
    )
    assert task.model.vocab_size == 4
    assert task.dataset.block_size == 4
    assert len(task.initial) == task.model.n_params


def test_a_race_takes_five_seconds_each_wherever_it_is_begun():
    assert DEFAULT_SECONDS == RacePlan().seconds == 5.0
