"""What lies under and over a drawn chart: a shaded area in the cells that are free, and words.

A cell of a terminal has one colour. An area that plotext drew would take on the colour of the line
wherever the two meet; here it fills only what the lines leave blank.
"""

from __future__ import annotations

from eetui.tui.rows import Role, Row


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
