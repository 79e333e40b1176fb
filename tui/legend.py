"""Where the labels at the ends of a chart's lines go, so that none covers another."""

from __future__ import annotations

from collections.abc import Sequence


def spread(wanted: Sequence[float], rows: int) -> list[int | None]:
    """A row (from 0, at the top) for each label, as near to the one it wants as there is room.

    Labels keep the order of what they want. Where there are more of them than rows, those at the
    end of `wanted` get None.
    """
    placed: list[int | None] = [None] * len(wanted)
    kept = sorted(range(min(len(wanted), rows)), key=lambda i: wanted[i])
    taken = [max(0, min(round(wanted[i]), rows - 1)) for i in kept]
    for i in range(1, len(taken)):
        taken[i] = max(taken[i], taken[i - 1] + 1)
    for i in range(len(taken) - 1, -1, -1):  # what was pushed over the edge, and what is before it
        below = taken[i + 1] if i + 1 < len(taken) else rows
        taken[i] = min(taken[i], below - 1)
    for i, row in zip(kept, taken, strict=True):
        placed[i] = row
    return placed
