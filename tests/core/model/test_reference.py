"""The oracle itself: checked against the model spelled out, and against finite differences."""

from __future__ import annotations

from itertools import pairwise
from math import exp, log, sqrt

import numpy as np
import pytest

from eetui.core.config import ModelConfig, TrainConfig
from eetui.core.model.reference import adam, logits, loss_and_gradients
from eetui.core.model.state import layout, views

MODELS = [
    ModelConfig(d_model=8, n_heads=2, block_size=6, vocab_size=7),
    ModelConfig(d_model=8, n_heads=1, n_layers=2, block_size=5, vocab_size=5),
    ModelConfig(d_model=12, n_heads=4, block_size=6, vocab_size=7, activation="relu2"),
    ModelConfig(d_model=12, n_heads=3, n_layers=2, block_size=4, vocab_size=9, activation="relu2"),
]
each_model = pytest.mark.parametrize("model", MODELS, ids=str)


def weights(model: ModelConfig, seed: int = 0) -> np.ndarray:
    """Float64 weights, larger than at the start of a run so that nothing is nearly linear."""
    return np.random.default_rng(seed).normal(0.0, 0.4, model.n_params)


def batch(model: ModelConfig, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Documents of every length from 1 to block_size, padded with the boundary."""
    rng = np.random.default_rng(seed)
    lengths = rng.permutation(np.arange(1, model.block_size + 1)).astype(np.int32)
    shape = (model.block_size, model.block_size + 1)
    tokens = rng.integers(0, model.vocab_size, shape).astype(np.uint8)
    tokens[np.arange(shape[1]) > lengths[:, None]] = model.vocab_size - 1
    return tokens, lengths


def spelled_out_losses(params: np.ndarray, model: ModelConfig, tokens: list[int]) -> list[float]:
    """The losses of one document's positions, number by number, with no batch and no padding."""
    w = {name: matrix.tolist() for name, matrix in views(model, params).items()}

    def times(x: list[float], matrix: list[list[float]]) -> list[float]:
        columns = range(len(matrix[0]))
        return [sum(x[i] * matrix[i][j] for i in range(len(x))) for j in columns]

    def plus(x: list[float], y: list[float]) -> list[float]:
        return [a + b for a, b in zip(x, y, strict=True)]

    def rms(x: list[float]) -> list[float]:
        return [a / sqrt(sum(b * b for b in x) / len(x) + 1e-5) for a in x]

    def softmax(x: list[float]) -> list[float]:
        total = sum(exp(a) for a in x)
        return [exp(a) / total for a in x]

    d, size = model.d_model, model.head_dim
    past: list[list[tuple[list[float], list[float]]]] = [[] for _ in range(model.n_layers)]
    losses = []
    for t, (token, target) in enumerate(pairwise(tokens)):
        x = rms(plus(w["tok_emb"][token], w["pos_emb"][t]))
        for i in range(model.n_layers):
            qkv = times(rms(x), w[f"layers.{i}.w_qkv"])
            q, k, v = qkv[:d], qkv[d : 2 * d], qkv[2 * d :]
            past[i].append((k, v))
            mixed = []
            for head in range(0, d, size):
                part = slice(head, head + size)
                scores = [
                    sum(a * b for a, b in zip(q[part], key[part], strict=True)) / sqrt(size)
                    for key, _ in past[i]
                ]
                shares = softmax(scores)
                for j in range(head, head + size):
                    mixed.append(
                        sum(s * pair[1][j] for s, pair in zip(shares, past[i], strict=True))
                    )
            x = plus(x, times(mixed, w[f"layers.{i}.w_out"]))
            hidden = [max(a, 0.0) for a in times(rms(x), w[f"layers.{i}.w_expand"])]
            if model.activation == "relu2":
                hidden = [a * a for a in hidden]
            x = plus(x, times(hidden, w[f"layers.{i}.w_contract"]))
        losses.append(-log(softmax(times(x, w["lm_head"]))[target]))
    return losses


@each_model
def test_the_loss_is_the_mean_over_all_positions_of_the_spelled_out_model(
    model: ModelConfig,
) -> None:
    params, (tokens, lengths) = weights(model), batch(model)
    losses = []
    for row, length in zip(tokens.tolist(), lengths, strict=True):
        losses += spelled_out_losses(params, model, row[: length + 1])
    loss, _ = loss_and_gradients(params, model, tokens, lengths)
    assert loss == pytest.approx(np.mean(losses), rel=1e-12)


@each_model
@pytest.mark.parametrize("seed", [1, 2])
def test_gradients_match_finite_differences(model: ModelConfig, seed: int) -> None:
    params, (tokens, lengths) = weights(model, seed), batch(model, seed)
    _, grads = loss_and_gradients(params, model, tokens, lengths)
    rng = np.random.default_rng(seed)
    step = 1e-6
    for tensor in layout(model):
        part = slice(tensor.offset, tensor.offset + tensor.size)
        for _ in range(3):
            direction = np.zeros_like(params)
            direction[part] = rng.normal(size=tensor.size)
            ahead, _ = loss_and_gradients(params + step * direction, model, tokens, lengths)
            behind, _ = loss_and_gradients(params - step * direction, model, tokens, lengths)
            slope = (ahead - behind) / (2 * step)
            scale = np.linalg.norm(grads[part]) * np.linalg.norm(direction)
            assert abs(grads @ direction - slope) < 1e-7 * scale, tensor.name


@each_model
def test_every_single_gradient_of_a_small_model(model: ModelConfig) -> None:
    params, (tokens, lengths) = weights(model), batch(model)
    _, grads = loss_and_gradients(params, model, tokens, lengths)
    step = 1e-6
    chosen = np.random.default_rng(3).choice(model.n_params, 60, replace=False)
    for i in chosen:
        moved = params.copy()
        moved[i] += step
        ahead, _ = loss_and_gradients(moved, model, tokens, lengths)
        moved[i] -= 2 * step
        behind, _ = loss_and_gradients(moved, model, tokens, lengths)
        assert grads[i] == pytest.approx((ahead - behind) / (2 * step), rel=1e-5, abs=2e-8)


@each_model
def test_padding_changes_neither_loss_nor_gradients(model: ModelConfig) -> None:
    params, (tokens, lengths) = weights(model), batch(model)
    short = lengths < model.block_size  # So that the whole batch has padding too.
    for tokens_, lengths_ in ((tokens, lengths), (tokens[short], lengths[short])):
        packed = loss_and_gradients(params, model, tokens_, lengths_)
        padded = loss_and_gradients(params, model, tokens_, lengths_, padding_skip=False)
        assert packed[0] == pytest.approx(padded[0], rel=1e-13)
        assert packed[1] == pytest.approx(padded[1], abs=1e-13)
    other = tokens.copy()
    other[np.arange(tokens.shape[1]) > lengths[:, None]] = 0
    assert loss_and_gradients(params, model, other, lengths)[0] == pytest.approx(
        loss_and_gradients(params, model, tokens, lengths, padding_skip=False)[0], rel=1e-13
    )


def test_a_batch_weighs_positions_and_not_documents() -> None:
    model = MODELS[0]
    params, (tokens, lengths) = weights(model), batch(model)
    _, grads = loss_and_gradients(params, model, tokens, lengths)
    alone = [
        loss_and_gradients(params, model, tokens[i : i + 1], lengths[i : i + 1])[1]
        for i in range(len(lengths))
    ]
    assert grads == pytest.approx(np.average(alone, axis=0, weights=lengths), abs=1e-14)


def test_the_future_is_hidden() -> None:
    model = MODELS[3]
    params, tokens = weights(model), batch(model)[0][:, :-1]
    before = logits(params, model, tokens)
    assert before.shape == (*tokens.shape, model.vocab_size)
    changed = tokens.copy()
    changed[:, 2:] = 0
    after = logits(params, model, changed)
    assert np.array_equal(before[:, :2], after[:, :2])
    assert not np.allclose(before[:, 2:], after[:, 2:])


def test_adam_is_the_algorithm_of_the_paper() -> None:
    train = TrainConfig(beta1=0.85, beta2=0.99, eps=1e-8)
    rng = np.random.default_rng(0)
    params, m, v = rng.normal(size=5), np.zeros(5), np.zeros(5)
    expected, first, second = params.copy(), np.zeros(5), np.zeros(5)
    for t in range(1, 6):
        grads = rng.normal(size=5)
        adam(params, m, v, grads, t - 1, 0.01, train)
        first = 0.85 * first + 0.15 * grads
        second = 0.99 * second + 0.01 * grads**2
        corrected = first / (1 - 0.85**t), second / (1 - 0.99**t)
        expected = expected - 0.01 * corrected[0] / (np.sqrt(corrected[1]) + 1e-8)
    assert params == pytest.approx(expected, rel=1e-12)
    assert (m, v) == (pytest.approx(first), pytest.approx(second))
