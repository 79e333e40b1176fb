"""What is flipped: one toggle, or all of them together by a preset."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from eetui.core.config import ModelConfig
from eetui.core.engines.base import Engine
from eetui.core.engines.presets import PRESETS, preset
from eetui.core.optimizations import Optimization, Optimizations

ALL = "preset"
"""The key of all toggles together, no key of the catalogue."""
MIXED = "own"


@dataclass(frozen=True, slots=True)
class Switch:
    """Something that stands at a value. label: how that is written for these toggles."""

    key: str
    name: str
    label: Callable[[Optimizations], str]


def toggle_switch(entry: Optimization) -> Switch:
    """One toggle of the catalogue."""
    return Switch(entry.key, entry.name, lambda o: entry.label(getattr(o, entry.key)))


def preset_switch(engine: Engine, model: ModelConfig) -> Switch:
    """All toggles together, called by the preset that they are at."""
    known = {preset(name, engine, model): label for name, label in PRESETS.items()}
    return Switch(ALL, "all together", lambda o: known.get(o, MIXED))
