"""Ghosts: a run as it would have gone without a change, trained beside it and in turns with it.

A ghost begins with the very state that the change met and trains on the same documents with the
settings of before. It has as much of the processor's time as the run, and never goes ahead of it.
"""

from __future__ import annotations

from collections import deque
from copy import deepcopy
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from eetui.core import clocks
from eetui.core.curves.distance import BlockSums, distance
from eetui.core.curves.history import History
from eetui.core.data.dataset import Dataset
from eetui.core.engines.base import Engine
from eetui.core.errors import UsageError
from eetui.core.model.state import TrainState
from eetui.core.run.setup import Setup
from eetui.core.run.snapshot import GhostView

MOST = 4
TURN_NS = 2_500_000
"""About what a turn takes, as long as a chunk of the run is with others beside it."""
MOST_CREDIT_NS = 4 * TURN_NS
"""What a ghost that waited for the run can save up."""
GROWTH = 2
REMEMBERED = 400
"""Turns, of the run and its ghosts, over which their share of the time is told."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a setting was changed: the moment in the log, and what would have trained on.

    label: the changed setting as it was before. seconds: the training time until then.
    """

    label: str
    entries: int
    step: int
    seconds: float
    setup: Setup


class Ghost:
    """One run without a change; `live` has the losses of the run with it, from the same step on."""

    def __init__(
        self, number: int, origin: Origin, state: TrainState, engine: Engine, live: BlockSums
    ) -> None:
        self.number = number
        self.origin = origin
        self.state = state
        self.live = live
        self.credit_ns = 0
        self.ended = ""
        self._engine = engine
        self._history = History()
        self._own = BlockSums(origin.step)
        self._turn_steps = 1

    def is_behind(self, step: int) -> bool:
        """Whether it has steps to take until it has come to the run."""
        return not self.ended and self.state.step < step

    def take_turn(self, step: int, dataset: Dataset) -> int:
        """Train for a moment, at most up to `step`; gives the nanoseconds that it cost."""
        setup, first = self.origin.setup, self.state.step
        n = min(self._turn_steps, min(step, setup.train.steps) - first)
        if n <= 0:
            self.ended = f"its plan of {setup.train.steps:,} steps is done"
            return 0
        start = clocks.now()
        report = setup.advance(self._engine, self.state, dataset, n)
        spent = clocks.since(start, alone=report.clock == "cpu")
        losses, finite = report.losses, np.isfinite(report.losses)
        if not finite.all() or not self.state.is_finite:
            losses = losses[: int(np.argmin(finite))] if not finite.all() else losses
            self.ended = f"it diverged at step {first + len(losses):,}"
        self._history.add(first + len(losses), losses, spent.wall_ns, spent.cost_ns)
        self._own.add(first, losses)
        fitting = int(TURN_NS * n / max(spent.cost_ns, 1))
        self._turn_steps = max(1, min(fitting, GROWTH * n))
        self.credit_ns -= spent.cost_ns
        return spent.cost_ns

    @property
    def view(self) -> GhostView:
        """What the outside sees of it."""
        curve = self._history.curve()
        return GhostView(
            number=self.number,
            label=self.origin.label,
            begun=self.origin.step,
            step=self.state.step,
            loss=self._history.loss,
            curve=replace(curve, seconds=curve.seconds + self.origin.seconds),
            distance=distance(self.live, self._own),
            ended=self.ended,
        )


class Ghosts:
    """The ghosts of one run, at most four, and the last change, which the next one is of."""

    def __init__(self) -> None:
        self._ghosts: list[Ghost] = []  # the oldest first
        self._last: Origin | None = None
        self._had_one = False
        self._live = BlockSums(0)
        self._costs: deque[tuple[int, bool]] = deque(maxlen=REMEMBERED)
        self._parting = ""

    def __len__(self) -> int:
        return len(self._ghosts)

    @property
    def views(self) -> tuple[GhostView, ...]:
        """The ghosts as they are, by their numbers."""
        return tuple(sorted((ghost.view for ghost in self._ghosts), key=lambda g: g.number))

    @property
    def share(self) -> float:
        """What the ghosts take of the time in which they and the run train, from 0 to 1."""
        theirs = sum(cost for cost, is_ghost in self._costs if is_ghost)
        return theirs / max(sum(cost for cost, _ in self._costs), 1)

    # -- the run -----------------------------------------------------------------------------

    def changed(self, origin: Origin) -> None:
        """A setting of the run was changed."""
        self._last, self._had_one = origin, False
        self._live = BlockSums(origin.step)

    def trained(self, first_step: int, losses: NDArray[np.float32], cost_ns: int) -> None:
        """The run took steps: the ghosts have earned a turn."""
        self._live.add(first_step, losses)
        for ghost in self._ghosts:
            ghost.live.add(first_step, losses)
            ghost.credit_ns = min(ghost.credit_ns + cost_ns, MOST_CREDIT_NS)
        self._costs.append((cost_ns, False))

    def went_back(self, step: int) -> None:
        """The run returns to an earlier step of its own, which ends ghosts of later changes."""
        if self._last is not None and self._last.step > step:
            self._last = None
            self._live = BlockSums(step)
        self._live.forget_after(step)
        self._part([ghost for ghost in self._ghosts if ghost.origin.step > step])
        for ghost in self._ghosts:
            ghost.live.forget_after(step)

    def leave(self, step: int) -> None:
        """The run goes on elsewhere, from `step`, where no ghost can follow it."""
        self._part([*self._ghosts])
        self._last, self._live = None, BlockSums(step)

    def _part(self, gone: list[Ghost]) -> None:
        self._ghosts = [ghost for ghost in self._ghosts if ghost not in gone]
        if gone:
            who = "The ghost ended" if len(gone) == 1 else f"{len(gone)} ghosts ended"
            self._parting = f"{who}: the run went on from elsewhere."

    def take_parting(self) -> str:
        """A sentence on ghosts that ended because the run went elsewhere, told once, or ''."""
        told, self._parting = self._parting, ""
        return told

    # -- the ghosts --------------------------------------------------------------------------

    def to_begin(self) -> Origin | None:
        """The change whose ghost is to begin next; None if the newest ghost is to end.

        Raises `UsageError` where there is nothing to begin or to end.
        """
        if self._ghosts and (self._had_one or self._last is None):
            return None
        if self._last is None:
            raise UsageError(
                "A ghost is the run without its last change: change a setting first, such as the "
                "learning rate."
            )
        return self._last

    def begin(self, origin: Origin, state: TrainState, engine: Engine) -> Ghost:
        """Let the run without that change, from `state`, go on beside it.

        Where there are as many as there can be, it takes the place of the oldest.
        """
        del self._ghosts[: max(len(self._ghosts) - MOST + 1, 0)]
        taken = {ghost.number for ghost in self._ghosts}
        number = next(i for i in range(1, MOST + 1) if i not in taken)
        ghost = Ghost(number, origin, state, engine, deepcopy(self._live))
        self._ghosts.append(ghost)
        self._had_one = True
        self._costs.clear()
        return ghost

    def end(self, number: int | None = None) -> None:
        """End a ghost, the newest if no number is given; raises `UsageError` for one unknown."""
        found = [ghost for ghost in self._ghosts if number in (None, ghost.number)]
        if not found:
            raise UsageError(f"There is no ghost {number}.")
        self._ghosts.remove(found[-1])

    def next(self, step: int, *, owed: bool = True) -> Ghost | None:
        """The ghost whose turn it is, with the run at `step`: one that has earned it.

        owed: False for a run that has ended, whose ghosts come after it as fast as they can.
        """
        behind = [ghost for ghost in self._ghosts if ghost.is_behind(step)]
        if owed:
            behind = [ghost for ghost in behind if ghost.credit_ns > 0]
            return max(behind, key=lambda ghost: ghost.credit_ns, default=None)
        return min(behind, key=lambda ghost: ghost.state.step, default=None)

    def take_turn(self, ghost: Ghost, step: int, dataset: Dataset) -> None:
        """Let a ghost train for a moment, never ahead of `step`."""
        self._costs.append((ghost.take_turn(step, dataset), True))
