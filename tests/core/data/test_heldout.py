"""The held-out split: by the hash of a document alone, whatever stands beside it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from eetui.core.data import heldout
from eetui.core.data.dataset import Dataset, load_dataset
from eetui.core.data.heldout import FEWEST
from tests.support.present import present

Load = Callable[[list[str]], Dataset]


@pytest.fixture
def load(tmp_path: Path) -> Load:
    def load(documents: list[str]) -> Dataset:
        path = tmp_path / "documents.txt"
        path.write_text("\n".join(documents), "utf-8")
        return load_dataset(str(path), 8)

    return load


def texts(dataset: Dataset | None) -> list[str]:
    return [dataset.decode(row) for row in dataset.tokens.tolist()] if dataset else []


WORDS = [f"word{i}" for i in range(200)]


def test_a_tenth_of_the_names_and_all_copies_on_one_side(names: Dataset) -> None:
    split = names.with_held_out(0.1)
    assert split.held_out is not None
    assert split.n_docs + split.held_out.n_docs == names.n_docs
    assert split.held_out.n_docs == pytest.approx(0.1 * names.n_docs, rel=0.1)
    assert not set(texts(split)) & set(texts(split.held_out))
    assert split.documents == names.documents
    assert split.vocabulary == split.held_out.vocabulary == names.vocabulary


def test_a_random_tenth_would_share_names_with_the_rest(names: Dataset, load: Load) -> None:
    order = np.random.default_rng(3).permutation(names.n_docs)
    words = np.array(texts(names))[order]
    tenth, rest = words[: names.n_docs // 10], set(words[names.n_docs // 10 :])
    drawn = np.mean([word in rest for word in tenth])
    assert names.shared_by_chance(0.1) == pytest.approx(drawn, abs=0.02)
    assert load(WORDS).shared_by_chance(0.1) == 0.0
    assert load(["same"] * 50).shared_by_chance(0.5) == pytest.approx(1.0)


def test_the_split_is_the_same_for_ever(names: Dataset) -> None:
    held_out = names.with_held_out(0.1).held_out
    assert held_out is not None
    assert (held_out.n_docs, texts(held_out)[:3]) == (3316, ["abigail", "sofia", "lily"])


def hashed(words: list[str]) -> list[int]:
    codes = np.frombuffer("".join(words).encode("utf-32-le"), "<u4")
    sizes = np.array([*map(len, words)])
    return [int(h) for h in heldout.fingerprints(lambda a, b: codes[a:b], sizes)]


def test_a_hash_does_not_depend_on_what_is_hashed_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    words = ["a", "bcd", "漢字" * 9, "ab", "x" * 40]
    together = hashed(words)
    assert [hashed([word])[0] for word in words] == together
    for piece in (1, 7, 19):
        monkeypatch.setattr(heldout, "PIECE", piece)
        assert hashed(words) == together


def test_a_document_keeps_its_side_in_another_file(load: Load) -> None:
    few, many = set(texts(load(WORDS[:100]).with_held_out(0.1).held_out)), set(WORDS[:100])
    assert few == set(texts(load([*WORDS, "zß"]).with_held_out(0.1).held_out)) & many


def test_block_size_and_share_can_be_changed_in_any_order(names: Dataset) -> None:
    one = names.with_block_size(5).with_held_out(0.2)
    other = names.with_held_out(0.2).with_block_size(5)
    for a, b in ((one, other), (present(one.held_out), present(other.held_out))):
        np.testing.assert_array_equal(a.tokens, b.tokens)
        np.testing.assert_array_equal(a.lengths, b.lengths)
    whole = other.with_held_out(0.0).with_block_size(names.block_size)
    np.testing.assert_array_equal(whole.tokens, names.tokens)
    assert whole.held_out is None


def test_too_few_documents_keep_none_back_and_say_so(load: Load) -> None:
    few = load(WORDS[: FEWEST - 1]).with_held_out(0.1)
    assert (few.held_out, few.n_docs) == (None, FEWEST - 1)
    assert "19 documents, fewer than 20" in few.why_none_held_out
    assert not load(WORDS[: FEWEST - 1]).why_none_held_out


@pytest.mark.parametrize("start", range(0, 180, 20))
def test_enough_documents_always_keep_some_back(load: Load, start: int) -> None:
    split = load(WORDS[start : start + FEWEST]).with_held_out(0.01)
    assert split.held_out is not None
    assert split.n_docs + split.held_out.n_docs == FEWEST
    assert not split.why_none_held_out


def test_seven_words_many_times_keep_one_of_them_back(load: Load) -> None:
    split = load(WORDS[:7] * 10).with_held_out(0.1)
    assert split.held_out is not None
    assert split.held_out.n_docs in (10, 20)
    assert not set(texts(split)) & set(texts(split.held_out))


def test_equal_documents_keep_none_back(load: Load) -> None:
    split = load(["same"] * 30).with_held_out(0.1)
    assert (split.held_out, split.n_docs) == (None, 30)
    assert "are the same" in split.why_none_held_out


def test_the_fingerprint_is_of_the_documents_not_of_the_file(tmp_path: Path, load: Load) -> None:
    path = tmp_path / "other.txt"
    path.write_bytes(b"\xef\xbb\xbf word0\r\n\r\nword1\r\n")
    assert load_dataset(str(path)).fingerprint == load(["word0", "word1"]).fingerprint
    assert load(["word0", "word1"]).fingerprint != load(["word0word1"]).fingerprint
