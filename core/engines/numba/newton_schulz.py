"""Muon for the matrices of the blocks, as core/model/muon.py has it, on the products' tiles."""

from __future__ import annotations

from math import sqrt
from typing import Any

from eetui.core.engines.numba.adam import gradient_address
from eetui.core.engines.numba.jit_options import kernel
from eetui.core.engines.numba.machine import out_of_line
from eetui.core.engines.numba.plan import (
    TENSOR_COLS,
    TENSOR_FIELDS,
    TENSOR_LD,
    TENSOR_OFFSET,
    TENSOR_ROWS,
)
from eetui.core.engines.numba.products import product_across, product_down, transpose
from eetui.core.engines.numba.tile import STORE
from eetui.core.engines.numba.vectors import (
    count,
    f32_at,
    fma,
    i64_at,
    load,
    load_first,
    shift,
    splat,
    store,
    store_first,
)
from eetui.core.model.muon import COEFFICIENTS, ITERATIONS, LEAST, MOMENTUM

FIRST = 2
"""The blocks' first tensor: the embeddings lie before them, and the head is the last of all."""


@kernel
def momentum(w: Any, m: Any, g: Any, g_ld: int, rows: int, cols: int, along: Any, ld: int) -> float:
    """m [rows, cols] takes g in; along [rows, ld] = Nesterov's step. Gives its sum of squares.

    Rows of `along` are written in whole vectors, zero behind the last column.
    """
    n = count(w)
    keep = splat(w, MOMENTUM)
    squares = splat(w, 0.0)
    for r in range(rows):
        for c in range(0, cols, n):
            live = min(n, cols - c)
            x = load_first(w, g, r * g_ld + c, live)
            first = fma(keep, load_first(w, m, r * cols + c, live) - x, x)
            store_first(m, r * cols + c, first, live)
            step = fma(keep, first - x, x)
            store(along, r * ld + c, step)
            squares = fma(step, step, squares)
    store(along, rows * ld, squares)
    total = 0.0
    for i in range(n):
        total += along[rows * ld + i]
    return total


@kernel
def descend(w: Any, p: Any, rows: int, cols: int, along: Any, ld: int, rate: float) -> None:
    """p [rows, cols] -= rate along [rows, ld]."""
    n = count(w)
    step = splat(w, -rate)
    for r in range(rows):
        for c in range(0, cols, n):
            live, i = min(n, cols - c), r * cols + c
            moved = fma(step, load(w, along, r * ld + c), load_first(w, p, i, live))
            store_first(p, i, moved, live)


@kernel
def polynomial(w: Any, gram: Any, square: Any, side: int, ld: int, scale: float) -> None:
    """square [side, ld] = scale (a I + b G + c G^2) from G and its square, G scaled as y is."""
    a, b, c = COEFFICIENTS
    two, three = splat(w, b * scale**3), splat(w, c * scale**5)
    for r in range(side):
        for j in range(0, side, count(w)):
            i = r * ld + j
            store(square, i, fma(two, load(w, gram, i), three * load(w, square, i)))
        square[r * ld + r] += a * scale


@kernel
def muon_matrix(w: Any, plan: Any, tensors: Any, i: int, rate: float) -> None:
    """One step for the tensor whose row of the table begins at i."""
    out_of_line()
    n, side, ld = count(w), plan.d_model, plan.muon_ld
    rows, cols = tensors[i + TENSOR_ROWS], tensors[i + TENSOR_COLS]
    offset = tensors[i + TENSOR_OFFSET]
    params, m = shift(f32_at(plan.params), offset), shift(f32_at(plan.m), offset)
    g = f32_at(gradient_address(w, plan, tensors, i))
    y, other = f32_at(plan.muon_y), f32_at(plan.muon_next)
    gram, square, flat = f32_at(plan.muon_gram), f32_at(plan.muon_square), f32_at(plan.muon_flat)
    tall, flat_ld, vecs = max(rows, cols), plan.muon_flat_ld, (side + n - 1) // n
    if rows < cols:
        norm = sqrt(momentum(w, m, g, tensors[i + TENSOR_LD], rows, cols, flat, flat_ld)) + LEAST
        for r in range(rows, (rows + n - 1) // n * n):
            for c in range(0, cols, n):
                store(flat, r * flat_ld + c, splat(w, 0.0))
        transpose(w, flat, flat_ld, y, ld, rows, cols)
    else:
        norm = sqrt(momentum(w, m, g, tensors[i + TENSOR_LD], rows, cols, y, ld)) + LEAST
    for iteration in range(ITERATIONS):
        product_down(w, y, ld, y, ld, tall, gram, side, vecs, gram, False, gram, STORE)
        product_across(w, gram, ld, gram, ld, side, square, ld, side, vecs, False, square, STORE)
        polynomial(w, gram, square, side, ld, 1.0 / norm if iteration == 0 else 1.0)
        product_across(w, y, ld, square, ld, side, other, ld, tall, vecs, False, other, STORE)
        y, other = other, y
    scaled = rate * sqrt(float(tall))
    if rows < cols:
        transpose(w, y, ld, flat, flat_ld, tall, side)
        descend(w, params, rows, cols, flat, flat_ld, scaled)
    else:
        descend(w, params, rows, cols, y, ld, scaled)


@kernel
def muon_update(w: Any, plan: Any, rate: float) -> None:
    """One step for every matrix of the blocks."""
    tensors = i64_at(plan.tensors)
    for tensor in range(FIRST, plan.n_tensors - 1):
        muon_matrix(w, plan, tensors, tensor * TENSOR_FIELDS, rate)
