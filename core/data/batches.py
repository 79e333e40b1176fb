"""Which documents a step sees: a pure function of (seed, step), with no hidden random state."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from eetui.core.config import TrainConfig

_GOLDEN = 0x9E3779B97F4A7C15
_MASK = 2**64 - 1


def mix(x: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """The finaliser of splitmix64 (Steele, Lea and Flood, 2014), element by element."""
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


def documents(
    seed: int, first_step: int, n_steps: int, batch: int, n_docs: int
) -> NDArray[np.int32]:
    """Indices [n_steps, batch] of the documents of steps first_step, first_step + 1, ...

    Drawn with replacement by hashing (seed, step, place in the batch), so a smaller batch is the
    beginning of a larger one, and a fork, a replay and a resumed run see the same data.
    """
    steps = np.arange(first_step, first_step + n_steps, dtype=np.uint64)[:, None]
    places = np.arange(batch, dtype=np.uint64)[None, :]
    key = np.uint64((seed * _GOLDEN + 1) & _MASK)
    hashed = mix(mix(steps * np.uint64(_GOLDEN) ^ key) + places * np.uint64(_GOLDEN))
    return ((hashed >> np.uint64(32)) * np.uint64(n_docs) >> np.uint64(32)).astype(np.int32)


def learning_rates(train: TrainConfig, first_step: int, n_steps: int) -> NDArray[np.float32]:
    """Learning rates [n_steps] of the steps from first_step on; zero past the planned end."""
    done = np.minimum((first_step + np.arange(n_steps)) / train.steps, 1.0)
    if train.schedule == "constant":
        factor = np.ones(n_steps)
    elif train.schedule == "cosine":
        factor = 0.5 * (1.0 + np.cos(np.pi * done))
    else:
        factor = 1.0 - done
    return (train.learning_rate * factor).astype(np.float32)
