"""Which texts are documents of a data set: eight bytes a document, however long it is."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from eetui.core.data.heldout import fingerprints

MOST = 1 << 25
"""Documents whose hashes are kept, in 256 MiB. Of more it is not known which texts are among them,
since their hashes would take as much memory as short documents themselves."""


@dataclass(frozen=True, slots=True, eq=False)
class Known:
    """The sorted hashes of all documents. Two texts share one by chance in 2^64."""

    hashes: NDArray[np.uint64]

    @classmethod
    def of(cls, blocks: Iterable[NDArray[np.uint64]], n_docs: int) -> Known | None:
        """Those of documents of which some may be the same; None for more than MOST."""
        if n_docs > MOST:
            return None
        hashes, done = np.empty(n_docs, np.uint64), 0
        for block in blocks:
            hashes[done : done + len(block)] = block
            done += len(block)
        hashes.sort()
        return cls(hashes)

    def __contains__(self, text: str) -> bool:
        return bool(self.which([text])[0])

    def which(self, texts: Sequence[str]) -> NDArray[np.bool_]:
        """Which of some texts are documents; no document is empty."""
        found = np.zeros(len(texts), np.bool_)
        sizes = np.fromiter(map(len, texts), np.int64, len(texts))
        if not sizes.any():
            return found
        codes = np.frombuffer("".join(texts).encode("utf-32-le", "surrogatepass"), "<u4")
        theirs = fingerprints(lambda a, b: codes[a:b], sizes[sizes > 0])
        places = np.searchsorted(self.hashes, theirs)
        found[sizes > 0] = self.hashes[np.minimum(places, len(self.hashes) - 1)] == theirs
        return found
