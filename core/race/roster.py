"""The contestants by name, in the league's order, imported on demand."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import TYPE_CHECKING, cast

from eetui.core.errors import UsageError

if TYPE_CHECKING:
    from eetui.core.race.contestant import Contestant

PACKAGE = "eetui.core.race.contestants"

CONTESTANTS = {
    "scalar": f"{PACKAGE}.scalar.scalar_learner:SCALAR",
    "tape": f"{PACKAGE}.tape.tape_learner:TAPE",
    "tape-f32": f"{PACKAGE}.tape.tape_learner:TAPE_F32",
    "vector": f"{PACKAGE}.vector.vector_learners:VECTOR",
    "vector-sgd": f"{PACKAGE}.vector.vector_learners:VECTOR_SGD",
    "rnn": f"{PACKAGE}.rnn.recurrent_learner:RNN",
    "rnn-sparse": f"{PACKAGE}.rnn.recurrent_learner:RNN_SPARSE",
    "explicit": f"{PACKAGE}.explicit.matrices:EXPLICIT",
    "explicit-numba": f"{PACKAGE}.explicit.loops:EXPLICIT_NUMBA",
    "numba": f"{PACKAGE}.engines:NUMBA",
    "native": f"{PACKAGE}.engines:NATIVE",
    "native+matrix": f"{PACKAGE}.engines:MATRIX",
    "torch": f"{PACKAGE}.frameworks.torch:TORCH",
    "torch-compile": f"{PACKAGE}.frameworks.torch:TORCH_COMPILE",
    "jax": f"{PACKAGE}.frameworks.jax:JAX",
    "mlx": f"{PACKAGE}.frameworks.mlx:MLX",
}
"""They compute on the CPU. The order goes from one object a number to compiled frameworks."""

ON_GPU = {
    "torch+gpu": f"{PACKAGE}.frameworks.torch:TORCH_GPU",
    "torch-compile+gpu": f"{PACKAGE}.frameworks.torch:TORCH_COMPILE_GPU",
    "jax+gpu": f"{PACKAGE}.frameworks.jax:JAX_GPU",
    "mlx+gpu": f"{PACKAGE}.frameworks.mlx:MLX_GPU",
}
"""The same frameworks on CUDA, MPS or Metal. They race only when they are named."""

EVERYONE = CONTESTANTS | ON_GPU


def require(name: str) -> str:
    """`name` itself; raises `UsageError` if no contestant has that name."""
    if name not in EVERYONE:
        raise UsageError(f"There is no contestant {name!r}: there are {', '.join(EVERYONE)}.")
    return name


def create(name: str) -> Contestant:
    """The contestant called `name`; raises `UsageError` if there is none."""
    module, attribute = EVERYONE[require(name)].split(":")
    return cast("Contestant", getattr(import_module(module), attribute))


def line_up(names: Sequence[str] | None = None) -> list[Contestant]:
    """The contestants called `names`, all but those on a GPU by default, in the league's order."""
    wanted = list(CONTESTANTS) if names is None else list(dict.fromkeys(names))
    found = {name: create(name) for name in wanted}
    return [found[name] for name in EVERYONE if name in found]


def parse_names(text: str) -> list[str]:
    """The names in a list such as 'scalar,native'; raises `UsageError` for one that is unknown."""
    names = [name for name in map(str.strip, text.split(",")) if name]
    if not names:
        raise UsageError(
            f"Name contestants, such as scalar,native: there are {', '.join(EVERYONE)}."
        )
    return [require(name) for name in names]
