"""The vocabulary of the kernels: about twenty primitives over generic LLVM vector types.

LLVM maps them to whatever the CPU has (AVX-512, AVX2, SSE, Neon) and splits a vector that is
longer than a register, so a kernel names no instruction set.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba.core import types
from numba.core.extending import intrinsic
from numba.core.imputils import lower_builtin
from numba.core.typing import signature
from numba.core.typing.templates import AbstractTemplate, infer_global

from eetui.core.engines.numba.lanes import (
    F32,
    FLOAT_POINTER,
    I8,
    I32,
    I64,
    PLAN,
    Lanes,
    Vec,
    vector_type,
)

FLOAT_BYTES = 4
LOWEST = -1e30
"""Stands for minus infinity in a maximum and an exp; finite, so that no NaN can come of it."""

# exp(x) = 2^n 2^f with n = round(x log2 e), |f| <= 1/2. The polynomial is a minimax fit of 2^f:
# its relative error is 3e-6, and that of the whole below 5e-6.
EXP_LOWEST = -87.0
LOG2_E = 1.4426950408889634
ROUND_MAGIC = 12582912.0  # 1.5 * 2^23: adding it rounds to an integer that sits in the low bits
EXP_POLYNOMIAL = (0.9999992847, 0.6931217909, 0.2402474433, 0.0559178628, 0.0095701022)


def constant(n: int, value: float) -> ir.Constant:
    """n equal float32."""
    return ir.Constant(vector_type(n), [ir.Constant(F32, value)] * n)


def broadcast(builder: Any, scalar: Any, n: int) -> Any:
    """A vector of n copies of a float32 value."""
    vec = vector_type(n)
    one = builder.insert_element(ir.Constant(vec, ir.Undefined), scalar, I32(0))
    zeros = ir.Constant(ir.VectorType(I32, n), [0] * n)
    return builder.shuffle_vector(one, ir.Constant(vec, ir.Undefined), zeros)


def call_llvm(builder: Any, name: str, n: int, args: list[Any]) -> Any:
    """Call a generic LLVM intrinsic on vectors of n float32."""
    vec = vector_type(n)
    function_type = ir.FunctionType(vec, [vec] * len(args))
    function = builder.module.globals.get(f"{name}.v{n}f32") or ir.Function(
        builder.module, function_type, f"{name}.v{n}f32"
    )
    return builder.call(function, args)


def multiply_add(builder: Any, n: int, a: Any, b: Any, c: Any) -> Any:
    """a * b + c, fused where the CPU can."""
    return call_llvm(builder, "llvm.fmuladd", n, [a, b, c])


def address(builder: Any, pointer: Any, index: Any, target: Any) -> Any:
    """The address of element `index` of a float32 pointer, as a pointer to `target`."""
    return builder.bitcast(builder.gep(pointer, [index]), ir.PointerType(target))


def load_vector(builder: Any, pointer: Any, index: Any, n: int) -> Any:
    """n float32 from pointer[index] on; nothing is asked of the alignment."""
    value = builder.load(address(builder, pointer, index, vector_type(n)))
    value.align = FLOAT_BYTES
    return value


def store_vector(builder: Any, pointer: Any, index: Any, value: Any, n: int) -> None:
    """Write n float32 to pointer[index] on."""
    builder.store(value, address(builder, pointer, index, vector_type(n)), align=FLOAT_BYTES)


# --- arithmetic -------------------------------------------------------------------------------


def _arithmetic(operation: Callable[..., Any], instruction: str) -> None:
    @infer_global(operation)
    class _Typing(AbstractTemplate):  # type: ignore[misc]
        def generic(self, args: tuple[types.Type, ...], kws: dict[str, types.Type]) -> Any:
            if len(args) == 2 and isinstance(args[0], Vec) and args[0] == args[1]:
                return signature(args[0], *args)
            return None

    @lower_builtin(operation, Vec, Vec)  # type: ignore[untyped-decorator]
    def _lower(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return getattr(builder, instruction)(*args)


_arithmetic(operator.add, "fadd")
_arithmetic(operator.sub, "fsub")
_arithmetic(operator.mul, "fmul")
_arithmetic(operator.truediv, "fdiv")


@intrinsic(prefer_literal=True)
def lanes(typing: Any, n: types.IntegerLiteral) -> Any:
    """The width type of n lanes."""
    if not isinstance(n, types.IntegerLiteral):
        return None
    return signature(
        Lanes(n.literal_value), n
    ), lambda context, b, sig, args: context.get_dummy_value()


@intrinsic
def count(typing: Any, w: Lanes) -> Any:
    """Lanes of a width, as a number."""
    return signature(types.int64, w), lambda context, b, sig, args: I64(w.n)


@intrinsic
def splat(typing: Any, w: Lanes, x: types.Type) -> Any:
    """A vector of copies of one number, rounded to float32."""

    def codegen(context: Any, b: Any, sig: Any, args: Any) -> Any:
        return broadcast(b, context.cast(b, args[1], sig.args[1], types.float32), w.n)

    return signature(Vec(w.n), w, x), codegen


@intrinsic
def fma(typing: Any, a: Vec, b: Vec, c: Vec) -> Any:
    """a * b + c."""
    return signature(a, a, a, a), lambda context, builder, sig, args: multiply_add(
        builder, a.n, *args
    )


@intrinsic
def vsqrt(typing: Any, a: Vec) -> Any:
    """Square roots."""
    return signature(a, a), lambda context, b, sig, args: call_llvm(b, "llvm.sqrt", a.n, list(args))


@intrinsic
def vmax(typing: Any, a: Vec, b: Vec) -> Any:
    """The larger of each pair; a NaN in `a` stays."""

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return builder.select(builder.fcmp_ordered("<", *args), args[1], args[0])

    return signature(a, a, a), codegen


@intrinsic
def where_at_least(typing: Any, a: Vec, b: Vec, x: Vec, y: Vec) -> Any:
    """x where a >= b, else y."""

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return builder.select(builder.fcmp_ordered(">=", args[0], args[1]), args[2], args[3])

    return signature(a, a, a, a, a), codegen


@intrinsic
def exp_fast(typing: Any, a: Vec) -> Any:
    """exp(x) for x <= 0 by a polynomial of degree 4; relative error 5e-6, at least exp(-87)."""

    def codegen(context: Any, b: Any, sig: Any, args: Any) -> Any:
        n, ints = a.n, ir.VectorType(I32, a.n)
        low = constant(n, EXP_LOWEST)
        x = b.select(b.fcmp_ordered("<", args[0], low), low, args[0])
        shifted = multiply_add(b, n, x, constant(n, LOG2_E), constant(n, ROUND_MAGIC))
        whole = b.fsub(shifted, constant(n, ROUND_MAGIC))
        f = multiply_add(b, n, x, constant(n, LOG2_E), b.fneg(whole))
        p = constant(n, EXP_POLYNOMIAL[-1])
        for coefficient in reversed(EXP_POLYNOMIAL[:-1]):
            p = multiply_add(b, n, p, f, constant(n, coefficient))
        exponent = b.shl(b.bitcast(shifted, ints), ir.Constant(ints, [23] * n))
        return b.bitcast(b.add(b.bitcast(p, ints), exponent), vector_type(n))

    return signature(a, a), codegen


@intrinsic
def exp_library(typing: Any, a: Vec) -> Any:
    """exp of each lane by the C library's expf, one call for every lane."""
    return signature(a, a), lambda context, b, sig, args: call_llvm(b, "llvm.exp", a.n, list(args))


# --- memory -----------------------------------------------------------------------------------


@intrinsic
def load(typing: Any, w: Lanes, pointer: types.CPointer, i: types.Integer) -> Any:
    """The vector at pointer[i]."""
    return signature(Vec(w.n), w, pointer, types.int64), lambda context, b, sig, args: load_vector(
        b, args[1], args[2], w.n
    )


@intrinsic
def store(typing: Any, pointer: types.CPointer, i: types.Integer, value: Vec) -> Any:
    """Write a vector to pointer[i]."""

    def codegen(context: Any, b: Any, sig: Any, args: Any) -> Any:
        store_vector(b, args[0], args[1], args[2], value.n)
        return context.get_dummy_value()

    return signature(types.void, pointer, types.int64, value), codegen


def _first(builder: Any, n: int, live: Any) -> Any:
    """The mask of the lanes below `live`."""
    ints = ir.VectorType(I32, n)
    one = builder.insert_element(ir.Constant(ints, ir.Undefined), builder.trunc(live, I32), I32(0))
    limit = builder.shuffle_vector(one, ir.Constant(ints, ir.Undefined), ir.Constant(ints, [0] * n))
    return builder.icmp_signed("<", ir.Constant(ints, list(range(n))), limit)


def _masked(builder: Any, n: int, operation: str, args: list[Any]) -> Any:
    vec, mask = vector_type(n), ir.VectorType(ir.IntType(1), n)
    pointer = ir.PointerType(vec)
    if operation == "load":
        function_type = ir.FunctionType(vec, [pointer, I32, mask, vec])
    else:
        function_type = ir.FunctionType(ir.VoidType(), [vec, pointer, I32, mask])
    name = f"llvm.masked.{operation}.v{n}f32.p0"
    function = builder.module.globals.get(name) or ir.Function(builder.module, function_type, name)
    return builder.call(function, args)


@intrinsic
def load_first(
    typing: Any, w: Lanes, pointer: types.CPointer, i: types.Integer, live: types.Integer
) -> Any:
    """The first `live` lanes from pointer[i], the others 0 and not read."""

    def codegen(context: Any, b: Any, sig: Any, args: Any) -> Any:
        place = address(b, args[1], args[2], vector_type(w.n))
        mask = _first(b, w.n, args[3])
        return _masked(b, w.n, "load", [place, I32(FLOAT_BYTES), mask, constant(w.n, 0.0)])

    return signature(Vec(w.n), w, pointer, types.int64, types.int64), codegen


@intrinsic
def store_first(
    typing: Any, pointer: types.CPointer, i: types.Integer, value: Vec, live: types.Integer
) -> Any:
    """Write the first `live` lanes to pointer[i] and leave the memory behind them alone."""

    def codegen(context: Any, b: Any, sig: Any, args: Any) -> Any:
        place = address(b, args[0], args[1], vector_type(value.n))
        _masked(
            b, value.n, "store", [args[2], place, I32(FLOAT_BYTES), _first(b, value.n, args[3])]
        )
        return context.get_dummy_value()

    return signature(types.void, pointer, types.int64, value, types.int64), codegen


def _at(element: types.Type, llvm: Any) -> Any:
    @intrinsic
    def at(typing: Any, number: types.Integer) -> Any:
        pointer = types.CPointer(element)
        return signature(pointer, types.int64), lambda context, b, sig, args: b.inttoptr(
            args[0], ir.PointerType(llvm)
        )

    return at


f32_at = _at(types.float32, F32)
i32_at = _at(types.int32, I32)
i64_at = _at(types.int64, I64)
u8_at = _at(types.uint8, I8)


@intrinsic
def plan_at(typing: Any, number: types.Integer) -> Any:
    """The plan that lies at an address."""
    return signature(PLAN, types.int64), lambda context, b, sig, args: b.inttoptr(
        args[0], ir.PointerType(I64)
    )


@intrinsic
def shift(typing: Any, pointer: types.CPointer, n: types.Integer) -> Any:
    """The pointer n floats further on."""
    return signature(FLOAT_POINTER, pointer, types.int64), lambda context, b, sig, args: b.gep(
        args[0], [args[1]]
    )


@intrinsic
def transpose_block(
    typing: Any,
    w: Lanes,
    source: types.CPointer,
    source_ld: types.Integer,
    target: types.CPointer,
    target_ld: types.Integer,
) -> Any:
    """Write the transpose of the square block at `source` to `target`, all in registers."""

    def codegen(context: Any, b: Any, sig: Any, args: Any) -> Any:
        _, src, src_ld, dst, dst_ld = args
        n = w.n
        rows = [load_vector(b, src, b.mul(src_ld, I64(i)), n) for i in range(n)]
        stride = 1
        while stride < n:
            rows = _exchange(b, rows, stride)
            stride *= 2
        for i, row in enumerate(rows):
            store_vector(b, dst, b.mul(dst_ld, I64(i)), row, n)
        return context.get_dummy_value()

    args = (w, source, types.int64, target, types.int64)
    return signature(types.void, *args), codegen


def _exchange(builder: Any, rows: list[Any], stride: int) -> list[Any]:
    """Swap the off-diagonal blocks of size `stride` between rows i and i + stride."""
    n = len(rows)
    out = list(rows)
    ints = ir.VectorType(I32, n)
    low = [lane if not lane & stride else n + (lane ^ stride) for lane in range(n)]
    high = [lane ^ stride if not lane & stride else n + lane for lane in range(n)]
    for i in range(n):
        if not i & stride:
            a, b = rows[i], rows[i + stride]
            out[i] = builder.shuffle_vector(a, b, ir.Constant(ints, low))
            out[i + stride] = builder.shuffle_vector(a, b, ir.Constant(ints, high))
    return out
