"""Machine code kept on disk between starts, where only its owner can write.

Numba's own cache keeps an index beside the code: a damaged index fails every later start, and code
with a flipped bit is run. Here each compiled function is one file: a SHA-256 of all that follows,
the stamp of what was compiled, and the code in Numba's own form. A file that is not exactly what
was written is no file: the function is compiled again and the file replaced.
"""

from __future__ import annotations

import hashlib
import os
import pickle
import platform
import stat
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import llvmlite
import numba
from numba.core import caching
from numba.core.serialize import dumps

from eetui.core import settings

FOLDER_VARIABLE = "NUMBA_CACHE_DIR"
SUFFIX = ".nbc"
HASH_BYTES = 32

_OTHERS_MAY_WRITE = 0o022


def cache_folder() -> Path | None:
    """The folder for compiled kernels, made if it was not there, or None if none is safe to use.

    It is the one that NUMBA_CACHE_DIR names, or else `kernels` in the user's cache folder. Code
    that somebody else may have written is never run, so it must be the user's own.
    """
    named = os.environ.get(FOLDER_VARIABLE)
    folder = Path(named) if named else settings.cache_path() / "kernels"
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        folder.mkdir(mode=0o700, exist_ok=True)
        safe = _is_own(folder.stat()) and os.access(folder, os.W_OK | os.X_OK)
    except OSError:
        return None
    return folder if safe else None


def _is_own(status: os.stat_result) -> bool:
    """Whether only this user can write to a file or folder; elsewhere than on Unix: yes."""
    if not hasattr(os, "geteuid"):
        return True
    return status.st_uid == os.geteuid() and not status.st_mode & _OTHERS_MAY_WRITE


def stamp_of(sources: Iterable[Path]) -> bytes:
    """A hash of source files: code that was compiled from others is stale."""
    digest = hashlib.sha256()
    for path in sorted(sources):
        digest.update(path.read_bytes())
    return digest.digest()


def keep_on_disk(dispatcher: Any, stamp: bytes) -> Any:
    """The Numba dispatcher itself, which loads and keeps what it compiles from now on.

    `stamp` is that of everything that it is compiled from (see `stamp_of`).
    """
    dispatcher._cache = KernelCache(dispatcher.py_func, stamp)  # as enable_caching does
    return dispatcher


class KernelCache(caching.NullCache):  # type: ignore[misc]
    """What a Numba dispatcher asks for compiled code; it can only help, never fail."""

    def __init__(self, function: Callable[..., Any], stamp: bytes) -> None:
        self._function = function
        self._stamp = stamp

    @property
    def cache_path(self) -> str:
        """The folder as a text, '' if there is none."""
        return str(cache_folder() or "")

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """The code compiled for a signature, or None if it has to be compiled."""
        target_context.refresh()
        path = self._path(sig, target_context.codegen())
        data = None if path is None else _read(path, self._stamp)
        if data is None:
            return None
        try:
            result = numba.core.compiler.CompileResult
            return result._rebuild(target_context, *pickle.loads(data))
        except Exception:  # The hash was right, so another Numba has written it: compile.
            return None

    def save_overload(self, sig: Any, data: Any) -> None:
        """Keep compiled code for the next start, if there is a folder for it."""
        path = self._path(sig, data.codegen)
        if path is None or data.lifted or data.library.has_dynamic_globals:
            return
        content = self._stamp + dumps(data._reduce())
        _write(path, hashlib.sha256(content).digest() + content)

    def _path(self, sig: Any, codegen: Any) -> Path | None:
        """One file for each function, signature, CPU, version and place of the source."""
        folder = cache_folder()
        if folder is None:
            return None
        code = self._function.__code__
        versions = (platform.python_version(), numba.__version__, llvmlite.__version__)
        key = repr((code.co_filename, str(sig), codegen.magic_tuple(), versions))
        name = self._function.__qualname__.rpartition(".")[2]
        return folder / f"{name}-{hashlib.sha256(key.encode()).hexdigest()[:16]}{SUFFIX}"


def _read(path: Path, stamp: bytes) -> bytes | None:
    """What `_write` has put there behind the stamp; None if it is damaged, stale or foreign."""
    try:
        status = path.lstat()
        if not stat.S_ISREG(status.st_mode) or not _is_own(status):
            return None
        content = path.read_bytes()
    except OSError:
        return None
    digest, rest = content[:HASH_BYTES], content[HASH_BYTES:]
    if hashlib.sha256(rest).digest() != digest or not rest.startswith(stamp):
        return None
    return rest.removeprefix(stamp)


def _write(path: Path, content: bytes) -> None:
    """Replace a file as a whole, private to its owner; nothing happens if it can't be written."""
    temporary = ""
    try:
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        os.replace(temporary, path)
    except OSError:
        if temporary:
            Path(temporary).unlink(missing_ok=True)
