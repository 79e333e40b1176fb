"""Hand-written gradients as two contestants of the race: matrices in NumPy and compiled loops."""

from __future__ import annotations

from dataclasses import dataclass

from eetui.core.race.contestant import Task
from eetui.core.race.contestants.explicit.loops import LoopsRunner
from eetui.core.race.contestants.explicit.matrices import MatricesRunner


@dataclass(frozen=True, slots=True)
class Explicit:
    """Forward and backward written out by hand, a document a step."""

    name: str
    summary: str
    runner: type[LoopsRunner | MatricesRunner]
    model: str = ""
    extra: str = ""

    def why_not(self) -> str:
        """Always empty."""
        return ""

    def start(self, task: Task) -> LoopsRunner | MatricesRunner:
        """Compiles the loops on first use."""
        return self.runner(task)


EXPLICIT = Explicit(
    "explicit",
    "Hand-written gradients as matrices in NumPy, float64, one document a step: as microjpt.",
    MatricesRunner,
)
EXPLICIT_NUMBA = Explicit(
    "explicit-numba",
    "Hand-written gradients in compiled loops, float32, one document a step: as microgpt.c.",
    LoopsRunner,
)
