"""Generation with the cache is the full forward, and follows seed, temperature and prefix."""

from __future__ import annotations

from dataclasses import replace
from math import inf, nan

import numpy as np
import pytest

from eetui.core.config import ModelConfig, TrainConfig
from eetui.core.data.batches import documents, learning_rates
from eetui.core.data.dataset import Dataset
from eetui.core.engines import registry
from eetui.core.errors import EetuiError
from eetui.core.model import reference
from eetui.core.model.sampling import Decoder, choose, generate
from eetui.core.model.state import TrainState, views

MODEL = ModelConfig(d_model=16)


@pytest.fixture(scope="module")
def params(names: Dataset) -> np.ndarray:
    """Weights that have learned a little, so that documents end by themselves."""
    engine, train = registry.create("numpy"), TrainConfig(steps=300, learning_rate=0.008)
    state = TrainState.create(MODEL, 1)
    batches = documents(1, 0, 300, 16, names.n_docs)
    rates = learning_rates(train, 0, 300)
    engine.run(state, names, MODEL, train, engine.default_optimizations(), batches, rates)
    return state.params


@pytest.mark.parametrize(
    "model",
    [
        MODEL,
        ModelConfig(d_model=32, n_layers=2, activation="relu2"),
        ModelConfig(d_model=24, n_heads=3, block_size=5, vocab_size=9),
    ],
    ids=str,
)
def test_the_cache_gives_the_logits_of_the_full_forward(model: ModelConfig) -> None:
    rng = np.random.default_rng(1)
    weights = rng.normal(0.0, 0.3, model.n_params)
    tokens = rng.integers(0, model.vocab_size, (6, model.block_size))
    decoder = Decoder(weights, model, len(tokens))
    stepwise = np.stack([decoder.step(column) for column in tokens.T], axis=1)
    assert stepwise == pytest.approx(reference.logits(weights, model, tokens), abs=1e-11)


def test_a_temperature_near_zero_picks_the_likeliest(names: Dataset, params: np.ndarray) -> None:
    exact = params.astype(np.float64)
    for prefix in ("", "mar"):
        tokens = [names.boundary, *names.encode(prefix)]
        while len(tokens) <= MODEL.block_size:
            scores = reference.logits(exact, MODEL, np.array([tokens]))
            tokens.append(int(scores[0, -1].argmax()))
            if tokens[-1] == names.boundary:
                break
        for temperature in (1e-3, 1e-300, 5e-324):
            made = generate(exact, MODEL, names, 3, temperature, prefix)
            assert made == [names.decode(tokens)] * 3


def test_the_choice_follows_the_softmax_at_the_temperature() -> None:
    scores = np.array([0.5, -1.0, 2.0, 0.0], np.float32)
    uniform = (np.arange(20_000) + 0.5) / 20_000
    for temperature in (0.5, 1.0, 3.0):
        picks = choose(np.tile(scores, (uniform.size, 1)), temperature, uniform)
        shares = np.bincount(picks, minlength=4) / uniform.size
        assert shares == pytest.approx(reference.softmax(scores / temperature), abs=1e-4)


def test_the_seed_decides_and_fewer_are_the_first(names: Dataset, params: np.ndarray) -> None:
    made = generate(params, MODEL, names, 20, seed=5)
    assert generate(params, MODEL, names, 20, seed=5) == made
    assert generate(params, MODEL, names, 7, seed=5) == made[:7]
    assert generate(params, MODEL, names, 20, seed=6) != made
    assert len(set(made)) > 10


def test_a_document_ends_at_the_boundary_or_at_block_size(
    names: Dataset, params: np.ndarray
) -> None:
    made = generate(params, MODEL, names, 200, temperature=1.5)
    assert len(made) == 200
    assert max(map(len, made)) <= MODEL.block_size
    endless = params.copy()
    views(MODEL, endless)["lm_head"][:] = 0.0
    sizes = {len(text) for text in generate(endless, MODEL, names, 300)}
    assert min(sizes) < 5
    assert max(sizes) == MODEL.block_size
    assert generate(params, MODEL, names, 0) == []


def test_a_prefix_begins_every_document(names: Dataset, params: np.ndarray) -> None:
    made = generate(params, MODEL, names, 10, prefix="mar")
    assert all(text.startswith("mar") for text in made)
    assert len(set(made)) > 1
    longest = "a" * (MODEL.block_size - 1)
    assert all(text.startswith(longest) for text in generate(params, MODEL, names, 3, 1.0, longest))


def test_the_model_decides_the_block_size(names: Dataset) -> None:
    model = replace(MODEL, block_size=4)
    weights = TrainState.create(model, 1).params
    made = generate(weights, model, names, 50, temperature=1.0)
    assert max(map(len, made)) == 4


@pytest.mark.parametrize("temperature", [0.0, -1.0, nan, inf])
def test_a_temperature_that_is_none_is_refused(
    names: Dataset, params: np.ndarray, temperature: float, refused
) -> None:
    with refused("temperature must be above 0"):
        generate(params, MODEL, names, 1, temperature)


def test_a_prefix_that_cannot_be_is_refused(names: Dataset, params: np.ndarray, refused) -> None:
    with refused("The character 'É' does not occur in names"):
        generate(params, MODEL, names, 1, prefix="É")
    with refused("at most 15 characters, not 16"):
        generate(params, MODEL, names, 1, prefix="a" * 16)


def test_another_vocabulary_is_refused(names: Dataset, refused) -> None:
    model = replace(MODEL, vocab_size=30)
    with refused("The model knows 30 tokens but names has 27"):
        generate(TrainState.create(model, 1).params, model, names, 1)


@pytest.mark.filterwarnings("error")
def test_weights_that_are_not_finite_are_named(names: Dataset, refused) -> None:
    for bad in (np.nan, np.inf, 3e38):
        weights = np.full(MODEL.n_params, bad, np.float32)
        with refused("no longer finite", EetuiError):
            generate(weights, MODEL, names, 2)
