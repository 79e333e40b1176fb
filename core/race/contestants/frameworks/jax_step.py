"""The transformer, its loss and Adam in JAX, as one loop over steps.

A batch is packed: its documents' positions follow one another as rows, without padding, so products
with weights compute what is needed. Attention alone is computed on padded documents.

B documents, T positions, R rows, D d_model, H heads, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from eetui.core.config import ModelConfig, TrainConfig
from eetui.core.model.reference import RMS_EPS
from eetui.core.race.contestants.frameworks.shapes import BatchShape

Weights = dict[str, Array]
State = tuple[Weights, Weights, Weights, Array]
"""Weights, Adam's moments, and the number of steps done."""


class Packing(NamedTuple):
    """Where the rows of a packed batch lie.

    document, position: those of each row [R]. is_real: False for a row without a position [R].
    padded_place: where a row lies in the padded batch [R], B T for none. packed_place: the row of
    each place of the padded batch [B T], R for none.
    """

    document: Array
    position: Array
    is_real: Array
    padded_place: Array
    packed_place: Array


def packing(lengths: Array, shape: BatchShape) -> Packing:
    """The packing of documents of these lengths [B]."""
    n_rows, n_positions = shape
    ends = jnp.cumsum(lengths)
    starts = ends - lengths
    row = jnp.arange(n_rows)
    is_real = row < ends[-1]
    document = jnp.minimum((row[:, None] >= ends).sum(1), len(lengths) - 1)
    position = jnp.where(is_real, row - starts[document], 0)
    places = jnp.arange(n_positions)
    return Packing(
        document,
        position,
        is_real,
        jnp.where(is_real, document * n_positions + position, len(lengths) * n_positions),
        jnp.where(places < lengths[:, None], starts[:, None] + places, n_rows).reshape(-1),
    )


@jax.custom_vjp
def moved(x: Array, sources: Array, targets: Array) -> Array:
    """y[i] = x[sources[i]], or zeros where a source is len(x).

    targets is the way back: the gradient of x is that of y, moved. JAX's own would add them up row
    by row, since it cannot know that no row is moved twice.
    """
    return jnp.concatenate([x, jnp.zeros((1, x.shape[1]), x.dtype)])[sources]


def _moved_forward(x: Array, sources: Array, targets: Array) -> tuple[Array, tuple[Array, Array]]:
    return moved(x, sources, targets), (sources, targets)


def _moved_backward(places: tuple[Array, Array], g: Array) -> tuple[Array, None, None]:
    sources, targets = places
    return moved(g, targets, sources), None, None


moved.defvjp(_moved_forward, _moved_backward)


def rms_norm(x: Array) -> Array:
    return x * jax.lax.rsqrt(jnp.mean(x * x, -1, keepdims=True) + RMS_EPS)


def attention(qkv: Array, n_heads: int) -> Array:
    """Causal attention on the packed queries, keys and values [B, T, 3 D]: [B, T, D]."""
    batch, positions, width = qkv.shape
    q, k, v = jnp.moveaxis(qkv.reshape(batch, positions, 3, n_heads, -1), 2, 0)
    future = jnp.triu(jnp.ones((positions, positions), bool), 1)
    scores = jnp.einsum("bthd,bshd->bhts", q, k) * q.shape[-1] ** -0.5
    shares = jax.nn.softmax(jnp.where(future, -jnp.inf, scores))
    return jnp.einsum("bhts,bshd->bthd", shares, v).reshape(batch, positions, width // 3)


def forward(w: Weights, model: ModelConfig, tokens: Array, at: Packing, batch: int) -> Array:
    """Logits [R, V] of the tokens [R] of packed rows."""
    to_padded, to_packed = at.packed_place, at.padded_place
    x = rms_norm(w["tok_emb"][tokens] + w["pos_emb"][at.position])
    for i in range(model.n_layers):
        layer = f"layers.{i}."
        qkv = moved(rms_norm(x) @ w[layer + "w_qkv"], to_padded, to_packed)
        mixed = attention(qkv.reshape(batch, -1, qkv.shape[1]), model.n_heads)
        mixed = moved(mixed.reshape(-1, model.d_model), to_packed, to_padded)
        x = x + mixed @ w[layer + "w_out"]
        hidden = jax.nn.relu(rms_norm(x) @ w[layer + "w_expand"])
        hidden = hidden * hidden if model.activation == "relu2" else hidden
        x = x + hidden @ w[layer + "w_contract"]
    return x @ w["lm_head"]


def loss_of(
    w: Weights, model: ModelConfig, shape: BatchShape, tokens: Array, lengths: Array
) -> Array:
    """The mean loss of documents [B, T + 1] of which lengths [B] positions are predicted."""
    at = packing(lengths, shape)
    inputs, targets = (tokens[at.document, at.position + ahead] for ahead in (0, 1))
    logits = forward(w, model, inputs, at, len(lengths))
    # A sum over one place: the gradient of an index would be added up row by row.
    at_target = (logits * jax.nn.one_hot(targets, logits.shape[1], dtype=logits.dtype)).sum(1)
    losses = jax.nn.logsumexp(logits, axis=1) - at_target
    return jnp.where(at.is_real, losses, 0.0).sum() / lengths.sum()


def take_steps(
    model: ModelConfig,
    train: TrainConfig,
    shapes: Sequence[BatchShape],
    data: tuple[Array, Array],
    state: State,
    plan: tuple[Array, Array, Array],
    n_steps: Array,
) -> tuple[State, Array]:
    """The first n steps of a plan with Adam; the new state and the losses [N], n of them set.

    plan: for each of N steps the documents [N, B], the index of the batch's shape [N] and the
    learning rate [N]. n is no constant of the compiled code, so one serves any number of steps.
    """
    tokens, lengths = data
    b1, b2 = train.beta1, train.beta2

    def with_shape(shape: BatchShape) -> Any:
        def loss_and_gradients(w: Weights, rows: Array) -> tuple[Array, Weights]:
            return jax.value_and_grad(loss_of)(w, model, shape, tokens[rows], lengths[rows])

        return loss_and_gradients

    branches = [with_shape(shape) for shape in shapes]

    def step(i: Array, before: tuple[State, Array]) -> tuple[State, Array]:
        (w, m, v, done), losses = before
        documents, chosen, rates = (part[i] for part in plan)
        loss, g = jax.lax.switch(chosen, branches, w, documents)
        done = done + 1.0
        m = jax.tree.map(lambda m, g: b1 * m + (1 - b1) * g, m, g)
        v = jax.tree.map(lambda v, g: b2 * v + (1 - b2) * g * g, v, g)
        rate, c2 = rates / (1 - b1**done), 1 / (1 - b2**done)
        w = jax.tree.map(lambda w, m, v: w - rate * m / (jnp.sqrt(v * c2) + train.eps), w, m, v)
        return (w, m, v, done), losses.at[i].set(loss)

    return jax.lax.fori_loop(0, n_steps, step, (state, jnp.zeros(len(plan[1]), jnp.float32)))
