"""A sweep that shows what a test says, in place of one that trains."""

from __future__ import annotations

import queue
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from eetui.core.sweep.aim import Aim
from eetui.core.sweep.point import SeedResult, SweepPoint
from eetui.core.sweep.progress import SweepProgress
from eetui.core.sweep.request import SweepRequest
from eetui.core.sweep.space import make_space
from eetui.core.sweep.sweep_plan import make_plan

SPACE = make_space({"d_model": "16,32,64", "lr": "0.001..0.03", "engine": "native"})
RATES = (0.0012, 0.0031, 0.0074, 0.0118, 0.0252)


def swept(n: int = 12, doing: str = "training") -> SweepProgress:
    """A sweep after n of its 40 points, with two at work and one given up."""
    points = [_point(i) for i in range(n)]
    points += [
        SweepPoint(n, {"d_model": 64, "learning_rate": 0.002}, "running"),
        SweepPoint(n + 1, {"d_model": 16, "learning_rate": 0.02}, "running"),
        SweepPoint(n + 2, {"d_model": 64, "learning_rate": 0.029}, "pruned"),
    ]
    plan = make_plan(SPACE, Aim("loss", seconds=1.0), runs=40, seeds=2)
    return SweepProgress(
        study="amber heron", place="sweeps.sqlite", reference='"amber heron"', plan=plan,
        points=tuple(points), doing=doing, workers=2, trained=2 * n, seconds=30.0,
        training_share=0.9, left=64.0 if doing else None,
        importances={"learning_rate": 0.82, "d_model": 0.18},
    )  # fmt: skip


def _point(i: int) -> SweepPoint:
    d_model, rate = (16, 32, 64)[i % 3], RATES[i % 5]
    loss = 2.0 + abs(rate - 0.008) * 8 + (0.05 if d_model == 16 else 0.0)
    results = tuple(
        SeedResult(
            seed, "done", loss + spread, loss + spread, loss + 0.01, 16_000 // d_model, 1.0,
            ((0.25, loss + 0.2), (1.0, loss + spread)), f"{i:02x}{seed}",
        )
        for seed, spread in ((42, -0.002), (43, 0.002))
    )  # fmt: skip
    return SweepPoint(i, {"d_model": d_model, "learning_rate": rate}, "done", results)


class ScriptedSweep:
    """Yields what a test puts into `shown`; None ends it."""

    def __init__(self, request: SweepRequest) -> None:
        self.request = request
        self.shown: queue.SimpleQueue[SweepProgress | Exception | None] = queue.SimpleQueue()
        self.is_paused = False
        self.stopped = False

    def __iter__(self) -> Iterator[SweepProgress]:
        while (item := self.shown.get()) is not None:
            if isinstance(item, Exception):
                raise item
            yield item

    def pause(self) -> None:
        self.is_paused = True

    def resume(self) -> None:
        self.is_paused = False

    def stop(self) -> None:
        self.stopped = True
        self.shown.put(replace(swept(), doing=""))
        self.shown.put(None)


class Sweeping:
    """Stands in for `start_sweep`, and keeps the sweeps that it began."""

    def __init__(self) -> None:
        self.sweeps: list[ScriptedSweep] = []

    def start(
        self, request: SweepRequest, store: Path | None, *, data: str | None = None
    ) -> ScriptedSweep:
        self.sweeps.append(ScriptedSweep(request))
        return self.sweeps[-1]

    def end(self) -> None:
        for sweep in self.sweeps:
            sweep.shown.put(None)
