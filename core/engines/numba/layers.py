"""Forward and backward of everything but products and attention.

Matrices are [features, rows of the batch] with `ld` floats from one feature to the next, so a
vector holds one feature of neighbouring rows and no sum ever runs across lanes.
"""

from __future__ import annotations

from math import log
from typing import Any

from eetui.core.engines.numba.jit_options import kernel
from eetui.core.engines.numba.machine import out_of_line
from eetui.core.engines.numba.vectors import (
    count,
    exp_fast,
    exp_library,
    fma,
    load,
    load_first,
    splat,
    store,
    vmax,
    vsqrt,
)

NORM_EPS = 1e-5
LOGS_AT_ONCE = 64  # each sum of exp is at most 256 = 2^8, so 64 of them multiply within a double


@kernel
def embed_forward(
    w: Any,
    tok_emb: Any,
    pos_emb: Any,
    token: Any,
    place: Any,
    rows: int,
    d: int,
    stage: Any,
    stage_ld: int,
) -> None:
    """stage[row] = tok_emb[token[row]] + pos_emb[place[row]], row by row."""
    out_of_line()
    n = count(w)
    whole = d // n * n
    for row in range(rows):
        t, p, s = token[row] * d, place[row] * d, row * stage_ld
        for f in range(0, whole, n):
            store(stage, s + f, load(w, tok_emb, t + f) + load(w, pos_emb, p + f))
        if whole < d:
            tail = load_first(w, tok_emb, t + whole, d - whole)
            tail = tail + load_first(w, pos_emb, p + whole, d - whole)
            store(stage, s + whole, tail)


@kernel
def embed_backward(
    w: Any,
    g_tok: Any,
    g_pos: Any,
    g_ld: int,
    token: Any,
    place: Any,
    rows: int,
    d: int,
    stage: Any,
    stage_ld: int,
) -> None:
    """Add each row's gradient to the embedding of its token and of its place."""
    out_of_line()
    for row in range(rows):
        t, p, s = token[row] * g_ld, place[row] * g_ld, row * stage_ld
        for f in range(0, d, count(w)):
            g = load(w, stage, s + f)
            store(g_tok, t + f, load(w, g_tok, t + f) + g)
            store(g_pos, p + f, load(w, g_pos, p + f) + g)


@kernel
def norm_forward(w: Any, x: Any, y: Any, scale: Any, d: int, ld: int, vecs: int) -> None:
    """y = x scale with scale = 1 / sqrt(mean(x^2) + 1e-5); y may be x."""
    out_of_line()
    n = count(w)
    for v in range(vecs):
        r = v * n
        a = splat(w, 0.0)
        b = splat(w, 0.0)
        for f in range(0, d, 4):
            i = f * ld + r
            x0, x1 = load(w, x, i), load(w, x, i + ld)
            x2, x3 = load(w, x, i + 2 * ld), load(w, x, i + 3 * ld)
            a = fma(x0, x0, fma(x1, x1, a))
            b = fma(x2, x2, fma(x3, x3, b))
        s = fma(a + b, splat(w, 1.0 / d), splat(w, NORM_EPS))
        s = splat(w, 1.0) / vsqrt(s)
        store(scale, r, s)
        for f in range(d):
            store(y, f * ld + r, load(w, x, f * ld + r) * s)


@kernel
def norm_backward(
    w: Any, dy: Any, y: Any, scale: Any, dx: Any, add: bool, d: int, ld: int, vecs: int
) -> None:
    """dx (+)= scale (dy - y mean(dy y)), from the normalised y; dx may be dy."""
    out_of_line()
    n = count(w)
    for v in range(vecs):
        r = v * n
        a = splat(w, 0.0)
        b = splat(w, 0.0)
        for f in range(0, d, 4):
            i = f * ld + r
            a = fma(load(w, dy, i), load(w, y, i), a)
            b = fma(load(w, dy, i + ld), load(w, y, i + ld), b)
            a = fma(load(w, dy, i + 2 * ld), load(w, y, i + 2 * ld), a)
            b = fma(load(w, dy, i + 3 * ld), load(w, y, i + 3 * ld), b)
        s = load(w, scale, r)
        mean = (a + b) * splat(w, -1.0 / d)
        for f in range(d):
            i = f * ld + r
            g = fma(load(w, y, i), mean, load(w, dy, i)) * s
            if add:
                g = g + load(w, dx, i)
            store(dx, i, g)


@kernel
def softmax_loss(
    w: Any,
    logits: Any,
    target: Any,
    weight: Any,
    top: Any,
    total: Any,
    vocab: int,
    rows: int,
    ld: int,
    vecs: int,
    scale: float,
    fast: bool,
) -> float:
    """The sum of the rows' losses in nats; `logits` [vocab, ld] becomes its gradient times scale.

    weight is 1 for a row that predicts and 0 for padding; scale is 1 / predictions of the batch.
    `top` and `total` [ld] are scratch.
    """
    out_of_line()
    n = count(w)
    loss = 0.0
    for row in range(rows):
        loss -= weight[row] * logits[target[row] * ld + row]
    for v in range(vecs):
        r = v * n
        highest = load(w, logits, r)
        for i in range(1, vocab):
            highest = vmax(highest, load(w, logits, i * ld + r))
        sum_exp = splat(w, 0.0)
        for i in range(vocab):
            x = load(w, logits, i * ld + r) - highest
            e = exp_fast(x) if fast else exp_library(x)
            store(logits, i * ld + r, e)
            sum_exp = sum_exp + e
        store(top, r, highest)
        store(total, r, sum_exp)
        share = load(w, weight, r) * splat(w, scale) / sum_exp
        for i in range(vocab):
            store(logits, i * ld + r, load(w, logits, i * ld + r) * share)
    product = 1.0
    for row in range(rows):
        if weight[row] > 0.0:
            loss += top[row]
            product *= total[row]
            logits[target[row] * ld + row] -= scale
        if (row + 1) % LOGS_AT_ONCE == 0:
            loss += log(product)
            product = 1.0
    return loss + log(product)
