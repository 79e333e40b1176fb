"""A text gives the same documents however it is cut into pieces, also in the middle of a line."""

from __future__ import annotations

import tracemalloc
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eetui.core.data import collector
from eetui.core.data.collector import Collector
from eetui.core.data.dataset import load_dataset
from eetui.core.errors import UsageError

PIECES = 80 << 20
"""What the pieces of a text of any size take while they are encoded."""
TEXT = st.text(st.sampled_from("ab é漢 \t\n"), max_size=60)


def expected(text: str) -> list[str]:
    """The documents by Python's own means."""
    return [line.strip() for line in text.split("\n") if line.strip()]


@given(st.lists(TEXT, max_size=6), st.sampled_from([3, 1 << 20]))
def test_pieces_are_cut_anywhere(pieces: list[str], long: int) -> None:
    documents = expected("".join(pieces))
    with patch.object(collector, "LONG", long):
        made = Collector("x")
        for piece in pieces:
            made.add(piece)
        found = made.finish()
    joined = "".join(documents)
    assert found.vocabulary == tuple(sorted(set(joined)))
    assert "".join(found.vocabulary[i] for i in found.ids) == joined
    assert found.sizes.tolist() == [len(d) for d in documents]


def test_sizes_take_no_more_than_the_longest_needs() -> None:
    made = Collector("x")
    made.add("ab\n" * 5)
    assert made.finish().sizes.dtype == np.uint8
    made.add("a" * 256 + "\n" + "b")
    found = made.finish()
    assert (found.sizes.dtype, found.sizes.tolist()) == (np.uint16, [2] * 5 + [256, 1])


@pytest.mark.parametrize("long", [10, 1 << 20])
def test_the_character_that_is_too_much_is_named_with_its_line(
    monkeypatch: pytest.MonkeyPatch, long: int
) -> None:
    monkeypatch.setattr(collector, "LONG", long)
    made = Collector("data.txt")
    made.add("ab\n" * 7)
    with pytest.raises(UsageError, match=r"number 256 is .* in line 9"):
        made.add("ok\n" + "".join(map(chr, range(0x100, 0x300))) + "\nmore")


@pytest.mark.parametrize("line", [b"abcdefgh" * (1 << 21), b"abcdefgh" * 40 + b"\n"], ids=len)
def test_a_large_file_takes_little_more_memory_than_its_documents(tmp_path, line) -> None:
    path = tmp_path / "large.txt"
    path.write_bytes(line * max((16 << 20) // len(line), 1))
    tracemalloc.start()
    try:
        data = load_dataset(str(path))
        assert tracemalloc.get_traced_memory()[1] < 1.5 * path.stat().st_size + PIECES
    finally:
        tracemalloc.stop()
    assert data.vocabulary == tuple("abcdefgh")
