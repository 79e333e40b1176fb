"""What a kernel asks of the machine itself: denormals, a clock, how LLVM may treat a function."""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba.core import types
from numba.core.extending import intrinsic
from numba.core.typing import signature

from eetui.core import cpu
from eetui.core.engines.numba.lanes import I8, I32, I64

# Bits that make the CPU treat denormal numbers as zero: FTZ and DAZ of MXCSR on x86, FZ of FPCR
# on Arm. Small gradients and moments otherwise fall into microcode and cost up to ten times more.
X86_FLUSH = 0x8040
ARM_FLUSH = 1 << 24


def _declare(builder: Any, result: Any, arguments: list[Any], name: str) -> Any:
    existing = builder.module.globals.get(name)
    return existing or ir.Function(builder.module, ir.FunctionType(result, arguments), name)


def _entry_slot(builder: Any) -> Any:
    with builder.goto_entry_block():
        return builder.alloca(I32)


@intrinsic
def float_mode(typing: Any) -> Any:
    """The CPU's floating-point control word."""

    def codegen(context: Any, b: Any, sig: Any, args: Any) -> Any:
        if cpu.detect().is_x86:
            slot = _entry_slot(b)
            read = _declare(b, ir.VoidType(), [ir.PointerType(I8)], "llvm.x86.sse.stmxcsr")
            b.call(read, [b.bitcast(slot, ir.PointerType(I8))])
            return b.zext(b.load(slot), I64)
        if cpu.detect().is_arm:
            return b.call(_declare(b, I64, [], "llvm.aarch64.get.fpcr"), [])
        return I64(0)

    return signature(types.int64), codegen


@intrinsic
def set_float_mode(typing: Any, mode: types.Integer) -> Any:
    """Set the CPU's floating-point control word for this thread."""

    def codegen(context: Any, b: Any, sig: Any, args: Any) -> Any:
        if cpu.detect().is_x86:
            slot = _entry_slot(b)
            b.store(b.trunc(args[0], I32), slot)
            write = _declare(b, ir.VoidType(), [ir.PointerType(I8)], "llvm.x86.sse.ldmxcsr")
            b.call(write, [b.bitcast(slot, ir.PointerType(I8))])
        elif cpu.detect().is_arm:
            b.call(_declare(b, ir.VoidType(), [I64], "llvm.aarch64.set.fpcr"), [args[0]])
        return context.get_dummy_value()

    return signature(types.void, types.int64), codegen


@intrinsic
def flushing(typing: Any, mode: types.Integer) -> Any:
    """The control word `mode` with denormals flushed to zero."""
    host = cpu.detect()
    bits = X86_FLUSH if host.is_x86 else ARM_FLUSH if host.is_arm else 0
    return signature(types.int64, types.int64), lambda context, b, sig, args: b.or_(
        args[0], I64(bits)
    )


@intrinsic
def ticks(typing: Any) -> Any:
    """A counter of constant rate (TSC on x86, CNTVCT on Arm); only differences mean anything."""
    return signature(types.int64), lambda context, b, sig, args: b.call(
        _declare(b, I64, [], "llvm.readcyclecounter"), []
    )


@intrinsic
def out_of_line(typing: Any) -> Any:
    """Mark the function around this call: not copied into its callers, never auto-vectorised.

    LLVM's two vectorisers (of loops and of straight lines) leave a `noimplicitfloat` function
    alone. The kernels say themselves what is a vector, so width 1 is scalar code indeed.
    """

    def codegen(context: Any, b: Any, sig: Any, args: Any) -> Any:
        b.function.attributes.add("noinline")
        b.function.attributes.add("noimplicitfloat")
        return context.get_dummy_value()

    return signature(types.void), codegen
