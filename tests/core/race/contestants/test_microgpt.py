"""The rules of microgpt.py: its random numbers, its order, and its losses to the fourth decimal."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from eetui.core.config import ModelConfig, TrainConfig
from eetui.core.data.dataset import Dataset, load_dataset
from eetui.core.model import reference
from eetui.core.model.state import views
from eetui.core.race.contestant import Contestant, Task
from eetui.core.race.contestants.explicit.loops import EXPLICIT_NUMBA
from eetui.core.race.contestants.explicit.matrices import EXPLICIT
from eetui.core.race.contestants.rnn.recurrent_learner import RNN, RNN_SPARSE
from eetui.core.race.contestants.scalar import pure_python
from eetui.core.race.contestants.scalar.scalar_learner import SCALAR
from eetui.core.race.contestants.tape.tape_learner import TAPE, TAPE_F32
from eetui.core.race.contestants.vector.vector_learners import VECTOR
from eetui.core.race.microgpt import microgpt_task, places, shuffled

HERE = Path(__file__).parent
TRACE = json.loads((HERE / "microgpt_trace.json").read_text())["losses"]
RECIPE = TrainConfig(batch=1, learning_rate=0.01, steps=1000)
PUBLISHED = {1: 3.3660, 2: 3.4243, 1000: 2.6497}
"""Losses that the program prints on makemore's names, by step."""
N_MAKEMORE = 32_033
"""Names in makemore's names.txt."""


@pytest.fixture(scope="module")
def task(names: Dataset) -> Task:
    return microgpt_task(names, ModelConfig(d_model=16), RECIPE)


def oracle_losses(task: Task, n_steps: int) -> list[float]:
    """The losses of the first steps, by the reference in float64."""
    params, m, v = task.initial.copy(), *np.zeros((2, task.model.n_params))
    losses = []
    rates = task.learning_rates(0, n_steps)
    for step, row in enumerate(task.documents(0, n_steps, 1)):
        batch = (task.dataset.tokens[row], task.dataset.lengths[row])
        loss, grads = reference.loss_and_gradients(params, task.model, *batch)
        reference.adam(params, m, v, grads, step, rates[step], task.train)
        losses.append(loss)
    return losses


def test_the_trace_is_the_reference_s(task: Task) -> None:
    np.testing.assert_allclose(oracle_losses(task, 30), TRACE, rtol=1e-9)


@pytest.mark.parametrize(
    ("contestant", "tolerance"),
    [
        (SCALAR, 1e-10),
        (TAPE, 1e-10),
        (TAPE_F32, 1e-4),
        (VECTOR, 1e-10),
        (EXPLICIT, 1e-10),
        (EXPLICIT_NUMBA, 1e-4),
    ],
    ids=lambda each: getattr(each, "name", ""),
)
def test_thirty_steps(task: Task, contestant: Contestant, tolerance: float) -> None:
    np.testing.assert_allclose(contestant.start(task).advance(30), TRACE, rtol=tolerance)


def test_the_draws_are_the_program_s(task: Task, names: Dataset) -> None:
    """The shuffle and then a matrix after the other, as the published program makes them."""
    random.seed(42)
    text = Path(names.path).read_text(encoding="utf-8").strip()
    documents = [line.strip() for line in text.split("\n") if line.strip()]
    random.shuffle(documents)

    def matrix(n_out: int, n_in: int) -> np.ndarray:
        return np.array([[random.gauss(0, 0.08) for _ in range(n_in)] for _ in range(n_out)])

    wte, wpe, lm_head = matrix(27, 16), matrix(16, 16), matrix(27, 16)
    q, k, v, o = (matrix(16, 16) for _ in range(4))
    fc1, fc2 = matrix(64, 16), matrix(16, 64)
    w = views(task.model, task.initial)
    expected = {
        "tok_emb": wte,
        "pos_emb": wpe,
        "lm_head": lm_head.T,
        "layers.0.w_qkv": np.hstack([q.T, k.T, v.T]),
        "layers.0.w_out": o.T,
        "layers.0.w_expand": fc1.T,
        "layers.0.w_contract": fc2.T,
    }
    assert expected.keys() == w.keys()
    for name, drawn in expected.items():
        np.testing.assert_array_equal(w[name], drawn, err_msg=name)
    rows = task.documents(0, 5, 1)[:, 0]
    taken = [names.decode(names.tokens[row].tolist()) for row in rows]
    assert taken == [text[:16] for text in documents[:5]]


def test_documents_come_round_in_turn(names: Dataset) -> None:
    task = microgpt_task(names, ModelConfig(d_model=4), RECIPE)
    n = names.n_docs
    assert sorted(task.documents(0, n, 1)[:, 0]) == list(range(n))
    np.testing.assert_array_equal(task.documents(n + 3, 4, 1), task.documents(3, 4, 1))


def test_places_are_a_rearrangement() -> None:
    model = ModelConfig(d_model=8, n_heads=2, n_layers=3, vocab_size=5, block_size=4)
    assert sorted(places(model)) == list(range(model.n_params))
    sizes = sum(n_out * n_in for _, n_out, n_in in pure_python.matrices(model))
    assert sizes == model.n_params


def test_learning_rates_fall_to_nothing(task: Task) -> None:
    rates = task.learning_rates(998, 4)
    np.testing.assert_allclose(rates, [0.01 * 0.002, 0.01 * 0.001, 0.0, 0.0], atol=1e-15)


def test_the_program_needs_nothing_but_python(names: Dataset) -> None:
    """Without any installed package, as it would run under PyPy, it prints the trace."""
    file = str(pure_python.__file__)
    command = [sys.executable, "-I", "-S", file, names.path, "--steps", "1000"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        lines = [running.stdout.readline() for _ in range(4)]
        running.kill()
    losses = [float(line.split("|")[1].split()[1]) for line in lines]
    np.testing.assert_allclose(losses, TRACE[:4], atol=5.1e-5)


@pytest.fixture(scope="module")
def makemore(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Task]:
    """Tasks whose first 1,000 documents are those of makemore's names: `makemore(steps, **model)`.

    The program's shuffle depends on the number of documents alone. So a file that is as long as
    makemore's, with its first 1,000 names by the program's order in their places, gives the
    program's run; the other lines are never read within 1,000 steps.
    """
    documents = (HERE / "makemore_documents.txt").read_text().split()
    order, _ = shuffled(N_MAKEMORE, 42)
    lines = ["unread"] * N_MAKEMORE
    for place, name in zip(order, documents, strict=False):
        lines[place] = name
    path = tmp_path_factory.mktemp("makemore") / "names.txt"
    path.write_text("\n".join(lines))

    def make(steps: int, **model: Any) -> Task:
        config = ModelConfig(d_model=16, **model)
        train = TrainConfig(batch=1, learning_rate=0.01, steps=steps)
        return microgpt_task(load_dataset(str(path), config.block_size), config, train)

    return make


@pytest.mark.parametrize(
    ("contestant", "n_steps"),
    [(SCALAR, 2), (TAPE, 1000), (VECTOR, 1000), (EXPLICIT, 1000)],
    ids=lambda each: getattr(each, "name", ""),
)
def test_published_losses(
    makemore: Callable[..., Task], contestant: Contestant, n_steps: int
) -> None:
    """To the fourth decimal, as the program prints them. `scalar` would take minutes for all."""
    losses = contestant.start(makemore(1000)).advance(n_steps)
    found = {step: round(losses[step - 1], 4) for step in PUBLISHED if step <= n_steps}
    assert found == {step: loss for step, loss in PUBLISHED.items() if step <= n_steps}


@pytest.mark.parametrize(
    ("contestant", "last"), [(RNN, 2.35), (RNN_SPARSE, 2.30)], ids=["rnn", "rnn-sparse"]
)
def test_recurrent_nets_end_as_published(
    makemore: Callable[..., Task], contestant: Contestant, last: float
) -> None:
    """Their author gives the loss of the last of 1,000 steps."""
    losses = contestant.start(makemore(1000)).advance(1000)
    assert losses[-1] == pytest.approx(last, abs=0.005)


def test_microgpt_c_ends_as_published(makemore: Callable[..., Task]) -> None:
    """Its 500 steps end at a mean of 2.51 (in C) or 2.49 (in Python), from other draws."""
    task = makemore(500, block_size=8, activation="relu2")
    losses = EXPLICIT_NUMBA.start(task).advance(500)
    assert losses[-50:].mean() == pytest.approx(2.5, abs=0.05)
