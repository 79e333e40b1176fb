"""The screens of the program: one a file, each with its style sheet beside it.

What a key of the main screen opens is loaded when it is first opened: `screens.race.RaceScreen`.
"""

from __future__ import annotations

from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from eetui.tui.screens import (
        confirm,
        file_prompt,
        help,
        labs,
        ladder,
        prompt,
        race,
        run_form,
        runs,
        sweep,
    )

__all__ = [
    "confirm",
    "file_prompt",
    "help",
    "labs",
    "ladder",
    "prompt",
    "race",
    "run_form",
    "runs",
    "sweep",
]


def __getattr__(name: str) -> ModuleType:
    if name in __all__:
        return import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
