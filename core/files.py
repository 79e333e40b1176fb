"""Files that a person names: opened only if they are files, written whole or not at all."""

from __future__ import annotations

import fcntl
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from eetui.core.errors import EetuiError, UsageError
from eetui.core.text import visible

_TEMPORARY = ".eetui-{}.tmp"


def named(text: str | os.PathLike[str]) -> Path:
    """The path that a person has typed, ~ being the home folder; `UsageError` if it can be none."""
    name = os.fspath(text)
    if "\0" in name:
        raise UsageError(f"{visible(name)} cannot be a path: it contains the character NUL.")
    try:
        os.fsencode(name)
        return Path(name).expanduser()
    except UnicodeEncodeError:
        raise UsageError(
            f"{visible(name)} cannot be a path here: the locale cannot encode it."
        ) from None
    except RuntimeError:
        raise UsageError(f"{visible(name)} is in no home folder: there is no such user.") from None


def reason(error: OSError) -> str:
    """What the system says is wrong, as the end of a sentence: 'permission denied'."""
    return visible(error.strerror or str(error)).lower()


def read_regular(path: Path, most: int) -> bytes:
    """All of a regular file of at most `most` bytes; never waits for a pipe or a device.

    Raises `FileNotFoundError`, and `UsageError` in one sentence for anything else that is wrong.
    """
    shown = visible(str(path))
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            status = os.fstat(handle)
            if stat.S_ISDIR(status.st_mode):
                raise UsageError(f"{shown} is a folder: name a file.")
            if not stat.S_ISREG(status.st_mode):
                raise UsageError(f"{shown} is a pipe or a device: name a file.")
            with open(handle, "rb", closefd=False) as file:
                content = file.read(most + 1) if status.st_size <= most else None
        finally:
            os.close(handle)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise UsageError(f"{shown} cannot be read: {reason(error)}.") from error
    if content is None or len(content) > most:
        raise UsageError(f"{shown} is larger than {most:,} bytes, so it is not what it should be.")
    return content


def require_writable(path: Path) -> None:
    """Raise `UsageError` if a file at `path` could not be written."""
    shown = visible(str(path))
    try:
        path = Path(os.path.realpath(path))
        if path.is_dir():
            raise UsageError(f"{shown} is a folder: name a file.")
        if path.exists() and not path.is_file():  # a device would be replaced, not written to
            raise UsageError(f"{shown} is not a file that can be replaced: name another one.")
        folder = visible(str(path.parent))
        if not path.parent.is_dir():
            raise UsageError(f"There is no folder {folder}: make it first or name another place.")
        if not os.access(path.parent, os.W_OK | os.X_OK):
            raise UsageError(f"The folder {folder} may not be written to: name another place.")
        with suppress(FileNotFoundError):
            path.lstat()  # which says whether the name is too long
    except OSError as error:
        raise UsageError(f"{shown} cannot be a file: {reason(error)}.") from error


def write_atomically(path: Path, content: bytes) -> None:
    """Put `content` at `path` whole or not at all, also if the machine stops in between.

    A link stays a link: what it points to is replaced. What a killed process has left beside
    `path` is cleared. Raises `UsageError` if the place is wrong and `EetuiError` if writing fails.
    """
    require_writable(path)
    path = Path(os.path.realpath(path))
    try:
        _clear(path.parent)
        with _temporary(path) as (handle, temporary):
            with open(handle, "wb", closefd=False) as file:
                file.write(content)
            os.fsync(handle)
            os.replace(temporary, path)
    except OSError as error:
        raise EetuiError(f"{visible(str(path))} cannot be written: {reason(error)}.") from error


def unused(path: Path) -> Path:
    """`path`, or the first of 'a-2.svg', 'a-3.svg' ... that names nothing. A link is something."""
    place, n = path, 1
    while os.path.lexists(place):
        n += 1
        place = path.with_stem(f"{path.stem}-{n}")
    return place


def write_new(path: Path, content: bytes) -> Path:
    """Write `content` at `path`, or at an unused name beside it; gives where.

    Raises as `write_atomically` does.
    """
    place = unused(path)
    require_writable(place)
    try:
        os.close(os.open(place, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))  # taken
    except FileExistsError:
        return write_new(path, content)
    except OSError as error:
        raise EetuiError(f"{visible(str(place))} cannot be written: {reason(error)}.") from error
    try:
        write_atomically(place, content)
    except BaseException:
        place.unlink(missing_ok=True)
        raise
    return place


@contextmanager
def _temporary(path: Path) -> Iterator[tuple[int, Path]]:
    """An open, empty, locked file beside `path` with its permissions; gone at the end."""
    mode = stat.S_IMODE(path.stat().st_mode) if path.exists() else None
    flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC
    while True:
        temporary = path.parent / _TEMPORARY.format(os.urandom(8).hex())
        handle = os.open(temporary, flags, 0o666 if mode is None else mode)
        with suppress(OSError):  # some file systems cannot lock
            fcntl.flock(handle, fcntl.LOCK_EX)
        if os.fstat(handle).st_nlink:
            break
        os.close(handle)  # another process cleared it before it was locked
    try:
        if mode is not None:
            os.fchmod(handle, mode)
        yield handle, temporary
    finally:
        temporary.unlink(missing_ok=True)
        os.close(handle)


def _clear(folder: Path) -> None:
    """Remove what killed processes have left: the lock of a file goes with its process."""
    for left in folder.glob(_TEMPORARY.format("*")):
        with suppress(OSError):
            handle = os.open(left, os.O_WRONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                left.unlink()
            finally:
                os.close(handle)
