"""The encoded documents: one a line of a text, as tokens with a boundary before and after."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from eetui.core.config import MAX_VOCAB
from eetui.core.data.heldout import FEWEST, fingerprints, is_held_out
from eetui.core.data.sources import Source, locate, read_text, source_of
from eetui.core.errors import UsageError
from eetui.core.text import told, visible

NAMES_POSITIONS = 6.5
"""Positions a name counts for in EEmicroGPT's MFLOP figures, the yardstick of % of peak."""


@dataclass(frozen=True, slots=True)
class Text:
    """All documents uncut: what a data set of any block size and split is made of.

    ids: their characters' ids in a row. sizes: characters of each [n_docs]. hashes: [n_docs].
    fingerprint: of all of it.
    """

    ids: NDArray[np.uint8]
    sizes: NDArray[np.int64]
    hashes: NDArray[np.uint64]
    fingerprint: str


@dataclass(frozen=True, slots=True)
class Dataset:
    """The documents as a model sees them. Nothing changes it after loading.

    tokens: [n_docs, block_size + 1], boundary + characters + boundary, cut to block_size + 1 and
    filled up with boundaries. lengths: [n_docs] predicted positions, which is tokens minus one.
    vocabulary: the sorted characters; a character's id is its place there, and the boundary token
    is the id after them. documents: the texts, uncut. n_cut: documents longer than block_size
    characters. n_blank: lines skipped because they hold nothing but white space. n_repeated:
    lines that were seen before; they stay, since how often a text occurs is to be learned too.
    held_out: the documents that were kept from training by `with_held_out`, or None; tokens and
    lengths are then those of the others. held_out_share: the share that was asked for.
    """

    name: str
    path: str
    tokens: NDArray[np.uint8]
    lengths: NDArray[np.int32]
    vocabulary: tuple[str, ...]
    documents: frozenset[str] = field(repr=False)
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
        tokens, lengths = _cut(text.ids, text.sizes, block_size, self.boundary)
        n_cut = int(np.count_nonzero(text.sizes > block_size))
        whole = replace(self, tokens=tokens, lengths=lengths, n_cut=n_cut, held_out=None)
        kept = is_held_out(text.hashes, share)
        if not kept.any():
            return replace(whole, held_out_share=share)
        return replace(
            whole,
            tokens=tokens[~kept],
            lengths=lengths[~kept],
            held_out=replace(whole, tokens=tokens[kept], lengths=lengths[kept], held_out_share=0.0),
            held_out_share=share,
        )

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
    return _from_text(read_text(found.path), found, block_size)


def dataset_of(text: str, name: str, block_size: int = 16) -> Dataset:
    """The documents of a text that is in no file, one a line; raises as `load_dataset` does."""
    return _from_text(text, Source(Path(name), name, False), block_size)


def _from_text(text: str, source: Source, block_size: int) -> Dataset:
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    lines = text.removesuffix("\n").split("\n")
    documents = [document for document in map(str.strip, lines) if document]
    if not documents:
        raise UsageError(
            f"{visible(str(source.path))} holds only blank lines: put one document on a line."
        )
    joined = "".join(documents)
    vocabulary = tuple(sorted(set(joined)))
    if len(vocabulary) >= MAX_VOCAB:
        _refuse_vocabulary(lines, source)

    codes = np.frombuffer(joined.encode("utf-32-le"), dtype="<u4")
    characters = np.array([ord(character) for character in vocabulary])
    id_of_code = np.zeros(characters[-1] + 1, dtype=np.uint8)
    id_of_code[characters] = np.arange(len(vocabulary))
    ids = id_of_code[codes]
    sizes = np.fromiter(map(len, documents), dtype=np.int64, count=len(documents))
    tokens, lengths = _cut(ids, sizes, block_size, boundary=len(vocabulary))
    unique = frozenset(documents)
    return Dataset(
        name=source.name,
        path=str(source.path),
        tokens=tokens,
        lengths=lengths,
        vocabulary=vocabulary,
        documents=unique,
        n_cut=int(np.count_nonzero(sizes > block_size)),
        n_blank=len(lines) - len(documents),
        n_repeated=len(documents) - len(unique),
        is_names=source.is_names,
        _text=Text(ids, sizes, fingerprints(codes, sizes), _fingerprint(vocabulary, ids, sizes)),
    )


def _fingerprint(
    vocabulary: tuple[str, ...], ids: NDArray[np.uint8], sizes: NDArray[np.int64]
) -> str:
    digest = sha256("".join(vocabulary).encode("utf-32-le", "surrogatepass"))
    digest.update(sizes.astype("<i8").tobytes())
    digest.update(ids.tobytes())
    return digest.hexdigest()


def _cut(
    ids: NDArray[np.uint8], sizes: NDArray[np.int64], block_size: int, boundary: int
) -> tuple[NDArray[np.uint8], NDArray[np.int32]]:
    """Tokens [n_docs, block_size + 1] and lengths [n_docs] of documents that lie in a row."""
    starts = np.cumsum(sizes) - sizes
    place = np.arange(ids.size) - np.repeat(starts, sizes)
    tokens = np.full((sizes.size, block_size + 1), boundary, dtype=np.uint8)
    kept = np.arange(block_size) < sizes[:, None]
    tokens[:, 1:][kept] = ids[place < block_size]
    lengths = np.minimum(sizes + 1, block_size).astype(np.int32)
    return tokens, lengths


def _refuse_vocabulary(lines: list[str], source: Source) -> None:
    """Say which character was one too many, and where; raises `UsageError`."""
    seen: set[str] = set()
    for number, line in enumerate(lines, start=1):
        for character in line.strip():
            seen.add(character)
            if len(seen) == MAX_VOCAB:
                raise UsageError(
                    f"{visible(str(source.path))} has more than {MAX_VOCAB - 1} different "
                    f"characters (number {MAX_VOCAB} is {told(character)} in line {number}): "
                    "use a text with fewer."
                )
