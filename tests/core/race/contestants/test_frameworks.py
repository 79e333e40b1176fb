"""PyTorch, JAX and MLX: the gradients of the oracle, the learning of the native engine."""

from __future__ import annotations

import sys
from importlib.util import find_spec

import numpy as np
import pytest

from eetui.core.config import ModelConfig
from eetui.core.data.dataset import load_dataset
from eetui.core.engines.subject import Subject
from eetui.core.model import reference
from eetui.core.race import roster
from eetui.core.race.contestants.engines import NUMBA
from eetui.core.race.contestants.frameworks import shared
from eetui.core.race.tasks import make_task

ON_CPU = ("torch", "torch-compile", "jax", "mlx")
MODELS = {
    "one block": ModelConfig(d_model=8, n_heads=2),
    "two blocks, squared ReLU": ModelConfig(
        d_model=16, n_heads=4, n_layers=2, block_size=12, activation="relu2"
    ),
}


def started(name, task):
    """A learner of the contestant, or a skipped test that says why there is none."""
    contestant = roster.create(name)
    if reason := contestant.why_not():
        pytest.skip(reason)
    return contestant.start(task)


def compiled_once(name, model):
    """Compiling takes torch-compile long, and its forward pass is that of torch."""
    if name == "torch-compile" and model != "one block":
        pytest.skip("Its forward pass is that of torch, which is tried on this model.")


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("name", ON_CPU)
def test_gradients_and_steps_are_those_of_the_oracle(name, model):
    compiled_once(name, model)
    task = make_task("equal", Subject(load_dataset(), MODELS[model]), batch=7, steps=40)
    learner = started(name, task)
    assert np.array_equal(learner.params(), task.initial.astype(np.float32)), "warming up shows"

    data = task.dataset
    by_length = np.argsort(data.lengths, kind="stable")
    for batch in (task.documents(0, 1, 7)[0], by_length[:7], by_length[-7:]):
        loss, grads = learner.gradients(batch.astype(np.int32))
        expected, oracle = reference.loss_and_gradients(
            task.initial, task.model, data.tokens[batch], data.lengths[batch]
        )
        assert loss == pytest.approx(expected, rel=1e-5)
        assert np.linalg.norm(grads - oracle) < 1e-4 * np.linalg.norm(oracle)
    assert np.array_equal(learner.params(), task.initial.astype(np.float32)), "looking on shows"

    params = task.initial.copy()
    m, v = np.zeros_like(params), np.zeros_like(params)
    losses = []
    for step, rows in enumerate(task.documents(0, 12, 7)):
        loss, grads = reference.loss_and_gradients(
            params, task.model, data.tokens[rows], data.lengths[rows]
        )
        rate = float(task.learning_rates(step, 1)[0])
        reference.adam(params, m, v, grads, step, rate, task.train)
        losses.append(loss)
    found = np.concatenate([learner.advance(1), learner.advance(9), learner.advance(2)])
    assert found == pytest.approx(losses, rel=1e-4)
    assert np.linalg.norm(learner.params() - params) < 1e-3 * np.linalg.norm(params)


@pytest.mark.parametrize("name", ["torch", "jax", "mlx"])
def test_it_learns_what_our_engines_learn(name):
    task = make_task("equal", Subject(load_dataset(), ModelConfig(d_model=16)), steps=300)
    learner = started(name, task)
    expected = NUMBA.start(task).advance(300)[-100:].mean()
    assert learner.advance(300)[-100:].mean() == pytest.approx(expected, abs=0.02)
    names = learner.generate(5, 0.5, 42)
    assert len(names) == 5
    assert names == learner.generate(5, 0.5, 42)
    assert learner.work().samples == 16


@pytest.mark.parametrize("name", ON_CPU)
def test_who_is_not_installed_says_how_to_install_it(name, monkeypatch):
    monkeypatch.setattr(shared, "find_spec", lambda package: None)
    extra = name.partition("-")[0]
    assert roster.create(name).why_not() == (
        f"{extra} is not installed: pip install 'eetui[{extra}]'."
    )
    assert roster.create(f"{name}+gpu").why_not() == roster.create(name).why_not()


@pytest.mark.parametrize("name", roster.ON_GPU)
def test_without_a_gpu_it_says_so(name):
    contestant = roster.create(name)
    reason = contestant.why_not()
    if not reason:
        pytest.skip("There is a GPU here.")
    assert reason.endswith((" here.", "'jax[cuda13]'.", f"'eetui[{contestant.extra}]'."))


def test_listing_them_loads_none():
    loaded = {name for name in ("torch", "jax", "mlx") if name in sys.modules}
    for name in roster.EVERYONE:
        roster.create(name)
    assert {name for name in ("torch", "jax", "mlx") if name in sys.modules} == loaded


def test_what_is_found_is_what_python_finds():
    assert (shared.missing("numpy", "numpy") == "") is (find_spec("numpy") is not None)
