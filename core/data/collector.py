"""From the pieces of a text to its encoded documents, in little more memory than these take."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from eetui.core.config import MAX_VOCAB
from eetui.core.errors import UsageError
from eetui.core.text import told

LONG = 1 << 20
"""Characters of an unfinished line that are kept as text; more are encoded at once."""
_BLOCK = 1 << 22
_UNKNOWN = 0xFFFF


class Collected(NamedTuple):
    """The sorted characters, the ids of all documents in a row, and the documents' sizes [n_docs]
    in the smallest unsigned type that holds the largest."""

    vocabulary: tuple[str, ...]
    ids: NDArray[np.uint8]
    sizes: NDArray[np.unsignedinteger]


class Collector:
    """Takes pieces of a text with line ends '\\n', cut anywhere; one document is a line.

    White space around a document is dropped, and so are blank lines. Raises `UsageError`, which
    begins with `name`, for the character that is one too many.
    """

    def __init__(self, name: str) -> None:
        self.n_lines = 0
        self._name = name
        self._ids = bytearray()  # in the order in which their characters appeared
        self._sizes = bytearray()
        self._size_type = np.dtype(np.uint8)
        self._characters: list[str] = []
        self._id_of_code = np.full(0x110000, _UNKNOWN, np.uint16)
        self._open = ""  # the line that is not finished yet, but for what was encoded of it
        self._open_size = 0

    def add(self, piece: str) -> None:
        """The next piece."""
        first, *rest = piece.split("\n")
        self._continue(first)
        if rest:
            self._end_line()
            self._add_lines(rest[:-1])
            self._continue(rest[-1])

    def finish(self) -> Collected:
        """What the text came to; nothing can be added any more."""
        if self._open or self._open_size:
            self._end_line()
        order = sorted(range(len(self._characters)), key=self._characters.__getitem__)
        place = np.zeros(MAX_VOCAB, np.uint8)
        place[order] = np.arange(len(order))
        ids = np.frombuffer(self._ids, np.uint8)
        for start in range(0, len(ids), _BLOCK):
            block = ids[start : start + _BLOCK]
            block[:] = place[block]
        sizes = np.frombuffer(self._sizes, self._size_type)
        return Collected(tuple(self._characters[i] for i in order), ids, sizes)

    def _add_lines(self, lines: list[str]) -> None:
        """Whole lines."""
        documents = [document for document in map(str.strip, lines) if document]
        if documents:
            self._encode("".join(documents), lines)
            self._add_sizes(np.fromiter(map(len, documents), np.int64, len(documents)))
        self.n_lines += len(lines)

    def _continue(self, part: str) -> None:
        """More of the line that is not finished."""
        self._open += part
        if len(self._open) > LONG:
            self._encode_open()

    def _end_line(self) -> None:
        line, self._open = self._open, ""
        if not self._open_size:
            self._add_lines([line])
            return
        self._open = line.rstrip()
        self._encode_open()
        self._open = ""
        self._add_sizes(np.array([self._open_size]))
        self._open_size = 0
        self.n_lines += 1

    def _add_sizes(self, sizes: NDArray[np.int64]) -> None:
        """Of whole documents."""
        needed = np.promote_types(self._size_type, np.min_scalar_type(int(sizes.max())))
        if needed != self._size_type:
            self._sizes = bytearray(np.frombuffer(self._sizes, self._size_type).astype(needed))
            self._size_type = needed
        self._sizes += sizes.astype(needed).tobytes()

    def _encode_open(self) -> None:
        """What is there of a long line, but for blanks that may be its last."""
        text = self._open if self._open_size else self._open.lstrip()
        body = text.rstrip()
        self._open = text[len(body) :]
        if body:
            self._encode(body, [body])
            self._open_size += len(body)

    def _encode(self, text: str, lines: Iterable[str]) -> None:
        """Add the ids of a text that comes from these lines."""
        codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), "<u4")
        ids = self._id_of_code[codes]
        new = sorted(set(codes[ids == _UNKNOWN].tolist()))
        if new:
            if len(self._characters) + len(new) >= MAX_VOCAB:
                self._refuse(lines)
            self._id_of_code[new] = np.arange(len(new)) + len(self._characters)
            self._characters += map(chr, new)
            ids = self._id_of_code[codes]
        self._ids += ids.astype(np.uint8).tobytes()

    def _refuse(self, lines: Iterable[str]) -> None:
        """Say which character was one too many, and where; raises `UsageError`."""
        seen = set(self._characters)
        for number, line in enumerate(lines, start=self.n_lines + 1):
            for character in line.strip():
                seen.add(character)
                if len(seen) == MAX_VOCAB:
                    raise UsageError(
                        f"{self._name} has more than {MAX_VOCAB - 1} different characters "
                        f"(number {MAX_VOCAB} is {told(character)} in line {number}): use a text "
                        "with fewer."
                    )
