"""An area of the plane as the dots of braille cells, two wide and four high each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from eetui.core.curves.points import Span, Vector

_DOTS = np.array([[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]])
"""The bits of a braille cell by row and column of its dots."""
_BRAILLE = 0x2800


@dataclass(frozen=True, slots=True)
class Area:
    """What lies between `low` and `high` at each x, all [n >= 1]."""

    x: Vector
    low: Vector
    high: Vector


def braille(
    area: Area, x_span: Span, y_span: Span, columns: int, rows: int, *, log_y: bool
) -> list[str]:
    """The area in a plane of these spans: `rows` lines of `columns` cells; blank ones are spaces.

    log_y: whether the y axis is logarithmic.
    """
    scale: Callable[[Vector], Vector] = np.log10 if log_y else np.asarray
    bottom, top = scale(np.array(y_span))
    n_dots = 2 * columns
    x = (area.x - x_span[0]) / (x_span[1] - x_span[0]) * (n_dots - 1)
    dots = np.arange(n_dots)
    inside = (dots >= np.floor(x[0])) & (dots <= np.ceil(x[-1]))
    first, last = (
        np.rint((top - scale(np.interp(dots, x, y))) / (top - bottom) * (4 * rows - 1))
        for y in (area.high, area.low)
    )
    down = np.arange(4 * rows)[:, None]
    filled = (down >= first) & (down <= last) & inside
    cells = np.einsum("rdce,de->rc", filled.reshape(rows, 4, columns, 2), _DOTS)
    return ["".join(chr(_BRAILLE + c) if c else " " for c in row) for row in cells.tolist()]
