"""The shared library of the native engine: where it is, its structs and its error codes."""

from __future__ import annotations

import ctypes
import os
from contextlib import suppress
from ctypes import CDLL, POINTER, byref, c_char_p, c_double, c_int64, c_void_p, sizeof
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from eetui.core.engines.base import PHASES
from eetui.core.errors import EngineError
from eetui.core.text import visible

VERSION = 7
MODULE = "eetui.core.engines.native.eetui_native"
ISA_VARIABLE = "EETUI_ISA"
LIBRARY_VARIABLE = "EETUI_NATIVE_LIBRARY"

WHY_MISSING = (
    "The native engine was not built, because no C compiler was found when eetui was installed: "
    "install gcc or clang, and then eetui again."
)

_SHAPE = ("d_model", "n_heads", "n_layers", "block_size", "vocab", "squared")


def _fields(*parts: tuple[type, tuple[str, ...]]) -> list[tuple[str, type]]:
    return [(name, kind) for kind, names in parts for name in names]


class Run(ctypes.Structure):
    """Training steps or one batch's gradients: `eetui_run` of core/engines/native/src/eetui.h."""

    _fields_ = _fields(
        (c_int64, ("version", "size", *_SHAPE)),
        (c_int64, ("unit", "padding_skip", "prefix_sharing", "fast_exp", "fused")),
        (c_int64, ("adam", "flush_denormals", "by_sample", "threads", "products", "muon")),
        (c_int64, ("n_steps", "batch", "n_docs", "step", "profile", "forward_only")),
        (c_double, ("beta1", "beta2", "eps")),
        (c_void_p, ("params", "m", "v", "grads", "tokens", "lengths", "documents", "rates")),
        (c_void_p, ("losses", "ticks", "counts", "memory")),
        (c_int64, ("memory_bytes",)),
        (c_void_p, ("pool",)),
    )


class Sample(ctypes.Structure):
    """Documents to be generated: `eetui_sample` of core/engines/native/src/eetui.h."""

    _fields_ = _fields(
        (c_int64, ("version", "size", *_SHAPE)),
        (c_int64, ("unit", "fast_exp", "products", "fused", "flush_denormals", "n", "n_forced")),
        (c_double, ("temperature",)),
        (c_void_p, ("params", "forced", "uniform", "tokens", "memory")),
        (c_int64, ("memory_bytes",)),
    )


def fields_of(job: Run | Sample | type[Run] | type[Sample]) -> dict[str, Any]:
    """The fields of a struct in their order: int64, a double or a pointer each."""
    return {name: kind for name, kind, *_ in job._fields_}


COUNTS = (
    "pieces",
    "rows",
    "passes",
    "product_tiles",
    "exp_vectors",
    "adam_vectors",
    "lanes",
    "multiply_adds",
)
"""What a call counts, as core/engines/native/src/eetui.h says."""

ERRORS = {
    -1: "A pointer that the native engine needs is missing.",
    -2: "The native engine's library is of another version than eetui: install eetui again.",
    -3: "The native engine cannot run a model of this shape.",
    -4: "The native engine does not know this value of a toggle.",
    -5: "This CPU lacks the instruction set that was asked for.",
    -6: "The number of steps, documents or threads is out of range.",
    -7: "A batch names a document that does not exist.",
    -8: "A document has no position to predict, or more than block_size.",
    -9: "A document holds a token that is not in the vocabulary.",
    -10: "The native engine's scratch memory is too small or not aligned.",
    -11: "A learning rate, a beta, the temperature or a weight is not a usable number.",
    -12: "More threads are asked for than were started.",
    -13: "This build has no such kernels.",
    -14: "This CPU lacks what was asked to compute the products.",
    -15: "The operating system does not let eetui use the matrix unit.",
    -16: "What computes the products does not go together with this vector width.",
}
"""What the library's codes mean, in the order of the enum in core/engines/native/src/eetui.h."""

NOT_A_NUMBER = -11
NOT_BUILT, NO_MATRIX, REFUSED, NOT_WITH = -13, -14, -15, -16

PRODUCTS = ("rows", "tiles", "outer", "sme2", "amx-split", "amx", "bf16")
"""The values of the toggle `products` by the numbers that the library has for them."""


def expected_abi() -> str:
    """What `eetui_abi` says of a library that was built for this module."""
    suffix = {c_int64: "", c_double: ".real", c_void_p: ".pointer"}
    run, sample = (
        " ".join(name + suffix[kind] for name, kind in fields_of(struct).items())
        for struct in (Run, Sample)
    )
    return (
        f"version {VERSION}, {len(COUNTS)} counts, {len(PRODUCTS)} products, {len(PHASES)} phases"
        f"; run {run}; sample {sample}"
    )


@dataclass(frozen=True, slots=True)
class Unit:
    """The kernels of one instruction set. place: in the library's list; runs: on this CPU."""

    place: int
    name: str
    lanes: int
    runs: bool


class Library:
    """The loaded library; raises `EngineError` if it cannot be loaded or is of another version."""

    def __init__(self, path: Path) -> None:
        name = f"The native engine's library {visible(str(path))}"
        try:
            self._c = CDLL(str(path))
        except OSError as error:
            raise EngineError(f"{name} cannot be loaded: {visible(str(error))}.") from None
        if self._abi() != expected_abi():
            raise EngineError(
                f"{name} is of another version than this eetui: install eetui again, "
                f"or unset {LIBRARY_VARIABLE} if it names that file."
            )
        self._declare()
        self.units = tuple(self._units())
        self.compiler = str(self._c.eetui_compiler().decode())

    def _abi(self) -> str:
        """What the library says that it is; empty if it cannot say, as others cannot."""
        if not hasattr(self._c, "eetui_abi"):
            return ""
        self._c.eetui_abi.restype = c_char_p
        return str(self._c.eetui_abi().decode())

    def _declare(self) -> None:
        for name, result, arguments in (
            ("eetui_unit_name", c_char_p, [c_int64]),
            ("eetui_unit_lanes", c_int64, [c_int64]),
            ("eetui_unit_runs", c_int64, [c_int64]),
            ("eetui_products_run", c_int64, [c_int64, c_int64]),
            ("eetui_multiply_adds", c_int64, [c_int64, c_int64]),
            ("eetui_compiler", c_char_p, []),
            ("eetui_memory", c_int64, [POINTER(Run)]),
            ("eetui_train", c_int64, [POINTER(Run)]),
            ("eetui_sample_memory", c_int64, [POINTER(Sample)]),
            ("eetui_generate", c_int64, [POINTER(Sample)]),
            ("eetui_pool_create", c_void_p, [c_int64]),
            ("eetui_pool_destroy", None, [c_void_p]),
            ("eetui_clock_cost", c_double, []),
        ):
            function: Any = getattr(self._c, name)
            function.restype, function.argtypes = result, arguments

    def _units(self) -> list[Unit]:
        units: list[Unit] = []
        while name := self._c.eetui_unit_name(len(units)):
            place = len(units)
            lanes, runs = self._c.eetui_unit_lanes(place), self._c.eetui_unit_runs(place)
            units.append(Unit(place, name.decode(), int(lanes), bool(runs)))
        return units

    def usable_units(self) -> tuple[Unit, ...]:
        """Units that this CPU runs, narrowest first, none beyond the one that EETUI_ISA names.

        Raises `EngineError` if that variable names none.
        """
        runs = [unit for unit in self.units if unit.runs]
        wanted = os.environ.get(ISA_VARIABLE, "").strip().lower()
        if not wanted:
            return tuple(runs)
        names = [unit.name.lower() for unit in runs]
        if wanted not in names:
            raise EngineError(
                f"{ISA_VARIABLE} is {wanted!r}, but this build has {', '.join(names)} here."
            )
        return tuple(runs[: names.index(wanted) + 1])

    def products_code(self, products: str, unit: int) -> int:
        """0 if the unit at that place can compute products so here, else the code of why not."""
        return int(self._c.eetui_products_run(PRODUCTS.index(products), unit))

    def multiply_adds(self, unit: int, rounds: int) -> int:
        """Run `rounds` rounds of multiply-adds of a unit; gives the floating-point operations."""
        return self._checked(self._c.eetui_multiply_adds(unit, rounds))

    def memory(self, job: Run | Sample) -> int:
        """Bytes of scratch that a job needs."""
        return self._checked(self._function("memory", job)(byref(job)))

    def call(self, job: Run | Sample) -> int:
        """Do the job without the interpreter's lock; raises `EngineError` for what it refuses.

        Gives 0, or NOT_A_NUMBER if documents could not be generated from the weights.
        """
        code = int(self._function("call", job)(byref(job)))
        if code == NOT_A_NUMBER and isinstance(job, Sample):
            return code
        return self._checked(code)

    def _function(self, what: str, job: Run | Sample) -> Any:
        sample = isinstance(job, Sample)
        if what == "memory":
            return self._c.eetui_sample_memory if sample else self._c.eetui_memory
        return self._c.eetui_generate if sample else self._c.eetui_train

    def create_pool(self, threads: int) -> int:
        """Start threads that wait for work; gives their handle."""
        handle = self._c.eetui_pool_create(threads)
        if not handle:
            raise EngineError(f"{threads} threads cannot be started on this machine.")
        return int(handle)

    def destroy_pool(self, handle: int) -> None:
        """End the threads of a pool."""
        self._c.eetui_pool_destroy(handle)

    def clock_cost(self) -> float:
        """Ticks that one reading of the clock takes, of which a profiled step makes about 30."""
        return float(self._c.eetui_clock_cost())

    @staticmethod
    def _checked(code: int) -> int:
        if code < 0:
            raise EngineError(ERRORS.get(code, f"The native engine failed with code {code}."))
        return code


def new_job(kind: type[Run] | type[Sample], **values: Any) -> Any:
    """A struct of the library's version with its fields set, the others zero or null."""
    return kind(version=VERSION, size=sizeof(kind), **values)


def find() -> Path | None:
    """The library's file, or None where it was not built.

    The variable EETUI_NATIVE_LIBRARY names another one, for measurements and checks. Else asked of
    the import system, though it is no Python module: that knows where it lies in a wheel and in an
    editable install, and has the latter rebuilt if it was made to rebuild.
    """
    if other := os.environ.get(LIBRARY_VARIABLE):
        return Path(other)
    with suppress(ModuleNotFoundError):  # not even a folder for it, in a pure Python install
        spec = find_spec(MODULE)
        return Path(spec.origin) if spec and spec.origin else None
    return None


@lru_cache(maxsize=1)
def load() -> Library:
    """The library, loaded once; raises `EngineError` if it is not there or cannot be used."""
    path = find()
    if path is None:
        raise EngineError(WHY_MISSING)
    return Library(path)
