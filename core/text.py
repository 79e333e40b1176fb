"""Text from outside, made safe to show: nothing in it moves a cursor or reorders its neighbours.

Names of files, data, metadata, environment and other programs' errors may hold anything. Whatever
prints such a text shows `visible(text)`; JSON keeps the real text, escaped as JSON does.
"""

from __future__ import annotations

import re
from itertools import accumulate
from unicodedata import category

LIMIT = 200
"""Characters of a foreign text in a message; nobody reads a sentence of a megabyte."""

OPEN, CLOSE = "\u2068", "\u2069"
"""Unicode's FIRST STRONG ISOLATE and POP DIRECTIONAL ISOLATE."""

_JOINERS = "\u200c\u200d"
"""Letters of some scripts and many emoji are made with them."""
_RIGHT_TO_LEFT = re.compile(
    "[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufeff\U00010800-\U00010fff\U0001e800-\U0001efff]"
)
"""The blocks of right-to-left scripts and of the numbers that are written with them."""
_DEEPEST = 2
"""Isolates inside isolates: a foreign text in a sentence that is itself shown as foreign."""


def visible(text: str, limit: int | None = LIMIT) -> str:
    """`text` on one line with its control characters as pictures or escapes, cut to `limit`.

    Line ends, too, are shown: `\\n` as U+240A. Right-to-left text is isolated. What is visible
    already stays as it is, so that a message can be made visible as a whole (limit=None).
    """
    if text.isprintable() and not _RIGHT_TO_LEFT.search(text):
        return _cut(text, limit)
    shown = _cut("".join(map(_shown, text if limit is None else text[: limit + 1])), limit)
    depths = [*accumulate((c == OPEN) - (c == CLOSE) for c in shown)]
    if depths and (depths[-1] != 0 or not 0 <= min(depths) <= max(depths) <= _DEEPEST):
        shown = _cut(shown.replace(OPEN, "\\u2068").replace(CLOSE, "\\u2069"), limit)
        depths = [0] * len(shown)
    bare = "".join(c for c, depth in zip(shown, depths, strict=True) if depth == 0)
    if _RIGHT_TO_LEFT.search(bare):
        return f"{OPEN}{shown}{CLOSE}"
    return shown


def visible_lines(text: str) -> str:
    """A text of several lines, each of them visible in full."""
    return "\n".join(visible(line, None) for line in text.split("\n"))


def told(value: object) -> str:
    """A value as a message about it quotes it."""
    if isinstance(value, int) and not -(10**18) < value < 10**18:
        return "a number with more than 18 digits"
    return visible(repr(value))


def _cut(text: str, limit: int | None) -> str:
    return text if limit is None or len(text) <= limit else f"{text[: limit - 1]}…"


def _shown(character: str) -> str:
    code = ord(character)
    if code < 0x20:
        return chr(0x2400 + code)
    if code == 0x7F:
        return "\u2421"
    if character.isprintable() or character in _JOINERS or category(character) == "Zs":
        return character
    if character in (OPEN, CLOSE):
        return character  # kept if they are paired
    return character.encode("unicode_escape").decode("ascii")
