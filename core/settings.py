"""Where eetui keeps its files, and the settings that outlive a run: a TOML file and a saved state.

A setting is looked for in this order: flag, environment variable (EETUI_...), configuration file,
saved state of the screen, default.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from platformdirs import PlatformDirs

from eetui.core.config import KIND_NAMES
from eetui.core.errors import EetuiError, UsageError
from eetui.core.files import named, read_regular, reason, write_atomically
from eetui.core.optimizations import find_optimization
from eetui.core.text import told, visible

_DIRS = PlatformDirs("eetui", appauthor=False)

CONFIG_VARIABLE = "EETUI_CONFIG"

KEYS: dict[str, type] = {
    "engine": str,
    "matrix": str,
    "optimizer": str,
    "d_model": int,
    "heads": int,
    "layers": int,
    "block_size": int,
    "activation": str,
    "batch": int,
    "steps": int,
    "lr": float,
    "schedule": str,
    "order": str,
    "held_out": float,
    "seed": int,
    "data": str,
    "temperature": float,
    "prefix": str,
    "store": str,
    "theme": str,
    "verdicts": bool,
    "tune": bool,
}
"""What the configuration file may set at its top level, and of which type."""

MOST_BYTES = 1 << 20
"""No configuration and no state is larger."""


def config_path() -> Path:
    """The configuration file: the one EETUI_CONFIG names, else config.toml where it belongs."""
    chosen = os.environ.get(CONFIG_VARIABLE)
    return named(chosen) if chosen else _DIRS.user_config_path / "config.toml"


def state_path() -> Path:
    """What the screen remembers from one start to the next."""
    return _DIRS.user_state_path / "state.json"


def cache_path() -> Path:
    """The folder for what can be fetched or computed again."""
    return _DIRS.user_cache_path


def data_path() -> Path:
    """The folder for what a person would miss."""
    return _DIRS.user_data_path


def load_config() -> dict[str, Any]:
    """The configuration file's settings by name (see KEYS); empty if there is no such file.

    Its table [optimizations] comes back as 'assignments', texts such as 'padding_skip=off'.
    Raises `UsageError` if EETUI_CONFIG names no file, or for a file that is not what it should be.
    """
    path = config_path()
    shown = visible(str(path))
    try:
        text = read_regular(path, MOST_BYTES).decode("utf-8")
    except FileNotFoundError:
        if CONFIG_VARIABLE in os.environ:
            raise UsageError(
                f"{CONFIG_VARIABLE} names {shown}, but there is no such file."
            ) from None
        return {}
    except (UsageError, UnicodeDecodeError) as error:
        raise UsageError(f"The configuration file {shown} cannot be used: {error}") from error
    import tomllib  # which most starts do without

    try:
        raw = tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # numbers and nesting without end among them
        wrong = visible(str(error))
        raise UsageError(f"The configuration file {shown} is not valid TOML: {wrong}.") from error
    try:
        return _checked(raw)
    except UsageError as error:
        raise UsageError(f"In the configuration file {shown}: {error}") from error


def _checked(raw: Mapping[str, Any]) -> dict[str, Any]:
    settings: dict[str, Any] = {}
    for written, value in raw.items():
        key = written.replace("-", "_")
        if key == "optimizations":
            settings["assignments"] = _assignments(value)
            continue
        if key not in KEYS:
            known = ", ".join([*KEYS, "optimizations"])
            raise UsageError(f"there is no setting {told(written)}; there are {known}.")
        kind = KEYS[key]
        number = kind is float and isinstance(value, int)
        if (isinstance(value, bool) and kind is not bool) or not (
            isinstance(value, kind) or number
        ):
            raise UsageError(f"{key} must be {KIND_NAMES[kind]}, not {told(value)}.")
        try:
            settings[key] = kind(value)
        except OverflowError:
            raise UsageError(f"{key} is {told(value)}, which is too large.") from None
    return settings


def _assignments(table: object) -> list[str]:
    if not isinstance(table, dict):
        raise UsageError(
            "[optimizations] must be a table, with lines such as padding_skip = false."
        )
    texts = []
    for key, value in table.items():
        entry = find_optimization(key)
        text = value if isinstance(value, str) else told(value)
        text = entry.label(value) if isinstance(value, bool) else text
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
        state = json.loads(read_regular(state_path(), MOST_BYTES))
    except (FileNotFoundError, UsageError, ValueError, RecursionError):
        return {}
    return state if isinstance(state, dict) else {}


def save_state(state: Mapping[str, Any]) -> None:
    """Remember JSON-like values for the next start; raises `EetuiError` if that fails."""
    path = state_path()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        folder = visible(str(path.parent))
        raise EetuiError(f"The folder {folder} cannot be made: {reason(error)}.") from error
    write_atomically(path, json.dumps(state, indent=1).encode())
