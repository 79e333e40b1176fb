"""What follows a backward pass: Adam on every weight, or the gradients handed out."""

from __future__ import annotations

from typing import Any

from eetui.core.engines.numba.jit_options import kernel
from eetui.core.engines.numba.machine import out_of_line
from eetui.core.engines.numba.plan import (
    TENSOR_COLS,
    TENSOR_FIELDS,
    TENSOR_GRAD,
    TENSOR_LD,
    TENSOR_OFFSET,
    TENSOR_ROWS,
    TENSOR_TRANSPOSED,
)
from eetui.core.engines.numba.products import transpose
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
    vsqrt,
)


@kernel
def adam_vector(
    p: Any, m: Any, v: Any, g: Any, keep1: Any, keep2: Any, rate: Any, root: Any, eps: Any
) -> Any:
    """The new (p, m, v) of one vector; `rate` and `root` hold the bias corrections."""
    m = fma(keep1, m - g, g)
    v = fma(keep2, v - g * g, g * g)
    return p - rate * m / fma(vsqrt(v), root, eps), m, v


@kernel
def adam_run(
    w: Any,
    p: Any,
    m: Any,
    v: Any,
    g: Any,
    size: int,
    keep1: Any,
    keep2: Any,
    rate: Any,
    root: Any,
    eps: Any,
) -> None:
    """Adam on `size` weights that lie side by side."""
    n = count(w)
    whole = size // n * n
    for i in range(0, whole, n):
        x, y, z = adam_vector(
            load(w, p, i), load(w, m, i), load(w, v, i), load(w, g, i),
            keep1, keep2, rate, root, eps,
        )  # fmt: skip
        store(p, i, x)
        store(m, i, y)
        store(v, i, z)
    live = size - whole
    if live > 0:
        i = whole
        x, y, z = adam_vector(
            load_first(w, p, i, live), load_first(w, m, i, live),
            load_first(w, v, i, live), load_first(w, g, i, live),
            keep1, keep2, rate, root, eps,
        )  # fmt: skip
        store_first(p, i, x, live)
        store_first(m, i, y, live)
        store_first(v, i, z, live)


@kernel
def gradient_address(w: Any, plan: Any, tensors: Any, i: int) -> Any:
    """The address of gradient i as [inputs, outputs]; transposes it first if need be."""
    height, width = tensors[i + TENSOR_ROWS], tensors[i + TENSOR_COLS]
    source = tensors[i + TENSOR_GRAD]
    if tensors[i + TENSOR_TRANSPOSED] == 0:
        return source
    across = tensors[i + TENSOR_TRANSPOSED]
    transpose(
        w, f32_at(source), across, f32_at(plan.transposed), tensors[i + TENSOR_LD], width, height
    )
    return plan.transposed


@kernel
def adam_update(w: Any, plan: Any, rate: float, step: int) -> None:
    """One step of Adam with bias correction; `step` counts updates from 1."""
    out_of_line()
    keep1, keep2 = splat(w, plan.beta1), splat(w, plan.beta2)
    scaled = splat(w, rate / (1.0 - plan.beta1**step))
    root = splat(w, (1.0 - plan.beta2**step) ** -0.5)
    eps = splat(w, plan.eps)
    tensors = i64_at(plan.tensors)
    params, first, second = f32_at(plan.params), f32_at(plan.m), f32_at(plan.v)
    for tensor in range(plan.n_tensors):
        if plan.muon != 0 and 2 <= tensor < plan.n_tensors - 1:
            continue  # the matrices of the blocks are Muon's
        i = tensor * TENSOR_FIELDS
        grad = f32_at(gradient_address(w, plan, tensors, i))
        rows, size = tensors[i + TENSOR_ROWS], tensors[i + TENSOR_COLS]
        offset, ld = tensors[i + TENSOR_OFFSET], tensors[i + TENSOR_LD]
        if size == ld:
            size, rows = rows * size, 1
        for row in range(rows):
            o = offset + row * size
            adam_run(
                w, shift(params, o), shift(first, o), shift(second, o), shift(grad, row * ld),
                size, keep1, keep2, scaled, root, eps,
            )  # fmt: skip


@kernel
def give_gradients(w: Any, plan: Any) -> None:
    """Write every gradient to the flat vector `plan.grads`, laid out as the weights are."""
    out_of_line()
    n = count(w)
    tensors = i64_at(plan.tensors)
    out = f32_at(plan.grads)
    for tensor in range(plan.n_tensors):
        i = tensor * TENSOR_FIELDS
        grad = f32_at(gradient_address(w, plan, tensors, i))
        size = tensors[i + TENSOR_COLS]
        for row in range(tensors[i + TENSOR_ROWS]):
            source = row * tensors[i + TENSOR_LD]
            target = tensors[i + TENSOR_OFFSET] + row * size
            for c in range(0, size, n):
                live = min(n, size - c)
                store_first(out, target + c, load_first(w, grad, source + c, live), live)


@kernel
def pack_head(w: Any, plan: Any) -> None:
    """Copy lm_head [d, vocab] to rows of plan.head_ld, so that its last tile has no tail."""
    out_of_line()
    n = count(w)
    d, vocab, ld = plan.d_model, plan.vocab, plan.head_ld
    offset = (vocab + plan.block_size) * d + 12 * plan.n_layers * d * d
    source, target = f32_at(plan.params), f32_at(plan.lm_packed)
    for row in range(d):
        for c in range(0, vocab, n):
            live = min(n, vocab - c)
            value = load_first(w, source, offset + row * vocab + c, live)
            store(target, row * ld + c, value)
