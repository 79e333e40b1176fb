"""Which documents are kept from training: a hash of each decides, so it is alike everywhere."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from eetui.core.data.batches import mix

FEWEST = 20
"""A data set of fewer documents keeps none back."""

DEFAULT_SHARE = 0.1

_PLACE = np.uint64(0x9E3779B97F4A7C15)


def fingerprints(codes: NDArray[np.uint32], sizes: NDArray[np.int64]) -> NDArray[np.uint64]:
    """A hash of each document [n_docs] from its characters' code points, which lie in a row.

    Equal documents have equal hashes, in every file and on every machine. None is empty.
    """
    starts = np.cumsum(sizes) - sizes
    places = np.arange(codes.size) - np.repeat(starts, sizes)
    return document_hashes(np.add.reduceat(character_hashes(codes, places), starts), sizes)


def character_hashes(codes: NDArray[np.uint32], places: NDArray[np.int64]) -> NDArray[np.uint64]:
    """A hash of each character from its code point and its place in its document."""
    return mix((places.astype(np.uint64) + np.uint64(1)) * _PLACE ^ codes.astype(np.uint64))


def document_hashes(sums: NDArray[np.uint64], sizes: NDArray[np.int64]) -> NDArray[np.uint64]:
    """A hash of each document from the sum of its characters' and from its size."""
    return mix(sums + sizes.astype(np.uint64))


def is_held_out(hashes: NDArray[np.uint64], share: float) -> NDArray[np.bool_]:
    """Which documents [n_docs] are kept back: about `share` of the different ones, and all copies.

    A document stays on its side whatever else is in the file. Where by chance none would be kept
    back, the one with the lowest hash is; of too few documents, or of equal ones, none is.
    """
    none = np.zeros(len(hashes), np.bool_)
    if not share or len(hashes) < FEWEST:
        return none
    lowest = hashes.min()
    kept: NDArray[np.bool_] = (hashes == lowest) | (hashes < np.uint64(share * 2**64))
    return none if kept.all() else kept


def shared_by_chance(hashes: NDArray[np.uint64], share: float) -> float:
    """What part of a random `share` of the documents would stand in the rest as well.

    By `is_held_out` it is 0, since copies share a hash and so a side.
    """
    copies = np.unique(hashes, return_counts=True)[1]
    return float((copies * (1 - share ** (copies - 1.0))).sum() / len(hashes))
