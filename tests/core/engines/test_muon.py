"""Every engine's Muon follows the NumPy one; it takes over from Adam and gives back in mid-run."""

from __future__ import annotations

from itertools import cycle

import numpy as np
import pytest

from eetui.core.config import ModelConfig, TrainConfig
from eetui.core.data import batches
from eetui.core.data.dataset import Dataset
from eetui.core.engines.base import Engine
from eetui.core.model import reference
from eetui.core.model.muon import blocks, muon
from eetui.core.model.state import TrainState
from eetui.core.optimizations import Optimizations
from tests.support.steps import advance
from tests.support.toy import Toy
from tests.support.ways import each_alone

TRAIN = TrainConfig(batch=16, learning_rate=0.01)
SWITCHES = ("adam", "muon", "muon", "adam", "muon", "adam")


def followed(
    engine: Engine, dataset: Dataset, model: ModelConfig, ways: list[Optimizations]
) -> None:
    """Train with each way of computing, switching between the optimizers, beside the oracle."""
    start = TrainState.create(model, 3)
    params, m, v = (x.astype(np.float64) for x in (start.params, start.m, start.v))
    documents = batches.documents(TRAIN.seed, 0, len(SWITCHES), TRAIN.batch, dataset.n_docs)
    rates = batches.learning_rates(TRAIN, 0, len(SWITCHES))
    losses = []
    for step, (batch, optimizer) in enumerate(zip(documents, SWITCHES, strict=True)):
        loss, grads = reference.loss_and_gradients(
            params, model, dataset.tokens[batch], dataset.lengths[batch]
        )
        if optimizer == "muon":
            muon(model, params, m, v, grads, step, float(rates[step]), TRAIN)
        else:
            reference.adam(params, m, v, grads, step, float(rates[step]), TRAIN)
        losses.append(loss)
    moved = np.linalg.norm(params - start.params)
    for on in ways:
        state, found = start.clone(), []
        for optimizer in SWITCHES:
            way = on.with_value("optimizer", optimizer)
            found += advance(engine, state, dataset, model, TRAIN, way, 1).losses.tolist()
        np.testing.assert_allclose(found, losses, rtol=2e-5, err_msg=str(on))
        for mine, oracle in ((state.m, m), (state.v, v)):
            assert np.linalg.norm(mine - oracle) < 2e-3 * np.linalg.norm(oracle)
        assert np.linalg.norm(state.params - params) < 5e-3 * moved, on


def test_every_way_of_computing_follows_the_reference(engine: Engine, toy: Toy) -> None:
    model = ModelConfig(d_model=16, n_layers=2, activation="relu2")
    followed(engine, toy(model), model, each_alone(engine))


@pytest.mark.parametrize(("d_model", "n_heads"), [(4, 1), (12, 3), (20, 5), (48, 3), (64, 4)])
def test_widths_that_fill_vectors_in_part(
    engine: Engine, toy: Toy, d_model: int, n_heads: int
) -> None:
    model = ModelConfig(d_model, n_heads, activation="relu2")
    followed(engine, toy(model), model, [engine.default_optimizations()])


def test_the_second_moments_of_the_blocks_wait_for_adam(engine: Engine, names: Dataset) -> None:
    model, state = ModelConfig(d_model=16), TrainState.create(ModelConfig(d_model=16), 1)
    on = cycle(engine.default_optimizations().with_value("optimizer", o) for o in ("adam", "muon"))
    advance(engine, state, names, model, TRAIN, next(on), 5)
    begin, end = blocks(model)
    kept, steps = state.v[begin:end].copy(), state.step
    losses = advance(engine, state, names, model, TRAIN, next(on), 20).losses
    np.testing.assert_array_equal(state.v[begin:end], kept)
    again = advance(engine, state, names, model, TRAIN, next(on), 20).losses
    assert np.all(np.isfinite([*losses, *again]))
    assert (state.step, again.mean() < losses.mean()) == (steps + 40, True)
