"""Where the labels at the ends of a chart's lines go, so that none covers another."""

from __future__ import annotations

from collections.abc import Sequence


def spread(wanted: Sequence[float], room: int, height: int = 1) -> list[int | None]:
    """Where each label begins, from 0 at the top, as near to the place it wants as there is room.

    room and height: those of the chart and of a label, in rows or in pixels, height at most room.
    Labels keep the order of what they want. Where there is no room for all of them, those at the
    end of `wanted` get None.
    """
    placed: list[int | None] = [None] * len(wanted)
    kept = sorted(range(min(len(wanted), room // height)), key=lambda i: wanted[i])
    taken = [max(0, min(round(wanted[i]), room - height)) for i in kept]
    for i in range(1, len(taken)):
        taken[i] = max(taken[i], taken[i - 1] + height)
    # What was pushed over the edge goes back, and so does what is in its way.
    for i in range(len(taken) - 1, -1, -1):
        below = taken[i + 1] if i + 1 < len(taken) else room
        taken[i] = min(taken[i], below - height)
    for i, place in zip(kept, taken, strict=True):
        placed[i] = place
    return placed
