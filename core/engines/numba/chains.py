"""Independent chains of multiply-adds in registers: what the core can do at most."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from numba.core import types
from numba.core.extending import intrinsic
from numba.core.typing import signature

from eetui.core import cpu
from eetui.core.engines.numba.compile import Kernel, entry_point
from eetui.core.engines.numba.lanes import I64, Lanes, vector_type
from eetui.core.engines.numba.vectors import constant, lanes, multiply_add

CHAINS = 12
"""Enough to fill two units of four or five cycles, few enough for a CPU with 16 registers."""


def width() -> int:
    """Lanes of the vectors that are measured: the widest that one register of this CPU holds."""
    return cpu.detect().lanes


@intrinsic
def multiply_add_chains(typing: Any, w: Lanes, rounds: types.Integer) -> Any:
    """Run CHAINS chains for `rounds` rounds; the sum is handed back so that nothing is dropped."""

    def codegen(context: Any, b: Any, sig: Any, args: Any) -> Any:
        n, entry = w.n, b.block
        loop, done = b.append_basic_block("chains.loop"), b.append_basic_block("chains.done")
        b.branch(loop)
        b.position_at_end(loop)
        k = b.phi(I64)
        sums = [b.phi(vector_type(n)) for _ in range(CHAINS)]
        k.add_incoming(I64(0), entry)
        factor, term = constant(n, 0.5), constant(n, 0.25)
        for i, total in enumerate(sums):
            total.add_incoming(constant(n, float(i)), entry)
        new = [multiply_add(b, n, total, factor, term) for total in sums]
        following = b.add(k, I64(1))
        k.add_incoming(following, loop)
        for total, value in zip(sums, new, strict=True):
            total.add_incoming(value, loop)
        b.cbranch(b.icmp_signed("<", following, args[1]), loop, done)
        b.position_at_end(done)
        value = new[0]
        for other in new[1:]:
            value = b.fadd(value, other)
        return b.fptosi(b.extract_element(value, I64(0)), I64)

    return signature(types.int64, w, types.int64), codegen


@lru_cache(maxsize=1)
def chains() -> Kernel:
    """The compiled function of the number of rounds."""
    n = width()

    def run(rounds: int) -> Any:
        return multiply_add_chains(lanes(n), rounds)

    run.__name__ = run.__qualname__ = f"chains_x{n}"
    return entry_point(run)
