"""What a sample of documents is like: how many are new, known, repeated."""

from __future__ import annotations

from eetui.core.data.dataset import Dataset
from eetui.core.model.statistics import SampleStatistics, statistics


def test_statistics_of_a_sample(names: Dataset) -> None:
    known = sorted({*names.texts})[:2]
    found = statistics([*known, "zzzz", "zzzz"], names)
    mean = (len(known[0]) + len(known[1]) + 8) / 4
    assert found == SampleStatistics(4, 0.5, 0.75, mean)
    assert statistics([], names) == SampleStatistics(0, 0.0, 0.0, 0.0)
