"""Which texts are documents of a data set: eight bytes a different one, however long it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from eetui.core.data.heldout import fingerprints


@dataclass(frozen=True, slots=True, eq=False)
class Known:
    """The sorted hashes of all different documents. Two texts share one by chance in 2^64."""

    hashes: NDArray[np.uint64]

    @classmethod
    def of(cls, hashes: NDArray[np.uint64]) -> Known:
        """Those of documents of which some may be the same."""
        ordered = np.sort(hashes)  # np.unique would load NumPy's masked arrays: 15 ms
        is_first = np.ones(len(ordered), np.bool_)
        is_first[1:] = ordered[1:] != ordered[:-1]
        return cls(ordered[is_first])

    def __len__(self) -> int:
        return len(self.hashes)

    def __contains__(self, text: str) -> bool:
        return bool(self.which([text])[0])

    def which(self, texts: Sequence[str]) -> NDArray[np.bool_]:
        """Which of some texts are documents; no document is empty."""
        found = np.zeros(len(texts), np.bool_)
        sizes = np.fromiter(map(len, texts), np.int64, len(texts))
        if not sizes.any():
            return found
        codes = np.frombuffer("".join(texts).encode("utf-32-le", "surrogatepass"), "<u4")
        theirs = fingerprints(codes, sizes[sizes > 0])
        places = np.searchsorted(self.hashes, theirs)
        found[sizes > 0] = self.hashes[np.minimum(places, len(self.hashes) - 1)] == theirs
        return found
