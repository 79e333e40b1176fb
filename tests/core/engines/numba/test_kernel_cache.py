"""Compiled kernels on disk: loaded if they are whole and the user's own, else compiled again."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from numba import njit, types

from eetui.core.engines.numba.kernel_cache import (
    FOLDER_VARIABLE,
    KernelCache,
    keep_on_disk,
    stamp_of,
)

SIGNATURE = types.int64(types.int64)
STAMP = b"s" * 32


def double(x: int) -> int:
    return 2 * x


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path / "kernels"))
    return tmp_path / "kernels"


def was_loaded(stamp: bytes = STAMP) -> bool:
    """Whether a start now finds the function in the cache; it works in either case."""
    dispatcher = keep_on_disk(njit(double), stamp)
    dispatcher.compile(SIGNATURE)
    assert dispatcher(21) == 42
    return bool(dispatcher.stats.cache_hits)


def kept(folder: Path) -> Path:
    (path,) = folder.iterdir()
    return path


def test_it_is_compiled_once(folder: Path) -> None:
    assert not was_loaded()
    written = kept(folder).read_bytes()
    assert was_loaded()
    assert kept(folder).read_bytes() == written
    assert (folder.stat().st_mode & 0o777, kept(folder).stat().st_mode & 0o777) == (0o700, 0o600)


def test_other_sources_are_compiled_again(folder: Path, tmp_path: Path) -> None:
    one, other = tmp_path / "one.py", tmp_path / "other.py"
    one.write_text("a")
    other.write_text("b")
    before = stamp_of([one, other])
    assert before == stamp_of([other, one])
    other.write_text("c")
    assert not was_loaded(before)
    assert not was_loaded(stamp_of([one, other]))
    assert was_loaded(stamp_of([one, other]))
    assert kept(folder)


def _flipped(content: bytes) -> bytes:
    place = random.Random(len(content)).randrange(8 * len(content))
    changed = bytearray(content)
    changed[place // 8] ^= 1 << place % 8
    return bytes(changed)


@pytest.mark.parametrize(
    "damage",
    [
        _flipped,
        lambda content: content[:-1],
        lambda content: content[:40],
        lambda content: content + b"\0",
        lambda content: b"",
        lambda content: bytes(len(content)),
    ],
    ids=["a flipped bit", "one byte short", "a stump", "one byte more", "empty", "zeros"],
)
def test_a_damaged_file_is_compiled_again_and_replaced(
    folder: Path, damage: Callable[[bytes], bytes]
) -> None:
    was_loaded()
    kept(folder).write_bytes(damage(kept(folder).read_bytes()))
    assert not was_loaded()
    assert was_loaded()


def test_every_flipped_bit_is_seen(folder: Path) -> None:
    """The load alone, without compiling: 300 bits of the file, one after the other."""
    was_loaded()
    whole, rng = kept(folder).read_bytes(), random.Random(1)
    dispatcher: Any = njit(double)
    cache = KernelCache(double, STAMP)
    for place in rng.sample(range(8 * len(whole)), 300):
        changed = bytearray(whole)
        changed[place // 8] ^= 1 << place % 8
        kept(folder).write_bytes(changed)
        assert cache.load_overload(SIGNATURE, dispatcher.targetctx) is None
    kept(folder).write_bytes(whole)
    assert cache.load_overload(SIGNATURE, dispatcher.targetctx) is not None


@pytest.mark.parametrize("mode", [0o777, 0o770, 0o702])
def test_a_folder_that_others_can_write_to_is_not_used(folder: Path, mode: int) -> None:
    assert not was_loaded()
    folder.chmod(mode)
    assert KernelCache(double, STAMP).cache_path == ""
    assert not was_loaded()
    folder.chmod(0o700)
    assert was_loaded()


def test_a_file_that_others_can_write_to_is_replaced(folder: Path) -> None:
    was_loaded()
    kept(folder).chmod(0o622)
    assert not was_loaded()
    assert kept(folder).stat().st_mode & 0o777 == 0o600
    assert was_loaded()


def test_without_a_folder_it_is_compiled_at_every_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("not a folder")
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path / "file" / "below"))
    assert not was_loaded()
    assert not was_loaded()
