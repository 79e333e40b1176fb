"""All documents of a data set, uncut, in little more memory than their characters take."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from eetui.core.data.heldout import fingerprints
from eetui.core.data.side import Side

GROUP = 16
"""One document of so many has its place stored; those after it are found by their sizes."""
BLOCK = 1 << 14
"""Documents that are worked on at a time; a multiple of GROUP."""


class Rows(NamedTuple):
    """Documents as a model sees them.

    tokens: [n, block_size + 1], boundary + characters + boundary, cut to block_size + 1 and filled
    up with boundaries. lengths: [n] predicted positions, which is tokens minus one.
    """

    tokens: NDArray[np.uint8]
    lengths: NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Corpus:
    """What a data set of any block size and split is made of.

    ids: the characters' ids in a row. sizes: characters of each document [n_docs], in the smallest
    unsigned type that holds the largest. codes: the code point of each id. fingerprint: SHA-256
    of all of it. starts: where documents 0, GROUP, 2 GROUP, ... begin in `ids`.
    """

    ids: NDArray[np.uint8]
    sizes: NDArray[np.unsignedinteger]
    codes: NDArray[np.uint32]
    fingerprint: str
    starts: NDArray[np.int64]

    @classmethod
    def of(
        cls, vocabulary: tuple[str, ...], ids: NDArray[np.uint8], sizes: NDArray[np.unsignedinteger]
    ) -> Corpus:
        """The corpus of documents that follow each other in `ids`."""
        characters = "".join(vocabulary).encode("utf-32-le", "surrogatepass")
        digest = sha256(characters)
        starts = np.zeros(-(-len(sizes) // GROUP), np.int64)
        offset = 0
        for first in range(0, len(sizes), BLOCK):
            block = sizes[first : first + BLOCK].astype(np.int64)
            digest.update(block.astype("<i8").tobytes())
            ends = offset + np.cumsum(block)
            begins = (ends - block)[::GROUP]
            starts[first // GROUP :][: len(begins)] = begins
            offset = int(ends[-1])
        digest.update(ids.data)
        codes = np.frombuffer(characters, "<u4")
        return cls(ids, sizes, codes, digest.hexdigest(), starts)

    def rows(self, numbers: NDArray[np.int64], block_size: int) -> Rows:
        """The documents of these numbers [n], cut to a block size."""
        n, boundary = len(numbers), len(self.codes)
        tokens = np.full((n, block_size + 1), boundary, np.uint8)
        lengths = np.empty(n, np.int32)
        columns = np.arange(block_size)
        for first in range(0, n, BLOCK):
            part = slice(first, first + BLOCK)
            begins, sizes = self._places(numbers[part])
            places = np.minimum(begins[:, None] + columns, len(self.ids) - 1)
            inside = columns < sizes[:, None]
            tokens[part, 1:] = np.where(inside, self.ids[places], boundary)
            lengths[part] = np.minimum(sizes + 1, block_size)
        return Rows(tokens, lengths)

    def blocks(self) -> Iterator[NDArray[np.int64]]:
        """The sizes of all documents in their order, BLOCK of them at a time."""
        for first in range(0, len(self.sizes), BLOCK):
            yield self.sizes[first : first + BLOCK].astype(np.int64)

    def n_positions(self, side: Side, block_size: int) -> int:
        """Predicted positions of all documents of a side."""
        total = 0
        for first in range(0, len(side), BLOCK):
            places = np.arange(first, min(first + BLOCK, len(side)), dtype=np.int32)
            sizes = self.sizes[side.numbers(places)].astype(np.int64)
            total += int(np.minimum(sizes + 1, block_size).sum())
        return total

    def hashes(self) -> Iterator[NDArray[np.uint64]]:
        """A hash of each document in their order, BLOCK of them at a time."""
        for first in range(0, len(self.sizes), BLOCK):
            start = int(self.starts[first // GROUP])
            sizes = self.sizes[first : first + BLOCK].astype(np.int64)
            ids = self.ids[start : start + int(sizes.sum())]
            yield fingerprints(partial(self._codes_of, ids), sizes)

    def _codes_of(self, ids: NDArray[np.uint8], a: int, b: int) -> NDArray[np.uint32]:
        return self.codes[ids[a:b]]

    def _places(self, numbers: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Where documents begin, and their sizes."""
        group, place = np.divmod(numbers, GROUP)
        begins = self.starts[group]
        for i in range(GROUP - 1):
            later = np.flatnonzero(place > i)
            begins[later] += self.sizes[group[later] * GROUP + i]
        return begins, self.sizes[numbers].astype(np.int64)
