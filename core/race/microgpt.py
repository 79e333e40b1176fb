"""The rules of Karpathy's microgpt.py: its random numbers and its order of documents."""

from __future__ import annotations

import random
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from eetui.core.config import ModelConfig, TrainConfig
from eetui.core.data.dataset import Dataset
from eetui.core.model.state import views
from eetui.core.race.contestant import Task
from eetui.core.race.contestants.scalar import pure_python

DEFAULT_STEPS = 1000
DEFAULT_LEARNING_RATE = 0.01


def shuffled(n_docs: int, seed: int) -> tuple[list[int], random.Random]:
    """The program's order of documents, and its random generator after the shuffle."""
    rng = random.Random(seed)
    order = list(range(n_docs))
    rng.shuffle(order)
    return order, rng


def places(model: ModelConfig) -> NDArray[np.intp]:
    """Where each weight lies in `state.layout`, in the program's order [n_params].

    The program stores matrices [outputs][inputs] and has lm_head third, so
    `of_program = flat[places]` and `flat[places] = of_program`.
    """
    w = views(model, np.arange(model.n_params))
    ordered = [w["tok_emb"], w["pos_emb"], w["lm_head"].T]
    for i in range(model.n_layers):
        layer = f"layers.{i}."
        ordered += [part.T for part in np.split(w[layer + "w_qkv"], 3, axis=1)]
        ordered += [w[layer + name].T for name in ("w_out", "w_expand", "w_contract")]
    return np.concatenate([matrix.reshape(-1) for matrix in ordered])


def microgpt_task(dataset: Dataset, model: ModelConfig, train: TrainConfig) -> Task:
    """A task by the program's rules, with `train.seed` for its 42 and a batch of one.

    With its model (d_model 16, 4 heads, 1 layer, block size 16), its 1,000 steps and its learning
    rate 0.01 on makemore's names, `scalar` prints the program's losses.
    """
    order, rng = shuffled(dataset.n_docs, train.seed)
    initial = np.empty(model.n_params)
    initial[places(model)] = pure_python.draw(model, rng)
    return Task(
        dataset=dataset,
        model=model,
        train=replace(train, batch=1),
        rules="microgpt",
        initial=initial,
        order=np.array(order, np.int32),
    )
