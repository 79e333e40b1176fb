"""The toggles that were measured to be the fastest on this CPU, kept from one start to the next."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from eetui.core import cpu, settings
from eetui.core.errors import EetuiError, UsageError
from eetui.core.files import read_regular, reason, write_atomically
from eetui.core.optimizations import Value, find_optimization
from eetui.core.text import visible
from eetui.core.version import version

MOST_BYTES = 1 << 20
PLACES = ("cpu", "version", "engine", "d_model")
"""What an entry is for: it holds for nothing else."""


@dataclass(frozen=True, slots=True)
class TunedToggles:
    """What a tuning found for a width of the model.

    toggles: by their keys, only those that are better than the engine's own choice. change_percent,
    low, high: what they change of the time of a sample, all together, with a 95 % interval; zeros
    if there are none. day: when, as YYYY-MM-DD.
    """

    engine: str
    d_model: int
    day: str
    toggles: Mapping[str, Value] = field(default_factory=dict)
    change_percent: float = 0.0
    low: float = 0.0
    high: float = 0.0


def tuned_path() -> Path:
    """The file with all entries."""
    return settings.cache_path() / "tuned.json"


def find(engine: str, d_model: int) -> TunedToggles | None:
    """What was found on this CPU, by this version of the program; None if nothing was."""
    return next((t for t in everything() if (t.engine, t.d_model) == (engine, d_model)), None)


def everything() -> tuple[TunedToggles, ...]:
    """All that was found on this CPU, by this version of the program.

    What cannot be read counts as never measured: a tuning takes three seconds.
    """
    return _read(tuned_path())


@cache
def _read(path: Path) -> tuple[TunedToggles, ...]:
    found = []
    for entry in _entries(path):
        with suppress(KeyError, TypeError, ValueError, AttributeError, UsageError):
            if (entry["cpu"], entry["version"]) == _here():
                found.append(_from_json(entry))
    return tuple(found)


def written(found: TunedToggles) -> str:
    """Its toggles as the screen writes them: 'vector width 8, products bf16'."""
    entries = [(find_optimization(key), value) for key, value in found.toggles.items()]
    return ", ".join(f"{e.name} {e.label(v)}" for e, v in entries) or "the engine's own choice"


def keep(found: TunedToggles) -> None:
    """Write down what was found, in place of what was known for the same."""
    toggles = {key: find_optimization(key).label(v) for key, v in found.toggles.items()}
    entry = {**dict(zip(PLACES, _here(), strict=False)), **asdict(found), "toggles": toggles}
    others = [e for e in _entries(tuned_path()) if _place(e) != _place(entry)]
    _write([*others, entry])


def forget() -> None:
    """Go back to the engines' own choice, for every engine and width."""
    _write([])


def forget_read() -> None:
    """Read the file again when somebody asks: it is read once."""
    _read.cache_clear()


def _write(entries: list[Any]) -> None:
    path = tuned_path()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        shown = visible(str(path.parent))
        raise EetuiError(f"The folder {shown} cannot be made: {reason(error)}.") from error
    write_atomically(path, json.dumps({"tuned": entries}, indent=1).encode())
    forget_read()


def _entries(path: Path) -> list[Any]:
    with suppress(OSError, UsageError, ValueError, RecursionError):
        content = json.loads(read_regular(path, MOST_BYTES))
        if isinstance(content, dict) and isinstance(content.get("tuned"), list):
            return [entry for entry in content["tuned"] if isinstance(entry, dict)]
    return []


def _place(entry: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple(entry.get(name) for name in PLACES)


def _here() -> tuple[str, str]:
    return cpu.detect().name, version()


def _from_json(entry: Mapping[str, Any]) -> TunedToggles:
    toggles = {str(k): find_optimization(k).parse(v) for k, v in entry["toggles"].items()}
    change, low, high = (float(entry[name]) for name in ("change_percent", "low", "high"))
    d_model, day = int(entry["d_model"]), str(entry["day"])
    return TunedToggles(str(entry["engine"]), d_model, day, toggles, change, low, high)
