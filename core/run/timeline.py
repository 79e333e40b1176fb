"""Keyframes of a run's state, from which any of its steps is reached by replaying what follows."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf, log1p

from eetui.core.model.state import TrainState
from eetui.core.run.replay import Way

BUDGET = 16 * 2**20
"""Bytes of memory for the keyframes of a run, and of all that it was before."""
APART = 1 / 40
"""From one keyframe to the next, as a share of the steps done, until the memory runs out. At
d_model 32, 16 MiB hold 96 of them: at step 100,000 the last two are about 4,500 steps apart."""


@dataclass(frozen=True, slots=True)
class Keyframe:
    """A copy of the state when the log had so many entries.

    line: counts the times that the run went elsewhere. is_origin: it cannot be trained again from
    fresh weights.
    """

    entries: int
    state: TrainState
    line: int
    is_origin: bool

    @property
    def n_bytes(self) -> int:
        """What it takes of the budget."""
        state = self.state
        return state.params.nbytes + state.m.nbytes + state.v.nbytes


class Timeline:
    """Keyframes at even distances of the logarithm of the step, and at every change.

    Where the memory runs out, the one goes that leaves the smallest gap. The newest stays, so the
    keyframes take at most `budget` bytes or one state.
    """

    def __init__(self, budget: int = BUDGET) -> None:
        self._budget = budget
        self._keyframes: list[Keyframe] = []
        self._line = 0
        self._due = 0

    @property
    def n_bytes(self) -> int:
        """The memory that is taken."""
        return sum(each.n_bytes for each in self._keyframes)

    def trained(self, entries: int, state: TrainState) -> None:
        """Keep the state if a keyframe is due."""
        if state.step >= self._due:
            self.keep(entries, state)

    def keep(self, entries: int, state: TrainState, *, is_origin: bool = False) -> None:
        """Keep the state in any case."""
        self._due = state.step + max(int(state.step * APART), 1)
        if self._keyframes:
            newest = self._keyframes[-1]
            if (newest.entries, newest.state.step) == (entries, state.step):
                return
        self._keyframes.append(Keyframe(entries, state.clone(), self._line, is_origin))
        while len(self._keyframes) > 1 and self.n_bytes > self._budget:
            del self._keyframes[self._least()]

    def left(self, step: int) -> None:
        """The run goes on elsewhere, from `step`."""
        self._line += 1
        self._due = step + max(int(step * APART), 1)

    def on(self, way: Way) -> list[Keyframe]:
        """The keyframes through which `way` came, by their steps."""
        spans = {each.entries: (each.first, each.last) for each in way.stretches}
        begun = way.entries, way.begun
        found = []
        for each in self._keyframes:
            first, last = spans.get(each.entries, (1, 0))
            if first <= each.state.step <= last or (each.entries, each.state.step) == begun:
                found.append(each)
        return sorted(found, key=lambda each: each.state.step)

    def nearest(self, way: Way) -> Keyframe | None:
        """The last keyframe through which `way` came."""
        found = self.on(way)
        return found[-1] if found else None

    def _least(self) -> int:
        """The keyframe that is missed least: the oldest if all are missed alike."""
        others = range(len(self._keyframes) - 1)
        return min(others, key=lambda i: (self._keyframes[i].is_origin, self._gap(i)))

    def _gap(self, i: int) -> float:
        """How far the neighbours on its line are apart without it, as a logarithm."""
        this, later = self._keyframes[i], self._keyframes[i + 1]
        if later.line != this.line:
            return inf
        before = self._keyframes[i - 1] if i else None
        start = before.state.step if before and before.line == this.line else 0
        return log1p(later.state.step) - log1p(start)
