"""Compiled kernels on disk: loaded if they are whole and the user's own, else compiled again."""

from __future__ import annotations

import os
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


def test_its_folder_is_made_with_those_above_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path / "a" / "b" / "kernels"))
    assert not was_loaded()
    assert was_loaded()


def test_without_a_name_it_lies_in_the_users_own_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(FOLDER_VARIABLE, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert KernelCache(double, STAMP).cache_path == str(tmp_path / "cache" / "eetui" / "kernels")


def test_what_somebody_else_owns_is_not_used(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    was_loaded()
    me = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: me + 1)
    assert KernelCache(double, STAMP).cache_path == ""
    assert not was_loaded()


def test_a_folder_that_cannot_be_written_to_is_not_used(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    was_loaded()
    monkeypatch.setattr(os, "access", lambda path, mode: not mode & os.W_OK)
    assert not was_loaded()


@pytest.mark.parametrize("kind", ["link", "dangling link", "pipe"])
def test_what_is_no_file_of_its_own_is_compiled_again_and_replaced(
    folder: Path, tmp_path: Path, kind: str
) -> None:
    was_loaded()
    path, whole = kept(folder), kept(folder).read_bytes()
    path.unlink()
    other = tmp_path / "elsewhere"
    if kind == "pipe":
        os.mkfifo(path)
    else:
        path.symlink_to(other)
    if kind == "link":
        other.write_bytes(whole)
    assert not was_loaded()
    assert was_loaded()
    assert path.is_file()
    assert not path.is_symlink()
    assert not other.exists() or other.read_bytes() == whole


def test_a_folder_in_its_place_is_left_alone(folder: Path) -> None:
    was_loaded()
    path = kept(folder)
    path.unlink()
    path.mkdir()
    assert not was_loaded()
    assert [each.name for each in folder.iterdir()] == [path.name]
