"""What a sample of generated documents says about a model."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from eetui.core.data.dataset import Dataset


@dataclass(frozen=True, slots=True)
class SampleStatistics:
    """n documents: the share that is not in the data set, the share of different ones among
    them, and their mean length in characters."""

    n: int
    new_share: float
    distinct_share: float
    mean_length: float


def statistics(documents: Collection[str], dataset: Dataset) -> SampleStatistics:
    """The statistics of generated documents; all zero if there are none."""
    n = len(documents)
    if not n:
        return SampleStatistics(0, 0.0, 0.0, 0.0)
    known = int(dataset.documents.which([*documents]).sum())
    return SampleStatistics(
        n=n,
        new_share=1.0 - known / n,
        distinct_share=len(set(documents)) / n,
        mean_length=sum(map(len, documents)) / n,
    )
