"""Which documents a step sees: a pure function of (seed, step), with no hidden random state."""

from __future__ import annotations

from functools import lru_cache
from math import isqrt

import numpy as np
from numpy.typing import NDArray

from eetui.core.config import TrainConfig

_GOLDEN = 0x9E3779B97F4A7C15
_MASK = 2**64 - 1
_ROUNDS = 6  # with four, neighbours of a small data set are not independent
_ODD = np.uint32(0x9E3779B1), np.uint32(0x85EBCA6B)
_KEPT_DOCS = range(1 << 12, (1 << 16) + 1)
"""Data sets whose epochs are found whole and kept, as 16-bit numbers: not where they are many, or
long."""
_KEPT_EPOCHS = 32


def mix(x: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """The finaliser of splitmix64 (Steele, Lea and Flood, 2014), element by element."""
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


def documents_of(
    train: TrainConfig, first_step: int, n_steps: int, n_docs: int
) -> NDArray[np.int32]:
    """Indices [n_steps, train.batch] of the documents of a run's steps from first_step on."""
    order = shuffled if train.order == "shuffled" else documents
    return order(train.seed, first_step, n_steps, train.batch, n_docs)


def shuffled(
    seed: int, first_step: int, n_steps: int, batch: int, n_docs: int
) -> NDArray[np.int32]:
    """Indices [n_steps, batch]: every document once an epoch, in an order of that epoch's own.

    The place at which a step begins is its number times the batch, and a place's document is a
    permutation of its place in the epoch, keyed by (seed, epoch). So a fork, a replay and a resumed
    run see the same data. Where the batch changes, places jump with it.
    """
    first, count = first_step * batch, n_steps * batch
    if count == 0 or n_docs not in _KEPT_DOCS:
        return _in_order(seed, first, count, n_docs).reshape(n_steps, batch)
    parts = []
    for epoch in range(first // n_docs, (first + count - 1) // n_docs + 1):
        start = epoch * n_docs
        order = _epoch(seed, epoch, n_docs)
        parts.append(order[max(first - start, 0) : first + count - start])
    return np.concatenate(parts, dtype=np.int32).reshape(n_steps, batch)


@lru_cache(_KEPT_EPOCHS)
def _epoch(seed: int, epoch: int, n_docs: int) -> NDArray[np.uint16]:
    """The documents of an epoch in their order, [n_docs]; runs from equal seeds share it."""
    return _in_order(seed, epoch * n_docs, n_docs, n_docs).astype(np.uint16)


def _in_order(seed: int, first: int, count: int, n_docs: int) -> NDArray[np.int32]:
    """The documents [count] at the places from `first` on, over all epochs."""
    first_epoch, first_place = divmod(first, n_docs)
    at = np.arange(first_place, first_place + count)
    epoch = at // n_docs
    place = (at - epoch * n_docs).astype(np.uint32)
    numbers = np.arange(first_epoch, first_epoch + epoch[-1:].sum() + 1, dtype=np.uint64)
    rounds = np.arange(_ROUNDS, dtype=np.uint64)[:, None]
    key = np.uint64((seed * _GOLDEN + 2) & _MASK)
    hashed = mix(mix(numbers * np.uint64(_GOLDEN) ^ key) + rounds * np.uint64(_GOLDEN))
    keys = (hashed >> np.uint64(32)).astype(np.uint32)
    if len(numbers) > 1:
        keys = keys[:, epoch]
    return _permuted(place, keys, n_docs).astype(np.int32)


def _permuted(x: NDArray[np.uint32], keys: NDArray[np.uint32], n: int) -> NDArray[np.uint32]:
    """Each x below n in a permutation of 0 ... n - 1, keyed by `keys` [rounds, 1 or elements].

    A Feistel network on a square of numbers that holds n; what falls outside of n goes through it
    again until it falls inside (cycle walking; Black and Rogaway, 2002).
    """
    side = np.uint32(isqrt(n - 1) + 1)
    left = x // side
    right = x - left * side
    for key in keys:
        share = ((right * _ODD[0]) ^ key) * _ODD[1] >> 16
        left += share * side >> 16
        np.minimum(left, left - side, out=left)  # modulo side: what is negative wraps to the top
        left, right = right, left
    y = left * side + right
    outside = np.flatnonzero(y >= n)
    if len(outside):
        y[outside] = _permuted(y[outside], keys[:, outside] if keys.shape[1] > 1 else keys, n)
    return y


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
