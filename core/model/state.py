"""All that evolves in a run: three flat float32 vectors and a step."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eetui.core.config import ModelConfig

Vector = NDArray[np.float32]

INIT_STD = 0.08
ALIGNMENT = 64


@dataclass(frozen=True, slots=True)
class Tensor:
    """A named slice of the flat vectors: `vector[offset : offset + size].reshape(shape)`."""

    name: str
    shape: tuple[int, int]
    offset: int

    @property
    def size(self) -> int:
        return prod(self.shape)


def layout(model: ModelConfig) -> tuple[Tensor, ...]:
    """The tensors of `model` in the order in which they lie in the flat vectors.

    Every matrix is stored [inputs, outputs], row by row: y = x @ W. `w_qkv` holds the query, key
    and value projections side by side.
    """
    d, t, vocab, ff = model.d_model, model.block_size, model.vocab_size, model.d_ff
    shapes: list[tuple[str, tuple[int, int]]] = [("tok_emb", (vocab, d)), ("pos_emb", (t, d))]
    for i in range(model.n_layers):
        shapes += [
            (f"layers.{i}.w_qkv", (d, 3 * d)),
            (f"layers.{i}.w_out", (d, d)),
            (f"layers.{i}.w_expand", (d, ff)),
            (f"layers.{i}.w_contract", (ff, d)),
        ]
    shapes.append(("lm_head", (d, vocab)))
    tensors, offset = [], 0
    for name, shape in shapes:
        tensors.append(Tensor(name, shape, offset))
        offset += prod(shape)
    return tuple(tensors)


def views(model: ModelConfig, vector: NDArray[Any]) -> dict[str, NDArray[Any]]:
    """The named matrices of a flat vector of length `model.n_params`; writing one writes it."""
    return {t.name: vector[t.offset : t.offset + t.size].reshape(t.shape) for t in layout(model)}


def relative_distance(model: ModelConfig, a: NDArray[Any], b: NDArray[Any]) -> float | None:
    """|a - b| / |b| in the tensor where it is greatest; None where a number is not finite."""
    with np.errstate(over="ignore", invalid="ignore"):
        theirs = views(model, b)
        worst = max(
            float(np.linalg.norm(mine - theirs[name]))
            / (float(np.linalg.norm(theirs[name])) or 1.0)
            for name, mine in views(model, a).items()
        )
    return worst if np.isfinite(worst) else None


def aligned_zeros(n: int, dtype: type[np.generic] = np.float32) -> NDArray[Any]:
    """A zeroed vector of n elements that starts on a cache line (NumPy alone aligns to 16)."""
    item = np.dtype(dtype).itemsize
    raw = np.zeros(n * item + ALIGNMENT, dtype=np.uint8)
    start = -raw.ctypes.data % ALIGNMENT
    return raw[start : start + n * item].view(dtype)


def aligned_copy(vector: Vector) -> Vector:
    """A copy of a float32 vector that starts on a cache line."""
    out = aligned_zeros(vector.size)
    out[:] = vector
    return out


@dataclass(slots=True)
class TrainState:
    """Weights, the two Adam moments ([n_params] float32 each, aligned) and the steps done."""

    params: Vector
    m: Vector
    v: Vector
    step: int = 0

    @classmethod
    def create(cls, model: ModelConfig, seed: int) -> TrainState:
        """Fresh weights drawn from gauss(0, 0.08); the same for the same model and seed."""
        n = model.n_params
        state = cls(aligned_zeros(n), aligned_zeros(n), aligned_zeros(n))
        rng = np.random.default_rng([seed, 0x5EED])
        state.params[:] = rng.normal(0.0, INIT_STD, n)
        return state

    @property
    def is_finite(self) -> bool:
        """Whether no number in it is NaN or infinite."""
        return all(bool(np.isfinite(v).all()) for v in (self.params, self.m, self.v))

    def clone(self) -> TrainState:
        """An independent copy: this is how a run is forked or kept."""
        params, m, v = (aligned_copy(vector) for vector in (self.params, self.m, self.v))
        return TrainState(params, m, v, self.step)

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the step and the three vectors, the same for states equal to the bit."""
        digest = sha256(self.step.to_bytes(8, "little"))
        for vector in (self.params, self.m, self.v):
            digest.update(vector.astype("<f4", copy=False).data)
        return digest.hexdigest()
