"""Generation by the native engine: the reference's documents from the same random numbers."""

from __future__ import annotations

from dataclasses import replace
from math import nan

import numpy as np
import pytest

from eetui.core.config import ModelConfig, TrainConfig
from eetui.core.data import batches
from eetui.core.data.dataset import Dataset
from eetui.core.engines.native.engine import NativeEngine
from eetui.core.errors import EetuiError, EngineError
from eetui.core.model import sampling
from eetui.core.model.state import TrainState
from tests.support.ways import each_width

MODELS = [
    ModelConfig(d_model=16),
    ModelConfig(d_model=20, n_heads=5, n_layers=2, activation="relu2"),
    ModelConfig(d_model=64, n_heads=4),
]


def trained(native: NativeEngine, names: Dataset, model: ModelConfig) -> np.ndarray:
    """Weights that have learned a little, so that documents end by themselves."""
    state, train = TrainState.create(model, 1), TrainConfig(learning_rate=0.008, steps=400)
    documents = batches.documents(1, 0, 400, 16, names.n_docs)
    rates = batches.learning_rates(train, 0, 400)
    native.run(state, names, model, train, native.default_optimizations(), documents, rates)
    return state.params


@pytest.mark.parametrize("model", MODELS, ids=str)
def test_the_documents_are_the_references(
    native: NativeEngine, names: Dataset, model: ModelConfig
) -> None:
    params = trained(native, names, model)
    for temperature, prefix in ((0.5, ""), (1.0, "ka")):
        args = (params, model, names, 300, temperature, prefix, 7)
        expected = sampling.generate(*args)
        for on in each_width(native):
            for each in (on, replace(on, products="rows", fused=False, fast_exp=False)):
                found = native.generate(*args, optimizations=each)
                same = sum(a == b for a, b in zip(found, expected, strict=True))
                assert same >= 297, (found, expected)
                assert all(name.startswith(prefix) for name in found)
    assert native.generate(*args) == native.generate(*args)
    assert native.generate(params, model, names, 0) == []


def test_a_long_list_begins_like_a_short_one(native: NativeEngine, names: Dataset) -> None:
    model = MODELS[0]
    params = trained(native, names, model)
    many = native.generate(params, model, names, 1000, seed=3)
    assert native.generate(params, model, names, 200, seed=3) == many[:200]


def test_impossible_requests_are_refused(native: NativeEngine, names: Dataset, refused) -> None:
    model, state = MODELS[0], TrainState.create(MODELS[0], 1)
    with refused("temperature must be above 0"):
        native.generate(state.params, model, names, 3, temperature=0.0)
    with refused("prefix may have at most 15"):
        native.generate(state.params, model, names, 3, prefix="a" * 16)
    with refused("not those of this model", EngineError):
        native.generate(state.params[:-1], model, names, 3)
    state.params[:] = nan
    with refused("no longer finite", EetuiError):
        native.generate(state.params, model, names, 3)
