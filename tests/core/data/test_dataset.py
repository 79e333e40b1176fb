"""Any text becomes documents, and whatever is not one is refused in one sentence."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eetui.core.data import dataset, known
from eetui.core.data.dataset import Dataset, load_dataset
from tests.support.present import present

# Anything that can stand in a line, but for a NUL, which marks a binary file, and the character
# that would be taken for a byte order mark.
characters = st.characters(codec="utf-8", exclude_characters="\0\n\r\ufeff")
lines = st.lists(st.text(characters, max_size=12) | st.sampled_from(["ab", " ab ", ""]), max_size=8)


@pytest.fixture(scope="session")
def target(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("data") / "documents.txt"


def load_bytes(target: Path, data: bytes, block_size: int = 16) -> Dataset:
    target.write_bytes(data)
    return load_dataset(str(target), block_size)


def test_the_shipped_names_are_those_of_the_package(names: Dataset) -> None:
    data = Path(names.path).read_bytes()
    digest = "91691165b471c338ee35387260590f0fdc23fcb50509b9ccfe1c879c7ac39a1e"
    assert hashlib.sha256(data).hexdigest() == digest
    assert (names.n_docs, names.vocab_size, names.boundary) == (32_469, 27, 26)
    assert "".join(names.vocabulary) == "abcdefghijklmnopqrstuvwxyz"
    assert (names.n_cut, names.n_blank) == (0, 0)
    assert (names.nominal_positions, round(names.mean_positions, 2)) == (6.5, 7.14)
    assert (names.tokens.dtype, names.lengths.dtype) == (np.uint8, np.int32)


def test_a_document_lies_between_boundaries(names: Dataset) -> None:
    assert names.tokens[0].tolist() == [26, *names.encode("emma"), *[26] * 12]
    assert names.lengths[0] == 5


@given(
    lines=lines,
    first=st.text(characters, min_size=1).filter(str.strip),
    end=st.sampled_from(["\n", "\r\n", "\r"]),
    bom=st.booleans(),
    last_end=st.booleans(),
    block_size=st.integers(2, 20),
)
def test_any_text_comes_back(
    target: Path,
    lines: list[str],
    first: str,
    end: str,
    bom: bool,
    last_end: bool,
    block_size: int,
) -> None:
    lines = [first, *lines]
    text = end.join(lines) + (end if last_end else "")
    if not last_end and not lines[-1]:
        lines.pop()  # Without its end an empty line is none.
    data = load_bytes(target, text.encode("utf-8-sig" if bom else "utf-8"), block_size)

    expected = [line.strip() for line in lines if line.strip()]
    assert data.n_docs == len(expected)
    assert data.n_blank == len(lines) - len(expected)
    assert data.n_cut == sum(len(document) > block_size for document in expected)
    assert present(data.documents).which(expected).all()
    assert not present(data.documents).which(["".join(expected) + "x", ""]).any()
    assert data.vocabulary == tuple(sorted(set("".join(expected))))
    assert data.tokens.shape == (len(expected), block_size + 1)
    for document, row, length in zip(expected, data.tokens, data.lengths, strict=True):
        assert data.decode(data.encode(document)) == document
        whole = [data.boundary, *data.encode(document), data.boundary][: block_size + 1]
        assert row.tolist() == whole + [data.boundary] * (block_size + 1 - len(whole))
        assert length == len(whole) - 1
        assert data.decode(row.tolist()) == document[:block_size]


@given(first=st.integers(2, 64), second=st.integers(2, 64))
def test_cutting_anew_equals_loading_anew(first: int, second: int) -> None:
    again, direct = load_dataset(None, first).with_block_size(second), load_dataset(None, second)
    assert np.array_equal(again.tokens, direct.tokens)
    assert np.array_equal(again.lengths, direct.lengths)
    assert (again.n_cut, again.block_size) == (direct.n_cut, second)


def test_rows_that_are_made_for_each_batch_are_the_same(
    names: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = names.with_held_out(0.1)
    monkeypatch.setattr(dataset, "READY_BYTES", 0)
    monkeypatch.setattr(known, "MOST", names.n_docs - 1)
    large = load_dataset().with_held_out(0.1)
    chosen = np.random.default_rng(1).integers(0, small.n_docs, (7, 16), dtype=np.int32)
    for a, b in ((small, large), (present(small.held_out), present(large.held_out))):
        assert a.ready is not None
        assert b.ready is None
        assert (a.n_docs, a.mean_positions, a.n_cut) == (b.n_docs, b.mean_positions, b.n_cut)
        np.testing.assert_array_equal(a.tokens, b.tokens)
        np.testing.assert_array_equal(a.lengths, b.lengths)
        at_hand, numbers = b.at_hand(chosen % b.n_docs)
        ready = present(at_hand.ready)
        assert numbers.shape == chosen.shape
        np.testing.assert_array_equal(ready.tokens[numbers], a.tokens[chosen % a.n_docs])
        np.testing.assert_array_equal(ready.lengths[numbers], a.lengths[chosen % a.n_docs])
    assert large.fingerprint == small.fingerprint
    assert large.documents is None  # too many to tell which they are


def test_a_document_of_exactly_block_size_is_whole_but_has_no_room_for_its_end(
    target: Path,
) -> None:
    data = load_bytes(target, b"abc\nabcd\nabcde\n", block_size=4)
    assert data.lengths.tolist() == [4, 4, 4]
    assert [data.decode(row) for row in data.tokens.tolist()] == ["abc", "abcd", "abcd"]
    assert data.tokens[:, -1].tolist() == [data.boundary, 3, 3]
    assert data.n_cut == 1


def test_255_characters_are_the_most(target: Path, refused) -> None:
    alphabet = [chr(0x4E00 + i) for i in range(255)]
    data = load_bytes(target, "\n".join(alphabet).encode())
    assert (data.vocab_size, data.boundary, data.tokens.dtype) == (256, 255, np.uint8)
    assert data.decode(data.tokens[254].tolist()) == alphabet[254]
    too_many = "\n".join([*alphabet, "", "\u4e00\u00e9\u4e01"])
    with refused("number 256 is 'é' in line 257"):
        load_bytes(target, too_many.encode())


def test_one_repeated_character_is_enough(target: Path) -> None:
    data = load_bytes(target, b"a")
    assert (data.vocab_size, data.tokens[0, :3].tolist(), data.n_blank) == (2, [1, 0, 1], 0)
    assert data.nominal_positions == data.mean_positions == 2


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "is empty"),
        (b"\xef\xbb\xbf", "only blank lines"),
        (b"\n \r\n\t\r\r\n", "only blank lines"),
        (b"emma\n\x00\x01", "is a binary file"),
        ("emma\n".encode("utf-16"), "is UTF-16 text"),
        (b"emma\nzo\xc3\xab\nren\xe9\nava\n", "is not UTF-8 in line 3"),
        (b"\xef\xbb\xbfemma\r\nren\xe9", "is not UTF-8 in line 2"),
        (b"\xff", "is not UTF-8 in line 1"),
        (b"emma\rren\xe9\rava", "is not UTF-8 in line 2"),
    ],
)
def test_a_file_that_is_no_text_is_refused(target: Path, data: bytes, why: str, refused) -> None:
    with refused(why):
        load_bytes(target, data)


def test_a_path_that_is_no_file_is_refused(tmp_path: Path, names: Dataset, refused) -> None:
    with refused(f"There is no file {tmp_path / 'absent.txt'}"):
        load_dataset(str(tmp_path / "absent.txt"))
    with refused("is a folder"):
        load_dataset(str(tmp_path))
    with refused("cannot be read (file name too long)"):
        load_dataset(str(tmp_path / ("x" * 5_000)))
    with refused("cannot be read (not a directory)"):
        load_dataset(names.path + "/inside")


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="needs a device without an end")
def test_a_device_is_refused(refused) -> None:
    with refused("is a device"):
        load_dataset("/dev/zero")


def test_a_file_without_permission_is_refused(
    target: Path, monkeypatch: pytest.MonkeyPatch, refused
) -> None:
    def forbidden(path: Path, mode: str) -> bytes:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "open", forbidden)
    with refused("You may not read"):
        load_dataset(str(target))


def test_an_unknown_character_is_named(names: Dataset, refused) -> None:
    with refused("The character 'É' does not occur in names"):
        names.encode("zoÉ")
