"""How long runs are kept."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Retention:
    """What pruning keeps: the newest runs, those that are not old, and always the pinned ones."""

    newest: int = 200
    days: float = 90.0
