"""A look at an earlier step of a run: its weights again, and what they make.

Nothing of the run changes by it.
"""

from __future__ import annotations

import numpy as np

from eetui.core.data.batches import learning_rates
from eetui.core.errors import UsageError
from eetui.core.model.statistics import statistics
from eetui.core.run.lifecycle import Lifecycle
from eetui.core.run.namestream import names_of
from eetui.core.run.snapshot import Status, Visit
from eetui.core.run.toggles import toggle_views
from eetui.core.run.trainer import Trainer


class TimeTravel:
    """The moment that is looked at, `visit`, or None for now; the training pauses meanwhile."""

    def __init__(self, trainer: Trainer, lifecycle: Lifecycle) -> None:
        self.visit: Visit | None = None
        self._trainer, self._lifecycle = trainer, lifecycle
        self._goes_on = False

    def to(self, step: int) -> None:
        """Look at the run as it was at `step`; raises `UsageError` as `visited` does."""
        self.visit = visited(self._trainer, step)
        if self._lifecycle.status is Status.RUNNING:
            self._lifecycle.pause()
            self._goes_on = True

    def on(self, *, back: bool) -> None:
        """Look at the keyframe before or after; now is the last of them."""
        now = self._trainer.state.step
        here = self.visit.step if self.visit is not None else now
        steps = (*self._trainer.logbook.keyframes(now), now)
        if back:
            self.to(max((step for step in steps if step < here), default=here))
        else:
            self.to(min((step for step in steps if step > here), default=here))

    def by(self, steps: int) -> None:
        """Look at so many steps later, or earlier; the run's ends are the last ones."""
        now = self._trainer.state.step
        here = self.visit.step if self.visit is not None else now
        begun = self._trainer.logbook.way(now).begun
        self.to(min(max(here + steps, begun), now))

    def end(self, *, resume: bool) -> None:
        """Look at the present again; resume: train on, if the run did before."""
        if self._goes_on and resume:
            self._lifecycle.status = Status.RUNNING
        self.visit, self._goes_on = None, False


def visited(trainer: Trainer, step: int) -> Visit:
    """The run at `step`, on the way to where it is: exactly as it was, from the nearest keyframe.

    Raises `UsageError` for a step that is not on that way, and until there is an engine.
    """
    now, engine = trainer.state.step, trainer.engine
    way = trainer.logbook.way(now)
    if not way.begun <= step <= now:
        raise UsageError(f"The run was never at step {step:,}: go to {way.begun:,} to {now:,}.")
    if engine is None:
        raise UsageError("The engine is not ready yet: wait a moment.")
    setup, entries = way.setup_at(step)
    state = trainer.logbook.state(way.back_at(step), trainer.dataset, engine)
    curve = trainer.history.curve()
    bucket = int(np.searchsorted(curve.steps, step))
    known = bucket < len(curve.steps) and step > way.begun
    names = names_of(engine, state, setup, trainer.dataset)
    return Visit(
        entries=entries,
        step=step,
        loss=float(curve.loss[bucket]) if known else None,
        us_per_step=float(curve.us[bucket]) if known else None,
        seconds=float(curve.seconds[bucket]) if known else 0.0,
        learning_rate=float(learning_rates(setup.train, step, 1)[0]),
        train=setup.train,
        optimizations=setup.optimizations,
        toggles=toggle_views(
            engine,
            setup.optimizations,
            setup.optimizations,
            setup.train.batch,
            setup.model,
            trainer.effects,
            "",
        ),
        names=names,
        statistics=statistics([name.text for name in names], trainer.dataset),
        temperature=setup.temperature,
        prefix=setup.prefix,
    )
