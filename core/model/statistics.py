"""What a sample of generated documents says about a model."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from eetui.core.data.dataset import Dataset


@dataclass(frozen=True, slots=True)
class SampleStatistics:
    """n documents: the share that is not in the data set (None where that has too many documents
    to tell), the share of different ones among them, and their mean length in characters."""

    n: int
    new_share: float | None
    distinct_share: float
    mean_length: float


def statistics(documents: Collection[str], dataset: Dataset) -> SampleStatistics:
    """The statistics of generated documents; all zero if there are none."""
    n = len(documents)
    if not n:
        return SampleStatistics(0, 0.0, 0.0, 0.0)
    known = dataset.documents
    return SampleStatistics(
        n=n,
        new_share=None if known is None else 1.0 - int(known.which([*documents]).sum()) / n,
        distinct_share=len(set(documents)) / n,
        mean_length=sum(map(len, documents)) / n,
    )
