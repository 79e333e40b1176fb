"""Forward and backward of one document as matrix operations in NumPy, written out by hand.

About 20 products replace the 57,000 numbers of the scalar graph, as microjpt does in Julia. A
document's T positions are the rows of every matrix. Nothing is padded.

T positions, D d_model, H heads, V vocabulary.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from eetui.core.config import ModelConfig
from eetui.core.model import reference
from eetui.core.model.reference import rms_norm_backward, rms_norm_forward
from eetui.core.model.state import views
from eetui.core.race.contestant import Task, Work
from eetui.core.race.contestants.one_document import OneDocumentContestant, Stepwise
from eetui.core.race.work import matrix_operations

Array = NDArray[np.float64]


class Attention:
    """Causal attention on the packed queries, keys and values [T, 3 D]."""

    def __init__(self, model: ModelConfig) -> None:
        self.split = (3, model.n_heads, model.head_dim)
        self.scale = model.head_dim**-0.5
        size = (model.block_size, model.block_size)
        self.future = np.where(np.triu(np.ones(size, bool), k=1), -np.inf, 0.0)

    def forward(self, qkv: Array) -> tuple[Array, tuple[Array, ...]]:
        """What the heads see [T, D], and what backward needs."""
        n = len(qkv)
        q, k, v = qkv.reshape(n, *self.split).transpose(1, 2, 0, 3)  # Each [H, T, D / H].
        weights = q @ k.transpose(0, 2, 1)
        weights *= self.scale
        weights += self.future[:n, :n]
        weights -= weights.max(axis=2, keepdims=True)
        np.exp(weights, out=weights)
        weights /= weights.sum(axis=2, keepdims=True)
        mixed = (weights @ v).transpose(1, 0, 2).reshape(n, -1)
        return mixed, (q, k, v, weights)

    def backward(self, dmixed: Array, saved: tuple[Array, ...]) -> Array:
        """Gradient of the packed queries, keys and values [T, 3 D]."""
        q, k, v, weights = saved
        n = len(dmixed)
        dqkv = np.empty((n, *self.split))
        dq, dk, dv = dqkv.transpose(1, 2, 0, 3)
        dout = dmixed.reshape(n, *self.split[1:]).transpose(1, 0, 2)
        dscores = dout @ v.transpose(0, 2, 1)
        dscores -= np.einsum("hij,hij->hi", dscores, weights)[:, :, None]
        dscores *= weights
        dscores *= self.scale
        np.matmul(dscores, k, out=dq)
        np.matmul(dscores.transpose(0, 2, 1), q, out=dk)
        np.matmul(weights.transpose(0, 2, 1), dout, out=dv)
        return dqkv.reshape(n, -1)


class MatricesLearner(Stepwise):
    """Weights, gradients and Adam's moments as flat float64 vectors, with views of each matrix."""

    def __init__(self, task: Task) -> None:
        super().__init__(task)
        self.flat, self.grads = task.initial.copy(), np.zeros(self.n_params)
        self.m, self.v = np.zeros(self.n_params), np.zeros(self.n_params)
        self.w, self.g = views(task.model, self.flat), views(task.model, self.grads)
        self.attention = Attention(task.model)
        self.squared = task.model.activation == "relu2"

    def _loss(self, tokens: NDArray[np.uint8]) -> float:
        """The loss of a document; its gradients are then in `grads`."""
        w, g = self.w, self.g
        inputs, targets = tokens[:-1], tokens[1:]
        n = len(inputs)
        x, factor = rms_norm_forward(w["tok_emb"][inputs] + w["pos_emb"][:n])
        embedded = x
        saved = []
        for i in range(self.task.model.n_layers):
            layer = f"layers.{i}."
            norm1, factor1 = rms_norm_forward(x)
            mixed, parts = self.attention.forward(norm1 @ w[layer + "w_qkv"])
            x = x + mixed @ w[layer + "w_out"]
            norm2, factor2 = rms_norm_forward(x)
            positive = np.maximum(norm2 @ w[layer + "w_expand"], 0.0)
            hidden = positive * positive if self.squared else positive
            x = x + hidden @ w[layer + "w_contract"]
            saved.append((norm1, factor1, parts, mixed, norm2, factor2, positive, hidden))

        p = x @ w["lm_head"]
        p -= p.max(axis=1, keepdims=True)
        np.exp(p, out=p)
        p /= p.sum(axis=1, keepdims=True)
        at_target = (np.arange(n), targets)
        loss = -np.log(p[at_target]).sum() / n
        p[at_target] -= 1.0
        p /= n  # Now the gradient of the scores.

        np.matmul(x.T, p, out=g["lm_head"])
        dx = p @ w["lm_head"].T
        for i in reversed(range(self.task.model.n_layers)):
            layer = f"layers.{i}."
            norm1, factor1, parts, mixed, norm2, factor2, positive, hidden = saved[i]
            np.matmul(hidden.T, dx, out=g[layer + "w_contract"])
            dhidden = dx @ w[layer + "w_contract"].T
            dhidden *= 2.0 * positive if self.squared else positive > 0.0
            np.matmul(norm2.T, dhidden, out=g[layer + "w_expand"])
            dx += rms_norm_backward(dhidden @ w[layer + "w_expand"].T, norm2, factor2)
            np.matmul(mixed.T, dx, out=g[layer + "w_out"])
            dqkv = self.attention.backward(dx @ w[layer + "w_out"].T, parts)
            np.matmul(norm1.T, dqkv, out=g[layer + "w_qkv"])
            dx += rms_norm_backward(dqkv @ w[layer + "w_qkv"].T, norm1, factor1)
        dx = rms_norm_backward(dx, embedded, factor)
        g["tok_emb"][:] = 0.0
        np.add.at(g["tok_emb"], inputs, dx)
        g["pos_emb"][:n] = dx
        g["pos_emb"][n:] = 0.0
        return float(loss)

    def step(self, tokens: NDArray[np.uint8], n_before: int, rate: float) -> float:
        loss = self._loss(tokens)
        moments = (self.flat, self.m, self.v)
        reference.adam(*moments, self.grads, n_before, rate, self.task.train)
        return loss

    def gradients(self, tokens: NDArray[np.uint8]) -> tuple[float, Array]:
        return self._loss(tokens), self.grads.copy()

    def params(self) -> Array:
        return self.flat

    def work(self) -> Work:
        return Work(matrix_operations(self.task.model), "matrix operations")


EXPLICIT = OneDocumentContestant(
    "explicit",
    "Hand-written gradients as matrices in NumPy, float64, one document a step: as microjpt.",
    MatricesLearner,
)
