"""A snapshot of a run, from its trainer and from whoever drives that."""

from __future__ import annotations

import math
from dataclasses import dataclass

from eetui.core.data.batches import learning_rates
from eetui.core.engines.base import Engine
from eetui.core.optimizations import Optimizations
from eetui.core.run.snapshot import Notice, Snapshot, Status, Visit
from eetui.core.run.toggles import toggle_views
from eetui.core.run.trainer import Trainer

MOST_BESIDE = 0.9
"""Share of the time that ghosts take at the most while the run trains."""


@dataclass(frozen=True, slots=True)
class Situation:
    """What whoever drives a trainer knows and it does not. Some fields are a snapshot's.

    engine: the one that was asked for, once it is ready. wanted: the toggles that are asked for.
    """

    status: Status
    message: str
    error: str
    engine_name: str
    engine: Engine | None
    wanted: Optimizations
    notice: Notice | None
    peak_gflops: float | None = None
    undo: str = ""
    redo: str = ""
    visit: Visit | None = None
    auto_threads: str = ""


def snapshot_of(trainer: Trainer, situation: Situation) -> Snapshot:
    """One consistent picture; to be taken by the thread that trains."""
    engine, history, train, step = (
        trainer.engine,
        trainer.history,
        trainer.train,
        trainer.state.step,
    )
    us, wall_us = history.us_per_step, history.wall_us_per_step
    is_alone = trainer.clock == "cpu"
    left = max(train.steps - step, 0)
    gflops = trainer.nominal_flops / us / 1e3 if us else None
    peak = situation.peak_gflops
    waiting = f"The {situation.engine_name} engine is not ready yet."
    return Snapshot(
        status=situation.status,
        message=situation.message,
        error=situation.error,
        engine=engine.name if engine else situation.engine_name,
        instruction_set=engine.instruction_set(trainer.optimizations) if engine else "",
        model=trainer.model,
        train=train,
        optimizations=trainer.optimizations,
        data_name=trainer.dataset.name,
        n_params=trainer.model.n_params,
        chance_loss=math.log(trainer.model.vocab_size),
        step=step,
        loss=history.loss,
        learning_rate=float(learning_rates(train, step, 1)[0]),
        seconds=history.seconds,
        cpu_seconds=history.cost_seconds if is_alone else None,
        seconds_left=left * wall_us / 1e6 / (1 - min(trainer.ghosts.share, MOST_BESIDE))
        if wall_us
        else None,
        us_per_step=us,
        clock=trainer.clock,
        core_share=history.core_share if is_alone else None,
        samples_per_second=train.batch * 1e6 / wall_us if wall_us else None,
        gflops=gflops,
        percent_of_peak=100 * gflops / peak if gflops and peak else None,
        peak_gflops=peak,
        toggles=toggle_views(
            situation.engine,
            trainer.optimizations,
            situation.wanted,
            train.batch,
            trainer.model,
            trainer.effects,
            waiting,
            situation.auto_threads,
        ),
        curve=history.curve(),
        events=tuple(trainer.events),
        names=trainer.names.latest,
        milestones=trainer.names.milestones,
        statistics=trainer.names.statistics,
        temperature=trainer.names.temperature,
        prefix=trainer.names.prefix,
        can_rewind=trainer.good.step < step,
        is_ready=situation.engine is not None,
        notice=situation.notice,
        held_out=trainer.held_out.track.curve(),
        why_none_held_out=trainer.dataset.why_none_held_out,
        undo=situation.undo,
        redo=situation.redo,
        keyframes=trainer.logbook.keyframes(step),
        visit=situation.visit,
        ghosts=trainer.ghosts.views,
        ghost_share=trainer.ghosts.share,
        auto_threads=situation.auto_threads,
    )
