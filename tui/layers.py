"""What lies under and over a drawn chart: a shaded band in the cells that are free, and words.

A cell of a terminal has one colour. A band that plotext drew would take on the colour of the line
wherever the two meet; here it fills only what the lines leave blank.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from eetui.tui.rows import Role, Row
from eetui.tui.ticks import Ticks

_DOTS = np.array([[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]])
"""The bits of a braille cell by row and column of its dots."""
_BRAILLE = 0x2800


@dataclass(frozen=True, slots=True)
class Shade:
    """What lies between `low` and `high` at each x, all [n], on the plane of the axes."""

    x: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]


def braille(
    shade: Shade, x_axis: Ticks, y_axis: Ticks, log_y: bool, columns: int, rows: int
) -> list[str]:
    """The shaded area as `rows` lines of `columns` braille cells; blank cells are spaces."""
    scale: Callable[[NDArray[np.float64]], NDArray[np.float64]] = np.log10 if log_y else np.asarray
    bottom, top = scale(np.array([y_axis.lower, y_axis.upper]))
    n_dots = 2 * columns
    x = (shade.x - x_axis.lower) / (x_axis.upper - x_axis.lower) * (n_dots - 1)
    dots = np.arange(n_dots)
    inside = (dots >= np.floor(x[0])) & (dots <= np.ceil(x[-1]))
    first, last = (
        np.rint((top - scale(np.interp(dots, x, y))) / (top - bottom) * (4 * rows - 1))
        for y in (shade.high, shade.low)
    )
    down = np.arange(4 * rows)[:, None]
    filled = (down >= first) & (down <= last) & inside
    cells = np.einsum("rdce,de->rc", filled.reshape(rows, 4, columns, 2), _DOTS)
    return ["".join(chr(_BRAILLE + c) if c else " " for c in row) for row in cells.tolist()]


def under(row: Row, x: int, text: str, role: Role) -> Row:
    """`row` with `text`, from cell x on, in the cells where both have nothing else to show."""
    out: Row = []
    at = 0
    for piece, own in row:
        beneath = text[max(at - x, 0) : max(at + len(piece) - x, 0)].rjust(len(piece))
        at += len(piece)
        if own is not Role.BLANK or piece.strip() or not beneath.strip():
            out.append((piece, own))
        else:
            out.append((beneath, role))
    return out


def over(row: Row, x: int, text: str, role: Role) -> Row:
    """`row` with `text` in place of what it has from cell x on."""
    return [*cut(row, 0, x), (text, role), *cut(row, x + len(text), None)]


def cut(row: Row, start: int, stop: int | None) -> Row:
    """The cells of a row from `start` up to `stop`."""
    out: Row = []
    at = 0
    for text, role in row:
        part = text[max(start - at, 0) : None if stop is None else max(stop - at, 0)]
        if part:
            out.append((part, role))
        at += len(text)
    return out
