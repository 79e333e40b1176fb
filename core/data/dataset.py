"""The encoded documents: one a line of a text, as tokens with a boundary before and after."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from eetui.core.data.collector import Collector
from eetui.core.data.corpus import Corpus, Rows
from eetui.core.data.heldout import FEWEST, held_out_numbers, shared_by_chance
from eetui.core.data.known import Known
from eetui.core.data.side import Side
from eetui.core.data.sources import Source, locate, read_pieces, source_of
from eetui.core.errors import UsageError
from eetui.core.text import told, visible

READY_BYTES = 64 * 2**20
"""Rows of so many bytes, or of an eighth of the text, are made once and kept; larger ones are made
for each batch, since rows of short documents take twice the memory of their characters."""

NAMES_POSITIONS = 6.5
"""Positions a name counts for in EEmicroGPT's MFLOP figures, the yardstick of % of peak."""


@dataclass(frozen=True, slots=True)
class Dataset:
    """The documents as a model sees them. Nothing changes it after loading.

    block_size: the most positions that a document can have; longer ones are cut. ready: their rows,
    or None where they are made for each batch (`at_hand`). vocabulary: the sorted characters; a
    character's id is its place there, and the boundary token is the id after them. documents: which
    texts they are, uncut; None where there are too many to tell. n_cut: documents longer than
    block_size characters. n_blank: lines skipped because they hold nothing but white space.
    mean_positions: predicted positions of an average document.
    held_out: the documents that were kept from training by `with_held_out`, or None; the rows are
    then those of the others. held_out_share: the share that was asked for.
    """

    name: str
    path: str
    block_size: int
    ready: Rows | None
    vocabulary: tuple[str, ...]
    documents: Known | None = field(repr=False)
    n_cut: int
    n_blank: int
    mean_positions: float
    is_names: bool
    _corpus: Corpus = field(repr=False)
    _side: Side = field(repr=False)
    held_out: Dataset | None = None
    held_out_share: float = 0.0

    @property
    def tokens(self) -> NDArray[np.uint8]:
        """[n_docs, block_size + 1] of all documents; made each time where they are not `ready`."""
        return self.rows().tokens

    @property
    def lengths(self) -> NDArray[np.int32]:
        """[n_docs] predicted positions of all documents, as `tokens`."""
        return self.rows().lengths

    def rows(self, documents: NDArray[np.int32] | None = None) -> Rows:
        """Those of some documents [n], or of all."""
        if self.ready is not None:
            tokens, lengths = self.ready
            whole = documents is None
            return self.ready if whole else Rows(tokens[documents], lengths[documents])
        chosen = np.arange(self.n_docs, dtype=np.int32) if documents is None else documents
        return self._corpus.rows(self._side.numbers(chosen), self.block_size)

    def at_hand(self, documents: NDArray[np.int32]) -> tuple[Dataset, NDArray[np.int32]]:
        """A data set whose rows are ready for these documents [...], and their numbers in it."""
        if self.ready is not None:
            return self, documents
        rows = self.rows(documents.ravel())
        numbers = np.arange(documents.size, dtype=np.int32).reshape(documents.shape)
        return replace(self, ready=rows), numbers

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
        return len(self._side) if self.ready is None else len(self.ready.lengths)

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
        return self._corpus.fingerprint

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
        corpus, n = self._corpus, len(self._corpus.sizes)
        out = held_out_numbers(corpus.hashes(), n, share) if share else np.zeros(0, np.int32)
        held_out = self._of(Side.only(out), block_size) if len(out) else None
        rest = self._of(Side.without(out, n), block_size)
        return replace(rest, held_out=held_out, held_out_share=share)

    def _of(self, side: Side, block_size: int) -> Dataset:
        """The documents of one side."""
        corpus, n = self._corpus, len(side)
        is_small = n * (block_size + 1) <= max(READY_BYTES, len(corpus.ids) // 8)
        every = np.arange(n if is_small else 0, dtype=np.int32)
        return replace(
            self,
            block_size=block_size,
            ready=corpus.rows(side.numbers(every), block_size) if is_small else None,
            n_cut=sum(int(np.count_nonzero(sizes > block_size)) for sizes in corpus.blocks()),
            mean_positions=corpus.n_positions(side, block_size) / n,
            held_out=None,
            held_out_share=0.0,
            _side=side,
        )

    def shared_by_chance(self, share: float) -> float:
        """What part of a random `share` of the documents would stand in the rest as well; none of
        those that `with_held_out` keeps back does."""
        return shared_by_chance(self._corpus.hashes(), share)

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
        whole = "".join(self.vocabulary[i] for i in self._corpus.ids.tolist())
        ends = np.cumsum(self._corpus.sizes).tolist()
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
    vocabulary, ids, sizes = collector.finish()
    if not len(sizes):
        raise UsageError(f"{shown} holds only blank lines: put one document on a line.")
    corpus = Corpus.of(vocabulary, ids, sizes)
    whole = Dataset(
        name=source.name,
        path=str(source.path),
        block_size=0,
        ready=None,
        vocabulary=vocabulary,
        documents=Known.of(corpus.hashes(), len(sizes)),
        n_cut=0,
        n_blank=collector.n_lines - len(sizes),
        mean_positions=0.0,
        is_names=source.is_names,
        _corpus=corpus,
        _side=Side.without(np.zeros(0, np.int32), len(sizes)),
    )
    return whole.with_block_size(block_size)
