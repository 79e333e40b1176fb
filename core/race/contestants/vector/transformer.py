"""The transformer on variables."""

from __future__ import annotations

from math import sqrt

import numpy as np
from numpy.typing import NDArray

from eetui.core.config import ModelConfig
from eetui.core.model.reference import RMS_EPS
from eetui.core.race.contestants.vector.autograd import Variable


def rms_norm(x: Variable) -> Variable:
    mean_square = (x * x).mean(axis=-1)
    return x * (mean_square + RMS_EPS).power(-0.5)


def attention(qkv: Variable, n_heads: int) -> Variable:
    """Causal attention on the packed queries, keys and values [T, 3 D]: [T, D]."""
    n, width = qkv.data.shape
    d_head = width // 3 // n_heads
    parts = qkv.reshape(n, 3, n_heads, d_head).transpose(1, 2, 0, 3)
    q, k, v = parts[0], parts[1], parts[2]  # Each [H, T, D / H].
    future = np.triu(np.full((n, n), -np.inf), k=1)
    shares = (q @ k.transpose(0, 2, 1) * (1.0 / sqrt(d_head)) + future).softmax()
    return (shares @ v).transpose(1, 0, 2).reshape(n, width // 3)


def document_loss(
    w: dict[str, Variable], model: ModelConfig, tokens: NDArray[np.uint8]
) -> Variable:
    """Mean -log p (nats) of tokens[1:], each from those before it."""
    n = len(tokens) - 1
    x = rms_norm(w["tok_emb"][tokens[:-1]] + w["pos_emb"][:n])
    for i in range(model.n_layers):
        layer = f"layers.{i}."
        mixed = attention(rms_norm(x) @ w[layer + "w_qkv"], model.n_heads)
        x = mixed @ w[layer + "w_out"] + x
        hidden = (rms_norm(x) @ w[layer + "w_expand"]).relu()
        if model.activation == "relu2":
            hidden = hidden * hidden
        x = hidden @ w[layer + "w_contract"] + x
    p = (x @ w["lm_head"]).softmax()
    return p[np.arange(n), tokens[1:]].log().mean() * -1.0
