"""Where eetui keeps its files, and the settings that outlive a run: a TOML file and a saved state.

A setting is looked for in this order: flag, environment variable (EETUI_...), configuration file,
saved state of the screen, default.
"""

from __future__ import annotations

import json
import os
import tempfile
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from platformdirs import PlatformDirs

from eetui.core.errors import EetuiError, UsageError
from eetui.core.optimizations import find_optimization

_DIRS = PlatformDirs("eetui", appauthor=False)

CONFIG_VARIABLE = "EETUI_CONFIG"

KEYS: dict[str, type] = {
    "engine": str,
    "matrix": str,
    "d_model": int,
    "heads": int,
    "layers": int,
    "block_size": int,
    "activation": str,
    "batch": int,
    "steps": int,
    "lr": float,
    "schedule": str,
    "seed": int,
    "data": str,
    "temperature": float,
    "prefix": str,
    "theme": str,
}
"""What the configuration file may set at its top level, and of which type."""

_TYPE_NAMES = {str: "a text in quotes", int: "a whole number", float: "a number"}


def config_path() -> Path:
    """The configuration file: the one EETUI_CONFIG names, else config.toml where it belongs."""
    named = os.environ.get(CONFIG_VARIABLE)
    return Path(named) if named else _DIRS.user_config_path / "config.toml"


def state_path() -> Path:
    """What the screen remembers from one start to the next."""
    return _DIRS.user_state_path / "state.json"


def cache_path() -> Path:
    """The folder for what can be fetched or computed again."""
    return _DIRS.user_cache_path


def load_config() -> dict[str, Any]:
    """The configuration file's settings by name (see KEYS); empty if there is no such file.

    Its table [optimizations] comes back as 'assignments', texts such as 'padding_skip=off'.
    Raises `UsageError` if EETUI_CONFIG names no file, or for a file that is not what it should be.
    """
    path = config_path()
    try:
        text = path.read_bytes().decode("utf-8")
    except FileNotFoundError:
        if CONFIG_VARIABLE in os.environ:
            raise UsageError(
                f"{CONFIG_VARIABLE} names {path}, but there is no such file."
            ) from None
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"The configuration file {path} cannot be read: {error}.") from error
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"The configuration file {path} is not valid TOML: {error}.") from error
    try:
        return _checked(raw)
    except UsageError as error:
        raise UsageError(f"In the configuration file {path}: {error}") from error


def _checked(raw: Mapping[str, Any]) -> dict[str, Any]:
    settings: dict[str, Any] = {}
    for written, value in raw.items():
        key = written.replace("-", "_")
        if key == "optimizations":
            settings["assignments"] = _assignments(value)
            continue
        if key not in KEYS:
            known = ", ".join([*KEYS, "optimizations"])
            raise UsageError(f"there is no setting {written!r}; there are {known}.")
        kind = KEYS[key]
        number = kind is float and isinstance(value, int)
        if isinstance(value, bool) or not (isinstance(value, kind) or number):
            raise UsageError(f"{written} must be {_TYPE_NAMES[kind]}, not {value!r}.")
        settings[key] = kind(value)
    return settings


def _assignments(table: object) -> list[str]:
    if not isinstance(table, dict):
        raise UsageError(
            "[optimizations] must be a table, with lines such as padding_skip = false."
        )
    texts = []
    for key, value in table.items():
        entry = find_optimization(key)
        text = entry.label(value) if isinstance(value, bool) else str(value)
        texts.append(f"{key}={entry.label(entry.parse(text))}")
    return texts


def theme() -> str | None:
    """The colours asked for by EETUI_THEME or else by the configuration file, or None."""
    named = os.environ.get("EETUI_THEME") or load_config().get("theme")
    return named if isinstance(named, str) else None


def load_state() -> dict[str, Any]:
    """What the screen saved; empty if there is nothing, or nothing that can be read.

    A saved state holds only conveniences, so a damaged one is no reason not to start.
    """
    try:
        state = json.loads(state_path().read_bytes())
    except (OSError, ValueError):
        return {}
    return state if isinstance(state, dict) else {}


def save_state(state: Mapping[str, Any]) -> None:
    """Remember JSON-like values for the next start; raises `EetuiError` if that fails."""
    path = state_path()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise EetuiError(f"The folder {path.parent} cannot be made: {error.strerror}.") from error
    write_atomically(path, json.dumps(state, indent=1).encode())


def require_writable(path: Path) -> None:
    """Raise `UsageError` if a file at `path` could not be written."""
    path = Path(os.path.realpath(path))
    if path.is_dir():
        raise UsageError(f"{path} is a folder: name a file.")
    if path.exists() and not path.is_file():  # a device would be replaced, not written to
        raise UsageError(f"{path} is not a file that can be replaced: name another one.")
    if not path.parent.is_dir():
        raise UsageError(f"There is no folder {path.parent}: make it first or name another place.")
    if not os.access(path.parent, os.W_OK | os.X_OK):
        raise UsageError(f"The folder {path.parent} may not be written to: name another place.")


def write_atomically(path: Path, content: bytes) -> None:
    """Put `content` at `path` whole or not at all, also if the machine stops in between.

    Raises `UsageError` if the place is wrong and `EetuiError` if the write fails.
    """
    require_writable(path)
    path = Path(os.path.realpath(path))
    try:
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    except OSError as error:
        raise UsageError(f"Nothing can be written to {path.parent}: {error.strerror}.") from error
    try:
        with os.fdopen(handle, "wb") as file:
            os.chmod(temporary, _mode(path))
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError as error:
        Path(temporary).unlink(missing_ok=True)
        raise EetuiError(f"{path} cannot be written: {error.strerror}.") from error
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def _mode(path: Path) -> int:
    """The permissions that `path` has or that a new file would get (mkstemp's are private)."""
    try:
        return path.stat().st_mode & 0o777
    except FileNotFoundError:
        umask = os.umask(0)
        os.umask(umask)
        return 0o666 & ~umask
