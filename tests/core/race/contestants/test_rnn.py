"""The recurrent nets, against finite differences and their formula."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from eetui.core.config import ModelConfig, TrainConfig
from eetui.core.data.dataset import Dataset
from eetui.core.errors import EetuiError
from eetui.core.race.contestant import Rules, Task
from eetui.core.race.contestants.one_document import OneDocumentContestant
from eetui.core.race.contestants.rnn.recurrent_learner import (
    RNN,
    RNN_SPARSE,
    RecurrentLearner,
)
from eetui.core.race.contestants.vector.autograd import Array
from eetui.core.race.microgpt import microgpt_task
from tests.core.race.conftest import slopes

Recurrent = OneDocumentContestant[RecurrentLearner]
RECIPE = TrainConfig(batch=1, learning_rate=0.01, steps=1000)
BOTH = pytest.mark.parametrize("contestant", [RNN, RNN_SPARSE], ids=lambda each: each.name)


@pytest.fixture
def task(names: Dataset) -> Task:
    return microgpt_task(names, ModelConfig(d_model=4), RECIPE)


@BOTH
def test_gradients(contestant: Recurrent, task: Task) -> None:
    """At weights twice as large as at the start, where the states of earlier places matter."""
    learner = contestant.start(task)
    flat = learner.weights.flat
    flat *= 2.0
    row = int(np.argmax(task.dataset.lengths))
    tokens = task.dataset.tokens[row, : task.dataset.lengths[row] + 1]
    _, grads = learner.gradients(tokens)
    grads = grads.copy()
    assert np.isfinite(grads).all()
    rng = np.random.default_rng(0)
    used = np.flatnonzero(grads)
    assert used.size > 1500
    places = rng.choice(used, 200, replace=False)
    found = slopes(lambda: learner.gradients(tokens)[0], flat, places)
    np.testing.assert_allclose(grads[places], found, rtol=1e-4, atol=1e-7)


def unrolled(learner: RecurrentLearner, tokens: np.ndarray, n_fired: int) -> float:
    """The loss by the nets' formula, in plain NumPy."""
    w = {name: variable.data for name, variable in learner.weights.variables.items()}
    h, total = np.zeros(32), 0.0
    for place, token in enumerate(tokens[:-1]):
        if n_fired:
            top = np.argsort(h)[-n_fired:]
            h = h + h[top] @ w["m"][top]
        else:
            h = h @ w["m"]
        h = h + w["wte"][token] @ w["token_proj"] + w["wpe"][place] @ w["pos_proj"]
        h = np.maximum(h, 0.0)
        scores = h @ w["lm_head"]
        total += np.log(np.exp(scores).sum()) - scores[tokens[place + 1]]
    return total / (len(tokens) - 1)


@BOTH
def test_the_loss_is_that_of_the_formula(contestant: Recurrent, task: Task) -> None:
    learner = contestant.start(task)
    learner.weights.flat *= 2.0
    for row in range(5):
        tokens = task.dataset.tokens[row, : task.dataset.lengths[row] + 1]
        loss, _ = learner.gradients(tokens)
        assert loss == pytest.approx(unrolled(learner, tokens, learner.n_fired), rel=1e-12)


def test_sparse_fires_sixteen(task: Task) -> None:
    """With all 32 firing it is another net."""
    sparse = RNN_SPARSE.start(task)
    full = RecurrentLearner(task, n_fired=32, rate=0.005)
    for learner in (sparse, full):
        learner.weights.flat *= 2.0
    tokens = task.dataset.tokens[0, : task.dataset.lengths[0] + 1]
    assert sparse.gradients(tokens)[0] != full.gradients(tokens)[0]


@BOTH
def test_learns(contestant: Recurrent, task: Task) -> None:
    learner = contestant.start(task)
    assert learner.work() is None
    losses = learner.advance(1000)
    assert losses[:10].mean() > 3.2
    assert losses[-100:].mean() < 2.7
    work = learner.work()
    assert work is not None
    assert 50 < work.count < 200
    assert learner.n_params == 27 * 16 + 16 * 16 + 32 * 32 + 2 * 16 * 32 + 32 * 27


@BOTH
def test_slices_and_names_change_nothing(contestant: Recurrent, task: Task) -> None:
    watched, alone = contestant.start(task), contestant.start(task)
    before = watched.advance(3)
    texts = watched.generate(5, 0.5, 1)
    assert texts == watched.generate(8, 0.5, 1)[:5]
    assert texts != watched.generate(5, 0.5, 2)
    assert set("".join(texts)) <= set(task.dataset.vocabulary)
    np.testing.assert_array_equal(np.append(before, watched.advance(4)), alone.advance(7))


def test_cold_names_are_the_likeliest(task: Task) -> None:
    """At a temperature near 0 each draw is the token of the highest score."""
    learner = RNN.start(task)
    learner.advance(300)
    (text,) = set(learner.generate(4, 1e-6, 0))
    ids = [task.dataset.boundary, *task.dataset.encode(text), task.dataset.boundary]
    w = {name: variable.data for name, variable in learner.weights.variables.items()}
    h = np.zeros(32)
    for place, token in enumerate(ids[: min(len(ids) - 1, 16)]):
        h = h @ w["m"] + w["wte"][token] @ w["token_proj"] + w["wpe"][place] @ w["pos_proj"]
        h = np.maximum(h, 0.0)
        assert int(np.argmax(h @ w["lm_head"])) == ids[place + 1]


@BOTH
def test_seeds_decide_the_weights(contestant: Recurrent, task: Task) -> None:
    def first_weights(seed: int, rules: Rules) -> Array:
        train = replace(task.train, seed=seed)
        return contestant.start(replace(task, train=train, rules=rules, order=None)).weights.flat

    np.testing.assert_array_equal(first_weights(1, "equal"), first_weights(1, "equal"))
    assert not np.array_equal(first_weights(1, "equal"), first_weights(2, "equal"))
    assert not np.array_equal(first_weights(1, "equal"), first_weights(1, "microgpt"))
    assert first_weights(1, "equal").std() == pytest.approx(0.08, rel=0.05)


@BOTH
def test_a_run_that_diverges_says_so(contestant: Recurrent, task: Task) -> None:
    learner = contestant.start(task)
    learner.weights.flat[:] = np.nan
    assert np.isnan(learner.advance(2)).all()
    with pytest.raises(EetuiError, match="no longer finite"):
        learner.generate(1, 0.5, 1)
