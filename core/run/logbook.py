"""What happened in a live run: its log as it grows, and the states to which it can go back."""

from __future__ import annotations

from dataclasses import replace

from eetui.core.data.dataset import Dataset
from eetui.core.engines.base import Engine
from eetui.core.errors import UsageError
from eetui.core.model.state import TrainState
from eetui.core.run.commands import Branch, Change, Restart, Rewind, UseState
from eetui.core.run.log import Entry, Log
from eetui.core.run.replay import Way, beginning, follow, surviving
from eetui.core.run.setup import Setup
from eetui.core.run.timeline import Timeline


class Logbook:
    """The log and the keyframes of one run; `state` is what it begins with, and `given` says
    whether that came from elsewhere, so that it is no more than a fingerprint in the log."""

    def __init__(self, dataset: Dataset, setup: Setup, state: TrainState, *, given: bool) -> None:
        self._begun = Log(
            data=dataset.fingerprint,
            data_name=dataset.name,
            setup=setup,
            state=state.fingerprint if given else "",
            first_step=state.step,
            entries=(),
            step=state.step,
        )
        self._entries: list[Entry] = []
        self._way: Way | None = None
        self.timeline = Timeline()
        if given:
            self.timeline.keep(0, state, is_origin=True)

    @property
    def n_entries(self) -> int:
        """How many changes there were."""
        return len(self._entries)

    def log(self, step: int) -> Log:
        """All that happened until the run came to `step`, where it is now."""
        return replace(self._begun, entries=tuple(self._entries), step=step)

    def add(self, change: Change, state: TrainState, *, keep: bool) -> None:
        """Log a change that takes effect on `state`; `keep` it for those who come back."""
        if keep:
            self.timeline.keep(self.n_entries, state)
        self._entries.append(Entry(state.step, change))
        self._way = None
        match change:
            case Restart():
                self.timeline.left(0)
            case Rewind(step) | UseState(step=step) | Branch(step=step) if step is not None:
                self.timeline.left(step)

    def trained(self, state: TrainState) -> None:
        """The run has come to `state`: keep it if that is due."""
        self.timeline.trained(self.n_entries, state)

    def way(self, step: int) -> Way:
        """What led to the present weights at `step`."""
        if self._way is None:
            self._way = surviving(self.log(self._since()))
        return self._way.trained(step, self.n_entries)

    def _since(self) -> int:
        """Where the last change left the run."""
        if not self._entries:
            return self._begun.first_step
        last = self._entries[-1]
        match last.change:
            case Restart():
                return 0
            case Rewind(step) | UseState(step=step) | Branch(step=step) if step is not None:
                return step
            case _:
                return last.step

    def keyframes(self, step: int) -> tuple[int, ...]:
        """The steps of the keyframes on the way to the present one, in order."""
        found = self.timeline.on(self.way(step))
        return tuple(sorted({each.state.step for each in found}))

    def way_then(self, entries: int, step: int, now: int) -> Way:
        """What led to the weights at `step` when there were so many entries.

        now: the step at which the run is. Raises `UsageError` where the run never was there.
        """
        last = self._entries[entries].step if entries < self.n_entries else now
        if entries > self.n_entries or step > last:
            raise UsageError(f"The run never was at step {step:,} after {entries} changes.")
        return surviving(self.log(now).until(entries, step))

    def state(self, way: Way, dataset: Dataset, engine: Engine | None) -> TrainState:
        """A copy of the state at the end of `way`: the nearest keyframe, trained on from there.

        It is the same to the bit as it was. engine: one that has compiled what it needs.
        """
        keyframe = self.timeline.nearest(way)
        state = keyframe.state.clone() if keyframe else beginning(way, self._begun, None)
        follow(way.stretches, dataset, state, ready=engine)
        return state
