"""Generating documents: all of them at once, a position at a time, with a cache of keys."""

from __future__ import annotations

from math import inf

import numpy as np
from numpy.typing import NDArray

from eetui.core.config import ModelConfig
from eetui.core.data.dataset import Dataset
from eetui.core.errors import EetuiError, UsageError
from eetui.core.model.reference import Array, activation_forward, rms_norm_forward, softmax
from eetui.core.model.state import views


class Decoder:
    """The model run one position after the other for n documents side by side.

    Keys and values of the positions seen are kept, so a position costs its own products alone.
    """

    def __init__(self, params: Array, model: ModelConfig, n: int) -> None:
        self.model = model
        self.w = views(model, params)
        self.position = 0
        shape = (model.n_layers, n, model.n_heads, model.block_size, model.head_dim)
        self.keys = np.empty(shape, params.dtype)
        self.values = np.empty(shape, params.dtype)

    def step(self, ids: NDArray[np.integer]) -> Array:
        """Logits [n, V] after the next position's tokens `ids` [n]; at most block_size times."""
        model, w, t = self.model, self.w, self.position
        n, heads = len(ids), (len(ids), model.n_heads, model.head_dim)
        x, _ = rms_norm_forward(w["tok_emb"][ids] + w["pos_emb"][t])
        for i in range(model.n_layers):
            layer, keys, values = f"layers.{i}.", self.keys[i], self.values[i]
            qkv = rms_norm_forward(x)[0] @ w[layer + "w_qkv"]
            q, k, v = (part.reshape(heads) for part in np.split(qkv, 3, axis=1))
            keys[:, :, t], values[:, :, t] = k, v
            scores = keys[:, :, : t + 1] @ q[..., None]  # [n, H, t + 1, 1]
            weights = softmax(scores[..., 0] * model.head_dim**-0.5)
            mixed = (weights[:, :, None] @ values[:, :, : t + 1]).reshape(n, model.d_model)
            x = x + mixed @ w[layer + "w_out"]
            hidden = activation_forward(rms_norm_forward(x)[0] @ w[layer + "w_expand"], model)
            x = x + hidden @ w[layer + "w_contract"]
        self.position += 1
        logits: Array = x @ w["lm_head"]
        return logits


def choose(scores: Array, temperature: float, uniform: Array) -> NDArray[np.intp]:
    """A token for each row of logits [n, V], by inverting the distribution at uniform [n].

    As the temperature goes to 0 this is the likeliest token.
    """
    above = scores.astype(np.float64)
    above -= above.max(axis=1, keepdims=True)
    with np.errstate(over="ignore"):  # A tiny temperature sends all but the best to -infinity.
        above /= temperature
    cumulative = np.cumsum(np.exp(above), axis=1)
    picks: NDArray[np.intp] = (cumulative > uniform[:, None] * cumulative[:, -1:]).argmax(axis=1)
    return picks


def require_samplable(
    model: ModelConfig, dataset: Dataset, temperature: float, prefix: str
) -> list[int]:
    """The ids of `prefix`; raises `UsageError` where nothing can be generated with it.

    That is for a temperature that is not above 0, other data than the model's, unknown characters
    or a prefix that leaves no room after it.
    """
    if not 0 < temperature < inf:
        raise UsageError(f"The temperature must be above 0, not {temperature:g}.")
    if model.vocab_size != dataset.vocab_size:
        raise UsageError(
            f"The model knows {model.vocab_size} tokens but {dataset.name} has "
            f"{dataset.vocab_size}: sample with the data it was trained on."
        )
    ids = dataset.encode(prefix)
    if len(ids) >= model.block_size:
        raise UsageError(
            f"The prefix may have at most {model.block_size - 1} characters, not {len(ids)}."
        )
    return ids


def generate(
    params: Array,
    model: ModelConfig,
    dataset: Dataset,
    n: int,
    temperature: float = 0.5,
    prefix: str = "",
    seed: int = 0,
) -> list[str]:
    """n generated documents that begin with `prefix`, each ended by a boundary or block_size.

    The same arguments give the same documents, and fewer give the first of them. Raises
    `UsageError` as `require_samplable` does, and `EetuiError` if the weights are no longer finite.
    """
    forced = require_samplable(model, dataset, temperature, prefix)
    boundary = dataset.boundary
    uniform = np.random.default_rng(seed).random((n, model.block_size))
    tokens = np.full((n, model.block_size + 1), boundary, dtype=np.intp)
    tokens[:, 1 : 1 + len(forced)] = forced
    going = np.ones(n, dtype=bool)
    decoder = Decoder(params, model, n)
    for t in range(model.block_size):
        with np.errstate(over="ignore", invalid="ignore"):
            scores = decoder.step(tokens[:, t])
        if t < len(forced):
            continue
        if not np.isfinite(scores).all():
            raise EetuiError("The weights are no longer finite, so nothing can be generated.")
        tokens[going, t + 1] = choose(scores, temperature, uniform[:, t])[going]
        going &= tokens[:, t + 1] != boundary
        if not going.any():
            break
    return [dataset.decode(row) for row in tokens.tolist()]
