"""Forward and backward of one document, position by position, in loops written out by hand.

This is what microgpt.c does in C: one vector after the other goes through the layers, keys and
values are kept for the positions that follow, and backward takes the positions in reverse. All is
float32. A matrix W [inputs, outputs] begins at an offset `at` of the flat weights, as
`state.layout` has it, and its gradient at the same offset of the gradients.

T positions, D d_model, H heads, L layers, V vocabulary.
"""

# mypy: disable-error-code="no-untyped-def, no-untyped-call"

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from eetui.core.race.contestants.jit import Shape, kernel

ONE, ZERO = np.float32(1), np.float32(0)
RMS_EPS = np.float32(1e-5)


class Learned(NamedTuple):
    """Flat float32 vectors [n_params]: weights, gradients and Adam's moments; its constants."""

    w: Any
    g: Any
    m: Any
    v: Any
    beta1: float
    beta2: float
    eps: float


class Saved(NamedTuple):
    """Values that forward saves for backward, and gradients of earlier positions."""

    embedded: Any  # [T, D]
    factor: Any  # [T]
    norm1: Any  # [L, T, D]
    factor1: Any  # [L, T]
    qkv: Any  # [L, T, 3 D]
    shares: Any  # [L, T, H, T]
    mixed: Any  # [L, T, D]
    norm2: Any  # [L, T, D]
    factor2: Any  # [L, T]
    positive: Any  # [L, T, 4 D]: what ReLU lets through
    hidden: Any  # [L, T, 4 D]
    last: Any  # [T, D]
    p: Any  # [T, V]
    dqkv: Any  # [L, T, 3 D]


def saved(shape: Shape) -> Saved:
    """Buffers for the longest document."""
    d, t = shape.d, shape.block_size

    def room(*size: int) -> Any:
        return np.zeros(size, np.float32)

    def layers(*size: int) -> Any:
        return room(shape.n_layers, t, *size)

    return Saved(
        embedded=room(t, d),
        factor=room(t),
        norm1=layers(d),
        factor1=layers(),
        qkv=layers(3 * d),
        shares=layers(shape.n_heads, t),
        mixed=layers(d),
        norm2=layers(d),
        factor2=layers(),
        positive=layers(4 * d),
        hidden=layers(4 * d),
        last=room(t, d),
        p=room(t, shape.vocab),
        dqkv=layers(3 * d),
    )


@kernel(fastmath=True)
def product_forward(w, at, x, y):
    """y = x @ W."""
    matrix = w[at : at + len(x) * len(y)].reshape(len(x), len(y))
    y[:] = 0
    for i in range(len(x)):
        for o in range(len(y)):
            y[o] += x[i] * matrix[i, o]


@kernel(fastmath=True)
def product_backward(w, g, at, x, dy, dx):
    """dx = dy @ W.T; adds the gradient of W to g."""
    end = at + len(x) * len(dy)
    matrix = w[at:end].reshape(len(x), len(dy))
    grad = g[at:end].reshape(len(x), len(dy))
    for i in range(len(x)):
        total = ZERO
        for o in range(len(dy)):
            total += matrix[i, o] * dy[o]
            grad[i, o] += x[i] * dy[o]
        dx[i] = total


@kernel(fastmath=True)
def rms_norm_forward(x, y):
    """y = x / sqrt(mean(x^2) + 1e-5); returns the factor."""
    total = ZERO
    for i in range(len(x)):
        total += x[i] * x[i]
    factor = ONE / np.sqrt(total / np.float32(len(x)) + RMS_EPS)
    for i in range(len(x)):
        y[i] = x[i] * factor
    return factor


@kernel(fastmath=True)
def rms_norm_backward(dy, y, factor, dx):
    """Add the gradient of the norm's input to dx."""
    total = ZERO
    for i in range(len(y)):
        total += dy[i] * y[i]
    mean = total / np.float32(len(y))
    for i in range(len(y)):
        dx[i] += (dy[i] - y[i] * mean) * factor


@kernel(fastmath=True)
def softmax(x):
    """Softmax in place; returns the largest x and the sum of exp(x - largest)."""
    highest = x[0]
    for i in range(1, len(x)):
        highest = max(highest, x[i])
    total = ZERO
    for i in range(len(x)):
        x[i] = np.exp(x[i] - highest)
        total += x[i]
    for i in range(len(x)):
        x[i] *= ONE / total
    return highest, total


@kernel(fastmath=True)
def attention_forward(t, qkv, shares, mixed):
    """What position t sees of those up to it: qkv [T, 3 D], shares [H, T], mixed [D]."""
    d, d_head = len(mixed), len(mixed) // len(shares)
    scale = ONE / np.sqrt(np.float32(d_head))
    mixed[:] = 0
    for h in range(len(shares)):
        begin, end = h * d_head, h * d_head + d_head
        for s in range(t + 1):
            total = ZERO
            for j in range(begin, end):
                total += qkv[t, j] * qkv[s, d + j]
            shares[h, s] = total * scale
        softmax(shares[h, : t + 1])
        for s in range(t + 1):
            for j in range(begin, end):
                mixed[j] += shares[h, s] * qkv[s, 2 * d + j]


@kernel(fastmath=True)
def attention_backward(t, dmixed, qkv, shares, dqkv):
    """Add the gradients of the query of position t and of keys and values up to it to dqkv."""
    d, d_head = len(dmixed), len(dmixed) // len(shares)
    scale = ONE / np.sqrt(np.float32(d_head))
    dshares = np.empty(t + 1, np.float32)
    for h in range(len(shares)):
        begin, end = h * d_head, h * d_head + d_head
        mean = ZERO
        for s in range(t + 1):
            total = ZERO
            for j in range(begin, end):
                total += dmixed[j] * qkv[s, 2 * d + j]
                dqkv[s, 2 * d + j] += shares[h, s] * dmixed[j]
            dshares[s] = total
            mean += total * shares[h, s]
        for s in range(t + 1):
            dscore = shares[h, s] * (dshares[s] - mean) * scale
            for j in range(begin, end):
                dqkv[t, j] += dscore * qkv[s, d + j]
                dqkv[s, d + j] += dscore * qkv[t, j]


@kernel(fastmath=True)
def position_forward(w, shape, saved, t, token, target):
    """Position t of a document; returns its loss."""
    d, positions = shape.d, shape.vocab * shape.d
    at = positions + shape.block_size * d
    x, y = np.empty(d, np.float32), np.empty(d, np.float32)
    for i in range(d):
        x[i] = w[token * d + i] + w[positions + t * d + i]
    saved.factor[t] = rms_norm_forward(x, saved.embedded[t])
    x[:] = saved.embedded[t]
    for layer in range(shape.n_layers):
        qkv, mixed = saved.qkv[layer], saved.mixed[layer, t]
        positive, hidden = saved.positive[layer, t], saved.hidden[layer, t]
        saved.factor1[layer, t] = rms_norm_forward(x, saved.norm1[layer, t])
        product_forward(w, at, saved.norm1[layer, t], qkv[t])
        attention_forward(t, qkv, saved.shares[layer, t], mixed)
        product_forward(w, at + 3 * d * d, mixed, y)
        for i in range(d):
            x[i] += y[i]
        saved.factor2[layer, t] = rms_norm_forward(x, saved.norm2[layer, t])
        product_forward(w, at + 4 * d * d, saved.norm2[layer, t], positive)
        for i in range(4 * d):
            positive[i] = max(positive[i], ZERO)
            hidden[i] = positive[i] * positive[i] if shape.squared else positive[i]
        product_forward(w, at + 8 * d * d, hidden, y)
        for i in range(d):
            x[i] += y[i]
        at += 12 * d * d
    saved.last[t] = x
    product_forward(w, at, x, saved.p[t])
    logit = saved.p[t, target]
    highest, total = softmax(saved.p[t])
    # Not the logarithm of p, which may be too small for a float32.
    return np.log(total) + (highest - logit)


@kernel(fastmath=True)
def position_backward(w, g, shape, saved, t, token, target, share):
    """Add the gradients of position t, whose loss has this share in the document's, to g.

    Positions after it have been done, so that `dqkv` has all that they asked of its key and value.
    """
    d, positions = shape.d, shape.vocab * shape.d
    at = positions + shape.block_size * d + shape.n_layers * 12 * d * d
    dx, dy = np.empty(d, np.float32), np.empty(d, np.float32)
    wide = np.empty(4 * d, np.float32)
    dscores = saved.p[t]
    dscores[target] -= ONE
    for i in range(len(dscores)):
        dscores[i] *= share
    product_backward(w, g, at, saved.last[t], dscores, dx)
    for layer in range(shape.n_layers - 1, -1, -1):
        at -= 12 * d * d
        positive, dqkv = saved.positive[layer, t], saved.dqkv[layer]
        product_backward(w, g, at + 8 * d * d, saved.hidden[layer, t], dx, wide)
        for i in range(4 * d):
            if shape.squared:
                wide[i] *= positive[i] + positive[i]
            else:
                wide[i] = wide[i] if positive[i] > ZERO else ZERO
        product_backward(w, g, at + 4 * d * d, saved.norm2[layer, t], wide, dy)
        rms_norm_backward(dy, saved.norm2[layer, t], saved.factor2[layer, t], dx)
        product_backward(w, g, at + 3 * d * d, saved.mixed[layer, t], dx, dy)
        attention_backward(t, dy, saved.qkv[layer], saved.shares[layer, t], dqkv)
        product_backward(w, g, at, saved.norm1[layer, t], dqkv[t], dy)
        rms_norm_backward(dy, saved.norm1[layer, t], saved.factor1[layer, t], dx)
    dy[:] = 0
    rms_norm_backward(dx, saved.embedded[t], saved.factor[t], dy)
    for i in range(d):
        g[token * d + i] += dy[i]
        g[positions + t * d + i] += dy[i]


@kernel(fastmath=True)
def loss_and_gradients(w, g, shape, saved, tokens, n_positions):
    """The mean loss of a document (nats), its gradients in g."""
    g[:] = 0
    saved.dqkv[:, :n_positions] = 0
    loss = 0.0
    for t in range(n_positions):
        loss += position_forward(w, shape, saved, t, tokens[t], tokens[t + 1])
    share = ONE / np.float32(n_positions)
    for t in range(n_positions - 1, -1, -1):
        position_backward(w, g, shape, saved, t, tokens[t], tokens[t + 1], share)
    return loss / n_positions


@kernel(fastmath=True)
def adam(learned, step, rate):
    """One bias-corrected step on the weights; `step` counts from 1."""
    w, g, m, v = learned.w, learned.g, learned.m, learned.v
    beta1, beta2 = np.float32(learned.beta1), np.float32(learned.beta2)
    scaled = np.float32(rate / (1.0 - learned.beta1**step))
    root = np.float32(1.0 / (1.0 - learned.beta2**step))
    eps = np.float32(learned.eps)
    for i in range(len(w)):
        m[i] = beta1 * m[i] + (ONE - beta1) * g[i]
        v[i] = beta2 * v[i] + (ONE - beta2) * g[i] * g[i]
        w[i] -= scaled * m[i] / (np.sqrt(v[i] * root) + eps)


@kernel(fastmath=True)
def train(learned, shape, saved, tokens, lengths, documents, first_step, rates, losses):
    """One step for each of `documents`, which are rows of tokens and lengths; fills losses."""
    for k in range(len(documents)):
        row = documents[k]
        losses[k] = loss_and_gradients(
            learned.w, learned.g, shape, saved, tokens[row], lengths[row]
        )
        adam(learned, first_step + k + 1, rates[k])
