"""The tape and everything that is written on it, node by node as `scalar` makes its numbers.

Node i is an operation `op[i]` on the nodes `a[i]` and `b[i]`; its value is `val[i]`, and backward
sums its slope in `grad[i]`. The first nodes are the weights, in the order of the scalar program;
a document's nodes follow in the order in which they are computed, so backward has only to go
through them in reverse. A function that appends takes the next free place n and gives the one
after its own nodes; a vector is an array of the places of its numbers.
"""

# mypy: disable-error-code="no-untyped-def, no-untyped-call"

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from eetui.core.race.contestants.jit import kernel

CONSTANT, ADD, MUL, EXP, LOG, RELU, SQUARE, RECIPROCAL, RSQRT = range(9)
RMS_EPS = 1e-5


class Tape(NamedTuple):
    """The arena: op uint8, a and b int32, val and grad in the precision of the tape."""

    op: Any
    a: Any
    b: Any
    val: Any
    grad: Any


class Optimizer(NamedTuple):
    """Adam: its moments [n_params] in the precision of the tape, and its constants."""

    m: Any
    v: Any
    beta1: float
    beta2: float
    eps: float


@kernel(fastmath=False)
def constant(t, n, x):
    """Append x."""
    t.op[n] = CONSTANT
    t.val[n] = x
    return n + 1


@kernel(fastmath=False)
def unary(t, n, op, a, x):
    """Append x, which is an operation on one number a."""
    t.op[n] = op
    t.a[n] = a
    t.val[n] = x
    return n + 1


@kernel(fastmath=False)
def add(t, n, a, b):
    """Append a + b."""
    t.op[n] = ADD
    t.a[n] = a
    t.b[n] = b
    t.val[n] = t.val[a] + t.val[b]
    return n + 1


@kernel(fastmath=False)
def mul(t, n, a, b):
    """Append a * b."""
    t.op[n] = MUL
    t.a[n] = a
    t.b[n] = b
    t.val[n] = t.val[a] * t.val[b]
    return n + 1


@kernel(fastmath=False)
def add_constant(t, n, a, x):
    """Append x and a + x."""
    n = constant(t, n, x)
    return add(t, n, a, n - 1)


@kernel(fastmath=False)
def scale(t, n, a, x):
    """Append x and a * x."""
    n = constant(t, n, x)
    return mul(t, n, a, n - 1)


@kernel(fastmath=False)
def dot(t, n, x, y):
    """Append the sum of x[i] * y[i]. It begins at 0, as Python's sum does."""
    n = constant(t, n, 0.0)
    for i in range(len(x)):
        n = mul(t, n, x[i], y[i])
        n = add(t, n, n - 2, n - 1)
    return n


@kernel(fastmath=False)
def linear(t, n, x, w, out):
    """Append the products of x with the rows of the matrix at w; out gets their places."""
    for o in range(len(out)):
        row = w + o * len(x)
        n = constant(t, n, 0.0)
        for i in range(len(x)):
            n = mul(t, n, row + i, x[i])
            n = add(t, n, n - 2, n - 1)
        out[o] = n - 1
    return n


@kernel(fastmath=False)
def add_vectors(t, n, x, y, out):
    """Append x[i] + y[i]; out gets their places and may be x or y."""
    for i in range(len(x)):
        n = add(t, n, x[i], y[i])
        out[i] = n - 1
    return n


@kernel(fastmath=False)
def softmax(t, n, x, out):
    """Append the shares of exp(x[i]); out gets their places and may be x."""
    highest = t.val[x[0]]
    for i in range(1, len(x)):
        highest = max(highest, t.val[x[i]])
    for i in range(len(x)):
        n = add_constant(t, n, x[i], -highest)
        n = unary(t, n, EXP, n - 1, np.exp(t.val[n - 1]))
        out[i] = n - 1
    n = constant(t, n, 0.0)
    for i in range(len(x)):
        n = add(t, n, n - 1, out[i])
    whole = n - 1
    for i in range(len(x)):
        n = unary(t, n, RECIPROCAL, whole, 1 / t.val[whole])
        n = mul(t, n, out[i], n - 1)
        out[i] = n - 1
    return n


@kernel(fastmath=False)
def rms_norm(t, n, x, out):
    """Append x / sqrt(mean(x^2) + 1e-5); out gets the places."""
    n = dot(t, n, x, x)
    n = scale(t, n, n - 1, 1.0 / len(x))
    n = add_constant(t, n, n - 1, RMS_EPS)
    n = unary(t, n, RSQRT, n - 1, 1 / np.sqrt(t.val[n - 1]))
    factor = n - 1
    for i in range(len(x)):
        n = mul(t, n, x[i], factor)
        out[i] = n - 1
    return n


@kernel(fastmath=False)
def attention(t, n, shape, q, keys, values, shares, out):
    """Append what each head sees of keys and values [positions so far, D]; out [D] gets it."""
    d_head = shape.d // shape.n_heads
    seen = shares[: len(keys)]
    for start in range(0, shape.d, d_head):
        end = start + d_head
        for p in range(len(keys)):
            n = dot(t, n, q[start:end], keys[p, start:end])
            n = scale(t, n, n - 1, 1.0 / np.sqrt(d_head))
            seen[p] = n - 1
        n = softmax(t, n, seen, seen)
        for j in range(start, end):
            n = dot(t, n, seen, values[:, j])
            out[j] = n - 1
    return n


@kernel(fastmath=False)
def feed_forward(t, n, shape, x, w, hidden, out):
    """Append expand, activation and contract; w is the first of the two matrices."""
    n = linear(t, n, x, w, hidden)
    for i in range(len(hidden)):
        n = unary(t, n, RELU, hidden[i], max(t.val[hidden[i]], 0))
        if shape.squared:
            n = unary(t, n, SQUARE, n - 1, t.val[n - 1] * t.val[n - 1])
        hidden[i] = n - 1
    return linear(t, n, hidden, w + 4 * shape.d * shape.d, out)


@kernel(fastmath=False)
def document(t, shape, tokens, n_positions):
    """Write a document's graph on the tape; the place of its mean loss is the last one."""
    d, vocab = shape.d, shape.vocab
    x, y = np.empty(d, np.int32), np.empty(d, np.int32)
    norm, q = np.empty(d, np.int32), np.empty(d, np.int32)
    hidden, scores = np.empty(4 * d, np.int32), np.empty(vocab, np.int32)
    keys = np.empty((shape.n_layers, n_positions, d), np.int32)
    values = np.empty((shape.n_layers, n_positions, d), np.int32)
    shares, losses = np.empty(n_positions, np.int32), np.empty(n_positions, np.int32)
    positions = vocab * d
    lm_head = positions + shape.block_size * d
    layers = lm_head + vocab * d
    n = shape.n_params
    for p in range(n_positions):
        for i in range(d):
            n = add(t, n, tokens[p] * d + i, positions + p * d + i)
            y[i] = n - 1
        n = rms_norm(t, n, y, x)
        for layer in range(shape.n_layers):
            w = layers + layer * 12 * d * d
            n = rms_norm(t, n, x, norm)
            n = linear(t, n, norm, w, q)
            n = linear(t, n, norm, w + d * d, keys[layer, p])
            n = linear(t, n, norm, w + 2 * d * d, values[layer, p])
            upto = p + 1
            n = attention(t, n, shape, q, keys[layer, :upto], values[layer, :upto], shares, norm)
            n = linear(t, n, norm, w + 3 * d * d, y)
            n = add_vectors(t, n, y, x, x)
            n = rms_norm(t, n, x, norm)
            n = feed_forward(t, n, shape, norm, w + 4 * d * d, hidden, y)
            n = add_vectors(t, n, y, x, x)
        n = linear(t, n, x, lm_head, scores)
        n = softmax(t, n, scores, scores)
        target = scores[tokens[p + 1]]
        n = unary(t, n, LOG, target, np.log(t.val[target]))
        n = scale(t, n, n - 1, -1.0)
        losses[p] = n - 1
    n = constant(t, n, 0.0)
    for p in range(n_positions):
        n = add(t, n, n - 1, losses[p])
    return scale(t, n, n - 1, 1.0 / n_positions)


@kernel(fastmath=False)
def backward(t, n, n_params):
    """The gradient of the last of n nodes with respect to every node, in `grad`.

    It goes through every node, also those of zero gradient, because `scalar` does so too.
    """
    op, a, b, val, grad = t.op, t.a, t.b, t.val, t.grad
    grad[:n] = 0
    grad[n - 1] = 1
    for i in range(n - 1, n_params - 1, -1):
        g = grad[i]
        kind, x = op[i], a[i]
        if kind == ADD:
            grad[x] += g
            grad[b[i]] += g
        elif kind == MUL:
            y = b[i]
            grad[x] += val[y] * g
            grad[y] += val[x] * g
        elif kind == EXP:
            grad[x] += val[i] * g
        elif kind == RELU:
            if val[x] > 0:
                grad[x] += g
        elif kind == SQUARE:
            grad[x] += 2 * val[x] * g
        elif kind == LOG:
            grad[x] += g / val[x]
        elif kind == RECIPROCAL:
            grad[x] -= val[i] * val[i] * g
        elif kind == RSQRT:
            grad[x] -= val[i] * val[i] * val[i] * g / 2


@kernel(fastmath=False)
def adam(t, optimizer, step, rate):
    """One bias-corrected step on the weights; `step` counts from 1."""
    m, v = optimizer.m, optimizer.v
    beta1, beta2, eps = optimizer.beta1, optimizer.beta2, optimizer.eps
    scale1, scale2 = 1.0 / (1.0 - beta1**step), 1.0 / (1.0 - beta2**step)
    for i in range(len(m)):
        g = t.grad[i]
        m[i] = beta1 * m[i] + (1.0 - beta1) * g
        v[i] = beta2 * v[i] + (1.0 - beta2) * g * g
        t.val[i] -= rate * (m[i] * scale1) / (np.sqrt(v[i] * scale2) + eps)


@kernel(fastmath=False)
def train(t, shape, optimizer, tokens, lengths, documents, first_step, rates, losses):
    """One step for each of `documents`, which are rows of tokens and lengths; fills losses."""
    for k in range(len(documents)):
        row = documents[k]
        n = document(t, shape, tokens[row], lengths[row])
        losses[k] = t.val[n - 1]
        backward(t, n, shape.n_params)
        adam(t, optimizer, first_step + k + 1, rates[k])


@kernel(fastmath=False)
def loss_and_gradients(t, shape, tokens):
    """Write and go through one document [positions + 1]; how many nodes it took."""
    n = document(t, shape, tokens, len(tokens) - 1)
    backward(t, n, shape.n_params)
    return n
