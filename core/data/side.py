"""The two sides of a split: the documents that are trained on, and those that are held out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Side:
    """Which documents of a text are on one side, as few numbers as tell it.

    out: the numbers of those held out, in order. n: documents of this side. before: for each of
    those held out, the documents of the other side that come before it; None on their own side.
    """

    out: NDArray[np.int32]
    n: int
    before: NDArray[np.int32] | None

    @classmethod
    def without(cls, out: NDArray[np.int32], n_docs: int) -> Side:
        """The documents that are not held out, of n_docs."""
        before = out.copy()
        before -= np.arange(len(out), dtype=np.int32)
        return cls(out, n_docs - len(out), before)

    @classmethod
    def only(cls, out: NDArray[np.int32]) -> Side:
        """The documents that are held out."""
        return cls(out, len(out), None)

    def __len__(self) -> int:
        return self.n

    def numbers(self, places: NDArray[np.int32]) -> NDArray[np.int64]:
        """The numbers in the text of the documents that are so far down this side."""
        if self.before is None:
            return self.out[places].astype(np.int64)
        # of one type with `before`, else NumPy would convert all of that each time
        n_before = np.searchsorted(self.before, places.astype(np.int32), "right")
        return places.astype(np.int64) + n_before
