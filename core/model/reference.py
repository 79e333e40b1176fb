"""The model forward and backward in plain NumPy: the oracle that every engine is held to.

It works in the dtype of the weights it is given: float64 as the oracle, float32 in the NumPy
engine. The positions of a batch lie packed, one row each, except in attention, where every
document is padded to T rows.

B documents, T positions, N packed rows, D d_model, H heads, F d_ff, V vocabulary.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from eetui.core.config import ModelConfig, TrainConfig
from eetui.core.model.state import views

Array = NDArray[Any]
Weights = dict[str, Array]

RMS_EPS = 1e-5


def rms_norm_forward(x: Array) -> tuple[Array, Array]:
    """x / sqrt(mean(x^2) + 1e-5) row by row [N, D], and the factor of each row [N, 1]."""
    mean_square = np.einsum("...i,...i->...", x, x)[..., None] / x.shape[-1]
    factor: Array = 1.0 / np.sqrt(mean_square + RMS_EPS)
    return x * factor, factor


def rms_norm_backward(dy: Array, y: Array, factor: Array) -> Array:
    """Gradient of the norm's input [N, D] from its output y and the rows' factors [N, 1]."""
    mean_product = np.einsum("...i,...i->...", dy, y)[..., None] / y.shape[-1]
    dx: Array = (dy - y * mean_product) * factor
    return dx


def softmax(x: Array) -> Array:
    """Probabilities along the last axis."""
    e: Array = np.exp(x - x.max(axis=-1, keepdims=True))
    e /= e.sum(axis=-1, keepdims=True)
    return e


def split_heads(x: Array, rows: Array, shape: tuple[int, int], n_heads: int) -> Array:
    """Packed rows [N, D] as padded documents [B, H, T, D / H]; padding is zero."""
    padded = np.zeros((shape[0] * shape[1], x.shape[1]), x.dtype)
    padded[rows] = x
    return padded.reshape(*shape, n_heads, -1).transpose(0, 2, 1, 3)


def merge_heads(x: Array, rows: Array) -> Array:
    """Padded documents [B, H, T, D / H] as packed rows [N, D]."""
    batch, n_heads, positions, head_dim = x.shape
    return x.transpose(0, 2, 1, 3).reshape(batch * positions, n_heads * head_dim)[rows]


def attention_forward(q: Array, k: Array, v: Array) -> tuple[Array, Array]:
    """Causal attention on [B, H, T, D / H]: the mixed values, and the weights [B, H, T, T].

    Padding follows the real positions, so the causal mask hides it from them.
    """
    positions, head_dim = q.shape[2:]
    scores = q @ k.swapaxes(2, 3) * head_dim**-0.5
    future = np.triu(np.ones((positions, positions), dtype=bool), k=1)
    scores[..., future] = -np.inf
    weights = softmax(scores)
    return weights @ v, weights


def attention_backward(
    dout: Array, q: Array, k: Array, v: Array, weights: Array
) -> tuple[Array, Array, Array]:
    """Gradients of q, k and v, all [B, H, T, D / H]."""
    dweights = dout @ v.swapaxes(2, 3)
    dscores = weights * (dweights - (dweights * weights).sum(axis=-1, keepdims=True))
    dscores *= q.shape[3] ** -0.5
    return dscores @ k, dscores.swapaxes(2, 3) @ q, weights.swapaxes(2, 3) @ dout


def activation_forward(x: Array, model: ModelConfig) -> Array:
    """ReLU, or its square, element by element."""
    y = np.maximum(x, 0.0)
    return y * y if model.activation == "relu2" else y


def activation_backward(dy: Array, x: Array, model: ModelConfig) -> Array:
    """Gradient of the activation's input x."""
    return dy * 2.0 * np.maximum(x, 0.0) if model.activation == "relu2" else dy * (x > 0.0)


def forward(
    w: Weights, model: ModelConfig, inputs: Array, rows: Array
) -> tuple[Array, list[tuple[Array, ...]]]:
    """Logits [N, V] of the positions `rows` [N] of inputs [B, T], and what backward needs.

    `rows` counts positions document by document: row b * T + t is position t of document b.
    """
    ids, places = inputs.reshape(-1)[rows], rows % inputs.shape[1]
    x, factor = rms_norm_forward(w["tok_emb"][ids] + w["pos_emb"][places])
    saved: list[tuple[Array, ...]] = [(x, factor)]
    for i in range(model.n_layers):
        layer = f"layers.{i}."
        norm1, factor1 = rms_norm_forward(x)
        qkv = np.split(norm1 @ w[layer + "w_qkv"], 3, axis=1)
        q, k, v = (split_heads(part, rows, inputs.shape, model.n_heads) for part in qkv)
        heads, weights = attention_forward(q, k, v)
        mixed = merge_heads(heads, rows)
        x = x + mixed @ w[layer + "w_out"]
        norm2, factor2 = rms_norm_forward(x)
        expanded = norm2 @ w[layer + "w_expand"]
        hidden = activation_forward(expanded, model)
        x = x + hidden @ w[layer + "w_contract"]
        saved.append((norm1, factor1, q, k, v, weights, mixed, norm2, factor2, expanded, hidden))
    return x @ w["lm_head"], [*saved, (x,)]


def backward(
    w: Weights,
    g: Weights,
    model: ModelConfig,
    inputs: Array,
    rows: Array,
    dlogits: Array,
    saved: list[tuple[Array, ...]],
) -> None:
    """Write the gradient of every matrix into `g`, from that of the logits [N, V]."""
    (x,) = saved[-1]
    np.matmul(x.T, dlogits, out=g["lm_head"])
    dx = dlogits @ w["lm_head"].T
    for i in reversed(range(model.n_layers)):
        layer = f"layers.{i}."
        norm1, factor1, q, k, v, weights, mixed, norm2, factor2, expanded, hidden = saved[1 + i]
        np.matmul(hidden.T, dx, out=g[layer + "w_contract"])
        dexpanded = activation_backward(dx @ w[layer + "w_contract"].T, expanded, model)
        np.matmul(norm2.T, dexpanded, out=g[layer + "w_expand"])
        dx = dx + rms_norm_backward(dexpanded @ w[layer + "w_expand"].T, norm2, factor2)
        np.matmul(mixed.T, dx, out=g[layer + "w_out"])
        dheads = split_heads(dx @ w[layer + "w_out"].T, rows, inputs.shape, model.n_heads)
        dparts = attention_backward(dheads, q, k, v, weights)
        dqkv = np.concatenate([merge_heads(part, rows) for part in dparts], axis=1)
        np.matmul(norm1.T, dqkv, out=g[layer + "w_qkv"])
        dx = dx + rms_norm_backward(dqkv @ w[layer + "w_qkv"].T, norm1, factor1)
    dx = rms_norm_backward(dx, *saved[0])
    np.add.at(g["tok_emb"], inputs.reshape(-1)[rows], dx)
    np.add.at(g["pos_emb"], rows % inputs.shape[1], dx)


def loss(params: Array, model: ModelConfig, tokens: Array, lengths: Array) -> float:
    """The mean loss of a batch in nats; arguments as for `loss_and_gradients`, forward only."""
    positions = int(lengths.max())
    rows = np.flatnonzero(np.arange(positions) < lengths[:, None])
    targets = tokens[:, 1 : positions + 1].reshape(-1)[rows]
    scores, _ = forward(views(model, params), model, tokens[:, :positions], rows)
    return float(-log_softmax(scores)[np.arange(rows.size), targets].mean())


def log_softmax(x: Array) -> Array:
    """Logarithms of the probabilities along the last axis."""
    log_p: Array = x - x.max(axis=-1, keepdims=True)
    log_p -= np.log(np.exp(log_p).sum(axis=-1, keepdims=True))
    return log_p


def loss_and_gradients(
    params: Array, model: ModelConfig, tokens: Array, lengths: Array, padding_skip: bool = True
) -> tuple[float, Array]:
    """The mean loss of a batch in nats, and its gradient [n_params].

    tokens: [B, at least max(lengths) + 1], padded at the end. lengths: [B] predicted positions,
    at least 1. Without `padding_skip` all positions are computed, which changes the time alone.
    """
    positions = int(lengths.max()) if padding_skip else tokens.shape[1] - 1
    real = (np.arange(positions) < lengths[:, None]).reshape(-1)
    rows = np.flatnonzero(real) if padding_skip else np.arange(real.size)
    inputs, targets = tokens[:, :positions], tokens[:, 1 : positions + 1].reshape(-1)[rows]
    w, grads = views(model, params), np.zeros_like(params)

    scores, saved = forward(w, model, inputs, rows)
    log_p = log_softmax(scores)
    at_target = (np.arange(rows.size), targets)
    share = real[rows] / params.dtype.type(np.count_nonzero(real))  # [N], 0 for padding
    loss = -(log_p[at_target] @ share)
    dlogits = np.exp(log_p)
    dlogits[at_target] -= 1.0
    dlogits *= share[:, None]
    backward(w, views(model, grads), model, inputs, rows, dlogits, saved)
    return float(loss), grads


def logits(params: Array, model: ModelConfig, tokens: Array) -> Array:
    """Logits [B, T, V] after each of the T positions of tokens [B, T]."""
    scores, _ = forward(views(model, params), model, tokens, np.arange(tokens.size))
    return scores.reshape(*tokens.shape, -1)


def adam(
    params: Array,
    m: Array,
    v: Array,
    grads: Array,
    step: int,
    learning_rate: float,
    train: TrainConfig,
) -> None:
    """One bias-corrected Adam update in place; `step` counts the updates made before.

    Kingma and Ba, "Adam: a method for stochastic optimization", 2015, algorithm 1.
    """
    m *= train.beta1
    m += (1.0 - train.beta1) * grads
    v *= train.beta2
    v += (1.0 - train.beta2) * grads * grads
    m_hat = m / (1.0 - train.beta1 ** (step + 1))
    v_hat = v / (1.0 - train.beta2 ** (step + 1))
    params -= learning_rate * m_hat / (np.sqrt(v_hat) + train.eps)
