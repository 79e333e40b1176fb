"""A look at an earlier step of a run: its weights again, and what they make."""

from __future__ import annotations

import numpy as np

from eetui.core.data.batches import learning_rates
from eetui.core.errors import UsageError
from eetui.core.run.snapshot import Visit
from eetui.core.run.toggles import toggle_views
from eetui.core.run.trainer import Trainer


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
    return Visit(
        entries=entries,
        step=step,
        loss=float(curve.loss[bucket]) if known else None,
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
        names=trainer.names.made_by(
            engine, state, trainer.model, trainer.dataset, setup.train.seed
        ),
    )
