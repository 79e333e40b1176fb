"""Paths that a person may mean by what has been typed so far."""

from __future__ import annotations

import os
from pathlib import Path

MOST = 200


def completions(typed: str, suffix: str) -> list[str]:
    """What begins with `typed`: folders (with a slash) and files that end in `suffix`.

    Each is written as it would be typed. Nothing for a folder that is not there or may not be read.
    """
    folder, beginning = os.path.split(typed)
    try:
        entries = sorted(os.scandir(Path(folder or ".").expanduser()), key=lambda each: each.name)
    except (OSError, ValueError, RuntimeError):
        return []
    found = []
    for entry in entries:
        if not entry.name.startswith(beginning) or not entry.name.isprintable():
            continue
        if entry.name.startswith(".") and not beginning.startswith("."):
            continue
        whole = os.path.join(folder, entry.name)
        if _is_folder(entry):
            found.append(f"{whole}{os.sep}")
        elif entry.name.endswith(suffix):
            found.append(whole)
        if len(found) == MOST:
            break
    return found


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False


def shared_beginning(paths: list[str]) -> str:
    """The longest text that all of the paths begin with; one path is that itself."""
    first, last = min(paths), max(paths)
    same = (i for i, (a, b) in enumerate(zip(first, last, strict=False)) if a != b)
    return first[: next(same, min(len(first), len(last)))]
