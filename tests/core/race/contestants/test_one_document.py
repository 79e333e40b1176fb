"""The transformers that learn from one document a step, against the oracle."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from eetui.core.config import ModelConfig, TrainConfig
from eetui.core.data.dataset import Dataset
from eetui.core.errors import EetuiError
from eetui.core.model import reference
from eetui.core.model.state import TrainState
from eetui.core.race.contestant import Contestant, Task
from eetui.core.race.contestants.explicit.loops import EXPLICIT_NUMBA
from eetui.core.race.contestants.explicit.matrices import EXPLICIT
from eetui.core.race.contestants.one_document import OneDocument
from eetui.core.race.contestants.scalar import pure_python
from eetui.core.race.contestants.scalar.scalar_learner import SCALAR
from eetui.core.race.contestants.tape.tape_learner import TAPE, TAPE_F32
from eetui.core.race.contestants.vector.vector_learners import VECTOR, VECTOR_SGD
from eetui.core.race.microgpt import microgpt_task
from tests.support.toy import Toy

CONTESTANTS: dict[str, Contestant] = {
    each.name: each
    for each in (SCALAR, TAPE, TAPE_F32, VECTOR, VECTOR_SGD, EXPLICIT, EXPLICIT_NUMBA)
}
LIMITS = dict.fromkeys(CONTESTANTS, 1e-9) | {"tape-f32": 1e-4, "explicit-numba": 1e-4}
"""Relative gradient error allowed to each: those in double precision have to be exact."""
SHAPES = [
    ModelConfig(d_model=16),
    ModelConfig(d_model=4, n_heads=1, block_size=2, vocab_size=2),
    ModelConfig(d_model=8, n_heads=8, n_layers=3, block_size=5, vocab_size=7, activation="relu2"),
    ModelConfig(d_model=20, n_heads=2, n_layers=2, block_size=9, vocab_size=40),
]
RECIPE = TrainConfig(batch=1, learning_rate=0.01, steps=1000)


def start(name: str, task: Task) -> OneDocument:
    learner = CONTESTANTS[name].start(task)
    assert isinstance(learner, OneDocument)
    return learner


@pytest.fixture(params=LIMITS)
def name(request: pytest.FixtureRequest) -> str:
    """Each contestant in turn."""
    return str(request.param)


@pytest.fixture
def small(names: Dataset) -> Task:
    """A model that even the slowest takes a step of in a few milliseconds."""
    model = ModelConfig(d_model=4, n_heads=2, block_size=8)
    return microgpt_task(names.with_block_size(8), model, RECIPE)


@pytest.mark.parametrize("model", SHAPES, ids=str)
def test_gradients(name: str, toy: Toy, model: ModelConfig) -> None:
    """Weights are three times as large as at the start, so that attention has opinions."""
    dataset = toy(model, lengths=[model.block_size, 1, 2, (model.block_size + 1) // 2])
    initial = TrainState.create(model, 3).params.astype(np.float64) * 3.0
    learner = start(name, Task(dataset, model, RECIPE, "equal", initial))
    for tokens, length in zip(dataset.tokens, dataset.lengths, strict=True):
        loss, expected = reference.loss_and_gradients(
            initial, model, tokens[None], np.array([length])
        )
        found_loss, found = learner.gradients(tokens[: length + 1])
        assert found_loss == pytest.approx(loss, rel=LIMITS[name])
        error = np.linalg.norm(found - expected) / np.linalg.norm(expected)
        assert error < LIMITS[name]
    np.testing.assert_allclose(learner.params(), initial, rtol=1e-7)


@pytest.mark.parametrize("name", [name for name in CONTESTANTS if name != "vector-sgd"])
def test_steps_are_the_oracle_s(name: str, small: Task) -> None:
    """20 steps of Adam beside those of the reference, in slices."""
    dataset, train = small.dataset, small.train
    params, m, v = small.initial.copy(), *np.zeros((2, small.model.n_params))
    expected = []
    rows, rates = small.documents(0, 20, 1), small.learning_rates(0, 20)
    for step, (row, rate) in enumerate(zip(rows, rates, strict=True)):
        batch = (dataset.tokens[row], dataset.lengths[row])
        loss, grads = reference.loss_and_gradients(params, small.model, *batch)
        reference.adam(params, m, v, grads, step, rate, train)
        expected.append(loss)
    learner = start(name, small)
    losses = np.concatenate([learner.advance(n) for n in (1, 7, 12)])
    assert losses.dtype == np.float64
    np.testing.assert_allclose(losses, expected, rtol=1e-9 if LIMITS[name] < 1e-6 else 1e-4)
    np.testing.assert_allclose(learner.params(), params, atol=1e-9 if LIMITS[name] < 1e-6 else 1e-4)


@pytest.mark.parametrize(
    ("train", "decay"),
    [
        (RECIPE, 0.998),
        (replace(RECIPE, steps=2000), 0.998**0.5),
        (replace(RECIPE, steps=2000, schedule="constant"), 0.998),
    ],
    ids=["its author's plan", "a longer plan", "no plan"],
)
def test_momentum_is_brief_ds_s(small: Task, train: TrainConfig, decay: float) -> None:
    """v = 0.99 v + g, w = w - rate v, the rate 0.998 times as large after each of 1,000 steps."""
    learner = start("vector-sgd", replace(small, train=train))
    params, velocity = small.initial.copy(), np.zeros(small.model.n_params)
    for step, row in enumerate(small.documents(0, 5, 1)):
        batch = (small.dataset.tokens[row], small.dataset.lengths[row])
        _, grads = reference.loss_and_gradients(params, small.model, *batch)
        velocity = 0.99 * velocity + grads
        params -= 0.0025 * decay**step * velocity
    learner.advance(5)
    np.testing.assert_allclose(learner.params(), params, rtol=1e-9)


def test_learns(name: str, names: Dataset) -> None:
    """From 3.3 to less than 2.7, the slowest with a smaller model and fewer samples."""
    few = name == "scalar"
    model = ModelConfig(d_model=4 if few else 16, n_heads=2 if few else 4)
    learner = start(name, microgpt_task(names, model, replace(RECIPE, learning_rate=0.02)))
    losses = learner.advance(200 if few else 600)
    assert losses[:10].mean() > 3.1
    assert losses[-50:].mean() < 2.7


def test_looking_on_changes_nothing(name: str, small: Task) -> None:
    """Names and gradients between two slices leave the run as it was."""
    watched, alone = start(name, small), start(name, small)
    before = watched.advance(3)
    texts = watched.generate(6, 0.5, 1)
    watched.gradients(small.dataset.tokens[0, : small.dataset.lengths[0] + 1])
    np.testing.assert_array_equal(np.append(before, watched.advance(3)), alone.advance(6))
    assert texts != watched.generate(6, 0.5, 2)
    assert len(texts) == 6
    assert set("".join(texts)) <= set(small.dataset.vocabulary)


def test_a_run_that_diverges_says_so(name: str, small: Task) -> None:
    """Losses that are NaN, and no text, but no other error."""
    broken = np.full(small.model.n_params, np.nan)
    task = replace(small, initial=broken)
    learner = start(name, task)
    assert np.isnan(learner.advance(2)).all()
    with pytest.raises(EetuiError, match="no longer finite"):
        learner.generate(1, 0.5, 1)


def test_a_loss_beyond_float32_s_smallest_chance_is_a_number(small: Task) -> None:
    task = replace(small, initial=small.initial * 400.0)
    dataset, row = task.dataset, task.documents(0, 1, 1)[0]
    wanted, _ = reference.loss_and_gradients(
        task.initial, task.model, dataset.tokens[row], dataset.lengths[row]
    )
    assert wanted > 104  # exp(-104) is no float32 any more
    assert start("explicit-numba", task).advance(1)[0] == pytest.approx(wanted, rel=1e-4)


def test_data_of_another_model_is_refused(name: str, small: Task) -> None:
    task = replace(small, model=replace(small.model, vocab_size=28))
    with pytest.raises(EetuiError, match="does not fit"):
        CONTESTANTS[name].start(task)


@pytest.mark.parametrize("model", SHAPES, ids=str)
def test_the_size_of_the_graph(
    toy: Toy, model: ModelConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As counted beforehand, as many numbers as `scalar` makes and nodes as lie on the tape."""
    dataset = toy(model)
    initial = TrainState.create(model, 3).params.astype(np.float64)
    task = Task(dataset, model, RECIPE, "equal", initial)
    tape, scalar = TAPE.start(task), SCALAR.start(task)
    made = 0
    make = pure_python.Value.__init__

    def counted(self: pure_python.Value, *of: object) -> None:
        nonlocal made
        made += 1
        make(self, *of)  # type: ignore[arg-type]

    monkeypatch.setattr(pure_python.Value, "__init__", counted)
    sizes = []
    for row in range(2):
        length = int(dataset.lengths[row])
        tokens = dataset.tokens[row, : length + 1]
        size = pure_python.graph_size(model, length)
        made = 0
        scalar.gradients(tokens)
        assert made == size
        nodes = tape.kernels.loss_and_gradients(tape.tape, tape.shape, tokens)
        assert nodes == size + model.n_params
        sizes.append(size)
    work = tape.work()
    assert work == scalar.work()
    assert work is not None
    mean = np.mean([pure_python.graph_size(model, int(n)) for n in dataset.lengths])
    assert work.count == pytest.approx(model.n_params + mean, abs=1)


@pytest.mark.parametrize("name", ["scalar", "tape", "tape-f32"])
def test_a_graph_beyond_all_memory_is_refused(name: str, names: Dataset, refused: Any) -> None:
    model = ModelConfig(d_model=512, n_heads=8, n_layers=4)
    task = Task(names, model, RECIPE, "equal", np.zeros(model.n_params))
    with refused("choose a smaller"):
        CONTESTANTS[name].start(task)
