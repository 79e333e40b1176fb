"""The heart of the engine: a register-blocked tile of a matrix product.

C[r, j] (+)= sum_k A[r, k] B[k, j] for a few rows r and one or two vectors of columns j. All
accumulators live in registers from the first k to the last. A is read one number at a time and
broadcast, so it may lie either way in memory; B and C are read by whole vectors.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba.core import types
from numba.core.extending import intrinsic
from numba.core.typing import signature

from eetui.core import cpu
from eetui.core.engines.numba.lanes import I64, Lanes, vector_type
from eetui.core.engines.numba.vectors import (
    broadcast,
    constant,
    load_vector,
    multiply_add,
    store_vector,
)

# What happens to a tile before it is stored, as `mode`; ADD may be combined with STORE.
STORE, RELU, RELU2, RELU_BACK, RELU2_BACK = range(5)

# How A lies in memory, as `across`.
ROWS_ADJACENT, K_ADJACENT = 1, 0


def heights() -> tuple[int, int, int]:
    """Rows of the large, middle and small tile: two vectors of each row stay in registers.

    12 x 2 sums, two columns and a number fill 27 of 32 registers, 6 x 2 fill 15 of 16. The small
    tile divides 4, and every height that is asked for is a multiple of 4.
    """
    return (12, 8, 4) if cpu.detect().vector_registers >= 32 else (6, 4, 2)


@intrinsic(prefer_literal=True)
def tile(
    typing: Any,
    w: Lanes,
    across: types.IntegerLiteral,
    left: types.Integer,
    two: types.Boolean,
    a: types.CPointer,
    a_ld: types.Integer,
    b: types.CPointer,
    b_ld: types.Integer,
    depth: types.Integer,
    c: types.CPointer,
    c_ld: types.Integer,
    start: types.CPointer,
    add: types.Boolean,
    side: types.CPointer,
    mode: types.Integer,
) -> Any:
    """The largest tile that fits into `left` rows, of one vector or `two`; returns its rows.

    A[r, k] is a[k * a_ld + r] if across is ROWS_ADJACENT, else a[r * a_ld + k]; there are `depth`
    terms k. `start`, `side` and `c` share c_ld. With `add` the sum starts from `start`. mode:
    STORE; RELU: c = max(s, 0); RELU2: side = max(s, 0), c = side^2; RELU_BACK: c = s where
    side > 0, else 0; RELU2_BACK: c = 2 s side.
    """
    if not isinstance(across, types.IntegerLiteral):
        return None
    large, middle, small = heights()

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        rows, has_two, operands = args[2], args[3], args[4:]
        end = builder.append_basic_block("tiles.end")
        ends = []
        for vectors in (2, 1):
            wide = builder.append_basic_block(f"tiles.x{vectors}")
            if vectors == 2:
                narrow = builder.append_basic_block("tiles.narrow")
                builder.cbranch(has_two, wide, narrow)
            else:
                builder.branch(wide)
            builder.position_at_end(wide)
            for height in (large, middle, small):
                other = None
                if height != small:
                    fits = builder.append_basic_block(f"tiles.{height}x{vectors}")
                    other = builder.append_basic_block("tiles.smaller")
                    enough = builder.icmp_signed(">=", rows, I64(height))
                    builder.cbranch(enough, fits, other)
                    builder.position_at_end(fits)
                _Tile(builder, w.n, height, vectors, across.literal_value, *operands).emit()
                ends.append((height, builder.block))
                builder.branch(end)
                if other is not None:
                    builder.position_at_end(other)
            builder.position_at_end(narrow)
        builder.position_at_end(end)
        done = builder.phi(I64)
        for height, block in ends:
            done.add_incoming(I64(height), block)
        return done

    i = types.int64
    sig = signature(
        i, w, across, i, types.boolean, a, i, b, i, i, c, i, start, types.boolean, side, i
    )
    return sig, codegen


class _Tile:
    """Writes the LLVM code of one tile into a builder."""

    def __init__(
        self,
        builder: Any,
        n: int,
        height: int,
        vectors: int,
        across: int,
        a: Any,
        a_ld: Any,
        b: Any,
        b_ld: Any,
        depth: Any,
        c: Any,
        c_ld: Any,
        start: Any,
        add: Any,
        side: Any,
        mode: Any,
    ) -> None:
        self.b, self.n, self.height, self.vectors, self.across = builder, n, height, vectors, across
        self.a, self.a_ld, self.right, self.right_ld = a, a_ld, b, b_ld
        self.depth, self.c, self.c_ld = depth, c, c_ld
        self.start, self.add, self.side, self.mode = start, add, side, mode

    def emit(self) -> None:
        """Start, loop over k, finish."""
        b = self.b
        vec = vector_type(self.n)
        zero = constant(self.n, 0.0)
        entry = b.block
        load_block = b.append_basic_block("tile.start")
        loop = b.append_basic_block("tile.loop")
        done = b.append_basic_block("tile.done")
        b.cbranch(b.trunc(self.add, ir.IntType(1)), load_block, loop)
        b.position_at_end(load_block)
        started = self._map_c(lambda index: load_vector(b, self.start, index, self.n))
        b.branch(loop)

        b.position_at_end(loop)
        k = b.phi(I64)
        groups = 1 if self.across == ROWS_ADJACENT else -(-self.height // 4)
        pointers = [b.phi(self.a.type) for _ in range(groups)]
        right = b.phi(self.right.type)
        sums = [b.phi(vec) for _ in started]
        with b.goto_block(entry):
            bases = [b.gep(self.a, [b.mul(self.a_ld, I64(4 * g))]) for g in range(groups)]
            offsets = [b.mul(self.a_ld, I64(r)) for r in range(4)]
        b.position_at_end(loop)
        for block in (entry, load_block):
            k.add_incoming(I64(0), block)
            right.add_incoming(self.right, block)
            for pointer, base in zip(pointers, bases, strict=True):
                pointer.add_incoming(base, block)
        for total, value in zip(sums, started, strict=True):
            total.add_incoming(zero, entry)
            total.add_incoming(value, load_block)

        columns = [load_vector(b, right, I64(j * self.n), self.n) for j in range(self.vectors)]
        new = []
        for r in range(self.height):
            if self.across == ROWS_ADJACENT:
                place = b.gep(pointers[0], [I64(r)])
            else:
                place = b.gep(pointers[r // 4], [offsets[r % 4]])
            left = broadcast(b, b.load(place), self.n)
            for j, column in enumerate(columns):
                old = sums[r * self.vectors + j]
                new.append(multiply_add(b, self.n, left, column, old))
        step = self.a_ld if self.across == ROWS_ADJACENT else I64(1)
        for pointer in pointers:
            pointer.add_incoming(b.gep(pointer, [step]), loop)
        right.add_incoming(b.gep(right, [self.right_ld]), loop)
        following = b.add(k, I64(1))
        k.add_incoming(following, loop)
        for total, value in zip(sums, new, strict=True):
            total.add_incoming(value, loop)
        b.cbranch(b.icmp_signed("<", following, self.depth), loop, done)
        b.position_at_end(done)
        self._finish(new)

    def _map_c(self, visit: Any) -> list[Any]:
        """Call `visit` with the offset of each vector of C, row by row."""
        b = self.b
        out = []
        for r in range(self.height):
            row = b.mul(self.c_ld, I64(r))
            out += [visit(b.add(row, I64(j * self.n))) for j in range(self.vectors)]
        return out

    def _finish(self, sums: list[Any]) -> None:
        b = self.b
        end = b.append_basic_block("tile.end")
        default = b.append_basic_block("tile.store")
        switch = b.switch(self.mode, default)
        for mode in (STORE, RELU, RELU2, RELU_BACK, RELU2_BACK):
            block = default
            if mode != STORE:
                block = b.append_basic_block(f"tile.mode{mode}")
                switch.add_case(I64(mode), block)
            b.position_at_end(block)
            values = iter(sums)
            self._map_c(
                lambda index, mode=mode, values=values: self._put(mode, index, next(values))
            )
            b.branch(end)
        b.position_at_end(end)

    def _put(self, mode: int, index: Any, value: Any) -> None:
        b, n = self.b, self.n
        zero = constant(n, 0.0)
        if mode in (RELU, RELU2):
            value = b.select(b.fcmp_ordered("<", value, zero), zero, value)
            if mode == RELU2:
                store_vector(b, self.side, index, value, n)
                value = b.fmul(value, value)
        elif mode == RELU_BACK:
            forward = load_vector(b, self.side, index, n)
            value = b.select(b.fcmp_ordered(">", forward, zero), value, zero)
        elif mode == RELU2_BACK:
            forward = load_vector(b, self.side, index, n)
            value = b.fmul(value, b.fadd(forward, forward))
        store_vector(b, self.c, index, value, n)
