"""Joules where the operating system counts them: RAPL on Linux. Elsewhere nothing, not a guess."""

from __future__ import annotations

from typing import Protocol


class Meter(Protocol):
    """Something that counts energy."""

    source: str

    def joules(self) -> float:
        """Joules used since any moment, never running backwards."""
        ...
