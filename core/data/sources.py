"""Where a data set's text comes from: the shipped names, makemore's names or a file."""

from __future__ import annotations

import codecs
import os
from codecs import getincrementaldecoder
from collections.abc import Iterator
from importlib.resources import files
from io import BufferedReader, IncrementalNewlineDecoder
from itertools import chain
from pathlib import Path
from select import select
from typing import NamedTuple

from eetui.core import settings
from eetui.core.errors import EetuiError, UsageError
from eetui.core.files import named, reason
from eetui.core.text import visible

KARPATHY = "karpathy"
KARPATHY_URL = "https://raw.githubusercontent.com/karpathy/makemore/master/names.txt"
KARPATHY_SHA256 = "0a30b5557f192f32ab962680889aac5f6fda0f4cecf40a6d0b5694f58ea8cc4d"

_WANTED = "give --data a UTF-8 text file with one document a line."

_PIECE = 1 << 20
"""Bytes that are read at a time."""

HEARD_SECONDS = 0.5
"""Seconds after which a read that waits for a pipe looks whether a signal came."""

DOWNLOAD_TIMEOUT = 20.0
"""Seconds without an answer after which the download is given up."""


class Source(NamedTuple):
    """A file to train on, its name, and whether it is one of the two lists of names."""

    path: Path
    name: str
    is_names: bool


def locate(source: str | None) -> Source:
    """The file that `source` stands for: None (shipped names), 'karpathy' (fetched) or a path.

    A file that happens to be called karpathy is reached as ./karpathy.
    """
    if source is None:
        # Beside core/ both in a checkout and in an installed package.
        path = Path(str(files("eetui.core").joinpath("../names.txt"))).resolve()
        return Source(path, "names", True)
    if source == KARPATHY:
        return Source(fetch_karpathy(), KARPATHY, True)
    path = named(source)
    return Source(path, path.name, False)


def source_of(path: str, name: str, is_names: bool) -> str | None:
    """What `locate` finds a data set by again: None, 'karpathy' or an absolute path."""
    if is_names:
        return KARPATHY if name == KARPATHY else None
    return os.path.abspath(path)


def fetch_karpathy() -> Path:
    """makemore's names.txt in the user's cache folder, downloaded on first use and checked.

    Raises `EetuiError` if it can be neither found there nor downloaded.
    """
    import pooch  # type: ignore[import-untyped]
    import requests

    folder = settings.cache_path()
    pooch.get_logger().setLevel("ERROR")
    advice = f"download {KARPATHY_URL} by hand and pass it with --data FILE."
    try:
        path = pooch.retrieve(
            KARPATHY_URL,
            known_hash=f"sha256:{KARPATHY_SHA256}",
            fname="karpathy-names.txt",
            path=folder,
            downloader=pooch.HTTPDownloader(timeout=DOWNLOAD_TIMEOUT),
        )
    except ValueError:
        raise EetuiError(
            f"What came from {KARPATHY_URL} is not the expected file (its checksum differs): "
            "try again later, or pass another file with --data FILE."
        ) from None
    except requests.RequestException:
        raise EetuiError(
            "Karpathy's names are not in the cache yet and cannot be downloaded now: go online, "
            f"or {advice}"
        ) from None
    except OSError as error:
        where = visible(str(folder))
        raise EetuiError(
            f"The cache folder {where} cannot be used ({reason(error)}): {advice}"
        ) from None
    return Path(path)


def read_pieces(path: Path) -> Iterator[str]:
    """The text of a UTF-8 file in pieces, without its byte order mark, its line ends all '\\n'.

    Raises `UsageError`, in one sentence, for a file that is missing, a folder, a device,
    unreadable, empty, binary, or not UTF-8.
    """
    shown = visible(str(path))
    try:
        if path.is_dir():
            raise UsageError(f"{shown} is a folder: {_WANTED}")
        if path.is_char_device() or path.is_block_device():
            raise UsageError(f"{shown} is a device, which may never end: {_WANTED}")
        with path.open("rb") as file:
            yield from _decoded(iter(lambda: _read(file), b""), shown)
    except FileNotFoundError:
        raise UsageError(f"There is no file {shown}: {_WANTED}") from None
    except PermissionError:
        raise UsageError(f"You may not read {shown}: change its permissions.") from None
    except OSError as error:
        raise UsageError(f"{shown} cannot be read ({reason(error)}): {_WANTED}") from None


def _read(file: BufferedReader) -> bytes:
    """The next piece of a file; an empty one at its end."""
    piece = b""
    while len(piece) < _PIECE:
        # A signal that came just before a read that waits for ever would not be heard.
        while not select([file], [], [], HEARD_SECONDS)[0]:
            pass
        if not (part := file.read1(_PIECE - len(piece))):
            break
        piece += part
    return piece


def _decoded(pieces: Iterator[bytes], shown: str) -> Iterator[str]:
    decoder = IncrementalNewlineDecoder(getincrementaldecoder("utf-8")(), translate=True)
    n_lines = 0
    first = next(pieces, b"")
    if not first:
        raise UsageError(f"{shown} is empty: {_WANTED}")
    if first.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise UsageError(f"{shown} is UTF-16 text: save it as UTF-8.")
    for piece in chain([first.removeprefix(codecs.BOM_UTF8)], pieces, [b""]):
        if b"\0" in piece:
            raise UsageError(f"{shown} is a binary file: {_WANTED}")
        try:
            text = decoder.decode(piece, final=not piece)
        except UnicodeDecodeError as error:
            line = n_lines + len(error.object[: error.start + 1].splitlines())
            raise UsageError(f"{shown} is not UTF-8 in line {line}: save it as UTF-8.") from None
        n_lines += text.count("\n")
        if text:
            yield text
