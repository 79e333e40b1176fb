"""Causal attention with one query position per lane, across the documents of a batch.

The rows of all documents lie one after the other, so the key `back` positions before the query
of each lane is one shifted vector: score[back] = sum_f q[f][row] k[f][row - back]. A lane whose
document begins later than that is masked. Nothing is summed across lanes.
"""

from __future__ import annotations

from math import sqrt
from typing import Any

from eetui.core.engines.numba.jit_options import kernel
from eetui.core.engines.numba.machine import out_of_line
from eetui.core.engines.numba.vectors import (
    LOWEST,
    count,
    exp_fast,
    exp_library,
    fma,
    load,
    splat,
    store,
    vmax,
    where_at_least,
)


@kernel
def dot(w: Any, a: Any, i: int, b: Any, j: int, ld: int, n: int) -> Any:
    """sum over n features of a[i + f ld] b[j + f ld], a vector of rows at a time."""
    s = load(w, a, i) * load(w, b, j)
    for f in range(1, n):
        s = fma(load(w, a, i + f * ld), load(w, b, j + f * ld), s)
    return s


@kernel
def weigh(
    w: Any,
    weights: Any,
    i: int,
    i_step: int,
    source: Any,
    j: int,
    j_step: int,
    terms: int,
    target: Any,
    o: int,
    ld: int,
    size: int,
) -> None:
    """target[f] = sum over b < terms of weights[b] source[f], both shifted from term to term.

    weights[b] is the vector at i + b i_step, source[f] the one at j + f ld + b j_step. Four
    features share each load of a weight.
    """
    zero = splat(w, 0.0)
    f = 0
    while f + 4 <= size:
        at, to = j + f * ld, o + f * ld
        o0, o1, o2, o3 = zero, zero, zero, zero
        for b in range(terms):
            e, k = load(w, weights, i + b * i_step), at + b * j_step
            o0 = fma(e, load(w, source, k), o0)
            o1 = fma(e, load(w, source, k + ld), o1)
            o2 = fma(e, load(w, source, k + 2 * ld), o2)
            o3 = fma(e, load(w, source, k + 3 * ld), o3)
        store(target, to, o0)
        store(target, to + ld, o1)
        store(target, to + 2 * ld, o2)
        store(target, to + 3 * ld, o3)
        f += 4
    while f < size:
        o0 = zero
        for b in range(terms):
            e = load(w, weights, i + b * i_step)
            o0 = fma(e, load(w, source, j + f * ld + b * j_step), o0)
        store(target, o + f * ld, o0)
        f += 1


@kernel
def clear_margin(w: Any, a: Any, first: int, margin: int, features: int, ld: int) -> None:
    """Zero `margin` floats from `first` on in each feature: a masked lane may read them."""
    for f in range(features):
        for i in range(0, margin, count(w)):
            store(a, first + f * ld + i, splat(w, 0.0))


@kernel
def attention_forward(
    w: Any,
    qkv: Any,
    out: Any,
    prob: Any,
    at: Any,
    back: Any,
    d: int,
    heads: int,
    block: int,
    margin: int,
    ld: int,
    vecs: int,
    fast: bool,
) -> None:
    """out [d, ld] = softmax(q k / sqrt(head_dim)) v for each head, from qkv [3 d, ld].

    at[row] is the position in the document and back[v] the largest among the lanes of vector v;
    `margin` is the free room before the first row and behind the last, at least block - 1.
    The probabilities stay in prob [heads * block, ld] for the backward pass.
    """
    out_of_line()
    n = count(w)
    size = d // heads
    scale = splat(w, 1.0 / sqrt(size))
    lowest = splat(w, LOWEST)
    clear_margin(w, qkv, vecs * n, margin, d, ld)
    clear_margin(w, qkv, d * ld - margin, margin, 2 * d, ld)
    for h in range(heads):
        q0 = h * size * ld
        p0 = h * block * ld
        for v in range(vecs):
            r = v * n
            q = q0 + r
            k = q + d * ld
            value = k + d * ld
            p = p0 + r
            place = load(w, at, r)
            reach = back[v] + 1
            top = lowest
            for b in range(reach):
                s = dot(w, qkv, q, qkv, k - b, ld, size) * scale
                s = where_at_least(place, splat(w, b), s, lowest)
                store(prob, p + b * ld, s)
                top = vmax(s, top)
            total = splat(w, 0.0)
            for b in range(reach):
                x = load(w, prob, p + b * ld) - top
                e = exp_fast(x) if fast else exp_library(x)
                e = where_at_least(place, splat(w, b), e, splat(w, 0.0))
                store(prob, p + b * ld, e)
                total = total + e
            inverse = splat(w, 1.0) / total
            for b in range(reach):
                store(prob, p + b * ld, load(w, prob, p + b * ld) * inverse)
            weigh(w, prob, p, ld, qkv, value, -1, reach, out, q, ld, size)


@kernel
def attention_backward(
    w: Any,
    qkv: Any,
    prob: Any,
    d_out: Any,
    d_qkv: Any,
    d_score: Any,
    stage: Any,
    rest: Any,
    back: Any,
    ahead: Any,
    d: int,
    heads: int,
    block: int,
    margin: int,
    ld: int,
    vecs: int,
) -> None:
    """d_qkv [3 d, ld] from d_out [d, ld]; d_score [block, ld] and stage are scratch.

    rest[row] is the number of positions after it in its document, ahead[v] the largest of them.
    """
    out_of_line()
    n = count(w)
    size = d // heads
    scale = splat(w, 1.0 / sqrt(size))
    zero = splat(w, 0.0)
    clear_margin(w, d_out, vecs * n, margin, d, ld)
    for h in range(heads):
        q0 = h * size * ld
        p0 = h * block * ld
        for v in range(vecs):
            r = v * n
            q = q0 + r
            k = q + d * ld
            value = k + d * ld
            p = p0 + r
            reach = back[v] + 1
            mean = zero
            for b in range(reach):
                g = dot(w, d_out, q, qkv, value - b, ld, size)
                store(d_score, r + b * ld, g)
                mean = fma(g, load(w, prob, p + b * ld), mean)
            for b in range(reach):
                g = load(w, d_score, r + b * ld) - mean
                store(d_score, r + b * ld, g * load(w, prob, p + b * ld) * scale)
            weigh(w, d_score, r, ld, qkv, k, -1, reach, d_qkv, q, ld, size)
        for v in range(vecs):
            r = v * n
            q = q0 + r
            k = q + d * ld
            left = load(w, rest, r)
            reach = ahead[v] + 1
            for b in range(reach):
                live, i = splat(w, b), b * (ld + 1)
                g = where_at_least(left, live, load(w, d_score, r + i), zero)
                e = where_at_least(left, live, load(w, prob, p0 + r + i), zero)
                store(stage, b * 2 * n, g)
                store(stage, b * 2 * n + n, e)
            weigh(w, stage, 0, 2 * n, qkv, q, 1, reach, d_qkv, k, ld, size)
            weigh(w, stage, n, 2 * n, d_out, q, 1, reach, d_qkv, k + d * ld, ld, size)
