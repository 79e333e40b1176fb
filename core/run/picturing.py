"""A snapshot of a run from its trainer and from whoever drives it."""

from __future__ import annotations

import math
from typing import Protocol

from eetui.core.data.batches import learning_rates
from eetui.core.engines.base import Engine
from eetui.core.optimizations import Optimizations
from eetui.core.run.snapshot import Notice, Snapshot, Status, Visit
from eetui.core.run.toggles import toggle_views
from eetui.core.run.trainer import Trainer
from eetui.core.run.undo import UndoStack


class Driver(Protocol):
    """What decides when a trainer trains, and how that stands.

    engine: the one that was asked for, once it is ready. wanted: the toggles that are asked for.
    """

    @property
    def trainer(self) -> Trainer: ...

    @property
    def status(self) -> Status: ...

    @property
    def message(self) -> str: ...

    @property
    def error(self) -> str: ...

    @property
    def engine_name(self) -> str: ...

    @property
    def engine(self) -> Engine | None: ...

    @property
    def wanted(self) -> Optimizations: ...

    @property
    def peak_gflops(self) -> float | None: ...

    @property
    def notice(self) -> Notice | None: ...

    @property
    def visit(self) -> Visit | None: ...

    @property
    def undo_stack(self) -> UndoStack: ...


def snapshot_of(driver: Driver) -> Snapshot:
    """One consistent picture; to be taken by the thread that trains."""
    trainer = driver.trainer
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
    peak = driver.peak_gflops
    waiting = f"The {driver.engine_name} engine is not ready yet."
    return Snapshot(
        status=driver.status,
        message=driver.message,
        error=driver.error,
        engine=engine.name if engine else driver.engine_name,
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
        seconds_left=left * wall_us / 1e6 if wall_us else None,
        us_per_step=us,
        clock=trainer.clock,
        core_share=history.core_share if is_alone else None,
        samples_per_second=train.batch * 1e6 / wall_us if wall_us else None,
        gflops=gflops,
        percent_of_peak=100 * gflops / peak if gflops and peak else None,
        peak_gflops=peak,
        toggles=toggle_views(
            driver.engine,
            trainer.optimizations,
            driver.wanted,
            train.batch,
            trainer.model,
            trainer.effects,
            waiting,
        ),
        curve=history.curve(),
        events=tuple(trainer.events),
        names=trainer.names.latest,
        milestones=trainer.names.milestones,
        statistics=trainer.names.statistics,
        temperature=trainer.names.temperature,
        prefix=trainer.names.prefix,
        can_rewind=trainer.good.step < step,
        is_ready=driver.engine is not None,
        notice=driver.notice,
        held_out=trainer.held_out.track.curve(),
        why_none_held_out=trainer.dataset.why_none_held_out,
        undo=driver.undo_stack.undo_label,
        redo=driver.undo_stack.redo_label,
        keyframes=trainer.logbook.keyframes(step),
        visit=driver.visit,
    )
