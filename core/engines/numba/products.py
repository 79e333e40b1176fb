"""Matrix products as sweeps of tiles. Every matrix here is [features][rows of the batch]."""

from __future__ import annotations

from typing import Any

from eetui.core.engines.numba.jit_options import kernel
from eetui.core.engines.numba.machine import out_of_line
from eetui.core.engines.numba.tile import K_ADJACENT, ROWS_ADJACENT, STORE, tile
from eetui.core.engines.numba.vectors import count, shift, transpose_block


@kernel
def product_down(
    w: Any,
    a: Any,
    a_ld: int,
    b: Any,
    ld: int,
    depth: int,
    c: Any,
    height: int,
    vecs: int,
    start: Any,
    add: bool,
    side: Any,
    mode: int,
) -> None:
    """C = A^T B with A [depth, a_ld] row by row: a projection of the forward pass.

    B [depth, ld], C, start and side [height, ld]; height is a multiple of 4. See tile.tile for
    start, add, side and mode.
    """
    out_of_line()
    n = count(w)
    for j in range(0, vecs, 2):
        two = j + 1 < vecs
        r = 0
        while r < height:
            at = r * ld + j * n
            r += tile(
                w, ROWS_ADJACENT, height - r, two, shift(a, r), a_ld, shift(b, j * n), ld, depth,
                shift(c, at), ld, shift(start, at), add, shift(side, at), mode,
            )  # fmt: skip


@kernel
def product_across(
    w: Any,
    a: Any,
    a_ld: int,
    b: Any,
    b_ld: int,
    depth: int,
    c: Any,
    c_ld: int,
    height: int,
    vecs: int,
    add: bool,
    side: Any,
    mode: int,
) -> None:
    """C = A B with A [height, a_ld] row by row: input gradients and weight gradients.

    B [depth, b_ld], C and side [height, c_ld]; height is a multiple of 4. With `add` C grows.
    """
    out_of_line()
    n = count(w)
    for j in range(0, vecs, 2):
        two = j + 1 < vecs
        r = 0
        while r < height:
            at = r * c_ld + j * n
            r += tile(
                w, K_ADJACENT, height - r, two, shift(a, r * a_ld), a_ld, shift(b, j * n), b_ld,
                depth, shift(c, at), c_ld, shift(c, at), add, shift(side, at), mode,
            )  # fmt: skip


@kernel
def weight_gradient(
    w: Any,
    a: Any,
    ld: int,
    b: Any,
    b_ld: int,
    rows: int,
    g: Any,
    g_ld: int,
    height: int,
    width: int,
    add: bool,
) -> None:
    """G [height, width] (+)= A B over the rows of the batch: A [height, ld], B [rows, b_ld]."""
    vecs = (width + count(w) - 1) // count(w)
    product_across(w, a, ld, b, b_ld, rows, g, g_ld, height, vecs, add, g, STORE)


@kernel
def transpose(
    w: Any, source: Any, source_ld: int, target: Any, target_ld: int, height: int, width: int
) -> None:
    """target = source^T, source [height, width]; both are padded to whole square blocks."""
    out_of_line()
    n = count(w)
    for r in range(0, height, n):
        for c in range(0, width, n):
            transpose_block(
                w,
                shift(source, r * source_ld + c),
                source_ld,
                shift(target, c * target_ld + r),
                target_ld,
            )
