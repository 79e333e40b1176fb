"""Numba types of the kernels: a vector of floats, its width, and the plan of a call.

The width is a *type* that every kernel takes as its first argument. So one source serves all
widths, and the compiled symbols of two widths never share a name.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba.core import types
from numba.core.extending import models, register_model
from numba.core.imputils import lower_getattr_generic
from numba.core.typing.templates import AttributeTemplate, infer_getattr

from eetui.core.engines.numba.plan import FLOATS, INDEX

F32 = ir.FloatType()
F64 = ir.DoubleType()
I8 = ir.IntType(8)
I32 = ir.IntType(32)
I64 = ir.IntType(64)


class Lanes(types.Type):
    """The width of the vectors, known when compiling; its value is nothing."""

    def __init__(self, n: int) -> None:
        self.n = n
        super().__init__(name=f"lanes{n}")


class Vec(types.Type):
    """n float32 in a vector register (or in several, where the CPU's are shorter)."""

    def __init__(self, n: int) -> None:
        self.n = n
        super().__init__(name=f"f32x{n}")


class Plan(types.Type):
    """A pointer to the int64 vector of plan.py; its fields read as attributes."""

    def __init__(self) -> None:
        super().__init__(name="plan")


PLAN = Plan()
FLOAT_POINTER = types.CPointer(types.float32)


def vector_type(n: int) -> ir.VectorType:
    """LLVM's type of n float32."""
    return ir.VectorType(F32, n)


register_model(Lanes)(models.OpaqueModel)


@register_model(Vec)
class _VecModel(models.PrimitiveModel):  # type: ignore[misc]
    def __init__(self, dmm: Any, fe_type: Vec) -> None:
        super().__init__(dmm, fe_type, vector_type(fe_type.n))


@register_model(Plan)
class _PlanModel(models.PrimitiveModel):  # type: ignore[misc]
    def __init__(self, dmm: Any, fe_type: Plan) -> None:
        super().__init__(dmm, fe_type, ir.PointerType(I64))


@infer_getattr
class _PlanFields(AttributeTemplate):  # type: ignore[misc]
    key = Plan

    def generic_resolve(self, plan: Plan, name: str) -> types.Type | None:
        if name not in INDEX:
            return None
        return types.float64 if name in FLOATS else types.int64


@lower_getattr_generic(Plan)  # type: ignore[untyped-decorator]
def _read_field(context: Any, builder: Any, typ: Plan, value: Any, name: str) -> Any:
    field = builder.gep(value, [I64(INDEX[name])])
    if name in FLOATS:
        field = builder.bitcast(field, ir.PointerType(F64))
    return builder.load(field)
