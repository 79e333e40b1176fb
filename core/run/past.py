"""A moment of a run to which it can go back, with all that was remembered then."""

from __future__ import annotations

from dataclasses import dataclass

from eetui.core.curves.history import Event, History
from eetui.core.curves.track import Track
from eetui.core.run.snapshot import NameSample


@dataclass(frozen=True, slots=True)
class Past:
    """What was remembered of a run when its log had so many entries and it was at `step`."""

    entries: int
    step: int
    history: History
    track: Track
    events: tuple[Event, ...]
    latest: tuple[NameSample, ...]
    milestones: tuple[NameSample, ...]
