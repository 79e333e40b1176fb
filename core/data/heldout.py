"""Which documents are kept from training: a hash of each decides, so it is alike everywhere."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
from numpy.typing import NDArray

from eetui.core.data.batches import mix

FEWEST = 20
"""A data set of fewer documents keeps none back."""

DEFAULT_SHARE = 0.1

_PLACE = np.uint64(0x9E3779B97F4A7C15)
PIECE = 1 << 15
"""Characters that are hashed at a time: their hashes stay in the processor's cache."""

Codes = Callable[[int, int], NDArray[np.uint32]]


def fingerprints(codes: Codes, sizes: NDArray[np.int64]) -> NDArray[np.uint64]:
    """A hash of each document [n_docs] from the code points of its characters; none is empty.

    `codes(a, b)` gives the code points of the characters a ... b - 1 of all documents in a row.
    Equal documents have equal hashes, in every file and on every machine.
    """
    ends = np.cumsum(sizes)
    begins = ends - sizes
    sums = np.zeros(len(sizes), np.uint64)
    n = int(ends[-1]) if len(ends) else 0
    for a in range(0, n, PIECE):
        b = min(a + PIECE, n)
        first, last = np.searchsorted(ends, (a, b - 1), "right")
        here = slice(first, last + 1)
        cuts = np.maximum(begins[here] - a, 0)
        sizes_here = np.diff(cuts, append=b - a)
        places = np.arange(a, b) - np.repeat(begins[here], sizes_here)
        sums[here] += np.add.reduceat(_character_hashes(codes(a, b), places), cuts)
    return mix(sums + sizes.astype(np.uint64))


def _character_hashes(codes: NDArray[np.uint32], places: NDArray[np.int64]) -> NDArray[np.uint64]:
    """A hash of each character from its code point and its place in its document."""
    return mix((places.astype(np.uint64) + np.uint64(1)) * _PLACE ^ codes.astype(np.uint64))


def held_out_numbers(
    hashes: Iterable[NDArray[np.uint64]], n_docs: int, share: float
) -> NDArray[np.int32]:
    """The numbers of the documents that are kept back, in order.

    About `share` of the different ones, and all copies of these. A document stays on its side
    whatever else is in the file. Where by chance none would be kept back, the one with the lowest
    hash is; of too few documents, or of equal ones, none is.
    """
    none = np.zeros(0, np.int32)
    if not share or n_docs < FEWEST:
        return none
    limit, lowest, first = np.uint64(share * 2**64), np.uint64(2**64 - 1), 0
    below, least = [none], [none]
    for block in hashes:
        below.append((np.flatnonzero(block < limit) + first).astype(np.int32))
        smallest = block.min()
        if smallest <= lowest:
            least = least if smallest == lowest else []
            least.append((np.flatnonzero(block == smallest) + first).astype(np.int32))
            lowest = smallest
        first += len(block)
    kept = np.concatenate(below if lowest < limit else least)
    return none if len(kept) == n_docs else kept


def shared_by_chance(hashes: Iterable[NDArray[np.uint64]], share: float) -> float:
    """What part of a random `share` of the documents would stand in the rest as well.

    Of those that `held_out_numbers` gives none does: copies share a hash and so a side.
    """
    copies = np.unique(np.concatenate([*hashes]), return_counts=True)[1]
    return float((copies * (1 - share ** (copies - 1.0))).sum() / copies.sum())
