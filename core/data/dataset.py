"""The encoded documents: one a line of a text, as tokens with a boundary before and after."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from eetui.core.data.collector import Collector
from eetui.core.data.heldout import FEWEST, is_held_out, shared_by_chance
from eetui.core.data.known import Known
from eetui.core.data.sources import Source, locate, read_pieces, source_of
from eetui.core.errors import UsageError
from eetui.core.text import told, visible

_BLOCK = 1 << 14
"""Documents that are cut at a time."""

NAMES_POSITIONS = 6.5
"""Positions a name counts for in EEmicroGPT's MFLOP figures, the yardstick of % of peak."""


@dataclass(frozen=True, slots=True)
class Text:
    """All documents uncut: what a data set of any block size and split is made of.

    ids: their characters' ids in a row. sizes: characters of each [n_docs]. hashes: [n_docs].
    fingerprint: of all of it.
    """

    ids: NDArray[np.uint8]
    sizes: NDArray[np.int32]
    hashes: NDArray[np.uint64]
    fingerprint: str


@dataclass(frozen=True, slots=True)
class Dataset:
    """The documents as a model sees them. Nothing changes it after loading.

    tokens: [n_docs, block_size + 1], boundary + characters + boundary, cut to block_size + 1 and
    filled up with boundaries. lengths: [n_docs] predicted positions, which is tokens minus one.
    vocabulary: the sorted characters; a character's id is its place there, and the boundary token
    is the id after them. documents: which texts they are, uncut. n_cut: documents longer than
    block_size characters. n_blank: lines skipped because they hold nothing but white space.
    n_repeated: lines that were seen before; they stay, since how often a text occurs is to be
    learned too.
    held_out: the documents that were kept from training by `with_held_out`, or None; tokens and
    lengths are then those of the others. held_out_share: the share that was asked for.
    """

    name: str
    path: str
    tokens: NDArray[np.uint8]
    lengths: NDArray[np.int32]
    vocabulary: tuple[str, ...]
    documents: Known = field(repr=False)
    n_cut: int
    n_blank: int
    n_repeated: int
    is_names: bool
    _text: Text = field(repr=False)
    held_out: Dataset | None = None
    held_out_share: float = 0.0

    @property
    def vocab_size(self) -> int:
        """Number of token ids: the characters and the boundary."""
        return len(self.vocabulary) + 1

    @property
    def boundary(self) -> int:
        """The id of the token that begins and ends every document."""
        return len(self.vocabulary)

    @property
    def n_docs(self) -> int:
        return len(self.lengths)

    @property
    def block_size(self) -> int:
        """The most positions that a document can have."""
        return int(self.tokens.shape[1]) - 1

    @property
    def mean_positions(self) -> float:
        """Predicted positions of an average document."""
        return float(self.lengths.mean())

    @property
    def nominal_positions(self) -> float:
        """Positions of a document by which work is counted, so that figures compare.

        For names the 6.5 of EEmicroGPT's figures, less only if so short a block cuts below it.
        """
        return min(NAMES_POSITIONS, self.mean_positions) if self.is_names else self.mean_positions

    @property
    def source(self) -> str | None:
        """What `load_dataset` takes to load it again."""
        return source_of(self.path, self.name, self.is_names)

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the encoded documents, uncut and in their order: the same for equal data."""
        return self._text.fingerprint

    def with_block_size(self, block_size: int) -> Dataset:
        """The same documents cut to another length."""
        if block_size == self.block_size:
            return self
        return self._made(block_size, self.held_out_share)

    def with_held_out(self, share: float) -> Dataset:
        """The same documents with about `share` of them kept from training; 0 keeps none back."""
        if share == self.held_out_share:
            return self
        return self._made(self.block_size, share)

    def _made(self, block_size: int, share: float) -> Dataset:
        text = self._text
        kept = is_held_out(text.hashes, share)
        n_cut = int(np.count_nonzero(text.sizes > block_size))
        tokens, lengths = _cut(text, ~kept, block_size, self.boundary)
        rest = replace(
            self, tokens=tokens, lengths=lengths, n_cut=n_cut, held_out=None, held_out_share=share
        )
        if not kept.any():
            return rest
        tokens, lengths = _cut(text, kept, block_size, self.boundary)
        held_out = replace(rest, tokens=tokens, lengths=lengths, held_out_share=0.0)
        return replace(rest, held_out=held_out)

    def shared_by_chance(self, share: float) -> float:
        """What part of a random `share` of the documents would stand in the rest as well; none of
        those that `with_held_out` keeps back does."""
        return shared_by_chance(self._text.hashes, share)

    @property
    def why_none_held_out(self) -> str:
        """Empty unless documents were to be kept back and none was, else why in a sentence."""
        if self.held_out is not None or not self.held_out_share:
            return ""
        if self.n_docs < FEWEST:
            return (
                f"{self.name} has {self.n_docs} documents, fewer than {FEWEST}: "
                "none is held out, and all are trained on."
            )
        return f"All documents of {self.name} are the same: none is held out."

    @property
    def texts(self) -> list[str]:
        """All documents, uncut and in their order, the held-out ones as well."""
        whole = "".join(self.vocabulary[i] for i in self._text.ids.tolist())
        ends = np.cumsum(self._text.sizes).tolist()
        return [whole[a:b] for a, b in zip([0, *ends], ends, strict=False)]

    def encode(self, text: str) -> list[int]:
        """The ids of `text`, without boundaries; raises `UsageError` for an unknown character."""
        ids = {character: i for i, character in enumerate(self.vocabulary)}
        for character in text:
            if character not in ids:
                raise UsageError(
                    f"The character {told(character)} does not occur in {visible(self.name)}: "
                    "use characters that the model has been shown."
                )
        return [ids[character] for character in text]

    def decode(self, ids: Iterable[int]) -> str:
        """The text of token ids, in which boundaries stand for nothing."""
        return "".join(self.vocabulary[i] for i in ids if i != self.boundary)


def load_dataset(source: str | None = None, block_size: int = 16) -> Dataset:
    """The documents of `source`: None (the shipped names), 'karpathy' (makemore's) or a file.

    A file is UTF-8 text with one document a line, whatever its line ends; white space around a
    document is dropped. Raises `UsageError` if it cannot be used and `EetuiError` if it cannot be
    fetched.
    """
    found = locate(source)
    return _from_pieces(read_pieces(found.path), found, block_size)


def dataset_of(text: str, name: str, block_size: int = 16) -> Dataset:
    """The documents of a text that is in no file, one a line; raises as `load_dataset` does."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n")
    return _from_pieces([lines], Source(Path(name), name, False), block_size)


def _from_pieces(pieces: Iterable[str], source: Source, block_size: int) -> Dataset:
    shown = visible(str(source.path))
    collector = Collector(shown)
    for piece in pieces:
        collector.add(piece)
    vocabulary, ids, sizes, hashes = collector.finish()
    if not len(sizes):
        raise UsageError(f"{shown} holds only blank lines: put one document on a line.")
    text = Text(ids, sizes, hashes, _fingerprint(vocabulary, ids, sizes))
    every = np.ones(len(sizes), np.bool_)
    tokens, lengths = _cut(text, every, block_size, boundary=len(vocabulary))
    documents = Known.of(hashes)
    return Dataset(
        name=source.name,
        path=str(source.path),
        tokens=tokens,
        lengths=lengths,
        vocabulary=vocabulary,
        documents=documents,
        n_cut=int(np.count_nonzero(sizes > block_size)),
        n_blank=collector.n_lines - len(sizes),
        n_repeated=len(sizes) - len(documents),
        is_names=source.is_names,
        _text=text,
    )


def _fingerprint(
    vocabulary: tuple[str, ...], ids: NDArray[np.uint8], sizes: NDArray[np.int32]
) -> str:
    digest = sha256("".join(vocabulary).encode("utf-32-le", "surrogatepass"))
    for start in range(0, len(sizes), _BLOCK):
        digest.update(sizes[start : start + _BLOCK].astype("<i8").tobytes())
    digest.update(ids.data)
    return digest.hexdigest()


def _cut(
    text: Text, chosen: NDArray[np.bool_], block_size: int, boundary: int
) -> tuple[NDArray[np.uint8], NDArray[np.int32]]:
    """Tokens [n_chosen, block_size + 1] and lengths [n_chosen], made in blocks of documents."""
    n = int(np.count_nonzero(chosen))
    tokens = np.full((n, block_size + 1), boundary, dtype=np.uint8)
    lengths = np.empty(n, np.int32)
    columns = np.arange(block_size)
    offset = done = 0
    for start in range(0, len(chosen), _BLOCK):
        sizes, is_chosen = text.sizes[start : start + _BLOCK], chosen[start : start + _BLOCK]
        ends = offset + np.cumsum(sizes, dtype=np.int64)
        offset = int(ends[-1])
        begins, sizes = (ends - sizes)[is_chosen, None], sizes[is_chosen]
        rows = slice(done, done + len(sizes))
        places = np.minimum(begins + columns, len(text.ids) - 1)
        tokens[rows, 1:] = np.where(columns < sizes[:, None], text.ids[places], boundary)
        lengths[rows] = np.minimum(sizes + 1, block_size)
        done = rows.stop
    return tokens, lengths
